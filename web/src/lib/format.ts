// How facts are written for people: in their language and their time zone.

/** A phone number in groups: "+55 11 91234 5678". Other text stays as it is. */
export function phone(p: string | undefined): string {
  if (!p || !/^\+?\d{7,15}$/.test(p)) return p ?? "";
  const digits = p.replace("+", "");
  const country = countryLength(digits);
  const rest = digits.slice(country);
  const area = digits.startsWith("55") ? 2 : 3; // Brazil's are written in two
  const parts = [rest.slice(0, area), rest.slice(area, -4), rest.slice(-4)];
  return `+${digits.slice(0, country)} ${(rest.length > 8 ? parts : [rest.slice(0, -4), rest.slice(-4)]).join(" ")}`;
}

const short = new Set(["1", "7", "20", "27"]);

// Calling codes of one and two digits; the others have three.
function countryLength(digits: string): number {
  const one = digits.slice(0, 1);
  const two = digits.slice(0, 2);
  if (short.has(one)) return 1;
  if (short.has(two) || /^(3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])/.test(two)) return 2;
  return 3;
}

const day = 86_400_000;

// Spanish may be Mexico's: the browser knows how its region writes times.
function regional(language: string): string {
  return globalThis.navigator?.languages?.find((l) => l.toLowerCase().startsWith(language.toLowerCase())) ?? language;
}

/** A moment in a list: the time today, the weekday of the days just gone, else the date. */
export function moment(iso: string | undefined, language: string, now = new Date()): string {
  if (!iso) return "";
  const at = new Date(iso);
  if (sameDay(at, now)) return at.toLocaleTimeString(regional(language), { hour: "2-digit", minute: "2-digit" });
  const age = now.getTime() - at.getTime();
  // A weekday means the last one: of what is still to come only the date is clear.
  if (age >= 0 && age < 6 * day) return at.toLocaleDateString(regional(language), { weekday: "short" });
  return at.toLocaleDateString(regional(language), {
    day: "numeric",
    month: "short",
    year: at.getFullYear() === now.getFullYear() ? undefined : "numeric",
  });
}

/** The whole moment, for titles and details. */
export function when(iso: string | undefined, language: string): string {
  return iso ? new Date(iso).toLocaleString(regional(language), { dateStyle: "medium", timeStyle: "short" }) : "";
}

const spans = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

/** How long ago something was: "3 minutes ago". What is younger than a minute is now. */
export function ago(iso: string, language: string, now = Date.now()): string {
  const write = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const seconds = Math.max(0, (now - Date.parse(iso)) / 1_000);
  const [unit, length] = spans.find(([, length]) => seconds >= length) ?? ["second", Number.POSITIVE_INFINITY];
  return write.format(-Math.floor(seconds / length), unit);
}

/** How long something takes or has waited: "45 sec", "2 hr 5 min". */
export function lasting(seconds: number, language: string): string {
  const write = (n: number, unit: string) => new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(n);
  const at = spans.findIndex(([, length]) => seconds >= length);
  const [unit, length] = spans[at] ?? ["second", 1];
  const whole = Math.floor(seconds / length);
  const [below, part] = (at >= 0 && spans[at + 1]) || ["", 1];
  const rest = below ? Math.floor((seconds - whole * length) / part) : 0;
  return rest > 0 ? `${write(whole, unit)} ${write(rest, below)}` : write(whole, unit);
}

/** A number with the separators of the language. */
export function count(n: number, language: string): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(n);
}

/** A share of 0 to 1 in percent; one that is not whole is never written as such. */
export function percent(share: number, language: string): string {
  const shown = share < 1 ? Math.min(share, 0.999) : 1;
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: shown > 0.99 && shown < 1 ? 1 : 0 }).format(shown);
}

export function clock(iso: string, language: string): string {
  return new Date(iso).toLocaleTimeString(regional(language), { hour: "2-digit", minute: "2-digit" });
}

/** A day in few letters, for axes and tables. */
export function dayShort(iso: string, language: string): string {
  return new Date(iso).toLocaleDateString(regional(language), { day: "numeric", month: "short" });
}

/** The time with its seconds, for what is looked at again and again. */
export function second(at: number, language: string): string {
  return new Date(at).toLocaleTimeString(regional(language));
}

export function dayName(iso: string, language: string): string {
  return new Date(iso).toLocaleDateString(regional(language), { weekday: "long", day: "numeric", month: "long" });
}

export function sameDay(a: Date, b: Date): boolean {
  return a.toDateString() === b.toDateString();
}

/** Two letters for an avatar. */
export function initials(name: string): string {
  const words = name.split(/\s+/).filter((w) => /^\p{L}/u.test(w));
  return ((words[0]?.[0] ?? "") + (words.length > 1 ? (words.at(-1)?.[0] ?? "") : "")).toUpperCase();
}
