import { Anchor, Box, Group, Progress, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Overview } from "@/api/generated";
import { Section } from "@/components/Section";
import { count } from "@/lib/format";
import { useT } from "@/lib/i18n";

type Counts = Overview["clients"];

const states = [
  ["connected", "jade.6"],
  ["connecting", "blue.6"],
  ["paused", "gray.7"],
  ["offline", "yellow.7"],
  ["restricted", "orange.6"],
  ["stopped", "red.7"],
  ["banned", "red.9"],
  ["unpaired", "gray.5"],
] as const satisfies readonly (readonly [keyof Counts, string])[];

/** How many numbers are in which state. */
export function Numbers({ counts }: { counts: Counts }) {
  const { t, language } = useT();
  const present = states.filter(([state]) => counts[state] > 0);
  return (
    <Section title={t("home.numbers")}>
      <Progress.Root size="lg" aria-hidden>
        {present.map(([state, color]) => (
          <Progress.Section key={state} value={(100 * counts[state]) / counts.total} color={color} />
        ))}
      </Progress.Root>
      <Stack gap={6} component="ul" m={0} p={0} className="plain">
        {present.map(([state, color]) => (
          <Group key={state} component="li" justify="space-between" wrap="nowrap">
            <Group gap={8} wrap="nowrap">
              <Box w={10} h={10} bg={color} bdrs="xl" aria-hidden />
              <Text size="sm">{t(`home.state.${state}`)}</Text>
            </Group>
            <Text size="sm" fw={600}>
              {count(counts[state], language)}
            </Text>
          </Group>
        ))}
      </Stack>
      <Anchor component={Link} to="/clients" size="sm" w="fit-content">
        {t("home.all")}
      </Anchor>
    </Section>
  );
}
