// Proves that a conversation of 100,000 messages scrolls both ways: fifty pages
// up with a bounded page and no long stops, without the view jumping when older
// messages come in; into the middle by a link and down from there; and back.

import assert from "node:assert/strict";
import { idOf, serveLong } from "./long.mjs";
import { pause, startBrowser, step, watched } from "./stack.mjs";

const count = 100_000;
const pagesUp = 50;
const pageSize = 50;
// Bounds of the page and of stops. A shared machine stops by itself now and then: the longest is generous, the 95th is not.
const mostNodes = 3_000;
const mostBubbles = 120;
const longestFrame = 1_500;
const usualFrame = 150;
const mostJump = 3;

const long = await serveLong({ count, dist: process.env.WEB_DIST ?? "dist" });
const browser = await startBrowser();
const faults = [];
let page;
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB" });
  await context.addInitScript(() => localStorage.setItem("chasqui.signed_in", "1"));
  page = await watched(context, long.origin, faults);
  page.setDefaultTimeout(20_000);

  await step("the newest message is in sight first", async () => {
    await page.goto(`${long.origin}/inbox/chat_long`);
    await inSight(count - 1);
  });

  await step("older messages come in above without the view jumping", async () => {
    for (let n = 0; n < 5; n++) {
      const before = long.asked.length;
      const open = long.hold();
      await wheelUntil(-1500, () => long.asked.length > before);
      await pause(400); // the wheel's own motion ends
      const mark = await middle();
      open();
      await page.waitForFunction(() => !document.querySelector(".talk-older"));
      await pause(400);
      const moved = Math.abs((await topOf(mark.id)) - mark.top);
      assert.ok(moved <= mostJump, `page ${n}: ${mark.id} moved by ${moved} px`);
    }
  });

  await step(`${pagesUp} pages up stay smooth and bounded`, async () => {
    await watch();
    const target = count - pagesUp * pageSize;
    await wheelUntil(-1200, async () => (await topmost()) <= target);
    const seen = await figures();
    console.log(
      `   ${seen.frames} frames: usual ${seen.usual} ms, longest ${seen.longest} ms; at most ${seen.nodes} nodes, ${seen.bubbles} bubbles`,
    );
    assert.ok(seen.nodes <= mostNodes, `${seen.nodes} nodes`);
    assert.ok(seen.bubbles <= mostBubbles, `${seen.bubbles} bubbles`);
    assert.ok(seen.longest <= longestFrame, `a frame of ${seen.longest} ms`);
    assert.ok(seen.usual <= usualFrame, `frames of ${seen.usual} ms`);
    await inOrder();
  });

  await step("a message that comes meanwhile is counted, and moves nothing", async () => {
    const mark = await middle();
    long.write("Are you there? <img src=x onerror=alert(1)>");
    await page.getByRole("button", { name: "Go to the newest message, 1 new" }).waitFor();
    assert.ok(Math.abs((await topOf(mark.id)) - mark.top) <= mostJump);
  });

  await step("and one gets back to the newest at once", async () => {
    await page.getByRole("button", { name: /Go to the newest message/ }).click();
    await inSight(count);
    assert.equal(await page.locator(".bubble img").count(), 0);
    long.write("Still there?");
    await inSight(count + 1);
  });

  await step("who scrolled far up, went into the middle and goes to the newest, gets there", async () => {
    await wheelUntil(-1500, async () => (await topmost()) <= count - 25 * pageSize);
    await page.evaluate((path) => window.history.pushState({}, "", path), `/inbox/chat_long?message=${idOf(70_000)}`);
    await inSight(70_000);
    await page.getByRole("button", { name: /Go to the newest message/ }).click();
    await inSight(count + 1);
  });

  await step("a link leads into the middle, and down from there", async () => {
    await page.goto(`${long.origin}/inbox/chat_long?message=${idOf(50_000)}`);
    await inSight(50_000);
    await pause(500);
    const asked = long.asked.length;
    await wheelUntil(1200, async () => (await bottommost()) >= 50_000 + 4 * pageSize);
    assert.ok(long.asked.length - asked <= 12, `${long.asked.length - asked} pages for a short way`);
    await inOrder();
    await wheelUntil(-1200, async () => (await topmost()) <= 50_000 - 4 * pageSize);
    await inOrder();
  });

  assert.deepEqual(faults, []);
  console.log("ok");
} catch (err) {
  await page?.screenshot({ path: "shots/failed-scroll.png" }).catch(() => undefined);
  console.error(faults.join("\n"));
  console.error(err);
  process.exitCode = 1;
} finally {
  await browser.close();
  await long.stop();
}

// Whether a message is in what one sees of the conversation.
function inSight(i) {
  return page.waitForFunction((id) => {
    const box = document.querySelector(".talk-box")?.getBoundingClientRect();
    const el = document.querySelector(`[data-message="${id}"]`)?.getBoundingClientRect();
    return box && el && el.top >= box.top - 2 && el.bottom <= box.bottom + 2;
  }, idOf(i));
}

async function wheelUntil(by, done) {
  await page.locator(".talk-box").hover();
  for (const start = Date.now(); !(await done()); ) {
    if (Date.now() - start > 120_000) throw new Error("scrolled for two minutes and did not arrive");
    await page.mouse.wheel(0, by);
    await pause(40);
  }
}

function middle() {
  return page.evaluate(() => {
    const box = document.querySelector(".talk-box").getBoundingClientRect();
    const all = [...document.querySelectorAll("[data-message]")];
    const el = all.find((b) => b.getBoundingClientRect().top > box.top + box.height / 3);
    return { id: el.dataset.message, top: el.getBoundingClientRect().top };
  });
}

function topOf(id) {
  return page.evaluate((m) => document.querySelector(`[data-message="${m}"]`)?.getBoundingClientRect().top ?? NaN, id);
}

function numbers() {
  return page.$$eval("[data-message]", (all) => all.map((b) => Number(b.dataset.message.slice(4))));
}

async function topmost() {
  return Math.min(...(await numbers()));
}

async function bottommost() {
  return Math.max(...(await numbers()));
}

// The rows in the page are neighbours, each below the one before.
async function inOrder() {
  const rows = await page.$$eval("[data-message]", (all) =>
    all.map((b) => ({
      n: Number(b.dataset.message.slice(4)),
      top: b.getBoundingClientRect().top,
      bottom: b.getBoundingClientRect().bottom,
    })),
  );
  rows.sort((a, b) => a.n - b.n);
  for (let i = 1; i < rows.length; i++) {
    assert.equal(rows[i].n, rows[i - 1].n + 1, "a message is missing");
    assert.ok(rows[i].top >= rows[i - 1].bottom - 1, `${rows[i].n} covers the one before`);
  }
}

function watch() {
  return page.evaluate(() => {
    const seen = { frames: [], nodes: 0, bubbles: 0 };
    window.seen = seen;
    let last = performance.now();
    const look = (now) => {
      seen.frames.push(now - last);
      last = now;
      if (seen.frames.length % 5 === 0) {
        seen.nodes = Math.max(seen.nodes, document.querySelectorAll("*").length);
        seen.bubbles = Math.max(seen.bubbles, document.querySelectorAll(".bubble").length);
      }
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}

function figures() {
  return page.evaluate(() => {
    const frames = window.seen.frames.toSorted((a, b) => a - b);
    return {
      frames: frames.length,
      usual: Math.round(frames[Math.floor(frames.length * 0.95)]),
      longest: Math.round(frames.at(-1)),
      nodes: window.seen.nodes,
      bubbles: window.seen.bubbles,
    };
  });
}
