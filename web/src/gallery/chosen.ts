// Which photos of the gallery are chosen: some, or all but some.

import { useCallback, useMemo, useState } from "react";

interface State {
  all: boolean;
  /** The chosen ones with their bytes; with `all`, those that are not. */
  ids: ReadonlyMap<string, number>;
}

interface Sized {
  id: string;
  size: number;
}

const NOTHING: State = { all: false, ids: new Map() };

export interface Chosen {
  all: boolean;
  ids: ReadonlyMap<string, number>;
  has(id: string): boolean;
  count(total: number): number;
  /** Bytes, of so many in all. */
  bytes(total: number): number;
  toggle(photo: Sized): void;
  put(photos: Iterable<Sized>, chosen: boolean): void;
  chooseAll(): void;
  clear(): void;
}

/** Begins anew whenever `of` is another. */
export function useChosen(of: unknown): Chosen {
  const [state, setState] = useState({ of, ...NOTHING });
  if (state.of !== of) setState({ of, ...NOTHING });

  const set = useCallback(
    (change: (before: State) => State) => setState((before) => ({ of, ...change(before) })),
    [of],
  );
  return useMemo(
    () => ({
      all: state.all,
      ids: state.ids,
      has: (id) => state.ids.has(id) !== state.all,
      count: (total) => (state.all ? total - state.ids.size : state.ids.size),
      bytes: (total) => {
        const counted = [...state.ids.values()].reduce((sum, size) => sum + size, 0);
        return state.all ? total - counted : counted;
      },
      toggle: ({ id, size }) =>
        set(({ all, ids }) => {
          const changed = new Map(ids);
          if (!changed.delete(id)) changed.set(id, size);
          return { all, ids: changed };
        }),
      put: (photos, chosen) =>
        set(({ all, ids }) => {
          const changed = new Map(ids);
          for (const { id, size } of photos) {
            if (all === chosen) changed.delete(id);
            else changed.set(id, size);
          }
          return { all, ids: changed };
        }),
      chooseAll: () => set(() => ({ all: true, ids: new Map() })),
      clear: () => set(() => NOTHING),
    }),
    [state, set],
  );
}
