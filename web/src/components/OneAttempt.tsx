import { Badge, Group, Stack, Tabs, Text } from "@mantine/core";
import { useState } from "react";
import type { Attempt, Delivery } from "@/api/generated";
import { Letter } from "@/components/Letter";
import { Sent } from "@/components/Sent";
import { when } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { headerLines } from "@/lib/pretty";

interface Props {
  delivery: Delivery;
  /** Of a message's own address: whose. */
  message?: string;
  attempt: Attempt;
  /** Of the last one something is shown at once; the others wait to be asked. */
  last: boolean;
}

/** One request: how it went, what was sent, and what came back. */
export function OneAttempt({ delivery, message, attempt: a, last }: Props) {
  const { t, word, language } = useT();
  const answered = Boolean(a.status);
  const [tab, setTab] = useState<string | null>(last ? (answered && a.error ? "back" : "sent") : null);
  return (
    <Stack gap={6} className="attempt">
      <Group gap={8}>
        <Text size="sm" fw={600}>
          {t("deliveries.attempt", { n: a.number })}
        </Text>
        <Badge color={a.error ? "red" : "jade"} variant="light" tt="none">
          {a.status ? `HTTP ${a.status}` : word("attempt", a.error ?? "")}
        </Badge>
        {a.trigger !== "auto" && (
          <Badge variant="default" tt="none">
            {t(`deliveries.by.${a.trigger}`)}
          </Badge>
        )}
        <Text size="sm" c="dimmed">
          {[when(a.at, language), `${a.duration_ms} ms`, a.ip].filter(Boolean).join(" · ")}
        </Text>
      </Group>
      {a.error && (
        <Text size="sm" className="anywhere">
          {[word("attempt", a.error), a.detail].filter(Boolean).join(": ")}
        </Text>
      )}
      <Tabs value={tab} onChange={setTab} allowTabDeactivation keepMounted={false}>
        <Tabs.List aria-label={t("deliveries.attempt", { n: a.number })}>
          <Tabs.Tab value="sent" px="xs">
            {t("deliveries.sent")}
          </Tabs.Tab>
          <Tabs.Tab value="back" px="xs">
            {t("deliveries.back")}
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="sent" pt="sm">
          <Sent delivery={delivery} {...(message && { message })} attempt={a.number} />
        </Tabs.Panel>
        <Tabs.Panel value="back" pt="sm">
          {answered ? (
            <Letter headers={headerLines(a.response_headers)} body={a.response_body ?? ""} />
          ) : (
            <Text size="sm" c="dimmed">
              {t("deliveries.back.none")}
            </Text>
          )}
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
}
