import { Alert, Button, Modal, Select, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { inviteSomebody } from "@/api/generated";
import { EmailField } from "@/components/EmailField";
import { FormEnd } from "@/components/FormEnd";
import { Secret } from "@/components/Secret";
import { TroubleNote } from "@/components/TroubleNote";
import { type Role, useGivable } from "@/features/team/roles";
import { useT } from "@/lib/i18n";
import { ask, fieldTrouble } from "@/lib/trouble";

export function Invite({ onClose }: { onClose: () => void }) {
  const { t, word } = useT();
  const cache = useQueryClient();
  const givable = useGivable();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("agent");
  const invite = useMutation({
    mutationFn: () => ask(inviteSomebody({ body: { email, role } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["invitations"] }),
  });
  if (invite.data) {
    return (
      <Modal opened onClose={onClose} title={t("team.invited")} centered size="lg">
        <Stack>
          <Alert>{t(invite.data.mailed ? "team.mailed" : "team.hand", { email: invite.data.email })}</Alert>
          {invite.data.link && <Secret label={t("team.link")} value={invite.data.link} />}
          <Button onClick={onClose}>{t("close")}</Button>
        </Stack>
      </Modal>
    );
  }
  return (
    <Modal opened onClose={onClose} title={t("team.invite")} centered>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          invite.mutate();
        }}
      >
        <Stack>
          <EmailField value={email} onChange={setEmail} error={fieldTrouble(invite.error, "body.email")} autoComplete="off" />
          <Select
            label={t("team.role")}
            description={word("role.text", role, "")}
            data={givable.map((r) => ({ value: r, label: word("role", r) }))}
            value={role}
            onChange={(r) => r && setRole(r as Role)}
            allowDeselect={false}
          />
          {role === "agent" && (
            <Text size="sm" c="dimmed">
              {t("team.invite.agent")}
            </Text>
          )}
          <TroubleNote error={invite.error} fields={["body.email"]} />
          <FormEnd does={t("team.invite.action")} busy={invite.isPending} onCancel={onClose} />
        </Stack>
      </form>
    </Modal>
  );
}
