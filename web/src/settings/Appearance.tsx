import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Select from "@cloudscape-design/components/select";

import { THEMES, type Theme, useTheme } from "../app/theme";
import { useSpeech } from "../i18n";
import { isLanguage, LANGUAGES } from "../i18n/catalogue";

export function Appearance() {
  const { t, language, setLanguage } = useSpeech();
  const { theme, setTheme } = useTheme();
  const names = { system: t.system, light: t.light, dark: t.dark };
  const themes = THEMES.map((value) => ({ value, label: names[value] }));
  const languages = Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }));
  return (
    <Container header={<Header variant="h2">{t.appearance}</Header>}>
      <ColumnLayout columns={2}>
        <FormField label={t.language}>
          <Select
            selectedOption={languages.find(({ value }) => value === language) ?? null}
            options={languages}
            onChange={({ detail: { selectedOption: { value } } }) => {
              if (isLanguage(value)) setLanguage(value);
            }}
          />
        </FormField>
        <FormField label={t.theme}>
          <Select
            selectedOption={themes.find(({ value }) => value === theme) ?? null}
            options={themes}
            onChange={({ detail }) => setTheme(detail.selectedOption.value as Theme)}
          />
        </FormField>
      </ColumnLayout>
    </Container>
  );
}
