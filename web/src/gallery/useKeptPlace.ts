// The photos that are looked at stay where they are when the grid is laid out anew.

import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";

import { type Grid, rowAt, rowOf } from "./layout";
import type { Shown, Spot } from "./useSettled";

/** Pixels at the window's top that stay over the grid while it scrolls. */
export const HEAD = 120;

interface Seen {
  shown: Shown;
  grid: Grid;
}

/** With another source it begins anew. `moved` is told that the window was scrolled. */
export function useKeptPlace(
  element: RefObject<HTMLElement | null>, shown: Shown, grid: Grid, spotOf: (at: number) => Spot,
  moved: RefObject<() => void>,
) {
  const seen = useRef<Seen | null>(null);
  const top = useRef(0); // Of the grid in the window, when it was looked at last.
  // What was kept last, and by which scrolling: until somebody scrolls, that is it, so that no place is lost
  // by and by.
  const kept = useRef({ photo: 0, share: 0, scrolled: -1 });
  const spots = useRef(spotOf);

  useEffect(() => {
    const look = () => {
      top.current = element.current?.getBoundingClientRect().top ?? 0;
    };
    look(); // What is over the grid may have grown.
    window.addEventListener("scroll", look, { passive: true });
    return () => window.removeEventListener("scroll", look);
  });

  useLayoutEffect(() => {
    const before = seen.current;
    seen.current = { shown, grid };
    if (!element.current || before?.shown.source !== shown.source || before.grid === grid) return;
    if (top.current >= HEAD) return; // Its beginning is in view, and stays.
    const place =
      window.scrollY === kept.current.scrolled ? kept.current : placeAt(before.grid, HEAD - top.current);
    const { at: photo } =
      before.shown === shown ? { at: place.photo } : shown.follow(spots.current(place.photo));
    const row = grid.rows[rowOf(grid.rows, photo)];
    if (!row) return;
    const now = element.current.getBoundingClientRect().top;
    window.scrollBy({ top: now + row.top + place.share * row.height - HEAD, behavior: "instant" });
    kept.current = { photo, share: place.share, scrolled: window.scrollY };
    top.current = element.current.getBoundingClientRect().top;
    moved.current();
  }, [element, shown, grid, moved]);

  useLayoutEffect(() => {
    spots.current = spotOf; // After what is above, which needs those from before.
  });
}

/** The first photo of the row there, and how much of that row is above. */
function placeAt({ rows }: Grid, y: number) {
  let at = rowAt(rows, y);
  while (rows[at]?.heading && at < rows.length - 1) at += 1;
  const { start = 0, top = y, height = 1 } = rows[at] ?? {};
  return { photo: start, share: (y - top) / height };
}
