// The archive: what is selected, its photos, and one button to have them all.

import { Suspense, useMemo, useState } from "react";

import { Button } from "../app/Button";
import { Empty } from "../app/Empty";
import { Failure } from "../app/Failure";
import { idle } from "../app/idle";
import { useSpeech } from "../i18n";
import { later } from "../i18n/cloudscape";
import { useTotals } from "../labels/queries";
import { EVERYTHING, isEverything, useSelection } from "../labels/selection";
import { UploadInvitation } from "../uploads/UploadInvitation";
import { usePhotoActions } from "./actions";
import { Gallery } from "./Gallery";
import { useLayout } from "./queries";

const SelectionFilter = later(async () => {
  await idle(); // Half of the gallery's script is this: photos first.
  return import("../labels/SelectionFilter");
});

export default function GalleryPage() {
  const { t } = useSpeech();
  const { selection, select } = useSelection();
  const source = useMemo(() => ({ selection, trash: false }), [selection]);
  const layout = useLayout(source);
  const totals = useTotals(selection);
  const everything = <Button onClick={() => select(EVERYTHING)}>{t.showEverything}</Button>;
  if (layout.isLoadingError) return <Failure query={layout}>{!isEverything(selection) && everything}</Failure>;
  if (!layout.data) return <Skeleton />;
  const total = layout.data.layout.ratios.length;
  if (total === 0 && isEverything(selection)) return <UploadInvitation />;
  return (
    <>
      <Gallery
        {...layout.data}
        going={layout.isPlaceholderData}
        bytes={totals.data?.bytes ?? 0}
        title={t.navGallery}
        actions={<DownloadAll source={source} />}
        head={
          <div className="filter-place" data-tokens={!isEverything(selection)}>
            <Suspense fallback={<div className="field" />}>
              <SelectionFilter countText={t.photos(total)} />
            </Suspense>
          </div>
        }
      />
      {total === 0 && (
        <Empty title={t.noPhotosTitle} text={t.noPhotosText}>
          {everything}
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

  if (totals?.photos === 0) return null;
  return (
    <Button look="primary" icon="download" disabled={!totals} busy={asking} onClick={() => void ask()}>
      {totals ? t.downloadPhotos(totals.photos, totals.bytes) : t.loading}
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
