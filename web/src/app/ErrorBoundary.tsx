// What a broken page leaves: a way back.

import { Component, type ReactNode } from "react";

import { useSpeech } from "../i18n";
import { Notice } from "./Notice";

interface Props {
  children: ReactNode;
}

export class ErrorBoundary extends Component<Props, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    return this.state.failed ? <Broken /> : this.props.children;
  }
}

function Broken() {
  const { t } = useSpeech();
  return (
    <Notice kind="error" action={{ text: t.reload, run: () => location.reload() }}>
      <strong>{t.failedTitle}</strong>
      <p>{t.failedText}</p>
    </Notice>
  );
}
