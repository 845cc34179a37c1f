// One queue of uploads for the whole application, whatever page is shown.

import { createContext, type ReactNode, useContext, useEffect, useEffectEvent, useState, useSyncExternalStore } from "react";

import { useNotices } from "../app/notices";
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

/** Takes what is picked or dropped, and says so where nothing is in it. */
export function useTaking() {
  const { t } = useSpeech();
  const { say } = useNotices();
  const queue = useQueue();
  const nothing = () => say({ type: "warning", id: "nothing-found", text: t.nothingFound });
  return {
    pick: (files: FileList) => {
      const found = picked(files);
      if (found.length) queue.add(found);
      else nothing();
    },
    drop: async (transfer: DataTransfer) => {
      const entries = entriesOf(transfer);
      if (!entries.length) return queue.add(picked(transfer.files));
      if (await queue.list((listing) => walk(entries, listing)) === 0) nothing();
    },
  };
}

/** Around everything, the door included: who must sign in again finds the uploads where they were. */
export function Uploading({ children }: { children: ReactNode }) {
  const [queue] = useState(() => new UploadQueue());
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
  const { drop } = useTaking();
  const onDropped = useEffectEvent((transfer: DataTransfer) => void drop(transfer));
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
      onDropped(event.dataTransfer);
    };
    document.addEventListener("dragover", onOver);
    document.addEventListener("dragleave", onLeave);
    document.addEventListener("drop", onDrop);
    return () => {
      document.removeEventListener("dragover", onOver);
      document.removeEventListener("dragleave", onLeave);
      document.removeEventListener("drop", onDrop);
    };
  }, []);
  return dropping && <div className="drop-here"><span>{t.dropHere}</span></div>;
}
