import { Box, Center, Group, Paper, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { Brand } from "@/components/Brand";
import { LanguageMenu } from "@/components/LanguageMenu";

/** The frame of the pages before the session. */
export function Door({ title, text, children }: { title: string; text?: string; children: ReactNode }) {
  return (
    <Box component="main" mih="100dvh" pos="relative">
      <Box pos="absolute" top={12} right={12}>
        <LanguageMenu />
      </Box>
      <Center mih="100dvh" p="md">
        <Stack w="100%" maw={400} gap="lg">
          <Group justify="center">
            <Brand size={40} />
          </Group>
          <Paper withBorder p={{ base: "lg", xs: "xl" }} radius="lg" shadow="sm">
            <Stack gap="md">
              <Stack gap={4}>
                <Title order={1} fz={24}>
                  {title}
                </Title>
                {text && (
                  <Text size="sm" c="dimmed">
                    {text}
                  </Text>
                )}
              </Stack>
              {children}
            </Stack>
          </Paper>
        </Stack>
      </Center>
    </Box>
  );
}

/** The token of the link that led here; it stays out of logs because it is behind the #. */
export function linkToken(): string {
  return new URLSearchParams(window.location.hash.slice(1)).get("token") ?? "";
}
