// What the owner sets about labels: how sure they must be, which are hidden, other names.

import Alert from "@cloudscape-design/components/alert";
import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import Autosuggest from "@cloudscape-design/components/autosuggest";
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
import { type FormEvent, useState } from "react";

import { answer, api, type LabelSettings as Settings } from "../api/client";
import { useNotices } from "../app/notices";
import { useSpeech } from "../i18n";
import { useLabelSettings, useSetLabels } from "../labels/settings";
import { Unanswered } from "./Unanswered";

const STEPS = 10; // Of the slider, to either side.

/** A label and what is set for it, as it is being typed. */
type Pair = readonly [label: string, value: string];

export function LabelSettings() {
  const { t } = useSpeech();
  const settings = useLabelSettings();
  const [edition, setEdition] = useState(0);
  const { data } = settings;
  if (!data) return <Unanswered title={t.labelSettings} query={settings} />;
  // A new edition of the form begins from what was saved; while photos follow it stays as it is.
  return <Editor key={edition} settings={data} onSaved={() => setEdition(edition + 1)} />;
}

interface EditorProps {
  settings: Settings;
  onSaved(): void;
}

function Editor({ settings, onSaved }: EditorProps) {
  const { t, number, percent } = useSpeech();
  const { say } = useNotices();
  const [sureness, setSureness] = useState(settings.sureness ?? 0);
  const [hidden, setHidden] = useState(settings.hidden ?? []);
  const [thresholds, setThresholds] = useState<readonly Pair[]>(
    Object.entries(settings.thresholds ?? {}).map(([label, value]) => [label, String(Math.round(value * 100))]),
  );
  const [renames, setRenames] = useState<readonly Pair[]>(Object.entries(settings.renames ?? {}));
  const names = useNames();
  const save = useSetLabels();
  const send = (event: FormEvent) => {
    event.preventDefault();
    const wanted = {
      sureness,
      hidden,
      thresholds: Object.fromEntries(whole(thresholds).map(([name, value]) => [name, Number(value) / 100])),
      renames: Object.fromEntries(whole(renames)),
    };
    save.mutate(() => wanted, {
      onSuccess: () => {
        say({ type: "success", text: t.labelSettingsSaved });
        onSaved();
      },
    });
  };
  const label = (pairs: readonly Pair[], set: (pairs: Pair[]) => void) => ([name, value]: Pair, index: number) => (
    <Autosuggest
      value={name} options={names.map((each) => ({ value: each }))} ariaLabel={t.label}
      enteredTextLabel={(text) => text} onChange={({ detail }) => set(replaced(pairs, index, [detail.value, value]))}
    />
  );
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
                onChange={({ detail }) => setSureness(detail.value / STEPS)}
              />
            </FormField>
            <FormField label={t.hiddenLabels} description={t.hiddenLabelsText}>
              <Multiselect
                selectedOptions={hidden.map((name) => ({ value: name, label: name }))}
                options={[...new Set([...names, ...hidden])].map((name) => ({ value: name, label: name }))}
                filteringType="auto" placeholder={t.findLabel} tokenLimit={20}
                onChange={({ detail }) => setHidden(detail.selectedOptions.flatMap(({ value }) => value ?? []))}
              />
            </FormField>
            <FormField label={t.ownThresholds} description={t.ownThresholdsText} stretch>
              <AttributeEditor<Pair>
                items={thresholds} addButtonText={t.addRow} removeButtonText={t.removeRow}
                empty={t.noneYet}
                definition={[
                  { label: t.label, control: label(thresholds, setThresholds) },
                  {
                    label: t.threshold,
                    control: ([name, value], index) => (
                      <Input
                        type="number" inputMode="numeric" step={1} value={value} ariaLabel={t.threshold}
                        placeholder={percent(0.5)}
                        onChange={({ detail }) => setThresholds(replaced(thresholds, index, [name, detail.value]))}
                      />
                    ),
                  },
                ]}
                onAddButtonClick={() => setThresholds([...thresholds, ["", "50"]])}
                onRemoveButtonClick={({ detail }) => setThresholds(without(thresholds, detail.itemIndex))}
              />
            </FormField>
            <FormField label={t.renames} description={t.renamesText} stretch>
              <AttributeEditor<Pair>
                items={renames} addButtonText={t.addRow} removeButtonText={t.removeRow}
                empty={t.noneYet}
                definition={[
                  { label: t.label, control: label(renames, setRenames) },
                  {
                    label: t.newName,
                    control: ([name, value], index) => (
                      <Autosuggest
                        value={value} options={names.map((each) => ({ value: each }))} ariaLabel={t.newName}
                        enteredTextLabel={(text) => text}
                        onChange={({ detail }) => setRenames(replaced(renames, index, [name, detail.value]))}
                      />
                    ),
                  },
                ]}
                onAddButtonClick={() => setRenames([...renames, ["", ""]])}
                onRemoveButtonClick={({ detail }) => setRenames(without(renames, detail.itemIndex))}
              />
            </FormField>
          </SpaceBetween>
        </Form>
      </Container>
    </form>
  );
}

/** Every label there is, hidden ones and those on no photo too. */
function useNames() {
  const { data = [] } = useQuery({
    queryKey: ["labels", "names"],
    queryFn: () => answer(api.GET("/api/labels", { params: { query: { unused: true, hidden: true } } })),
  });
  return data.map(({ name }) => name);
}

const whole = (pairs: readonly Pair[]) =>
  pairs.map(([label, value]) => [label.trim(), value.trim()] as const).filter(([label, value]) => label && value);
const replaced = (pairs: readonly Pair[], index: number, pair: Pair) => pairs.with(index, pair);
const without = (pairs: readonly Pair[], index: number) => pairs.toSpliced(index, 1);
