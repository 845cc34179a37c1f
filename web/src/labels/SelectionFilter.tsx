// The selection as tokens: "Any of = Lake, Sea", "None of = Dog", and part of a file's name.

import PropertyFilter, { type PropertyFilterProps } from "@cloudscape-design/components/property-filter";

import type { Label } from "../api/client";
import { useSpeech } from "../i18n";
import { inOwnNames, labelCalled } from "./find";
import { useLabels } from "./queries";
import { LONGEST_Q, modeOf, MODES, type Selection, useSelection } from "./selection";

export default function SelectionFilter({ countText }: { countText: string }) {
  const { t } = useSpeech();
  const { selection: asked, select } = useSelection();
  const { data: labels = [], isPending } = useLabels();
  const selection = inOwnNames(asked, labels);
  const offered = labels.filter(({ name, hidden }) => !hidden || modeOf(selection, name));
  const hidden = new Set(offered.flatMap((label) => (label.hidden ? label.name : [])));
  const shown = (names: string[]) => names.map((name) => (hidden.has(name) ? t.labelIsHidden(name) : name)).join(", ");
  // A label's name means the label: nobody types before they are known.
  if (isPending) return <div className="field" />;
  const titles = { any: t.anyOf, all: t.allOf, none: t.noneOf };
  return (
    <PropertyFilter
      query={queryOf(selection)}
      onChange={({ detail }) => select(selectionOf(detail, selection, labels))}
      hideOperations
      customGroupsText={[]}
      countText={countText}
      freeTextFiltering={{ operators: [":"], defaultOperator: ":" }}
      filteringPlaceholder={t.filterPlaceholder}
      filteringAriaLabel={t.filterLabel}
      filteringEmpty={t.noMatch}
      filteringProperties={MODES.map((key) => ({
        key,
        propertyLabel: titles[key],
        groupValuesLabel: titles[key],
        operators: [{ operator: "=", tokenType: "enum", format: shown }],
      }))}
      filteringOptions={MODES.flatMap((mode) => offered.map((label) => option(mode, label)))}
      i18nStrings={{ clearFiltersText: t.clearSelection, filteringAriaLabel: t.filterLabel }}
    />
  );
}

function option(propertyKey: string, { name, aliases, count }: Label): PropertyFilterProps.FilteringOption {
  return { propertyKey, value: name, label: name, tags: [String(count)], filteringTags: aliases };
}

function queryOf(selection: Selection): PropertyFilterProps.Query {
  const tokens: PropertyFilterProps.Token[] = MODES.filter((mode) => selection[mode].length).map(
    (mode) => ({ propertyKey: mode, operator: "=", value: selection[mode] }),
  );
  if (selection.q) tokens.push({ operator: ":", value: selection.q });
  return { operation: "and", tokens };
}

/** Who types all of a label's name means the label; anything else is part of a file's name. */
function selectionOf({ tokens }: PropertyFilterProps.Query, before: Selection, labels: Label[]): Selection {
  const of = (mode: string) =>
    tokens.filter(({ propertyKey }) => propertyKey === mode).flatMap(({ value }) => value as string[]);
  const wanted = { any: of("any"), all: of("all"), none: of("none"), q: "" };
  for (const { propertyKey, value } of tokens) {
    if (propertyKey) continue;
    const text = String(value);
    const label = text === before.q ? undefined : labelCalled(labels, text);
    if (label) wanted[before.any.length ? "any" : "all"].push(label.name);
    else wanted.q = [...text].slice(0, LONGEST_Q).join("");
  }
  return wanted;
}
