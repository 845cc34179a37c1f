// The bar above every page: the navigation's button, notices, and the account.

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate } from "react-router";

import { answer, api } from "../api/client";
import { useSpeech } from "../i18n";
import { Icon } from "./Icon";
import { Menu } from "./Menu";
import { useNotices } from "./notices";
import { Shortcuts } from "./Shortcuts";
import { THEMES, useTheme } from "./theme";
import { useNarrow } from "./useMedia";
import { useNoticesMenu } from "./useNoticesMenu";

interface Props {
  email: string;
  /** Whether the navigation is shown. */
  open: boolean;
  onToggle(): void;
}

export function Top({ email, open, onToggle }: Props) {
  const [keys, setKeys] = useState(false);
  const { t } = useSpeech();
  const navigate = useNavigate();
  const { theme, setTheme } = useTheme();
  const queries = useQueryClient();
  const { sayError } = useNotices();
  const notices = useNoticesMenu();
  const narrow = useNarrow();
  const themes = { system: t.system, light: t.light, dark: t.dark };

  async function signOut() {
    try {
      const { oidc } = await answer(api.GET("/api/session/options"));
      await api.DELETE("/api/session");
      queries.clear();
      // Nothing of one account's stays for the next, and no session that lets anybody in again.
      location.assign(oidc?.sign_out_url ?? "/");
    } catch (error) {
      sayError(error);
    }
  }

  return (
    <header className="top">
      <button
        type="button" className="top-button" aria-expanded={open}
        aria-label={open ? t.navClose : t.navOpen} title={open ? t.navClose : t.navOpen} onClick={onToggle}
      >
        <Icon name="menu" />
      </button>
      <Link to="/" className="top-brand">
        <img src="/icon.svg" alt="" width={32} height={32} />
        Fototeca
      </Link>
      <Menu {...notices} />
      <Menu
        icon="person"
        label={`${t.account}: ${email}`}
        {...(!narrow && { text: email })}
        choices={[
          ...THEMES.map((each) => ({ id: each, text: themes[each], checked: theme === each })),
          { id: "settings", text: t.navSettings },
          { id: "keys", text: t.shortcuts },
          { id: "sign-out", text: t.signOut },
        ]}
        onChoose={(id) => {
          if (id === "settings") void navigate("/settings");
          else if (id === "keys") setKeys(true);
          else if (id === "sign-out") void signOut();
          else setTheme(THEMES.find((each) => each === id) ?? "system");
        }}
      />
      <Shortcuts shown={keys} onShow={setKeys} />
    </header>
  );
}
