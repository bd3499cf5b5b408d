// What a stranger does first, in a real browser: set the platform up; add a
// number, link it with the pocket phone, write, see the ticks, get an answer,
// have a system told of it; let an agent see one number only, and a viewer look;
// erase the person in the end.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { apiOf, openUntil, signIn, startBrowser, startStack, step, watched } from "./stack.mjs";

const theirs = "5511987654321";
const hostile = "Hi <img src=x onerror=alert(1)> there";
const password = "seven quiet llamas on the ridge";
const live = 2000; // ms within which one browser sees what another did

const browser = await startBrowser();
const faults = [];
let page;
try {
  await firstRun();
  await everyDay();
  assert.deepEqual(faults, []);
  console.log("ok");
} catch (err) {
  await page?.screenshot({ path: "shots/failed.png" }).catch(() => undefined);
  console.error(faults.join("\n"));
  console.error(err);
  process.exitCode = 1;
} finally {
  await browser.close();
}

/** A platform that nobody has set up yet. */
async function firstRun() {
  const info = await startStack("--empty");
  try {
    page = await visitor(info);
    await step("the first visit leads to who may set things up", async () => {
      await page.goto(info.dashboard_url);
      await page
        .getByRole("heading", { name: "Sign in" })
        .or(page.getByRole("heading", { name: "Set up chasqui" }))
        .waitFor();
    });
    await step("set up with the link that the platform printed", async () => {
      assert.match(info.setup_url, /#token=/);
      await page.goto(info.setup_url);
      await page.getByLabel("Organisation").fill("Llama Travel");
      await page.getByLabel("Your name").fill("Rosa");
      await page.getByLabel("E-mail address").fill("rosa@example.com");
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.getByRole("button", { name: "Create and sign in" }).click();
      await page.getByRole("button", { name: "Your account" }).waitFor();
      await page.getByText("Llama Travel").first().waitFor();
    });
    await step("the link works once", async () => {
      const other = await visitor(info);
      await other.goto(info.setup_url);
      await other.getByText("Already set up").waitFor();
      await other.context().close();
    });
    await page.context().close();
  } finally {
    await info.stop();
  }
}

async function everyDay() {
  const info = await startStack();
  const receiver = await startReceiver();
  try {
    page = await visitor(info);
    await accountSteps(info);
    await numberSteps(info);
    await messageSteps(info);
    await webhookSteps(receiver);
    await teamSteps(info);
    await eraseSteps(info);
    await step("sign out, and stay out", async () => {
      await page.getByRole("button", { name: "Your account" }).click();
      await page.getByRole("menuitem", { name: "Sign out" }).click();
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      await page.goto(`${info.dashboard_url}/clients`);
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
    });
  } finally {
    receiver.close();
    await info.stop();
  }
}

async function accountSteps(info) {
  await step("a wrong password is refused in the API's words", async () => {
    await page.goto(info.dashboard_url);
    await page.getByLabel("E-mail address").fill(info.email);
    await page.getByLabel("Password", { exact: true }).fill("not the password");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByText("the e-mail address or the password is wrong").waitFor();
    assert.match(await page.getByRole("alert").textContent(), /req_|[0-9a-f-]{8,}/);
    // The refusal itself is what the browser complains of.
    assert.ok(
      faults.every((f) => f.includes("401")),
      faults.join("\n"),
    );
    faults.length = 0;
  });
  await step("sign in", () => signIn(page, info));
  await step("the session outlives a reload", async () => {
    await page.reload();
    await page.getByRole("button", { name: "Your account" }).waitFor();
  });
}

async function numberSteps(info) {
  let pocket;
  await step("add a number and link it with the pocket phone", async () => {
    await goTo("Numbers");
    await page.getByRole("button", { name: "Add a number" }).click();
    await page.getByLabel("Name").fill("Support");
    await page.getByRole("button", { name: "Add and link" }).click();
    await page.getByRole("img", { name: "QR code to scan with WhatsApp" }).waitFor();
    await page.getByRole("timer").waitFor();
    pocket = await pocketPhone(info);
    await pocket.getByRole("button", { name: /scan/i }).first().click();
    await page.getByRole("heading", { name: "Support is linked" }).waitFor();
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByRole("article", { name: "Support" }).getByText("Connected").waitFor();
    await pocket.context().close();
  });
  await step("another browser sees a new name within two seconds", async () => {
    const other = await visitor(info);
    await signIn(other, info);
    await other.goto(`${info.dashboard_url}/clients`);
    await other.getByRole("article", { name: "Support" }).waitFor();
    const { data } = await apiOf(info)("GET", "/api/v1/clients");
    await apiOf(info)("PATCH", `/api/v1/clients/${data[0].id}`, { name: "Front desk" });
    await other.getByRole("article", { name: "Front desk" }).waitFor({ timeout: live });
    await apiOf(info)("PATCH", `/api/v1/clients/${data[0].id}`, { name: "Support" });
    await page.getByRole("article", { name: "Support" }).waitFor({ timeout: live });
    await other.context().close();
  });
}

async function messageSteps(info) {
  await step("write to somebody, and see it read", async () => {
    await goTo("Inbox");
    await page.getByRole("button", { name: "New message" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("To", { exact: true }).fill(`+${theirs}`);
    await dialog.getByLabel("Message", { exact: true }).fill("Hello from chasqui");
    await dialog.getByRole("button", { name: "Send" }).click();
    await page.locator(".chat-row").first().click();
    await page.locator('.bubble[data-mine][data-status="read"]').first().waitFor();
  });
  let pocket;
  await step("an answer typed on the pocket phone appears by itself, as text whatever it holds", async () => {
    pocket = await pocketPhone(info);
    await pocket.locator(`[data-key="phone ${theirs}"]`).click();
    await pocket.getByRole("list", { name: "Chats" }).getByText("Hello from chasqui").click();
    await pocket.getByRole("textbox", { name: /^Message to/ }).fill(hostile);
    await pocket.keyboard.press("Enter");
    await page.locator(".bubble:not([data-mine])", { hasText: hostile }).waitFor({ timeout: live });
  });
  await step("the pocket phone shows that it was read here", async () => {
    await pocket.locator("li.own", { hasText: hostile }).locator('.tick[data-stage="read"]').waitFor();
    await pocket.context().close();
  });
  await step("answer in the conversation", async () => {
    await page.getByLabel("Write a message").fill("How can we help?");
    await page.keyboard.press("Enter");
    await page.locator(".bubble[data-mine]", { hasText: "How can we help?" }).waitFor();
    await page.locator('.bubble[data-mine]:not([data-status="queued"])', { hasText: "How can we help?" }).waitFor();
    assert.equal(await page.locator(".bubble[data-mine]", { hasText: "How can we help?" }).count(), 1);
  });
}

async function webhookSteps(receiver) {
  await step("have a system told, and see the delivery", async () => {
    await goTo("Webhooks");
    await page.getByRole("button", { name: "Add a webhook" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Address").fill(receiver.url);
    await dialog.getByRole("button", { name: "Add a webhook" }).click();
    await page.getByLabel("Signing secret").waitFor();
    await page.getByRole("button", { name: "I have kept it" }).click();
    await page.getByRole("link", { name: receiver.url }).first().click();
    await page.getByRole("button", { name: "Send a test event" }).click();
    await page.getByText("Delivered").first().waitFor();
    const got = await receiver.first;
    assert.ok(got.headers["webhook-signature"]?.startsWith("v1,"), "signed");
  });
}

async function teamSteps(info) {
  const api = apiOf(info);
  const sales = await api("POST", "/api/v1/clients", { name: "Sales" });
  let agent;
  await step("invite an agent", async () => {
    agent = await invite(info, "ana@example.com", "Ana", "Agent");
    await agent.getByRole("button", { name: "Your account" }).waitFor();
    assert.equal(await agent.getByRole("link", { name: "Team" }).count(), 0);
    assert.equal(await agent.getByRole("link", { name: "Webhooks" }).count(), 0);
  });
  await step("give the agent one number: that one is all they see", async () => {
    await page.goto(`${info.dashboard_url}/clients/${sales.id}`);
    await page.getByRole("button", { name: "Assign" }).click();
    await page.getByLabel("Agents of this number").first().click();
    await page.getByRole("option", { name: "Ana" }).click();
    await page.getByRole("region", { name: "Agents" }).getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved", { exact: true }).first().waitFor();
    await openUntil(agent, `${info.dashboard_url}/clients`, agent.getByRole("article", { name: "Sales" }));
    assert.equal(await agent.getByRole("article").count(), 1);
    await agent.context().close();
  });
  await step("a viewer is offered nothing to send with", async () => {
    const viewer = await invite(info, "vic@example.com", "Vic", "Viewer");
    await viewer.getByRole("button", { name: "Your account" }).waitFor();
    assert.equal(await viewer.getByRole("link", { name: "Inbox" }).count(), 0);
    await viewer.goto(`${info.dashboard_url}/clients`);
    await viewer.getByRole("article", { name: "Support" }).waitFor();
    assert.equal(await viewer.getByRole("button", { name: /send|new message|add a number|link phone/i }).count(), 0);
    await viewer.context().close();
  });
}

async function eraseSteps(info) {
  await step("erase the person: another browser's chat goes, too, and the receipt is found again", async () => {
    const other = await visitor(info);
    await signIn(other, info);
    await other.goto(`${info.dashboard_url}/inbox`);
    await other.locator(".chat-row").waitFor();
    await goTo("Inbox");
    await page.locator(".chat-row").click();
    await page.getByRole("button", { name: "More for this chat" }).click();
    await page.getByRole("menuitem", { name: "Erase this person" }).click();
    const dialog = page.getByRole("dialog");
    const sure = dialog.getByRole("button", { name: "Erase for good" });
    assert.equal(await sure.isDisabled(), true);
    await dialog.getByLabel(/^Type/).fill(`+${theirs}`);
    await sure.click();
    const notice = page.getByRole("alert").filter({ hasText: "The person is erased" });
    const receipt = await notice.locator("code").textContent();
    await other.locator(".chat-row").waitFor({ state: "detached", timeout: live });
    await other.context().close();
    await page.goto(`${info.dashboard_url}/settings`);
    await page.getByRole("region", { name: "People who were erased" }).getByText(receipt).waitFor();
  });
}

async function invite(info, email, name, role) {
  await goTo("Team");
  await page.getByRole("button", { name: "Invite somebody" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("E-mail address").fill(email);
  await dialog.getByLabel("Role").click();
  await page.getByRole("option", { name: role, exact: true }).click();
  await dialog.getByRole("button", { name: "Invite", exact: true }).click();
  const link = await page.getByLabel("Invitation link").inputValue();
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await dialog.waitFor({ state: "hidden" });
  const guest = await visitor(info);
  await guest.goto(link);
  await guest.getByLabel("Your name").fill(name);
  await guest.getByLabel("Password", { exact: true }).fill(password);
  await guest.getByRole("button", { name: "Join" }).click();
  return guest;
}

async function goTo(place) {
  await page.getByRole("link", { name: place, exact: true }).first().click();
  await page.getByRole("heading", { name: place }).first().waitFor();
}

/** The page of the simulated phones. */
async function pocketPhone(info) {
  const p = await (await browser.newContext({ locale: "en-US", viewport: { width: 390, height: 844 }, reducedMotion: "reduce" })).newPage();
  p.setDefaultTimeout(20_000);
  p.on("pageerror", (e) => faults.push(`pocket phone: ${e.message}`));
  await p.goto(info.whatsim_url);
  return p;
}

/** A system that is told: it keeps the first request, and says yes to all. */
async function startReceiver() {
  let tell;
  const first = new Promise((done) => {
    tell = done;
  });
  const server = createServer((req, res) => {
    req.resume();
    req.on("end", () => {
      tell({ headers: req.headers });
      res.end();
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}/hook`, first, close: () => server.close() };
}

async function visitor(info) {
  const p = await watched(
    await browser.newContext({ locale: "en-US", reducedMotion: "reduce" }),
    new URL(info.dashboard_url).origin,
    faults,
  );
  p.setDefaultTimeout(20_000);
  return p;
}
