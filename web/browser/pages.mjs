// Every page as people see it: at two sizes, light and dark, as an admin, a viewer and an agent, over data that
// somebody hopes is markup. One line for each; fails on whatever checks.mjs finds, and on what the browser complains of.

import { cpus, loadavg } from "node:os";
import { faultsOf, figures, measure, paceOf } from "./checks.mjs";
import { arrived, places } from "./places.mjs";
import { pause, signIn, startBrowser, startStack, watched } from "./stack.mjs";
import { fill } from "./world.mjs";

const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const usableWithin = 1000; // milliseconds, of the first page of a visit
const slowestPace = 2; // beyond that a slow machine is no excuse
const shiftAtMost = 0.1;
const only = process.env.PAGES?.split(",");

const info = await startStack();
const browser = await startBrowser();
const bad = [];
let world;
try {
  world = await fill(info, { withHostile: true });
  const all = places(world).filter((p) => !only || only.includes(p.name));
  await visit(
    "nobody",
    undefined,
    all.filter((p) => p.door),
  );
  for (const [role, who] of Object.entries({ admin: info, viewer: world.viewer, agent: world.agent })) {
    await visit(
      role,
      who,
      all.filter((p) => p.who?.includes(role)),
    );
  }
  if (bad.length > 0) throw new Error(`${bad.length} faults`);
  console.log("ok");
} catch (err) {
  console.error(err);
  process.exitCode = 1;
} finally {
  world?.stop();
  await browser.close();
  await info.stop();
}

/** Goes to pages as somebody. */
async function visit(role, who, pages) {
  if (pages.length === 0) return;
  const faults = [];
  const context = await browser.newContext({ locale: "en-US", viewport: sizes.desktop, reducedMotion: "reduce" });
  await measure(context);
  const page = await watched(context, new URL(info.dashboard_url).origin, faults);
  page.setDefaultTimeout(15_000);
  if (who) await signIn(page, { ...info, ...who });
  else await page.goto(`${info.dashboard_url}/sign-in`); // warm
  for (const place of pages) await look(page, role, place, faults);
  await context.close();
}

async function look(page, role, place, faults) {
  const found = [];
  let times;
  for (const size of Object.keys(sizes)) {
    faults.length = 0;
    try {
      const got = await views(page, role, place, size, found);
      times ??= got;
    } catch (err) {
      found.push(
        `${size}: ${String(err.message ?? err)
          .split("\n")
          .slice(0, 3)
          .join(" ")}`,
      );
    }
    const refused = /status of 4\d\d/; // what the browser says of an answer that is right here
    found.push(...faults.filter((f) => !place.fails || !refused.test(f)).map((f) => `${size}: ${f}`));
  }
  if (place.first && !(times?.usable <= usableWithin) && !crowded()) {
    const pace = Math.min(slowestPace, await paceOf(page));
    if (!(times?.usable <= usableWithin * pace))
      found.push(`usable after ${Math.round(times?.usable)} ms, at a pace of ${pace.toFixed(2)}`);
  }
  report(role, place, times, [...new Set(found)]);
}

/** Looks at a page at one size: as it is, and, as an admin or nobody, in the other colours too. */
async function views(page, role, place, size, found) {
  const note = (list, view) => found.push(...list.map((f) => `${view}: ${f}`));
  const schemes = size === "desktop" ? ["light", "dark"] : ["dark", "light"];
  await page.emulateMedia({ colorScheme: schemes[0] });
  await page.setViewportSize(sizes[size]);
  const times = await load(page, place, size === "desktop" && place.first);
  if (times.shift > shiftAtMost) note([`jumps by ${times.shift.toFixed(2)}: ${times.worst}`], size);
  await place.open?.(page);
  await rest(page);
  note(await judge(page, role, place), `${size} ${schemes[0]}`);
  if (role === "viewer" || role === "agent") return times;
  await page.emulateMedia({ colorScheme: schemes[1] });
  // The page hears of it in its own time; half changed, no text can be read.
  await page.waitForFunction((scheme) => document.documentElement.dataset.mantineColorScheme === scheme, schemes[1]);
  await rest(page);
  note(await faultsOf(page), `${size} ${schemes[1]}`);
  return times;
}

// Where others wait for every processor too, times tell about them.
function crowded() {
  return loadavg()[0] > 2 * cpus().length;
}

function report(role, place, times, found) {
  const figures = times ? `usable ${Math.round(times.usable)} ms, jumps ${times.shift.toFixed(3)}` : "";
  console.log(`${found.length > 0 ? "FAIL" : "ok  "} ${role.padEnd(7)}${place.name.padEnd(16)} ${figures}`);
  for (const f of found) console.log(`       ${f}`);
  bad.push(...found);
}

/** Loads a page anew; where it matters how fast, the best of five, because others work on this machine too. */
async function load(page, place, again) {
  let best;
  for (let n = 0; n < (again ? 5 : 1); n++) {
    await page.goto("about:blank"); // a changed # alone loads nothing
    await page.goto(info.dashboard_url + place.path);
    await arrived(page);
    await rest(page);
    const got = await figures(page);
    if (!best || got.usable < best.usable) best = { ...got, shift: Math.max(got.shift, best?.shift ?? 0) };
    if (best.usable <= usableWithin || !again) break;
  }
  return best;
}

/** Lets what is under way come to an end: a page that is live never idles. */
function rest(page) {
  return page.waitForLoadState("networkidle", { timeout: 400 }).catch(() => pause(50));
}

async function judge(page, role, place) {
  const found = await faultsOf(page);
  const text = await page.locator("body").innerText();
  if (place.text && !place.notFor?.includes(role) && !text.includes(place.text)) found.push(`does not show ${place.text}`);
  if (role === "viewer" && (await page.getByRole("button", { name: /^(Send|New message)/ }).count()) > 0)
    found.push("a viewer is offered to send");
  if (role === "agent" && text.includes("Sales Jakarta")) found.push("an agent sees another's number");
  return found;
}
