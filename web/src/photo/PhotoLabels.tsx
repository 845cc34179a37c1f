// A photo's labels, how sure each is, and correcting them.

import Box from "@cloudscape-design/components/box";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";

import type { PhotoDetails } from "../api/client";
import { changed } from "../api/live";
import { Button } from "../app/Button";
import { useSpeech } from "../i18n";
import { type LabelChange, sendCorrections } from "../gallery/actions";
import { LabelInput } from "../labels/LabelField";
import { addressOf } from "../labels/selection";

export function PhotoLabels({ photo }: { photo: PhotoDetails }) {
  const { t } = useSpeech();
  const queries = useQueryClient();
  const [adding, setAdding] = useState(false);
  const correct = useMutation({
    mutationFn: ({ changes }: { changes: LabelChange[]; text?: string }) => sendCorrections(changes),
    onSuccess: () => changed(queries, "labels"),
  });
  const undo = correct.variables?.text && correct.data?.undo;
  const adder = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    // What was pressed is gone with what it did: the keyboard goes on from here.
    if (!correct.isIdle && document.activeElement === document.body) adder.current?.focus();
  }, [photo, adding, correct.isIdle, correct.isPending]);

  const add = (label: string) =>
    correct.mutate({ changes: [{ ids: [photo.id], add: [label] }], text: t.labelAdded(label) });
  const remove = (label: string) =>
    correct.mutate({ changes: [{ ids: [photo.id], remove: [label] }], text: t.labelRemoved(label) });

  const confidences = new Map(photo.detections.map(({ label, confidence }) => [label, confidence]));
  const on = [...photo.labels].sort((a, b) => (confidences.get(b) ?? 0) - (confidences.get(a) ?? 0));
  const rest = photo.detections.filter(
    ({ label }) => !photo.labels.includes(label) && !photo.correction.removed.includes(label),
  );
  return (
    <section>
      <Box variant="h3" tagOverride="h2">{t.labels}</Box>
      <ul className="photo-labels">
        {on.map((label) => (
          <OnPhoto
            key={label} label={label} confidence={confidences.get(label)}
            own={photo.correction.added.includes(label)} onRemove={() => remove(label)}
          />
        ))}
      </ul>
      <div role="status" className="photo-undo">
        {correct.error?.message}
        {undo && (
          <>
            {correct.variables?.text}{" "}
            {undo.length > 0 && (
              <Button look="link" onClick={() => correct.mutate({ changes: undo })}>{t.undo}</Button>
            )}
          </>
        )}
      </div>
      {adding ? (
        <LabelInput
          title={t.addLabel}
          onDone={(label) => {
            setAdding(false);
            if (label) add(label);
          }}
        />
      ) : (
        <Button ref={adder} icon="plus" onClick={() => setAdding(true)}>{t.addLabel}</Button>
      )}
      {rest.length > 0 && <Rest title={t.alsoSeen} labels={rest.map(({ label }) => label)} onAdd={add} />}
      {photo.correction.removed.length > 0 && (
        <Rest title={t.removedByYou} labels={photo.correction.removed} onAdd={add} />
      )}
    </section>
  );
}

interface OnPhotoProps {
  label: string;
  confidence: number | undefined;
  own: boolean;
  onRemove(): void;
}

function OnPhoto({ label, confidence, own, onRemove }: OnPhotoProps) {
  const { t, percent } = useSpeech();
  const navigate = useNavigate();
  const address = addressOf({ all: [label] });
  return (
    <li className="photo-label">
      <a
        href={address}
        onClick={(event) => {
          event.preventDefault();
          void navigate(address);
        }}
      >
        {label}
      </a>
      {own ? (
        <span className="photo-label-source">{t.byYou}</span>
      ) : (
        confidence !== undefined && (
          <>
            <span
              role="meter" className="photo-sure" aria-label={`${t.confidence}: ${label}`}
              aria-valuemin={0} aria-valuemax={1} aria-valuenow={confidence}
            >
              <span style={{ width: `${confidence * 100}%` }} />
            </span>
            <span className="photo-label-source">{percent(confidence)}</span>
          </>
        )
      )}
      <Button look="icon" icon="close" label={t.removeLabel(label)} onClick={onRemove} />
    </li>
  );
}

function Rest({ title, labels, onAdd }: { title: string; labels: string[]; onAdd: (label: string) => void }) {
  return (
    <div className="photo-rest">
      <Box color="text-body-secondary" fontSize="body-s">{title}</Box>
      {labels.slice(0, 8).map((label) => (
        <Button key={label} look="link" icon="plus" onClick={() => onAdd(label)}>
          {label}
        </Button>
      ))}
    </div>
  );
}
