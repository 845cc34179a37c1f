import type { en } from "./en";

/** Every catalogue has exactly these messages; the type system says what is missing. */
export type Messages = {
  readonly [Key in keyof typeof en]: (typeof en)[Key] extends string ? string : (typeof en)[Key];
};

export const LANGUAGES = {
  en: "English",
  de: "Deutsch",
  es: "Español",
  fr: "Français",
  it: "Italiano",
} as const;
export type Language = keyof typeof LANGUAGES;

interface Catalogue {
  messages: Messages;
  cloudscape: object;
}

const LOADERS: Record<Language, () => Promise<Catalogue>> = {
  en: async () => {
    const [messages, cloudscape] = await Promise.all([
      import("./en"),
      import("@cloudscape-design/components/i18n/messages/all.en.json"),
    ]);
    return { messages: messages.en, cloudscape: cloudscape.default };
  },
  de: async () => {
    const [messages, cloudscape] = await Promise.all([
      import("./de"),
      import("@cloudscape-design/components/i18n/messages/all.de.json"),
    ]);
    return { messages: messages.de, cloudscape: cloudscape.default };
  },
  es: async () => {
    const [messages, cloudscape] = await Promise.all([
      import("./es"),
      import("@cloudscape-design/components/i18n/messages/all.es.json"),
    ]);
    return { messages: messages.es, cloudscape: cloudscape.default };
  },
  fr: async () => {
    const [messages, cloudscape] = await Promise.all([
      import("./fr"),
      import("@cloudscape-design/components/i18n/messages/all.fr.json"),
    ]);
    return { messages: messages.fr, cloudscape: cloudscape.default };
  },
  it: async () => {
    const [messages, cloudscape] = await Promise.all([
      import("./it"),
      import("@cloudscape-design/components/i18n/messages/all.it.json"),
    ]);
    return { messages: messages.it, cloudscape: cloudscape.default };
  },
};

let spoken: Messages | undefined;

export async function load(language: Language): Promise<Catalogue> {
  const catalogue = await LOADERS[language]();
  spoken = catalogue.messages;
  return catalogue;
}

/** What is spoken now, for what is no component. */
export function messages(): Messages {
  if (!spoken) throw new Error("nothing is spoken yet");
  return spoken;
}

const KEPT = "fototeca.language";

export function isLanguage(text: string | null | undefined): text is Language {
  return text !== null && text !== undefined && Object.hasOwn(LANGUAGES, text);
}

export function preferredLanguage(): Language {
  const kept = localStorage.getItem(KEPT);
  if (isLanguage(kept)) return kept;
  return navigator.languages.map((each) => each.slice(0, 2)).find(isLanguage) ?? "en";
}

export function keepLanguage(language: Language) {
  localStorage.setItem(KEPT, language);
}
