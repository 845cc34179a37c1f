// On every page: how far the uploads are.

import ProgressBar from "@cloudscape-design/components/progress-bar";
import Button from "@cloudscape-design/components/button";
import { useState } from "react";
import { useLocation, useNavigate } from "react-router";

import { useSpeech } from "../i18n";
import { useUploads } from "./uploading";
import { useProgress } from "./useProgress";

export function UploadStatus() {
  const { t } = useSpeech();
  const uploads = useUploads();
  const progress = useProgress(uploads);
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const [closed, setClosed] = useState(0);
  const { files, refused } = uploads.tally;
  if (files === 0 || pathname === "/uploads" || (!uploads.busy && closed === files)) return null;
  return (
    <aside className="upload-status" aria-label={t.navUploads}>
      <ProgressBar
        value={progress.share * 100}
        status={uploads.busy ? "in-progress" : refused ? "error" : "success"}
        label={progress.title}
        description={progress.detail}
        additionalInfo={uploads.busy ? progress.outcome : undefined}
        resultText={progress.outcome}
      />
      <div className="upload-status-actions">
        <Button variant="inline-link" onClick={() => void navigate("/uploads")}>{t.details}</Button>
        {!uploads.busy && (
          <Button variant="inline-link" onClick={() => setClosed(files)}>{t.close}</Button>
        )}
      </div>
    </aside>
  );
}
