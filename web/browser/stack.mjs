// The whole platform for one run of the browser: `chasqui dev` in a folder of
// its own, and Debian's Chromium.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const programs = resolve(process.env.CHASQUI_BIN ?? "../bin");
const upWithin = 90_000;

/** Brings the platform up; gives what it says of itself, and how to end it. */
export async function startStack(...more) {
  const dir = mkdtempSync(join(tmpdir(), "chasqui-browser-"));
  const env = { ...process.env, PACE_FACTOR: "10", CHASQUI_ENV: "test" };
  const child = spawn(join(programs, "chasqui"), ["dev", "--dir", dir, ...more], { env, cwd: dir, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const out of [child.stdout, child.stderr]) out.on("data", (piece) => (said += piece));
  const ended = new Promise((done) => child.once("exit", done));
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  const file = join(dir, "dev.json");
  for (const began = Date.now(); !existsSync(file); await pause(200)) {
    if (child.exitCode !== null || Date.now() - began > upWithin) {
      await stop();
      throw new Error(`the platform did not come up:\n${said}`);
    }
  }
  return { ...JSON.parse(readFileSync(file, "utf8")), stop };
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export function startBrowser() {
  const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
  if (!executablePath) throw new Error("no Chromium: apt-get install chromium");
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath, args });
}

/** Calls the API as a program would. */
export function apiOf(info) {
  return async (method, path, body, headers = {}) => {
    const res = await fetch(info.api_url + path, {
      method,
      headers: { "X-API-Key": info.api_key, ...(body ? { "Content-Type": "application/json" } : {}), ...headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await res.text();
    if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${text}`);
    return headers.Accept ? text : text && JSON.parse(text);
  };
}

/** The phones of the simulated WhatsApp. */
export async function phones(info, path, body) {
  const res = await fetch(info.whatsim_url + path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!res.ok) throw new Error(`whatsim ${path}: ${res.status} ${await res.text()}`);
  return res.json();
}

/** Lets a simulated phone scan the code that a client shows. */
export async function scan(info, client, phone) {
  const qr = await apiOf(info)("GET", `/api/v1/clients/${client}/qr?raw=true`, undefined, { Accept: "text/plain" });
  return phones(info, "/scan", { qr: qr.trim(), phone });
}

/** A page whose misbehaviour is noted: errors, requests to elsewhere, broken policy. */
export async function watched(context, origin, faults) {
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`));
  });
  const page = await context.newPage();
  page.on("pageerror", (e) => faults.push(`error: ${e.message}`));
  page.on("console", (m) => m.type() === "error" && faults.push(`console: ${m.text()}`));
  page.on("request", (r) => {
    const url = new URL(r.url());
    if (url.origin !== origin && !["data:", "blob:"].includes(url.protocol)) faults.push(`request to ${url.origin}`);
  });
  return page;
}

export async function signIn(page, info) {
  await page.goto(`${info.dashboard_url}/sign-in`);
  await page.getByLabel("E-mail address").fill(info.email);
  await page.getByLabel("Password", { exact: true }).fill(info.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Your account" }).waitFor();
}

/**
 * Opens a page until it shows what it should: each process may know a person's
 * place in the team for three seconds.
 */
export async function openUntil(page, url, shown) {
  for (let tries = 0; tries < 5 && !(await shown.isVisible()); tries++) {
    await page.goto(url);
    await shown.waitFor({ timeout: 3000 }).catch(() => undefined);
  }
  await shown.waitFor();
}

/** One thing that somebody does, with the time that it takes. */
export async function step(name, does) {
  const began = Date.now();
  await does();
  console.log(`ok ${name} (${Date.now() - began} ms)`);
}
