// A grid of photos with what can be done with them: of the archive, or of the trash.

import { type ReactNode, Suspense, useEffect, useEffectEvent, useMemo, useState } from "react";
import { useLocation, useNavigate, useSearchParams } from "react-router";

import { Button } from "../app/Button";
import { idle } from "../app/idle";
import { useTouch } from "../app/useMedia";
import { useNotices } from "../app/notices";
import { useSpeech } from "../i18n";
import { later } from "../i18n/cloudscape";
import { idsOf, usePhotoActions } from "./actions";
import { useChosen } from "./chosen";
import { type Layout, PhotoGrid } from "./PhotoGrid";
import { type Source, useRange } from "./queries";

// Not of the first paint: loaded when the browser is idle, so that both are there when wanted.
const chosenBar = () => import("./ChosenBar");
const lightbox = () => import("../photo/Lightbox");
const ChosenBar = later(chosenBar);
const Lightbox = later(lightbox);

interface Props {
  source: Source;
  layout: Layout;
  /** Bytes of all the photos. */
  bytes: number;
  title: ReactNode;
  /** Beside the title, until something is chosen. */
  actions?: ReactNode;
  head?: ReactNode;
}

export function Gallery({ source, layout, bytes, title, actions: titleActions, head }: Props) {
  const { t, number } = useSpeech();
  const touch = useTouch();
  const [begun, setBegun] = useState(false);
  const [parameters] = useSearchParams();
  const location = useLocation();
  const navigate = useNavigate();
  const chosen = useChosen(source);
  const actions = usePhotoActions();
  const { sayError } = useNotices();
  const range = useRange(source, layout);
  const total = layout.ratios.length;
  const count = chosen.count(total);
  const picking = begun || count > 0;
  const open = parameters.get("photo");
  const at = (location.state as { at?: number } | null)?.at;

  function clear() {
    setBegun(false);
    chosen.clear();
  }

  /** What is chosen stays so where it failed, to be tried again. */
  const withChosen = (act: (ids: string[]) => Promise<boolean>) => {
    void idsOf(source, chosen).then(act).then((done) => done && clear()).catch(sayError);
  };

  const onKeyDown = useEffectEvent((event: KeyboardEvent) => {
    const { target } = event;
    if (open || (target instanceof Element && target.closest("input, textarea, dialog, [role=dialog]"))) return;
    if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      chosen.chooseAll();
    }
    if (event.key === "Escape" && count) chosen.clear();
    if (event.key === "Delete" && count && !event.repeat && !source.trash) withChosen(actions.trash);
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => onKeyDown(event);
    document.addEventListener("keydown", listener);
    return () => document.removeEventListener("keydown", listener);
  }, []);
  useEffect(() => {
    // A failure shows when it is wanted.
    void idle().then(() => Promise.all([chosenBar(), lightbox()])).catch(() => undefined);
  }, []);

  function show(id: string | null, place?: number, replace = false) {
    const wanted = new URLSearchParams(parameters);
    if (id) wanted.set("photo", id);
    else wanted.delete("photo");
    void navigate({ search: `?${wanted}` }, { state: { at: place }, replace });
  }

  const neighbour = useMemo(
    () => async (by: number) => {
      const to = (at ?? -2) + by;
      if (at === undefined || to < 0 || to >= total) return null;
      const [photo] = await range(to, to + 1);
      return photo ? { id: photo.id, at: to } : null;
    },
    [at, total, range],
  );

  return (
    <>
      <div className="gallery-head" data-choosing={picking}>
        {picking ? (
          <Suspense><ChosenBar
            count={count} total={total} bytes={chosen.bytes(bytes)} trash={source.trash}
            onAll={chosen.chooseAll} onClear={clear}
            onTrash={() => withChosen(actions.trash)} onRestore={() => withChosen(actions.restore)}
            onLabel={(correction, label) => withChosen((ids) => actions.correct([{ ids, [correction]: [label] }]))}
            onDownload={() => void actions.bundle(source, chosen).then((done) => done && clear())}
          /></Suspense>
        ) : (
          <>
            <h1>{title} <span className="quiet">({number(total)})</span></h1>
            {titleActions}
            {touch && total > 0 && (
              <Button look="icon" icon="check" label={t.choose} onClick={() => setBegun(true)} />
            )}
          </>
        )}
      </div>
      {head}
      {total > 0 && (
        <PhotoGrid
          source={source} layout={layout} chosen={chosen} picking={picking}
          onOpen={(id, place) => show(id, place)}
        />
      )}
      {open && (
        <Suspense><Lightbox
          key={open} id={open} neighbour={neighbour}
          hasPrevious={at !== undefined && at > 0}
          hasNext={at !== undefined && at < total - 1}
          onShow={(id, place) => show(id, place, true)}
          onClose={() => show(null, at, true)}
        /></Suspense>
      )}
    </>
  );
}
