// Beside the grid: the years, to jump to any date.

import { type KeyboardEvent, type PointerEvent, type RefObject, useRef, useState } from "react";

import { useSpeech } from "../i18n";
import { type Grid, rowAt } from "./layout";
import type { Visible } from "./useVisible";

const APART = 0.035; // Of the strip, from one year to the next.

interface Props {
  grid: Grid;
  element: RefObject<HTMLElement | null>;
  visible: Visible;
}

export function Scrubber({ grid, element, visible }: Props) {
  const { t, month } = useSpeech();
  const strip = useRef<HTMLDivElement>(null);
  const [dragging, setDragging] = useState(false);
  const height = Math.max(grid.height, 1);
  if (grid.height < 2 * window.innerHeight) return null;

  const dateAt = (y: number) => {
    let at = rowAt(grid.rows, y);
    while (at > 0 && grid.rows[at]?.heading === null) at -= 1;
    return grid.rows[at]?.heading ?? "";
  };
  const years: { year: string; share: number }[] = [];
  for (const { heading, top } of grid.rows) {
    const year = heading?.slice(0, 4);
    const last = years.at(-1);
    const share = top / height;
    if (year && last?.year !== year && share - (last?.share ?? -1) > APART) years.push({ year, share });
  }
  const share = Math.min(Math.max(visible.top / height, 0), 1);
  const text = month(dateAt(Math.max(visible.top, 0) + 60));

  function jump(to: number) {
    const top = (element.current?.getBoundingClientRect().top ?? 0) + window.scrollY;
    window.scrollTo(0, Math.max(top - 120 + Math.min(Math.max(to, 0), 1) * height, 0));
  }
  function point(event: PointerEvent) {
    const { top, height: tall } = strip.current?.getBoundingClientRect() ?? { top: 0, height: 1 };
    jump((event.clientY - top) / tall);
  }
  function onKeyDown(event: KeyboardEvent) {
    const by = window.innerHeight / height;
    const to: Record<string, number> = {
      ArrowUp: share - by, ArrowDown: share + by, PageUp: share - 0.1, PageDown: share + 0.1,
      Home: 0, End: 1,
    };
    const wanted = to[event.key];
    if (wanted === undefined) return;
    jump(wanted);
    event.preventDefault();
  }

  return (
    <div
      ref={strip} className="scrubber" role="slider" tabIndex={0} aria-label={t.timeline}
      aria-orientation="vertical" aria-valuemin={0} aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)} aria-valuetext={text} data-dragging={dragging}
      onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDragging(true);
        point(event);
      }}
      onPointerMove={(event) => dragging && point(event)}
      onPointerUp={() => setDragging(false)}
      onPointerCancel={() => setDragging(false)}
    >
      {years.map(({ year, share: at }) => (
        <span key={year} className="scrubber-year" style={{ top: `${at * 100}%` }}>{year}</span>
      ))}
      <span className="scrubber-now" style={{ top: `${share * 100}%` }}>
        <span className="scrubber-date">{text}</span>
      </span>
    </div>
  );
}
