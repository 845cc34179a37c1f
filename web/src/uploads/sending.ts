// One upload: its bytes, how far they are, and how to stop.

import { problemOf, Problem, type UploadAnswer } from "../api/client";
import { messages } from "../i18n/catalogue";

const STALLED = 120_000; // Milliseconds in which nothing goes on: a slow disk may take one to write all.

export interface Sending {
  done: Promise<"added" | "duplicate">;
  abort(): void;
}

export class Aborted extends Error {}

const brokenOff = () => new Problem(0, messages().brokenOff);

export type Place = NonNullable<UploadAnswer["upload"]>;

export function send(file: File, sha256: string, place: Place, onProgress: (bytes: number) => void): Sending {
  // XMLHttpRequest, because fetch does not tell how far an upload is.
  const request = new XMLHttpRequest();
  const done = new Promise<"added" | "duplicate">((resolve, reject) => {
    request.open(place.method, place.url);
    for (const [name, value] of Object.entries(place.headers)) request.setRequestHeader(name, value);
    let stalled: ReturnType<typeof setTimeout> | undefined;
    const goesOn = () => {
      clearTimeout(stalled);
      stalled = setTimeout(() => {
        reject(brokenOff());
        request.abort();
      }, STALLED);
    };
    request.upload.onprogress = ({ loaded }) => {
      goesOn();
      onProgress(Math.min(loaded, file.size));
    };
    request.onloadend = () => clearTimeout(stalled);
    const signed = /^https?:/.test(place.url);
    request.onload = () => {
      if (signed) answered(request, resolve, reject);
      else {
        const said = documentOf(request.responseText);
        // Who is in between may answer in the server's place; the server says which photo it has.
        if (request.status >= 200 && request.status < 300) {
          if (said?.id !== sha256) reject(brokenOff());
          else resolve(request.status === 201 ? "added" : "duplicate");
        } else reject(problemOf(request.status, said, request.getResponseHeader("retry-after")));
      }
    };
    request.onerror = () => reject(brokenOff());
    request.onabort = () => reject(new Aborted());
    request.send(file);
    goesOn();
  });
  return { done, abort: () => request.abort() };
}

/** What S3 itself answers, to whom we gave a signed URL. */
function answered(
  { status, responseText }: XMLHttpRequest, resolve: (outcome: "added" | "duplicate") => void, reject: (problem: Problem) => void,
) {
  if (status >= 200 && status < 300) resolve("added");
  // The condition that nothing is there yet does not hold.
  else if (status === 412) resolve("duplicate");
  else {
    const said = new DOMParser().parseFromString(responseText, "application/xml");
    const detail = ["Message", "Code"].map((name) => said.querySelector(name)?.textContent).find(Boolean);
    // 409 is another upload of the same photo at the same time; the answer to the next try says what
    // came of it. A connection that was too slow is a 400 there.
    const code = said.querySelector("Code")?.textContent;
    reject(status === 409 || code === "RequestTimeout" ? brokenOff() : problemOf(status, { detail }));
  }
}

function documentOf(text: string): { id?: string } | null {
  try {
    return JSON.parse(text) as { id?: string } | null;
  } catch {
    return null;
  }
}
