// Where each photo of the grid is: justified rows under headings by date. Pure functions.

export interface Day {
  day: string;
  photos: number;
}

export interface Row {
  top: number;
  height: number;
  /** The date of a heading; null for a row of photos. */
  heading: string | null;
  /** Photos of a row: from `start` to before `stop`. For a heading, those under it. */
  start: number;
  stop: number;
}

export interface Grid {
  rows: Row[];
  height: number;
  /** Headings are months where days have few photos. */
  monthly: boolean;
}

export interface Measures {
  /** Pixels. */
  width: number;
  rowHeight: number;
  gap: number;
  heading: number;
}

const FEW_A_DAY = 5;
/** A panorama or a strip is shown cropped rather than in a row of its own. */
const NARROWEST = 0.5;
const WIDEST = 3;

export const shownRatio = (hundredths: number) =>
  Math.min(Math.max(hundredths / 100, NARROWEST), WIDEST);

export function gridOf(days: readonly Day[], ratios: readonly number[], measures: Measures): Grid {
  const monthly = ratios.length < days.length * FEW_A_DAY;
  const rows: Row[] = [];
  let top = 0;
  let start = 0;
  for (const { day, photos } of monthly ? byMonth(days) : days) {
    const stop = start + photos;
    rows.push({ top, height: measures.heading, heading: day, start, stop });
    top += measures.heading;
    for (const row of justified(ratios, start, stop, measures)) {
      rows.push({ ...row, top, heading: null });
      top += row.height + measures.gap;
    }
    start = stop;
  }
  return { rows, height: top, monthly };
}

function byMonth(days: readonly Day[]): Day[] {
  const months: Day[] = [];
  for (const { day, photos } of days) {
    const last = months.at(-1);
    if (last?.day.slice(0, 7) === day.slice(0, 7)) last.photos += photos;
    else months.push({ day, photos });
  }
  return months;
}

function* justified(ratios: readonly number[], from: number, to: number, measures: Measures) {
  const { width, rowHeight, gap } = measures;
  let start = from;
  let sum = 0;
  for (let at = from; at < to; at += 1) {
    sum += shownRatio(ratios[at] ?? 100);
    const free = width - gap * (at - start);
    if (sum * rowHeight >= free) {
      yield { start, stop: at + 1, height: free / sum };
      start = at + 1;
      sum = 0;
    }
  }
  // The last row keeps the height, and is not drawn out.
  if (start < to) yield { start, stop: to, height: rowHeight };
}

/** The first row that ends below `y`. */
export function rowAt(rows: readonly Row[], y: number): number {
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows[middle];
    if (row && row.top + row.height < y) low = middle + 1;
    else high = middle;
  }
  return Math.max(low, 0);
}

/** The row of photos that has this one: the last to begin at it or before. */
export function rowOf(rows: readonly Row[], photo: number): number {
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((rows[middle]?.start ?? 0) <= photo) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Where a photo is among others: at the same place of its day, or by the next older day there is. */
export function movedTo(photo: number, before: readonly Day[], after: readonly Day[]): number {
  let start = 0;
  let day: string | undefined;
  for (const each of before) {
    day = each.day;
    if (photo < start + each.photos) break;
    start += each.photos;
  }
  let at = 0;
  for (const each of after) {
    if (each.day === day) return at + Math.min(photo - start, each.photos - 1);
    if (day !== undefined && each.day < day) break;
    at += each.photos;
  }
  return at;
}

/** The photo over or under this one: the nearest by its middle. */
export function beside(grid: Grid, ratios: readonly number[], photo: number, down: boolean): number {
  const from = rowOf(grid.rows, photo);
  let to = from + (down ? 1 : -1);
  while (grid.rows[to] && grid.rows[to]?.heading !== null) to += down ? 1 : -1;
  const [row, target] = [grid.rows[from], grid.rows[to]];
  if (!row || !target) return photo;
  const middle = middles(row, ratios)[photo - row.start] ?? 0;
  const targets = middles(target, ratios).map((each) => Math.abs(each - middle));
  return target.start + targets.indexOf(Math.min(...targets));
}

function middles(row: Row, ratios: readonly number[]): number[] {
  let left = 0;
  return ratios.slice(row.start, row.stop).map((ratio) => {
    const width = shownRatio(ratio) * row.height;
    left += width;
    return left - width / 2;
  });
}
