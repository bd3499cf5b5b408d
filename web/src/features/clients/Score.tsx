import { Group, Popover, RingProgress, Stack, Text, UnstyledButton } from "@mantine/core";
import type { ClientHealth } from "@/api/generated";
import { scoreColor } from "@/features/clients/condition";
import { count, percent } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { said } from "@/lib/said";

/** A number's health as a ring; opened, it says what it is made of. */
export function Score({ health, size = 46 }: { health: ClientHealth; size?: number }) {
  const { t } = useT();
  return (
    <Popover width={320} position="bottom-end" withArrow shadow="md">
      <Popover.Target>
        <UnstyledButton aria-label={t("health.open", { score: health.score })}>
          <Ring score={health.score} size={size} />
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown>
        <Text fw={600} size="sm" mb="xs">
          {t("health.score", { score: health.score })}
        </Text>
        <Inputs inputs={health.inputs} />
      </Popover.Dropdown>
    </Popover>
  );
}

export function Ring({ score, size }: { score: number; size: number }) {
  return (
    <RingProgress
      size={size}
      thickness={Math.max(4, size / 11)}
      roundCaps={score > 0}
      sections={[{ value: score, color: scoreColor(score) }]}
      label={
        <Text ta="center" fw={700} fz={size / 3.8} lh={1}>
          {score}
        </Text>
      }
      aria-hidden
    />
  );
}

/** What a score is made of: each input, what it stands at, and the points that it costs. */
export function Inputs({ inputs }: { inputs: ClientHealth["inputs"] }) {
  const { t, word } = useT();
  if (inputs.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t("health.noinputs")}
      </Text>
    );
  }
  return (
    <Stack gap="xs">
      {inputs.map((i) => (
        <Input key={i.name} input={i} label={word("health.input", i.name, i.name.replaceAll("_", " "))} />
      ))}
    </Stack>
  );
}

function Input({ input: i, label }: { input: ClientHealth["inputs"][number]; label: string }) {
  const words = useT();
  const { t, language } = words;
  return (
    <Group justify="space-between" wrap="nowrap" align="flex-start" gap="md">
      <Stack gap={0} miw={0}>
        <Text size="sm">{i.name === "state" ? label : `${label}: ${measured(i.value, i.unit, language)}`}</Text>
        {i.cost > 0 && i.name !== "state" && (
          <Text size="xs" c="dimmed">
            {said(i.note, words)}
          </Text>
        )}
      </Stack>
      {i.cost > 0 ? (
        <Text size="sm" fw={600} c="var(--mantine-color-error)" style={{ flexShrink: 0 }}>
          {t("health.cost", { cost: i.cost, weight: i.weight })}
        </Text>
      ) : (
        <Text size="sm" c="dimmed" style={{ flexShrink: 0 }}>
          {t("health.fine")}
        </Text>
      )}
    </Group>
  );
}

const measured = (value: number, unit: string, language: string) => (unit === "ratio" ? percent(value, language) : count(value, language));
