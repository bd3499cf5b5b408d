import { expect, test } from "vitest";
import { fill, preferred } from "@/lib/i18n";
import { en } from "@/messages/en";
import { es } from "@/messages/es";
import { id } from "@/messages/id";
import { pt } from "@/messages/pt";

const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

test.each(Object.entries({ es, pt, id }))("%s has every text, with the same things filled in", (_, texts) => {
  expect(Object.keys(texts)).toEqual(Object.keys(en));
  for (const [key, text] of Object.entries(en)) {
    const translated = texts[key as keyof typeof en];
    expect(translated.trim(), key).not.toBe("");
    expect(places(translated), key).toEqual(places(text));
  }
});

test("what is not given stays visible", () => {
  expect(fill("{a} and {b}", { a: 1 })).toBe("1 and {b}");
});

test.each([
  ["es", ["en"], "es"],
  [null, ["pt-BR", "en"], "pt"],
  [null, ["fr-FR", "id-ID"], "id"],
  [null, ["fr"], "en"],
  ["xx", [], "en"],
])("%s with %j is %s", (chosen, wanted, language) => {
  expect(preferred(chosen, wanted)).toBe(language);
});
