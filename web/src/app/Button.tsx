// The buttons of the first paint, which look as Cloudscape's do.

import type { ReactNode } from "react";

import { Icon, type IconName } from "./Icon";

interface Props {
  look?: "normal" | "primary" | "icon" | "link";
  icon?: IconName;
  /** Where there is no text. */
  label?: string;
  disabled?: boolean;
  busy?: boolean;
  onClick(): void;
  children?: ReactNode;
}

export function Button({ look = "normal", icon, label, disabled = false, busy = false, onClick, children }: Props) {
  return (
    <button
      type="button" className="button" data-look={look} aria-label={label} title={label} disabled={disabled}
      aria-busy={busy} onClick={() => !busy && onClick()}
    >
      {busy ? <span className="spinner" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}
