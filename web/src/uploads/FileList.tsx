// The files of an upload: ten thousand in a list of which only those in view exist.

import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { useState } from "react";

import { useSpeech } from "../i18n";
import type { Item, State } from "./item";

const ROW = 44; // Pixels.
const TALL = 440;
const AROUND = 6;

const TYPES: Record<State, StatusIndicatorProps.Type> = {
  queued: "pending", hashing: "loading", ready: "pending", sending: "in-progress",
  retrying: "warning", added: "success", duplicate: "info", refused: "error", cancelled: "stopped",
};

export function FileList({ items }: { items: readonly Item[] }) {
  const { t } = useSpeech();
  const [top, setTop] = useState(0);
  const first = Math.max(Math.floor(top / ROW) - AROUND, 0);
  const shown = items.slice(first, first + TALL / ROW + 2 * AROUND);
  return (
    <div
      className="files" role="table" aria-label={t.navUploads} aria-rowcount={items.length} tabIndex={0}
      onScroll={({ currentTarget }) => setTop(currentTarget.scrollTop)}
    >
      <div className="files-inner" role="rowgroup" style={{ height: items.length * ROW }}>
        {shown.map((item, at) => (
          <Row key={item.key} item={item} at={first + at} />
        ))}
      </div>
    </div>
  );
}

function Row({ item, at }: { item: Item; at: number }) {
  const { t, bytes, percent } = useSpeech();
  const names: Record<State, string> = {
    queued: t.stateQueued, hashing: t.stateHashing, ready: t.stateReady, sending: t.stateSending,
    retrying: t.stateRetrying, added: t.stateAdded, duplicate: t.stateDuplicate,
    refused: t.stateRefused, cancelled: t.stateCancelled,
  };
  const share = item.state === "sending" ? item.sent / item.size : null;
  return (
    <div className="file" role="row" aria-rowindex={at + 1} style={{ top: at * ROW }}>
      <span role="cell" className="file-path" title={item.path}>{item.path}</span>
      <span role="cell" className="file-size">{item.size > 0 && bytes(item.size)}</span>
      <span role="cell" className="file-state">
        <StatusIndicator type={TYPES[item.state]}>
          {share === null ? names[item.state] : percent(share)}
          {item.reason && `: ${item.reason}`}
        </StatusIndicator>
      </span>
    </div>
  );
}
