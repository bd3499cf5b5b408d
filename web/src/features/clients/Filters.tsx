import { Chip, Group, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import type { Client } from "@/api/generated";
import { groupOf, groups, type Group as Kind } from "@/features/clients/groups";
import { useT } from "@/lib/i18n";

export interface Wanted {
  text: string;
  group: Kind | "all";
}

interface Props {
  all: Client[];
  wanted: Wanted;
  onChange: (w: Wanted) => void;
}

/** Picks some of many numbers by what they are called and how they stand. */
export function Filters({ all, wanted, onChange }: Props) {
  const { t } = useT();
  const count = (g: Kind) => all.filter((c) => groupOf(c) === g).length;
  const offered = groups.filter((g) => g === wanted.group || count(g) > 0);
  return (
    <Group mb="md" gap="sm">
      <TextInput
        type="search"
        value={wanted.text}
        onChange={(e) => onChange({ ...wanted, text: e.currentTarget.value })}
        placeholder={t("clients.search")}
        aria-label={t("clients.search")}
        leftSection={<IconSearch size={16} aria-hidden />}
        w={{ base: "100%", sm: 260 }}
      />
      <Chip.Group value={wanted.group} onChange={(g) => onChange({ ...wanted, group: g as Wanted["group"] })}>
        <Group gap={6} role="radiogroup" aria-label={t("clients.filter")}>
          <Chip value="all" size="sm">
            {t("clients.group", { group: t("clients.group.all"), count: all.length })}
          </Chip>
          {offered.map((g) => (
            <Chip key={g} value={g} size="sm">
              {t("clients.group", { group: t(`clients.group.${g}`), count: count(g) })}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
    </Group>
  );
}
