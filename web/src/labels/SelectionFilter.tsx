// The selection as tokens: "Any of = Lake, Sea", "None of = Dog", and part of a file's name.

import PropertyFilter, { type PropertyFilterProps } from "@cloudscape-design/components/property-filter";

import type { Label } from "../api/client";
import { useSpeech } from "../i18n";
import { useLabels } from "./queries";
import { MODES, type Selection, useSelection } from "./selection";

const OPERATORS = [{ operator: "=", tokenType: "enum" }] as const;

export default function SelectionFilter({ countText }: { countText: string }) {
  const { t } = useSpeech();
  const { selection, select } = useSelection();
  const { data: labels = [], isPending } = useLabels();
  const titles = { any: t.anyOf, all: t.allOf, none: t.noneOf };
  return (
    <PropertyFilter
      query={queryOf(selection)}
      onChange={({ detail }) => select(selectionOf(detail))}
      hideOperations
      customGroupsText={[]}
      countText={countText}
      freeTextFiltering={{ operators: [":"], defaultOperator: ":" }}
      filteringPlaceholder={t.filterPlaceholder}
      filteringAriaLabel={t.filterLabel}
      filteringEmpty={t.noMatch}
      filteringStatusType={isPending ? "loading" : "finished"}
      filteringProperties={MODES.map((key) => ({
        key,
        propertyLabel: titles[key],
        groupValuesLabel: titles[key],
        operators: OPERATORS,
      }))}
      filteringOptions={MODES.flatMap((mode) => labels.map((label) => option(mode, label)))}
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

function selectionOf({ tokens }: PropertyFilterProps.Query): Selection {
  const of = (mode: string) =>
    tokens.filter(({ propertyKey }) => propertyKey === mode).flatMap(({ value }) => value as string[]);
  const names = tokens.filter(({ propertyKey }) => !propertyKey);
  return { any: of("any"), all: of("all"), none: of("none"), q: String(names.at(-1)?.value ?? "") };
}
