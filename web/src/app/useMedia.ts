// What the screen is like, followed as it turns.

import { useSyncExternalStore } from "react";

function mediaOf(query: string) {
  const media = window.matchMedia(query);
  const subscribe = (listener: () => void) => {
    media.addEventListener("change", listener);
    return () => media.removeEventListener("change", listener);
  };
  return () => useSyncExternalStore(subscribe, () => media.matches);
}

/** As narrow as a phone: where Cloudscape's own pages become one column, too. */
export const useNarrow = mediaOf("(max-width: 688px)");
/** Nothing hovers: fingers. */
export const useTouch = mediaOf("(hover: none)");
