// Short messages over the page: what was done, what failed, and undoing it.

import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";

import { Problem } from "../api/client";
import { useSpeech } from "../i18n";
import { messages } from "../i18n/catalogue";
import { type Kind, Notice } from "./Notice";

export interface Said {
  type: Kind;
  text: ReactNode;
  action?: { text: string; run: () => void };
  /** Said again under the same id it replaces what was there. */
  id?: string;
  /** Good news that stays until something else is said under its id, or it is unsaid. */
  lasting?: boolean;
}

interface Notices {
  said: readonly (Said & { id: string })[];
  say(message: Said): void;
  /** Say what is wrong, in an error's own words. */
  sayError(error: unknown): void;
  unsay(id: string): void;
  /** A dialog over the page shows them instead of it. */
  covered: boolean;
  cover(covered: boolean): void;
}

const Current = createContext<Notices | null>(null);

export function useNotices(): Notices {
  const notices = useContext(Current);
  if (!notices) throw new Error("outside of Noticing");
  return notices;
}

export const CONNECTION = "connection";
const SHOWN = 8000; // Milliseconds for good news; what is wrong stays until dismissed.
let made = 0;

export function Noticing({ children }: { children: ReactNode }) {
  const [said, setSaid] = useState<Notices["said"]>([]);
  const [covered, cover] = useState(false);

  const unsay = useCallback((id: string) => {
    setSaid((before) => before.filter((each) => each.id !== id));
  }, []);
  const say = useCallback(
    (message: Said) => {
      made += 1;
      const id = message.id ?? `said-${made}`;
      const added = { ...message, id };
      setSaid((before) => [added, ...before.filter((each) => each.id !== id)].slice(0, 4));
      if (message.lasting || (message.type !== "success" && message.type !== "info")) return;
      // Only this one: what was said since under the same id has its own time.
      setTimeout(() => setSaid((before) => before.filter((each) => each !== added)), SHOWN);
    },
    [],
  );
  const sayError = useCallback(
    (error: unknown) => {
      // Once, whoever asked: the notice goes when the server is back.
      if (error instanceof Problem && error.status === 0) {
        say({ type: "warning", text: messages().connectionLost, id: CONNECTION });
        return;
      }
      const text = error instanceof Error ? error.message : String(error);
      say({ type: "error", text, id: `error-${text}` });
    },
    [say],
  );
  const notices = useMemo(
    () => ({ said, say, sayError, unsay, covered, cover }),
    [said, say, sayError, unsay, covered],
  );
  return <Current value={notices}>{children}</Current>;
}

export function NoticesBar({ covering = false }: { covering?: boolean }) {
  const { said, unsay, covered, cover } = useNotices();
  const { t } = useSpeech();
  useEffect(() => {
    if (!covering) return;
    cover(true);
    return () => cover(false);
  }, [covering, cover]);
  const shown = covering === covered ? said : [];
  return (
    <div className="notices" aria-live="polite">
      {shown.map(({ id, type, text, action }) => {
        const run = () => {
          unsay(id);
          action?.run();
        };
        return (
          <Notice
            key={id} kind={type} {...(action && { action: { text: action.text, run } })}
            dismiss={{ text: t.dismiss, run: () => unsay(id) }}
          >
            {text}
          </Notice>
        );
      })}
    </div>
  );
}
