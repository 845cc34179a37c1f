// The application's pages, each loaded when it is first shown.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Spinner from "@cloudscape-design/components/spinner";
import { lazy, type ReactNode, Suspense, useEffect, useEffectEvent, useLayoutEffect } from "react";
import { Route, Routes, useLocation, useNavigationType } from "react-router";

import { useSpeech } from "../i18n";
import { Brand, Door } from "../session/Door";
import { useSelection } from "../labels/selection";
import { useSession } from "../session/session";
import { ErrorBoundary } from "./ErrorBoundary";
import { Shell } from "./Shell";
import { useTitle } from "./useTitle";

const AGAIN = 5000; // Milliseconds.

const PAGES = [
  ["/", "navGallery", lazy(() => import("../gallery/GalleryPage"))],
  ["/labels", "navLabels", lazy(() => import("../labels/LabelsPage"))],
  ["/uploads", "navUploads", lazy(() => import("../uploads/UploadsPage"))],
  ["/bundles/:id?", "navBundles", lazy(() => import("../bundles/BundlesPage"))],
  ["/work", "navWork", lazy(() => import("../work/WorkPage"))],
  ["/imports", "navImports", lazy(() => import("../work/ImportsPage"))],
  ["/trash", "navTrash", lazy(() => import("../gallery/TrashPage"))],
  ["/settings", "navSettings", lazy(() => import("../settings/SettingsPage"))],
] as const;

export function App() {
  const { t } = useSpeech();
  const session = useSession();
  const { pathname } = useLocation();
  useTopOfNewPages();

  if (session.isError || (session.isPending && session.failureReason)) return <Unreached session={session} />;
  if (session.isPending) return <Waiting />;
  if (!session.data) return <Door />;
  const { owner, email, sequence } = session.data;
  return (
    <Shell owner={owner} email={email ?? ""} since={sequence} key={owner}>
      <ErrorBoundary key={pathname}>
        <Suspense fallback={<Waiting />}>
          <Routes>
            {PAGES.map(([path, title, Page]) => (
              <Route key={path} path={path} element={<Titled title={t[title]}><Page /></Titled>} />
            ))}
            <Route path="*" element={<Titled title={t.notFound}><Alert type="info">{t.notFound}</Alert></Titled>} />
          </Routes>
        </Suspense>
      </ErrorBoundary>
    </Shell>
  );
}

function Titled({ title, children }: { title: string; children: ReactNode }) {
  useTitle(title);
  return children;
}

/** Another page, or other photos, are looked at from their beginning; going back, the browser knows where. */
function useTopOfNewPages() {
  const { pathname } = useLocation();
  const { selection } = useSelection();
  const how = useNavigationType();
  const toTop = useEffectEvent(() => {
    if (how === "PUSH") window.scrollTo({ top: 0, behavior: "instant" });
  });
  useLayoutEffect(() => toTop(), [pathname, selection]);
}

/** The application opens without a connection; photos come when the server does. */
function Unreached({ session }: { session: ReturnType<typeof useSession> }) {
  const { t } = useSpeech();
  useEffect(() => {
    const again = () => void session.refetch();
    const timer = setInterval(again, AGAIN);
    window.addEventListener("online", again);
    return () => {
      clearInterval(timer);
      window.removeEventListener("online", again);
    };
  }, [session]);
  return (
    <main className="door">
      <div className="door-inner">
        <Brand />
        <Alert
          type="warning" header={session.failureReason?.message}
          action={<Button loading={session.isFetching} onClick={() => void session.refetch()}>{t.tryAgain}</Button>}
        >
          {t.unreachedText}
        </Alert>
      </div>
    </main>
  );
}

function Waiting() {
  return (
    <Box textAlign="center" padding="xxl">
      <Spinner size="large" />
    </Box>
  );
}
