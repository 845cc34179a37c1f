// SHA-256 of files, also where the browser has none: it hides its own from pages that come by plain http.

// Only there where the address is https or this machine.
const subtle = globalThis.crypto.subtle as SubtleCrypto | undefined;

const ROOTS = Uint32Array.from(primes(64), (prime) => fraction(Math.cbrt(prime)));
const START = Uint32Array.from(primes(8), (prime) => fraction(Math.sqrt(prime)));
const BLOCK = 64; // Bytes.

function primes(count: number): number[] {
  const found: number[] = [];
  for (let each = 2; found.length < count; each += 1) {
    if (found.every((prime) => each % prime !== 0)) found.push(each);
  }
  return found;
}

function fraction(value: number): number {
  return ((value - Math.floor(value)) * 2 ** 32) >>> 0;
}

/** In hex; null when the file is gone, or larger than the browser can hold. */
export async function hashOf(file: File): Promise<string | null> {
  try {
    const data = await file.arrayBuffer();
    const digest = subtle
      ? new Uint8Array(await subtle.digest("SHA-256", data))
      : sha256(new Uint8Array(data));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  } catch {
    return null;
  }
}

export function sha256(data: Uint8Array): Uint8Array {
  const state = START.slice();
  const schedule = new Uint32Array(BLOCK);
  const whole = data.length - (data.length % BLOCK);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < whole; at += BLOCK) mix(state, schedule, view, at);

  // What is left, one bit, and the length in bits at the end of the last block.
  const rest = data.length - whole;
  const last = new Uint8Array(rest + 9 > BLOCK ? 2 * BLOCK : BLOCK);
  last.set(data.subarray(whole));
  last[rest] = 0x80;
  const end = new DataView(last.buffer);
  end.setUint32(last.length - 8, Math.floor(data.length / 2 ** 29));
  end.setUint32(last.length - 4, data.length << 3);
  for (let at = 0; at < last.length; at += BLOCK) mix(state, schedule, end, at);

  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, at) => digest.setUint32(at * 4, word));
  return new Uint8Array(digest.buffer);
}

function mix(state: Uint32Array, w: Uint32Array, block: DataView, from: number) {
  for (let at = 0; at < 16; at += 1) w[at] = block.getUint32(from + at * 4);
  for (let at = 16; at < 64; at += 1) {
    const a = w[at - 15] as number;
    const b = w[at - 2] as number;
    const low = ((a >>> 7) | (a << 25)) ^ ((a >>> 18) | (a << 14)) ^ (a >>> 3);
    const high = ((b >>> 17) | (b << 15)) ^ ((b >>> 19) | (b << 13)) ^ (b >>> 10);
    w[at] = (w[at - 16] as number) + low + (w[at - 7] as number) + high;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as
    [number, number, number, number, number, number, number, number];
  for (let at = 0; at < 64; at += 1) {
    const high = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const one = (h + high + ((e & f) ^ (~e & g)) + (ROOTS[at] as number) + (w[at] as number)) | 0;
    const low = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const two = (low + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, at) => {
    state[at] = (state[at] as number) + word;
  });
}
