import { Group, Stack, Text, ThemeIcon } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useT } from "@/lib/i18n";

interface Props {
  n: number;
  done: boolean;
  /** The first that is not done: only this one says how. */
  current: boolean;
  title: string;
  text: string;
  /** What to press. */
  children: ReactNode;
}

/** One of the first steps. */
export function Step({ n, done, current, title, text, children }: Props) {
  const { t } = useT();
  return (
    <Group component="li" gap="md" wrap="nowrap" align="flex-start" aria-current={current ? "step" : undefined}>
      <ThemeIcon size={34} radius="xl" variant={done || current ? "filled" : "default"} aria-hidden>
        {done ? <IconCheck size={19} /> : n}
      </ThemeIcon>
      <Stack gap={4} flex={1} miw={0} pt={5}>
        <Text fw={600} c={done ? "dimmed" : undefined}>
          {title}
          {done && ` · ${t("start.done")}`}
        </Text>
        {current && (
          <>
            <Text size="sm" c="dimmed">
              {text}
            </Text>
            <Group gap="sm" mt={4}>
              {children}
            </Group>
          </>
        )}
      </Stack>
    </Group>
  );
}
