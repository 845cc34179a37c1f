// What a broken page leaves: a way back.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import { Component, type ReactNode } from "react";

import { useSpeech } from "../i18n";

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
    <Box padding="l">
      <Alert
        type="error"
        header={t.failedTitle}
        action={<Button onClick={() => location.reload()}>{t.reload}</Button>}
      >
        {t.failedText}
      </Alert>
    </Box>
  );
}
