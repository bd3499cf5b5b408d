import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { deleteYourAccount } from "@/api/generated";
import { Confirm } from "@/components/Confirm";
import { Section } from "@/components/Section";
import { useT } from "@/lib/i18n";
import { leave } from "@/lib/session";
import { ask } from "@/lib/trouble";

/** The way out for good. */
export function LeaveCard({ email }: { email: string }) {
  const { t } = useT();
  const [sure, setSure] = useState(false);
  const go = useMutation({ mutationFn: () => ask(deleteYourAccount()), onSuccess: leave });
  return (
    <Section
      title={t("account.leave")}
      text={t("account.leave.text")}
      aside={
        <Button variant="default" c="var(--mantine-color-error)" onClick={() => setSure(true)}>
          {t("account.leave.action")}
        </Button>
      }
    >
      {sure && (
        <Confirm
          title={t("account.leave.action")}
          text={t("account.leave.sure")}
          action={t("account.leave.action")}
          type={email}
          busy={go.isPending}
          error={go.error}
          onConfirm={() => go.mutate()}
          onClose={() => setSure(false)}
        />
      )}
    </Section>
  );
}
