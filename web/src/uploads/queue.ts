// The queue of uploads. It lives outside of React: thousands of files change it many times a second.

import { answer, api, Problem, problemOf, SIGNED_OUT, unreached, type UploadAnswer } from "../api/client";
import { messages } from "../i18n/catalogue";
import { type Found, isReadable, type Listing, opened, type Source } from "./files";
import { hash } from "./hashing";
import type { Hold, Item, Snapshot, State, Tally } from "./item";
import { isBusy, Patience, retriable } from "./patience";
import { Rate } from "./rate";
import { Aborted, type Place, send, type Sending } from "./sending";

const AT_ONCE = 4; // Browsers keep six connections to a server: one has its events, one is for looking.
const BATCH = 200; // Files asked about at once.
const GATHER = 150; // Milliseconds to wait for a fuller batch.
const TRIES = 6;
const ANSWERED = 60_000; // Milliseconds until a question is given up.
const EXPIRED = 403; // The upload's address, most likely.
const SLICE = 20; // Milliseconds.
const OPENED = 25; // Files of folders opened at once.
const FINAL = new Set<State>(["added", "duplicate", "refused", "cancelled"]);
const NONE: Tally = { files: 0, bytes: 0, sent: 0, done: 0, added: 0, duplicate: 0, refused: 0, cancelled: 0 };

export class UploadQueue {
  private items: Item[] = [];
  private tally: Tally = { ...NONE };
  private hashing = 0;
  private unmeasured: Item[] = []; // Whose size is not known, from `measured` on.
  private measured = 0;
  private measuring = false;
  private waiting: Item[] = []; // For their hash.
  private asking: Item[] = []; // For the server to say whether they are here.
  private ready: Item[] = [];
  private active = new Map<Item, Sending>();
  private patience = new Patience(() => this.goOn());
  private askingSoon: ReturnType<typeof setTimeout> | undefined;
  private paused = false;
  private held: Hold | null = null;
  private owner: string | null = null;
  private listing = 0; // Drops whose folders are being read.
  private reading = new AbortController();
  private made = 0;
  private rate = new Rate();
  private listeners = new Set<() => void>();
  private snapshot: Snapshot = this.take();
  private frame = 0;

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  current = () => this.snapshot;

  /** Whose photos these are from now on; another's are forgotten. What waited for them goes on. */
  signedIn(owner: string) {
    if (this.owner !== owner) {
      this.cancel();
      this.clear();
    }
    this.owner = owner;
    if (this.held?.why === "signed-out") this.resume();
  }

  add(files: Iterable<Found>) {
    if (!this.busy()) this.clear();
    for (const { source, path } of files) this.admit(this.item(source, path));
    this.go();
  }

  /** How many files `read` finds; null when it was cancelled. */
  async list(read: (listing: Listing) => Promise<void>): Promise<number | null> {
    if (!this.busy()) this.clear();
    this.listing += 1;
    this.tell();
    const { signal } = this.reading;
    let count = 0;
    await read({
      signal,
      found: (files) => {
        count += files.length;
        this.add(files);
      },
      unread: (path) => {
        count += 1;
        this.refuseUnread(path);
      },
    });
    this.listing -= 1;
    this.tell();
    return signal.aborted ? null : count;
  }

  private refuseUnread(path: string) {
    const item = this.item(new File([], path), path);
    this.items.push(item);
    this.tally.files += 1;
    this.refuse(item, messages().fileUnreadable);
    this.tell();
  }

  pause() {
    this.paused = true;
    for (const sending of this.active.values()) sending.abort();
    this.tell();
  }

  resume() {
    this.paused = false;
    this.held = null;
    this.rate.forget();
    this.patience.end();
    this.goOn();
  }

  /** What the server answers to one file it would answer to all: they wait until that is mended. */
  private hold(error: Problem) {
    const why = error.status === 401 ? "signed-out" : "full";
    this.paused = true;
    this.held = { why, text: error.message };
    if (why === "signed-out") document.dispatchEvent(new Event(SIGNED_OUT));
  }

  cancel() {
    this.reading.abort();
    this.reading = new AbortController();
    this.forgetUnmeasured();
    this.waiting = [];
    this.asking = [];
    this.ready = [];
    for (const item of this.items) if (!FINAL.has(item.state)) this.settle(item, "cancelled");
    for (const sending of this.active.values()) sending.abort();
    this.paused = false;
    this.held = null;
    this.patience.forget();
    this.tell();
  }

  /** Once more: what was refused, or cancelled. */
  retry() {
    const again = this.items.filter(({ state }) => state === "refused" || state === "cancelled");
    this.items = this.items.filter(({ state }) => state !== "refused" && state !== "cancelled");
    for (const item of again) {
      this.tally.files -= 1;
      this.tally.bytes -= item.size;
      this.tally.sent -= item.size;
      this.tally.done -= 1;
      this.tally[item.state === "refused" ? "refused" : "cancelled"] -= 1;
    }
    for (const { source, path } of again) this.admit(this.item(source, path));
    this.go();
  }

  clear() {
    this.items = [];
    this.tally = { ...NONE };
    this.rate.forget();
    this.patience.forget();
    this.tell();
  }

  busy(): boolean {
    return this.tally.done < this.tally.files || this.listing > 0;
  }

  private item(source: Source, path: string): Item {
    this.made += 1;
    return {
      key: this.made, source, path, file: null, size: 0, state: "queued", sent: 0, reason: "",
      upload: null, sha256: null, tries: 0,
    };
  }

  private admit(item: Item) {
    this.items.push(item);
    this.tally.files += 1;
    this.unmeasured.push(item);
    if (!this.measuring) void this.measure();
  }

  /** The browser asks the disk for every size, and the page waits: a few at a time, then it breathes. */
  private async measure() {
    this.measuring = true;
    do {
      await new Promise((breathe) => setTimeout(breathe));
      const until = performance.now() + SLICE;
      const opening: Promise<void>[] = [];
      while (this.unmeasured.length > this.measured && opening.length < OPENED && performance.now() < until) {
        const item = this.unmeasured[this.measured++] as Item;
        if (item.source instanceof File) this.check(item, item.source);
        else opening.push(this.open(item, item.source));
      }
      await Promise.all(opening);
      this.go();
    } while (this.unmeasured.length > this.measured);
    this.forgetUnmeasured();
    this.measuring = false;
  }

  private async open(item: Item, entry: FileSystemFileEntry) {
    try {
      this.check(item, await opened(entry));
    } catch {
      this.refuse(item, messages().fileUnreadable);
    }
  }

  private check(item: Item, file: File) {
    if (FINAL.has(item.state)) return;
    const { size, type } = file;
    item.file = file;
    item.size = size;
    this.tally.bytes += size;
    if (size === 0) this.refuse(item, messages().fileEmpty);
    else if (type && !type.startsWith("image/")) this.refuse(item, messages().fileNotPhoto(type));
    else this.waiting.push(item);
  }

  private forgetUnmeasured() {
    this.unmeasured = [];
    this.measured = 0;
  }

  private go() {
    if (!this.paused) {
      // One file ahead of what is asked: the worker takes them one after the other.
      while (this.hashing < 2 && this.waiting.length) void this.digest(this.waiting.shift() as Item);
      while (!this.patience.resting && this.active.size < AT_ONCE && this.ready.length) void this.upload(this.ready.shift() as Item);
    }
    this.tell();
  }

  private async digest(item: Item) {
    this.hashing += 1;
    item.state = "hashing";
    const sha256 = await hash(item.file as File);
    this.hashing -= 1;
    if (item.state === "hashing") {
      if (sha256 === null) this.refuse(item, messages().fileUnreadable);
      else {
        item.sha256 = sha256;
        this.asking.push(item);
        if (this.asking.length >= BATCH) void this.ask();
        else this.askSoon();
      }
    }
    this.go();
  }

  private askSoon() {
    this.askingSoon ??= setTimeout(() => void this.ask(), GATHER);
  }

  private async ask() {
    clearTimeout(this.askingSoon);
    this.askingSoon = undefined;
    if (this.paused || this.patience.resting) return;
    const items = this.asking.splice(0, BATCH);
    if (!items.length) return;
    const asked = new AbortController();
    const late = setTimeout(() => asked.abort(unreached()), ANSWERED);
    try {
      const answers = await answer(api.POST("/api/uploads", {
        body: items.map(({ source: { name }, file, size, sha256 }) => ({
          name, size, sha256: sha256 ?? "",
          type: file && /^[ -~]{1,100}$/.test(file.type) ? file.type : "application/octet-stream",
        })),
        signal: asked.signal,
      }));
      this.patience.worked("asked");
      items.forEach((item, at) => this.answered(item, answers[at]));
    } catch (error) {
      const waiting = items.filter(({ state }) => !FINAL.has(state));
      if (holding(error)) {
        this.asking.unshift(...waiting);
        this.hold(error);
      } else if (retriable(error)) { // However long it takes.
        for (const item of waiting) this.postpone(item, error);
        this.patience.rest("asked", error);
      } else {
        for (const item of waiting) this.refuse(item, (error as Error).message);
      }
    } finally {
      clearTimeout(late);
    }
    if (this.asking.length) this.askSoon();
    this.go();
  }

  private answered(item: Item, said: UploadAnswer | undefined) {
    if (FINAL.has(item.state)) return;
    item.reason = "";
    if (said?.state === "duplicate") this.settle(item, "duplicate");
    else if (said?.state === "upload" && said.upload) {
      item.upload = said.upload;
      item.state = "ready";
      this.ready.push(item);
    } else {
      this.refuse(item, problemOf(Number(said?.problem?.status), said?.problem).message);
    }
  }

  private async upload(item: Item) {
    item.state = "sending";
    const sending = send(
      item.file as File, item.sha256 as string, item.upload as Place, (sent) => this.progress(item, sent),
    );
    this.active.set(item, sending);
    try {
      this.settle(item, await sending.done);
      this.patience.worked("sent");
    } catch (error) {
      const changed = error instanceof Problem && error.status === 0 && !(await isReadable(item.file as File));
      this.failed(item, changed ? new Problem(422, messages().fileUnreadable) : error);
    } finally {
      this.active.delete(item);
    }
    this.go();
  }

  private failed(item: Item, error: unknown) {
    if (FINAL.has(item.state)) return;
    this.progress(item, 0);
    if (error instanceof Aborted || holding(error)) {
      item.state = "ready";
      this.ready.unshift(item);
      if (holding(error)) this.hold(error);
      return;
    }
    const problem = error as Problem;
    if (!isBusy(problem)) item.tries += 1;
    if ((!retriable(error) && problem.status !== EXPIRED) || item.tries >= TRIES) {
      this.refuse(item, problem.message);
      return;
    }
    this.postpone(item, problem);
    if (retriable(error)) this.patience.rest("sent", error);
    else this.askSoon();
  }

  /** It is asked about again: it may have come after all, and its address may be too old by then. */
  private postpone(item: Item, error: Problem) {
    item.state = "retrying";
    item.reason = error.message;
    this.asking.push(item);
  }

  private goOn() {
    void this.ask();
    this.go();
  }

  private progress(item: Item, sent: number) {
    this.tally.sent += sent - item.sent;
    item.sent = sent;
    this.tell();
  }

  private refuse(item: Item, reason: string) {
    item.reason = reason;
    this.settle(item, "refused");
  }

  private settle(item: Item, state: "added" | "duplicate" | "refused" | "cancelled") {
    if (FINAL.has(item.state)) return;
    this.progress(item, item.size);
    item.state = state;
    this.tally.done += 1;
    this.tally[state] += 1;
  }

  /** What is shown follows at most once a frame. */
  private tell() {
    if (this.frame) return;
    this.frame = window.setTimeout(() => {
      this.frame = 0;
      this.snapshot = this.take();
      for (const listener of this.listeners) listener();
    }, 100);
  }

  private take(): Snapshot {
    return {
      items: this.items,
      tally: { ...this.tally },
      paused: this.paused,
      held: this.held,
      trouble: this.patience.trouble,
      busy: this.busy(),
      listing: this.listing > 0,
      remaining: this.rate.remaining(this.tally.sent, this.tally.bytes),
    };
  }
}

const holding = (error: unknown): error is Problem =>
  error instanceof Problem && (error.status === 401 || error.status === 507);
