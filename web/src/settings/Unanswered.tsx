// In place of a panel whose question was not answered: what was wrong, and asking again.

import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";

import { useSpeech } from "../i18n";

interface Props {
  title: string;
  query: { error: Error | null; isFetching: boolean; refetch(): Promise<unknown> };
}

export function Unanswered({ title, query: { error, isFetching, refetch } }: Props) {
  const { t } = useSpeech();
  if (!error) return null; // It is being asked.
  return (
    <Container header={<Header variant="h2">{title}</Header>}>
      <Alert
        type="error"
        action={<Button loading={isFetching} onClick={() => void refetch()}>{t.tryAgain}</Button>}
      >
        {error.message}
      </Alert>
    </Container>
  );
}
