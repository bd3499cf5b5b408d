import { Anchor, Button, Group, MultiSelect, Skeleton, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { assignAClientToPeople, type Client, type User } from "@/api/generated";
import { Avatar } from "@/components/Avatar";
import { FormEnd } from "@/components/FormEnd";
import { Section } from "@/components/Section";
import { TroubleNote } from "@/components/TroubleNote";
import { agentsQuery, assignedQuery } from "@/features/clients/queries";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { ask } from "@/lib/trouble";

/** Which agents answer for a number. */
export function AgentsCard({ client }: { client: Client }) {
  const { t } = useT();
  const allowed = useMay()("users:write");
  const [changing, setChanging] = useState(false);
  const assigned = useQuery(assignedQuery(client.id));
  const agents = useQuery(agentsQuery);
  const all = agents.data?.data ?? [];
  const ids = assigned.data?.users ?? [];
  const ready = assigned.isSuccess && agents.isSuccess;
  return (
    <Section
      title={t("agents.title")}
      text={t("agents.text")}
      aside={
        allowed &&
        ready &&
        all.length > 0 &&
        !changing && (
          <Button size="xs" variant="default" onClick={() => setChanging(true)}>
            {t("agents.change")}
          </Button>
        )
      }
    >
      <TroubleNote error={assigned.error ?? agents.error} />
      {!ready && !assigned.error && !agents.error && <Skeleton h={40} />}
      {ready && changing && <Form client={client} all={all} ids={ids} onClose={() => setChanging(false)} />}
      {ready && !changing && <Assigned people={all.filter((u) => ids.includes(u.id))} any={all.length > 0} />}
    </Section>
  );
}

function Assigned({ people, any }: { people: User[]; any: boolean }) {
  const { t } = useT();
  if (people.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t(any ? "agents.none" : "agents.nobody")}{" "}
        {!any && (
          <Anchor component={Link} to="/team" size="sm" underline="always">
            {t("agents.invite")}
          </Anchor>
        )}
      </Text>
    );
  }
  return (
    <Group gap="md">
      {people.map((u) => (
        <Group key={u.id} gap={8} wrap="nowrap" miw={0}>
          <Avatar name={u.name || u.email} size={28} />
          <Text size="sm" truncate>
            {u.name || u.email}
          </Text>
        </Group>
      ))}
    </Group>
  );
}

function Form({ client, all, ids, onClose }: { client: Client; all: User[]; ids: string[]; onClose: () => void }) {
  const { t } = useT();
  const cache = useQueryClient();
  const [chosen, setChosen] = useState(ids.filter((id) => all.some((u) => u.id === id)));
  const save = useMutation({
    mutationFn: () => ask(assignAClientToPeople({ path: { client: client.id }, body: { users: chosen } })),
    onSuccess: (answer) => {
      cache.setQueryData(assignedQuery(client.id).queryKey, answer);
      void cache.invalidateQueries({ queryKey: ["assignments"] });
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
      <Stack gap="sm">
        <MultiSelect
          label={t("agents.who")}
          data={all.map((u) => ({ value: u.id, label: u.name ? `${u.name} · ${u.email}` : u.email }))}
          value={chosen}
          onChange={setChosen}
          searchable
          clearable
          hidePickedOptions
          clearButtonProps={{ "aria-label": t("agents.clear") }}
          nothingFoundMessage={t("agents.nothing")}
        />
        <TroubleNote error={save.error} />
        <FormEnd does={t("save")} busy={save.isPending} onCancel={onClose} />
      </Stack>
    </form>
  );
}
