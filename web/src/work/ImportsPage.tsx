// Imports of folders on the server and of buckets: started here, followed, with what they refused.

import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { answer, api, type Import } from "../api/client";
import { Empty } from "../app/Empty";
import { Failure } from "../app/Failure";
import { useNarrow } from "../app/useMedia";
import { useSpeech } from "../i18n";

const LOOK = 2000; // Milliseconds, while one runs.

export default function ImportsPage() {
  const { t, number, dateTime } = useSpeech();
  const narrow = useNarrow();
  const imports = useQuery({
    queryKey: ["imports"],
    queryFn: () => answer(api.GET("/api/imports")),
    refetchInterval: ({ state }) => state.data?.some((each) => each.state === "running") ? LOOK : false,
  });
  return (
    <ContentLayout header={<Header variant="h1" description={t.importsText}>{t.importsTitle}</Header>}>
      <SpaceBetween size="l">
        <StartImport />
        <Table<Import>
          items={imports.data ?? []}
          loading={imports.isPending}
          trackBy="id"
          wrapLines
          visibleColumns={narrow ? ["source"] : ["source", "state", "started", "found", "added", "duplicate", "refused"]}
          empty={
            imports.error ? (
              <Failure query={imports} />
            ) : (
              <Empty title={t.importsEmpty} text={t.importsEmptyText} />
            )
          }
          columnDefinitions={[
            { id: "source", header: t.importSource, isRowHeader: true, minWidth: 240, cell: (each) => <Source of={each} whole={narrow} /> },
            { id: "state", header: t.status, minWidth: 150, cell: (each) => <State of={each} /> },
            { id: "started", header: t.started, minWidth: 210, cell: (each) => dateTime(each.started_at) },
            { id: "found", header: t.importFound, cell: ({ found }) => number(found) },
            { id: "added", header: t.importAdded, cell: ({ added, restored }) => number(added + restored) },
            { id: "duplicate", header: t.importDuplicate, cell: ({ duplicate }) => number(duplicate) },
            { id: "refused", header: t.importRefused, cell: (each) => <Refused of={each} /> },
          ]}
        />
      </SpaceBetween>
    </ContentLayout>
  );
}

/** Many files' names are long: two lines of them. `whole`: with all that the other columns say. */
function Source({ of: each, whole }: { of: Import; whole: boolean }) {
  const { t, number, dateTime } = useSpeech();
  const { source, found, added, restored, duplicate, refused } = each;
  const counts: [string, number][] = [
    [t.importFound, found], [t.importAdded, added + restored], [t.importDuplicate, duplicate],
  ];
  return (
    <div className="lines">
      <span className="clamped" title={source}>{source}</span>
      {whole && (
        <>
          <State of={each} />
          <span className="quiet">{dateTime(each.started_at)}</span>
          <span>{counts.map(([what, count]) => `${what} ${number(count)}`).join(" · ")}</span>
          {refused > 0 && <span>{t.importRefused} <Refused of={each} /></span>}
        </>
      )}
    </div>
  );
}

function StartImport() {
  const { t } = useSpeech();
  const queries = useQueryClient();
  const [source, setSource] = useState("");
  const start = useMutation({
    mutationFn: (source: string) => answer(api.POST("/api/imports", { body: { source } })),
    onSuccess: (_, started) => setSource((typed) => (typed === started ? "" : typed)),
    onSettled: () => queries.invalidateQueries({ queryKey: ["imports"] }),
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    start.mutate(source);
  }
  return (
    <form onSubmit={submit}>
      <Container>
        <SpaceBetween size="m">
          {start.error && <Alert type="error">{start.error.message}</Alert>}
          <FormField
            label={t.importSource} constraintText={t.importHint} stretch
            secondaryControl={
              <Button formAction="submit" loading={start.isPending} disabled={!source.trim()}>
                {t.importStart}
              </Button>
            }
          >
            <Input value={source} placeholder="/photos/2024, s3://bucket/2024/" onChange={({ detail }) => setSource(detail.value)} />
          </FormField>
        </SpaceBetween>
      </Container>
    </form>
  );
}

function State({ of: { state, failure } }: { of: Import }) {
  const { t } = useSpeech();
  if (state === "running") return <StatusIndicator type="in-progress">{t.importRunning}</StatusIndicator>;
  if (state === "finished") return <StatusIndicator>{t.importFinished}</StatusIndicator>;
  return <StatusIndicator type="error">{failure ?? t.failed}</StatusIndicator>;
}

/** How many, and on a press which and why. */
function Refused({ of: { id, refused } }: { of: Import }) {
  const { t, number } = useSpeech();
  const [open, setOpen] = useState(false);
  // The list has only how many.
  const details = useQuery({
    queryKey: ["imports", id],
    queryFn: () => answer(api.GET("/api/imports/{id}", { params: { path: { id } } })),
    enabled: open,
  });
  const unlisted = refused - (details.data?.refusals.length ?? refused);
  if (refused === 0) return <>0</>;
  return (
    <>
      <Button variant="inline-link" ariaLabel={t.refused(refused)} onClick={() => setOpen(true)}>
        {number(refused)}
      </Button>
      {open && (
        <Modal visible header={t.refused(refused)} onDismiss={() => setOpen(false)}>
          {details.error ? (
            <Failure query={details} />
          ) : (
            <ul className="plain">
              {details.data?.refusals.map(({ name, reason }, at) => (
                <li key={at} className="lines">
                  {name}
                  <span className="quiet">{reason}</span>
                </li>
              ))}
              {unlisted > 0 && <li className="quiet">{t.andMore(unlisted)}</li>}
            </ul>
          )}
        </Modal>
      )}
    </>
  );
}
