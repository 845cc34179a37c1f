// What the application says, in the chosen language.

import { I18nProvider, type I18nProviderProps } from "@cloudscape-design/components/i18n";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";

import { keepLanguage, type Language, load, type Messages, preferredLanguage } from "./catalogue";
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

export function Speaking({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(preferredLanguage);
  const [loaded, setLoaded] = useState<{ language: Language; messages: Messages; cloudscape: object }>();

  useEffect(() => {
    let current = true;
    void load(language).then((catalogue) => {
      if (current) setLoaded({ language, ...catalogue });
    });
    document.documentElement.lang = language;
    return () => {
      current = false;
    };
  }, [language]);

  const speech = useMemo<Speech | null>(() => {
    if (!loaded) return null;
    return {
      ...countingIn(loaded.language),
      t: loaded.messages,
      language: loaded.language,
      setLanguage: (wanted) => {
        keepLanguage(wanted);
        setLanguage(wanted);
      },
    };
  }, [loaded]);
  if (!loaded || !speech) return null;
  return (
    <I18nProvider
      locale={loaded.language}
      messages={[loaded.cloudscape as I18nProviderProps.Messages]}
    >
      <Spoken value={speech}>{children}</Spoken>
    </I18nProvider>
  );
}
