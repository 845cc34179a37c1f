// The queue of uploads. It lives outside of React: thousands of files change it many times a second.

import { answer, api, passing, Problem, SIGNED_OUT, type UploadAnswer } from "../api/client";
import { type Found, isReadable, opened, type Source } from "./files";
import { hash } from "./hashing";
import type { Hold, Item, Reasons, Snapshot, State, Tally } from "./item";
import { Aborted, type Place, send, type Sending } from "./sending";

const AT_ONCE = 4; // Browsers keep six connections to a server: one has its events, one is for looking.
const BATCH = 200; // Files asked about at once.
const GATHER = 150; // Milliseconds to wait for a fuller batch.
const TRIES = 6;
const SLICE = 20; // Milliseconds.
const OPENED = 25; // Files of folders opened at once.
const FINAL = new Set<State>(["added", "duplicate", "refused", "cancelled"]);
const NONE: Tally = { files: 0, bytes: 0, sent: 0, done: 0, added: 0, duplicate: 0, refused: 0, cancelled: 0 };
const RATE = 10_000; // Milliseconds over which the speed is measured.

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
  private timers = new Set<ReturnType<typeof setTimeout>>();
  private askingSoon: ReturnType<typeof setTimeout> | undefined;
  private unanswered = 0; // Questions in a row that reached nobody.
  private paused = false;
  private held: Hold | null = null;
  private owner: string | null = null;
  private listing = 0; // Drops whose folders are being read.
  private reading = new AbortController();
  private made = 0;
  private samples: { at: number; sent: number }[] = [];
  private listeners = new Set<() => void>();
  private snapshot: Snapshot = this.take();
  private frame = 0;

  private reasons: Reasons = { empty: "", unreadable: "", notPhoto: String };

  /** In which words it says why a file is refused. */
  speak(reasons: Reasons) {
    this.reasons = reasons;
  }

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

  /** Folders are read until `read` is done, or the signal says that nobody wants them any more. */
  async list(read: (signal: AbortSignal) => Promise<void>) {
    if (!this.busy()) this.clear();
    this.listing += 1;
    this.tell();
    await read(this.reading.signal);
    this.listing -= 1;
    this.tell();
  }

  refuseUnread(path: string) {
    const item = this.item(new File([], path), path);
    this.items.push(item);
    this.tally.files += 1;
    this.refuse(item, this.reasons.unreadable);
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
    this.samples = [];
    void this.ask();
    this.go();
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
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.forgetUnmeasured();
    this.waiting = [];
    this.asking = [];
    this.ready = [];
    for (const item of this.items) if (!FINAL.has(item.state)) this.settle(item, "cancelled");
    for (const sending of this.active.values()) sending.abort();
    this.paused = false;
    this.held = null;
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
    this.samples = [];
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
      this.refuse(item, this.reasons.unreadable);
    }
  }

  private check(item: Item, file: File) {
    if (FINAL.has(item.state)) return;
    const { size, type } = file;
    item.file = file;
    item.size = size;
    this.tally.bytes += size;
    if (size === 0) this.refuse(item, this.reasons.empty);
    else if (type && !type.startsWith("image/")) this.refuse(item, this.reasons.notPhoto(type));
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
      while (this.active.size < AT_ONCE && this.ready.length) void this.upload(this.ready.shift() as Item);
    }
    this.tell();
  }

  private async digest(item: Item) {
    this.hashing += 1;
    item.state = "hashing";
    const sha256 = await hash(item.file as File);
    this.hashing -= 1;
    if (item.state === "hashing") {
      if (sha256 === null) this.refuse(item, this.reasons.unreadable);
      else {
        item.sha256 = sha256;
        this.asking.push(item);
        if (this.asking.length >= BATCH) void this.ask();
        else this.askingSoon ??= setTimeout(() => void this.ask(), GATHER);
      }
    }
    this.go();
  }

  private async ask() {
    clearTimeout(this.askingSoon);
    this.askingSoon = undefined;
    if (this.paused) return;
    const items = this.asking.splice(0, BATCH);
    if (!items.length) return;
    try {
      const answers = await answer(api.POST("/api/uploads", {
        body: items.map(({ source: { name }, file, size, sha256 }) => ({
          name, size, sha256: sha256 ?? "",
          type: file && /^[ -~]{1,100}$/.test(file.type) ? file.type : "application/octet-stream",
        })),
      }));
      this.unanswered = 0;
      items.forEach((item, at) => this.answered(item, answers[at]));
    } catch (error) {
      const waiting = items.filter(({ state }) => !FINAL.has(state));
      if (holding(error)) {
        this.asking.unshift(...waiting);
        this.hold(error);
      } else if (passing(error)) {
        this.unanswered += 1; // However long it takes.
        for (const item of waiting) item.state = "retrying";
        this.later(this.unanswered, () => {
          this.asking.push(...items.filter(({ state }) => state === "retrying"));
          void this.ask();
        }, error instanceof Problem ? error.retryAfter : null);
      } else {
        for (const item of items) this.refuse(item, (error as Error).message);
      }
    }
    if (this.asking.length) this.askingSoon ??= setTimeout(() => void this.ask(), GATHER);
    this.go();
  }

  private answered(item: Item, said: UploadAnswer | undefined) {
    if (FINAL.has(item.state)) return;
    if (said?.state === "duplicate") this.settle(item, "duplicate");
    else if (said?.state === "upload" && said.upload) {
      item.upload = said.upload;
      item.state = "ready";
      this.ready.push(item);
    } else {
      const { detail, title } = (said?.problem ?? {}) as { detail?: string; title?: string };
      this.refuse(item, detail ?? title ?? "");
    }
  }

  private async upload(item: Item) {
    item.state = "sending";
    const sending = send(item.file as File, item.upload as Place, (sent) => this.progress(item, sent));
    this.active.set(item, sending);
    try {
      this.settle(item, await sending.done);
    } catch (error) {
      const changed = error instanceof Problem && error.status === 0 && !(await isReadable(item.file as File));
      this.failed(item, changed ? new Problem(422, this.reasons.unreadable) : error);
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
    item.tries += 1;
    const stale = error instanceof Problem && error.status === 403;
    if ((passing(error) || stale) && item.tries < TRIES) {
      item.state = "retrying";
      this.later(item.tries, () => {
        if (item.state !== "retrying") return;
        // The upload's address may have expired: ask for another.
        this.asking.push(item);
        void this.ask();
      }, error instanceof Problem ? error.retryAfter : null);
    } else this.refuse(item, (error as Error).message);
  }

  /** Wait longer each time, and not all together. */
  private later(tries: number, act: () => void, seconds: number | null = null) {
    const wait = seconds ? seconds * 1000 : Math.min(1000 * 2 ** (tries - 1), 30_000) * (0.75 + Math.random() / 2);
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      act();
      this.go();
    }, wait);
    this.timers.add(timer);
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
      busy: this.busy(),
      listing: this.listing > 0,
      remaining: this.remaining(),
    };
  }

  private remaining(): number | null {
    const now = performance.now();
    this.samples = [...this.samples.filter(({ at }) => now - at < RATE), { at: now, sent: this.tally.sent }];
    const [first] = this.samples;
    if (!first || now - first.at < 1000) return null;
    const rate = (this.tally.sent - first.sent) / (now - first.at);
    return rate > 0 ? (this.tally.bytes - this.tally.sent) / rate / 1000 : null;
  }
}

const holding = (error: unknown): error is Problem =>
  error instanceof Problem && (error.status === 401 || error.status === 507);
