// The photos that are looked at stay where they are when the grid is laid out anew.

import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";

import { type Day, type Grid, movedTo, rowAt, rowOf } from "./layout";

/** Pixels at the window's top that stay over the grid while it scrolls. */
export const HEAD = 120;

interface Seen {
  of: unknown;
  days: readonly Day[];
  grid: Grid;
}

/** `of`: what the photos are of. With another it begins anew. */
export function useKeptPlace(
  element: RefObject<HTMLElement | null>, of: unknown, days: readonly Day[], grid: Grid,
) {
  const seen = useRef<Seen | null>(null);
  const top = useRef(0); // Of the grid in the window, when it was looked at last.
  // What was kept last, and by which scrolling: until somebody scrolls, that is it, so that no place is lost
  // by and by.
  const kept = useRef({ photo: 0, share: 0, scrolled: -1 });

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
    seen.current = { of, days, grid };
    if (!element.current || !before || before.of !== of || before.grid === grid) return;
    if (top.current >= HEAD) return; // Its beginning is in view, and stays.
    const place =
      window.scrollY === kept.current.scrolled ? kept.current : placeAt(before.grid, HEAD - top.current);
    const photo = movedTo(place.photo, before.days, days);
    const row = grid.rows[rowOf(grid.rows, photo)];
    if (!row) return;
    const now = element.current.getBoundingClientRect().top;
    window.scrollBy({ top: now + row.top + place.share * row.height - HEAD, behavior: "instant" });
    kept.current = { photo, share: place.share, scrolled: window.scrollY };
    top.current = element.current.getBoundingClientRect().top;
  }, [element, of, days, grid]);
}

/** The first photo of the row there, and how much of that row is above. */
function placeAt({ rows }: Grid, y: number) {
  let at = rowAt(rows, y);
  while (rows[at]?.heading && at < rows.length - 1) at += 1;
  const { start = 0, top = y, height = 1 } = rows[at] ?? {};
  return { photo: start, share: (y - top) / height };
}
