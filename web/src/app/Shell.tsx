// Around every page: navigation, notices, live updates, and the place where photos are dropped.

import AppLayout from "@cloudscape-design/components/app-layout";
import SideNavigation from "@cloudscape-design/components/side-navigation";
import type { SideNavigationProps } from "@cloudscape-design/components/side-navigation";
import TopNavigation from "@cloudscape-design/components/top-navigation";
import type { TopNavigationProps } from "@cloudscape-design/components/top-navigation";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { useLocation, useNavigate } from "react-router";

import { answer, api } from "../api/client";
import { useLive } from "../api/live";
import { useSpeech } from "../i18n";
import { LabelFacets } from "../labels/LabelFacets";
import { DropAnywhere, useQueue } from "../uploads/uploading";
import { UploadStatus } from "../uploads/UploadStatus";
import { NoticesBar, useNotices } from "./notices";
import { Shortcuts } from "./Shortcuts";
import { THEMES, useTheme } from "./theme";
import { useConnection } from "./useConnection";
import { useNarrow } from "./useMedia";
import { useNoticesMenu } from "./useNoticesMenu";

interface Props {
  owner: string;
  email: string;
  /** The moment that what is shown was asked after. */
  since: number;
  children: ReactNode;
}

export function Shell({ owner, email, since, children }: Props) {
  const { t } = useSpeech();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const narrow = useNarrow();
  const [open, setOpen] = useState(!narrow);
  const queue = useQueue();
  useLive(since);
  useConnection();
  useEffect(() => queue.signedIn(owner), [queue, owner]);

  const go = (href: string) => {
    void navigate(href);
    if (narrow) setOpen(false);
  };
  const link = (text: string, href: string): SideNavigationProps.Item => ({ type: "link", text, href });
  return (
    <>
      <div id="top">
        <Top email={email} {...(narrow && { onMenu: () => setOpen(!open) })} />
      </div>
      <AppLayout
        headerSelector="#top"
        toolsHide
        navigationHide={narrow && !open}
        maxContentWidth={Number.MAX_VALUE}
        navigationWidth={260}
        navigationOpen={open}
        onNavigationChange={({ detail }) => setOpen(detail.open)}
        ariaLabels={{ navigation: t.navigation, navigationToggle: t.navOpen, navigationClose: t.navClose }}
        notifications={<NoticesBar />}
        stickyNotifications
        navigation={
          <>
            <SideNavigation
              activeHref={pathname}
              items={[
                link(t.navGallery, "/"),
                link(t.navLabels, "/labels"),
                link(t.navUploads, "/uploads"),
                link(t.navBundles, "/bundles"),
                { type: "divider" },
                link(t.navWork, "/work"),
                link(t.navImports, "/imports"),
                link(t.navTrash, "/trash"),
                link(t.navSettings, "/settings"),
              ]}
              onFollow={(event) => {
                event.preventDefault();
                go(event.detail.href);
              }}
            />
            {pathname === "/" && <LabelFacets />}
          </>
        }
        content={children}
      />
      <UploadStatus />
      <DropAnywhere />
    </>
  );
}

function Top({ email, onMenu }: { email: string; onMenu?: () => void }) {
  const [keys, setKeys] = useState(false);
  const { t } = useSpeech();
  const navigate = useNavigate();
  const { theme, setTheme } = useTheme();
  const queries = useQueryClient();
  const { sayError } = useNotices();
  const notices = useNoticesMenu();
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

  const utilities: TopNavigationProps.Utility[] = [
    notices,
    {
      type: "menu-dropdown",
      iconName: "user-profile",
      text: email,
      title: email,
      ariaLabel: `${t.account}: ${email}`,
      items: [
        ...THEMES.map((each) => ({
          id: each,
          text: themes[each],
          itemType: "checkbox" as const,
          checked: theme === each,
        })),
        { id: "settings", text: t.navSettings },
        { id: "keys", text: t.shortcuts },
        { id: "sign-out", text: t.signOut },
      ],
      onItemClick: ({ detail: { id } }) => {
        if (id === "settings") void navigate("/settings");
        else if (id === "keys") setKeys(true);
        else if (id === "sign-out") void signOut();
        else setTheme(THEMES.find((each) => each === id) ?? "system");
      },
    },
  ];
  // One row on a phone: the navigation opens from here.
  if (onMenu) utilities.push({ type: "button", iconName: "menu", ariaLabel: t.navOpen, onClick: onMenu });
  return (
    <>
      <TopNavigation
        identity={{
          href: "/",
          title: "Fototeca",
          logo: { src: "/icon.svg", alt: t.navGallery },
          onFollow: (event) => {
            event.preventDefault();
            void navigate("/");
          },
        }}
        utilities={utilities}
      />
      <Shortcuts shown={keys} onShow={setKeys} />
    </>
  );
}
