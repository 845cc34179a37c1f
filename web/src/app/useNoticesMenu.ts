// The bell: what the server has told, and that it was read.

import { type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useNavigate } from "react-router";

import { answer, api, type Notice } from "../api/client";
import { bundlesOptions, titleOf } from "../bundles/queries";
import { useSpeech } from "../i18n";
import type { Messages } from "../i18n/catalogue";
import { described } from "../labels/selection";
import type { MenuProps } from "./Menu";
import { useNotices } from "./notices";

const SHOWN = 10;

/** Where what a notice tells of is seen, by the first word of its kind. */
const PLACES: Record<string, { path: string; key: "showDownloads" | "navWork" | "navImports" | "navSettings" }> = {
  bundle: { path: "/bundles", key: "showDownloads" },
  photos: { path: "/work", key: "navWork" },
  import: { path: "/imports", key: "navImports" },
  inbox: { path: "/imports", key: "navImports" },
  target: { path: "/settings", key: "navSettings" },
};
const DOWNLOADS = { path: "/bundles", key: "showDownloads" } as const;
function placeOf({ kind, subject }: Notice) {
  const place = PLACES[kind.split("-")[0] ?? ""] ?? DOWNLOADS;
  return place.path === DOWNLOADS.path ? { ...place, path: `${place.path}/${subject}` } : place;
}

/** In the language that is spoken, where it says enough; the server's own text is English. */
const textOf = (t: Messages, { kind, subject, text }: Notice) => t.noticeOf[kind]?.(subject) ?? text;

/** The title of a notice's bundle, where that says more than how many photos are in it. */
async function whichBundle(queries: QueryClient, t: Messages, { kind, subject }: Notice) {
  if (!kind.startsWith("bundle")) return null;
  const bundles = await queries.fetchQuery(bundlesOptions()).catch(() => []);
  const bundle = bundles.find(({ id }) => id === subject);
  return bundle && described(t, { ...bundle.selection, q: bundle.q }) ? titleOf(t, bundle) : null;
}

const soundOf = ({ kind }: Notice) =>
  kind.endsWith("-failed") ? "error" : /-(refused|stuck)$/.test(kind) ? "warning" : "success";

/** By the service worker: phones' browsers know no other way, and throw at the constructor. */
async function showInBrowser(notice: Notice, text: string, path: string, show: () => void) {
  const options = {
    body: text,
    icon: "/icon-192.png",
    tag: `${notice.kind}-${notice.id}`, // Other tabs tell of the same one.
    data: { path },
  };
  try {
    const registration = await navigator.serviceWorker.getRegistration();
    if (registration?.active) {
      await registration.showNotification("Fototeca", options);
      return;
    }
    const shown = new Notification("Fototeca", options);
    shown.onclick = () => {
      window.focus();
      show();
    };
  } catch {
    // It is said in the page.
  }
}

export function useNoticesMenu(): MenuProps {
  const { t, dateTime } = useSpeech();
  const { say } = useNotices();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { data: notices } = useQuery({
    queryKey: ["notices"],
    queryFn: () => answer(api.GET("/api/notices")),
  });
  const read = useMutation({
    mutationFn: () => api.POST("/api/notices/read", { body: {} }),
    onSettled: () => queries.invalidateQueries({ queryKey: ["notices"] }),
  });

  // What comes while someone looks is said in the page, and by the browser where it may.
  const newest = useRef<number | null>(null);
  useEffect(() => {
    if (!notices) return;
    const latest = Math.max(0, ...notices.map(({ id }) => id));
    const before = newest.current;
    newest.current = latest;
    if (before === null) return;
    const tell = async (notice: Notice) => {
      const { path, key } = placeOf(notice);
      const show = () => void navigate(path);
      const text = [await whichBundle(queries, t, notice), textOf(t, notice)].filter(Boolean).join(": ");
      // That a bundle is ready takes the place of that it was asked for.
      const id = path === `${DOWNLOADS.path}/${notice.subject}` ? `bundle-${notice.subject}` : `notice-${notice.id}`;
      say({ type: soundOf(notice), id, text, action: { text: t[key], run: show } });
      if ("Notification" in window && Notification.permission === "granted" && document.hidden) {
        void showInBrowser(notice, text, path, show);
      }
    };
    notices.filter(({ id, read }) => id > before && !read).forEach((notice) => void tell(notice));
  }, [notices, say, t, navigate, queries]);

  // A notification of the service worker's was clicked on.
  useEffect(() => {
    const worker = navigator.serviceWorker as ServiceWorkerContainer | undefined;
    const onMessage = ({ data }: MessageEvent<{ path: string }>) => void navigate(data.path);
    worker?.addEventListener("message", onMessage);
    return () => worker?.removeEventListener("message", onMessage);
  }, [navigate]);

  const unread = notices?.filter((each) => !each.read).length ?? 0;
  return {
    icon: "bell",
    label: unread ? `${t.notices} (${unread})` : t.notices,
    badge: unread > 0,
    choices: [
      ...(notices ?? []).slice(0, SHOWN).map((notice) => ({
        id: String(notice.id),
        text: textOf(t, notice),
        secondaryText: dateTime(notice.at),
      })),
      unread > 0
        ? { id: "read", text: t.markRead }
        : { id: "none", text: t.noNotices, disabled: true },
    ].filter(({ id }) => id !== "none" || !notices?.length),
    onChoose: (id) => {
      if (id === "read") read.mutate();
      else {
        const notice = notices?.find((each) => String(each.id) === id);
        if (notice) void navigate(placeOf(notice).path);
      }
    },
  };
}
