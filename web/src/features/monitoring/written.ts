import { count, percent } from "@/lib/format";

export type Unit = "count" | "share" | "ms" | "bytes" | "percent";

const steps = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** A figure with its unit: "12,345", "99.2%", "85 ms", "1.2 MB". Shares are 0 to 1, percents 0 to 100 a core. */
export function written(value: number, unit: Unit, language: string): string {
  switch (unit) {
    case "share":
      return percent(value, language);
    case "percent":
      return withUnit(value, "percent", language, value < 10 ? 1 : 0);
    case "ms":
      return value < 10_000 ? withUnit(value, "millisecond", language, value < 10 ? 1 : 0) : withUnit(value / 1_000, "second", language, 0);
    case "bytes": {
      const step = value < 1 ? 0 : Math.min(steps.length - 1, Math.floor(Math.log(value) / Math.log(1_000)));
      return withUnit(value / 1_000 ** step, steps[step] ?? "byte", language, 1);
    }
    default:
      return count(value, language);
  }
}

function withUnit(value: number, unit: string, language: string, digits: number): string {
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits }).format(value);
}
