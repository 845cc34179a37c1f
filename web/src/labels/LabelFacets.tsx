// Beside the gallery: the labels within the selection, to narrow it by pressing them.

import { useState } from "react";

import type { Label } from "../api/client";
import { useSpeech } from "../i18n";
import { findLabels, inOwnNames } from "./find";
import { useLabels } from "./queries";
import { modeOf, type Selection, useSelection, withLabel } from "./selection";

const SHOWN = 25;

export function LabelFacets() {
  const { t } = useSpeech();
  const { selection: asked, select } = useSelection();
  const every = useLabels();
  const selection = inOwnNames(asked, every.data ?? []);
  const [text, setText] = useState("");
  const [preferred, setPreferred] = useState<"any" | "all">("all");
  const any = selection.any.length > 0 || (preferred === "any" && selection.all.length === 0);
  // With "all" the counts say what is left; with "any" what would come.
  const within = useLabels(any ? { ...selection, any: [] } : selection);
  const counts = new Map(within.data?.map(({ name, count }) => [name, count]));
  const labels = findLabels(every.data ?? [], text)
    .map((label) => ({ ...label, count: counts.get(label.name) ?? 0 }))
    .filter(({ name, count, hidden }) => (count > 0 && !hidden) || modeOf(selection, name))
    .sort((a, b) => Number(Boolean(modeOf(selection, b.name))) - Number(Boolean(modeOf(selection, a.name))) || b.count - a.count)
    .slice(0, SHOWN);

  function match(wanted: boolean) {
    const chosen = [...selection.any, ...selection.all];
    setPreferred(wanted ? "any" : "all");
    if (chosen.length) select({ ...selection, any: wanted ? chosen : [], all: wanted ? [] : chosen });
  }

  if (every.data?.length === 0) return null;
  return (
    <section className="facets" aria-labelledby="facets-title">
      <div className="facets-head">
        <h2 id="facets-title">{t.labels}</h2>
        <div className="facets-match" role="group" aria-label={t.match}>
          <button type="button" aria-pressed={!any} onClick={() => match(false)}>{t.matchAll}</button>
          <button type="button" aria-pressed={any} onClick={() => match(true)}>{t.matchAny}</button>
        </div>
      </div>
      <input
        type="search" className="field" value={text} placeholder={t.findLabel} aria-label={t.findLabel}
        onChange={({ target }) => setText(target.value)}
      />
      <ul className="facets-list">
        {labels.map((label) => (
          <Facet
            key={label.name} label={label} any={any} selection={selection} select={select}
          />
        ))}
      </ul>
      {text && labels.length === 0 && <p className="quiet">{t.noMatch}</p>}
    </section>
  );
}

interface FacetProps {
  label: Label;
  any: boolean;
  selection: Selection;
  select(selection: Selection): void;
}

function Facet({ label: { name, count, hidden }, any, selection, select }: FacetProps) {
  const { t, number } = useSpeech();
  const mode = modeOf(selection, name);
  const none = mode === "none";
  return (
    <li className="facet" data-mode={mode}>
      <button
        type="button" className="facet-main" aria-pressed={mode === "any" || mode === "all"}
        onClick={() => select(withLabel(selection, name, mode ? null : any ? "any" : "all"))}
      >
        <span className="facet-name">{hidden ? t.labelIsHidden(name) : name}</span>
        <span className="facet-count">{none ? "−" : number(count)}</span>
      </button>
      <button
        type="button" className="facet-exclude" aria-label={none ? t.include(name) : t.exclude(name)}
        title={none ? t.include(name) : t.exclude(name)}
        onClick={() => select(withLabel(selection, name, none ? null : "none"))}
      >
        {none ? "↺" : "−"}
      </button>
    </li>
  );
}
