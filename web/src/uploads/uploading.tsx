// One queue of uploads for the whole application, whatever page is shown.

import { createContext, type ReactNode, useContext, useEffect, useState, useSyncExternalStore } from "react";

import { useSpeech } from "../i18n";
import { entriesOf, picked, walk } from "./files";
import type { Snapshot } from "./item";
import { UploadQueue } from "./queue";

const Queue = createContext<UploadQueue | null>(null);

export function useQueue(): UploadQueue {
  const queue = useContext(Queue);
  if (!queue) throw new Error("outside of Uploading");
  return queue;
}

export function useUploads(): Snapshot {
  const queue = useQueue();
  return useSyncExternalStore(queue.subscribe, queue.current);
}

export function pick(queue: UploadQueue, files: FileList | null) {
  if (files) queue.add(picked(files));
}

async function drop(queue: UploadQueue, transfer: DataTransfer) {
  const entries = entriesOf(transfer);
  if (!entries.length) return queue.add(picked(transfer.files));
  await queue.list((signal) =>
    walk(entries, signal, (found) => queue.add(found), (path) => queue.refuseUnread(path)),
  );
}

/** Around everything, the door included: who must sign in again finds the uploads where they were. */
export function Uploading({ children }: { children: ReactNode }) {
  const { t } = useSpeech();
  const [queue] = useState(() => new UploadQueue());
  useEffect(
    () => queue.speak({ empty: t.fileEmpty, unreadable: t.fileUnreadable, notPhoto: t.fileNotPhoto }),
    [queue, t],
  );
  useEffect(() => {
    const onLeavePage = (event: BeforeUnloadEvent) => {
      if (queue.busy()) event.preventDefault();
    };
    window.addEventListener("beforeunload", onLeavePage);
    return () => window.removeEventListener("beforeunload", onLeavePage);
  }, [queue]);
  return <Queue value={queue}>{children}</Queue>;
}

/** The whole window takes what is dropped on it. */
export function DropAnywhere() {
  const { t } = useSpeech();
  const queue = useQueue();
  const [dropping, setDropping] = useState(false);
  useEffect(() => {
    const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files");
    const onOver = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      setDropping(true);
    };
    const onLeave = (event: DragEvent) => {
      if (!event.relatedTarget) setDropping(false);
    };
    const onDrop = (event: DragEvent) => {
      setDropping(false);
      if (!carriesFiles(event) || !event.dataTransfer) return;
      event.preventDefault();
      void drop(queue, event.dataTransfer);
    };
    document.addEventListener("dragover", onOver);
    document.addEventListener("dragleave", onLeave);
    document.addEventListener("drop", onDrop);
    return () => {
      document.removeEventListener("dragover", onOver);
      document.removeEventListener("dragleave", onLeave);
      document.removeEventListener("drop", onDrop);
    };
  }, [queue]);
  return dropping && <div className="drop-here"><span>{t.dropHere}</span></div>;
}
