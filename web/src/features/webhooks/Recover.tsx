import { Button, Modal, Progress, Radio, Select, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  type Endpoint,
  getHowFarARecoveryIs,
  type Recovery,
  sendAWebhookAgainWhatFailed,
  sendAWebhookWhatItNeverGot,
} from "@/api/generated";
import { FormEnd } from "@/components/FormEnd";
import { TroubleNote } from "@/components/TroubleNote";
import { when } from "@/lib/format";
import { type Key, useT } from "@/lib/i18n";
import { hoursAgo, toField, toInstant } from "@/lib/instant";
import { ask, fieldTrouble } from "@/lib/trouble";

const spans: Record<string, Key> = {
  "1": "recover.hour",
  "24": "recover.day",
  "168": "recover.week",
  "720": "recover.month",
  other: "recover.other",
};

interface Props {
  endpoint: Endpoint;
  onClose: () => void;
}

/** Sends again what failed, or what the endpoint was never sent, of a span of time. */
export function Recover({ endpoint: e, onClose }: Props) {
  const { t } = useT();
  const [kind, setKind] = useState<Recovery["kind"]>("recover");
  const [span, setSpan] = useState("24");
  const [since, setSince] = useState(() => toField(hoursAgo(24)));
  const [until, setUntil] = useState("");
  const begin = useMutation({
    mutationFn: () => {
      const send = kind === "recover" ? sendAWebhookAgainWhatFailed : sendAWebhookWhatItNeverGot;
      return ask(send({ path: { webhook: e.id }, body: rangeOf(span, since, until) }));
    },
  });
  if (begin.data) return <Progressing begun={begin.data} onClose={onClose} />;
  return (
    <Modal opened onClose={onClose} title={t("recover.title")} centered>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          begin.mutate();
        }}
      >
        <Stack>
          <Radio.Group label={t("recover.what")} value={kind} onChange={(v) => setKind(v as Recovery["kind"])}>
            <Stack gap="xs" mt="xs">
              <Radio value="recover" label={t("recover.failed")} description={t("recover.failed.text")} />
              <Radio value="replay" label={t("recover.never")} description={t("recover.never.text")} />
            </Stack>
          </Radio.Group>
          <Select
            label={t("recover.since")}
            data={Object.entries(spans).map(([value, label]) => ({ value, label: t(label) }))}
            value={span}
            onChange={(v) => setSpan(v ?? "24")}
            allowDeselect={false}
            error={span === "other" ? undefined : fieldTrouble(begin.error, "body.since")}
          />
          {span === "other" && (
            <SimpleGrid cols={{ base: 1, xs: 2 }}>
              <TextInput
                type="datetime-local"
                label={t("recover.from")}
                description={t("recover.from.text")}
                value={since}
                onChange={(event) => setSince(event.currentTarget.value)}
                error={fieldTrouble(begin.error, "body.since")}
                required
                withAsterisk={false}
              />
              <TextInput
                type="datetime-local"
                label={t("recover.to")}
                description={t("recover.to.text")}
                value={until}
                onChange={(event) => setUntil(event.currentTarget.value)}
                error={fieldTrouble(begin.error, "body.until")}
              />
            </SimpleGrid>
          )}
          <TroubleNote error={begin.error} fields={["body.since"]} />
          <FormEnd does={t("recover.action")} busy={begin.isPending} onCancel={onClose} />
        </Stack>
      </form>
    </Modal>
  );
}

function rangeOf(span: string, since: string, until: string) {
  if (span !== "other") return { since: hoursAgo(Number(span)) };
  const end = toInstant(until);
  return { since: toInstant(since) ?? "", ...(end ? { until: end } : {}) };
}

const look = 1000; // milliseconds between two looks at how far it is

function Progressing({ begun, onClose }: { begun: Recovery; onClose: () => void }) {
  const { t, language } = useT();
  const cache = useQueryClient();
  const got = useQuery({
    queryKey: ["recovery", begun.id],
    queryFn: async () => {
      const r = await ask(getHowFarARecoveryIs({ path: { webhook: begun.endpoint_id, recovery: begun.id } }));
      if (r.finished_at) void cache.invalidateQueries({ queryKey: ["webhooks", begun.endpoint_id] });
      return r;
    },
    initialData: begun,
    staleTime: 0,
    refetchInterval: (q) => (q.state.data?.finished_at ? false : look),
  });
  const r = got.data;
  const done = r.finished_at !== undefined;
  const percent = done ? 100 : r.total ? Math.min(99, (100 * r.moved) / r.total) : 0;
  return (
    <Modal opened onClose={onClose} title={t("recover.title")} centered>
      <Stack>
        <Text size="sm" role="status">
          {done ? t("recover.done", { n: r.moved }) : t("recover.moving", { n: r.moved, total: r.total ?? "…" })}
        </Text>
        <Progress value={percent} animated={!done} aria-label={t("recover.progress")} />
        <Text size="sm" c="dimmed">
          {t("recover.range", { since: when(r.since, language), until: when(r.until, language) })} {!done && t("recover.leave")}
        </Text>
        <TroubleNote error={got.error} />
        <Button onClick={onClose} variant={done ? "filled" : "default"}>
          {t("close")}
        </Button>
      </Stack>
    </Modal>
  );
}
