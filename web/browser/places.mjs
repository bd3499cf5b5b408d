// Every page of the dashboard: where it is, who is offered it, and what opens there.

const everybody = ["admin", "viewer", "agent"];
const writers = ["admin", "agent"];
const admins = ["admin"];

/**
 * The pages of a world as fill of world.mjs makes it. "door" pages are those before the session; "open" does
 * what shows something that has no address; "text" must be read there where hostile texts were stored.
 */
export function places(world) {
  const hostileText = world.hostileClient ? "<img src=x" : undefined;
  return [
    { name: "sign-in", path: "/sign-in", door: true, first: true },
    { name: "forgot", path: "/forgot", door: true },
    { name: "reset", path: "/reset-password#token=none", door: true },
    { name: "unlock", path: "/unlock#token=none", door: true, fails: true },
    { name: "invitation", path: `/invitation${world.invitation.hash}`, door: true },
    { name: "set-up", path: "/set-up", door: true },
    { name: "home", path: "/", who: everybody, first: true },
    { name: "inbox", path: "/inbox", who: writers, text: hostileText },
    { name: "chat", path: `/inbox/${(world.hostileChat ?? world.chat).id}`, who: writers, text: hostileText },
    { name: "clients", path: "/clients", who: everybody, text: hostileText, notFor: ["agent"] },
    { name: "client", path: `/clients/${world.support.id}`, who: everybody },
    ...(world.hostileClient
      ? [{ name: "hostile-client", path: `/clients/${world.hostileClient.id}`, who: admins, text: hostileText }]
      : []),
    { name: "pairing", path: `/clients/${world.fresh.id}`, who: admins, open: pair },
    { name: "pairing-asked", path: `/clients/${world.fresh.id}?link=true`, who: admins, open: asked },
    { name: "messages", path: "/messages", who: writers },
    { name: "timeline", path: "/messages", who: writers, open: timeline },
    { name: "webhooks", path: "/webhooks", who: admins, text: hostileText },
    { name: "webhook", path: `/webhooks/${world.hook.id}`, who: admins, open: firstDelivery },
    { name: "webhook-new", path: "/webhooks", who: admins, open: dialog("Add a webhook") },
    ...(world.hostileHook
      ? [{ name: "hostile-webhook", path: `/webhooks/${world.hostileHook.id}`, who: admins, open: firstDelivery, text: hostileText }]
      : []),
    { name: "keys", path: "/keys", who: admins, text: hostileText },
    { name: "key-new", path: "/keys", who: admins, open: dialog("Make a key") },
    { name: "audit", path: "/audit", who: admins, open: firstLine, text: hostileText },
    { name: "team", path: "/team", who: admins, text: hostileText },
    { name: "settings", path: "/settings", who: admins },
    { name: "developers", path: "/developers", who: admins },
    { name: "monitoring", path: "/monitoring", who: admins },
    { name: "account", path: "/account", who: everybody },
    { name: "missing", path: "/nothing/here", who: admins },
  ];
}

/** Waits until a page is what somebody came for: its heading stands, and nothing is a grey bar any more. */
export async function arrived(page) {
  await page.locator(":is(h1, h2, .bubble):visible").first().waitFor();
  await page.waitForFunction(() => !document.querySelector(".mantine-Skeleton-root[data-visible]"));
}

async function pair(page) {
  await page.getByRole("button", { name: "Link phone" }).first().click();
  await page.getByRole("img", { name: /QR/ }).waitFor();
}

/** The address asked for the dialog: nothing needs to be pressed. */
async function asked(page) {
  await page.getByRole("dialog").getByRole("img", { name: /QR/ }).waitFor();
}

async function timeline(page) {
  await page.locator(".words-button:visible").first().click();
  await page.getByRole("dialog").waitFor();
  await arrived(page);
}

async function firstDelivery(page) {
  await page.locator(".mantine-Accordion-control").first().click();
  await page.locator(".attempt").first().waitFor();
  for (const piece of await page.locator(".attempt summary").all()) await piece.click();
}

async function firstLine(page) {
  await page.locator(".mantine-Accordion-control", { hasText: "Added a webhook" }).first().click();
  await page.locator(".mantine-Accordion-panel dl:visible").first().waitFor();
}

function dialog(name) {
  return async (page) => {
    await page.getByRole("button", { name }).first().click();
    await page.getByRole("dialog").waitFor();
    await arrived(page);
  };
}
