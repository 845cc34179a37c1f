// What changed on the server is asked for again: by its events, or every few seconds without them.

import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { answer, api } from "./client";
import type { components } from "./types";

const GATHER = 1000; // Milliseconds: an import's thousand events become one question a second.
const POLL = 5000;
const SELDOM = 10 * 60_000;
const EVERYTHING = 12; // Looks: a minute.

type Changes = components["schemas"]["Changes"];

/** What may be different after an event of each kind, by the first word of its query's key. */
const CHANGED: Record<string, string[]> = {
  photos: ["photos", "labels", "totals", "work", "storage"],
  labels: ["photos", "labels", "totals", "work"],
  "label-settings": ["label-settings", "photos", "labels", "totals"],
  bundle: ["bundles"],
  import: ["imports"],
  notice: ["notices"],
};

export function changed(queries: QueryClient, ...kinds: (keyof typeof CHANGED)[]) {
  for (const key of new Set(kinds.flatMap((kind) => CHANGED[kind] ?? []))) {
    void queries.invalidateQueries({ queryKey: [key] });
  }
}

/**
 * Where the gateway has no event streams, or ends each after half a minute, questions replace them:
 * every few seconds while somebody looks. A stream that was refused is tried again ever less often.
 */
export function useLive() {
  const queries = useQueryClient();
  useEffect(() => {
    const news = new Set<string>();
    let gathering: ReturnType<typeof setTimeout> | undefined;
    let source: EventSource | undefined;
    let refused = 0;
    let openAt = 0;

    const gather = (kind: string) => {
      news.add(kind);
      gathering ??= setTimeout(() => {
        gathering = undefined;
        changed(queries, ...news);
        news.clear();
      }, GATHER);
    };
    const everything = () => Object.keys(CHANGED).forEach(gather);
    const open = () => {
      const opened = new EventSource("/api/events");
      source = opened;
      for (const kind of Object.keys(CHANGED)) opened.addEventListener(kind, () => gather(kind));
      opened.onopen = () => {
        refused = 0;
        everything(); // What happened before it was open has no event.
      };
      opened.onerror = () => {
        if (opened.readyState !== EventSource.CLOSED) return; // The browser connects again.
        refused += 1;
        openAt = Date.now() + Math.min(POLL * 2 ** (refused - 1), SELDOM);
      };
    };
    let asked: Changes | undefined;
    let looks = 0;
    /** Where no events are sent (or something in between refuses them): one small question. */
    const ask = async () => {
      const query = asked ? { after: asked.sequence } : {};
      const changes = await answer(api.GET("/api/changes", { params: { query } }));
      changes.kinds.forEach(gather);
      asked = changes;
    };
    const look = () => {
      if (document.hidden || source?.readyState === EventSource.OPEN) return;
      if (source?.readyState !== EventSource.CLOSED) {
        everything();
        return;
      }
      // Also when nothing was told: an event may be lost, or have come too late to be told.
      if (!asked || ++looks % EVERYTHING === 0) everything();
      ask().catch(everything);
      if (Date.now() >= openAt) open();
    };
    const seen = () => {
      asked = undefined;
      look();
    };

    open();
    const polling = setInterval(look, POLL);
    document.addEventListener("visibilitychange", seen);
    return () => {
      source?.close();
      clearInterval(polling);
      clearTimeout(gathering);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [queries]);
}
