import { Alert, Button, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { haveALinkForANewPasswordMailed } from "@/api/generated";
import { Door } from "@/components/Door";
import { EmailField } from "@/components/EmailField";
import { TroubleNote } from "@/components/TroubleNote";
import { BackToSignIn } from "@/features/auth/BackToSignIn";
import { useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

export function Page() {
  const { t } = useT();
  const [email, setEmail] = useState("");
  const go = useMutation({ mutationFn: () => ask(haveALinkForANewPasswordMailed({ body: { email } })) });
  return (
    <Door title={t("forgot.title")} text={t("forgot.text")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          go.mutate();
        }}
      >
        <Stack>
          {go.isSuccess ? (
            <Alert role="status">{t("forgot.sent")}</Alert>
          ) : (
            <>
              <EmailField value={email} onChange={setEmail} />
              <TroubleNote error={go.error} />
              <Button type="submit" size="md" loading={go.isPending}>
                {t("forgot.action")}
              </Button>
            </>
          )}
          <BackToSignIn />
        </Stack>
      </form>
    </Door>
  );
}
