import {
  Alert,
  Anchor,
  Button,
  Center,
  Code,
  CopyButton,
  Group,
  List,
  Loader,
  Modal,
  SegmentedControl,
  Stack,
  Text,
  TextInput,
  ThemeIcon,
  Title,
  VisuallyHidden,
} from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Client, PairingView } from "@/api/generated";
import { QR } from "@/components/QR";
import { TroubleNote } from "@/components/TroubleNote";
import { Countdown } from "@/features/clients/Countdown";
import { Passkey } from "@/features/clients/Passkey";
import { type Attempt, type Method, usePairing } from "@/features/clients/usePairing";
import { phone as written } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { said } from "@/lib/said";
import { usePocketPhone } from "@/lib/setup";

/** Links a number with a phone. */
export function Pairing({ client, onClose }: { client: Client; onClose: () => void }) {
  const { t } = useT();
  const [method, setMethod] = useState<Method>("qr");
  const [phone, setPhone] = useState("");
  const [wanted, setWanted] = useState<string>(); // the number that was submitted
  const [turn, setTurn] = useState(0);
  const wish = method === "qr" ? { method, turn } : wanted ? { method, phone: wanted, turn } : undefined;
  const { attempt, giveUp } = usePairing(client.id, wish);
  const paired = attempt.step === "paired";
  const close = () => {
    giveUp();
    onClose();
  };
  return (
    <Modal
      opened
      onClose={close}
      title={
        paired ? (
          <VisuallyHidden>{t("pair.title", { name: client.name })}</VisuallyHidden>
        ) : (
          <Text fw={650}>{t("pair.title", { name: client.name })}</Text>
        )
      }
      size="lg" // not centred: it grows when the code comes, and would jump
      withCloseButton={!paired}
    >
      {paired ? (
        <Paired client={attempt.client} onClose={close} />
      ) : (
        <Stack>
          <SegmentedControl
            fullWidth
            value={method}
            onChange={(m) => {
              setMethod(m as Method);
              setWanted(undefined);
              setTurn((n) => n + 1);
            }}
            data={[
              { value: "qr", label: t("pair.qr") },
              { value: "code", label: t("pair.code") },
            ]}
          />
          {method === "code" && !wanted ? (
            <form
              onSubmit={(e) => {
                e.preventDefault();
                setWanted(phone);
                setTurn((n) => n + 1);
              }}
            >
              <Stack>
                <TextInput
                  label={t("pair.phone")}
                  description={t("pair.phone.text")}
                  placeholder="+55 11 91234 5678"
                  type="tel"
                  value={phone}
                  onChange={(e) => setPhone(e.currentTarget.value)}
                  data-autofocus
                  required
                  withAsterisk={false}
                />
                <Button type="submit">{t("pair.phone.action")}</Button>
              </Stack>
            </form>
          ) : (
            <Progress
              attempt={attempt}
              client={client.id}
              method={method}
              onAgain={() => {
                setWanted(undefined);
                setTurn((n) => n + 1);
              }}
            />
          )}
        </Stack>
      )}
    </Modal>
  );
}

function Progress({ attempt, client, method, onAgain }: { attempt: Attempt; client: string; method: Method; onAgain: () => void }) {
  const words = useT();
  const { t } = words;
  switch (attempt.step) {
    case "shown":
      return <Shown view={attempt.view} method={method} />;
    case "passkey":
      return <Passkey view={attempt.view} client={client} onAgain={onAgain} />;
    case "failed":
    case "refused":
      return (
        <Stack align="center" py="xl">
          {attempt.step === "failed" ? (
            <>
              <Title order={3}>{t("pair.failed")}</Title>
              <Text c="dimmed">{said(attempt.reason, words)}</Text>
            </>
          ) : (
            <TroubleNote error={attempt.error} />
          )}
          <Button onClick={onAgain}>{t("again")}</Button>
        </Stack>
      );
    default:
      return (
        <Center h={300}>
          <Stack align="center">
            <Loader aria-label={t("pair.starting")} />
            <Text size="sm" c="dimmed">
              {t("pair.starting")}
            </Text>
          </Stack>
        </Center>
      );
  }
}

function Shown({ view, method }: { view: PairingView; method: Method }) {
  const { t } = useT();
  const code = view.code ?? "";
  return (
    <Group align="center" justify="center" gap="xl" wrap="wrap">
      <Stack align="center" gap="sm">
        {method === "qr" ? (
          <QR text={view.qr ?? ""} label={t("pair.qr.label")} />
        ) : (
          <PhoneCode code={code.includes("-") ? code : `${code.slice(0, 4)}-${code.slice(4)}`} />
        )}
        {view.expires_at && <Countdown until={view.expires_at} />}
      </Stack>
      <Stack gap="xs" maw={250}>
        <Title order={3} fz={17}>
          {t("pair.how")}
        </Title>
        <List type="ordered" size="sm" spacing={6}>
          <List.Item>{t("pair.how.1")}</List.Item>
          <List.Item>{t("pair.how.2")}</List.Item>
          <List.Item>{t(method === "qr" ? "pair.how.3.qr" : "pair.how.3.code")}</List.Item>
        </List>
        <PocketHint />
      </Stack>
    </Group>
  );
}

/** On a machine for trying things out: where the simulated phone is. */
function PocketHint() {
  const { t } = useT();
  const pocket = usePocketPhone();
  if (!pocket) return null;
  return (
    <Alert p="sm" mt="xs">
      <Text size="sm" c="var(--mantine-color-text)">
        {t("pair.phone.dev")}
      </Text>
      <Anchor href={pocket} target="_blank" rel="noreferrer" size="sm" fw={600} c="var(--mantine-color-text)" underline="always">
        {t("pair.phone.dev.open")}
      </Anchor>
    </Alert>
  );
}

/** The code to enter on the phone; copied, it can be pasted there. */
function PhoneCode({ code }: { code: string }) {
  const { t } = useT();
  return (
    <CopyButton value={code}>
      {({ copied, copy }) => (
        <Stack align="center" gap="xs">
          <Code
            fz={34}
            fw={700}
            px="lg"
            py="md"
            role="img"
            aria-label={`${t("pair.code.label")}: ${code}`}
            style={{ letterSpacing: "0.12em" }}
          >
            {code}
          </Code>
          <Button size="compact-sm" variant="subtle" leftSection={<IconCopy size={15} />} onClick={copy}>
            {t(copied ? "copied" : "copy")}
          </Button>
        </Stack>
      )}
    </CopyButton>
  );
}

function Paired({ client, onClose }: { client: Client; onClose: () => void }) {
  const { t } = useT();
  return (
    <Stack align="center" py="xl" role="status">
      <ThemeIcon size={84} radius={42} color="jade">
        <IconCheck size={48} stroke={2} />
      </ThemeIcon>
      <Title order={2} ta="center">
        {t("pair.done", { name: client.name })}
      </Title>
      <Text c="dimmed" ta="center">
        {t("pair.done.text", { phone: written(client.phone) })}
      </Text>
      <Group>
        <Button variant="default" onClick={onClose}>
          {t("pair.done.close")}
        </Button>
        <Button component={Link} to="/inbox">
          {t("pair.done.inbox")}
        </Button>
      </Group>
    </Stack>
  );
}
