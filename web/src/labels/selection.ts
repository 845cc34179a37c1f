// Which photos are selected: any, all and none of labels, and part of a name. The address keeps it.

import { useMemo } from "react";
import { useSearchParams } from "react-router";

import type { Messages } from "../i18n/catalogue";

export const MODES = ["any", "all", "none"] as const;
export type Mode = (typeof MODES)[number];

export interface Selection {
  any: string[];
  all: string[];
  none: string[];
  q: string;
}

/** Characters of a name that the server looks for. */
export const LONGEST_Q = 200;

export const EVERYTHING: Selection = { any: [], all: [], none: [], q: "" };

export const isEverything = ({ any, all, none, q }: Selection) =>
  any.length + all.length + none.length === 0 && !q;

export const labelsOf = ({ any, all, none }: Selection) => ({ any, all, none });

export function selectionOf(parameters: URLSearchParams): Selection {
  return {
    any: parameters.getAll("any"),
    all: parameters.getAll("all"),
    none: parameters.getAll("none"),
    q: parameters.get("q") ?? "",
  };
}

export function parametersOf(selection: Partial<Selection>): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const mode of MODES) {
    for (const label of new Set(selection[mode])) parameters.append(mode, label);
  }
  if (selection.q) parameters.set("q", selection.q);
  return parameters;
}

export const addressOf = (selection: Partial<Selection>) => {
  const parameters = parametersOf(selection);
  return parameters.size ? `/?${parameters}` : "/";
};

export function modeOf(selection: Selection, label: string): Mode | null {
  return MODES.find((mode) => selection[mode].includes(label)) ?? null;
}

/** The selection with the label in this mode alone, or in none. */
export function withLabel(selection: Selection, label: string, mode: Mode | null): Selection {
  const without = (labels: string[]) => labels.filter((each) => each !== label);
  const { any, all, none, q } = selection;
  const changed = { any: without(any), all: without(all), none: without(none), q };
  if (mode) changed[mode] = [...changed[mode], label];
  return changed;
}

/** "Any of Lake, Sea · None of Dog · Named “IMG”" */
export function described(t: Messages, { any, all, none, q }: Partial<Selection>): string {
  const part = (title: string, labels: string[] = []) => labels.length > 0 && `${title} ${labels.join(", ")}`;
  return [part(t.anyOf, any), part(t.allOf, all), part(t.noneOf, none), q && t.named(q)].filter(Boolean).join(" · ");
}

export function useSelection() {
  const [parameters, setParameters] = useSearchParams();
  const text = parametersOf(selectionOf(parameters)).toString();
  // The same selection stays the same object whatever else the address says.
  const selection = useMemo(() => selectionOf(new URLSearchParams(text)), [text]);
  const select = (wanted: Selection) => setParameters(parametersOf(wanted));
  return { selection, select };
}
