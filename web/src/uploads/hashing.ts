// The worker that hashes, as a function.

import type { Asked, Hashed } from "./worker";

let worker: Worker | undefined;
const asked = new Map<number, (sha256: string | null) => void>();
let next = 0;

/** Null when the browser cannot read the file. */
export function hash(file: File): Promise<string | null> {
  if (!worker) {
    worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Hashed>) => {
      asked.get(data.key)?.(data.sha256);
      asked.delete(data.key);
    };
  }
  next += 1;
  const message: Asked = { key: next, file };
  worker.postMessage(message);
  return new Promise((resolve) => asked.set(message.key, resolve));
}
