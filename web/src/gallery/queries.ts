// The gallery's photos: their layout at once, themselves page by page as they come into view.

import { keepPreviousData, type QueryClient, queryOptions, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { answer, api, type Layout, type Photo } from "../api/client";
import { labelOptions, totalsOptions } from "../labels/queries";
import { labelsOf, type Selection } from "../labels/selection";

/** Photos of the archive that are selected, or those in the trash. */
export interface Source {
  selection: Selection;
  trash: boolean;
}

const MOST = 500; // The API's largest page.
const PAGE = 100; // Photos between two of a layout's cursors.
const AT_ONCE = 3; // Pages asked for: a browser's other connections have pictures to bring.

const queryOf = ({ selection, trash }: Source) => ({
  ...labelsOf(selection),
  ...(selection.q && { q: selection.q }),
  ...(trash && { state: "trashed" as const }),
});

/** With what it is of: while another one is asked for, that differs from what is wanted. */
function layoutOptions(source: Source) {
  const query = queryOf(source);
  return queryOptions({
    queryKey: ["photos", "layout", query],
    queryFn: async () => ({ source, layout: await answer(api.GET("/api/photos/layout", { params: { query } })) }),
  });
}

export type { Layout };

export function useLayout(source: Source) {
  return useQuery({ ...layoutOptions(source), placeholderData: keepPreviousData });
}

function pageOptions(source: Source, cursor: string | undefined, limit: number) {
  const query = { ...queryOf(source), limit, ...(cursor && { cursor }) };
  return queryOptions({
    queryKey: ["photos", "page", query],
    queryFn: () => answer(api.GET("/api/photos", { params: { query } })),
  });
}

/** Ask for all that the gallery shows at first, before it is rendered. */
export function askAhead(queries: QueryClient, selection: Selection) {
  const source = { selection, trash: false };
  void queries.prefetchQuery(layoutOptions(source));
  void queries.prefetchQuery(pageOptions(source, undefined, PAGE));
  void queries.prefetchQuery(totalsOptions(selection));
  void queries.prefetchQuery(labelOptions());
}

interface Pages {
  page: number;
  cursors: readonly string[];
}

/** The photo at a place, once it is loaded; pages `first` to `last` are. */
export function usePhotos(source: Source, { page, cursors }: Pages, first: number, last: number) {
  const numbers = Array.from({ length: Math.max(last - first + 1, 0) }, (_, at) => first + at);
  const results = useQueries({
    queries: numbers.map((number) => ({
      ...pageOptions(source, number ? cursors[number - 1] : undefined, page),
      enabled: number <= cursors.length,
    })),
  });
  return (at: number): Photo | undefined =>
    results[Math.floor(at / page) - first]?.data?.photos[at % page];
}

/** Photos from `start` to before `stop`, wherever they are. */
export function useRange(source: Source, pages: Pages) {
  const queries = useQueryClient();
  return useCallback(
    async (start: number, stop: number): Promise<Photo[]> => {
      const { page, cursors } = pages;
      const first = Math.floor(start / page);
      const count = Math.floor((stop - 1) / page) - first + 1;
      // Very many come in larger pages than the grid's, which nobody asks for again.
      const many = Math.floor(MOST / page);
      const step = count > many ? many : 1;
      const numbers = Array.from({ length: Math.ceil(count / step) }, (_, at) => first + at * step);
      const found: Photo[] = [];
      for (let at = 0; at < numbers.length; at += AT_ONCE) {
        const pages = await Promise.all(
          numbers.slice(at, at + AT_ONCE).map((number) =>
            queries.fetchQuery({
              ...pageOptions(source, number ? cursors[number - 1] : undefined, page * step),
              staleTime: Infinity, // As they are shown, until it is told that they changed.
              ...(step > 1 && { gcTime: 0 }),
            }),
          ),
        );
        found.push(...pages.flatMap(({ photos }) => photos));
      }
      return found.slice(start - first * page, stop - first * page);
    },
    [queries, source, pages],
  );
}
