// Where one can go: beside the page, or over it on a phone.

import type { ReactNode } from "react";
import { NavLink, useLocation } from "react-router";

import { useSpeech } from "../i18n";
import { LabelFacets } from "../labels/LabelFacets";
import { Icon, type IconName } from "./Icon";

export function Navigation({ onFollow }: { onFollow?: () => void }) {
  const { t } = useSpeech();
  const { pathname } = useLocation();
  const link = (icon: IconName, text: string, to: string): ReactNode => (
    <li><NavLink to={to} end={to === "/"} onClick={onFollow}><Icon name={icon} />{text}</NavLink></li>
  );
  return (
    <>
      <nav className="navigation" aria-label={t.navigation}>
        <ul>
          {link("photos", t.navGallery, "/")}
          {link("tag", t.navLabels, "/labels")}
          {link("upload", t.navUploads, "/uploads")}
          {link("download", t.navBundles, "/bundles")}
        </ul>
        <ul>
          {link("sparkle", t.navWork, "/work")}
          {link("folder", t.navImports, "/imports")}
          {link("trash", t.navTrash, "/trash")}
          {link("sliders", t.navSettings, "/settings")}
        </ul>
      </nav>
      {pathname === "/" && <LabelFacets />}
    </>
  );
}
