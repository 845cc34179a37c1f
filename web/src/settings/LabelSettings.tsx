// What the owner sets about labels: how sure they must be, which are hidden, other names.

import Alert from "@cloudscape-design/components/alert";
import AttributeEditor, { type AttributeEditorProps } from "@cloudscape-design/components/attribute-editor";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Multiselect from "@cloudscape-design/components/multiselect";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import Slider from "@cloudscape-design/components/slider";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useRef, useState } from "react";
import { flushSync } from "react-dom";

import type { LabelSettings as Settings } from "../api/client";
import { useNotices } from "../app/notices";
import { useSpeech } from "../i18n";
import { LabelField } from "../labels/LabelField";
import { everyLabelOptions } from "../labels/queries";
import { useLabelSettings, useSetLabels } from "../labels/settings";
import { Unanswered } from "./Unanswered";

const STEPS = 10; // Of the slider, to either side.

/** A label and what is set for it, as it is being typed. */
type Pair = readonly [label: string, value: string];

interface Form {
  sureness: number;
  hidden: string[];
  thresholds: readonly Pair[];
  renames: readonly Pair[];
}

const formOf = ({ sureness = 0, hidden = [], thresholds = {}, renames = {} }: Settings): Form => ({
  sureness,
  hidden,
  thresholds: Object.entries(thresholds).map(([label, value]) => [label, String(Math.round(value * 1000) / 10)]),
  renames: Object.entries(renames),
});

export function LabelSettings() {
  const { t } = useSpeech();
  const settings = useLabelSettings();
  const { data } = settings;
  if (!data) return <Unanswered title={t.labelSettings} query={settings} />;
  return <Editor settings={data} />;
}

/** Begun from what is set; while photos follow, it stays as it is. */
function Editor({ settings }: { settings: Settings }) {
  const { t, number, percent } = useSpeech();
  const { say } = useNotices();
  const [form, setForm] = useState<Form>(() => formOf(settings));
  const { sureness, hidden, thresholds, renames } = form;
  const put = (part: Partial<Form>) => setForm((before) => ({ ...before, ...part }));
  const { data: labels = [] } = useQuery(everyLabelOptions);
  const [tried, setTried] = useState(false);
  const save = useSetLabels();
  const thresholdWrong = ([, value]: Pair) =>
    value.trim() && Number(value) >= 0 && Number(value) <= 100 ? null : t.thresholdWrong;
  const nameWrong = ([, value]: Pair) => (value.trim() ? null : t.nameMissing);
  const labelWrong = ([label]: Pair) => (label.trim() ? null : t.nameMissing);
  const send = (event: FormEvent) => {
    event.preventDefault();
    const wrong =
      thresholds.some((pair) => thresholdWrong(pair) ?? labelWrong(pair)) ||
      renames.some((pair) => nameWrong(pair) ?? labelWrong(pair));
    setTried(wrong);
    if (wrong) return;
    const wanted = {
      sureness,
      hidden,
      thresholds: Object.fromEntries(thresholds.map(([name, value]) => [name, Number(value) / 100])),
      renames: Object.fromEntries(renames),
    };
    save.mutate(() => wanted, {
      onSuccess: (saved) => {
        say({ type: "success", text: t.labelSettingsSaved });
        // What was typed meanwhile stays, to be saved too.
        setForm((now) => (now === form ? formOf(saved) : now));
      },
    });
  };
  const { recomputing } = settings;
  return (
    <form onSubmit={send}>
      <Container
        header={<Header variant="h2" description={t.labelSettingsText}>{t.labelSettings}</Header>}
      >
        <Form actions={<Button formAction="submit" loading={save.isPending}>{t.save}</Button>}>
          <SpaceBetween size="l">
            {save.error && <Alert type="error">{save.error.message}</Alert>}
            {recomputing && (
              <ProgressBar
                value={(100 * recomputing.done) / Math.max(recomputing.total, 1)} label={t.recomputing}
                description={`${number(recomputing.done)} / ${number(recomputing.total)}`}
              />
            )}
            <FormField label={t.sureness}>
              <Slider
                value={Math.round(sureness * STEPS)} min={-STEPS} max={STEPS} tickMarks
                step={1} ariaLabel={t.sureness}
                valueFormatter={(value) => {
                  const way = value < 0 ? t.surenessMore : t.surenessFewer;
                  return value === 0 ? t.surenessUsual : Math.abs(value) === STEPS ? way : `${way} (${Math.abs(value)})`;
                }}
                onChange={({ detail }) => put({ sureness: detail.value / STEPS })}
              />
            </FormField>
            <FormField label={t.hiddenLabels} description={t.hiddenLabelsText}>
              <Multiselect
                selectedOptions={hidden.map((name) => ({ value: name, label: name }))}
                options={labels.map(({ name, aliases }) => ({ value: name, label: name, filteringTags: aliases }))}
                filteringType="auto" placeholder={t.findLabel} tokenLimit={20}
                onChange={({ detail }) => put({ hidden: detail.selectedOptions.flatMap(({ value }) => value ?? []) })}
              />
            </FormField>
            <FormField label={t.ownThresholds} description={t.ownThresholdsText} stretch>
              <Pairs
                pairs={thresholds} onChange={(pairs) => put({ thresholds: pairs })} start="50" title={t.threshold}
                labelWrong={tried && labelWrong} wrong={tried && thresholdWrong}
                control={(value, onChange) => (
                  <Input
                    type="number" inputMode="decimal" step="any" value={value} ariaLabel={t.threshold}
                    placeholder={percent(0.5)} onChange={({ detail }) => onChange(detail.value)}
                  />
                )}
              />
            </FormField>
            <FormField label={t.renames} description={t.renamesText} stretch>
              <Pairs
                pairs={renames} onChange={(pairs) => put({ renames: pairs })} start="" title={t.newName}
                labelWrong={tried && labelWrong} wrong={tried && nameWrong}
                control={(value, onChange) => <LabelField title={t.newName} value={value} onChange={onChange} />}
              />
            </FormField>
          </SpaceBetween>
        </Form>
      </Container>
    </form>
  );
}

type Wrong = false | ((pair: Pair) => string | null);

interface PairsProps {
  pairs: readonly Pair[];
  onChange(pairs: readonly Pair[]): void;
  /** The value of a new one. */
  start: string;
  /** Of the value. */
  title: string;
  control(value: string, onChange: (value: string) => void): ReactNode;
  labelWrong: Wrong;
  wrong: Wrong;
}

function Pairs({ pairs, onChange, start, title, control, labelWrong, wrong }: PairsProps) {
  const { t } = useSpeech();
  const editor = useRef<AttributeEditorProps.Ref>(null);
  const [added, setAdded] = useState(-1);
  const put = (index: number, pair: Pair) => onChange(pairs.with(index, pair));
  function remove(index: number) {
    setAdded(-1);
    flushSync(() => onChange(pairs.toSpliced(index, 1)));
    if (pairs.length > 1) editor.current?.focusRemoveButton(Math.min(index, pairs.length - 2));
    else editor.current?.focusAddButton();
  }
  return (
    <AttributeEditor<Pair>
      ref={editor}
      items={pairs} addButtonText={t.addRow} removeButtonText={t.removeRow}
      removeButtonAriaLabel={([label]) => `${t.removeRow}: ${label}`}
      empty={t.noneYet}
      definition={[
        {
          label: t.label,
          control: ([name, value], index) => (
            <LabelField
              title={t.label} value={name} autoFocus={index === added}
              onChange={(text) => put(index, [text, value])}
            />
          ),
          errorText: labelWrong,
        },
        {
          label: title,
          control: ([name, value], index) => control(value, (text) => put(index, [name, text])),
          errorText: wrong,
        },
      ]}
      onAddButtonClick={() => {
        setAdded(pairs.length);
        onChange([...pairs, ["", start]]);
      }}
      onRemoveButtonClick={({ detail }) => remove(detail.itemIndex)}
    />
  );
}
