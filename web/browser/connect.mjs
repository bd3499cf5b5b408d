// A phone that wants a passkey, webhooks, API keys and the audit log as somebody uses them who connects a number and a
// system: in a real browser, against a receiver that answers.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { faultsOf } from "./checks.mjs";
import { linkWithPasskey } from "./passkey.mjs";
import { signIn, startBrowser, startStack, step, watched } from "./stack.mjs";
import { fill } from "./world.mjs";

const info = await startStack();
const browser = await startBrowser();
const faults = [];
let page;
let world;
try {
  world = await fill(info);
  page = await watched(
    await browser.newContext({ locale: "en-US", acceptDownloads: true, reducedMotion: "reduce" }),
    new URL(info.dashboard_url).origin,
    faults,
  );
  page.setDefaultTimeout(20000);
  await signIn(page, info);
  await step("link a phone that wants a passkey", () =>
    linkWithPasskey({
      info,
      browser,
      page,
      client: world.fresh,
      phone: "5511955550155",
      look: async (name) => assert.deepEqual(await faultsOf(page), [], name),
    }),
  );
  faults.splice(0, faults.length, ...faults.filter((f) => !/status of 422/.test(f))); // an answer that is refused there
  await step("add a webhook with an event, a header and a secret that is shown once", async () => {
    await page.goto(`${info.dashboard_url}/webhooks`);
    await page.getByRole("button", { name: "Add a webhook" }).click();
    const d = page.getByRole("dialog");
    await d.getByLabel("Address").fill(world.hook.url);
    await d.getByLabel("Description (optional)").fill("Mine");
    await d.getByLabel("All events").click();
    await d.getByPlaceholder("Find an event").fill("connected");
    await d.getByRole("checkbox", { name: "client.connected" }).check();
    await d.getByRole("button", { name: "How it is sent" }).click();
    await d.getByRole("button", { name: "Add a header" }).click();
    await d.getByLabel("Name of the header").fill("X-Token");
    await d.getByLabel("Value of the header").fill("hunter2");
    await d.getByRole("button", { name: "Add a webhook" }).click();
    const secret = await page.getByLabel("Signing secret").inputValue();
    assert.match(secret, /^whsec_/);
    await page.getByRole("button", { name: "I have kept it" }).click();
    await page.getByText("Mine").click();
    await page.getByRole("heading", { name: "Mine" }).waitFor();
    await page.getByText("X-Token").waitFor();
  });
  await step("change what it hears of", async () => {
    await page.getByRole("button", { name: "Change", exact: true }).click();
    const d = page.getByRole("dialog");
    await d.getByLabel("Description (optional)").fill("Mine now");
    await d.getByRole("button", { name: "Which numbers and chats" }).click();
    await d.getByRole("combobox", { name: "Messages" }).click();
    await page.getByRole("option", { name: "Only received ones" }).click();
    await d.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "Mine now" }).waitFor();
    await page.getByText("Only received ones").waitFor();
  });
  await step("see a test event answered, and send it again", async () => {
    await page.getByRole("button", { name: "Send a test event" }).click();
    await page.getByText("webhook.test").first().waitFor();
    await page.locator(".mantine-Accordion-control", { hasText: "Delivered" }).first().waitFor();
    await page.locator(".mantine-Accordion-control").first().click();
    await page.getByText("HTTP 200").first().waitFor();
    await page.getByRole("tab", { name: "What we sent" }).last().waitFor();
    await page.getByRole("region", { name: "Body" }).filter({ hasText: '"webhook.test"' }).waitFor();
    await page.getByRole("tab", { name: "What came back" }).last().click();
    await page.getByRole("region", { name: "Body" }).waitFor();
    await page.getByRole("button", { name: "Send again", exact: true }).click();
    await page.locator(".attempt", { hasText: "Attempt 2" }).getByText("sent again").waitFor();
  });
  await step("make a new secret, and end the old one", async () => {
    await page.getByRole("button", { name: "More", exact: true }).click();
    await page.getByRole("menuitem", { name: "Make a new secret" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Make it" }).click();
    assert.match(await page.getByLabel("Signing secret").inputValue(), /^whsec_/);
    await page.getByRole("button", { name: "I have kept it" }).click();
    await page.getByRole("button", { name: "More", exact: true }).click();
    await page.getByRole("menuitem", { name: "End old secrets now" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "End old secrets now" }).click();
    await page.getByText("The old secrets have ended.").waitFor();
  });
  for (const kind of ["What failed", "What was never attempted"])
    await step(`send a span again: ${kind}`, async () => {
      await page.getByRole("button", { name: "More", exact: true }).click();
      await page.getByRole("menuitem", { name: "Send again what was missed" }).click();
      const d = page.getByRole("dialog");
      await d.getByRole("radio", { name: kind }).check();
      await d.getByLabel("From when").click();
      await page.getByRole("option", { name: "A range of my own" }).click();
      await d.getByRole("button", { name: "Send again" }).click();
      await d.getByText(/Done: \d+ are on their way/).waitFor();
      await d.getByRole("button", { name: "Close" }).last().click();
    });
  await step("switch it off and on, narrow its log, delete it", async () => {
    await page.getByRole("button", { name: "More", exact: true }).click();
    await page.getByRole("menuitem", { name: "Switch off" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Switch off" }).click();
    await page.getByText("Reason: switched off by a person").waitFor();
    await page.getByRole("button", { name: "Switch on" }).click();
    await page.getByText("Working").waitFor();
    await page.getByRole("button", { name: "More filters" }).click();
    await page.getByLabel("HTTP status of the last answer").fill("500");
    await page.getByText("No delivery is like that.").waitFor();
    await page.getByRole("button", { name: "Clear filters" }).click();
    await page.getByRole("button", { name: "More", exact: true }).click();
    await page.getByRole("menuitem", { name: "Delete webhook" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete webhook" }).click();
    await page.getByRole("heading", { name: "Webhooks" }).waitFor();
  });
  await step("see the secret of callbacks", async () => {
    await page.getByRole("button", { name: "Show the secret" }).click();
    assert.match(await page.getByLabel("Signing secret").inputValue(), /^whsec_/);
  });
  await step("make, change, renew and revoke a key", async () => {
    await page.getByRole("link", { name: "API keys" }).first().click();
    await page.getByRole("button", { name: "Make a key" }).first().click();
    const d = page.getByRole("dialog");
    await d.getByRole("textbox", { name: "Name" }).fill("Shop");
    await d.getByRole("checkbox", { name: "Send messages" }).check();
    await d.getByLabel("May be used from").fill("nonsense");
    await page.keyboard.press("Enter");
    await d.getByText("Not an address or network: nonsense").waitFor();
    await page.keyboard.press("Backspace");
    await d.getByLabel("May be used from").fill("127.0.0.1");
    await page.keyboard.press("Enter");
    await d.getByRole("button", { name: "Make a key" }).click();
    const key = await page.getByLabel("Key", { exact: true }).inputValue();
    assert.match(key, /^sk_chq_/);
    assert.match(await page.getByRole("region", { name: "Try it in a terminal" }).innerText(), new RegExp(`curl -H 'X-API-Key: ${key}`));
    await page.getByRole("button", { name: "I have kept it" }).click();
    const card = page.getByRole("article", { name: "Shop" });
    await card.getByRole("button").click();
    await page.getByRole("menuitem", { name: "Change key" }).click();
    await page.getByRole("dialog").getByLabel("Requests a minute at most").fill("120");
    await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    await card.getByText("120 a minute").waitFor();
    await card.getByRole("button").click();
    await page.getByRole("menuitem", { name: "Make a new key text" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Make a new key text" }).click();
    assert.notEqual(await page.getByLabel("Key", { exact: true }).inputValue(), key);
    await page.getByRole("button", { name: "I have kept it" }).click();
    await card.getByText("The former key opens until").waitFor();
    await card.getByRole("button").click();
    await page.getByRole("menuitem", { name: "Revoke key" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke key" }).click();
    await card.waitFor({ state: "detached" });
    await page.getByLabel("Show expired and revoked ones too").click();
    await card.getByText("Revoked").first().waitFor();
  });
  await step("find what was done in the audit log, and export it", async () => {
    await page.getByRole("link", { name: "Audit log" }).first().click();
    await page.getByRole("combobox", { name: "What" }).click();
    await page.getByRole("option", { name: "Changed an API key" }).click();
    const line = page.locator(".mantine-Accordion-control");
    await page.waitForFunction(() => document.querySelectorAll(".mantine-Accordion-control").length === 1);
    await line.first().click();
    await page.getByRole("cell", { name: "rate" }).waitFor();
    await page.getByRole("button", { name: "Only what was done to this" }).click();
    await page.getByRole("button", { name: "Clear filters" }).click();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export" }).click()]);
    const csv = readFileSync(await download.path(), "utf8");
    assert.match(csv, /sequence,at,actor_kind/);
    assert.match(csv, /key\.revoked/);
  });
  await step("read what the API takes, on a page that asks nobody else", async () => {
    await page.goto(`${info.api_url}/docs`);
    await page.locator(".opblock-tag", { hasText: "api-keys" }).click();
    await page.locator(".opblock-summary-control").first().click();
    await page.locator(".opblock-body").getByText("Responses").first().waitFor();
  });
  assert.deepEqual(faults, []);
  console.log("ok");
} catch (err) {
  await page?.screenshot({ path: "shots/failed-connect.png" }).catch(() => undefined);
  console.error(faults.join("\n"));
  console.error(err);
  process.exitCode = 1;
} finally {
  world?.stop();
  await browser.close();
  await info.stop();
}
