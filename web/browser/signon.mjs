// Single sign-on as an organisation has it: an admin names its provider, somebody who was invited comes in by it, and
// whom it does not vouch for is told so.

import assert from "node:assert/strict";
import { faultsOf } from "./checks.mjs";
import { startProvider } from "./provider.mjs";
import { apiOf, signIn, startBrowser, startStack, step, watched } from "./stack.mjs";
import { hire, password, signedIn } from "./world.mjs";

const provider = await startProvider([
  { name: "Bob", email: "bob@example.com", verified: true },
  { name: "Eve with an address that nobody confirmed", email: "eve@example.com", verified: false },
  { name: "Eve in another program", email: "eve@example.com", verified: true, audience: "another program" },
  { name: "A stranger", email: "stranger@example.com", verified: true },
]);
const info = await startStack();
const browser = await startBrowser();
const origin = new URL(info.dashboard_url).origin;
const faults = [];
let page;
let org;
try {
  const admin = await signedIn(info, info.email, info.password);
  org = (await admin("GET", "/api/v1/org")).id;
  await hire(info, admin, "bob@example.com", "Bob", "manager");
  await hire(info, admin, "eve@example.com", "Eve", "admin");
  page = await visitor(faults);

  await step("an admin names the provider", async () => {
    await signIn(page, info);
    await page.goto(`${info.dashboard_url}/settings`);
    const form = page.getByRole("region", { name: "Single sign-on" });
    await form.getByLabel("Issuer").fill(provider.issuer);
    await form.getByLabel("Client id").fill(provider.client.id);
    await form.getByLabel("Client secret").fill(provider.client.secret);
    await form.getByRole("button", { name: "Save" }).click();
    assert.equal(await form.getByLabel("Sign-in link for your people").inputValue(), `${origin}/sign-in?org=${org}`);
    assert.deepEqual(await faultsOf(page), []);
    await page.context().close();
  });

  await step("who was invited comes in by it, and stays in", async () => {
    page = await visitor(faults);
    await chooses("Bob");
    await page.getByRole("button", { name: "Your account" }).waitFor();
    await page.reload();
    await page.goto(`${info.dashboard_url}/account`);
    await page.getByText("by single sign-on").first().waitFor();
    await page.getByText("bob@example.com").first().waitFor();
    assert.deepEqual(await faultsOf(page), []);
  });

  for (const name of ["Eve with an address that nobody confirmed", "Eve in another program", "A stranger", "Nobody"]) {
    await step(`refused, and told so: ${name}`, async () => {
      await page.context().close();
      page = await visitor([]); // the refusal itself is complained of
      await chooses(name);
      await page.getByRole("alert").getByText("Your organisation's provider did not let you in").waitFor();
      assert.equal(
        (await page.context().cookies()).find((c) => c.name.startsWith("chasqui_refresh")),
        undefined,
      );
    });
  }

  await step("the way round it: a password", async () => {
    assert.deepEqual(await faultsOf(page), []);
    await page.getByLabel("E-mail address").fill("bob@example.com");
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Your account" }).waitFor();
  });

  await step("the log says who was refused why", async () => {
    const { data } = await apiOf(info)("GET", "/api/v1/audit?action=session.sign_in_failed");
    const why = data.map((line) => line.after.why).sort();
    assert.equal(data.filter((line) => line.after.how === "oidc").length, 4);
    assert.equal(new Set(why).size, 3, why.join("\n")); // the provider's own, an audience, an address
  });

  assert.deepEqual(faults, []);
  console.log("ok");
} catch (err) {
  await page?.screenshot({ path: "shots/failed.png" }).catch(() => undefined);
  console.error(faults.join("\n"));
  console.error(err);
  process.exitCode = 1;
} finally {
  await browser.close();
  await info.stop();
  provider.close();
}

/** Somebody with a browser of their own. */
async function visitor(into) {
  // The way to the provider is the one request to elsewhere that is meant.
  const meant = { push: (fault) => fault === `request to ${provider.issuer}` || into.push(fault) };
  const fresh = await watched(await browser.newContext({ locale: "en-US", reducedMotion: "reduce" }), origin, meant);
  fresh.setDefaultTimeout(20_000);
  return fresh;
}

/** Follows the link of the organisation, and says at the provider who one is. */
async function chooses(name) {
  await page.goto(`${info.dashboard_url}/sign-in?org=${org}`);
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("heading", { name: "Who are you?" }).waitFor();
  await page.getByRole("link", { name, exact: true }).click();
}
