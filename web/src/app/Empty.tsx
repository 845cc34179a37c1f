// What a page says while it has nothing to show, and what to do about it.

import Box from "@cloudscape-design/components/box";
import type { ReactNode } from "react";

interface Props {
  title: string;
  text?: string;
  children?: ReactNode;
}

export function Empty({ title, text, children }: Props) {
  return (
    <div className="empty">
      <Box variant="h2">{title}</Box>
      {text && <Box color="text-body-secondary">{text}</Box>}
      {children}
    </div>
  );
}
