// Downloads: each bundle's state, progress and expiry, its zip, and what was left out.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Cards from "@cloudscape-design/components/cards";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useNavigate, useParams } from "react-router";

import { answer, api, type Bundle } from "../api/client";
import { Empty } from "../app/Empty";
import { Failure } from "../app/Failure";
import { useNotices } from "../app/notices";
import { usePhotoActions } from "../gallery/actions";
import { useSpeech } from "../i18n";
import { isEverything } from "../labels/selection";
import { bundlesOptions, titleOf } from "./queries";

const LOOK = 2000; // Milliseconds, while something is prepared, also where no event comes.
const TICK = 30_000;
const SECOND = 1000;
const SOON = 120; // Seconds before the end that are counted one by one.

export default function BundlesPage() {
  const { t } = useSpeech();
  const navigate = useNavigate();
  const { id } = useParams();
  const bundles = useQuery({
    ...bundlesOptions(),
    refetchInterval: ({ state }) => nextLook(state.data ?? []),
  });
  const found = bundles.data?.some((each) => each.id === id);
  // Where a notice leads: to this one, once it is there.
  useEffect(() => {
    if (!id || !found) return;
    const card = document.getElementById(cardOf(id));
    card?.scrollIntoView({ block: "center" });
    card?.focus({ preventScroll: true });
  }, [id, found]);
  return (
    <Cards<Bundle>
      variant="full-page"
      header={
        <SpaceBetween size="m">
          <Header variant="h1" description={t.bundlesText} actions={<AllowNotifications />}>
            {t.bundlesTitle}
          </Header>
          {id && found === false && <Alert type="info">{t.bundleGone}</Alert>}
        </SpaceBetween>
      }
      items={bundles.data ?? []}
      loading={bundles.isPending}
      loadingText={t.loading}
      trackBy="id"
      cardsPerRow={[{ cards: 1 }, { minWidth: 900, cards: 2 }]}
      cardDefinition={{
        header: (bundle) => titleOf(t, bundle),
        sections: [{
          id: "bundle",
          content: (bundle) => (
            <div id={cardOf(bundle.id)} tabIndex={-1} className="bundle">
              <BundleCard bundle={bundle} />
            </div>
          ),
        }],
      }}
      empty={
        bundles.error ? (
          <Failure query={bundles} />
        ) : (
          <Empty title={t.bundlesEmpty} text={t.bundlesEmptyText}>
            <Button onClick={() => void navigate("/")}>{t.navGallery}</Button>
          </Empty>
        )
      }
    />
  );
}

/** Milliseconds until something may have changed that no event tells at once; false for never. */
function nextLook(bundles: Bundle[]): number | false {
  const states = bundles.map((each) => each.state);
  if (states.includes("preparing")) return LOOK;
  const now = Date.now();
  const expiring = bundles
    .filter(({ state }) => state === "ready")
    .map(({ expires_at: at }) => new Date(at).getTime() - now + SECOND)
    .filter((left) => left > 0);
  const next = Math.min(...expiring, states.includes("restoring") ? TICK : Infinity);
  return next !== Infinity && next;
}

const cardOf = (id: string) => `bundle-${id}`;

function BundleCard({ bundle }: { bundle: Bundle }) {
  const { t, bytes, dateTime } = useSpeech();
  const { sayError } = useNotices();
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => api.DELETE("/api/bundles/{id}", { params: { path: { id: bundle.id } } }),
    onError: sayError,
    onSettled: () => queries.invalidateQueries({ queryKey: ["bundles"] }),
  });
  const again = useAgain(bundle);
  const ready = bundle.state === "ready";
  return (
    <SpaceBetween size="s">
      <State bundle={bundle} />
      <Box color="text-body-secondary">
        {t.photos(bundle.photos - bundle.skipped)}, {bytes(bundle.archive_size ?? bundle.bytes)} · {dateTime(bundle.created_at)}
      </Box>
      {bundle.skipped > 0 && <Skipped bundle={bundle} />}
      <SpaceBetween direction="horizontal" size="xs">
        {ready && (
          <Button variant="primary" iconName="download" href={bundle.url} download="">
            {`${t.saveZip} (${bytes(bundle.archive_size ?? 0)})`}
          </Button>
        )}
        {ready && (
          <CopyToClipboard
            variant="button" copyButtonText={t.copyLink} textToCopy={new URL(bundle.url, location.href).href}
            copySuccessText={t.copied} copyErrorText={t.failedTitle}
          />
        )}
        {again && (
          <Button iconName="refresh" loading={again.isPending} onClick={() => again.mutate()}>
            {t.bundleAgain}
          </Button>
        )}
        <Button iconName="remove" loading={remove.isPending} onClick={() => remove.mutate()}>
          {t.delete}
        </Button>
      </SpaceBetween>
    </SpaceBetween>
  );
}

/** To ask for a bundle that is no more once again; null where what it was asked for by is not known. */
function useAgain({ state, selection, q, left_out: without }: Bundle) {
  const { bundle } = usePhotoActions();
  const wanted = { ...selection, q };
  const again = useMutation({ mutationFn: () => bundle({ selection: wanted, trash: false }) });
  const ended = state === "expired" || state === "failed";
  return ended && without === 0 && !isEverything(wanted) ? again : null;
}

function State({ bundle }: { bundle: Bundle }) {
  const { t } = useSpeech();
  if (bundle.state === "preparing" && bundle.parts > 0) {
    return <ProgressBar value={(100 * bundle.built) / bundle.parts} label={t.bundleBuilding(bundle.built, bundle.parts)} />;
  }
  if (bundle.state === "preparing") {
    return (
      <ProgressBar
        value={(100 * bundle.prepared) / Math.max(bundle.photos, 1)}
        label={t.bundlePreparing(bundle.prepared, bundle.photos)}
      />
    );
  }
  if (bundle.state === "restoring") return <StatusIndicator type="pending">{t.bundleRestoring}</StatusIndicator>;
  if (bundle.state === "failed") {
    return <StatusIndicator type="error">{`${t.bundleFailed}: ${bundle.failure ?? ""}`}</StatusIndicator>;
  }
  if (bundle.state === "expired") return <StatusIndicator type="stopped">{t.bundleExpired}</StatusIndicator>;
  return <Ready until={new Date(bundle.expires_at).getTime()} />;
}

function Ready({ until }: { until: number }) {
  const { t, span } = useSpeech();
  const [now, setNow] = useState(Date.now);
  const left = Math.max((until - now) / SECOND, 0);
  const tick = left < SOON ? SECOND : TICK;
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), tick);
    return () => clearInterval(timer);
  }, [tick]);
  return <StatusIndicator type="success">{`${t.bundleReady} · ${t.expiresIn(span(left))}`}</StatusIndicator>;
}

function Skipped({ bundle }: { bundle: Bundle }) {
  const { t } = useSpeech();
  const [open, setOpen] = useState(false);
  const details = useQuery({
    queryKey: ["bundles", bundle.id],
    queryFn: () => answer(api.GET("/api/bundles/{id}", { params: { path: { id: bundle.id } } })),
    enabled: open,
  });
  return (
    <ExpandableSection
      headerText={t.skipped(bundle.skipped)} expanded={open}
      onChange={({ detail }) => setOpen(detail.expanded)}
    >
      <ul>
        {details.data?.skipped_photos?.map(({ id, name, reason }) => <li key={id}>{`${name}: ${reason}`}</li>)}
      </ul>
    </ExpandableSection>
  );
}

function AllowNotifications() {
  const { t } = useSpeech();
  const [asked, setAsked] = useState(!("Notification" in window) || Notification.permission !== "default");
  if (asked) return null;
  return (
    <Button
      iconName="notification"
      onClick={() => void Notification.requestPermission().then(() => setAsked(true))}
    >
      {t.notifyMe}
    </Button>
  );
}
