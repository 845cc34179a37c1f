// Hashes files away from the page: SHA-256, in hex.

import { sha256 } from "./sha256";

export interface Asked {
  key: number;
  file: File;
}
export interface Hashed {
  key: number;
  sha256: string | null;
}

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Asked>) => void;
  postMessage(message: Hashed): void;
};
// Only there where the address is https or this machine.
const subtle = crypto.subtle as SubtleCrypto | undefined;

scope.onmessage = async ({ data: { key, file } }) => {
  let hex: string | null = null;
  try {
    const data = await file.arrayBuffer();
    const digest = subtle
      ? new Uint8Array(await subtle.digest("SHA-256", data))
      : sha256(new Uint8Array(data));
    hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  } catch {
    // The file is gone, or larger than the browser can hold.
  }
  scope.postMessage({ key, sha256: hex });
};
