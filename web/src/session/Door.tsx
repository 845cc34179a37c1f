// In front of the archive: the first account by its one-time link, and signing in.

import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";

import { answer, api, type Problem } from "../api/client";
import type { components } from "../api/types";
import { Brand } from "../app/Brand";
import { useTitle } from "../app/useTitle";
import { useSpeech } from "../i18n";
import { useUploads } from "../uploads/uploading";
import { setupToken, signInFailure } from "./session";

export default function Door() {
  const { t } = useSpeech();
  const [token, setToken] = useState(setupToken);
  useTitle(token ? t.welcome : t.signIn);
  const options = useQuery({
    queryKey: ["sign-in-options"],
    queryFn: () => answer(api.GET("/api/session/options")),
  });
  useEffect(() => {
    const look = () => setToken(setupToken());
    window.addEventListener("hashchange", look);
    return () => window.removeEventListener("hashchange", look);
  }, []);
  return (
    <main className="door">
      <div className="door-inner">
        <SpaceBetween size="l">
          <Brand />
          {token ? (
            <SetUp token={token} />
          ) : (
            !options.isPending && <SignIn options={options.data} failure={signInFailure()} />
          )}
        </SpaceBetween>
      </div>
    </main>
  );
}

function SetUp({ token }: { token: string }) {
  const { t } = useSpeech();
  return (
    <Credentials
      title={t.welcome}
      text={t.setupText}
      button={t.setUp}
      again
      wrong={{ status: 403, text: t.setupLinkWrong }}
      send={async (email, password) => {
        await api.POST("/api/session/setup", { body: { token, email, password } });
        history.replaceState(null, "", "/");
      }}
    />
  );
}

interface SignInProps {
  options: components["schemas"]["SignInOptions"] | undefined;
  failure: string | null;
}

function SignIn({ options, failure }: SignInProps) {
  const { t } = useSpeech();
  const here = encodeURIComponent(location.pathname + location.search);
  const { busy } = useUploads();
  const reasons: Record<string, string> = {
    refused: t.oidcRefused,
    "no-account": t.oidcNoAccount,
    unavailable: t.oidcUnavailable,
  };
  const byPassword = options?.password !== false;
  const reason = failure ? (reasons[failure] ?? t.oidcRefused) : "";
  const needed = busy ? t.signInToGoOn : byPassword && options?.set_up === false && t.setupNeeded;
  const before = needed && <Alert type="info">{needed}</Alert>;
  const byProvider = options?.oidc && (
    <Button href={`${options.oidc.url}?to=${here}`} variant={byPassword ? "normal" : "primary"} fullWidth>
      {t.signInWith(options.oidc.name)}
    </Button>
  );
  if (!byPassword) {
    return (
      <Container header={<Header variant="h1">{t.signIn}</Header>}>
        <SpaceBetween size="m">
          {before}
          {reason && <Alert type="error">{reason}</Alert>}
          {byProvider}
        </SpaceBetween>
      </Container>
    );
  }
  return (
    <Credentials
      title={t.signIn}
      button={t.signIn}
      failure={reason}
      before={before}
      after={byProvider}
      wrong={{ status: 401, text: t.credentialsWrong }}
      send={async (email, password) => {
        await api.POST("/api/session", { body: { email, password } });
        if (location.hash) history.replaceState(null, "", location.pathname + location.search);
      }}
    />
  );
}

interface CredentialsProps {
  title: string;
  text?: string;
  button: string;
  again?: boolean;
  /** Of a try before this one. */
  failure?: string;
  /** What this status means here. */
  wrong: { status: number; text: string };
  before?: ReactNode;
  after?: ReactNode;
  send(email: string, password: string): Promise<void>;
}

function Credentials({ title, text, button, again, failure = "", wrong, before, after, send }: CredentialsProps) {
  const { t } = useSpeech();
  const queries = useQueryClient();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [repeated, setRepeated] = useState("");
  const [error, setError] = useState(failure);
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (again && repeated !== password) return setError(t.passwordsDiffer);
    setBusy(true);
    setError("");
    try {
      await send(email, password);
      queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" });
      await queries.invalidateQueries({ queryKey: ["session"] });
    } catch (problem) {
      const { status, retryAfter, message } = problem as Problem;
      setError([status === wrong.status ? wrong.text : message, retryAfter && t.waitSeconds(retryAfter)].filter(Boolean).join(" "));
    } finally {
      setBusy(false);
    }
  }

  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <Container header={<Header variant="h1" {...(text && { description: text })}>{title}</Header>}>
        <SpaceBetween size="m">
          {before}
          {error && <Alert type="error">{error}</Alert>}
          <FormField label={t.email}>
            <Input
              type="email" name="email" autoComplete="username" autoFocus
              value={email} onChange={({ detail }) => setEmail(detail.value)}
            />
          </FormField>
          <FormField label={t.password} {...(again && { constraintText: t.passwordHint })}>
            <Input
              type="password" name="password"
              autoComplete={again ? "new-password" : "current-password"}
              value={password} onChange={({ detail }) => setPassword(detail.value)}
            />
          </FormField>
          {again && (
            <FormField label={t.passwordAgain}>
              <Input
                type="password" name="again" autoComplete="new-password"
                value={repeated} onChange={({ detail }) => setRepeated(detail.value)}
              />
            </FormField>
          )}
          <Button variant="primary" formAction="submit" loading={busy} fullWidth>
            {button}
          </Button>
          {after}
        </SpaceBetween>
      </Container>
    </form>
  );
}
