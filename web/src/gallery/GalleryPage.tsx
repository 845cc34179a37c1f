// The archive: what is selected, its photos, and one button to have them all.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";

import { Empty } from "../app/Empty";
import { useSpeech } from "../i18n";
import { useTotals } from "../labels/queries";
import { SelectionFilter } from "../labels/SelectionFilter";
import { EVERYTHING, isEverything, useSelection } from "../labels/selection";
import { UploadInvitation } from "../uploads/UploadInvitation";
import { usePhotoActions } from "./actions";
import { Gallery } from "./Gallery";
import { useLayout } from "./queries";

export default function GalleryPage() {
  const { t } = useSpeech();
  const { selection, select } = useSelection();
  const source = useMemo(() => ({ selection, trash: false }), [selection]);
  const layout = useLayout(source);
  const totals = useTotals(selection);
  if (layout.isLoadingError) return <Failure error={layout.error} onAgain={() => void layout.refetch()} />;
  if (!layout.data) return <Skeleton />;
  const total = layout.data.ratios.length;
  if (total === 0 && isEverything(selection)) return <UploadInvitation />;
  return (
    <>
      <Gallery
        source={source}
        layout={layout.data}
        bytes={totals.data?.bytes ?? 0}
        title={t.navGallery}
        actions={<DownloadAll source={source} />}
        head={<SelectionFilter countText={t.photos(total)} />}
      />
      {total === 0 && (
        <Empty title={t.noPhotosTitle} text={t.noPhotosText}>
          <Button onClick={() => select(EVERYTHING)}>{t.showEverything}</Button>
        </Empty>
      )}
    </>
  );
}

function DownloadAll({ source }: { source: Parameters<typeof useLayout>[0] }) {
  const { t } = useSpeech();
  const { data: totals } = useTotals(source.selection);
  const { bundle } = usePhotoActions();
  const [asking, setAsking] = useState(false);

  async function ask() {
    setAsking(true);
    await bundle(source);
    setAsking(false);
  }

  if (!totals || totals.photos === 0) return null;
  return (
    <Button variant="primary" iconName="download" loading={asking} onClick={() => void ask()}>
      {t.downloadPhotos(totals.photos, totals.bytes)}
    </Button>
  );
}

function Skeleton() {
  const { t } = useSpeech();
  return (
    <div className="skeleton" role="status" aria-label={t.loading}>
      {Array.from({ length: 24 }, (_, at) => <span key={at} />)}
    </div>
  );
}

export function Failure({ error, onAgain }: { error: Error; onAgain: () => void }) {
  const { t } = useSpeech();
  return (
    <Box textAlign="center" padding="xxxl">
      <SpaceBetween size="m">
        <Box variant="h2">{t.failedTitle}</Box>
        <Box color="text-body-secondary">{error.message}</Box>
        <Button onClick={onAgain}>{t.tryAgain}</Button>
      </SpaceBetween>
    </Box>
  );
}
