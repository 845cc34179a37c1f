// Finding and ordering labels as people write them.

import type { Label } from "../api/client";

const plain = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Those whose name or an alias contains the text. */
export function findLabels(labels: readonly Label[], text: string): Label[] {
  const wanted = plain(text.trim());
  return labels.filter(({ name, aliases }) =>
    [name, ...aliases].some((each) => plain(each).includes(wanted)),
  );
}

export type Order = "count" | "name";

export function ordered(labels: readonly Label[], order: Order): Label[] {
  const byName = (a: Label, b: Label) => a.name.localeCompare(b.name);
  return [...labels].sort(
    order === "name" ? byName : (a, b) => b.count - a.count || byName(a, b),
  );
}

/** The labels under this one; those under none of the others when it is null. */
export function childrenOf(labels: readonly Label[], parent: Label | null): Label[] {
  if (parent) return labels.filter(({ parents }) => parents.includes(parent.name));
  const names = new Set(labels.map(({ name }) => name));
  return labels.filter(({ parents }) => !parents.some((each) => names.has(each)));
}
