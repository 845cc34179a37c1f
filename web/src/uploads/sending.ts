// One upload: its bytes, how far they are, and how to stop.

import { problemOf, Problem, unreached, type UploadAnswer } from "../api/client";

export interface Sending {
  done: Promise<"added" | "duplicate">;
  abort(): void;
}

export class Aborted extends Error {}

export type Place = NonNullable<UploadAnswer["upload"]>;

export function send(file: File, place: Place, onProgress: (bytes: number) => void): Sending {
  // XMLHttpRequest, because fetch does not tell how far an upload is.
  const request = new XMLHttpRequest();
  const done = new Promise<"added" | "duplicate">((resolve, reject) => {
    request.open(place.method, place.url);
    for (const [name, value] of Object.entries(place.headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => onProgress(Math.min(loaded, file.size));
    const signed = /^https?:/.test(place.url);
    request.onload = () => {
      if (signed) answered(request, resolve, reject);
      else if (request.status === 201) resolve("added");
      else if (request.status === 200) resolve("duplicate");
      else {
        const retryAfter = request.getResponseHeader("retry-after");
        reject(problemOf(request.status, documentOf(request.responseText), retryAfter));
      }
    };
    request.onerror = () => reject(unreached());
    request.onabort = () => reject(new Aborted());
    request.send(file);
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
    // Another upload of the same photo at the same time; the answer to the next try says what came of it.
    reject(problemOf(status === 409 ? 503 : status, { detail }));
  }
}

function documentOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
