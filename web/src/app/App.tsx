// The application's pages: the gallery at once, each other when it is first shown.

import { type ReactNode, Suspense, useEffect, useEffectEvent, useLayoutEffect } from "react";
import { Route, Routes, useLocation, useNavigate, useNavigationType } from "react-router";

import GalleryPage from "../gallery/GalleryPage";
import { useSpeech } from "../i18n";
import { later } from "../i18n/cloudscape";
import { useSelection } from "../labels/selection";
import { useSession } from "../session/session";
import { Brand } from "./Brand";
import { Button } from "./Button";
import { Empty } from "./Empty";
import { ErrorBoundary } from "./ErrorBoundary";
import { Notice } from "./Notice";
import { Shell } from "./Shell";
import { useTitle } from "./useTitle";

const AGAIN = 5000; // Milliseconds.

const Door = later(() => import("../session/Door"));

const PAGES = [
  ["/", "navGallery", GalleryPage],
  ["/labels", "navLabels", later(() => import("../labels/LabelsPage"))],
  ["/uploads", "navUploads", later(() => import("../uploads/UploadsPage"))],
  ["/bundles/:id?", "navBundles", later(() => import("../bundles/BundlesPage"))],
  ["/work", "navWork", later(() => import("../work/WorkPage"))],
  ["/imports", "navImports", later(() => import("../work/ImportsPage"))],
  ["/trash", "navTrash", later(() => import("../gallery/TrashPage"))],
  ["/settings", "navSettings", later(() => import("../settings/SettingsPage"))],
] as const;

export function App() {
  const { t } = useSpeech();
  const session = useSession();
  const { pathname } = useLocation();
  useTopOfNewPages();

  if (session.isError || (session.isPending && session.failureReason)) return <Unreached session={session} />;
  if (session.isPending) return <Waiting />;
  if (!session.data) return <Suspense fallback={<Waiting />}><Door /></Suspense>;
  const { owner, email, sequence } = session.data;
  return (
    <Shell owner={owner} email={email ?? ""} since={sequence} key={owner}>
      <ErrorBoundary key={pathname}>
        <Suspense fallback={<Waiting />}>
          <Routes>
            {PAGES.map(([path, title, Page]) => (
              <Route key={path} path={path} element={<Titled title={t[title]}><Page /></Titled>} />
            ))}
            <Route path="*" element={<Titled title={t.notFound}><NotFound /></Titled>} />
          </Routes>
        </Suspense>
      </ErrorBoundary>
    </Shell>
  );
}

function NotFound() {
  const { t } = useSpeech();
  const navigate = useNavigate();
  return (
    <Empty title={t.notFound}>
      <Button onClick={() => void navigate("/")}>{t.navGallery}</Button>
    </Empty>
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
        <Notice kind="warning">
          <strong>{session.failureReason?.message}</strong>
          <p>{t.unreachedText}</p>
        </Notice>
        <Button busy={session.isFetching} onClick={() => void session.refetch()}>{t.tryAgain}</Button>
      </div>
    </main>
  );
}

function Waiting() {
  return (
    <div className="waiting">
      <span className="spinner" />
    </div>
  );
}
