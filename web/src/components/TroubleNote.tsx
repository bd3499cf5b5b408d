import { Alert, Code, CopyButton, Group, Text, UnstyledButton, VisuallyHidden } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { FieldError, Problem } from "@/api/generated";
import { useT } from "@/lib/i18n";
import { Trouble } from "@/lib/trouble";

interface Props {
  error: unknown;
  /** Fields whose message stands beside them, such as "body.name": when nothing else is wrong, that is enough. */
  fields?: readonly string[];
}

/** What went wrong, in the API's own words, with the id that finds it in the logs. */
export function TroubleNote({ error, fields = [] }: Props) {
  const { t } = useT();
  if (!error) return null;
  const problem = error instanceof Trouble ? error.problem : undefined;
  if (problem?.errors?.length && problem.errors.every((f) => fields.includes(f.location))) {
    // Seen at the field; who does not see it hears it.
    return <VisuallyHidden role="alert">{problem.detail}</VisuallyHidden>;
  }
  const unreachable = error instanceof Trouble && !problem;
  const title = problem?.title ?? t(unreachable ? "trouble.unreachable" : "trouble.unknown");
  return (
    <Alert color="red" variant="light" title={title} icon={<IconAlertTriangle />} role="alert">
      <Text size="sm" c="var(--mantine-color-text)">
        {problem?.detail ?? t(unreachable ? "trouble.unreachable.text" : "trouble.unknown.text")}
      </Text>
      {several(problem).map((f) => (
        <Text key={f.location} size="sm" c="var(--mantine-color-text)">
          <Code>{f.location}</Code> {f.message}
        </Text>
      ))}
      {problem?.request_id && <RequestId id={problem.request_id} />}
    </Alert>
  );
}

/** The faults of a request that has more than one; of a single one the detail tells. */
function several(problem: Problem | undefined): FieldError[] {
  const all = problem?.errors ?? [];
  return all.length > 1 ? all : [];
}

function RequestId({ id }: { id: string }) {
  const { t } = useT();
  return (
    <CopyButton value={id}>
      {({ copied, copy }) => (
        <UnstyledButton onClick={copy} mt={6} title={t("copy")}>
          <Group gap={6}>
            <Text size="xs" c="dimmed">
              {copied ? t("copied") : t("trouble.request")}
            </Text>
            <Code fz={11}>{id}</Code>
          </Group>
        </UnstyledButton>
      )}
    </CopyButton>
  );
}

/** Tells in passing that something did not work. */
export function complain(error: unknown): void {
  notifications.show({ color: "red", autoClose: 10_000, message: <TroubleNoteBody error={error} />, withBorder: true });
}

function TroubleNoteBody({ error }: { error: unknown }) {
  const problem = error instanceof Trouble ? error.problem : undefined;
  return (
    <>
      <Text size="sm" fw={600}>
        {problem?.title ?? (error instanceof Error ? error.message : "")}
      </Text>
      <Text size="sm">{problem?.detail}</Text>
      {problem && <Code fz={11}>{problem.request_id}</Code>}
    </>
  );
}
