// What changed on the server is asked for again: by its events, or every few seconds without them.

import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import { answer, api } from "./client";

const GATHER = 1000; // Milliseconds: an import's thousand events become one question a second.
const SHARE = 4; // Times as long as the last questions took, the next ones wait.
const MOST = 15_000;
const POLL = 5000;
const HIDDEN = 4; // Looks between two of a tab that nobody sees.
const SELDOM = 10 * 60_000;

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
  void renewed(queries, kinds);
}

/** Once all of it was asked for again. What nobody sees waits until somebody does, but for notices. */
async function renewed(queries: QueryClient, kinds: string[]) {
  const keys = new Set(kinds.flatMap((kind) => CHANGED[kind] ?? []));
  await Promise.all(
    [...keys].map((key) => {
      const refetchType = document.hidden && key !== "notices" ? "none" : "active";
      return queries.invalidateQueries({ queryKey: [key], refetchType });
    }),
  );
}

const passed = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * A stream of events while somebody looks. A hidden tab closes its own, since a browser keeps six
 * connections to a server for all its tabs, and asks what changed; so does every tab where something
 * in between refuses the stream or ends it after half a minute. `since` is the moment that
 * everything shown was asked after.
 */
export function useLive(since: number) {
  const queries = useQueryClient();
  const sequence = useRef(since);
  useEffect(() => {
    const news = new Set<string>();
    let renewing = false;
    let ended = false;
    let source: EventSource | undefined;
    let refused = 0;
    let openAt = 0;
    let looks = 0;
    let asking = false;
    let lost = false; // Something may have happened that nobody told of.
    let wholeAt = Date.now();

    const gather = (kind: string) => {
      news.add(kind);
      if (!renewing) void renew();
    };
    /** While events keep coming, most of the time is left to what else the server does. */
    const renew = async () => {
      renewing = true;
      let pause = GATHER;
      while (news.size > 0) {
        await passed(pause);
        if (ended) return;
        const begun = performance.now();
        const kinds = [...news];
        news.clear();
        await Promise.race([renewed(queries, kinds), passed(MOST)]);
        pause = Math.max(GATHER, SHARE * (performance.now() - begun));
      }
      renewing = false;
    };
    const everything = () => {
      lost = false;
      wholeAt = Date.now();
      Object.keys(CHANGED).forEach(gather);
    };
    /** Events may also come too late to be told, or be forgotten while the machine slept. */
    const heard = () => {
      if (lost || Date.now() - wholeAt > SELDOM) everything();
    };
    const open = () => {
      const opened = new EventSource(`/api/events?after=${sequence.current}`);
      source = opened;
      for (const kind of Object.keys(CHANGED)) {
        opened.addEventListener(kind, ({ lastEventId }: MessageEvent) => {
          sequence.current = Number(lastEventId);
          gather(kind);
        });
      }
      opened.onopen = () => {
        refused = 0;
        heard();
      };
      opened.onerror = () => {
        if (opened.readyState !== EventSource.CLOSED) {
          lost = true; // The browser connects again.
          return;
        }
        refused += 1;
        openAt = Date.now() + Math.min(POLL * 2 ** (refused - 1), SELDOM);
      };
    };
    const ask = async () => {
      if (asking) return;
      asking = true;
      try {
        const query = { after: sequence.current };
        const changes = await answer(api.GET("/api/changes", { params: { query } }));
        sequence.current = changes.sequence;
        changes.kinds.forEach(gather);
        if (!changes.live) openAt = Infinity;
        heard();
      } catch {
        lost = true;
      } finally {
        asking = false;
      }
    };
    const look = () => {
      if (document.hidden ? ++looks % HIDDEN : source?.readyState === EventSource.OPEN) return;
      void ask();
      if (!document.hidden && source?.readyState !== EventSource.CONNECTING && Date.now() >= openAt) open();
    };
    const seen = () => {
      if (document.hidden) {
        source?.close();
        source = undefined;
      } else if (Date.now() >= openAt) open();
      else void ask();
    };

    seen();
    const polling = setInterval(look, POLL);
    document.addEventListener("visibilitychange", seen);
    return () => {
      ended = true;
      source?.close();
      clearInterval(polling);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [queries]);
}
