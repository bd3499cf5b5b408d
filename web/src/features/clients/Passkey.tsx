import { Alert, Anchor, Button, Code, CopyButton, Group, List, Loader, Stack, Text, Textarea, Title } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answerAPairingPasskeyRequest, confirmAPairingCode, type PairingView } from "@/api/generated";
import { CodeBlock } from "@/components/CodeBlock";
import { TroubleNote } from "@/components/TroubleNote";
import { passkeyPage, readAnswer, snippet } from "@/features/clients/assertion";
import { Countdown } from "@/features/clients/Countdown";
import { useT } from "@/lib/i18n";
import { usePocketPhone } from "@/lib/setup";
import { ask, fieldTrouble } from "@/lib/trouble";

interface Props {
  view: PairingView;
  client: string;
  /** Begins another attempt. */
  onAgain: () => void;
}

/** The step with the account's passkey: first its answer, then, if the phone wants it, a code to compare. */
export function Passkey({ view, client, onAgain }: Props) {
  return view.confirm_code ? (
    <Compare code={view.confirm_code} until={view.expires_at} client={client} onOther={onAgain} />
  ) : (
    <Answer view={view} client={client} />
  );
}

/** How to make the passkey's answer where it can be made, and a place to paste it. */
function Answer({ view, client }: { view: PairingView; client: string }) {
  const { t } = useT();
  return (
    <Stack gap="md">
      <Stack gap={4}>
        <Title order={3} fz={17}>
          {t("pair.passkey")}
        </Title>
        <Text size="sm">{t("pair.passkey.why")}</Text>
        {view.expires_at && <Countdown until={view.expires_at} lapsed={t("pair.passkey.lapsed")} />}
      </Stack>
      <List type="ordered" size="sm" spacing="sm">
        <List.Item>
          {t("pair.passkey.1")}{" "}
          <Anchor href={passkeyPage} target="_blank" rel="noreferrer" fw={600} c="var(--mantine-color-text)" underline="always">
            {new URL(passkeyPage).host}
          </Anchor>
        </List.Item>
        <List.Item>{t("pair.passkey.2")}</List.Item>
        <List.Item>
          <Lines text={snippet(view.passkey)} />
        </List.Item>
        <List.Item>{t("pair.passkey.4")}</List.Item>
      </List>
      <PocketHint />
      <Paste client={client} />
    </Stack>
  );
}

/** The lines for the console: to copy, and to read for whoever wants to know what they do. */
function Lines({ text }: { text: string }) {
  const { t } = useT();
  return (
    <Stack gap={6} align="flex-start">
      <span>{t("pair.passkey.3")}</span>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Button
            size="compact-md"
            variant="default"
            leftSection={copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
            onClick={copy}
          >
            {t(copied ? "copied" : "pair.passkey.copy")}
          </Button>
        )}
      </CopyButton>
      <details>
        <summary>{t("pair.passkey.show")}</summary>
        <CodeBlock code={text} label={t("pair.passkey.lines")} wrap />
      </details>
    </Stack>
  );
}

function Paste({ client }: { client: string }) {
  const { t } = useT();
  const [pasted, setPasted] = useState("");
  const [unreadable, setUnreadable] = useState(false);
  const answer = useMutation({
    mutationFn: (response: unknown) => ask(answerAPairingPasskeyRequest({ path: { client }, body: { response } })),
  });
  const trouble = unreadable ? t("pair.passkey.unreadable") : fieldTrouble(answer.error, "body.response");
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        const read = readAnswer(pasted);
        setUnreadable(!read);
        if (read) answer.mutate(read, { onSuccess: () => setPasted("") });
      }}
    >
      <Stack gap="sm">
        <Textarea
          label={t("pair.passkey.answer")}
          placeholder='{"id":"…'
          value={pasted}
          onChange={(e) => {
            setPasted(e.currentTarget.value);
            setUnreadable(false);
          }}
          error={trouble}
          rows={4}
          autoComplete="off"
          spellCheck={false}
          required
          withAsterisk={false}
        />
        <TroubleNote error={answer.error} fields={["body.response"]} />
        <Group>
          <Button type="submit" loading={answer.isPending}>
            {t("pair.passkey.send")}
          </Button>
          {answer.isSuccess && <Waits text={t("pair.passkey.sent")} />}
        </Group>
      </Stack>
    </form>
  );
}

function Waits({ text }: { text: string }) {
  return (
    <Group gap="xs" role="status">
      <Loader size="xs" />
      <Text size="sm" c="dimmed">
        {text}
      </Text>
    </Group>
  );
}

/** The phone shows a code too; the person says that they are the same. */
function Compare({ code, until, client, onOther }: { code: string; until: string | undefined; client: string; onOther: () => void }) {
  const { t } = useT();
  const confirm = useMutation({ mutationFn: () => ask(confirmAPairingCode({ path: { client } })) });
  return (
    <Stack align="center" py="lg">
      <Title order={3}>{t("pair.passkey.compare")}</Title>
      <Text c="dimmed" ta="center" maw={420}>
        {t("pair.passkey.compare.text")}
      </Text>
      <Code fz={34} fw={700} px="lg" py="md">
        {code}
      </Code>
      {until && <Countdown until={until} lapsed={t("pair.passkey.lapsed")} />}
      <TroubleNote error={confirm.error} />
      {confirm.isSuccess ? (
        <Waits text={t("pair.passkey.linking")} />
      ) : (
        <Group justify="center">
          <Button variant="default" onClick={onOther} disabled={confirm.isPending}>
            {t("pair.passkey.other")}
          </Button>
          <Button onClick={() => confirm.mutate()} loading={confirm.isPending}>
            {t("pair.passkey.same")}
          </Button>
        </Group>
      )}
    </Stack>
  );
}

/** On a machine for trying things out: the simulated phone answers for the browser. */
function PocketHint() {
  const { t } = useT();
  const pocket = usePocketPhone();
  if (!pocket) return null;
  return (
    <Alert p="sm">
      <Text size="sm" c="var(--mantine-color-text)">
        {t("pair.passkey.dev")}
      </Text>
      <Anchor href={pocket} target="_blank" rel="noreferrer" size="sm" fw={600} c="var(--mantine-color-text)" underline="always">
        {t("pair.phone.dev.open")}
      </Anchor>
    </Alert>
  );
}
