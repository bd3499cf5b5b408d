import { Badge, Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { confirmYourNumber, forgetYourNumber, startConfirmingYourNumber } from "@/api/generated";
import { CodeField, codeLength } from "@/components/CodeField";
import { Confirm } from "@/components/Confirm";
import { FormEnd } from "@/components/FormEnd";
import { Section } from "@/components/Section";
import { TroubleNote } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";
import { ask, fieldTrouble } from "@/lib/trouble";

/** One's own number, to which codes for signing in may go. ending: its last digits, once it is confirmed. */
export function PhoneCard({ ending }: { ending: string | undefined }) {
  const { t } = useT();
  const [dialog, setDialog] = useState<"add" | "forget">();
  const close = () => setDialog(undefined);
  return (
    <Section
      title={t("account.phone")}
      text={t("account.phone.text")}
      aside={
        ending && (
          <Badge color="jade" variant="light" tt="none">
            {t("account.phone.ends", { digits: ending.replace(/\D/g, "").slice(-4) })}
          </Badge>
        )
      }
    >
      <Group gap="xs">
        <Button variant={ending ? "default" : "filled"} onClick={() => setDialog("add")}>
          {t(ending ? "account.phone.change" : "account.phone.add")}
        </Button>
        {ending && (
          <Button variant="default" onClick={() => setDialog("forget")}>
            {t("account.phone.forget")}
          </Button>
        )}
      </Group>
      {dialog === "add" && <Add onClose={close} />}
      {dialog === "forget" && <Forget onClose={close} />}
    </Section>
  );
}

function Forget({ onClose }: { onClose: () => void }) {
  const { t } = useT();
  const cache = useQueryClient();
  const forget = useMutation({
    mutationFn: () => ask(forgetYourNumber()),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: ["me"] });
      onClose();
    },
  });
  return (
    <Confirm
      title={t("account.phone.forget")}
      text={t("account.phone.forget.text")}
      action={t("account.phone.forget")}
      busy={forget.isPending}
      error={forget.error}
      onConfirm={() => forget.mutate()}
      onClose={onClose}
    />
  );
}

/** Asks for the number, then for the code that went there. */
function Add({ onClose }: { onClose: () => void }) {
  const { t } = useT();
  const [phone, setPhone] = useState("");
  const start = useMutation({ mutationFn: () => ask(startConfirmingYourNumber({ body: { phone } })) });
  return (
    <Modal opened onClose={onClose} title={t("account.phone")} centered>
      {start.isSuccess ? (
        <Code phone={phone} onAgain={() => start.mutate()} onClose={onClose} />
      ) : (
        <form
          onSubmit={(e) => {
            e.preventDefault();
            start.mutate();
          }}
        >
          <Stack>
            <TextInput
              label={t("account.phone.number")}
              description={t("account.phone.number.text")}
              placeholder="+55 11 91234 5678"
              type="tel"
              autoComplete="tel"
              value={phone}
              onChange={(e) => setPhone(e.currentTarget.value)}
              error={fieldTrouble(start.error, "body.phone")}
              data-autofocus
              required
              withAsterisk={false}
            />
            <TroubleNote error={start.error} fields={["body.phone"]} />
            <FormEnd does={t("account.phone.send")} busy={start.isPending} onCancel={onClose} />
          </Stack>
        </form>
      )}
    </Modal>
  );
}

function Code({ phone, onAgain, onClose }: { phone: string; onAgain: () => void; onClose: () => void }) {
  const { t } = useT();
  const cache = useQueryClient();
  const [code, setCode] = useState("");
  const confirm = useMutation({
    mutationFn: (text: string) => ask(confirmYourNumber({ body: { code: text } })),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: ["me"] });
      notifications.show({ message: t("account.phone.done"), color: "jade" });
      onClose();
    },
    onError: () => setCode(""),
  });
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        confirm.mutate(code);
      }}
    >
      <Stack>
        <Text size="sm">{t("account.phone.code", { phone })}</Text>
        <CodeField value={code} onChange={setCode} onComplete={(text) => confirm.mutate(text)} autoFocus />
        <TroubleNote error={confirm.error} />
        <Group justify="space-between">
          <Button variant="subtle" onClick={onAgain}>
            {t("account.phone.again")}
          </Button>
          <Button type="submit" disabled={code.length < codeLength} loading={confirm.isPending}>
            {t("account.factor.confirm")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
