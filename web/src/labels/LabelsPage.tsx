// Every label of the archive with its count: searched with its aliases, sorted, or as a tree.

import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import Toggle from "@cloudscape-design/components/toggle";
import { useState } from "react";
import { useNavigate } from "react-router";

import type { Label } from "../api/client";
import { Empty } from "../app/Empty";
import { Failure } from "../app/Failure";
import { useNotices } from "../app/notices";
import { useNarrow } from "../app/useMedia";
import { useSpeech } from "../i18n";
import { childrenOf, findLabels, type Order, ordered } from "./find";
import { useLabels } from "./queries";
import { addressOf, type Mode } from "./selection";
import { useSetLabels } from "./settings";

type View = Order | "tree";

/** A label in its place: in a tree it may stand under several parents. */
interface Node extends Label {
  path: string;
}

export default function LabelsPage() {
  const { t, number } = useSpeech();
  const [withHidden, setWithHidden] = useState(false);
  const all = useLabels();
  const { data = [], isPending, error } = all;
  const labels = data.filter(({ hidden }) => withHidden || !hidden);
  const [text, setText] = useState("");
  const [view, setView] = useState<View>("count");
  const [open, setOpen] = useState<readonly Node[]>([]);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const narrow = useNarrow();
  const columns = useColumns(narrow);

  const tree = view === "tree" && !text;
  const found = ordered(findLabels(labels, text), view === "tree" ? "count" : view);
  const items = nodes(tree ? childrenOf(found, null) : found, "");
  return (
    <Table<Node>
      variant="full-page"
      stickyHeader
      wrapLines
      header={
        <Header variant="h1" counter={`(${number(labels.length)})`} actions={<ShowPhotos labels={chosen} />}>
          {t.navLabels}
        </Header>
      }
      filter={
        <div className="labels-tools">
          <TextFilter
            filteringText={text} filteringPlaceholder={t.findLabel} filteringAriaLabel={t.findLabel}
            onChange={({ detail }) => setText(detail.filteringText)}
          />
          <SegmentedControl
            label={t.sortBy} selectedId={view}
            options={[
              { id: "count", text: t.byCount }, { id: "name", text: t.byName }, { id: "tree", text: t.asTree },
            ]}
            onChange={({ detail }) => setView(detail.selectedId as View)}
          />
          <Toggle checked={withHidden} onChange={({ detail }) => setWithHidden(detail.checked)}>
            {t.hiddenToo}
          </Toggle>
        </div>
      }
      items={items}
      loading={isPending}
      loadingText={t.loading}
      trackBy="path"
      columnDefinitions={columns}
      visibleColumns={narrow ? ["name", "hide"] : columns.map(({ id }) => id ?? "")}
      {...(tree ? {
        expandableRows: {
          expandedItems: open,
          getItemChildren: (node: Node) => nodes(childrenOf(found, node), node.path),
          isItemExpandable: (node: Node) => childrenOf(found, node).length > 0,
          onExpandableItemToggle: ({ detail: { item, expanded } }) =>
            setOpen((before) =>
              expanded ? [...before, item] : before.filter(({ path }) => path !== item.path),
            ),
        },
      } : {
        selectionType: "multi",
        selectedItems: items.filter(({ name }) => chosen.includes(name)),
        onSelectionChange: ({ detail }) => setChosen(detail.selectedItems.map(({ name }) => name)),
        ariaLabels: {
          selectionGroupLabel: t.navLabels,
          allItemsSelectionLabel: () => t.chooseAll,
          itemSelectionLabel: (_, { name }) => t.choosePhoto(name),
        },
      })}
      empty={
        error ? (
          <Failure query={all} />
        ) : (
          <Empty title={text ? t.noMatch : t.noLabels} {...(!text && { text: t.noLabelsText })} />
        )
      }
    />
  );
}

/** From chosen labels to their photos. */
function ShowPhotos({ labels }: { labels: readonly string[] }) {
  const { t } = useSpeech();
  const navigate = useNavigate();
  if (!labels.length) return null;
  const show = (mode: Mode, text: string) => (
    <Button onClick={() => void navigate(addressOf({ [mode]: [...labels] }))}>{text}</Button>
  );
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {show("any", t.showAny)}
      {show("all", t.showAllOf)}
      {show("none", t.showNone)}
    </SpaceBetween>
  );
}

const nodes = (labels: Label[], under: string): Node[] =>
  labels.map((label) => ({ ...label, path: `${under}/${label.name}` }));

/** `narrow`: the count is beside the name. */
function useColumns(narrow: boolean): TableProps.ColumnDefinition<Node>[] {
  const { t, number } = useSpeech();
  const navigate = useNavigate();
  return [
    {
      id: "name", header: t.label, isRowHeader: true,
      cell: ({ name, count }) => {
        const href = addressOf({ all: [name] });
        return (
          <span className="breakable">
            <Link
              href={href}
              onFollow={(event) => {
                event.preventDefault();
                void navigate(href);
              }}
            >
              {name}
            </Link>
            {narrow && <span className="quiet"> {number(count)}</span>}
          </span>
        );
      },
    },
    { id: "count", header: t.photosColumn, cell: ({ count }) => number(count) },
    { id: "parents", header: t.parents, cell: ({ parents }) => parents.join(", ") || "–" },
    { id: "aliases", header: t.aliases, cell: ({ aliases }) => aliases.join(", ") || "–" },
    { id: "category", header: t.category, cell: ({ category }) => category ?? "–" },
    { id: "hide", header: t.listed, minWidth: 128, cell: ({ name, hidden }) => <Hide label={name} hidden={hidden} /> },
  ];
}

function Hide({ label, hidden }: { label: string; hidden: boolean }) {
  const { t } = useSpeech();
  const { say, sayError } = useNotices();
  const set = useSetLabels();
  const change = (wanted: boolean) =>
    set.mutate(
      (now) => ({ hidden: [...now.hidden.filter((each) => each !== label), ...(wanted ? [label] : [])] }),
      {
        onError: sayError,
        onSuccess: () => {
          if (wanted) say({ type: "success", text: t.labelHidden(label), action: { text: t.undo, run: () => change(false) } });
        },
      },
    );
  const text = hidden ? t.show : t.hide;
  return (
    <Button variant="inline-link" ariaLabel={`${text}: ${label}`} loading={set.isPending} onClick={() => change(!hidden)}>
      {text}
    </Button>
  );
}
