// Where the photo that is looked at is among the others, which come and go meanwhile.

import type { Photo } from "../api/client";

/** Where it was when it was opened, of how many. */
export interface Place {
  at: number;
  of: number;
}

const AROUND = 20; // Photos in which it is looked for beyond where it can be.

/** The place so many photos on from this one's; when it has gone, the next one has moved up into its place. */
export async function placeBeside(
  by: number, id: string, { at, of }: Place, total: number, range: (start: number, stop: number) => Promise<Photo[]>,
): Promise<number> {
  const moved = at + total - of; // If all that came or went is newer.
  const start = Math.max(Math.min(at, moved) - AROUND, 0);
  const photos = await range(start, Math.min(Math.max(at, moved) + AROUND, total));
  const found = photos.findIndex((each) => each.id === id);
  if (found >= 0) return start + found + by;
  return by > 0 ? at + by - 1 : at + by;
}
