// Finding and ordering labels as people write them.

import type { Label } from "../api/client";
import type { Selection } from "./selection";

const plain = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Those whose name or an alias contains the text. */
export function findLabels(labels: readonly Label[], text: string): Label[] {
  const wanted = plain(text.trim());
  return labels.filter(({ name, aliases }) =>
    [name, ...aliases].some((each) => plain(each).includes(wanted)),
  );
}

const folded = (text: string) => text.trim().normalize("NFC").toLowerCase();

/** The label of this name; else the one that has it as an alias, or had it before. */
export function labelCalled(labels: readonly Label[], text: string): Label | undefined {
  const wanted = folded(text);
  return (
    labels.find(({ name }) => folded(name) === wanted) ??
    labels.find(({ aliases }) => aliases.some((each) => folded(each) === wanted))
  );
}

/** The selection by the names that its labels have now: an address may be older, or have aliases. */
export function inOwnNames({ any, all, none, q }: Selection, labels: readonly Label[]): Selection {
  const own = (names: string[]) => [...new Set(names.map((name) => labelCalled(labels, name)?.name ?? name))];
  return { any: own(any), all: own(all), none: own(none), q };
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
