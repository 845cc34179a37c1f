// A newer layout is shown once its photos are here: nothing is blank meanwhile, and the photos that are
// held on to are found again.

import { type RefObject, useEffect, useEffectEvent, useState } from "react";

import { movedTo } from "./layout";
import { around } from "./place";
import { type Layout, type Source, useRange } from "./queries";

/** A photo, by its place and who it is, if that is known. */
export interface Spot {
  at: number;
  id: string | undefined;
}

/** Where a photo of the layout before is now. */
export type Follow = (spot: Spot) => Spot;

export interface View {
  /** The first photo in view, and how many there are. */
  first: Spot;
  photos: number;
  /** Others that are looked for. */
  held: Spot[];
}

export interface Shown {
  source: Source;
  layout: Layout;
  follow: Follow;
}

const MOST = 2000; // Photos that came or went: among more, none is looked for.

const stay: Follow = (spot) => spot;

export function useSettled(
  source: Source, newest: Layout, view: RefObject<View>, onSettled: (follow: Follow) => void,
): Shown {
  const [shown, setShown] = useState<Shown>({ source, layout: newest, follow: stay });
  const [next, setNext] = useState(newest);
  const range = useRange(source, newest);
  if (shown.source !== source) {
    setShown({ source, layout: newest, follow: stay });
    setNext(newest);
  } else if (next === shown.layout && newest !== next) setNext(newest); // One after the other: none waits for ever.

  const load = useEffectEvent(async (): Promise<Follow> => {
    const [before, after] = [shown.layout, next];
    const total = after.ratios.length;
    const places = new Map<string, number>();
    const learn = async (start: number, stop: number) => {
      const from = Math.max(start, 0);
      const photos = from < stop ? await range(from, Math.min(stop, total)) : [];
      photos.forEach(({ id }, index) => places.set(id, from + index));
    };
    const follow: Follow = ({ at, id }) => ({
      at: (id === undefined ? undefined : places.get(id)) ?? movedTo(at, before.days, after.days),
      id,
    });
    const { first, photos, held } = view.current;
    const of = before.ratios.length;
    try {
      if (Math.abs(total - of) <= MOST) {
        for (const { at } of [first, ...held]) await learn(...around({ at, of }, total));
      }
      const { at } = follow(first);
      await learn(at - photos, at + 2 * photos);
    } catch {
      // They are asked for again where they are shown, and it says so there.
    }
    return follow;
  });
  const settled = useEffectEvent((follow: Follow) => {
    setShown({ source, layout: next, follow });
    onSettled(follow);
  });
  const waiting = next !== shown.layout;
  useEffect(() => {
    if (!waiting) return;
    let ended = false;
    void load().then((follow) => {
      if (!ended) settled(follow);
    });
    return () => {
      ended = true;
    };
  }, [next, waiting]);
  return shown;
}
