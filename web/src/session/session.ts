// Who is signed in.

import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { answer, api, Problem, SIGNED_OUT } from "../api/client";

export const session = queryOptions({
  queryKey: ["session"],
  queryFn: async () => {
    try {
      return await answer(api.GET("/api/session"));
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: Infinity,
});

export function useSession() {
  const queries = useQueryClient();
  useEffect(() => {
    const forget = () => queries.setQueryData(["session"], null);
    document.addEventListener(SIGNED_OUT, forget);
    return () => document.removeEventListener(SIGNED_OUT, forget);
  }, [queries]);

  return useQuery(session);
}

const inHash = (name: string) => new URLSearchParams(location.hash.slice(1)).get(name);
export const setupToken = () => inHash("setup");
export const signInFailure = () => inHash("sign-in");
