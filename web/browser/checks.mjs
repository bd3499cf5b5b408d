// What can be wrong with a page that somebody looks at.

import { readFileSync } from "node:fs";

const axe = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

/** Has a context's pages note how much they jump, and when they could be used. */
export async function measure(context) {
  await context.addInitScript(() => {
    window.seen = { jumps: [], usable: undefined };
    new PerformanceObserver((list) => {
      for (const e of list.getEntries()) {
        if (e.hadRecentInput) continue;
        const what = e.sources.map((s) => s.node?.className || s.node?.nodeName || "?").slice(0, 3);
        window.seen.jumps.push({ by: e.value, what });
      }
    }).observe({ type: "layout-shift", buffered: true });
    const look = () => {
      const stands = [...document.querySelectorAll("h1, h2, .bubble")].some((e) => e.checkVisibility());
      if (stands && !document.querySelector(".mantine-Skeleton-root[data-visible]")) {
        window.seen.usable = performance.now();
      } else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}

// What paceOf took on the machine on which a second was found to be reached.
const usualPace = 150; // milliseconds

/** How much slower than usual this machine is right now at what pages are made of: 1, or more. */
export async function paceOf(page) {
  await page.goto("about:blank");
  const took = await page.evaluate(() => {
    const rows = Array.from({ length: 4000 }, (_, i) => ({ id: `id_${i}`, n: i, text: "words ".repeat(8) }));
    const once = () => {
      const began = performance.now();
      for (let n = 0; n < 10; n++) JSON.parse(JSON.stringify(rows)).sort((a, b) => (a.text + a.id < b.text + b.id ? 1 : -1));
      const list = document.createElement("ul");
      list.append(...rows.map((r) => Object.assign(document.createElement("li"), { textContent: r.text })));
      document.body.append(list);
      list.getBoundingClientRect(); // lays it out
      list.remove();
      return performance.now() - began;
    };
    return Array.from({ length: 5 }, once).sort((a, b) => a - b)[2];
  });
  return Math.max(1, took / usualPace);
}

/** How much a page jumped since it was loaded, and when it could be used, in milliseconds. */
export async function figures(page) {
  const { jumps, usable } = await page.evaluate(() => window.seen);
  const shift = jumps.reduce((sum, j) => sum + j.by, 0);
  const worst = jumps.sort((a, b) => b.by - a.by)[0];
  return { shift, worst: worst ? worst.what.join(", ") : "", usable: usable ?? Number.POSITIVE_INFINITY };
}

/** Everything that is wrong with how a page looks and reads now, in words. */
export async function faultsOf(page) {
  return [...(await page.evaluate(wide)), ...(await page.evaluate(alive)), ...(await nameless(page)), ...(await axeFaults(page))];
}

function wide() {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width + 1) return [];
  const out = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > width + 1);
  const names = out.slice(-3).map((e) => `${e.tagName.toLowerCase()}.${String(e.className).slice(0, 60)}`);
  return [`${document.documentElement.scrollWidth} px wide in ${width}: ${names.join(", ")}`];
}

// Stored text that became more than text.
function alive() {
  const born = [...document.querySelectorAll('img[src="x"], [onerror], [onload], [data-hostile], script:not([src])')];
  const out = born.map((e) => `markup became an element: ${e.outerHTML.slice(0, 120)}`);
  return window.hostile === undefined ? out : [...out, "stored markup ran"];
}

const controls = "button|link|textbox|searchbox|checkbox|switch|combobox|radio|tab|menuitem|slider|spinbutton|option";

async function nameless(page) {
  const tree = await page.locator("body").ariaSnapshot();
  const lines = tree.split("\n").filter((l) => new RegExp(`^\\s*- (${controls})(:|$| \\[)`).test(l));
  return lines.map((l) => `a control without a name: ${l.trim()}`);
}

async function axeFaults(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .map(
      (v) =>
        `${v.id}: ${v.help}: ${v.nodes
          .slice(0, 3)
          .map((n) => `${n.target.join(" ")} ${shown(n)}`)
          .join(" | ")}`,
    );
}

const shown = (n) => n.html.replace(/\s+/g, " ").slice(0, 140) + (n.any[0]?.data?.contrastRatio ? ` (${n.any[0].data.contrastRatio})` : "");
