import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { api, Problem } from "../api/client";
import { useNotices } from "../app/notices";
import { useSpeech } from "../i18n";

const EMPTY = { current: "", wanted: "", again: "" };

export function Password() {
  const { t } = useSpeech();
  const { say } = useNotices();
  const [values, setValues] = useState(EMPTY);
  const [differ, setDiffer] = useState(false);
  const change = useMutation({
    mutationFn: () =>
      api.POST("/api/session/password", { body: { current: values.current, new: values.wanted } }),
    onSuccess: () => {
      setValues(EMPTY);
      say({ type: "success", text: t.passwordChanged });
    },
  });

  function submit(event: FormEvent) {
    event.preventDefault();
    const same = values.wanted === values.again;
    setDiffer(!same);
    if (same) change.mutate();
  }

  const field = (name: keyof typeof EMPTY, label: string, autoComplete: string) => (
    <FormField label={label}>
      <Input
        type="password" name={name} autoComplete={autoComplete} value={values[name]}
        onChange={({ detail }) => setValues((before) => ({ ...before, [name]: detail.value }))}
      />
    </FormField>
  );
  const wrong = change.error instanceof Problem && change.error.status === 403;
  const error = differ ? t.passwordsDiffer : wrong ? t.passwordWrong : change.error?.message;
  return (
    <form onSubmit={submit}>
      <Container header={<Header variant="h2">{t.password}</Header>}>
        <Form
          actions={
            <Button
              formAction="submit" loading={change.isPending}
              disabled={!values.current || !values.wanted}
            >
              {t.changePassword}
            </Button>
          }
        >
          <SpaceBetween size="m">
            {error && <Alert type="error">{error}</Alert>}
            {field("current", t.currentPassword, "current-password")}
            {field("wanted", t.newPassword, "new-password")}
            {field("again", t.newPasswordAgain, "new-password")}
          </SpaceBetween>
        </Form>
      </Container>
    </form>
  );
}
