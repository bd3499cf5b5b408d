import { Alert, NumberInput, SimpleGrid, Stack, Switch, TextInput } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { Limits } from "@/api/generated";
import { Facts } from "@/components/Facts";
import { count, lasting } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { isFaster, limitFields } from "@/lib/limits";
import { fieldTrouble } from "@/lib/trouble";

interface Props {
  value: Limits;
  /** What is kept now: more than that is warned of. */
  now: Limits;
  onChange: (change: Partial<Limits>) => void;
  error: unknown;
  /** Where the limits stand in what is sent, such as "body". */
  under: string;
}

/** Fields for how fast a number may send. */
export function LimitFields({ value, now, onChange, error, under }: Props) {
  const { t } = useT();
  const gaps = [
    ["gap_min_ms", "limits.gap_min"],
    ["gap_max_ms", "limits.gap_max"],
  ] as const;
  return (
    <Stack gap="sm">
      <SimpleGrid cols={3} spacing="xs">
        {limitFields.map((f) => (
          <NumberInput
            key={f}
            label={t(`limits.${f}`)}
            value={value[f] || ""} // a field that was emptied is refused, and never taken for a 1
            onChange={(v) => onChange({ [f]: Number(v) })}
            clampBehavior="none"
            error={fieldTrouble(error, `${under}.${f}`)}
            min={1}
            hideControls
            disabled={!value.enabled}
          />
        ))}
      </SimpleGrid>
      <SimpleGrid cols={2} spacing="xs">
        {gaps.map(([f, label]) => (
          <NumberInput
            key={f}
            label={t(label)}
            value={value[f] < 0 ? "" : value[f] / 1000} // refused when emptied, too: 0 is a pause of its own, and below there is none
            onChange={(v) => onChange({ [f]: v === "" ? -1 : Math.round(Number(v) * 1000) })}
            error={fieldTrouble(error, `${under}.${f}`)}
            min={0}
            decimalScale={1}
            suffix=" s"
            hideControls
            disabled={!value.enabled}
          />
        ))}
      </SimpleGrid>
      <Switch label={t("limits.typing")} checked={value.typing} onChange={(e) => onChange({ typing: e.currentTarget.checked })} />
      <Switch
        label={t("limits.enabled")}
        description={t("limits.enabled.text")}
        checked={value.enabled}
        onChange={(e) => onChange({ enabled: e.currentTarget.checked })}
      />
      {isFaster(value, now) && (
        <Alert color="orange" icon={<IconAlertTriangle />}>
          {t("limits.faster")}
        </Alert>
      )}
    </Stack>
  );
}

interface WhyProps {
  value: string;
  onChange: (reason: string) => void;
  error: unknown;
  /** Where the reason stands in what is sent. */
  at: string;
}

/** Why more may leave than now. The API asks for it beyond the usual pace. */
export function LimitReason({ value, onChange, error, at }: WhyProps) {
  const { t } = useT();
  return (
    <TextInput
      label={t("limits.reason")}
      description={t("limits.reason.text")}
      value={value}
      onChange={(e) => onChange(e.currentTarget.value)}
      error={fieldTrouble(error, at)}
      maxLength={500}
    />
  );
}

/** The names of the fields in what is sent, for who tells what is wrong with them. */
export const limitNames = (under: string) => [...limitFields, "gap_min_ms", "gap_max_ms"].map((f) => `${under}.${f}`);

/** The limits for who may not change them. */
export function LimitFacts({ limits: l }: { limits: Limits }) {
  const { t, language } = useT();
  if (!l.enabled) {
    return (
      <Alert color="orange" icon={<IconAlertTriangle />}>
        {t("limits.disabled")}
      </Alert>
    );
  }
  const seconds = (ms: number) => lasting(ms / 1_000, language);
  return (
    <Facts
      rows={[
        ...limitFields.map((f): [string, string] => [t(`limits.${f}`), count(l[f], language)]),
        [t("limits.gap_min"), seconds(l.gap_min_ms)],
        [t("limits.gap_max"), seconds(l.gap_max_ms)],
      ]}
    />
  );
}
