// A finger that rests on something presses it long: then no click follows.

import { type MouseEvent, type PointerEvent, useRef } from "react";

const LONG = 450; // Milliseconds.
const STILL = 10; // Pixels.

export function useLongPress(onPress: (element: Element) => void) {
  const state = useRef({ timer: 0, x: 0, y: 0, pressed: false });
  const stop = () => clearTimeout(state.current.timer);
  return {
    onPointerDown({ pointerType, target, clientX: x, clientY: y }: PointerEvent) {
      stop();
      state.current = { timer: 0, x, y, pressed: false };
      if (pointerType !== "touch") return;
      state.current.timer = window.setTimeout(() => {
        state.current.pressed = true;
        onPress(target as Element);
      }, LONG);
    },
    onPointerMove({ clientX, clientY }: PointerEvent) {
      if (Math.hypot(clientX - state.current.x, clientY - state.current.y) > STILL) stop();
    },
    onPointerUp: stop,
    onPointerCancel: stop,
    onContextMenu(event: MouseEvent) {
      if (state.current.pressed) event.preventDefault();
    },
    onClickCapture(event: MouseEvent) {
      if (state.current.pressed) event.stopPropagation();
      state.current.pressed = false;
    },
  };
}
