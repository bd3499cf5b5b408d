import { Stack, Text } from "@mantine/core";
import { CodeBlock } from "@/components/CodeBlock";
import { useT } from "@/lib/i18n";
import { pretty } from "@/lib/pretty";

/** A body with its headers, as text whatever it holds. The body is copied as it is, not as it is laid out. */
export function Letter({ headers, body }: { headers: string; body: string }) {
  const { t } = useT();
  return (
    <Stack gap="xs">
      {body ? (
        <CodeBlock label={t("deliveries.body")} code={pretty(body)} copied={body} wrap />
      ) : (
        <Text size="sm" c="dimmed">
          {t("deliveries.body.none")}
        </Text>
      )}
      {headers && (
        <details>
          <summary>{t("deliveries.headers")}</summary>
          <CodeBlock label={t("deliveries.headers")} code={headers} wrap />
        </details>
      )}
    </Stack>
  );
}
