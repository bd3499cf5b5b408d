import { Checkbox, Input, Paper, Skeleton, Stack, Switch, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getThePermissionTable } from "@/api/generated";
import { TroubleNote } from "@/components/TroubleNote";
import { everything, givable, type Scope, toggleScope } from "@/features/keys/scopes";
import { useT } from "@/lib/i18n";
import { useMe } from "@/lib/me";
import { ask } from "@/lib/trouble";

interface Props {
  value: string[];
  onChange: (scopes: string[]) => void;
  error?: string | undefined;
}

/** Picks what a key may do, from what the API lets keys do. */
export function ScopePicker({ value, onChange, error }: Props) {
  const { t, word } = useT();
  const me = useMe();
  const got = useQuery({ queryKey: ["permissions"], queryFn: () => ask(getThePermissionTable()), staleTime: Number.POSITIVE_INFINITY });
  const groups = givable(got.data?.data ?? {}, me);
  const all = value.includes(everything);
  const flip = (name: string) => onChange(toggleScope(value, name));
  return (
    <Input.Wrapper label={t("keys.scopes")} description={t("keys.scopes.text")} error={error} labelElement="div">
      <Stack gap="xs" mt="xs">
        <Switch label={t("scope.admin")} description={t("scope.admin.text")} checked={all} onChange={() => flip(everything)} />
        <TroubleNote error={got.error} />
        {got.isPending && <Skeleton h={280} />}
        <Paper withBorder p="sm" mah={320} className="picker" role="group" aria-label={t("keys.scopes")}>
          <Stack gap="md">
            {groups.map((g) => (
              <Stack key={g.name} gap={6}>
                <Text size="sm" fw={600}>
                  {word("scopes", g.name)}
                </Text>
                {g.scopes.map((s) => (
                  <Row key={s.name} scope={s} checked={all || value.includes(s.name)} disabled={all} onFlip={flip} />
                ))}
              </Stack>
            ))}
          </Stack>
        </Paper>
      </Stack>
    </Input.Wrapper>
  );
}

function Row({
  scope: s,
  checked,
  disabled,
  onFlip,
}: {
  scope: Scope;
  checked: boolean;
  disabled: boolean;
  onFlip: (name: string) => void;
}) {
  const { word } = useT();
  return (
    <Checkbox
      size="xs"
      label={word("scope", s.name, s.does)}
      description={s.name}
      checked={checked}
      disabled={disabled}
      onChange={() => onFlip(s.name)}
    />
  );
}
