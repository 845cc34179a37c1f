import { createHash } from "node:crypto";

import { describe, expect, it } from "vitest";

import { sha256 } from "./sha256";

describe("SHA-256 of our own", () => {
  it("is everybody's, whatever the length", () => {
    const bytes = Uint8Array.from({ length: 70_000 }, (_, at) => (at * 31 + (at >> 7)) % 256);
    for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 70_000]) {
      const data = bytes.subarray(0, length);
      const known = createHash("sha256").update(data).digest("hex");
      expect(Buffer.from(sha256(data)).toString("hex"), `${length} bytes`).toBe(known);
    }
  });
});
