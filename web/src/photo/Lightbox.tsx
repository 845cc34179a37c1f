// One photo, large, over the gallery.

import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useLayoutEffect, useRef, useState } from "react";

import { answer, api, original, type PhotoDetails } from "../api/client";
import { Button } from "../app/Button";
import { Icon } from "../app/Icon";
import { NoticesBar } from "../app/notices";
import { useSpeech } from "../i18n";
import { usePhotoActions } from "../gallery/actions";
import { Details } from "./Details";
import { Zoomable } from "./Zoomable";

interface Props {
  id: string;
  hasPrevious: boolean;
  hasNext: boolean;
  neighbour(by: number): Promise<{ id: string; at: number } | null>;
  onStep(by: number): void;
  onShow(id: string, at: number): void;
  onClose(): void;
}

const DETAILS = "fototeca.details";
const WIDE = window.matchMedia("(min-width: 900px)");

export default function Lightbox({ id, hasPrevious, hasNext, neighbour, onStep, onShow, onClose }: Props) {
  const { t } = useSpeech();
  const dialog = useRef<HTMLDialogElement>(null);
  const removing = useRef(false);
  const [details, setDetails] = useState(WIDE.matches && localStorage.getItem(DETAILS) !== "no");
  const actions = usePhotoActions();
  const photo = useQuery({
    queryKey: ["photos", "details", id],
    queryFn: () => answer(api.GET("/api/photos/{id}", { params: { path: { id } } })),
  });

  // At once, as the one of the photo before goes: no key is pressed between them.
  useLayoutEffect(() => {
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

  async function remove(shown: PhotoDetails) {
    if (removing.current) return;
    removing.current = true;
    const [next, previous] = await Promise.all([neighbour(1), neighbour(-1)]).catch(() => [null, null]);
    const done = await (shown.trashed_at ? actions.restore([id]) : actions.trash([id]));
    removing.current = false;
    // Who has gone on, or closed it, stays there.
    if (!done || !dialog.current) return;
    // The next one moves up into this one's place.
    if (next) onShow(next.id, next.at - 1);
    else if (previous) onShow(previous.id, previous.at);
    else onClose();
  }
  function onKeyDown(event: KeyboardEvent) {
    // Alt with an arrow goes back in the browser's history.
    if (event.target instanceof HTMLInputElement || event.altKey || event.ctrlKey || event.metaKey) return;
    const onward = event.currentTarget.matches(":dir(rtl)") ? -1 : 1;
    if (event.key === "ArrowLeft") onStep(-onward);
    else if (event.key === "ArrowRight") onStep(onward);
    else if (event.key === "Delete" && !event.repeat && photo.data && !photo.data.trashed_at) void remove(photo.data);
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
      <div className="lightbox-notices"><NoticesBar covering /></div>
      <div className="lightbox-stage">
        <div className="lightbox-bar">
          <Button look="icon" icon="close" label={t.close} onClick={onClose} />
          <span className="lightbox-name">{shown?.name}</span>
          {shown && (
            <>
              <a
                className="button" data-look="icon" aria-label={t.downloadOriginal} title={t.downloadOriginal}
                href={`${original(id)}?download=true`} download={shown.name}
              >
                <Icon name="download" />
              </a>
              <Button
                look="icon" icon={shown.trashed_at ? "undo" : "trash"}
                label={shown.trashed_at ? t.restore : t.toTrash}
                onClick={() => void remove(shown)}
              />
            </>
          )}
          <Button look="icon" icon="info" label={t.showDetails} expanded={details} onClick={toggle} />
        </div>
        {photo.error && <p className="lightbox-missing" role="alert">{photo.error.message}</p>}
        {shown && (
          <Zoomable photo={shown} onSwipe={onStep} />
        )}
        {hasPrevious && (
          <div className="lightbox-previous">
            <Button look="icon" icon="left" label={t.previous} onClick={() => onStep(-1)} />
          </div>
        )}
        {hasNext && (
          <div className="lightbox-next">
            <Button look="icon" icon="right" label={t.next} onClick={() => onStep(1)} />
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
