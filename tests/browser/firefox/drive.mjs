// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// Debian's Firefox for the tests of the page, with the acts of ../drive.mjs: one JSON command a line in, one answer a line
// out. node drive.mjs MODULES DOWNLOADS

import { createRequire } from "node:module";
import { existsSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { answer } from "../answer.mjs";

const modules = resolve(process.argv[2]), downloads = resolve(process.argv[3]), need = createRequire(join(modules, "x.js"));
const { default: puppeteer } = await import(pathToFileURL(need.resolve("puppeteer-core")).href);
const browser = await puppeteer.launch({
  browser: "firefox", executablePath: "/usr/bin/firefox-esr", headless: true,
  extraPrefsFirefox: {
    "network.proxy.type": 1, "network.proxy.http": "127.0.0.1", "network.proxy.http_port": 9, // no network: nobody is there
    "network.proxy.ssl": "127.0.0.1", "network.proxy.ssl_port": 9,
    "media.autoplay.default": 0, "media.autoplay.blocking_policy": 0, "browser.download.folderList": 2, "browser.download.dir": downloads,
    "browser.download.useDownloadDir": true, "browser.helperApps.neverAsk.saveToDisk": "video/mp4,application/octet-stream,text/plain",
    "browser.download.always_ask_before_handling_new_types": false, "media.hardware-video-decoding.enabled": false,
  },
});
let context, page, requests = [], errors = [];
// Puppeteer clicks where the thing was, and a film that has its height by now has moved it: until the thing itself is clicked.
async function hit(at) {
  await page.evaluate((one) => document.querySelector(one).addEventListener("click", () => (window.wasHit = one), { once: true }), at);
  for (let n = 0; n < 5 && (await page.evaluate(() => window.wasHit)) !== at; n += 1) await page.click(at);
  await page.evaluate(() => delete window.wasHit);
}
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const acts = {
  async open({ url }) {
    await context?.close();
    context = await browser.createBrowserContext();
    page = await context.newPage();
    await page.setViewport({ width: 1100, height: 1400 });
    requests = [];
    errors = [];
    // Of a page on disk Firefox tells no request, and of what it has in itself it does: its own player's letters (data:).
    requests.push(url);
    page.on("request", (request) => request.url() === url || request.url().startsWith("data:") || requests.push(request.url()));
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (said) => said.type() === "error" && errors.push(said.text()));
    await page.goto(url);
  },
  async files({ at, paths }) {
    const input = await page.$(at);
    await page.evaluate((one) => (one.value = ""), input);
    await input.uploadFile(...paths);
  },
  async fill({ at, words }) {
    await page.evaluate((one, value) => (document.querySelector(one).value = value), at, words);
  },
  click: ({ at }) => hit(at),
  type: ({ key }) => page.keyboard.press(key),
  async choose({ at, value }) {
    await page.select(at, value);
  },
  width: ({ px }) => page.setViewport({ width: px, height: 1400 }),
  eval: ({ js }) => page.evaluate(js),
  async wait({ js, ms }) {
    let found;
    for (const until = Date.now() + (ms ?? 30_000); !(found = await page.evaluate(js)); await pause(30)) {
      if (Date.now() > until) throw new Error(`timed out: ${js}; ${await page.evaluate("document.body.dataset.state + ' ' + document.body.innerText.slice(0, 1500)")}`);
    }
    return found;
  },
  async shot({ path }) {
    await page.screenshot({ path, fullPage: true });
  },
  async pdf({ path }) {
    await page.pdf({ path, format: "A4", preferCSSPageSize: true });
  },
  async save({ at, path, ms }) {
    for (const old of readdirSync(downloads)) rmSync(join(downloads, old));
    await hit(at);
    for (const until = Date.now() + (ms ?? 60_000); ; await pause(50)) {
      const [name, ...more] = readdirSync(downloads);
      if (name && !more.length && !name.endsWith(".part")) {
        await pause(300); // its size is last
        renameSync(join(downloads, name), path);
        return name;
      }
      if (Date.now() > until) throw new Error(`nothing was saved, or more than one: ${readdirSync(downloads)}`);
    }
  },
  async axe() {
    await page.evaluate(readFileSync(join(modules, "axe-core/axe.min.js"), "utf8"));
    return page.evaluate(async () => (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(" ")}`));
  },
  requests: () => requests,
  errors: () => errors,
};

if (!existsSync(downloads)) throw new Error(`${downloads} is not there`);
await answer(acts);
await browser.close();
