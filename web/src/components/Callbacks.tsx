import { Accordion, Button, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type CallbackDelivery, listWhatAMessageCallbackUrlGot, type Placed, sendAMessageCallbackUrlSomethingAgain } from "@/api/generated";
import { DeliveryHead } from "@/components/DeliveryHead";
import { OneAttempt } from "@/components/OneAttempt";
import { Sent } from "@/components/Sent";
import { complain, TroubleNote } from "@/components/TroubleNote";
import { when } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { ask } from "@/lib/trouble";

// What is still to be told changes without an event.
const look = 5000;

/** What a message's own address was told, with every request and what came back. */
export function Callbacks({ message: m }: { message: Placed }) {
  const { t } = useT();
  const may = useMay()("webhooks:read");
  const got = useQuery({
    queryKey: ["callbacks", m.id],
    queryFn: () => ask(listWhatAMessageCallbackUrlGot({ path: { message: m.id } })),
    refetchInterval: (q) => (q.state.data?.data.some((d) => d.status === "pending") ? look : false),
    enabled: may && Boolean(m.callback_url),
  });
  if (!may || !m.callback_url) return null;
  const all = got.data?.data ?? [];
  return (
    <Stack gap="xs">
      <Title order={3} fz={15}>
        {t("story.callbacks")}
      </Title>
      <Text size="xs" c="dimmed" className="anywhere">
        <bdi>{m.callback_url}</bdi>
      </Text>
      <TroubleNote error={got.error} />
      {got.isPending && <Skeleton h={60} />}
      {got.isSuccess && all.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("story.callbacks.none")}
        </Text>
      )}
      <Accordion chevronPosition="left" variant="default">
        {all.map((d) => (
          <Accordion.Item key={d.id} value={d.id}>
            <Accordion.Control px={0}>
              <DeliveryHead delivery={d} />
            </Accordion.Control>
            <Accordion.Panel>
              <Requests message={m.id} delivery={d} />
            </Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
    </Stack>
  );
}

function Requests({ message, delivery: d }: { message: string; delivery: CallbackDelivery }) {
  const { t, language } = useT();
  return (
    <Stack gap="sm">
      {d.waits_for && <Text size="sm">{t(`story.callbacks.waits.${d.waits_for}`)}</Text>}
      {d.next_attempt_at && (
        <Text size="sm" c="dimmed">
          {`${t("deliveries.nexttime")}: ${when(d.next_attempt_at, language)}`}
        </Text>
      )}
      {d.requests.length === 0 && (
        <>
          <Text size="sm" c="dimmed">
            {t("deliveries.noattempt")}
          </Text>
          <Sent delivery={d} message={message} />
        </>
      )}
      {d.requests.map((a, i) => (
        <OneAttempt key={a.number} delivery={d} message={message} attempt={a} last={i === d.requests.length - 1} />
      ))}
      <Again message={message} delivery={d} />
    </Stack>
  );
}

function Again({ message, delivery: d }: { message: string; delivery: CallbackDelivery }) {
  const { t } = useT();
  const cache = useQueryClient();
  const allowed = useMay()("webhooks:write");
  const again = useMutation({
    mutationFn: () => ask(sendAMessageCallbackUrlSomethingAgain({ path: { message, delivery: d.id } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["callbacks", message] }),
    onError: complain,
  });
  if (!allowed) return null;
  return (
    <Button w="fit-content" size="xs" variant="default" onClick={() => again.mutate()} loading={again.isPending}>
      {t("deliveries.again")}
    </Button>
  );
}
