import { Paper, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import type { ComponentType, ReactNode } from "react";

interface Props {
  icon: ComponentType<{ size?: number; stroke?: number }>;
  title: string;
  text: string;
  children?: ReactNode;
}

/** What stands where there is nothing yet: what it is for, and what to do. */
export function Empty({ icon: Icon, title, text, children }: Props) {
  return (
    <Paper withBorder p="xl" radius="lg">
      <Stack align="center" gap="sm" py="lg">
        <ThemeIcon size={64} radius={32} variant="light">
          <Icon size={32} stroke={1.5} />
        </ThemeIcon>
        <Title order={3} ta="center">
          {title}
        </Title>
        <Text c="dimmed" ta="center" maw={440}>
          {text}
        </Text>
        {children}
      </Stack>
    </Paper>
  );
}
