import { Button, Modal, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { confirmAnAuthenticatorApp, startSettingUpAnAuthenticatorApp } from "@/api/generated";
import { CodeField } from "@/components/CodeField";
import { QR } from "@/components/QR";
import { Secret } from "@/components/Secret";
import { TroubleNote } from "@/components/TroubleNote";
import { RecoveryCodes } from "@/features/account/RecoveryCodes";
import { useT } from "@/lib/i18n";
import { refresh } from "@/lib/session";
import { ask } from "@/lib/trouble";

/** Links an authenticator app, then shows the recovery codes this once. */
export function SetUpFactor({ onClose }: { onClose: () => void }) {
  const { t } = useT();
  const cache = useQueryClient();
  const [code, setCode] = useState("");
  // Asking makes a new secret: once per dialog, and kept nowhere.
  const [turn] = useState(() => crypto.randomUUID());
  const app = useQuery({
    queryKey: ["totp", turn],
    queryFn: () => ask(startSettingUpAnAuthenticatorApp()),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  const confirm = useMutation({
    mutationFn: (text: string) => ask(confirmAnAuthenticatorApp({ body: { code: text } })),
    onError: () => setCode(""),
  });
  const finish = async () => {
    await refresh(); // the token says that a second factor was due
    await cache.invalidateQueries({ queryKey: ["me"] });
    onClose();
  };
  const codes = confirm.data?.recovery_codes;
  if (codes) return <RecoveryCodes codes={codes} onClose={() => void finish()} />;
  return (
    <Modal opened onClose={onClose} title={t("account.factor")} centered>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          confirm.mutate(code);
        }}
      >
        <Stack>
          <TroubleNote error={app.error} />
          <Text size="sm">{t("account.factor.scan")}</Text>
          {app.data && (
            <Stack align="center">
              <QR text={app.data.url} label={t("account.factor.qr")} size={200} />
              <Secret label={t("account.factor.type")} value={app.data.secret} />
            </Stack>
          )}
          <Text size="sm">{t("account.factor.code")}</Text>
          <CodeField value={code} onChange={setCode} onComplete={(text) => confirm.mutate(text)} />
          <TroubleNote error={confirm.error} />
          <Button type="submit" loading={confirm.isPending}>
            {t("account.factor.confirm")}
          </Button>
        </Stack>
      </form>
    </Modal>
  );
}
