// An empty archive says what to do.

import { useTouch } from "../app/useMedia";
import { useSpeech } from "../i18n";
import { Choosers } from "./Choosers";

export function UploadInvitation() {
  const { t } = useSpeech();
  const touch = useTouch();
  return (
    <div className="invitation">
      <img src="/icon.svg" alt="" width={72} height={72} />
      <h1>{touch ? t.emptyTouch : t.emptyTitle}</h1>
      <p>{t.emptyText}</p>
      <Choosers primary />
    </div>
  );
}
