import { ScrollArea, Table } from "@mantine/core";
import type { Figures } from "@/api/generated";
import { chartHeight, columns, type View } from "@/features/home/columns";
import { bucketName, type Window } from "@/features/home/series";
import { count } from "@/lib/format";
import { useT } from "@/lib/i18n";

interface Props {
  figures: Figures[];
  step: Window["step"];
  view: View;
}

/** The chart's figures, the newest first. */
export function FigureTable({ figures, step, view }: Props) {
  const { t, language } = useT();
  const shown = columns(view);
  return (
    <ScrollArea h={chartHeight} viewportProps={{ tabIndex: 0, role: "region", "aria-label": t("chart.title") }}>
      <Table striped stickyHeader>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t(step === "hour" ? "chart.hour" : "chart.day")}</Table.Th>
            {shown.map((c) => (
              <Table.Th key={c.name} ta="end">
                {t(c.label)}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {figures.toReversed().map((f) => (
            <Table.Tr key={f.at}>
              <Table.Th scope="row" fw={400}>
                {bucketName(f.at, step, language)}
              </Table.Th>
              {shown.map((c) => (
                <Table.Td key={c.name} ta="end">
                  {count(c.of(f), language)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ScrollArea>
  );
}
