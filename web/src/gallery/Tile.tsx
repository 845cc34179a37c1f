// One photo in the grid.

import { memo, useEffect, useState } from "react";

import { type Photo, rendition } from "../api/client";
import { useSpeech } from "../i18n";

interface Props {
  at: number;
  photo: Photo | undefined;
  top: number;
  /** Pixels from where lines begin. */
  start: number;
  width: number;
  height: number;
  chosen: boolean;
  focused: boolean;
  hurried: boolean;
}

/** What is pressed is found by `data-at` and `data-act`, in one listener for the whole grid. */
export const Tile = memo(function Tile({ at, photo, top, start, width, height, chosen, focused, hurried }: Props) {
  const { t } = useSpeech();
  return (
    <div className="tile" style={{ top, insetInlineStart: start, width, height }} data-at={at} data-chosen={chosen}>
      {photo && (
        <>
          <button
            type="button" className="tile-open" data-act="open" tabIndex={focused ? 0 : -1}
            {...(photo.state !== "failed" && { "aria-label": t.openPhoto(photo.name) })}
          >
            <Picture key={`${photo.id}${photo.state}`} photo={photo} hurried={hurried} />
            {photo.state === "failed" && <span className="tile-state">{t.failed}</span>}
          </button>
          <button
            type="button" role="checkbox" className="tile-check" data-act="choose" tabIndex={-1}
            aria-checked={chosen} aria-label={t.choosePhoto(photo.name)}
          />
        </>
      )}
    </div>
  );
});

/** Milliseconds before a picture is asked for again: a busy server has refused it. */
const PAUSES = [2_000, 8_000, 30_000];

function Picture({ photo, hurried }: { photo: Photo; hurried: boolean }) {
  const [shown, setShown] = useState(!hurried);
  const [failed, setFailed] = useState(false);
  const [tries, setTries] = useState(0);
  const pause = photo.state === "labelled" ? PAUSES[tries] : undefined;
  useEffect(() => {
    if (!failed || pause === undefined) return;
    const timer = setTimeout(() => {
      setTries((before) => before + 1);
      setFailed(false);
    }, pause);
    return () => clearTimeout(timer);
  }, [failed, pause]);
  if (!shown && !hurried) setShown(true);
  if (!shown || failed || photo.state === "waiting") {
    return <span className="tile-name">{failed || photo.state === "waiting" ? photo.name : ""}</span>;
  }
  return <img src={rendition(photo.id, "grid")} alt={photo.state === "failed" ? photo.name : ""} decoding="async" draggable={false} onError={() => setFailed(true)} />;
}
