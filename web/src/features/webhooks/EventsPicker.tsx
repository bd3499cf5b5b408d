import { Badge, Box, Checkbox, Group, Input, Paper, Skeleton, Stack, Switch, Text, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { TroubleNote } from "@/components/TroubleNote";
import { type EventType, type Family, families, found, strangers, takenBy, toggle } from "@/features/webhooks/picker";
import { catalogueQuery } from "@/features/webhooks/queries";
import { useT } from "@/lib/i18n";

interface Props {
  value: string[];
  onChange: (patterns: string[]) => void;
  error?: string | undefined;
}

/** Picks events from the catalogue: everything, whole families, single ones. */
export function EventsPicker({ value, onChange, error }: Props) {
  const { t, word } = useT();
  const got = useQuery(catalogueQuery);
  const [wanted, setWanted] = useState("");
  const catalogue = (got.data?.data ?? []).map((e) => ({ ...e, description: word("event", e.type, e.description) }));
  const flip = (pattern: string) => onChange(toggle(value, pattern, catalogue));
  return (
    <Input.Wrapper label={t("hooks.events")} description={t("hooks.events.text")} error={error} labelElement="div">
      <Stack gap="xs" mt="xs">
        <Switch label={t("hooks.all")} checked={value.includes("*")} onChange={() => flip("*")} />
        <TextInput
          aria-label={t("hooks.events.find")}
          placeholder={t("hooks.events.find")}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={wanted}
          onChange={(e) => setWanted(e.currentTarget.value)}
        />
        <TroubleNote error={got.error} />
        {got.isPending && <Skeleton h={260} />}
        <Paper withBorder p="sm" mah={300} className="picker" role="group" aria-label={t("hooks.events")}>
          <Stack gap="md">
            {found(families(catalogue), wanted).map((f) => (
              <FamilyRows key={f.name} family={f} value={value} onFlip={flip} />
            ))}
            {strangers(value, catalogue).map((p) => (
              <Checkbox key={p} checked label={p} onChange={() => flip(p)} />
            ))}
          </Stack>
        </Paper>
      </Stack>
    </Input.Wrapper>
  );
}

function FamilyRows({ family: f, value, onFlip }: { family: Family; value: string[]; onFlip: (pattern: string) => void }) {
  const { t, word } = useT();
  const whole = value.includes("*") || value.includes(f.all);
  return (
    <Box>
      <Checkbox
        label={
          <Text span fw={600} size="sm">
            {t("hooks.family", { name: word("family", f.name) })}{" "}
            <Text span size="xs" c="dimmed">
              {f.all}
            </Text>
          </Text>
        }
        checked={whole}
        indeterminate={!whole && f.types.some((type) => takenBy(value, type))}
        disabled={value.includes("*")}
        onChange={() => onFlip(f.all)}
      />
      <Stack gap={6} mt={6} pl="lg">
        {f.types.map((type) => (
          <TypeRow key={type.type} type={type} value={value} onFlip={onFlip} />
        ))}
      </Stack>
    </Box>
  );
}

function TypeRow({ type, value, onFlip }: { type: EventType; value: string[]; onFlip: (pattern: string) => void }) {
  const { t } = useT();
  const by = takenBy(value, type);
  return (
    <Checkbox
      size="xs"
      label={
        <Group gap={6} component="span">
          {type.type}
          {type.opt_in && (
            <Badge size="xs" variant="default" tt="none" component="span">
              {t("hooks.optin")}
            </Badge>
          )}
        </Group>
      }
      description={type.description}
      checked={by !== undefined}
      disabled={by !== undefined && by !== type.type}
      onChange={() => onFlip(type.type)}
    />
  );
}
