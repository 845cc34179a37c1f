// A grid of photos with what can be done with them: of the archive, or of the trash.

import { type ReactNode, Suspense, useEffect, useEffectEvent, useRef, useState } from "react";
import { useLocation, useNavigate, useSearchParams } from "react-router";

import { Button } from "../app/Button";
import { idle } from "../app/idle";
import { useTouch } from "../app/useMedia";
import { useNotices } from "../app/notices";
import { useSpeech } from "../i18n";
import { later } from "../i18n/cloudscape";
import { usePhotoActions } from "./actions";
import { useChosen } from "./chosen";
import { PhotoGrid } from "./PhotoGrid";
import { type Place, placeBeside } from "./place";
import { type Layout, type Source, useRange } from "./queries";

// Not of the first paint: loaded when the browser is idle, so that both are there when wanted.
const chosenBar = () => import("./ChosenBar");
const lightbox = () => import("../photo/Lightbox");
const ChosenBar = later(chosenBar);
const Lightbox = later(lightbox);

interface Props {
  source: Source;
  layout: Layout;
  /** Others are asked for, and take the place of these. */
  going?: boolean;
  /** Bytes of all the photos. */
  bytes: number;
  title: ReactNode;
  /** Beside the title, until something is chosen. */
  actions?: ReactNode;
  head?: ReactNode;
}

export function Gallery({ source, layout, going = false, bytes, title, actions: titleActions, head }: Props) {
  const { t, number } = useSpeech();
  const touch = useTouch();
  const [begun, setBegun] = useState(false);
  const [busy, setBusy] = useState(false);
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
  const place = location.state as Place | null;
  const turn = useRef(Promise.resolve());

  function clear() {
    setBegun(false);
    chosen.clear();
  }
  function chooseAll() {
    if (going) return;
    const photos = range(0, total);
    photos.catch(sayError);
    chosen.chooseAll(layout, photos);
  }

  /** What is chosen stays so where it failed, to be tried again. */
  async function act(done: () => Promise<boolean>) {
    if (busy) return;
    setBusy(true);
    try {
      if (await done()) clear();
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  }
  const withChosen = (send: (ids: string[]) => Promise<boolean>) =>
    void act(async () => send(await chosen.ids()));

  const onKeyDown = useEffectEvent((event: KeyboardEvent) => {
    const { target } = event;
    if (open || (target instanceof Element && target.closest("input, textarea, dialog, [role=dialog], [role=menu]"))) return;
    if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      chooseAll();
    }
    // A menu that has just been opened has not got the focus yet, and is what is closed.
    if (event.key === "Escape" && count && !document.querySelector(":popover-open")) chosen.clear();
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

  function show(id: string | null, state: Place | null, replace = false) {
    const wanted = new URLSearchParams(parameters);
    if (id) wanted.set("photo", id);
    else wanted.delete("photo");
    void navigate({ search: `?${wanted}` }, { state, replace });
  }

  /** The photo so many on from the one that the address has: what is shown may be a step behind it. */
  async function neighbour(by: number) {
    const id = new URLSearchParams(window.location.search).get("photo");
    const { usr } = window.history.state as { usr: Place | null };
    if (!id || !usr) return null;
    const to = await placeBeside(by, id, usr, total, range);
    if (to < 0 || to >= total) return null;
    const [photo] = await range(to, to + 1);
    return photo ? { id: photo.id, at: to } : null;
  }

  /** One step after the other: who presses a key five times is five photos on. */
  function step(by: number) {
    turn.current = turn.current
      .then(async () => {
        const photo = await neighbour(by);
        const closed = !new URLSearchParams(window.location.search).has("photo");
        if (photo && !closed) show(photo.id, { at: photo.at, of: total }, true);
      })
      .catch(sayError);
  }

  return (
    <>
      <div className="gallery-head" data-choosing={picking}>
        {picking ? (
          <Suspense><ChosenBar
            count={count} total={total} bytes={chosen.bytes(bytes)} trash={source.trash} busy={busy}
            onAll={chooseAll} onClear={clear}
            onTrash={() => withChosen(actions.trash)} onRestore={() => withChosen(actions.restore)}
            onLabel={(correction, label) => withChosen((ids) => actions.correct([{ ids, [correction]: [label] }]))}
            onDownload={() => void act(() => actions.bundle(source, chosen, layout))}
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
          onAll={chooseAll} onOpen={show}
        />
      )}
      {open && (
        <Suspense><Lightbox
          key={open} id={open} neighbour={neighbour}
          hasPrevious={place !== null && place.at > 0}
          hasNext={place !== null && place.at < total - 1}
          onStep={step}
          onShow={(id, at) => show(id, { at, of: total }, true)}
          onClose={() => show(null, place, true)}
        /></Suspense>
      )}
    </>
  );
}
