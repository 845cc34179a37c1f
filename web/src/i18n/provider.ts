// Of Cloudscape's module nothing else: the rest of it would bring every language it has.

export { I18nProvider } from "@cloudscape-design/components/i18n";
