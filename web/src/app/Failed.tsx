import { Button, Center, Stack, Text, Title } from "@mantine/core";
import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { TroubleNote } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";

/** What stands in for a page that could not be shown. */
export function Failed({ error, reset }: ErrorComponentProps) {
  const { t } = useT();
  const router = useRouter();
  const again = () => {
    reset();
    void router.invalidate();
  };
  return (
    <Center mih="60dvh" p="md">
      <Stack maw={460} w="100%">
        <TroubleNote error={error} />
        <Button onClick={again} variant="default">
          {t("again")}
        </Button>
      </Stack>
    </Center>
  );
}

/** What stands at addresses where there is nothing. */
export function Missing() {
  const { t } = useT();
  return (
    <Center mih="60dvh" p="md">
      <Stack align="center" gap="xs">
        <Title order={1}>{t("missing.title")}</Title>
        <Text c="dimmed">{t("missing.text")}</Text>
        <Button component={Link} to="/">
          {t("missing.home")}
        </Button>
      </Stack>
    </Center>
  );
}
