import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { answer, api, type Token } from "../api/client";
import { Empty } from "../app/Empty";
import { Failure } from "../app/Failure";
import { useNotices } from "../app/notices";
import { useNarrow } from "../app/useMedia";
import { useSpeech } from "../i18n";

export function Tokens() {
  const { t, dateTime } = useSpeech();
  const narrow = useNarrow();
  const { sayError } = useNotices();
  const queries = useQueryClient();
  const [adding, setAdding] = useState(false);
  const tokens = useQuery({ queryKey: ["tokens"], queryFn: () => answer(api.GET("/api/tokens")) });
  const renew = () => queries.invalidateQueries({ queryKey: ["tokens"] });
  const revoke = useMutation({
    mutationFn: (id: string) => api.DELETE("/api/tokens/{id}", { params: { path: { id } } }),
    onSettled: renew,
    onError: sayError,
  });
  const accessOf = (token: Token) => (token.read_only ? t.tokenReadOnly : t.tokenFull);
  const usedAt = (token: Token) => (token.used_at ? dateTime(token.used_at) : t.tokenNeverUsed);
  return (
    <>
      <Table<Token>
        header={
          <Header
            variant="h2" description={t.tokensText}
            actions={<Button onClick={() => setAdding(true)}>{t.tokenAdd}</Button>}
          >
            {t.tokens}
          </Header>
        }
        items={tokens.data ?? []}
        loading={tokens.isPending}
        trackBy="id"
        wrapLines
        visibleColumns={narrow ? ["name", "revoke"] : ["name", "access", "created", "used", "revoke"]}
        empty={
          tokens.error ? (
            <Failure query={tokens} />
          ) : (
            <Empty title={t.tokensEmpty} text={t.tokensEmptyText} />
          )
        }
        columnDefinitions={[
          {
            id: "name", header: t.tokenName, isRowHeader: true,
            cell: (token) => (
              <div className="lines">
                {token.name}
                {narrow && (
                  <>
                    <span className="quiet">{accessOf(token)}</span>
                    <span className="quiet">{`${t.tokenCreated}: ${dateTime(token.created_at)}`}</span>
                    <span className="quiet">{`${t.tokenUsed}: ${usedAt(token)}`}</span>
                  </>
                )}
              </div>
            ),
          },
          { id: "access", header: t.tokenAccess, cell: accessOf },
          { id: "created", header: t.tokenCreated, minWidth: 210, cell: (token) => dateTime(token.created_at) },
          { id: "used", header: t.tokenUsed, minWidth: 210, cell: usedAt },
          {
            id: "revoke", header: "", minWidth: 128,
            cell: ({ id, name }) => (
              <Button
                variant="inline-link" ariaLabel={`${t.tokenRevoke}: ${name}`}
                onClick={() => revoke.mutate(id)}
              >
                {t.tokenRevoke}
              </Button>
            ),
          },
        ]}
      />
      {adding && <NewToken onClose={() => setAdding(false)} onMade={() => void renew()} />}
    </>
  );
}

function NewToken({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
  const { t } = useSpeech();
  const [name, setName] = useState("");
  const [readOnly, setReadOnly] = useState(false);
  const add = useMutation({
    mutationFn: () => answer(api.POST("/api/tokens", { body: { name, read_only: readOnly } })),
    onSuccess: onMade,
  });
  const secret = add.data?.secret;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() && !add.isPending) add.mutate();
  };
  return (
    <Modal
      visible
      header={t.tokenAdd}
      onDismiss={onClose}
      footer={
        <Box float="right">
          {secret ? (
            <Button variant="primary" onClick={onClose}>{t.close}</Button>
          ) : (
            <SpaceBetween direction="horizontal" size="xs">
              <Button variant="link" onClick={onClose}>{t.cancel}</Button>
              <Button
                variant="primary" disabled={!name.trim()} loading={add.isPending}
                onClick={() => add.mutate()}
              >
                {t.tokenAdd}
              </Button>
            </SpaceBetween>
          )}
        </Box>
      }
    >
      {secret ? (
        <SpaceBetween size="m">
          <Alert type="warning">{t.tokenSecret}</Alert>
          <CopyToClipboard
            variant="inline" textToCopy={secret} copyButtonAriaLabel={t.copy}
            copySuccessText={t.copied} copyErrorText={t.failedTitle}
          />
        </SpaceBetween>
      ) : (
        <form onSubmit={submit}>
          <SpaceBetween size="m">
            {add.error && <Alert type="error">{add.error.message}</Alert>}
            <FormField label={t.tokenName}>
              <Input autoFocus value={name} onChange={({ detail }) => setName(detail.value)} />
            </FormField>
            <Checkbox checked={readOnly} onChange={({ detail }) => setReadOnly(detail.checked)}>
              {t.tokenReadOnly}
            </Checkbox>
          </SpaceBetween>
        </form>
      )}
    </Modal>
  );
}
