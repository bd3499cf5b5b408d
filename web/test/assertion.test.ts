import { expect, test } from "vitest";
import { readAnswer, snippet } from "@/features/clients/assertion";

const bytes = (text: string) => new TextEncoder().encode(text).buffer;

/** Runs the lines as a browser would that has a passkey; gives what was asked, and what was printed. */
async function run(lines: string) {
  const seen: { asked?: unknown; printed: string[]; copied: string[]; stolen: unknown[] } = { printed: [], copied: [], stolen: [] };
  const credential = {
    id: "QUI",
    rawId: bytes("AB"),
    type: "public-key",
    response: { clientDataJSON: bytes("{}???"), authenticatorData: bytes("data"), signature: bytes("~~~>>>"), userHandle: null },
  };
  const page = {
    PublicKeyCredential: { parseRequestOptionsFromJSON: (request: unknown) => request },
    navigator: {
      credentials: {
        get: async ({ publicKey }: { publicKey: unknown }) => {
          seen.asked = JSON.parse(JSON.stringify(publicKey));
          return credential;
        },
      },
    },
    console: { log: (text: string) => seen.printed.push(text) },
    copy: (text: string) => seen.copied.push(text),
    steal: (what: unknown) => seen.stolen.push(what),
    btoa,
  };
  await new Function(...Object.keys(page), `return ${lines}`)(...Object.values(page));
  return seen;
}

test("the lines ask for what WhatsApp asks, and print what the API takes", async () => {
  const request = {
    challenge: "Q0hB",
    timeout: 300000,
    rpId: "web.whatsapp.com",
    allowCredentials: [{ id: "QUI", type: "public-key", transports: null }],
    userVerification: "",
    extensions: null,
  };
  const seen = await run(snippet(request));
  expect(seen.asked).toEqual({
    challenge: "Q0hB",
    timeout: 300000,
    rpId: "web.whatsapp.com",
    allowCredentials: [{ id: "QUI", type: "public-key", transports: [] }],
  });
  expect(seen.printed).toHaveLength(1);
  expect(seen.copied).toEqual(seen.printed);
  expect(readAnswer(seen.printed[0] ?? "")).toEqual({
    id: "QUI",
    rawId: "QUI",
    type: "public-key",
    response: { clientDataJSON: "e30_Pz8", authenticatorData: "ZGF0YQ", signature: "fn5-Pj4-", userHandle: null },
  });
});

test("what comes from outside is never run", async () => {
  const evil = '"); steal(1); //`$' + "{steal(2)}`'</script>\u2028steal(3)\u2029\\\"\n*/ steal(4)";
  const request = JSON.parse(
    JSON.stringify({ challenge: evil, rpId: evil, extensions: { [evil]: evil }, [evil]: evil }).replace(
      /}$/,
      ',"__proto__":{"challenge":"x"}}',
    ),
  );
  const lines = snippet(request);
  expect(lines).toMatch(/^[\x20-\x7e\n]*$/);
  expect(lines).not.toContain("</script");
  const seen = await run(lines);
  expect(seen.stolen).toEqual([]);
  expect(seen.asked).toEqual({ challenge: evil, rpId: evil, extensions: { [evil]: evil } });
});

test.each([null, undefined, "text", 7, [], {}])("a request that is %j gives lines all the same", async (request) => {
  expect((await run(snippet(request))).asked).toEqual({});
});

test.each([
  ['{"id":"a"}', { id: "a" }],
  [' \n{"id":"a"}\n', { id: "a" }],
  ['\'{"id":"a"}\'', { id: "a" }],
  ['"{"id":"a"}"', { id: "a" }],
  ["", undefined],
  ["Promise {<pending>}", undefined],
  ['{"id":"a"', undefined],
  ["[1]", undefined],
  ["null", undefined],
])("%j is read as %j", (pasted, want) => {
  expect(readAnswer(pasted)).toEqual(want);
});
