import { Alert, Button, Group, Text } from "@mantine/core";
import { IconBulb } from "@tabler/icons-react";
import { useState } from "react";
import { bringAClientOnline, type Client } from "@/api/generated";
import { Pairing } from "@/features/clients/Pairing";
import { useClientChange } from "@/features/clients/queries";
import { when } from "@/lib/format";
import { type Key, useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { ask } from "@/lib/trouble";

// What gets a number out of a state; states that are fine, or pass by themselves at once, are not here.
const ways: Record<string, "pair" | "connect" | "wait"> = {
  new: "pair",
  logged_out: "pair",
  banned: "wait",
  temp_banned: "wait",
  restricted: "wait",
  outdated: "wait",
  replaced: "connect",
  stopped: "connect",
  disconnected: "connect",
};

/** What a number's state means in plain words, and what to do about it. */
export function Advice({ client: c }: { client: Client }) {
  const { t, language } = useT();
  const allowed = useMay()("clients:write");
  const [pairing, setPairing] = useState(false);
  const connect = useClientChange(() => ask(bringAClientOnline({ path: { client: c.id } })));
  const way = ways[c.status];
  return (
    <>
      {way && (
        <Alert variant="light" color={way === "wait" ? "orange" : "blue"} icon={<IconBulb />}>
          <Group justify="space-between" gap="sm">
            <Text size="sm" flex={1} miw={220} c="var(--mantine-color-text)">
              {t(`why.${c.status}` as Key)} {t(`do.${c.status}` as Key)}
              {c.until && ` ${t("facts.until")}: ${when(c.until, language)}.`}
            </Text>
            {allowed && way === "pair" && (
              <Button size="xs" onClick={() => setPairing(true)}>
                {t("pair.action")}
              </Button>
            )}
            {allowed && way === "connect" && (
              <Button size="xs" onClick={() => connect.mutate(undefined)} loading={connect.isPending}>
                {t("client.connect")}
              </Button>
            )}
          </Group>
        </Alert>
      )}
      {/* Outside of the advice, which goes as soon as the phone is linked. */}
      {pairing && <Pairing client={c} onClose={() => setPairing(false)} />}
    </>
  );
}
