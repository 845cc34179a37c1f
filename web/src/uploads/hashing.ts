// The worker that hashes, as a function.

import { hashOf } from "./sha256";
import type { Asked, Hashed } from "./worker";

let worker: Worker | undefined;
let missing = false;
const asked = new Map<number, { file: File; resolve: (sha256: string | null) => void }>();
let next = 0;

/** Null when the browser cannot read the file. */
export function hash(file: File): Promise<string | null> {
  // A page that is older than the server's release finds no worker of its own there any more.
  if (missing) return hashOf(file);
  worker ??= begun();
  next += 1;
  const message: Asked = { key: next, file };
  worker.postMessage(message);
  return new Promise((resolve) => asked.set(message.key, { file, resolve }));
}

function begun(): Worker {
  const begun = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  begun.onmessage = ({ data }: MessageEvent<Hashed>) => {
    asked.get(data.key)?.resolve(data.sha256);
    asked.delete(data.key);
  };
  begun.onerror = () => {
    missing = true;
    begun.terminate();
    for (const { file, resolve } of asked.values()) void hashOf(file).then(resolve);
    asked.clear();
  };
  return begun;
}
