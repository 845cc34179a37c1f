// What is done with chosen photos, and undone.

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";

import { answer, api } from "../api/client";
import { changed } from "../api/live";
import { useNotices } from "../app/notices";
import { titleOf } from "../bundles/queries";
import { useSpeech } from "../i18n";
import { EVERYTHING, labelsOf } from "../labels/selection";
import type { Chosen } from "./chosen";
import type { Source } from "./queries";

const AT_ONCE = 1000; // Ids in a request: each is answered soon, wherever the server runs.
const PROGRESS = "progress";

export function batches<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) =>
    items.slice(at * size, (at + 1) * size),
  );
}

export interface LabelChange {
  ids: readonly string[];
  add?: string[];
  remove?: string[];
  /** Corrections to be taken back: the machine's opinion holds again. */
  clear?: string[];
}

/** How many photos were corrected, and the changes that restore what was said of them before. */
export async function sendCorrections(changes: readonly LabelChange[], onDone?: (photos: number) => void) {
  const undo: LabelChange[] = [];
  let photos = 0;
  for (const { ids, add = [], remove = [], clear = [] } of changes) {
    for (const batch of batches(ids, AT_ONCE)) {
      const body = { ids: batch, add, remove, clear };
      const corrected = await answer(api.POST("/api/photos/labels", { body }));
      photos += corrected.photos;
      undo.push(...corrected.undo);
      onDone?.(photos);
    }
  }
  return { photos, undo };
}

/** Each says whether it was done, and what went wrong in a notice. */
export function usePhotoActions() {
  const { t } = useSpeech();
  const { say, sayError, unsay } = useNotices();
  const queries = useQueryClient();
  const navigate = useNavigate();

  /** Of so many that one request is not enough, how far it is. */
  const sayProgress = (done: number, all: number) => {
    if (all > AT_ONCE) say({ type: "info", id: PROGRESS, lasting: true, text: t.progress(done, all) });
  };

  async function forAll(ids: readonly string[], send: (ids: string[]) => Promise<{ photos: number }>) {
    let photos = 0;
    sayProgress(0, ids.length);
    try {
      for (const batch of batches(ids, AT_ONCE)) {
        photos += (await send(batch)).photos;
        sayProgress(photos, ids.length);
      }
      return photos;
    } catch (error) {
      sayError(error);
      return null;
    } finally {
      unsay(PROGRESS);
      changed(queries, "photos", "labels");
    }
  }

  async function restore(ids: readonly string[]) {
    const photos = await forAll(ids, (some) => answer(api.POST("/api/photos/restore", { body: { ids: some } })));
    if (photos !== null) say({ type: "success", text: t.restored(photos) });
    return photos !== null;
  }

  async function trash(ids: readonly string[]) {
    const photos = await forAll(ids, (some) => answer(api.POST("/api/photos/trash", { body: { ids: some } })));
    if (photos === null) return false;
    const action = { text: t.undo, run: () => void restore(ids) };
    say({ type: "success", text: t.trashed(photos), action });
    return true;
  }

  async function correct(changes: readonly LabelChange[], undoing = false) {
    const all = changes.reduce((sum, { ids }) => sum + ids.length, 0);
    sayProgress(0, all);
    try {
      const { photos, undo } = await sendCorrections(changes, (done) => sayProgress(done, all));
      const action = { text: t.undo, run: () => void correct(undo, true) };
      say({ type: "success", text: t.corrected(photos), ...(!undoing && undo.length > 0 && { action }) });
      return true;
    } catch (error) {
      sayError(error);
      return false;
    } finally {
      unsay(PROGRESS);
      changed(queries, "photos", "labels");
    }
  }

  /** One zip: of all that is selected, or of what is chosen of a layout. */
  async function bundle({ selection }: Source, chosen?: Chosen, layout?: unknown) {
    const without = chosen ? chosen.leftOut(layout) : [];
    const all = { ...labelsOf(selection), q: selection.q, ...(without?.length && { without }) };
    try {
      const body = chosen && !without ? { ...EVERYTHING, ids: await chosen.ids() } : all;
      const asked = await answer(api.POST("/api/bundles", { body }));
      say({
        type: "info", id: `bundle-${asked.id}`, text: `${titleOf(t, asked)}: ${t.bundleAsked}`,
        action: { text: t.showDownloads, run: () => void navigate("/bundles") },
      });
      return true;
    } catch (error) {
      sayError(error);
      return false;
    } finally {
      changed(queries, "bundle");
    }
  }

  return { trash, restore, correct, bundle };
}
