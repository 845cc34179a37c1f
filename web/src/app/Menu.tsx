// A button of the top bar, and the choices that it opens.

import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";

import { Icon, type IconName } from "./Icon";

export interface Choice {
  id: string;
  text: string;
  secondaryText?: string;
  checked?: boolean;
  disabled?: boolean;
}

export interface MenuProps {
  icon: IconName;
  label: string;
  /** Beside the icon, where there is room. */
  text?: string;
  badge?: boolean;
  choices: readonly Choice[];
  onChoose(id: string): void;
}

export function Menu({ icon, label, text, badge = false, choices, onChoose }: MenuProps) {
  const id = useId();
  const menu = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);

  useEffect(() => {
    if (open) menu.current?.querySelector<HTMLElement>("button")?.focus();
  }, [open]);

  function onKeyDown(event: KeyboardEvent) {
    const buttons = [...(menu.current?.querySelectorAll<HTMLElement>("button") ?? [])];
    const at = buttons.findIndex((each) => each === document.activeElement);
    const to: Record<string, number> = {
      ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1,
    };
    const wanted = to[event.key];
    if (wanted !== undefined) {
      event.preventDefault();
      buttons[(wanted + buttons.length) % buttons.length]?.focus();
    }
    if (event.key === "Tab") menu.current?.hidePopover();
  }

  return (
    <>
      <button
        type="button" className="top-button" popoverTarget={id} aria-label={label} title={text ?? label}
        aria-haspopup="menu" aria-expanded={open}
      >
        <span className="top-icon" data-badge={badge}><Icon name={icon} /></span>
        {text && <span className="top-text">{text}</span>}
        {text && <span className="top-text"><Icon name="down" /></span>}
      </button>
      <div
        ref={menu} id={id} popover="auto" role="menu" aria-label={label} className="menu"
        onToggle={({ newState }) => setOpen(newState === "open")} onKeyDown={onKeyDown}
      >
        {open && choices.map(({ id: choice, text: title, secondaryText, checked, disabled }) => (
          <button
            key={choice} type="button" role={checked === undefined ? "menuitem" : "menuitemcheckbox"}
            tabIndex={-1} aria-checked={checked} aria-disabled={disabled}
            onClick={() => {
              if (disabled) return;
              menu.current?.hidePopover(); // The button has the focus again.
              onChoose(choice);
            }}
          >
            {title}
            {secondaryText && <small>{secondaryText}</small>}
          </button>
        ))}
      </div>
    </>
  );
}
