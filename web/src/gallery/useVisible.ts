// Which part of a tall element the window shows.

import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";

export interface Visible {
  /** Pixels from the element's top. */
  top: number;
  bottom: number;
  /** Too quick to look at anything. */
  hurried: boolean;
}

const STEP = 100; // Pixels: what is scrolled less far is not told.
const HURRY = 3000; // Pixels a second.
const REST = 120; // Milliseconds.

/** And what is called where the window was scrolled without any hurry. */
export function useVisible(element: RefObject<HTMLElement | null>): [Visible, RefObject<() => void>] {
  const [visible, setVisible] = useState<Visible>({ top: 0, bottom: window.innerHeight, hurried: false });
  const moved = useRef<() => void>(() => undefined);

  useEffect(() => {
    let frame = 0;
    let resting: ReturnType<typeof setTimeout> | undefined;
    let last = { y: window.scrollY, at: performance.now() };

    const look = (hurried: boolean) => {
      const from = element.current?.getBoundingClientRect().top ?? 0;
      const top = Math.floor(-from / STEP) * STEP;
      const bottom = top + Math.ceil(window.innerHeight / STEP + 1) * STEP;
      setVisible((before) =>
        before.top === top && before.bottom === bottom && before.hurried === hurried
          ? before
          : { top, bottom, hurried },
      );
    };
    const onScroll = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame((at) => {
        const speed = (Math.abs(window.scrollY - last.y) / Math.max(at - last.at, 1)) * 1000;
        last = { y: window.scrollY, at };
        look(speed > HURRY);
        clearTimeout(resting);
        resting = setTimeout(() => look(false), REST);
      });
    };
    moved.current = () => {
      last = { y: window.scrollY, at: performance.now() };
      look(false);
    };
    const onResize = () => look(false);

    look(false);
    window.addEventListener("scroll", onScroll, { passive: true });
    window.addEventListener("resize", onResize);
    return () => {
      cancelAnimationFrame(frame);
      clearTimeout(resting);
      window.removeEventListener("scroll", onScroll);
      window.removeEventListener("resize", onResize);
    };
  }, [element]);
  return [visible, moved];
}

/** The width of an element, in pixels. */
export function useWidth(ref: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (!ref.current) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(ref.current);
    // The observer tells after the first painting, which would be of an empty grid.
    setWidth(Math.floor(ref.current.getBoundingClientRect().width));
    return () => observer.disconnect();
  }, [ref]);
  return width;
}
