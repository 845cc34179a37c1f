// What of labels the server is asked for.

import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";

import { answer, api } from "../api/client";
import { EVERYTHING, labelsOf, type Selection } from "./selection";

export function labelOptions(selection: Selection = EVERYTHING, hidden = false) {
  const query = { ...labelsOf(selection), ...(hidden && { hidden }) };
  return queryOptions({
    queryKey: ["labels", query],
    queryFn: () => answer(api.GET("/api/labels", { params: { query } })),
  });
}

export function useLabels(selection?: Selection, hidden?: boolean) {
  return useQuery({ ...labelOptions(selection, hidden), placeholderData: keepPreviousData });
}

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
