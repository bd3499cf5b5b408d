import { Button, Card, Group, Stack, Text, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { getTheSecretThatSignsCallbacks, makeANewSecretForCallbacks } from "@/api/generated";
import { Secret } from "@/components/Secret";
import { TroubleNote } from "@/components/TroubleNote";
import { Rotate } from "@/features/webhooks/Rotate";
import { useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

/** The secret of the addresses that messages name themselves. */
export function CallbackSecret() {
  const { t } = useT();
  const [rotating, setRotating] = useState(false);
  // A mutation, not a query: it asks for the password, and nothing keeps the answer.
  const show = useMutation({ mutationFn: () => ask(getTheSecretThatSignsCallbacks()) });
  return (
    <Card withBorder radius="lg" p="lg" mt="lg">
      <Stack gap="sm">
        <Title order={2} fz={18}>
          {t("hooks.callback")}
        </Title>
        <Text size="sm" c="dimmed">
          {t("hooks.callback.text")}
        </Text>
        {show.data && <Secret label={t("hooks.secret")} value={show.data.secret} />}
        <TroubleNote error={show.error} />
        <Group gap="xs">
          {show.data ? (
            <Button variant="default" onClick={() => show.reset()}>
              {t("hooks.callback.hide")}
            </Button>
          ) : (
            <Button variant="default" onClick={() => show.mutate()} loading={show.isPending}>
              {t("hooks.callback.show")}
            </Button>
          )}
          <Button variant="default" onClick={() => setRotating(true)}>
            {t("hooks.rotate")}
          </Button>
        </Group>
      </Stack>
      {rotating && (
        <Rotate
          title={t("hooks.rotate")}
          text={t("hooks.rotate.text")}
          rotate={(overlap_seconds) => makeANewSecretForCallbacks({ body: { overlap_seconds } })}
          onClose={() => {
            show.reset();
            setRotating(false);
          }}
        />
      )}
    </Card>
  );
}
