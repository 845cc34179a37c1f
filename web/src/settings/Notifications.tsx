// Where the owner is told of notices outside of the app: addresses of services, and the browser.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { answer, api, type NotificationTarget as Target } from "../api/client";
import { useNotices } from "../app/notices";
import { useSpeech } from "../i18n";
import { Unanswered } from "./Unanswered";

const KEY = ["notification-targets"];

const MAIL = "Mail";

/** How an address of each service begins; the owner's own goes in place of the capitals. */
const SERVICES = {
  apprise: [
    [MAIL, "mailtos://NAME:PASSWORD@SERVER"],
    ["ntfy", "ntfys://SERVER/TOPIC"],
    ["Telegram", "tgram://BOT_TOKEN/CHAT_ID"],
    ["Signal", "signals://SERVER/+FROM/+TO"],
    ["Discord", "discord://WEBHOOK_ID/WEBHOOK_TOKEN"],
    ["Slack", "slack://TOKEN_A/TOKEN_B/TOKEN_C"],
    ["Matrix", "matrixs://NAME:PASSWORD@SERVER/#ROOM"],
    ["Gotify", "gotifys://SERVER/TOKEN"],
    ["Pushover", "pover://USER_KEY@TOKEN"],
    ["Webhook (JSON)", "jsons://SERVER/PATH"],
  ],
  sns: [
    [MAIL, "mailto:NAME@SERVER"],
    ["SMS", "sms:+NUMBER"],
  ],
} as const;

export function Notifications() {
  const { t } = useSpeech();
  const [adding, setAdding] = useState(false);
  const targets = useQuery({
    queryKey: KEY,
    queryFn: () => answer(api.GET("/api/notification-targets")),
  });
  const { data } = targets;
  if (!data) return <Unanswered title={t.notifications} query={targets} />;
  return (
    <Container
      header={
        <Header
          variant="h2" description={t.notificationsText}
          actions={<Button onClick={() => setAdding(true)}>{t.targetAddTitle}</Button>}
        >
          {t.notifications}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {data.targets.length ? (
          <ul className="plain" aria-label={t.notifications}>
            {data.targets.map((target) => (
              <li key={target.id}>
                <TargetRow target={target} />
              </li>
            ))}
          </ul>
        ) : (
          <div>
            <Box variant="strong">{t.targetsNone}</Box>
            <Box color="text-body-secondary">{t.targetsNoneText}</Box>
          </div>
        )}
        <InBrowser />
      </SpaceBetween>
      {adding && <NewTarget service={data.service} onClose={() => setAdding(false)} />}
    </Container>
  );
}

function TargetRow({ target }: { target: Target }) {
  const { t } = useSpeech();
  const { say, sayError } = useNotices();
  const queries = useQueryClient();
  const [removing, setRemoving] = useState(false);
  const path = { params: { path: { id: target.id } } };
  const test = useMutation({
    mutationFn: () => answer(api.POST("/api/notification-targets/{id}/test", path)),
    onSuccess: ({ sent, failure }) =>
      sent
        ? say({ type: "success", text: t.targetTested })
        : say({ type: "error", text: `${t.targetNotTested}: ${failure ?? ""}`, id: `test-${target.id}` }),
    onError: sayError,
    onSettled: () => queries.invalidateQueries({ queryKey: KEY }),
  });
  const remove = useMutation({
    mutationFn: () => api.DELETE("/api/notification-targets/{id}", path),
    onError: sayError,
    onSettled: () => queries.invalidateQueries({ queryKey: KEY }),
  });
  return (
    <SpaceBetween size="xxs">
      <Box variant="strong" className="breakable">{target.shown}</Box>
      <State target={target} />
      <SpaceBetween direction="horizontal" size="xs">
        <Button loading={test.isPending} ariaLabel={`${t.targetTest}: ${target.shown}`} onClick={() => test.mutate()}>
          {t.targetTest}
        </Button>
        <Button ariaLabel={`${t.targetRemove}: ${target.shown}`} onClick={() => setRemoving(true)}>
          {t.targetRemove}
        </Button>
      </SpaceBetween>
      {removing && (
        <Modal
          visible header={t.targetRemoveTitle} onDismiss={() => setRemoving(false)}
          footer={
            <Box float="right">
              <SpaceBetween direction="horizontal" size="xs">
                <Button variant="link" onClick={() => setRemoving(false)}>{t.cancel}</Button>
                <Button variant="primary" loading={remove.isPending} onClick={() => remove.mutate()}>
                  {t.targetRemove}
                </Button>
              </SpaceBetween>
            </Box>
          }
        >
          <Box variant="p" className="breakable">{target.shown}</Box>
          <Box variant="p">{t.targetRemoveText}</Box>
        </Modal>
      )}
    </SpaceBetween>
  );
}

function State({ target }: { target: Target }) {
  const { t, dateTime } = useSpeech();
  if (!target.confirmed) return <StatusIndicator type="pending">{t.targetUnconfirmed}</StatusIndicator>;
  if (target.failure) return <StatusIndicator type="error">{target.failure}</StatusIndicator>;
  if (!target.told_at) return <StatusIndicator type="info">{t.targetNotTold}</StatusIndicator>;
  return <StatusIndicator type="success">{`${t.targetTold}: ${dateTime(target.told_at)}`}</StatusIndicator>;
}

function NewTarget({ service, onClose }: { service: keyof typeof SERVICES; onClose: () => void }) {
  const { t } = useSpeech();
  const queries = useQueryClient();
  const other = { value: "", label: t.targetOther };
  const named = SERVICES[service].map(([name, value]) => ({ label: name === MAIL ? t.email : name, value }));
  const services = [...named, ...(service === "sns" ? [] : [other])];
  const [chosen, setChosen] = useState(services[0] ?? other);
  const [url, setUrl] = useState(chosen.value);
  const add = useMutation({
    mutationFn: () => answer(api.POST("/api/notification-targets", { body: { url } })),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: KEY });
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (url.trim() && !add.isPending) add.mutate();
  };
  return (
    <Modal
      visible
      header={t.targetAddTitle}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>{t.cancel}</Button>
            <Button
              variant="primary" loading={add.isPending} disabled={!url.trim()} onClick={() => add.mutate()}
            >
              {t.targetAdd}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form onSubmit={submit}>
        <SpaceBetween size="m">
          {add.error && <Alert type="error">{add.error.message}</Alert>}
          <FormField label={t.targetService}>
            <Select
              selectedOption={chosen} options={services}
              onChange={({ detail: { selectedOption } }) => {
                const found = services.find(({ value }) => value === selectedOption.value) ?? other;
                setChosen(found);
                setUrl(found.value);
              }}
            />
          </FormField>
          <FormField
            label={t.target} constraintText={chosen.value && t.targetCapitals}
            description={service === "sns" ? undefined : t.targetUrlText}
          >
            <Input
              value={url} autoComplete="off" spellcheck={false} inputMode="url"
              onChange={({ detail }) => setUrl(detail.value)}
            />
          </FormField>
        </SpaceBetween>
      </form>
    </Modal>
  );
}

/** The browser asks its own question, so only when somebody wants it to. */
function InBrowser() {
  const { t } = useSpeech();
  const known = "Notification" in window;
  const [permission, setPermission] = useState(known ? Notification.permission : "denied");
  return (
    <FormField label={t.browserNotices} description={t.browserNoticesText}>
      {!known ? (
        <StatusIndicator type="info">{t.browserUnable}</StatusIndicator>
      ) : permission === "granted" ? (
        <StatusIndicator type="success">{t.browserAllowed}</StatusIndicator>
      ) : permission === "denied" ? (
        <StatusIndicator type="warning">{t.browserBlocked}</StatusIndicator>
      ) : (
        <Button
          iconName="notification"
          onClick={() => void Notification.requestPermission().then(setPermission)}
        >
          {t.notifyMe}
        </Button>
      )}
    </FormField>
  );
}
