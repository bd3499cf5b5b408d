import { Badge, Button, Card, Group, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Invitation, revokeAnInvitation } from "@/api/generated";
import { Confirm } from "@/components/Confirm";
import { TroubleNote } from "@/components/TroubleNote";
import { invitationsQuery } from "@/features/team/queries";
import { useGivable } from "@/features/team/roles";
import { moment } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

// For how long one may still wonder why somebody never came.
const remembered = 14 * 86_400_000;

/** Reports how an invitation stands that nobody has taken; undefined when it is of no interest any more. */
export function standing(i: Invitation, now = Date.now()): "open" | "expired" | undefined {
  if (i.accepted_at || i.revoked_at) return undefined;
  const left = Date.parse(i.expires_at) - now;
  if (left > 0) return "open";
  return left > -remembered ? "expired" : undefined;
}

/** The invitations that nobody has taken yet. */
export function Invitations() {
  const { t } = useT();
  const list = useQuery(invitationsQuery);
  const shown = (list.data?.data ?? []).filter((i) => standing(i));
  return (
    <>
      <TroubleNote error={list.error} />
      {shown.length > 0 && (
        <Card withBorder radius="lg" p={0} component="section" aria-label={t("team.open")}>
          <Title order={2} fz={16} px="lg" pt="md" pb="xs">
            {t("team.open")}
          </Title>
          {shown.map((i) => (
            <Invited key={i.id} invitation={i} />
          ))}
        </Card>
      )}
    </>
  );
}

function Invited({ invitation: i }: { invitation: Invitation }) {
  const { t, word, language } = useT();
  const cache = useQueryClient();
  const givable = useGivable();
  const [asking, setAsking] = useState(false);
  const revoke = useMutation({
    mutationFn: () => ask(revokeAnInvitation({ path: { invitation: i.id } })),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: ["invitations"] });
      setAsking(false);
    },
  });
  const open = standing(i) === "open";
  return (
    <Group px="lg" py="sm" wrap="nowrap" justify="space-between">
      <Stack gap={0} miw={0}>
        <Text fw={550} truncate>
          {i.email}
        </Text>
        <Text size="sm" c="dimmed">
          {[
            word("role", i.role),
            i.invited_by && t("team.by", { who: i.invited_by }),
            open && t("team.until", { when: moment(i.expires_at, language) }),
          ]
            .filter(Boolean)
            .join(" · ")}
        </Text>
      </Stack>
      {!open && (
        <Badge color="gray" tt="none" style={{ flexShrink: 0 }}>
          {t("team.expired")}
        </Badge>
      )}
      {open && givable.includes(i.role) && (
        <Button size="xs" variant="default" onClick={() => setAsking(true)} style={{ flexShrink: 0 }}>
          {t("team.revoke")}
        </Button>
      )}
      {asking && (
        <Confirm
          title={t("team.revoke.title")}
          text={t("team.revoke.text", { email: i.email })}
          action={t("team.revoke")}
          busy={revoke.isPending}
          error={revoke.error}
          onConfirm={() => revoke.mutate()}
          onClose={() => setAsking(false)}
        />
      )}
    </Group>
  );
}
