// What a broken page leaves: a way back.

import { Component, type ReactNode, useEffect } from "react";

import { useSpeech } from "../i18n";
import { NotLoaded } from "../i18n/cloudscape";
import { Notice } from "./Notice";

interface Props {
  children: ReactNode;
}

export class ErrorBoundary extends Component<Props, { error: unknown }> {
  override state = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (error as unknown) instanceof NotLoaded ? <Missing /> : <Broken />;
  }
}

function Broken() {
  const { t } = useSpeech();
  return <Reload title={t.failedTitle} text={t.failedText} />;
}

/** Since a new release has other files, which the page as it is now asks for. */
function Missing() {
  const { t } = useSpeech();
  useEffect(() => {
    const again = () => void reload();
    again();
    const timer = setInterval(again, AGAIN);
    window.addEventListener("online", again);
    return () => {
      clearInterval(timer);
      window.removeEventListener("online", again);
    };
  }, []);
  return <Reload title={t.notLoadedTitle} text={t.notLoadedText} />;
}

const AGAIN = 5000; // Milliseconds.
const RELOADED = "fototeca.reloaded";
const SELDOM = 60_000; // Milliseconds: what is still missing then is not found by loading again and again.

/** Where the server is reached and nothing ends by it, such as uploads. */
async function reload() {
  const since = Date.now() - Number(sessionStorage.getItem(RELOADED));
  const harmless = () => window.dispatchEvent(new Event("beforeunload", { cancelable: true }));
  if (since < SELDOM || !(await reached()) || !harmless()) return;
  sessionStorage.setItem(RELOADED, String(Date.now()));
  location.reload();
}

const reached = () => fetch("/", { method: "HEAD", cache: "no-store" }).then(({ ok }) => ok, () => false);

function Reload({ title, text }: { title: string; text: string }) {
  const { t } = useSpeech();
  return (
    <Notice kind="error" action={{ text: t.reload, run: () => location.reload() }}>
      <strong>{title}</strong>
      <p>{text}</p>
    </Notice>
  );
}
