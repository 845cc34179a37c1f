// Light, dark, or as the system: kept in the browser.

import { applyMode, Mode } from "@cloudscape-design/global-styles";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEPT = "fototeca.theme";
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

interface Choice {
  theme: Theme;
  setTheme(theme: Theme): void;
}

const Chosen = createContext<Choice>({ theme: "system", setTheme: () => undefined });
export const useTheme = () => useContext(Chosen);

const isTheme = (text: string | null): text is Theme => THEMES.some((each) => each === text);

function keptTheme(): Theme {
  const kept = localStorage.getItem(KEPT);
  return isTheme(kept) ? kept : "system";
}

/** Done once before anything is rendered, so that nothing is painted twice. */
export function applyTheme(theme = keptTheme()) {
  const dark = theme === "dark" || (theme === "system" && systemDark.matches);
  applyMode(dark ? Mode.Dark : Mode.Light);
}

export function Theming({ children }: { children: ReactNode }) {
  const [theme, setTheme] = useState(keptTheme);

  useEffect(() => {
    const apply = () => applyTheme(theme);
    apply();
    systemDark.addEventListener("change", apply);
    return () => systemDark.removeEventListener("change", apply);
  }, [theme]);

  const choice = useMemo(
    () => ({
      theme,
      setTheme: (wanted: Theme) => {
        localStorage.setItem(KEPT, wanted);
        setTheme(wanted);
      },
    }),
    [theme],
  );
  return <Chosen value={choice}>{children}</Chosen>;
}
