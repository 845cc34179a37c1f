// Says while the server is not reached.

import { useEffect } from "react";

import { BACK, LOST } from "../api/client";
import { useSpeech } from "../i18n";
import { CONNECTION, useNotices } from "./notices";

export function useConnection() {
  const { t } = useSpeech();
  const { say, unsay } = useNotices();
  useEffect(() => {
    const lost = () => say({ type: "warning", text: t.connectionLost, id: CONNECTION });
    const back = () => unsay(CONNECTION);
    document.addEventListener(LOST, lost);
    document.addEventListener(BACK, back);
    return () => {
      document.removeEventListener(LOST, lost);
      document.removeEventListener(BACK, back);
    };
  }, [t, say, unsay]);
}
