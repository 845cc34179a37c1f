// What of labels the server is asked for.

import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";

import { answer, api } from "../api/client";
import { EVERYTHING, labelsOf, type Selection } from "./selection";

/** Hidden labels too: who lists labels leaves them out, who has selected one still sees it. */
export function labelOptions(selection: Selection = EVERYTHING) {
  const query = { ...labelsOf(selection), hidden: true };
  return queryOptions({
    queryKey: ["labels", query],
    queryFn: () => answer(api.GET("/api/labels", { params: { query } })),
  });
}

export function useLabels(selection?: Selection) {
  return useQuery({ ...labelOptions(selection), placeholderData: keepPreviousData });
}

/** Also those that are on no photo: to choose a name from. */
export const everyLabelOptions = queryOptions({
  queryKey: ["labels", "every"],
  queryFn: () => answer(api.GET("/api/labels", { params: { query: { unused: true, hidden: true } } })),
});

export function totalsOptions(selection: Selection) {
  const query = { ...labelsOf(selection), ...(selection.q && { q: selection.q }) };
  return queryOptions({
    queryKey: ["totals", query],
    queryFn: () => answer(api.GET("/api/totals", { params: { query } })),
  });
}

export function useTotals(selection: Selection) {
  return useQuery({ ...totalsOptions(selection), placeholderData: keepPreviousData });
}
