import { Code, Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { type Erasure, listErasures } from "@/api/generated";
import { LoadMore } from "@/components/LoadMore";
import { Section } from "@/components/Section";
import { TroubleNote } from "@/components/TroubleNote";
import { count, when } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { byCursor, flat } from "@/lib/pages";
import { ask } from "@/lib/trouble";

/** The receipts of people who were erased, the latest first; nothing before there is one. */
export function Erasures() {
  const { t } = useT();
  const list = useInfiniteQuery({
    queryKey: ["erasures"],
    queryFn: ({ pageParam }) => ask(listErasures({ query: { limit: 10, cursor: pageParam || undefined } })),
    ...byCursor,
  });
  const receipts = flat(list.data);
  if (!list.error && receipts.length === 0) return null;
  return (
    <Section title={t("settings.erased")} text={t("settings.erased.text")}>
      <TroubleNote error={list.error} />
      <Stack gap="md" component="ul" m={0} p={0} className="plain">
        {receipts.map((r) => (
          <Receipt key={r.id} of={r} />
        ))}
      </Stack>
      <LoadMore query={list} />
    </Section>
  );
}

function Receipt({ of: r }: { of: Erasure }) {
  const { t, language } = useT();
  const n = (what: number) => count(what, language);
  return (
    <Stack gap={2} component="li">
      <Text size="sm" fw={550} className="still">
        {when(r.created_at, language)}
        {r.status === "running" && ` · ${t("settings.erased.running")}`}
      </Text>
      <Text size="sm">{t("settings.erased.count", { messages: n(r.removed.messages), chats: n(r.removed.chats) })}</Text>
      <Code w="fit-content">{r.id}</Code>
    </Stack>
  );
}
