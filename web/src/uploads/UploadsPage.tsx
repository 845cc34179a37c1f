// Uploads: what is chosen, how far each file is, and what was refused and why.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useState } from "react";

import { useTouch } from "../app/useMedia";
import { useSpeech } from "../i18n";
import { useWork } from "../work/queries";
import { Choosers } from "./Choosers";
import { FileList } from "./FileList";
import { useQueue, useUploads } from "./uploading";
import { useProgress } from "./useProgress";

export default function UploadsPage() {
  const { t } = useSpeech();
  const touch = useTouch();
  const { tally, listing } = useUploads();
  return (
    <ContentLayout header={<Header variant="h1" description={t.uploadText}>{t.navUploads}</Header>}>
      <SpaceBetween size="l">
        <div className="drop-zone">
          <Box variant="h2">{touch ? t.emptyTouch : t.emptyTitle}</Box>
          <Box color="text-body-secondary">{t.emptyText}</Box>
          <Choosers primary />
        </div>
        {(tally.files > 0 || listing) && <Progress />}
      </SpaceBetween>
    </ContentLayout>
  );
}

function Progress() {
  const { t } = useSpeech();
  const queue = useQueue();
  const uploads = useUploads();
  const progress = useProgress(uploads);
  const work = useWork();
  const [onlyRefused, setOnlyRefused] = useState(false);
  const { items, tally, busy, paused, held } = uploads;
  const waiting = work.data?.waiting ?? 0;
  const shown = onlyRefused ? items.filter(({ state }) => state === "refused") : items;
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              {busy && !held && (
                <Button
                  iconName={paused ? "play" : "pause"}
                  onClick={() => (paused ? queue.resume() : queue.pause())}
                >
                  {paused ? t.resume : t.pause}
                </Button>
              )}
              {busy && <Button onClick={() => queue.cancel()}>{t.cancelAll}</Button>}
              {tally.refused + tally.cancelled > 0 && (
                <Button iconName="refresh" onClick={() => queue.retry()}>{t.retryFailed}</Button>
              )}
              {!busy && <Button onClick={() => queue.clear()}>{t.clearList}</Button>}
            </SpaceBetween>
          }
        >
          {progress.title}
        </Header>
      }
    >
      <SpaceBetween size="m">
        {held && (
          <Alert type="warning" header={held.text} action={<Button onClick={() => queue.resume()}>{t.resume}</Button>}>
            {held.why === "full" ? t.heldFull : t.signInToGoOn}
          </Alert>
        )}
        <ProgressBar
          ariaLabel={t.navUploads}
          value={progress.share * 100}
          status={busy ? "in-progress" : tally.refused ? "error" : "success"}
          description={progress.detail}
          additionalInfo={busy ? progress.outcome : undefined}
          resultText={progress.outcome}
        />
        {waiting > 0 && <StatusIndicator type="loading">{t.labelling(waiting)}</StatusIndicator>}
        {tally.refused > 0 && (
          <SegmentedControl
            label={t.status}
            selectedId={onlyRefused ? "refused" : "all"}
            options={[{ id: "all", text: t.showAll }, { id: "refused", text: t.refused(tally.refused) }]}
            onChange={({ detail }) => setOnlyRefused(detail.selectedId === "refused")}
          />
        )}
        {tally.files > 0 && <FileList items={shown} />}
      </SpaceBetween>
    </Container>
  );
}
