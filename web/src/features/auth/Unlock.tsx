import { Alert, Button, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { unlockAnAccountByAMailedLink } from "@/api/generated";
import { Door, linkToken } from "@/components/Door";
import { TroubleNote } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

export function Page() {
  const { t } = useT();
  const [token] = useState(linkToken);
  const go = useMutation({ mutationFn: () => ask(unlockAnAccountByAMailedLink({ body: { token } })) });
  return (
    <Door title={t("unlock.title")} text={t("unlock.text")}>
      <Stack>
        {go.isSuccess ? (
          <>
            <Alert role="status">{t("unlock.done")}</Alert>
            <Button component={Link} to="/sign-in">
              {t("signin.action")}
            </Button>
          </>
        ) : (
          <>
            <TroubleNote error={go.error} />
            <Button onClick={() => go.mutate()} loading={go.isPending}>
              {t("unlock.action")}
            </Button>
          </>
        )}
      </Stack>
    </Door>
  );
}
