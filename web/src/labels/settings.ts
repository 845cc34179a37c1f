// The owner's label settings: asked for, and changed in one place or all of them.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { answer, api, type LabelSettings } from "../api/client";
import { changed } from "../api/live";

const KEY = ["label-settings"];
const LOOK = 1000; // Milliseconds between looks while photos follow.

export type Wanted = Required<Omit<LabelSettings, "recomputing">>;

const ask = () => answer(api.GET("/api/label-settings"));

export function useLabelSettings() {
  const queries = useQueryClient();
  return useQuery({
    queryKey: KEY,
    queryFn: async () => {
      const before = queries.getQueryData<LabelSettings>(KEY)?.recomputing;
      const settings = await ask();
      if (before && !settings.recomputing) changed(queries, "labels");
      return settings;
    },
    refetchInterval: ({ state }) => (state.data?.recomputing ? LOOK : false),
  });
}

/** What is not given stays as the server has it. */
export function useSetLabels() {
  const queries = useQueryClient();
  return useMutation({
    scope: { id: "label-settings" }, // One after the other: each begins from what the one before has left.
    mutationFn: async (change: (now: Wanted) => Partial<Wanted>) => {
      const { sureness = 0, thresholds = {}, hidden = [], renames = {} } = await ask();
      const now = { sureness, thresholds, hidden, renames };
      return answer(api.PUT("/api/label-settings", { body: { ...now, ...change(now) } }));
    },
    onSuccess: (saved) => {
      queries.setQueryData(KEY, saved);
      changed(queries, "labels");
    },
  });
}
