// What the application says, in the chosen language.

import {
  createContext, type ReactNode, startTransition, useContext, useEffect, useMemo, useRef, useState,
} from "react";

import { keepLanguage, type Language, load, type Messages } from "./catalogue";
import { type Counting, countingIn } from "./counting";

interface Speech extends Counting {
  t: Messages;
  language: Language;
  setLanguage(language: Language): void;
}

const Spoken = createContext<Speech | null>(null);

export function useSpeech(): Speech {
  const speech = useContext(Spoken);
  if (!speech) throw new Error("outside of Speaking");
  return speech;
}

interface Loaded {
  language: Language;
  messages: Messages;
}

/** `begun` is what the application says at first. */
export function Speaking({ begun, children }: { begun: Loaded; children: ReactNode }) {
  const [{ language, messages }, setLoaded] = useState(begun);
  const wanted = useRef(language);

  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);

  const speech = useMemo<Speech>(
    () => ({
      ...countingIn(language),
      t: messages,
      language,
      setLanguage: (chosen) => {
        keepLanguage(chosen);
        wanted.current = chosen;
        void load(chosen).then((loaded) => {
          if (wanted.current === chosen) startTransition(() => setLoaded({ language: chosen, messages: loaded }));
        });
      },
    }),
    [language, messages],
  );
  return <Spoken value={speech}>{children}</Spoken>;
}
