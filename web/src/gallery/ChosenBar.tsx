// What can be done with the chosen photos.

import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import { useState } from "react";

import { Button } from "../app/Button";
import { useNarrow } from "../app/useMedia";
import { useSpeech } from "../i18n";
import { LabelInput } from "../labels/LabelField";

export type Correction = "add" | "remove";

interface Props {
  count: number;
  total: number;
  bytes: number;
  trash: boolean;
  /** Something is being done with them. */
  busy: boolean;
  onAll(): void;
  onClear(): void;
  onDownload(): void;
  onLabel(correction: Correction, label: string): void;
  onTrash(): void;
  onRestore(): void;
}

export default function ChosenBar(props: Props) {
  const { t, bytes } = useSpeech();
  const [labelling, setLabelling] = useState<Correction | null>(null);
  const narrow = useNarrow();
  const { count, total, trash, busy } = props;
  const disabled = !count || busy;
  return (
    <div className="chosen-bar" role="toolbar" aria-label={t.chosen(count)}>
      <Button look="icon" icon="close" label={t.chooseNone} onClick={props.onClear} />
      <strong aria-live="polite">{t.chosen(count)}</strong>
      {busy ? <span className="spinner" /> : count < total && <Button look="link" onClick={props.onAll}>{t.chooseAll}</Button>}
      <span className="chosen-actions">
        {trash ? (
          <Button look="primary" icon="undo" disabled={disabled} onClick={props.onRestore}>{t.restore}</Button>
        ) : (
          <>
            {labelling ? (
              <LabelInput
                title={labelling === "add" ? t.addLabel : t.removeALabel} used={labelling === "remove"}
                onDone={(label) => {
                  setLabelling(null);
                  if (label) props.onLabel(labelling, label);
                }}
              />
            ) : (
              <ButtonDropdown
                variant={narrow ? "icon" : "normal"} ariaLabel={t.labels}
                disabled={disabled}
                items={[{ id: "add", text: t.addLabel }, { id: "remove", text: t.removeALabel }]}
                onItemClick={({ detail }) => setLabelling(detail.id === "add" ? "add" : "remove")}
              >
                {narrow ? undefined : t.labels}
              </ButtonDropdown>
            )}
            {narrow ? (
              <Button look="icon" icon="trash" label={t.toTrash} disabled={disabled} onClick={props.onTrash} />
            ) : (
              <Button icon="trash" disabled={disabled} onClick={props.onTrash}>{t.toTrash}</Button>
            )}
            <Button
              look="primary" icon="download" disabled={disabled} onClick={props.onDownload}
              {...(narrow && { label: t.downloadPhotos(count, props.bytes) })}
            >
              {narrow ? bytes(props.bytes) : t.downloadPhotos(count, props.bytes)}
            </Button>
          </>
        )}
      </span>
    </div>
  );
}
