// On every page: how far the uploads are.

import { useState } from "react";
import { useLocation, useNavigate } from "react-router";

import { Button } from "../app/Button";
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
  if ((files === 0 && !uploads.listing) || pathname === "/uploads" || (!uploads.busy && closed === files)) return null;
  return (
    <aside className="upload-status" aria-label={t.navUploads}>
      <strong>{progress.title}</strong>
      {uploads.busy && (
        <>
          <p>{progress.detail}</p>
          <progress value={progress.share} aria-label={progress.title} />
        </>
      )}
      <p role="status" data-refused={!uploads.busy && refused > 0}>{progress.outcome}</p>
      <div className="upload-status-actions">
        <Button look="link" onClick={() => void navigate("/uploads")}>{t.details}</Button>
        {!uploads.busy && (
          <Button look="link" onClick={() => setClosed(files)}>{t.close}</Button>
        )}
      </div>
    </aside>
  );
}
