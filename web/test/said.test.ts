import { expect, test } from "vitest";
import { fill } from "@/lib/i18n";
import { said, sentences, stepSaid } from "@/lib/said";
import { en } from "@/messages/en";
import { es } from "@/messages/es";

const speaking = (texts: Record<string, string>, language: "en" | "es") => ({
  language,
  t: (key: string, values?: Record<string, string | number>) => fill(texts[key] ?? key, values),
  word: (prefix: string, value: string, fallback?: string) => texts[`${prefix}.${value}`] ?? fallback ?? value,
});
const english = speaking(en, "en");
const spanish = speaking(es, "es");

// The programs, with texts that go over several lines in one piece.
const files = import.meta.glob<string>(["../../internal/**/*.go", "!../../internal/**/*_test.go"], {
  query: "?raw",
  import: "default",
  eager: true,
});
const programs = Object.values(files)
  .join("\n")
  .replaceAll(/" ?\+\n\s*"/g, "");

// What the programs put together from pieces that stand apart.
const seams = [/(?<=^WhatsApp gives as reason: )/, /(?<=^held: stopped)/, /(?<=^held: )(?=stopped)/, /(?<=^back in line: )/];
const pieces = (pattern: string) =>
  seams
    .reduce((text, seam) => text.replace(seam, "{}"), pattern)
    .split(/\{\w*\}/)
    .map((piece) => piece.replace(/^[\s.;]+|[\s.;()]+$/g, ""));

test.each(sentences)("%s is what the API writes", (pattern) => {
  expect(pieces(pattern).filter((piece) => !programs.includes(piece))).toEqual([]);
});

const coded = (pattern: RegExp) => [...programs.matchAll(pattern)].flatMap((found) => found[1] ?? []);

test.each([
  ["event", coded(/EventType += "([a-z_.]+)"/g)],
  ["fail", coded(/FailCode += "([a-z_]+)"/g)],
  ["alert", coded(/AlertKind += "([a-z_]+)"/g)],
  ["wait", coded(/Wait += "([a-z_]+)"/g)],
  ["scope", coded(/Permission += "([a-z]+:[a-z]+)"/g)],
])("every %s has words", (prefix, codes) => {
  expect(codes.length).toBeGreaterThan(4);
  expect(codes.filter((code) => !(`${prefix}.${code}` in en))).toEqual([]);
});

test.each([
  ["cancelled by Ana", "Cancelado por Ana"],
  ["tried again by usr_01m83hd4eeevk8cpnjp81s3c91", "Reintentado por una persona"],
  ["held: minute_cap, next slot 12:00:01 UTC", `${es["wait.minute_cap"]}; siguiente a las 12:00:01 UTC`],
  [
    "a passing failure: rate_limited; next try 2026-11-22T12:00:00Z",
    "Un fallo pasajero: WhatsApp pidió a este número ir más despacio; próximo intento ",
  ],
  [
    "The line to WhatsApp broke. It is being set up again by itself; messages wait. WhatsApp said: WhatsApp ended the connection (503).",
    "La línea con WhatsApp se cortó. Se restablece sola; los mensajes esperan. WhatsApp dijo: WhatsApp cerró la conexión. Código de WhatsApp: 503",
  ],
  [
    "WhatsApp banned this number until 22 November 2026 15:04 UTC. chasqui connects once after that; messages wait. Send less, and only to people who expect it. WhatsApp's code: 101.",
    "WhatsApp bloqueó este número hasta 22 nov 2026",
  ],
  [
    "The client was unlinked on its phone. Pair it again; waiting messages keep until they expire. WhatsApp said: The number was unlinked on its phone (401).",
    "El número se desvinculó en su teléfono. Vincúlalo de nuevo; los mensajes esperan hasta caducar. Código de WhatsApp: 401",
  ],
  ["something that nobody foresaw", "something that nobody foresaw"],
  ["", ""],
])("%s is said in Spanish", (text, begins) => {
  expect(said(text, spanish).slice(0, begins.length)).toBe(begins);
});

test("what people are called is not read as a place to fill in", () => {
  expect(said("cancelled by {who} (a)", spanish)).toBe("Cancelado por {who} (a)");
});

test.each([
  [{ note: "waiting: behind 3 others", data: { blocked_by: null, position: 4 } }, "Number 4 in line"],
  [{ note: "waiting: next in line", data: { blocked_by: null, position: 1 } }, "Next in line"],
  [
    { note: "held: hourly limit; 2 others go first", data: { blocked_by: "hour_cap", position: 3 } },
    `${en["wait.hour_cap"]} · Number 3 in line`,
  ],
  [{ note: "WhatsApp refused the message", data: { code: "provider_rejected" } }, "WhatsApp refused the message"],
  [{ note: "it was odd", data: { code: "new_to_us" } }, "it was odd"],
  [{ note: "accepted" }, "Accepted"],
  [{}, ""],
])("a line of a timeline: %j", (step, text) => {
  expect(stepSaid(step, english)).toBe(text);
});
