// What Cloudscape's own components say: loaded with the first of those that say something.

import type { I18nProviderProps } from "@cloudscape-design/components/i18n";
import { type ComponentType, lazy, type ReactNode, use } from "react";

import { answer, api, Problem } from "../api/client";
import { useSpeech } from ".";
import type { Language } from "./catalogue";

type Provider = ComponentType<I18nProviderProps>;
type CloudscapeMessages = I18nProviderProps.Messages;

const MESSAGES: Record<Language, () => Promise<object>> = {
  en: async () => (await import("@cloudscape-design/components/i18n/messages/all.en.json")).default,
  de: async () => (await import("@cloudscape-design/components/i18n/messages/all.de.json")).default,
  es: async () => (await import("@cloudscape-design/components/i18n/messages/all.es.json")).default,
  fr: async () => (await import("@cloudscape-design/components/i18n/messages/all.fr.json")).default,
  it: async () => (await import("@cloudscape-design/components/i18n/messages/all.it.json")).default,
};

const asked = new Map<Language, Promise<CloudscapeMessages>>();

/** The same promise each time, as `use` wants it. Without its file Cloudscape speaks English. */
function messagesIn(language: Language) {
  const before = asked.get(language);
  if (before) return before;
  const messages = MESSAGES[language]().catch(() => ({})) as Promise<CloudscapeMessages>;
  asked.set(language, messages);
  return messages;
}

function Speaking({ provider: I18nProvider, children }: { provider: Provider; children: ReactNode }) {
  const { language } = useSpeech();
  const messages = use(messagesIn(language));
  return <I18nProvider locale={language} messages={[messages]}>{children}</I18nProvider>;
}

const AGAIN = 5000; // Milliseconds.

/** Tried again once the server is reached: what is not there then, a newer release has no more. */
async function fetched<Loaded>(load: () => Promise<Loaded>): Promise<Loaded> {
  try {
    return await load();
  } catch {
    for (;;) {
      const error: unknown = await answer(api.GET("/api/session")).then(() => null, (problem) => problem);
      if (!(error instanceof Problem && error.status === 0)) break;
      await new Promise((passed) => setTimeout(passed, AGAIN));
    }
  }
  await restyle();
  return load();
}

/** What failed once is asked for no more by what loads a script's styles with it. */
async function restyle() {
  const styles = [...document.querySelectorAll<HTMLLinkElement>("link[rel=stylesheet]")];
  const failed = styles.filter(({ sheet }) => !sheet);
  await Promise.all(
    failed.map(
      (link) =>
        new Promise((resolve, reject) => {
          const again = link.cloneNode() as HTMLLinkElement;
          again.addEventListener("load", resolve);
          again.addEventListener("error", reject);
          link.replaceWith(again);
        }),
    ),
  );
}

/** A part of the application whose files are not there: a newer release has others. */
export class NotLoaded extends Error {}

/** A part of the application that is loaded when it is first shown, and what Cloudscape says in it. */
export function later<Props extends object>(load: () => Promise<{ default: ComponentType<Props> }>) {
  return lazy(async () => {
    const [{ default: Part }, { I18nProvider }] = await fetched(() => Promise.all([
      load(),
      import("./provider"),
    ])).catch((cause: unknown) => {
      throw new NotLoaded("a part of the application was not loaded", { cause });
    });
    const Spoken = (props: Props) => (
      <Speaking provider={I18nProvider}><Part {...props} /></Speaking>
    );
    return { default: Spoken };
  });
}
