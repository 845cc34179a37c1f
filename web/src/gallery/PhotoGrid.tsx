// The grid: justified rows by date, of which only those in view exist.

import { type FocusEvent, type KeyboardEvent, type MouseEvent, useEffect, useMemo, useRef, useState } from "react";

import { useNotices } from "../app/notices";
import { useSpeech } from "../i18n";
import type { Chosen } from "./chosen";
import { beside, gridOf, type Row, rowAt, rowOf, shownRatio } from "./layout";
import { type Source, usePhotos, useRange } from "./queries";
import { Scrubber } from "./Scrubber";
import { Tile } from "./Tile";
import { HEAD, useKeptPlace } from "./useKeptPlace";
import { useLongPress } from "./useLongPress";
import { useVisible, useWidth } from "./useVisible";

const OVERSCAN = 200; // Pixels.
const NARROW = 600;

export interface Layout {
  page: number;
  days: { day: string; photos: number }[];
  ratios: number[];
  cursors: string[];
}

interface Props {
  source: Source;
  layout: Layout;
  chosen: Chosen;
  /** What is pressed is chosen, not opened. */
  picking: boolean;
  onAll(): void;
  onOpen(id: string, at: number): void;
}

export function PhotoGrid({ source, layout, chosen, picking, onAll, onOpen }: Props) {
  const { t, day, month } = useSpeech();
  const { sayError } = useNotices();
  const element = useRef<HTMLDivElement>(null);
  const width = useWidth(element);
  const visible = useVisible(element);
  const [focus, setFocus] = useState(0);
  const [anchor, setAnchor] = useState(0);
  /** Where the range that was chosen last ends; null when something else was done since. */
  const [end, setEnd] = useState<number | null>(null);
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
  useKeptPlace(element, source, layout.days, grid);
  const first = rowAt(grid.rows, visible.top - OVERSCAN);
  const last = rowAt(grid.rows, visible.bottom + OVERSCAN);
  const rows = width ? grid.rows.slice(first, last + 1) : [];
  const pageOf = (at: number) => Math.floor(Math.max(at, 0) / layout.page);
  const photos = rows.filter(({ heading }) => heading === null);
  const photoAt = usePhotos(
    source, layout, pageOf(photos[0]?.start ?? 0), pageOf((photos.at(-1)?.stop ?? 1) - 1),
  );

  /** A range may begin here. */
  function begin(at: number) {
    setAnchor(at);
    setEnd(null);
  }

  /** A range from the anchor; less of it than before where the keyboard comes back. */
  function chooseTo(at: number) {
    const begun = chosen.count(ratios.length) > 0;
    const start = begun ? anchor : focus;
    const before = begun && end !== null ? end : start;
    const [from, to] = start < at ? [start, at] : [at, start];
    setAnchor(start);
    setEnd(at);
    if (from === 0 && to === ratios.length - 1) return onAll();
    const put = (first: number, stop: number, on: boolean) =>
      first < stop ? range(first, stop).then((photos) => chosen.put(photos, on)) : null;
    void Promise.all([put(from, to + 1, true), put(before, from, false), put(to + 1, before + 1, false)]).catch(sayError);
  }

  function onFocus({ target }: FocusEvent<HTMLDivElement>) {
    const at = target.closest<HTMLElement>("[data-at]")?.dataset.at;
    if (at !== undefined) setFocus(Number(at));
  }

  function onClick(event: MouseEvent<HTMLDivElement>) {
    const pressed = (event.target as Element).closest<HTMLElement>("[data-act]");
    const tile = pressed?.closest<HTMLElement>("[data-at]");
    if (!pressed || !tile) return;
    const at = Number(tile.dataset.at);
    const photo = photoAt(at);
    if (!photo) return;
    if (event.shiftKey) return chooseTo(at);
    setFocus(at);
    begin(at);
    const choosing = pressed.dataset.act === "choose" || event.ctrlKey || event.metaKey;
    if (choosing || picking) chosen.toggle(photo);
    else onOpen(photo.id, at);
  }

  const longPress = useLongPress((pressed) => {
    const photo = photoAt(Number(pressed.closest<HTMLElement>("[data-at]")?.dataset.at ?? -1));
    if (photo) chosen.toggle(photo);
  });

  function onKeyDown(event: KeyboardEvent<HTMLDivElement>) {
    if (event.altKey || event.ctrlKey || event.metaKey) return; // The browser's own: Alt with an arrow goes back.
    const onward = event.currentTarget.matches(":dir(rtl)") ? -1 : 1;
    const step: Record<string, () => number> = {
      ArrowLeft: () => focus - onward,
      ArrowRight: () => focus + onward,
      ArrowUp: () => beside(grid, ratios, focus, false),
      ArrowDown: () => beside(grid, ratios, focus, true),
      Home: () => 0,
      End: () => ratios.length - 1,
    };
    const photo = photoAt(focus);
    if (step[event.key]) {
      const to = Math.min(Math.max(step[event.key]?.() ?? focus, 0), ratios.length - 1);
      setFocus(to);
      // The keyboard stays in the grid until that photo is there: the tile that has it may go now.
      if (!tileOf(to)) element.current?.focus({ preventScroll: true });
      if (event.shiftKey) chooseTo(to);
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
  const loaded = photoAt(focus) !== undefined;
  useEffect(() => {
    const active = document.activeElement;
    if (!element.current?.contains(active) && active !== document.body) return;
    if (active === document.body && focus === 0) return;
    tileOf(focus)?.focus({ preventScroll: true });
  }, [focus, first, last, loaded]);

  const inView = photos.some(({ start, stop }) => start <= focus && focus < stop);
  const tabbed = inView ? focus : (photos[0]?.start ?? 0);
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
            <div key={row.start} className="grid-row" style={{ top: row.top, height: row.height }}>
              {placed(row, ratios).map(({ at, left, width: wide }) => {
                const photo = photoAt(at);
                return (
                  <Tile
                    key={at} at={at} photo={photo} left={left} width={wide} height={row.height}
                    chosen={photo ? chosen.has(photo.id) : false} focused={at === tabbed}
                    hurried={visible.hurried}
                  />
                );
              })}
            </div>
          ),
        )}
      </div>
      <Scrubber grid={grid} element={element} visible={visible} />
    </div>
  );
}

function placed(row: Row, ratios: readonly number[]) {
  let left = 0;
  return ratios.slice(row.start, row.stop).map((ratio, index) => {
    const width = shownRatio(ratio) * row.height;
    const place = { at: row.start + index, left, width };
    left += width + 4;
    return place;
  });
}
