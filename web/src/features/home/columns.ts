import type { Figures } from "@/api/generated";
import { fateNames, fates } from "@/features/home/series";
import type { Key } from "@/lib/i18n";

/** Of chart and table alike, so that nothing moves between them. */
export const chartHeight = 280;

export type View = "traffic" | "fates";

export interface Column {
  name: string;
  label: Key;
  color: string;
  of: (f: Figures) => number;
}

const traffic: Column[] = [
  { name: "accepted", label: "chart.accepted", color: "jade.6", of: (f) => f.accepted },
  { name: "received", label: "chart.received", color: "blue.5", of: (f) => f.received },
];

const fateColors = { read: "blue.6", delivered: "jade.6", sent: "jade.3", waiting: "gray.5", failed: "red.6" } as const;

const outcome: Column[] = fateNames.map((name) => ({
  name,
  label: `chart.fate.${name}`,
  color: fateColors[name],
  of: (f) => fates(f)[name],
}));

/** What is shown of each hour or day, in a view. */
export const columns = (view: View): Column[] => (view === "traffic" ? traffic : outcome);
