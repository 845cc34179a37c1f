// The files of an upload: ten thousand in a list of which only those in view exist.

import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { useState } from "react";

import { useNarrow } from "../app/useMedia";
import { useSpeech } from "../i18n";
import type { Item, State } from "./item";

const ROW = { wide: 44, narrow: 72 }; // Pixels: a phone has two lines for why a file is refused.
const TALL = 440;
const AROUND = 6;

const TYPES: Record<State, StatusIndicatorProps.Type> = {
  queued: "pending", hashing: "loading", ready: "pending", sending: "in-progress",
  retrying: "warning", added: "success", duplicate: "info", refused: "error", cancelled: "stopped",
};

export function FileList({ items }: { items: readonly Item[] }) {
  const { t } = useSpeech();
  const row = useNarrow() ? ROW.narrow : ROW.wide;
  const [top, setTop] = useState(0);
  const first = Math.max(Math.floor(top / row) - AROUND, 0);
  const shown = items.slice(first, first + TALL / row + 2 * AROUND);
  return (
    <div
      className="files" role="table" aria-label={t.navUploads} aria-rowcount={items.length} tabIndex={0}
      onScroll={({ currentTarget }) => setTop(currentTarget.scrollTop)}
    >
      <div className="files-inner" role="rowgroup" style={{ height: items.length * row }}>
        {shown.map((item, at) => (
          <Row key={item.key} item={item} at={first + at} tall={row} />
        ))}
      </div>
    </div>
  );
}

function Row({ item, at, tall }: { item: Item; at: number; tall: number }) {
  const { t, bytes, percent } = useSpeech();
  const names: Record<State, string> = {
    queued: t.stateQueued, hashing: t.stateHashing, ready: t.stateReady, sending: t.stateSending,
    retrying: t.stateRetrying, added: t.stateAdded, duplicate: t.stateDuplicate,
    refused: t.stateRefused, cancelled: t.stateCancelled,
  };
  const share = item.state === "sending" ? item.sent / item.size : null;
  const state = [share === null ? names[item.state] : percent(share), item.reason].filter(Boolean).join(": ");
  return (
    <div className="file" role="row" aria-rowindex={at + 1} style={{ top: at * tall, height: tall }}>
      <span role="cell" className="file-path" title={item.path}>{item.path}</span>
      <span role="cell" className="file-size">{item.size > 0 && bytes(item.size)}</span>
      <span role="cell" className="file-state" title={state}>
        <StatusIndicator type={TYPES[item.state]}>{state}</StatusIndicator>
      </span>
    </div>
  );
}
