import { Anchor, Button, Stack, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { type Challenge, giveASecondFactor, haveAOneTimeCodeSentByWhatsApp, type SignedIn } from "@/api/generated";
import { CodeField } from "@/components/CodeField";
import { Door } from "@/components/Door";
import { TroubleNote } from "@/components/TroubleNote";
import { type Key, useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

type Method = "totp" | "recovery_code" | "whatsapp";

interface Props {
  challenge: Challenge;
  onDone: (a: SignedIn) => void;
  onBack: () => void;
}

/** The second question of signing in. */
export function Factor({ challenge, onDone, onBack }: Props) {
  const { t } = useT();
  const methods = challenge.methods as Method[];
  const [method, setMethod] = useState<Method>(methods[0] ?? "totp");
  const [code, setCode] = useState("");
  const give = useMutation({
    mutationFn: (text: string) => ask(giveASecondFactor({ body: { challenge: challenge.challenge, method, code: text } })),
    onSuccess: onDone,
    onError: () => setCode(""),
  });
  const order = useMutation({ mutationFn: () => ask(haveAOneTimeCodeSentByWhatsApp({ body: { challenge: challenge.challenge } })) });
  const choose = (m: Method) => {
    setMethod(m);
    setCode("");
    give.reset();
    if (m === "whatsapp") order.mutate();
  };
  return (
    <Door title={t("factor.title")} text={t(`factor.${method}` as Key)}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          give.mutate(code);
        }}
      >
        <Stack>
          {method === "recovery_code" ? (
            <TextInput
              label={t("factor.recovery")}
              value={code}
              onChange={(e) => setCode(e.currentTarget.value)}
              autoFocus
              required
              autoComplete="off"
            />
          ) : (
            <CodeField key={method} value={code} onChange={setCode} onComplete={(text) => give.mutate(text)} autoFocus />
          )}
          <TroubleNote error={give.error ?? order.error} />
          <Button type="submit" size="md" loading={give.isPending}>
            {t("signin.action")}
          </Button>
          {methods
            .filter((m) => m !== method)
            .map((m) => (
              <Anchor key={m} component="button" type="button" size="sm" onClick={() => choose(m)}>
                {t(`factor.use.${m}` as Key)}
              </Anchor>
            ))}
          <Anchor component="button" type="button" size="sm" c="dimmed" onClick={onBack}>
            {t("back")}
          </Anchor>
        </Stack>
      </form>
    </Door>
  );
}
