// What there is to say of a file that is uploaded, and of all of them.

import type { UploadAnswer } from "../api/client";
import type { Source } from "./files";

export type State =
  | "queued" | "hashing" | "ready" | "sending" | "retrying"
  | "added" | "duplicate" | "refused" | "cancelled";

export interface Item {
  key: number;
  source: Source;
  path: string;
  /** Once it was opened. */
  file: File | null;
  /** Bytes; 0 until it was asked for. */
  size: number;
  state: State;
  sent: number;
  /** Why it was refused, or must be tried again. */
  reason: string;
  upload: NonNullable<UploadAnswer["upload"]> | null;
  sha256: string | null;
  tries: number;
}

/** Why everything waits: somebody must sign in, or make room on the server. */
export interface Hold {
  why: "signed-out" | "full";
  text: string;
}

export interface Tally {
  files: number;
  bytes: number;
  sent: number;
  done: number;
  added: number;
  duplicate: number;
  refused: number;
  cancelled: number;
}

export interface Snapshot {
  items: readonly Item[];
  tally: Tally;
  paused: boolean;
  /** Paused by the server, and why. */
  held: Hold | null;
  busy: boolean;
  /** Why nothing goes on at the moment. */
  trouble: string | null;
  /** Folders are still being read. */
  listing: boolean;
  /** Seconds left, once that can be told. */
  remaining: number | null;
}
