// Pictures of every page, at two sizes, light and dark, into shots/; and the one that the README opens with.

import { mkdirSync, rmSync } from "node:fs";
import { arrived, places } from "./places.mjs";
import { pause, signIn, startBrowser, startStack, watched } from "./stack.mjs";
import { fill } from "./world.mjs";

const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const only = process.env.PAGES?.split(",");

const info = await startStack();
const browser = await startBrowser();
let world;
try {
  world = await fill(info, { withHostile: process.env.SHOTS_HOSTILE === "1" });
  rmSync("shots", { recursive: true, force: true });
  mkdirSync("shots");
  for (const [size, viewport] of Object.entries(sizes)) {
    for (const scheme of ["light", "dark"]) {
      await shoot(`${size}-${scheme}`, {
        viewport,
        colorScheme: scheme,
        locale: process.env.SHOTS_LOCALE ?? "en-GB",
        hasTouch: size === "phone",
        reducedMotion: "reduce",
      });
    }
  }
} finally {
  world?.stop();
  await browser.close();
  await info.stop();
}

async function shoot(name, options) {
  const context = await browser.newContext(options);
  const faults = [];
  const page = await watched(context, new URL(info.dashboard_url).origin, faults);
  page.setDefaultTimeout(15_000);
  const all = places(world).filter((p) => !only || only.includes(p.name));
  for (const place of all.filter((p) => p.door)) await snap(page, place, name);
  await signIn(page, info);
  for (const place of all.filter((p) => p.who?.includes("admin"))) await snap(page, place, name);
  await context.close();
  for (const f of faults) console.error(`${name}: ${f}`);
}

async function snap(page, place, name) {
  try {
    await page.goto("about:blank");
    await page.goto(info.dashboard_url + place.path);
    await arrived(page);
    await place.open?.(page);
  } catch (err) {
    console.error(`${place.name}-${name}: ${String(err.message).split("\n")[0]}`);
  }
  // A page that is live never idles.
  await page.waitForLoadState("networkidle", { timeout: 800 }).catch(() => pause(50));
  await page.screenshot({ path: `shots/${place.name}-${name}.png` });
  // The README opens with this one.
  if (`${place.name}-${name}` === "chat-desktop-light" && !world.hostileChat) {
    await page.screenshot({ path: "../docs/dashboard.jpg", type: "jpeg", quality: 80 });
  }
}
