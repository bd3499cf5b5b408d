import { Anchor, Button, Modal, PasswordInput, Stack, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { proveAnewWhoYouAre } from "@/api/generated";
import { CodeField } from "@/components/CodeField";
import { TroubleNote } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";
import { meQuery } from "@/lib/me";
import { enter, setProver } from "@/lib/session";
import { ask } from "@/lib/trouble";

/** Asks who one is again where the API wants a recent proof: for the password, or a code of the authenticator app. */
export function StepUp() {
  const { t } = useT();
  const [done, setDone] = useState<(proved: boolean) => void>();
  useEffect(() => setProver(() => new Promise((resolve) => setDone(() => resolve))), []);
  const finish = (proved: boolean) => {
    done?.(proved);
    setDone(undefined);
  };
  return (
    <Modal opened={done !== undefined} onClose={() => finish(false)} title={t("stepup.title")} centered zIndex={400}>
      <Proof onProved={() => finish(true)} />
    </Modal>
  );
}

function Proof({ onProved }: { onProved: () => void }) {
  const { t } = useT();
  // Asked for nowhere here: who has no session is not asked for a proof.
  const me = useQuery({ ...meQuery, enabled: false }).data;
  const [byCode, setByCode] = useState(false);
  const [text, setText] = useState("");
  const prove = useMutation({
    mutationFn: (proof: string) => ask(proveAnewWhoYouAre({ body: byCode ? { method: "totp", code: proof } : { password: proof } })),
    onSuccess: (answer) => {
      enter(answer);
      onProved();
    },
    onError: () => byCode && setText(""),
  });
  const turn = () => {
    setByCode((now) => !now);
    setText("");
    prove.reset();
  };
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        prove.mutate(text);
      }}
    >
      <Stack>
        <Text size="sm">{t(byCode ? "stepup.code" : "stepup.text")}</Text>
        {byCode ? (
          <CodeField value={text} onChange={setText} onComplete={(code) => prove.mutate(code)} autoFocus />
        ) : (
          <PasswordInput
            key="password"
            label={t("password")}
            value={text}
            onChange={(e) => setText(e.currentTarget.value)}
            autoComplete="current-password"
            data-autofocus
            required
          />
        )}
        <TroubleNote error={prove.error} />
        <Button type="submit" loading={prove.isPending}>
          {t("stepup.action")}
        </Button>
        {me?.user?.second_factor && (
          <Anchor component="button" type="button" size="sm" onClick={turn}>
            {t(byCode ? "stepup.use.password" : "stepup.use.code")}
          </Anchor>
        )}
      </Stack>
    </form>
  );
}
