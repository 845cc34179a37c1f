// The grid: justified rows by date, of which only those in view exist.

import { type FocusEvent, type KeyboardEvent, type MouseEvent, useEffect, useMemo, useRef, useState } from "react";

import { useNotices } from "../app/notices";
import { useSpeech } from "../i18n";
import type { Chosen } from "./chosen";
import { beside, gridOf, type Row, rowAt, rowOf, shownRatio } from "./layout";
import type { Place } from "./place";
import { type Layout, type Source, usePhotos, useRange } from "./queries";
import { Scrubber } from "./Scrubber";
import { Tile } from "./Tile";
import { HEAD, useKeptPlace } from "./useKeptPlace";
import { useLongPress } from "./useLongPress";
import { type Spot, type View, useSettled } from "./useSettled";
import { useVisible, useWidth } from "./useVisible";

const OVERSCAN = 200; // Pixels.
const NARROW = 600;
const NEAR = 20; // Photos in which one is looked for.

interface Props {
  source: Source;
  layout: Layout;
  chosen: Chosen;
  /** What is pressed is chosen, not opened. */
  picking: boolean;
  onAll(): void;
  onOpen(id: string, place: Place): void;
}

export function PhotoGrid({ source, layout: newest, chosen, picking, onAll, onOpen }: Props) {
  const { t, day, month } = useSpeech();
  const { sayError } = useNotices();
  const element = useRef<HTMLDivElement>(null);
  const width = useWidth(element);
  const [visible, moved] = useVisible(element);
  const [focus, setFocus] = useState<Spot | null>(null);
  const [anchor, setAnchor] = useState<Spot | null>(null);
  /** Where the range that was chosen last ends; null when something else was done since. */
  const [end, setEnd] = useState<Spot | null>(null);
  /** What is being chosen of photos that are not here yet. */
  const turn = useRef<Promise<void> | null>(null);
  const view = useRef<View>({ first: { at: 0, id: undefined }, photos: 0, held: [] });
  const shown = useSettled(source, newest, view, (follow) => {
    for (const set of [setFocus, setAnchor, setEnd]) set((spot) => spot && follow(spot));
  });
  const { layout } = shown;
  const { ratios } = layout;
  const range = useRange(source, layout);

  const grid = useMemo(
    () =>
      gridOf(layout.days, layout.ratios, {
        width: width || 1000,
        rowHeight: width < NARROW ? 120 : 200,
        gap: 4,
        heading: 44,
      }),
    [layout, width],
  );
  const first = rowAt(grid.rows, visible.top - OVERSCAN);
  const last = rowAt(grid.rows, visible.bottom + OVERSCAN);
  const rows = width ? grid.rows.slice(first, last + 1) : [];
  const pageOf = (at: number) => Math.floor(Math.max(at, 0) / layout.page);
  const photos = rows.filter(({ heading }) => heading === null);
  const photoAt = usePhotos(
    source, layout, pageOf(photos[0]?.start ?? 0), pageOf((photos.at(-1)?.stop ?? 1) - 1),
  );

  const spotOf = (at: number): Spot => ({ at, id: photoAt(at)?.id });
  useKeptPlace(element, shown, grid, spotOf, moved);
  useEffect(() => {
    const start = photos[0]?.start ?? 0;
    const held = [focus, anchor, end].filter((spot) => spot?.id !== undefined) as Spot[];
    view.current = { first: spotOf(start), photos: (photos.at(-1)?.stop ?? start) - start, held };
  });

  /** A range may begin here. */
  function begin(at: number) {
    setAnchor(spotOf(at));
    setEnd(null);
  }

  /** A range from the anchor, or from here; less of it than before where the keyboard comes back. */
  function chooseTo(at: number, here: number) {
    const begun = anchor !== null && (chosen.count(ratios.length) > 0 || turn.current !== null);
    const start = begun ? placeOf(anchor) : here;
    const before = begun && end ? placeOf(end) : start;
    const [from, to] = start < at ? [start, at] : [at, start];
    if (!begun) setAnchor(spotOf(start));
    setEnd(spotOf(at));
    if (from === 0 && to === ratios.length - 1) return onAll();
    choose(from, to + 1, true);
    choose(before, from, false);
    choose(to + 1, before + 1, false);
  }

  /** At once where they are here, for the next key is about them; else in the order of the keys. */
  function choose(first: number, stop: number, on: boolean) {
    if (first >= stop) return;
    const here = Array.from({ length: stop - first }, (_, index) => photoAt(first + index));
    if (!turn.current && here.every((photo) => photo !== undefined)) return chosen.put(here, on);
    const mine = Promise.all([range(first, stop), turn.current])
      .then(([photos]) => chosen.put(photos, on))
      .catch(sayError)
      .finally(() => {
        if (turn.current === mine) turn.current = null;
      });
    turn.current = mine;
  }

  /** Where a photo is by now: photos are told anew before their layout is. */
  function placeOf({ at, id }: Spot) {
    const near = Array.from({ length: NEAR }, (_, by) => [at + by, at - by]).flat();
    return near.find((place) => id !== undefined && photoAt(place)?.id === id) ?? at;
  }

  /** The place of the tile that something is in. */
  function atOf(target: EventTarget) {
    const at = (target as Element).closest<HTMLElement>("[data-at]")?.dataset.at;
    return at === undefined ? null : Number(at);
  }

  function onFocus({ target }: FocusEvent<HTMLDivElement>) {
    const at = atOf(target);
    if (at !== null) setFocus(spotOf(at));
  }

  function onClick(event: MouseEvent<HTMLDivElement>) {
    const pressed = (event.target as Element).closest<HTMLElement>("[data-act]");
    const at = pressed && atOf(pressed);
    const photo = at === null ? undefined : photoAt(at);
    if (!pressed || at === null || !photo) return;
    if (event.shiftKey) return chooseTo(at, at);
    setFocus(spotOf(at));
    begin(at);
    const choosing = pressed.dataset.act === "choose" || event.ctrlKey || event.metaKey;
    if (choosing || picking) chosen.toggle(photo);
    else onOpen(photo.id, { at, of: ratios.length });
  }

  const longPress = useLongPress((pressed) => {
    const photo = photoAt(atOf(pressed) ?? -1);
    if (photo) chosen.toggle(photo);
  });

  function onKeyDown(event: KeyboardEvent<HTMLDivElement>) {
    if (event.altKey || event.ctrlKey || event.metaKey) return; // The browser's own: Alt with an arrow goes back.
    const onward = event.currentTarget.matches(":dir(rtl)") ? -1 : 1;
    const from = atOf(event.target) ?? focus?.at ?? 0;
    const step: Record<string, () => number> = {
      ArrowLeft: () => from - onward,
      ArrowRight: () => from + onward,
      ArrowUp: () => beside(grid, ratios, from, false),
      ArrowDown: () => beside(grid, ratios, from, true),
      Home: () => 0,
      End: () => ratios.length - 1,
    };
    const photo = photoAt(from);
    if (step[event.key]) {
      const to = Math.min(Math.max(step[event.key]?.() ?? from, 0), ratios.length - 1);
      setFocus(spotOf(to));
      // The keyboard stays in the grid until that photo is there: the tile that has it may go now.
      if (!tileOf(to)) element.current?.focus({ preventScroll: true });
      if (event.shiftKey) chooseTo(to, from);
      else begin(to);
      scrollToRow(grid.rows[rowOf(grid.rows, to)]);
    } else if (event.key === " " && photo) chosen.toggle(photo);
    else return;
    event.preventDefault();
  }

  function tileOf(at: number) {
    return element.current?.querySelector<HTMLElement>(`[data-at="${at}"] .tile-open`);
  }

  function scrollToRow(row: Row | undefined) {
    if (!row || !element.current) return;
    const from = element.current.getBoundingClientRect().top + row.top;
    if (from < HEAD) window.scrollBy(0, from - HEAD);
    else if (from + row.height > window.innerHeight) {
      window.scrollBy(0, from + row.height - window.innerHeight + 8);
    }
  }

  // The focus follows to a tile that has just come into being, or to its photo, that has just been loaded.
  const loaded = focus !== null && photoAt(focus.at) !== undefined;
  useEffect(() => {
    const active = document.activeElement;
    if (focus === null || (!element.current?.contains(active) && active !== document.body)) return;
    tileOf(focus.at)?.focus({ preventScroll: true });
  }, [focus, first, last, loaded]);

  const inView = focus !== null && photos.some(({ start, stop }) => start <= focus.at && focus.at < stop);
  const tabbed = inView ? focus.at : (photos[0]?.start ?? 0);
  const keys = new Set<string>(); // A photo is in two places while pages and layout are not of the same moment.
  return (
    <div className="grid-frame">
      <div
        ref={element} className="grid" role="group" aria-label={t.grid} tabIndex={-1}
        style={{ height: grid.height }} data-choosing={picking}
        onFocus={onFocus} onClick={onClick} onKeyDown={onKeyDown} {...longPress}
      >
        {rows.map((row) =>
          row.heading !== null ? (
            <h2 key={`d${row.start}`} className="grid-day" style={{ top: row.top, height: row.height }}>
              {grid.monthly ? month(row.heading) : day(row.heading)}
            </h2>
          ) : (
            placed(row, ratios).map(({ at, start, width: wide }) => {
              const photo = photoAt(at);
              const key = photo && !keys.has(photo.id) ? photo.id : `${at}`;
              keys.add(key);
              return (
                <Tile
                  key={key} at={at} photo={photo} top={row.top} start={start} width={wide} height={row.height}
                  chosen={photo ? chosen.has(photo.id) : false} focused={at === tabbed}
                  hurried={visible.hurried}
                />
              );
            })
          ),
        )}
      </div>
      <Scrubber grid={grid} element={element} visible={visible} />
    </div>
  );
}

function placed(row: Row, ratios: readonly number[]) {
  let start = 0;
  return ratios.slice(row.start, row.stop).map((ratio, index) => {
    const width = shownRatio(ratio) * row.height;
    const place = { at: row.start + index, start, width };
    start += width + 4;
    return place;
  });
}
