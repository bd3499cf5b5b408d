import { Button, Code, Loader, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type Delivery, listADeliveryAttempts, sendADeliveryAgain } from "@/api/generated";
import { Facts } from "@/components/Facts";
import { OneAttempt } from "@/components/OneAttempt";
import { Sent } from "@/components/Sent";
import { complain, TroubleNote } from "@/components/TroubleNote";
import { when } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { ask } from "@/lib/trouble";

/** Every request that was made for a delivery, with what came back. */
export function Attempts({ delivery: d }: { delivery: Delivery }) {
  const { t, language } = useT();
  const path = { webhook: d.endpoint_id, delivery: d.id };
  const got = useQuery({
    queryKey: ["webhooks", d.endpoint_id, "attempts", d.id, d.attempts],
    queryFn: () => ask(listADeliveryAttempts({ path })),
  });
  const all = got.data?.data ?? [];
  return (
    <Stack gap="sm">
      <Facts
        rows={[
          [t("deliveries.id"), <Code key="id">{d.id}</Code>],
          [t("deliveries.event"), <Code key="event">{d.event_id}</Code>],
          [t("deliveries.made"), when(d.created_at, language)],
          [t("deliveries.nexttime"), when(d.next_attempt_at, language)],
        ]}
      />
      {d.waits_for && <Text size="sm">{t(`deliveries.waits.${d.waits_for}`)}</Text>}
      <TroubleNote error={got.error} />
      {got.isPending && <Loader size="sm" aria-label={t("loading")} />}
      {got.isSuccess && all.length === 0 && (
        <>
          <Text size="sm" c="dimmed">
            {t("deliveries.noattempt")}
          </Text>
          <Sent delivery={d} />
        </>
      )}
      {all.map((a, i) => (
        <OneAttempt key={a.number} delivery={d} attempt={a} last={i === all.length - 1} />
      ))}
      <Again delivery={d} />
    </Stack>
  );
}

function Again({ delivery: d }: { delivery: Delivery }) {
  const { t } = useT();
  const cache = useQueryClient();
  const allowed = useMay()("webhooks:write");
  const again = useMutation({
    mutationFn: () => ask(sendADeliveryAgain({ path: { webhook: d.endpoint_id, delivery: d.id } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["webhooks", d.endpoint_id] }),
    onError: complain,
  });
  if (!allowed) return null;
  return (
    <Button w="fit-content" size="xs" variant="default" onClick={() => again.mutate()} loading={again.isPending}>
      {t("deliveries.again")}
    </Button>
  );
}
