import { Alert, Modal, MultiSelect, Skeleton, Stack, Switch, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Assignment, changeWhatAPersonLooksAfter, type User } from "@/api/generated";
import { FormEnd } from "@/components/FormEnd";
import { TroubleNote } from "@/components/TroubleNote";
import { assignmentsQuery } from "@/features/team/queries";
import { useT } from "@/lib/i18n";
import { numberName, useNumbers } from "@/lib/numbers";
import { ask } from "@/lib/trouble";

/** Which numbers an agent answers for. */
export function Assignments({ user: u, onClose }: { user: User; onClose: () => void }) {
  const { t } = useT();
  const now = useQuery(assignmentsQuery(u.id));
  return (
    <Modal opened onClose={onClose} title={t("team.numbers.of", { name: u.name || u.email })} centered>
      <TroubleNote error={now.error} />
      {now.isPending && <Skeleton h={160} />}
      {now.data && <Form user={u} now={now.data} onClose={onClose} />}
    </Modal>
  );
}

function Form({ user: u, now, onClose }: { user: User; now: Assignment; onClose: () => void }) {
  const { t } = useT();
  const cache = useQueryClient();
  const numbers = useNumbers();
  const [clients, setClients] = useState(now.clients ?? []);
  const [own, setOwn] = useState(now.own_chats);
  const save = useMutation({
    mutationFn: () => ask(changeWhatAPersonLooksAfter({ path: { user: u.id }, body: { clients, own_chats: own } })),
    onSuccess: (answer) => {
      cache.setQueryData(assignmentsQuery(u.id).queryKey, answer);
      void cache.invalidateQueries({ queryKey: ["assigned"] });
      void cache.invalidateQueries({ queryKey: ["users"] });
      notifications.show({ message: t("saved"), color: "jade" });
      onClose();
    },
  });
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        save.mutate();
      }}
    >
      <Stack>
        <Text size="sm" c="dimmed">
          {t("team.numbers.text")}
        </Text>
        <MultiSelect
          label={t("team.numbers")}
          data={numbers.map((c) => ({ value: c.id, label: numberName(c) }))}
          value={clients}
          onChange={setClients}
          searchable
          clearable
          hidePickedOptions
          clearButtonProps={{ "aria-label": t("team.numbers.clear") }}
          nothingFoundMessage={t("team.numbers.nothing")}
          data-autofocus
        />
        {clients.length === 0 && <Alert color="orange">{t("team.numbers.none")}</Alert>}
        <Switch label={t("team.own")} description={t("team.own.text")} checked={own} onChange={(e) => setOwn(e.currentTarget.checked)} />
        <TroubleNote error={save.error} />
        <FormEnd does={t("save")} busy={save.isPending} onCancel={onClose} />
      </Stack>
    </form>
  );
}
