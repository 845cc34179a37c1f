// What opens over the page and keeps the keyboard until it is closed.

import { type ReactNode, useEffect, useRef } from "react";

interface Props {
  label: string;
  className: string;
  onClose(): void;
  children: ReactNode;
}

/** Open while it is rendered. What had the focus has it again afterwards. */
export function Dialog({ label, className, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog} className={className} aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={({ target }) => target === dialog.current && onClose()} // Beside it.
    >
      {children}
    </dialog>
  );
}
