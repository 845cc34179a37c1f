// An empty archive says what to do.

import Box from "@cloudscape-design/components/box";

import { useTouch } from "../app/useMedia";
import { useSpeech } from "../i18n";
import { Choosers } from "./Choosers";

export function UploadInvitation() {
  const { t } = useSpeech();
  const touch = useTouch();
  return (
    <div className="invitation">
      <img src="/icon.svg" alt="" width={72} height={72} />
      <Box variant="h1">{touch ? t.emptyTouch : t.emptyTitle}</Box>
      <Box color="text-body-secondary" fontSize="heading-s">{t.emptyText}</Box>
      <Choosers primary />
    </div>
  );
}
