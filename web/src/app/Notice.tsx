// One message in a box: what is wrong, or was done, and a button to do something about it.

import type { ReactNode } from "react";

import { Icon } from "./Icon";

export type Kind = "success" | "info" | "warning" | "error";

interface Props {
  kind: Kind;
  action?: { text: string; run: () => void };
  dismiss?: { text: string; run: () => void };
  children: ReactNode;
}

export function Notice({ kind, action, dismiss, children }: Props) {
  return (
    <div className="notice" data-kind={kind} {...(kind === "error" && { role: "alert" })}>
      <Icon name={kind} />
      <div className="notice-text">{children}</div>
      {action && <button type="button" className="notice-action" onClick={action.run}>{action.text}</button>}
      {dismiss && (
        <button type="button" className="notice-dismiss" aria-label={dismiss.text} onClick={dismiss.run}>
          <Icon name="close" />
        </button>
      )}
    </div>
  );
}
