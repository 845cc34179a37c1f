// The buttons of the first paint and of the photo view, which look as Cloudscape's do.

import type { ReactNode, Ref } from "react";

import { Icon, type IconName } from "./Icon";

interface Props {
  look?: "normal" | "primary" | "icon" | "link";
  icon?: IconName;
  /** Where there is no text. */
  label?: string;
  disabled?: boolean;
  busy?: boolean;
  /** Whether what it shows and hides is shown. */
  expanded?: boolean;
  ref?: Ref<HTMLButtonElement>;
  onClick(): void;
  children?: ReactNode;
}

export function Button({ look = "normal", icon, label, disabled = false, busy = false, expanded, ref, onClick, children }: Props) {
  return (
    <button
      ref={ref} type="button" className="button" data-look={look} aria-label={label} title={label} disabled={disabled}
      aria-busy={busy} aria-expanded={expanded} onClick={() => !busy && onClick()}
    >
      {busy ? <span className="spinner" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}
