// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// Debian's Chromium, headless, that goes nowhere by itself; and what a story needs around its page.
const fs = require("node:fs");
const { chromium } = require("playwright-core");

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"];

/** Runs `tell(page, said, facts, browser)`, and prints what it returns. Errors of the page fail the story. */
exports.story = async (tell, options = {}) => {
  const said = JSON.parse(fs.readFileSync(0, "utf8"));
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, ...options });
  page.setDefaultTimeout(60_000); // a busy machine; what is waited for is a fact
  const wrong = [];
  const asked = [];
  page.on("pageerror", (error) => wrong.push(`${error.message}\n${error.stack}`));
  page.on("console", (message) => { if (message.type() === "error") wrong.push(message.text()); });
  page.on("request", (request) => asked.push(request.url()));
  try {
    const found = await tell(page, said, { asked, wrong }, browser);
    console.log(JSON.stringify({ ...found, asked: [...new Set(asked.map((url) => new URL(url).origin))], wrong }));
  } catch (error) {
    if (said.pictures) await page.screenshot({ path: `${said.pictures}/failed.png` }).catch(() => {});
    console.error(error, wrong);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
};

/** What axe-core finds wrong with the page as it is now: rule, and the first place. */
exports.violations = async (page) => {
  await page.evaluate(fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
  return page.evaluate(async () => (await globalThis.axe.run()).violations.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 160)} (${v.nodes.length})`));
};
