import "@mantine/charts/styles.css";
import { BarChart } from "@mantine/charts";
import { Box } from "@mantine/core";
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

/** The bars. Who cannot see them has the sentence above and the table. */
export default function Drawing({ figures, step, view }: Props) {
  const { t, language } = useT();
  const shown = columns(view);
  const data = figures.map((f) => ({
    at: bucketName(f.at, step, language),
    ...Object.fromEntries(shown.map((c) => [c.name, c.of(f)])),
  }));
  return (
    <Box aria-hidden>
      <BarChart
        key={view}
        h={chartHeight}
        data={data}
        dataKey="at"
        type={view === "fates" ? "stacked" : "default"}
        series={shown.map((c) => ({ name: c.name, label: t(c.label), color: c.color }))}
        valueFormatter={(n) => count(n, language)}
        maxBarWidth={28}
        tickLine="none"
        withLegend
        legendProps={{ verticalAlign: "bottom", itemSorter: null }}
        accessibilityLayer={false}
        yAxisProps={{ allowDecimals: false, width: 44 }}
        xAxisProps={{ minTickGap: 24 }}
        barProps={{ isAnimationActive: false }}
      />
    </Box>
  );
}
