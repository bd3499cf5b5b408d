import { Accordion, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getThePermissionTable } from "@/api/generated";
import { TroubleNote } from "@/components/TroubleNote";
import { roles } from "@/features/team/roles";
import { useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

/** What each role may do, as the API has it. */
export function RoleTable() {
  const { t, word } = useT();
  const got = useQuery({ queryKey: ["permissions"], queryFn: () => ask(getThePermissionTable()), staleTime: Number.POSITIVE_INFINITY });
  return (
    <Accordion variant="separated" radius="lg">
      <Accordion.Item value="roles">
        <Accordion.Control>{t("team.table")}</Accordion.Control>
        <Accordion.Panel>
          <TroubleNote error={got.error} />
          <Table.ScrollContainer minWidth={560}>
            <Table fz="sm">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t("team.table.what")}</Table.Th>
                  {roles.map((r) => (
                    <Table.Th key={r}>{word("role", r)}</Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {Object.entries(got.data?.data ?? {}).map(([name, grant]) => (
                  <Table.Tr key={name}>
                    <Table.Td>
                      {word("team.may", name, word("scope", name, grant.does))}
                      {grant.step_up && (
                        <Text size="xs" c="dimmed">
                          {t("team.table.proof")}
                        </Text>
                      )}
                    </Table.Td>
                    {roles.map((r) => (
                      <Table.Td key={r}>
                        <Text size="sm" c={String(grant[r]) === "none" ? "dimmed" : undefined}>
                          {word("reach", String(grant[r]))}
                        </Text>
                      </Table.Td>
                    ))}
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  );
}
