import { Alert, Anchor, Button, Code, Group, SegmentedControl, Select, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { IconBook, IconDeviceMobile, IconFileCode, IconKey } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { unpaired } from "@/components/ClientState";
import { CodeBlock } from "@/components/CodeBlock";
import { PageHead } from "@/components/PageHead";
import { Section } from "@/components/Section";
import { TroubleNote } from "@/components/TroubleNote";
import { type Language, languages, type Own, snippet, type Task } from "@/features/developers/snippets";
import { clientsQuery } from "@/lib/clients";
import { phone } from "@/lib/format";
import { type Key, useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { usePocketPhone } from "@/lib/setup";

const someone = "+5511987654321";

/** Code to copy and run, with the ids of who reads it. */
export function Page() {
  const { t } = useT();
  const [language, setLanguage] = useState<Language>("curl");
  const [client, setClient] = useState<string | null>(null);
  const [to, setTo] = useState(someone);
  const clients = useQuery(clientsQuery);
  const all = clients.data?.data ?? [];
  const chosen = client ?? (all.find((c) => !unpaired(c)) ?? all[0])?.id ?? null;
  const own: Own = { api: window.location.origin, client: chosen ?? "cli_…", to: to.replace(/[^+\w@.-]/g, "") || someone };
  return (
    <>
      <PageHead title={t("developers.title")} text={t("developers.text")} />
      <Stack>
        <TroubleNote error={clients.error} />
        <Section title={t("developers.yours")} text={t("developers.yours.text")}>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <Select
              label={t("developers.client")}
              description={t("developers.client.text")}
              value={chosen}
              onChange={setClient}
              data={all.map((c) => ({ value: c.id, label: c.phone ? `${c.name} · ${phone(c.phone)}` : c.name }))}
              placeholder={t("developers.noclient")}
              disabled={all.length === 0}
              allowDeselect={false}
            />
            <TextInput
              label={t("developers.to")}
              description={t("developers.to.text")}
              value={to}
              onChange={(e) => setTo(e.currentTarget.value)}
              type="tel"
            />
          </SimpleGrid>
          {clients.isSuccess && all.length === 0 && (
            <Alert variant="light">
              <Text size="sm" c="var(--mantine-color-text)">
                {t("developers.addfirst")}{" "}
                <Anchor component={Link} to="/clients" inherit fw={600}>
                  {t("developers.add")}
                </Anchor>
              </Text>
            </Alert>
          )}
          <KeyNote />
        </Section>
        <SegmentedControl
          fullWidth
          value={language}
          onChange={(l) => setLanguage(l as Language)}
          data={Object.entries(languages).map(([value, label]) => ({ value, label }))}
          aria-label={t("developers.language")}
        />
        <Example task="send" language={language} own={own} />
        <Example task="receive" language={language} own={own}>
          <Anchor component={Link} to="/webhooks" size="sm" fw={600}>
            {t("developers.hooks")}
          </Anchor>
        </Example>
        <Example task="read" language={language} own={own} />
        <More />
      </Stack>
    </>
  );
}

interface ExampleProps {
  task: Task;
  language: Language;
  own: Own;
  children?: React.ReactNode;
}

function Example({ task, language, own, children }: ExampleProps) {
  const { t } = useT();
  const title = t(`developers.${task}` as Key);
  return (
    <Section title={title} text={t(`developers.${task}.text` as Key)} aside={children}>
      <CodeBlock code={snippet(task, language, own)} label={`${title}, ${languages[language]}`} />
    </Section>
  );
}

function KeyNote() {
  const { t } = useT();
  const allowed = useMay();
  return (
    <Group gap="sm" justify="space-between">
      <Text size="sm" flex={1} miw={240}>
        <Code>$CHASQUI_KEY</Code> {t("developers.key.text")}
      </Text>
      {allowed("keys:read") ? (
        <Button component={Link} to="/keys" variant="default" size="sm" leftSection={<IconKey size={17} aria-hidden />}>
          {t("developers.key")}
        </Button>
      ) : (
        <Text size="sm" c="dimmed">
          {t("developers.key.ask")}
        </Text>
      )}
    </Group>
  );
}

function More() {
  const { t } = useT();
  const pocket = usePocketPhone();
  return (
    <Section title={t("developers.more")} text={t("developers.more.text")}>
      <Group gap="sm">
        <Button component="a" href="/docs" variant="default" leftSection={<IconBook size={18} aria-hidden />}>
          {t("developers.docs")}
        </Button>
        <Button component="a" href="/api/openapi.json" variant="default" leftSection={<IconFileCode size={18} aria-hidden />}>
          {t("developers.openapi")}
        </Button>
        {pocket && (
          <Button
            component="a"
            href={pocket}
            target="_blank"
            rel="noreferrer"
            variant="default"
            leftSection={<IconDeviceMobile size={18} aria-hidden />}
          >
            {t("developers.pocket")}
          </Button>
        )}
      </Group>
    </Section>
  );
}
