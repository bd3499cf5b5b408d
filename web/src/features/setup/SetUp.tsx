import { Anchor, Button, PasswordInput, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { setTheInstallationUp } from "@/api/generated";
import { Door, linkToken } from "@/components/Door";
import { EmailField } from "@/components/EmailField";
import { TroubleNote } from "@/components/TroubleNote";
import { tokenIn } from "@/features/setup/token";
import { useT } from "@/lib/i18n";
import { enter } from "@/lib/session";
import { setupQuery } from "@/lib/setup";
import { ask, fieldTrouble } from "@/lib/trouble";

export function Page() {
  const { t } = useT();
  const state = useQuery(setupQuery);
  if (state.data && !state.data.needed) return <Done />;
  return (
    <Door title={t("setup.title")} text={t("setup.text")}>
      <TroubleNote error={state.error} />
      {state.isPending && <Skeleton h={360} />}
      {state.data?.needed && <Form />}
    </Door>
  );
}

function Form() {
  const { t } = useT();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [linked] = useState(linkToken);
  const [pasted, setPasted] = useState("");
  const [organisation, setOrganisation] = useState("");
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const create = useMutation({
    mutationFn: () => ask(setTheInstallationUp({ body: { token: linked || tokenIn(pasted), organisation, name, email, password } })),
    onSuccess: (answer) => {
      enter(answer);
      cache.removeQueries({ queryKey: ["setup"] });
      void navigate({ to: "/" });
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    create.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        {!linked && (
          <TextInput
            label={t("setup.link")}
            description={t("setup.link.text")}
            value={pasted}
            onChange={(e) => setPasted(e.currentTarget.value)}
            autoComplete="off"
            required
            withAsterisk={false}
          />
        )}
        <TextInput
          label={t("setup.organisation")}
          description={t("setup.organisation.text")}
          value={organisation}
          onChange={(e) => setOrganisation(e.currentTarget.value)}
          error={fieldTrouble(create.error, "body.organisation")}
          maxLength={100}
          autoComplete="organization"
          autoFocus={Boolean(linked)}
          required
          withAsterisk={false}
        />
        <TextInput
          label={t("name")}
          value={name}
          onChange={(e) => setName(e.currentTarget.value)}
          error={fieldTrouble(create.error, "body.name")}
          maxLength={100}
          autoComplete="name"
          required
          withAsterisk={false}
        />
        <EmailField value={email} onChange={setEmail} error={fieldTrouble(create.error, "body.email")} autoFocus={false} />
        <PasswordInput
          label={t("password")}
          description={t("password.rule")}
          value={password}
          onChange={(e) => setPassword(e.currentTarget.value)}
          error={fieldTrouble(create.error, "body.password")}
          autoComplete="new-password"
          required
          withAsterisk={false}
        />
        <TroubleNote error={create.error} fields={["body.organisation", "body.name", "body.email", "body.password"]} />
        <Button type="submit" size="md" loading={create.isPending}>
          {t("setup.action")}
        </Button>
        <Text size="xs" c="dimmed" ta="center">
          {t("setup.note")}
        </Text>
      </Stack>
    </form>
  );
}

/** For who comes again by the link: it opens nothing any more. */
function Done() {
  const { t } = useT();
  return (
    <Door title={t("setup.done")} text={t("setup.done.text")}>
      <Button component={Link} to="/sign-in" size="md">
        {t("signin.action")}
      </Button>
      <Anchor component={Link} to="/forgot" size="sm" ta="center">
        {t("signin.forgot")}
      </Anchor>
    </Door>
  );
}
