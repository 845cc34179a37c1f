// Where the photo that is looked at is among the others, which come and go meanwhile.

import type { Photo } from "../api/client";

/** Where it was when it was opened, of how many. */
export interface Place {
  at: number;
  of: number;
}

const AROUND = 20; // Photos in which it is looked for beyond where it can be.

/** The places among which it is now: from the first to before the second. */
export function around({ at, of }: Place, total: number): [number, number] {
  const moved = at + total - of; // If all that came or went is newer.
  return [Math.max(Math.min(at, moved) - AROUND, 0), Math.min(Math.max(at, moved) + AROUND, total)];
}

/** The place so many photos on from this one's; when it has gone, the next one has moved up into its place. */
export async function placeBeside(
  by: number, id: string, place: Place, total: number, range: (start: number, stop: number) => Promise<Photo[]>,
): Promise<number> {
  const [start, stop] = around(place, total);
  const found = (await range(start, stop)).findIndex((each) => each.id === id);
  if (found >= 0) return start + found + by;
  return by > 0 ? place.at + by - 1 : place.at + by;
}
