// How fast bytes go, from how many there were a little earlier.

const OVER = 10_000; // Milliseconds.

export class Rate {
  private samples: { at: number; sent: number }[] = [];

  forget() {
    this.samples = [];
  }

  /** Seconds left, once that can be told. */
  remaining(sent: number, bytes: number): number | null {
    const now = performance.now();
    this.samples = [...this.samples.filter(({ at }) => now - at < OVER), { at: now, sent }];
    const [first] = this.samples;
    if (!first || now - first.at < 1000) return null;
    const rate = (sent - first.sent) / (now - first.at);
    return rate > 0 ? (bytes - sent) / rate / 1000 : null;
  }
}
