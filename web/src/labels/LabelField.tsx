// A label's name, typed: those there are, found by any of their names, or a new one.

import Autosuggest, { type AutosuggestProps } from "@cloudscape-design/components/autosuggest";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";

import type { Label } from "../api/client";
import { useSpeech } from "../i18n";
import { findLabels, labelCalled } from "./find";
import { everyLabelOptions } from "./queries";

const LONGEST = 100; // Characters of a name, on the server too.

interface FieldProps extends Pick<AutosuggestProps, "autoFocus" | "placeholder" | "onSelect" | "onKeyDown"> {
  title: string;
  value: string;
  onChange(value: string): void;
  /** Which are offered; else every label. */
  offered?: readonly Label[] | undefined;
  /** Only these, no new one. */
  only?: boolean;
}

export function LabelField({ title, value, onChange, offered, only = false, ...rest }: FieldProps) {
  const { t, number } = useSpeech();
  const { data } = useQuery(everyLabelOptions);
  const labels = offered ?? data ?? [];
  return (
    <Autosuggest
      {...rest}
      value={value}
      virtualScroll
      ariaLabel={title}
      enteredTextLabel={(text) => text}
      hideEnteredTextOption={only}
      statusType={only && offered && value.trim() && !findLabels(offered, value).length ? "error" : "finished"}
      errorText={t.noMatch}
      options={labels.map(({ name, count, aliases }) => ({
        value: name, labelTag: number(count), filteringTags: aliases,
      }))}
      onChange={({ detail }) => onChange([...detail.value].slice(0, LONGEST).join(""))}
    />
  );
}

interface InputProps {
  title: string;
  /** One that photos have, to be taken off them. */
  used?: boolean;
  onDone(label: string): void;
}

/** One label, said by Enter; none by Escape. */
export function LabelInput({ title, used = false, onDone }: InputProps) {
  const queries = useQueryClient();
  const [text, setText] = useState("");
  const { data } = useQuery(everyLabelOptions);
  const offered = data?.filter(({ count, hidden }) => (used ? count > 0 : !hidden));
  const done = useRef(false);
  function finish(label: string) {
    // Enter says it twice: as what is selected in the list, and as a key.
    if (!done.current) onDone(label);
    done.current = true;
  }
  /** By any of its names; where there must be one, nothing is done for what is none. */
  async function say(said: string) {
    const labels = await queries.ensureQueryData(everyLabelOptions).catch(() => null);
    const known = labelCalled(labels ?? [], said)?.name;
    if (known || !labels || !used) finish(known ?? said.trim());
  }
  return (
    <div className="label-input">
      <LabelField
        autoFocus title={title} placeholder={title} value={text} offered={offered} only={used} onChange={setText}
        onSelect={({ detail }) => void say(detail.value)}
        onKeyDown={({ detail }) => {
          if (detail.key === "Enter" && text.trim()) void say(text);
          if (detail.key === "Escape") finish("");
        }}
      />
    </div>
  );
}
