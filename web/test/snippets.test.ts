import { expect, test } from "vitest";
import { type Language, languages, type Own, snippet, type Task } from "@/features/developers/snippets";

const own: Own = { api: "https://chat.example.com", client: "cli_01k7", to: "+5511987654321" };
const all = (["send", "receive", "read"] as Task[]).flatMap((task) =>
  (Object.keys(languages) as Language[]).map((language): [Task, Language] => [task, language]),
);

test.each(all)("%s with %s is filled in and holds no key", (task, language) => {
  const code = snippet(task, language, own);
  expect(code).not.toMatch(/undefined|\[object|sk_chq_[a-z0-9]/);
  const secret = task === "receive" ? /CHASQUI_SECRET/ : /CHASQUI_KEY/;
  expect(code).toMatch(secret);
  if (task !== "receive") {
    expect(code).toContain(own.api);
    expect(code).toContain(own.client);
  }
});

test.each(Object.keys(languages) as Language[])("what %s sends is JSON, whatever the number is", (language) => {
  const code = snippet("send", language, { ...own, to: 'a"b' });
  const body = /\{"to":.*\}\}/.exec(code)?.[0] ?? "";
  expect(JSON.parse(body).to).toBe('a"b');
});
