// The bundles, and what each is called.

import { queryOptions } from "@tanstack/react-query";

import { answer, api, type Bundle } from "../api/client";
import type { Messages } from "../i18n/catalogue";
import { described } from "../labels/selection";

export const bundlesOptions = () =>
  queryOptions({ queryKey: ["bundles"], queryFn: () => answer(api.GET("/api/bundles")) });

/** By what it was asked for: "Any of Lake, Sea · Without 2 photos". */
export function titleOf(t: Messages, { selection, q, left_out: without, photos }: Bundle): string {
  const title = described(t, { ...selection, q }) || t.photos(photos);
  return without > 0 ? `${title} · ${t.leftOut(without)}` : title;
}
