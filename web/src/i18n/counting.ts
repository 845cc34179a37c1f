// Numbers, sizes and times as a language writes them.

export interface Counting {
  number(value: number): string;
  percent(share: number): string;
  /** "1 photo", "1,234 photos". */
  count(value: number, one: string, other: string): string;
  bytes(value: number): string;
  day(value: string | Date): string;
  month(value: string | Date): string;
  dateTime(value: string | Date): string;
  /** A length of time in seconds, roughly: "3 min". */
  span(seconds: number): string;
  money(value: number, currency: string): string;
}

const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
const CENT = 0.01;
const SPANS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
] as const;

/** Made when it is first wanted: a browser takes tens of milliseconds to make the first of a kind. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

export function countingIn(language: string): Counting {
  const plain = once(() => new Intl.NumberFormat(language));
  const share = once(() => new Intl.NumberFormat(language, { style: "percent" }));
  const rules = once(() => new Intl.PluralRules(language));
  // The camera's clock has no zone: a day stays the day it was where the photo was taken.
  const dates = (options: Intl.DateTimeFormatOptions) => once(() => new Intl.DateTimeFormat(language, options));
  const day = dates({ dateStyle: "full", timeZone: "UTC" });
  const month = dates({ month: "short", year: "numeric", timeZone: "UTC" });
  const dateTime = dates({ dateStyle: "medium", timeStyle: "short" });
  return {
    number: (value) => plain().format(value),
    percent: (value) => share().format(value),
    count: (value, one, other) =>
      `${plain().format(value)} ${rules().select(value) === "one" ? one : other}`,
    bytes: (value) => {
      const step = value < 1 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), SIZES.length - 1);
      return new Intl.NumberFormat(language, {
        style: "unit",
        unit: SIZES[step] ?? "byte",
        unitDisplay: step === 0 ? "long" : "short",
        maximumFractionDigits: step < 3 ? 0 : 1,
      }).format(value / 1000 ** step);
    },
    day: (value) => day().format(new Date(value)),
    month: (value) => month().format(new Date(value)),
    dateTime: (value) => dateTime().format(new Date(value)),
    span: (seconds) => {
      const [unit, length] = SPANS.find(([, each]) => seconds >= each) ?? ["second" as const, 1];
      return new Intl.NumberFormat(language, {
        style: "unit",
        unit,
        unitDisplay: "short",
        maximumFractionDigits: 0,
      }).format(Math.max(Math.round(seconds / length), unit === "second" ? 1 : 0));
    },
    money: (value, currency) => {
      const price = new Intl.NumberFormat(language, { style: "currency", currency });
      return value > 0 && value < CENT ? `< ${price.format(CENT)}` : price.format(value);
    },
  };
}
