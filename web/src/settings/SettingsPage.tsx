// Settings: how it looks and speaks, where it tells, the password, tokens, storage.

import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { useSpeech } from "../i18n";
import { useSession } from "../session/session";
import { Appearance } from "./Appearance";
import { LabelSettings } from "./LabelSettings";
import { Notifications } from "./Notifications";
import { Password } from "./Password";
import { Storage } from "./Storage";
import { Tokens } from "./Tokens";

export default function SettingsPage() {
  const { t } = useSpeech();
  const session = useSession();
  return (
    <ContentLayout header={<Header variant="h1">{t.navSettings}</Header>}>
      <div className="narrow">
        <SpaceBetween size="l">
          <Appearance />
          <LabelSettings />
          <Notifications />
          <Storage />
          {session.data?.has_password && <Password />}
          <Tokens />
        </SpaceBetween>
      </div>
    </ContentLayout>
  );
}
