import { Group, Stack, Text } from "@mantine/core";
import { type Unit, written } from "@/features/monitoring/written";
import { type Key, useT } from "@/lib/i18n";

export interface MeasureProps {
  label: Key;
  value: number | null | undefined;
  /** What there can be at most. */
  of?: number | null | undefined;
  unit: Unit;
  /** Why there is no figure, when there is none. */
  why: Key;
}

/** One figure; where there is none, a dash and why. */
export function Measure({ label, value, of, unit, why }: MeasureProps) {
  const { t, language } = useT();
  const known = value !== null && value !== undefined;
  return (
    <Group justify="space-between" wrap="nowrap" align="baseline" gap="md">
      <Text component="dt" size="sm" c="dimmed">
        {t(label)}
      </Text>
      <Stack component="dd" m={0} gap={0} align="flex-end">
        <Text fw={650}>
          {known ? written(value, unit, language) : "–"}
          {known && of ? (
            <Text span size="sm" c="dimmed" fw={400}>
              {" / "}
              {written(of, unit, language)}
            </Text>
          ) : null}
        </Text>
        {!known && (
          <Text size="xs" c="dimmed" ta="end">
            {t(why)}
          </Text>
        )}
      </Stack>
    </Group>
  );
}
