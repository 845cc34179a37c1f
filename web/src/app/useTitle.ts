import { useEffect } from "react";

/** What the browser's tab and its history call the page. */
export function useTitle(page: string) {
  useEffect(() => {
    document.title = page ? `${page} · Fototeca` : "Fototeca";
  }, [page]);
}
