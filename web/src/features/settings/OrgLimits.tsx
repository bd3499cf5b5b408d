import { Skeleton, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { listWhatTheOrganisationIsHeldTo, type OrgLimit } from "@/api/generated";
import { Section } from "@/components/Section";
import { TroubleNote } from "@/components/TroubleNote";
import { count, lasting } from "@/lib/format";
import { type Translator, useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

const setters = ["operator", "program"] as const;

/** What the organisation is held to. Nobody in it can change that, and the card says so. */
export function OrgLimits() {
  const { t } = useT();
  const got = useQuery({ queryKey: ["org-limits"], queryFn: () => ask(listWhatTheOrganisationIsHeldTo()) });
  const all = got.data?.data ?? [];
  return (
    <Section title={t("settings.limits")} text={t("settings.limits.text")}>
      <TroubleNote error={got.error} />
      {got.isPending && <Skeleton h={320} aria-busy />}
      {got.isSuccess && setters.map((by) => <Group key={by} by={by} limits={all.filter((l) => l.set_by === by)} />)}
    </Section>
  );
}

function Group({ by, limits }: { by: OrgLimit["set_by"]; limits: OrgLimit[] }) {
  const translator = useT();
  const { t, word } = translator;
  return (
    <Stack gap={4}>
      <Text size="sm" fw={600}>
        {t(`settings.limits.${by}`)}
      </Text>
      <Table aria-label={t(`settings.limits.${by}`)} verticalSpacing={6} horizontalSpacing={0}>
        <Table.Tbody>
          {limits.map((l) => (
            <Table.Tr key={l.name}>
              <Table.Th scope="row" fw={400} fz="sm">
                {word("orglimit", l.name)}
              </Table.Th>
              <Table.Td ta="end" fz="sm" className="still">
                {said(l, translator)}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  );
}

/** A limit in words: "120,000 in 1 min", "3 of 100", "no limit". */
export function said(l: OrgLimit, { t, language }: Pick<Translator, "t" | "language">): string {
  if (!l.most) return t("settings.limits.none");
  const most = count(l.most, language);
  if (l.per_seconds) return t("settings.limits.per", { n: most, time: lasting(l.per_seconds, language) });
  return l.used === undefined ? most : t("settings.limits.used", { used: count(l.used, language), n: most });
}
