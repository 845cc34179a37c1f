// Which photos of the gallery are chosen: those, and none that come later.

import { useCallback, useMemo, useState } from "react";

interface Sized {
  id: string;
  size: number;
}
type Sizes = ReadonlyMap<string, number>;

interface State {
  /** The chosen ones with their bytes; while all are being listed, those that are not. */
  ids: Sizes;
  listing: Promise<readonly Sized[]> | null;
  /** The layout that all were chosen of, and those all once they are listed. */
  whole: { of: unknown; ids: Sizes } | null;
}

const NOTHING: State = { ids: new Map(), listing: null, whole: null };

const sizes = (photos: readonly Sized[], without: Sizes): Sizes =>
  new Map(photos.filter(({ id }) => !without.has(id)).map(({ id, size }) => [id, size]));

export interface Chosen {
  has(id: string): boolean;
  count(total: number): number;
  /** Bytes, of so many in all. */
  bytes(total: number): number;
  ids(): Promise<string[]>;
  /** What was not chosen of all that the layout has; null when the choice did not begin with all that. */
  leftOut(layout: unknown): string[] | null;
  toggle(photo: Sized): void;
  put(photos: Iterable<Sized>, chosen: boolean): void;
  /** All photos of a layout, shown so at once; which those are takes a while. */
  chooseAll(layout: unknown, photos: Promise<readonly Sized[]>): void;
  /** Those that are chosen now: what was chosen while something was done with them stays so. */
  clear(): void;
}

/** Begins anew whenever `of` is another. */
export function useChosen(of: unknown): Chosen {
  const [state, setState] = useState({ of, ...NOTHING });
  if (state.of !== of) setState({ of, ...NOTHING });

  const set = useCallback(
    (change: (before: State) => Partial<State>) =>
      setState((before) => (before.of === of ? { ...before, ...change(before) } : before)),
    [of],
  );
  return useMemo(() => {
    const { ids, listing, whole } = state;
    const put = (photos: Iterable<Sized>, chosen: (id: string, before: State) => boolean) =>
      set((before) => {
        const changed = new Map(before.ids);
        for (const { id, size } of photos) {
          if (chosen(id, before) === (before.listing === null)) changed.set(id, size);
          else changed.delete(id);
        }
        return { ids: changed };
      });
    return {
      has: (id) => ids.has(id) === (listing === null),
      count: (total) => (listing ? total - ids.size : ids.size),
      bytes: (total) => {
        const counted = [...ids.values()].reduce((sum, size) => sum + size, 0);
        return listing ? total - counted : counted;
      },
      ids: async () => [...(listing ? sizes(await listing, ids) : ids).keys()],
      leftOut: (layout) => {
        if (!whole || whole.of !== layout) return null;
        return listing ? [...ids.keys()] : [...whole.ids.keys()].filter((id) => !ids.has(id));
      },
      toggle: (photo) => put([photo], (id, before) => before.ids.has(id) !== (before.listing === null)),
      put: (photos, chosen) => put(photos, () => chosen),
      chooseAll: (layout, photos) => {
        set(() => ({ ids: new Map(), listing: photos, whole: { of: layout, ids: new Map() } }));
        const listed = (change: (before: State) => Partial<State>) =>
          set((before) => (before.listing === photos ? change(before) : before));
        photos.then(
          (all) =>
            listed((before) => ({
              ids: sizes(all, before.ids), listing: null, whole: { of: layout, ids: sizes(all, NOTHING.ids) },
            })),
          () => listed(() => NOTHING),
        );
      },
      clear: () =>
        set((before) => {
          if (listing || before.listing) return NOTHING;
          return { ...NOTHING, ids: new Map([...before.ids].filter(([id]) => !ids.has(id))) };
        }),
    };
  }, [state, set]);
}
