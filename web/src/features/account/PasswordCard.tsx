import { Button, PasswordInput, Stack } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { changeYourPassword } from "@/api/generated";
import { FormEnd } from "@/components/FormEnd";
import { Section } from "@/components/Section";
import { TroubleNote } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";
import { ask, fieldTrouble } from "@/lib/trouble";

/** Changes the password; a form only for who wants to. */
export function PasswordCard({ email }: { email: string }) {
  const { t } = useT();
  const [changing, setChanging] = useState(false);
  return (
    <Section
      title={t("password")}
      text={t("account.password.text")}
      aside={
        !changing && (
          <Button variant="default" onClick={() => setChanging(true)}>
            {t("account.password.change")}
          </Button>
        )
      }
    >
      {changing && <Form email={email} onClose={() => setChanging(false)} />}
    </Section>
  );
}

function Form({ email, onClose }: { email: string; onClose: () => void }) {
  const { t } = useT();
  const cache = useQueryClient();
  const [old, setOld] = useState("");
  const [password, setPassword] = useState("");
  const save = useMutation({
    mutationFn: () => ask(changeYourPassword({ body: { old_password: old, password } })),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: ["sessions"] });
      notifications.show({ message: t("account.password.done"), color: "jade" });
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
        {/* For password managers: whose password this is. */}
        <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />
        <PasswordInput
          label={t("account.password.old")}
          value={old}
          onChange={(e) => setOld(e.currentTarget.value)}
          error={fieldTrouble(save.error, "body.old_password")}
          autoComplete="current-password"
          autoFocus
          required
          withAsterisk={false}
        />
        <PasswordInput
          label={t("password.new")}
          description={t("password.rule")}
          value={password}
          onChange={(e) => setPassword(e.currentTarget.value)}
          error={fieldTrouble(save.error, "body.password")}
          autoComplete="new-password"
          required
          withAsterisk={false}
        />
        <TroubleNote error={save.error} fields={["body.old_password", "body.password"]} />
        <FormEnd does={t("account.password.change")} busy={save.isPending} onCancel={onClose} />
      </Stack>
    </form>
  );
}
