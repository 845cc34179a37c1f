// The trash: what was put here, to be restored within 30 days.

import Box from "@cloudscape-design/components/box";

import { Empty } from "../app/Empty";
import { Failure } from "../app/Failure";
import { useSpeech } from "../i18n";
import { EVERYTHING } from "../labels/selection";
import { Gallery } from "./Gallery";
import { useLayout } from "./queries";

const SOURCE = { selection: EVERYTHING, trash: true };

export default function TrashPage() {
  const { t } = useSpeech();
  const layout = useLayout(SOURCE);
  if (layout.isLoadingError) return <Failure query={layout} />;
  const total = layout.data?.layout.ratios.length ?? 0;
  return (
    <>
      {layout.data && (
        <Gallery
          {...layout.data} bytes={0} title={t.navTrash}
          {...(total > 0 && { head: <Box color="text-body-secondary">{t.trashEmptyText}</Box> })}
        />
      )}
      {layout.data && total === 0 && <Empty title={t.trashEmptyTitle} text={t.trashEmptyText} />}
    </>
  );
}
