// Who is signed in.

import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { answer, api, Problem, SIGNED_OUT } from "../api/client";

async function signedIn() {
  try {
    return await answer(api.GET("/api/session"));
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return null;
    throw error;
  }
}

export const session = queryOptions({ queryKey: ["session"], queryFn: signedIn, staleTime: Infinity });

export function useSession() {
  const queries = useQueryClient();
  useEffect(() => {
    const forget = () => queries.setQueryData(session.queryKey, null);
    document.addEventListener(SIGNED_OUT, forget);
    return () => document.removeEventListener(SIGNED_OUT, forget);
  }, [queries]);

  const known = useQuery(session);
  const owner = known.data === undefined ? undefined : (known.data?.owner ?? null);
  // Tabs have one cookie: what is asked after another tab signed in is answered for who did.
  useEffect(() => {
    if (owner === undefined) return;
    const tabs = new BroadcastChannel("fototeca.session");
    tabs.postMessage(owner);
    tabs.onmessage = async ({ data }: MessageEvent<string | null>) => {
      if (data === owner) return;
      const now = await signedIn().catch(() => undefined);
      if (now === undefined || (now?.owner ?? null) === owner) return;
      queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" });
      queries.setQueryData(session.queryKey, now);
    };
    return () => tabs.close();
  }, [queries, owner]);
  return known;
}

const inHash = (name: string) => new URLSearchParams(location.hash.slice(1)).get(name);
export const setupToken = () => inHash("setup");
export const signInFailure = () => inHash("sign-in");
