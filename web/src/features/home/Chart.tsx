import { Button, Group, SegmentedControl, Select, Skeleton, Stack, Text, VisuallyHidden } from "@mantine/core";
import { IconChartBar, IconTable } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { Figures } from "@/api/generated";
import { Section } from "@/components/Section";
import { TroubleNote } from "@/components/TroubleNote";
import { chartHeight, type View } from "@/features/home/columns";
import { FigureTable } from "@/features/home/FigureTable";
import { figuresQuery } from "@/features/home/queries";
import { firstRange, type Range, ranges, share, sum, windowOf } from "@/features/home/series";
import { count, percent } from "@/lib/format";
import { useT } from "@/lib/i18n";

type Drawer = typeof import("@/features/home/Drawing").default;

// The drawing library is large, and a page is useful before it is there. It does not come by Suspense: React shows
// what was waited for no sooner than 300 ms after it showed the waiting.
function useDrawer(): Drawer | undefined {
  const [drawer, put] = useState<{ is: Drawer }>();
  useEffect(() => {
    let here = true;
    import("@/features/home/Drawing").then(
      (m) => here && put({ is: m.default }),
      (err) =>
        here &&
        put(() => {
          throw err; // what catches errors of the page
        }),
    );
    return () => {
      here = false;
    };
  }, []);
  return drawer?.is;
}

/** Messages over time, as bars or as a table. */
export function Chart() {
  const { t } = useT();
  const [range, setRange] = useState<Range>(firstRange);
  const [view, setView] = useState<View>("traffic");
  const [table, setTable] = useState(false);
  const Drawing = useDrawer();
  const figures = useQuery({ ...figuresQuery(range), placeholderData: keepPreviousData });
  const data = figures.data ?? [];
  const step = windowOf(range, new Date()).step;
  return (
    <Section
      title={t("chart.title")}
      aside={
        <Group gap="xs">
          <Select
            aria-label={t("chart.range")}
            value={range}
            onChange={(r) => r && setRange(r as Range)}
            data={ranges.map((r) => ({ value: r, label: t(`chart.${r}`) }))}
            allowDeselect={false}
            size="xs"
            w={150}
          />
          <Button
            variant="default"
            size="xs"
            leftSection={table ? <IconChartBar size={15} aria-hidden /> : <IconTable size={15} aria-hidden />}
            onClick={() => setTable(!table)}
          >
            {t(table ? "chart.asbars" : "chart.astable")}
          </Button>
        </Group>
      }
    >
      <TroubleNote error={figures.error} />
      <SegmentedControl
        value={view}
        onChange={(v) => setView(v as View)}
        size="xs"
        aria-label={t("chart.view")}
        data={[
          { value: "traffic", label: t("chart.traffic") },
          { value: "fates", label: t("chart.fates") },
        ]}
      />
      <Summary figures={data} />
      {figures.isPending && <Skeleton h={chartHeight} />}
      {figures.isSuccess && table && <FigureTable figures={data} step={step} view={view} />}
      {figures.isSuccess && !table && (
        <>
          {Drawing ? <Drawing figures={data} step={step} view={view} /> : <Skeleton h={chartHeight} />}
          <VisuallyHidden>{t("chart.totable")}</VisuallyHidden>
        </>
      )}
    </Section>
  );
}

/** The chart in a sentence. */
function Summary({ figures }: { figures: Figures[] }) {
  const { t, language } = useT();
  const all = sum(figures);
  const of = (part: number) => {
    const s = share(part, all.sent);
    return s === undefined ? "–" : percent(s, language);
  };
  return (
    <Stack gap={0} role="status">
      <Text size="sm">
        {t("chart.summary", {
          sent: count(all.accepted, language),
          received: count(all.received, language),
          delivered: of(all.delivered),
          read: of(all.read),
          failed: count(all.failed, language),
        })}
      </Text>
    </Stack>
  );
}
