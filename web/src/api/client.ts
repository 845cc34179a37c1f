// Requests to the API, typed by its OpenAPI document; its problem documents become errors.

import createClient, { type Middleware } from "openapi-fetch";

import { messages } from "../i18n/catalogue";
import type { components, paths } from "./types";

type Schemas = components["schemas"];
export type Photo = Schemas["PhotoDocument"];
export type Layout = Schemas["LayoutDocument"];
export type PhotoDetails = Schemas["PhotoDetails"];
export type Label = Schemas["LabelDocument"];
export type Bundle = Schemas["BundleDocument"];
export type BundleDetails = Schemas["BundleDetails"];
export type Import = Schemas["ImportDocument"];
export type Notice = Schemas["NoticeDocument"];
export type NotificationTarget = Schemas["TargetDocument"];
export type Token = Schemas["TokenDocument"];
export type Work = Schemas["WorkDocument"];
export type LabelSettings = Schemas["LabelSettingsState"];
export type Relabelling = Schemas["RelabellingDocument"];
export type UploadAnswer = Schemas["Answer"];

export class Problem extends Error {
  constructor(
    /** The HTTP status; 0 when the server was not reached. */
    readonly status: number,
    text: string,
    /** Seconds to wait, if the server said. */
    readonly retryAfter: number | null = null,
  ) {
    super(text);
  }
}

/** What passes by itself is tried again. */
export const passing = (error: unknown): error is Problem =>
  error instanceof Problem && [0, 429, 502, 503, 504].includes(error.status);

interface ProblemDocument {
  title?: string;
  detail?: string;
  errors?: { what?: string }[];
}

export function problemOf(status: number, document: unknown, retryAfter: string | null = null) {
  const { title, detail, errors } = (document ?? {}) as ProblemDocument;
  const t = messages();
  const what = errors?.map((each) => each.what).join("; ");
  const said = [detail ?? title ?? t.serverAnswered(status), what].filter(Boolean).join(": ");
  const known = t.problems[status];
  const reason = what ?? detail;
  const text = !known ? sentence(said) : reason && REASONED.includes(status) ? `${known} (${reason})` : known;
  const seconds = Number(retryAfter);
  return new Problem(status, text, seconds > 0 ? seconds : null);
}

/** Statuses that mean several things: which one, the server says, in English. */
const REASONED = [403, 413, 415, 422];

export const unreached = () => new Problem(0, messages().serverUnreached);

function sentence(text: string) {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** Dispatched on `document` when the server no longer knows who we are. */
export const SIGNED_OUT = "fototeca:signed-out";

/** Dispatched on `document` when the server is no longer reached, and when it is again. */
export const LOST = "fototeca:lost";
export const BACK = "fototeca:back";
let reached = true;

function nowReached(is: boolean) {
  if (is !== reached) document.dispatchEvent(new Event(is ? BACK : LOST));
  reached = is;
}

/** A success that is no document of ours: the page of a network that wants a sign-in, for one. */
const elsewhere = ({ ok, status, headers }: Response) =>
  ok && status !== 204 && !headers.get("content-type")?.includes("json");

const answers: Middleware = {
  async onResponse({ request, response }) {
    const reached = !elsewhere(response);
    nowReached(reached);
    if (!reached) throw unreached();
    if (response.ok) return;
    const { pathname } = new URL(request.url);
    if (response.status === 401 && pathname !== "/api/session") {
      document.dispatchEvent(new Event(SIGNED_OUT));
    }
    let problem: unknown = null;
    try {
      problem = await response.json();
    } catch {
      // A proxy in between says it its own way.
    }
    throw problemOf(response.status, problem, response.headers.get("retry-after"));
  },
  onError({ error }) {
    if (error instanceof DOMException) return error;
    nowReached(false);
    return unreached();
  },
};

export const api = createClient<paths>({
  querySerializer: { array: { style: "form", explode: true } },
});
api.use(answers);

/** The answer's document: every other status has become an error. */
export async function answer<T>(request: Promise<{ data?: T }>): Promise<T> {
  return (await request).data as T;
}

export const rendition = (id: string, size: "grid" | "view") => `/api/photos/${id}/renditions/${size}`;
export const original = (id: string) => `/api/photos/${id}/original`;
