// The picture: wheel, pinch or double click zoom into it, dragging moves it, a swipe goes on.

import { type PointerEvent, useEffect, useRef, useState } from "react";

import { type PhotoDetails, rendition } from "../api/client";
import { useSpeech } from "../i18n";

interface View {
  scale: number;
  x: number;
  y: number;
}

const WHOLE: View = { scale: 1, x: 0, y: 0 };
const CLOSEST = 8;
const STEP = 1.5; // Of the zoom, by a key.
const SWIPE = 60; // Pixels.

/** The view with what is under a point, from the middle, staying under it. */
export function zoomed(view: View, by: number, px: number, py: number): View {
  const scale = Math.min(Math.max(view.scale * by, 1), CLOSEST);
  if (scale === 1) return WHOLE;
  const factor = scale / view.scale;
  return { scale, x: px - (px - view.x) * factor, y: py - (py - view.y) * factor };
}

interface Props {
  photo: PhotoDetails;
  onSwipe(by: number): void;
}

export function Zoomable({ photo, onSwipe }: Props) {
  const { t } = useSpeech();
  const frame = useRef<HTMLDivElement>(null);
  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const begun = useRef({ x: 0, y: 0, fingers: 0 });
  const [view, setView] = useState(WHOLE);
  const [failed, setFailed] = useState(false);

  const fromMiddle = (clientX: number, clientY: number): [number, number] => {
    const box = frame.current?.getBoundingClientRect() ?? new DOMRect();
    return [clientX - box.left - box.width / 2, clientY - box.top - box.height / 2];
  };

  useEffect(() => {
    const element = frame.current;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault(); // React listens passively.
      const [x, y] = fromMiddle(event.clientX, event.clientY);
      setView((before) => zoomed(before, Math.exp(-event.deltaY / 300), x, y));
    };
    element?.addEventListener("wheel", onWheel, { passive: false });
    return () => element?.removeEventListener("wheel", onWheel);
  }, []);

  useEffect(() => {
    const onKeyDown = ({ key, target }: KeyboardEvent) => {
      if (target instanceof HTMLInputElement) return;
      if (key === "+" || key === "=") setView((before) => zoomed(before, STEP, 0, 0));
      else if (key === "-") setView((before) => zoomed(before, 1 / STEP, 0, 0));
      else if (key === "0") setView(WHOLE);
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);

  function onPointerDown(event: PointerEvent<HTMLDivElement>) {
    event.currentTarget.setPointerCapture(event.pointerId);
    pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const fingers = pointers.current.size;
    begun.current = { x: event.clientX, y: event.clientY, fingers };
  }
  function onPointerMove(event: PointerEvent<HTMLDivElement>) {
    const before = pointers.current.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    pointers.current.set(event.pointerId, now);
    if (other) {
      const apart = (point: typeof now) => Math.hypot(point.x - other.x, point.y - other.y);
      const [x, y] = fromMiddle((now.x + other.x) / 2, (now.y + other.y) / 2);
      setView((from) => zoomed(from, apart(now) / Math.max(apart(before), 1), x, y));
    } else if (view.scale > 1) {
      setView((from) => ({ ...from, x: from.x + now.x - before.x, y: from.y + now.y - before.y }));
    }
  }
  function onPointerUp(event: PointerEvent<HTMLDivElement>) {
    const alone = begun.current.fingers === 1; // A pinch is no swipe, whichever finger leaves last.
    pointers.current.delete(event.pointerId);
    const moved = event.clientX - begun.current.x;
    if (alone && view.scale === 1 && event.pointerType === "touch" && Math.abs(moved) > SWIPE) {
      onSwipe(moved < 0 ? 1 : -1);
    }
  }

  if (failed || photo.state === "waiting") {
    return <p className="lightbox-missing">{photo.failure ?? t.noRendition}</p>;
  }
  return (
    <div
      ref={frame} className="zoomable" data-zoomed={view.scale > 1}
      onPointerDown={onPointerDown} onPointerMove={onPointerMove}
      onPointerUp={onPointerUp} onPointerCancel={onPointerUp}
      onDoubleClick={(event) => {
        const [x, y] = fromMiddle(event.clientX, event.clientY);
        setView((before) => (before.scale > 1 ? WHOLE : zoomed(before, 2.5, x, y)));
      }}
    >
      <img
        src={rendition(photo.id, "view")} alt={[photo.name, ...photo.labels].join(", ")} draggable={false}
        style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}
        onError={() => setFailed(true)}
      />
    </div>
  );
}
