import { Card, Group, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  title: string;
  text?: string;
  /** Stands beside the title: a button, a badge. */
  aside?: ReactNode;
  children?: ReactNode;
}

/** One subject of a page, with its own heading. */
export function Section({ title, text, aside, children }: Props) {
  return (
    <Card withBorder radius="lg" p="lg" component="section" aria-label={title}>
      <Stack gap="md">
        <Group justify="space-between" align="flex-start" gap="sm">
          <Stack gap={2} flex={1} miw={220}>
            <Title order={2} fz={18}>
              {title}
            </Title>
            {text && (
              <Text size="sm" c="dimmed">
                {text}
              </Text>
            )}
          </Stack>
          {aside}
        </Group>
        {children}
      </Stack>
    </Card>
  );
}
