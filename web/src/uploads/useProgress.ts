// How far the uploads are, in words.

import { useSpeech } from "../i18n";
import type { Snapshot } from "./item";

export function useProgress({ tally, remaining, paused, held, trouble, busy, listing }: Snapshot) {
  const { t, span, bytes } = useSpeech();
  const outcome = [
    t.added(tally.added),
    tally.duplicate && t.duplicates(tally.duplicate),
    tally.refused && t.refused(tally.refused),
    tally.cancelled && t.cancelledCount(tally.cancelled),
  ].filter(Boolean).join(", ");
  const left = held ? held.text : paused ? t.paused : trouble ? `${trouble} ${t.stateRetrying}` : remaining !== null && t.remaining(span(remaining));
  return {
    share: tally.bytes ? tally.sent / tally.bytes : busy ? 0 : 1,
    title: listing ? t.listing(tally.files) : busy ? t.uploading(tally.done, tally.files) : t.uploadDone,
    outcome,
    detail: [busy && tally.bytes > 0 && `${bytes(tally.sent)} / ${bytes(tally.bytes)}`, busy && left].filter(Boolean).join(" · "),
  };
}
