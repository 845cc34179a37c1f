// In place of what could not be asked for: what is wrong, and asking again.

import type { ReactNode } from "react";

import { useSpeech } from "../i18n";
import { Button } from "./Button";
import { Empty } from "./Empty";

interface Props {
  query: { error: Error | null; isFetching: boolean; refetch(): Promise<unknown> };
  /** What else can be done. */
  children?: ReactNode;
}

export function Failure({ query: { error, isFetching, refetch }, children }: Props) {
  const { t } = useSpeech();
  if (!error) return null;
  return (
    <div role="alert">
      <Empty title={t.failedTitle} text={error.message}>
        <Button busy={isFetching} onClick={() => void refetch()}>{t.tryAgain}</Button>
        {children}
      </Empty>
    </div>
  );
}
