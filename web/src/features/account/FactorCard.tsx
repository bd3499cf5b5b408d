import { Badge, Button, Group } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { makeNewRecoveryCodes, takeYourSecondFactorsAway } from "@/api/generated";
import { Confirm } from "@/components/Confirm";
import { Section } from "@/components/Section";
import { RecoveryCodes } from "@/features/account/RecoveryCodes";
import { SetUpFactor } from "@/features/account/SetUpFactor";
import { useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

/** The authenticator app and the codes for when it is lost. */
export function FactorCard({ on }: { on: boolean }) {
  const { t } = useT();
  const [dialog, setDialog] = useState<"set" | "stop" | "codes">();
  const close = () => setDialog(undefined);
  return (
    <Section
      title={t("account.factor")}
      text={t("account.factor.text")}
      aside={
        <Badge color={on ? "jade" : "gray"} variant="light" tt="none">
          {t(on ? "account.factor.on" : "account.factor.off")}
        </Badge>
      }
    >
      <Group gap="xs">
        {!on && <Button onClick={() => setDialog("set")}>{t("account.factor.start")}</Button>}
        {on && (
          <>
            <Button variant="default" onClick={() => setDialog("codes")}>
              {t("account.codes.new")}
            </Button>
            <Button variant="default" onClick={() => setDialog("stop")}>
              {t("account.factor.stop")}
            </Button>
          </>
        )}
      </Group>
      {dialog === "set" && <SetUpFactor onClose={close} />}
      {dialog === "stop" && <Stop onClose={close} />}
      {dialog === "codes" && <NewCodes onClose={close} />}
    </Section>
  );
}

function Stop({ onClose }: { onClose: () => void }) {
  const { t } = useT();
  const cache = useQueryClient();
  const stop = useMutation({
    mutationFn: () => ask(takeYourSecondFactorsAway()),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: ["me"] });
      onClose();
    },
  });
  return (
    <Confirm
      title={t("account.factor.stop")}
      text={t("account.factor.stop.text")}
      action={t("account.factor.stop")}
      busy={stop.isPending}
      error={stop.error}
      onConfirm={() => stop.mutate()}
      onClose={onClose}
    />
  );
}

function NewCodes({ onClose }: { onClose: () => void }) {
  const { t } = useT();
  const make = useMutation({ mutationFn: () => ask(makeNewRecoveryCodes()) });
  if (make.data) return <RecoveryCodes codes={make.data.recovery_codes ?? []} onClose={onClose} />;
  return (
    <Confirm
      title={t("account.codes.new")}
      text={t("account.codes.new.text")}
      action={t("account.codes.make")}
      busy={make.isPending}
      error={make.error}
      onConfirm={() => make.mutate()}
      onClose={onClose}
    />
  );
}
