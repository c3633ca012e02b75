// A browser that reaches this machine alone, and what every test wants of it.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const here = path.dirname(fileURLToPath(import.meta.url));
const screenshots = process.env.TESSERA_TEST_SCREENSHOTS ?? path.join(here, "../../target/screenshots");
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // No name is looked up anywhere: what is not on this machine does not exist.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
];

/** Starts Debian's Chromium with an empty profile of its own. */
export const launch = () =>
  chromium.launch({ executablePath: process.env.TESSERA_TEST_CHROMIUM ?? "/usr/bin/chromium", args: flags });

/** One person's browser: cookies of its own. Fails the test on a script error or a breach of the page's policy. */
export async function person(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) faults.push(message.text());
  });
  return { context, page, faults };
}

/** Holds a page against WCAG 2.2 A and AA and axe's best practice. */
export async function assertAccessible(page, name) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axeSource);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await page.evaluate(
    (values) => globalThis.axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"] }),
    tags,
  );
  const told = violations.flatMap(({ id, help, nodes }) => nodes.map(({ target }) => `${id}: ${help} (${target})`));
  assert.deepEqual(told, [], `${name} is not accessible`);
}

async function assertFits(page, file) {
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(sideways <= 0, `${file} scrolls sideways by ${sideways} px`);
}

/** Once another scheme's colours, or the focus, are on the page: what changes over 1 ms is half-way for a frame. */
export const settled = (page) =>
  page.evaluate(async () => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})));
  });

/** Looks at a page as people see it: wide and narrow, light and dark. Each is kept as a picture and held against axe;
 * none may scroll sideways, at 320 px neither. */
export async function look(page, name) {
  mkdirSync(screenshots, { recursive: true });
  for (const width of [1280, 390]) {
    for (const colorScheme of ["light", "dark"]) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await settled(page);
      const file = `${name}-${width}-${colorScheme}.png`;
      await page.screenshot({ path: path.join(screenshots, file), fullPage: true });
      await assertAccessible(page, file);
      await assertFits(page, file);
    }
  }
  await page.setViewportSize({ width: 320, height: 700 });
  await assertFits(page, `${name} at 320 px`);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: "light" });
}
