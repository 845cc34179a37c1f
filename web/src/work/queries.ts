import { useQuery } from "@tanstack/react-query";

import { answer, api } from "../api/client";

/** How far labelling is. */
export function useWork() {
  return useQuery({ queryKey: ["work"], queryFn: () => answer(api.GET("/api/work")) });
}
