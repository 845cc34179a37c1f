// Hashes files away from the page: SHA-256, in hex.

import { hashOf } from "./sha256";

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

scope.onmessage = async ({ data: { key, file } }) => scope.postMessage({ key, sha256: await hashOf(file) });
