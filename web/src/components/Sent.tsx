import { Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type Delivery, getWhatADeliverySent, getWhatAMessageCallbackUrlWasSent } from "@/api/generated";
import { Letter } from "@/components/Letter";
import { TroubleNote } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";
import { headerLines } from "@/lib/pretty";
import { ask } from "@/lib/trouble";

interface Props {
  delivery: Delivery;
  /** Of a message's own address: whose. */
  message?: string;
  /** Its number; without one, what the first attempt will send. */
  attempt?: number;
}

/** What an attempt sent. */
export function Sent({ delivery: d, message, attempt }: Props) {
  const { t } = useT();
  const query = attempt ? { attempt } : {};
  const got = useQuery({
    queryKey: ["webhooks", d.endpoint_id, "sent", d.id, attempt ?? 0],
    queryFn: () =>
      ask(
        message
          ? getWhatAMessageCallbackUrlWasSent({ path: { message, delivery: d.id }, query })
          : getWhatADeliverySent({ path: { webhook: d.endpoint_id, delivery: d.id }, query }),
      ),
  });
  const r = got.data;
  if (got.isPending) return <Skeleton h={120} aria-busy />;
  if (!r) return <TroubleNote error={got.error} />;
  const notes = [
    attempt === undefined && t("deliveries.sent.next"),
    attempt !== undefined && r.same !== "yes" && t(`deliveries.same.${r.same}`),
    r.events > 1 && t("deliveries.sent.events", { n: r.events }),
    new TextEncoder().encode(r.request_body).length < r.request_bytes && t("deliveries.sent.cut", { n: r.request_bytes }),
  ].filter((note) => note !== false);
  return (
    <Stack gap="xs">
      {notes.map((note) => (
        <Text key={note} size="sm" c="dimmed">
          {note}
        </Text>
      ))}
      <Letter headers={headerLines(r.request_headers)} body={r.request_body} />
    </Stack>
  );
}
