// Weighs what a browser must load before it shows anything: the entry of the
// built dashboard with all that it imports at once, as gzip sends it. Run after
// a build; fails when that is more than the budget.

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

const budget = 220_000;
const dist = resolve(import.meta.dirname, "dist");
const assets = join(dist, "assets");

const page = readFileSync(join(dist, "index.html"), "utf8");
const first = [...page.matchAll(/(?:src|href)="\/assets\/([^"]+\.js)"/g)].map((m) => m[1]);
if (first.length === 0) fail("dist/index.html loads no script: was there a build?");

// What is imported at once, however deep; import("…") is for later.
const now = new Map();
for (const todo = [...first]; todo.length > 0; ) {
  const name = todo.pop();
  if (now.has(name)) continue;
  const text = readFileSync(join(assets, name));
  now.set(name, gzipSync(text, { level: 9 }).length);
  for (const m of text.toString().matchAll(/(?:import|from)\s*["']\.\/([^"']+\.js)["']/g)) todo.push(m[1]);
}

const later = readdirSync(assets)
  .filter((f) => f.endsWith(".js") && !now.has(f))
  .map((f) => [f, gzipSync(readFileSync(join(assets, f)), { level: 9 }).length])
  .sort((a, b) => b[1] - a[1]);
const total = [...now.values()].reduce((a, b) => a + b, 0);

console.log("At once, gzipped:");
for (const [name, size] of [...now].sort((a, b) => b[1] - a[1])) console.log(`  ${kb(size)}  ${name}`);
console.log(`  ${kb(total)}  of ${kb(budget).trim()}`);
console.log(`Later: ${later.length} scripts, the largest:`);
for (const [name, size] of later.slice(0, 5)) console.log(`  ${kb(size)}  ${name}`);
if (total > budget) fail(`The entry is ${kb(total - budget).trim()} over its budget: load something later, with import().`);

function kb(bytes) {
  return `${(bytes / 1_000).toFixed(1)} kB`.padStart(9);
}

function fail(why) {
  console.error(why);
  process.exit(1);
}
