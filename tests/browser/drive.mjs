// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// A browser for the tests of the page: one JSON command a line in, one answer a line out. node drive.mjs MODULES
// Every request that a page makes, and every error that it has, is kept and told by `requests` and `errors`.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { answer } from "./answer.mjs";

const modules = resolve(process.argv[2]), need = createRequire(join(modules, "x.js"));
const { chromium } = need("playwright-core");
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required", "--enable-precise-memory-info"];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
let context, page, requests = [], errors = [];

const acts = {
  async open({ url }) {
    await context?.close();
    context = await browser.newContext({ acceptDownloads: true, viewport: { width: 1100, height: 1400 } });
    await context.setOffline(true);
    page = await context.newPage();
    requests = [];
    errors = [];
    page.on("request", (request) => requests.push(request.url()));
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (said) => said.type() === "error" && errors.push(said.text()));
    await page.goto(url);
  },
  files: ({ at, paths }) => page.setInputFiles(at, paths),
  fill: ({ at, words }) => page.fill(at, words),
  click: ({ at }) => page.click(at),
  type: ({ key }) => page.keyboard.press(key),
  choose: ({ at, value }) => page.selectOption(at, value),
  width: ({ px }) => page.setViewportSize({ width: px, height: 1400 }),
  eval: ({ js }) => page.evaluate(js),
  async wait({ js, ms }) { // not waitForFunction, which the page's own policy forbids: it would eval in the page
    let found;
    for (const until = Date.now() + (ms ?? 30_000); !(found = await page.evaluate(js)); await page.waitForTimeout(30)) {
      if (Date.now() > until) throw new Error(`timed out: ${js}; ${await page.evaluate("document.body.dataset.state + ' ' + document.body.innerText.slice(0, 1500)")}`);
    }
    return found;
  },
  shot: ({ path, at }) => (at ? page.locator(at).screenshot({ path }) : page.screenshot({ path, fullPage: true })),
  pdf: ({ path }) => page.pdf({ path, format: "A4", preferCSSPageSize: true }),
  async save({ at, path, ms }) {
    const [download] = await Promise.all([page.waitForEvent("download", { timeout: ms ?? 60_000 }), page.click(at)]);
    await download.saveAs(path);
    return download.suggestedFilename();
  },
  async axe() {
    const session = await context.newCDPSession(page); // past the page's own policy, which lets no other script run
    await session.send("Runtime.evaluate", { expression: readFileSync(join(modules, "axe-core/axe.min.js"), "utf8") });
    return page.evaluate(async () => (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(" ")}`));
  },
  requests: () => requests,
  errors: () => errors,
};

await answer(acts);
await browser.close();
