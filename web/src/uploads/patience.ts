// When something is in the way that may pass: why, and how long until the next try.

import { passing, Problem } from "../api/client";

const MOST = 30_000; // Milliseconds.
/** What has nothing to do with the file that met it. */
const BUSY = [429, 503];

type What = "asked" | "sent";

/** An upload is tried again also where the server itself had failed. */
export const retriable = (error: unknown): error is Problem =>
  passing(error) || (error instanceof Problem && error.status === 500);
export const isBusy = (error: Problem) => BUSY.includes(error.status);

export class Patience {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private inVain = { asked: 0, sent: 0 }; // Times in a row.
  /** Until something works again. */
  trouble: string | null = null;

  constructor(private readonly wake: () => void) {}

  get resting(): boolean {
    return this.timer !== undefined;
  }

  /** Nothing is asked or sent for a while: longer each time, and not when other pages do. */
  rest(what: What, { message, retryAfter }: Problem) {
    if (this.resting) return;
    this.inVain[what] += 1;
    this.trouble = message;
    const wait = Math.min(1000 * 2 ** (this.inVain[what] - 1), MOST) * (0.75 + Math.random() / 2);
    this.timer = setTimeout(() => {
      this.end();
      this.wake();
    }, Math.max(wait, (retryAfter ?? 0) * 1000));
  }

  /** Also before its time. */
  end() {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  worked(what: What) {
    this.inVain[what] = 0;
    if (!this.inVain.asked && !this.inVain.sent) this.trouble = null;
  }

  forget() {
    this.end();
    this.worked("asked");
    this.worked("sent");
  }
}
