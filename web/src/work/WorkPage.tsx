// Labelling: how far it is, what failed and why, and trying again.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import Modal from "@cloudscape-design/components/modal";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api, original, type Photo, type Relabelling, rendition, type Work } from "../api/client";
import { changed } from "../api/live";
import { Failure } from "../app/Failure";
import { useNotices } from "../app/notices";
import { useNarrow } from "../app/useMedia";
import { useSpeech } from "../i18n";
import { useWork } from "./queries";

export default function WorkPage() {
  const { t } = useSpeech();
  const query = useWork();
  const { data: work } = query;
  const [asking, setAsking] = useState(false);
  const { retry, relabel } = useAgain();
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          actions={<Button iconName="refresh" onClick={() => setAsking(true)}>{t.relabel}</Button>}
        >
          {t.workTitle}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {query.isLoadingError && <Failure query={query} />}
        {work && <Progress work={work} />}
        {work && work.outdated > 0 && <Alert type="info">{t.outdated(work.outdated)}</Alert>}
        {work && work.failed > 0 && (
          <Failures photos={work.failures} total={work.failed} onRetry={(ids) => retry.mutate(ids)} />
        )}
        {work?.relabelling && <Changes relabelling={work.relabelling} />}
        <Modal
          visible={asking} header={t.relabel} onDismiss={() => setAsking(false)}
          footer={
            <Box float="right">
              <SpaceBetween direction="horizontal" size="xs">
                <Button variant="link" onClick={() => setAsking(false)}>{t.cancel}</Button>
                <Button
                  variant="primary"
                  onClick={() => {
                    setAsking(false);
                    relabel.mutate();
                  }}
                >
                  {t.relabel}
                </Button>
              </SpaceBetween>
            </Box>
          }
        >
          {t.relabelText}
        </Modal>
      </SpaceBetween>
    </ContentLayout>
  );
}

function useAgain() {
  const { t } = useSpeech();
  const queries = useQueryClient();
  const { say, sayError } = useNotices();
  const onSettled = () => changed(queries, "photos");
  const retry = useMutation({
    mutationFn: (ids: string[] | null) => answer(api.POST("/api/work/retry", { body: { ids } })),
    onSuccess: ({ photos }) => say({ type: "success", text: t.retried(photos) }),
    onError: sayError,
    onSettled,
  });
  const relabel = useMutation({
    mutationFn: () => answer(api.POST("/api/work/relabel")),
    onSuccess: ({ photos }) => say({ type: "success", text: t.relabelled(photos) }),
    onError: sayError,
    onSettled,
  });
  return { retry, relabel };
}

function Progress({ work: { waiting, running, labelled, failed } }: { work: Work }) {
  const { t } = useSpeech();
  const all = waiting + labelled + failed;
  return (
    <Container>
      {waiting > 0 ? (
        <ProgressBar
          value={(100 * (labelled + failed)) / all} label={t.labelling(waiting)}
          description={[t.workRunning(running), t.workDone(labelled), failed > 0 && t.workFailed(failed)].filter(Boolean).join(" · ")}
        />
      ) : (
        <StatusIndicator type={failed ? "warning" : "success"}>
          {failed ? `${t.workDone(labelled)}, ${t.workFailed(failed)}` : `${t.workIdle}: ${t.photos(labelled)}`}
        </StatusIndicator>
      )}
    </Container>
  );
}

interface FailuresProps {
  photos: Photo[];
  total: number;
  onRetry(ids: string[] | null): void;
}

function Failures({ photos, total, onRetry }: FailuresProps) {
  const { t, number } = useSpeech();
  const narrow = useNarrow();
  const reason = (failure: string | null) => failure && (t.reasonOf[failure] ?? failure);
  return (
    <Table<Photo>
      header={
        <Header
          variant="h2" counter={`(${number(total)})`} description={total > photos.length && t.newestOf(photos.length, total)}
          actions={<Button iconName="refresh" onClick={() => onRetry(null)}>{t.retryAll}</Button>}
        >
          {t.failed}
        </Header>
      }
      items={photos}
      trackBy="id"
      wrapLines
      visibleColumns={narrow ? ["name", "retry"] : ["picture", "name", "reason", "retry"]}
      columnDefinitions={[
        { id: "picture", header: t.photo, width: 96, cell: ({ id }) => <Thumbnail id={id} /> },
        {
          id: "name", header: t.file, isRowHeader: true,
          cell: ({ id, name, failure }) => (
            <div className="lines">
              {narrow && <Thumbnail id={id} />}
              {name}
              {narrow && <span className="quiet">{reason(failure)}</span>}
            </div>
          ),
        },
        { id: "reason", header: t.reason, cell: ({ failure }) => reason(failure) },
        {
          id: "retry", header: "", minWidth: 128,
          cell: ({ id, name }) => (
            <Button variant="inline-link" ariaLabel={`${t.retry}: ${name}`} onClick={() => onRetry([id])}>
              {t.retry}
            </Button>
          ),
        },
      ]}
    />
  );
}

/** What the last time of labelling everything again did to labels. */
function Changes({ relabelling }: { relabelling: Relabelling }) {
  const { t, number, dateTime } = useSpeech();
  const { changes, done, total, finished_at: finished, started_at: started } = relabelling;
  return (
    <Table<Relabelling["changes"][number]>
      header={
        <Header variant="h2" description={dateTime(finished ?? started)}>{t.relabelChanges}</Header>
      }
      items={changes}
      trackBy="name"
      empty={finished ? t.relabelUnchanged : `${number(done)} / ${number(total)}`}
      columnDefinitions={[
        { id: "name", header: t.label, isRowHeader: true, cell: ({ name }) => name },
        { id: "before", header: t.before, cell: ({ before }) => number(before) },
        { id: "gained", header: t.gained, cell: ({ gained }) => number(gained) },
        { id: "lost", header: t.lost, cell: ({ lost }) => number(lost) },
      ]}
    />
  );
}

/** What fails has often no rendition: browsers show what there is of a truncated original. */
function Thumbnail({ id }: { id: string }) {
  const [failed, setFailed] = useState(0);
  const source = [rendition(id, "grid"), original(id)][failed];
  if (!source) return <span className="thumbnail" />;
  return <img className="thumbnail" loading="lazy" src={source} alt="" onError={() => setFailed(failed + 1)} />;
}
