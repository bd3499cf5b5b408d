// Links a phone that wants a passkey: the answer is made by the lines that the dashboard gives, run where they are to be run,
// in a browser with an authenticator.

import assert from "node:assert/strict";
import { scan } from "./stack.mjs";

/** Follows the step to its end; look is called with the name of every state that somebody sees. */
export async function linkWithPasskey({ info, browser, page, client, phone, look }) {
  await simulated(info, "PUT", `/phones/${phone}`, { passkey: "compare" });
  await page.goto(`${info.dashboard_url}/clients/${client.id}?link=true`);
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("img", { name: /QR/ }).waitFor();
  const linked = scan(info, client.id, phone);
  await dialog.getByRole("heading", { name: "WhatsApp asks for this account’s passkey" }).waitFor();
  await look("asked");
  await dialog.getByText("Show the lines").click();
  const lines = await dialog.getByRole("region", { name: "Lines for the console" }).textContent();
  await look("lines");
  await handIn(dialog, "nonsense");
  await dialog.getByText("This is not the line that the console printed.").waitFor();
  const other = lines.replace(/challenge\\":\\"..../, 'challenge\\":\\"AAAA');
  assert.notEqual(other, lines);
  const authenticator = await whatsAppWeb(browser, await simulated(info, "GET", `/phones/${phone}/passkey`));
  await handIn(dialog, await authenticator.run(other));
  await dialog.getByText("answers another request").first().waitFor();
  await look("refused");
  await handIn(dialog, await authenticator.run(lines));
  await dialog.getByText("WhatsApp is checking the answer.").waitFor();
  await authenticator.close();
  await happened(info, phone, "answered");
  // This phone wants codes compared, for which it takes another answer.
  await handIn(dialog, await pocketAnswer(info, browser));
  await dialog.getByRole("heading", { name: "Does the phone show this code?" }).waitFor();
  await happened(info, phone, "compare");
  const { passkeys } = await simulated(info, "GET", `/view?phone=${phone}&after=-1`);
  await dialog.getByText(passkeys[0].code, { exact: true }).waitFor();
  await look("compare");
  await dialog.getByRole("button", { name: "Yes, it is the same" }).click();
  await page.getByRole("heading", { name: `${client.name} is linked` }).waitFor();
  await linked;
  await look("linked");
  await page.getByRole("button", { name: "Done" }).click();
}

async function handIn(dialog, answer) {
  await dialog.getByLabel("Answer of the passkey").fill(answer);
  await dialog.getByRole("button", { name: "Hand in the answer" }).click();
}

async function simulated(info, method, path, body) {
  const res = await fetch(info.whatsim_url + path, {
    method,
    headers: { "Content-Type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!res.ok) throw new Error(`whatsim ${path}: ${res.status} ${await res.text()}`);
  return res.json();
}

/** Waits until the phone has taken a step. */
async function happened(info, phone, detail) {
  for (let n = 1; n < 100; n++) {
    const { events } = await simulated(info, "GET", `/events?kind=passkey&number=${phone}&wait=${n}&timeout_ms=20000`);
    if (events.some((e) => e.detail === detail)) return;
    if (events.length < n) break;
  }
  throw new Error(`${phone} never ${detail}`);
}

/** A browser on web.whatsapp.com, without the network, that has the passkey. */
async function whatsAppWeb(browser, passkey) {
  const context = await browser.newContext();
  await context.route("**/*", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>WhatsApp</title>" }));
  const page = await context.newPage();
  await page.goto("https://web.whatsapp.com/");
  const devtools = await context.newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const credential = {
    credentialId: passkey.id,
    rpId: passkey.rp_id,
    privateKey: passkey.private_key,
    isResidentCredential: false,
    signCount: 0,
  };
  await devtools.send("WebAuthn.addCredential", { authenticatorId, credential });
  const run = async (lines) => {
    const [printed] = await Promise.all([page.waitForEvent("console"), page.evaluate(lines)]);
    return printed.text();
  };
  return { run, close: () => context.close() };
}

/** What the pocket phone gives to whoever has no such browser at hand. */
async function pocketAnswer(info, browser) {
  const context = await browser.newContext({ locale: "en-US", viewport: { width: 390, height: 844 } });
  const pocket = await context.newPage();
  pocket.setDefaultTimeout(20_000);
  await pocket.goto(info.whatsim_url);
  await pocket.locator('[data-tab="link"]:visible').first().click();
  await pocket.getByRole("button", { name: "Approve with passkey" }).click();
  const answer = await pocket.getByLabel("The answer, for the dashboard").inputValue();
  await context.close();
  return answer;
}
