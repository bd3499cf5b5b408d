import { Badge, Button, Group, Skeleton, Stack, Text } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { endOneOfYourSessions, endYourOtherSessions, listYourSessions, type Session } from "@/api/generated";
import { LoadMore } from "@/components/LoadMore";
import { Section } from "@/components/Section";
import { complain, TroubleNote } from "@/components/TroubleNote";
import { device } from "@/features/account/device";
import { when } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { byCursor, flat } from "@/lib/pages";
import { ask } from "@/lib/trouble";

const sessionsKey = ["sessions"];

/** Where one is signed in. */
export function Sessions() {
  const { t } = useT();
  const cache = useQueryClient();
  const list = useInfiniteQuery({
    queryKey: sessionsKey,
    queryFn: ({ pageParam }) => ask(listYourSessions({ query: { limit: 10, cursor: pageParam || undefined } })),
    ...byCursor,
  });
  const others = useMutation({
    mutationFn: () => ask(endYourOtherSessions()),
    onSuccess: () => cache.invalidateQueries({ queryKey: sessionsKey }),
    onError: complain,
  });
  const all = flat(list.data);
  return (
    <Section
      title={t("account.sessions")}
      aside={
        all.length > 1 && (
          <Button size="xs" variant="default" onClick={() => others.mutate()} loading={others.isPending}>
            {t("account.sessions.end")}
          </Button>
        )
      }
    >
      <TroubleNote error={list.error} />
      {list.isPending && <Skeleton h={90} />}
      <Stack gap="sm">
        {all.map((s) => (
          <One key={s.id} session={s} />
        ))}
      </Stack>
      <LoadMore query={list} />
    </Section>
  );
}

function One({ session: s }: { session: Session }) {
  const { t, word, language } = useT();
  const cache = useQueryClient();
  const end = useMutation({
    mutationFn: () => ask(endOneOfYourSessions({ path: { session: s.id } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: sessionsKey }),
    onError: complain,
  });
  return (
    <Group justify="space-between" wrap="nowrap">
      <Stack gap={0} miw={0}>
        <Text size="sm" fw={550} lineClamp={1}>
          {device(s.agent)} · {s.ip}
        </Text>
        <Text size="xs" c="dimmed">
          {[t("account.sessions.used", { when: when(s.used_at, language) }), word("session.how", s.how, "")].filter(Boolean).join(" · ")}
        </Text>
      </Stack>
      {s.current ? (
        <Badge variant="light" tt="none" style={{ flexShrink: 0 }}>
          {t("account.sessions.this")}
        </Badge>
      ) : (
        <Button flex="none" size="compact-sm" variant="subtle" color="red" onClick={() => end.mutate()} loading={end.isPending}>
          {t("account.sessions.one")}
        </Button>
      )}
    </Group>
  );
}
