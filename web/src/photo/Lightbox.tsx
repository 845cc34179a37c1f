// One photo, large, over the gallery.

import Button from "@cloudscape-design/components/button";
import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";

import { answer, api, original, type PhotoDetails } from "../api/client";
import { useSpeech } from "../i18n";
import { usePhotoActions } from "../gallery/actions";
import { Details } from "./Details";
import { Zoomable } from "./Zoomable";

interface Place {
  id: string;
  at: number;
}

interface Props {
  id: string;
  hasPrevious: boolean;
  hasNext: boolean;
  neighbour(by: number): Promise<Place | null>;
  onShow(id: string, at: number): void;
  onClose(): void;
}

const DETAILS = "fototeca.details";
const WIDE = window.matchMedia("(min-width: 900px)");

export function Lightbox({ id, hasPrevious, hasNext, neighbour, onShow, onClose }: Props) {
  const { t } = useSpeech();
  const dialog = useRef<HTMLDialogElement>(null);
  const [details, setDetails] = useState(WIDE.matches && localStorage.getItem(DETAILS) !== "no");
  const actions = usePhotoActions();
  const photo = useQuery({
    queryKey: ["photos", "details", id],
    queryFn: () => answer(api.GET("/api/photos/{id}", { params: { path: { id } } })),
  });

  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    document.documentElement.classList.add("lightbox-open");
    return () => {
      element?.close();
      document.documentElement.classList.remove("lightbox-open");
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, []);

  async function step(by: number) {
    const place = await neighbour(by);
    if (place) onShow(place.id, place.at);
    return place;
  }
  async function remove(shown: PhotoDetails) {
    const next = (await neighbour(1)) ?? (await neighbour(-1));
    await (shown.trashed_at ? actions.restore([id]) : actions.trash([id]));
    // The next one moves up into this one's place.
    if (next) onShow(next.id, next.at > 0 ? next.at - 1 : 0);
    else onClose();
  }
  function onKeyDown(event: KeyboardEvent) {
    if (event.target instanceof HTMLInputElement) return;
    if (event.key === "ArrowLeft") void step(-1);
    else if (event.key === "ArrowRight") void step(1);
    else if (event.key === "Delete" && photo.data && !photo.data.trashed_at) void remove(photo.data);
    else if (event.key === "i") toggle();
    else return;
    event.preventDefault();
  }
  function toggle() {
    localStorage.setItem(DETAILS, details ? "no" : "yes");
    setDetails(!details);
  }

  const shown = photo.data;
  return (
    <dialog
      ref={dialog} className="lightbox" aria-label={shown?.name ?? t.photo} onKeyDown={onKeyDown}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div className="lightbox-stage awsui-dark-mode awsui-polaris-dark-mode">
        <div className="lightbox-bar">
          <Button variant="icon" iconName="close" ariaLabel={t.close} onClick={onClose} />
          <span className="lightbox-name">{shown?.name}</span>
          {shown && (
            <>
              <Button
                variant="icon" iconName="download" ariaLabel={t.downloadOriginal}
                href={`${original(id)}?download=true`} download={shown.name}
              />
              <Button
                variant="icon" iconName={shown.trashed_at ? "undo" : "remove"}
                ariaLabel={shown.trashed_at ? t.restore : t.toTrash}
                onClick={() => void remove(shown)}
              />
            </>
          )}
          <Button
            variant="icon" iconName="status-info" ariaLabel={t.showDetails} ariaExpanded={details}
            onClick={toggle}
          />
        </div>
        {photo.error && <p className="lightbox-missing" role="alert">{photo.error.message}</p>}
        {shown && (
          <Zoomable
            photo={shown}
            onSwipe={(by) => void step(by)}
          />
        )}
        {hasPrevious && (
          <div className="lightbox-previous">
            <Button variant="icon" iconName="angle-left" ariaLabel={t.previous} onClick={() => void step(-1)} />
          </div>
        )}
        {hasNext && (
          <div className="lightbox-next">
            <Button variant="icon" iconName="angle-right" ariaLabel={t.next} onClick={() => void step(1)} />
          </div>
        )}
      </div>
      {details && shown && (
        <aside className="lightbox-details" aria-label={t.details}>
          <Details photo={shown} />
        </aside>
      )}
    </dialog>
  );
}
