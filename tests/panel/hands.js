// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// What else hands do with the page: a link to a state, a film, a copy of what was done; and a room that is killed under it.
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const { story } = require("chromium.js");

const text = (page, id, part) => page.waitForFunction(([i, p]) => document.getElementById(i).textContent.includes(p), [id, part]);

story(async (page, said, _, browser) => {
  const seen = {};
  const [program, ...words] = said.command;
  let room;
  const start = async () => {
    room = spawn(program, words, { stdio: ["ignore", "ignore", "inherit"], cwd: said.cwd });
    for (const until = Date.now() + 60_000; Date.now() < until; await page.waitForTimeout(200)) {
      try {
        const { port, token } = JSON.parse(fs.readFileSync(said.kept, "utf8"));
        if ((await fetch(`http://127.0.0.1:${port}/${token}/`)).ok) return `http://127.0.0.1:${port}/${token}/`;
      } catch { /* not there yet */ }
    }
    throw new Error("the room did not start");
  };
  try {
    const url = await start();
    seen.url = url;
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: new URL(url).origin });

    // A link brings the room into a state.
    await page.goto(`${url}#fault=alarm.cut&clock=lost`);
    await page.waitForFunction(() => document.querySelector('[data-fault="alarm.cut"]')?.getAttribute("aria-pressed") === "true");
    await text(page, "sync", "nee");
    await text(page, "faults-now", "alarm_button");
    await page.locator("#link").click();
    await text(page, "said", "Gekopieerd");
    seen.link = await page.evaluate(() => navigator.clipboard.readText());
    await page.locator("#mend").click();
    await page.locator("#sync").click();
    await text(page, "lamps", "Klaar");

    // A conversation, and its film with the demonstration keys.
    await page.waitForFunction(() => document.querySelector("#seconds-draw svg")?.getAttribute("aria-label").includes("s in het geheugen"));
    for (let n = 0; n < 2; n += 1) {
      await page.locator("[data-button=record]").hover();
      await page.mouse.down();
      await page.waitForTimeout(200); // a finger's press
      await page.mouse.up();
      await text(page, "phase-text", n ? "gereed" : "gesprek");
      if (!n) await page.waitForTimeout(2000); // a conversation of two seconds
    }
    await page.locator("#store [data-play]").first().click();
    await page.waitForFunction(() => document.getElementById("film-video").readyState >= 1);
    seen.film_s = await page.evaluate(() => document.getElementById("film-video").duration);
    seen.film_note = await page.locator("#film-note").textContent();
    await page.locator("#film button").click();

    await page.locator("#copy").click();
    await text(page, "said", "Gekopieerd");
    seen.scenario = await page.evaluate(() => navigator.clipboard.readText());

    // The room is killed; the page says so, and comes back with it at the same address.
    room.kill("SIGKILL");
    await text(page, "away", "De kamer is weg");
    seen.same = (await start()) === url;
    await page.waitForFunction(() => document.getElementById("away").textContent === "" && !document.body.classList.contains("gone"));
    await text(page, "lamps", "Klaar");
  } finally {
    room?.kill("SIGTERM");
    await new Promise((done) => (room ? room.once("exit", done) : done()));
  }
  return seen;
}, { locale: "nl-NL" });
