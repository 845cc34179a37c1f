import { en } from "./en";

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

const CATALOGUES: Record<Language, () => Promise<Messages>> = {
  en: () => Promise.resolve(en),
  de: async () => (await import("./de")).de,
  es: async () => (await import("./es")).es,
  fr: async () => (await import("./fr")).fr,
  it: async () => (await import("./it")).it,
};

let spoken: Messages = en;

/** English, which the application always has, where the language's file is not reached. */
export async function load(language: Language): Promise<Messages> {
  spoken = await CATALOGUES[language]().catch(() => en);
  return spoken;
}

/** What is spoken now, for what is no component. */
export const messages = () => spoken;

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
