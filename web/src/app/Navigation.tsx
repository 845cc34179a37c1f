// Where one can go: beside the page, or over it on a phone.

import type { ReactNode } from "react";
import { NavLink, useLocation } from "react-router";

import { useSpeech } from "../i18n";
import { LabelFacets } from "../labels/LabelFacets";

export function Navigation({ onFollow }: { onFollow?: () => void }) {
  const { t } = useSpeech();
  const { pathname } = useLocation();
  const link = (text: string, to: string): ReactNode => (
    <li><NavLink to={to} end={to === "/"} onClick={onFollow}>{text}</NavLink></li>
  );
  return (
    <>
      <nav className="navigation" aria-label={t.navigation}>
        <ul>
          {link(t.navGallery, "/")}
          {link(t.navLabels, "/labels")}
          {link(t.navUploads, "/uploads")}
          {link(t.navBundles, "/bundles")}
        </ul>
        <ul>
          {link(t.navWork, "/work")}
          {link(t.navImports, "/imports")}
          {link(t.navTrash, "/trash")}
          {link(t.navSettings, "/settings")}
        </ul>
      </nav>
      {pathname === "/" && <LabelFacets />}
    </>
  );
}
