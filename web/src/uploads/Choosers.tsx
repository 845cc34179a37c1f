// Buttons that open the browser's choice of files or of a folder.

import { useRef } from "react";

import { Button } from "../app/Button";
import { useSpeech } from "../i18n";
import { useTaking } from "./uploading";

export function Choosers({ primary = false, onPicked }: { primary?: boolean; onPicked?: () => void }) {
  const { t } = useSpeech();
  return (
    <div className="choosers">
      <Chooser text={t.choosePhotos} primary={primary} {...(onPicked && { onPicked })} />
      <Chooser text={t.chooseFolder} folder {...(onPicked && { onPicked })} />
    </div>
  );
}

interface ChooserProps {
  text: string;
  folder?: boolean;
  primary?: boolean;
  onPicked?: () => void;
}

function Chooser({ text, folder = false, primary = false, onPicked }: ChooserProps) {
  const { pick } = useTaking();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button
        look={primary ? "primary" : "normal"} icon={folder ? "folder" : "upload"}
        onClick={() => input.current?.click()}
      >
        {text}
      </Button>
      <input
        ref={input} type="file" multiple hidden aria-label={text}
        {...(folder ? { webkitdirectory: "" } : { accept: "image/*" })}
        onChange={({ target }) => {
          if (target.files) pick(target.files);
          target.value = ""; // So that the same files can be picked again.
          onPicked?.();
        }}
      />
    </>
  );
}
