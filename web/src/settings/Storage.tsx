import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";

import { answer, api } from "../api/client";
import { useNarrow } from "../app/useMedia";
import { useSpeech } from "../i18n";
import { Unanswered } from "./Unanswered";

export function Storage() {
  const { t, money, day } = useSpeech();
  const narrow = useNarrow();
  const storage = useQuery({
    queryKey: ["storage"],
    queryFn: () => answer(api.GET("/api/storage")),
  });
  const { data } = storage;
  if (!data) return <Unanswered title={t.storage} query={storage} />;
  const { on_aws: cost } = data;
  const tiers: Record<string, string> = {
    "opened within 30 days": t.tierRecent,
    "not opened for 30 days": t.tierInfrequent,
    "not opened for 90 days": t.tierArchive,
  };
  return (
    <Container header={<Header variant="h2">{t.storage}</Header>}>
      <SpaceBetween size="m">
        <Box fontSize="heading-m">{t.storageUsed(data.photos, data.bytes)}</Box>
        <Box color="text-body-secondary">{t.onAws(cost.region)}</Box>
        <KeyValuePairs
          columns={narrow ? 1 : 3}
          items={Object.entries(cost.monthly).map(([label, value]) => ({
            label: tiers[label] ?? label,
            value: money(value, cost.currency ?? "USD"),
          }))}
        />
        <Box color="text-body-secondary" fontSize="body-s">{t.priceDate(day(cost.as_of))}</Box>
      </SpaceBetween>
    </Container>
  );
}
