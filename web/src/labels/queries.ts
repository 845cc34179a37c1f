// What of labels the server is asked for.

import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { answer, api } from "../api/client";
import { EVERYTHING, labelsOf, type Selection } from "./selection";

export function useLabels(selection: Selection = EVERYTHING, hidden = false) {
  const query = { ...labelsOf(selection), ...(hidden && { hidden }) };
  return useQuery({
    queryKey: ["labels", query],
    queryFn: () => answer(api.GET("/api/labels", { params: { query } })),
    placeholderData: keepPreviousData,
  });
}

export function useTotals(selection: Selection) {
  const query = { ...labelsOf(selection), ...(selection.q && { q: selection.q }) };
  return useQuery({
    queryKey: ["totals", query],
    queryFn: () => answer(api.GET("/api/totals", { params: { query } })),
    placeholderData: keepPreviousData,
  });
}
