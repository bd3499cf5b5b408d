import { Button, PasswordInput, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { acceptAnInvitation, readAnInvitation } from "@/api/generated";
import { Door, linkToken } from "@/components/Door";
import { TroubleNote } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";
import { enter } from "@/lib/session";
import { ask, fieldTrouble } from "@/lib/trouble";

export function Page() {
  const { t, word } = useT();
  const navigate = useNavigate();
  const [token] = useState(linkToken);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const invitation = useQuery({ queryKey: ["invitation", token], queryFn: () => ask(readAnInvitation({ body: { token } })), retry: false });
  const accept = useMutation({
    mutationFn: () => ask(acceptAnInvitation({ body: { token, name, password } })),
    onSuccess: (answer) => {
      enter(answer);
      void navigate({ to: "/" });
    },
  });
  const i = invitation.data;
  return (
    <Door
      title={i ? t("accept.title", { org: i.org }) : t("accept.loading")}
      text={i && t("accept.text", { by: i.invited_by, role: word("role", i.role) })}
    >
      <TroubleNote error={invitation.error} />
      {invitation.isPending && <Skeleton h={180} />}
      {i && (
        <form
          onSubmit={(e) => {
            e.preventDefault();
            accept.mutate();
          }}
        >
          <Stack>
            <TextInput label={t("email")} value={i.email} readOnly autoComplete="username" />
            <TextInput
              label={t("name")}
              value={name}
              onChange={(e) => setName(e.currentTarget.value)}
              error={fieldTrouble(accept.error, "body.name")}
              autoComplete="name"
              maxLength={100}
              autoFocus
              required
              withAsterisk={false}
            />
            <PasswordInput
              label={t("password")}
              description={t("password.rule")}
              value={password}
              onChange={(e) => setPassword(e.currentTarget.value)}
              error={fieldTrouble(accept.error, "body.password")}
              autoComplete="new-password"
              required
              withAsterisk={false}
            />
            <TroubleNote error={accept.error} fields={["body.name", "body.password"]} />
            <Button type="submit" size="md" loading={accept.isPending}>
              {t("accept.action")}
            </Button>
            <Text size="xs" c="dimmed" ta="center">
              {t("accept.note")}
            </Text>
          </Stack>
        </form>
      )}
    </Door>
  );
}
