// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// A newcomer's ten minutes with the page, in a real browser. Prints what was seen; takes a picture of each state.
const { story, violations } = require("chromium.js");

const act = (page, body) => page.evaluate((b) => fetch("act", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(b) }).then((r) => r.json()), body);
const text = (page, id, part) => page.waitForFunction(([i, p]) => document.getElementById(i).textContent.includes(p), [id, part]);

story(async (page, said) => {
  const seen = { axe: {}, pictures: [] };
  const picture = async (name) => {
    if (!said.pictures) return;
    await page.waitForTimeout(300); // a picture is drawn ten times a second: three of them, so that it stands
    await page.screenshot({ path: `${said.pictures}/${name}.png` });
    seen.pictures.push(name);
  };
  await page.goto(said.url);
  await text(page, "lamps", "Klaar");
  await page.waitForFunction(() => document.querySelector("#seconds-draw svg")?.getAttribute("aria-label").includes("s in het geheugen"));
  seen.axe.ready = await violations(page);
  await picture("ready");

  // Press the red button with the mouse.
  const alarm = page.locator("[data-button=alarm]");
  await alarm.hover();
  await page.mouse.down();
  await page.waitForTimeout(200); // a finger's press
  await page.mouse.up();
  await text(page, "lamps", "Alarm ontvangen");
  await text(page, "lamps", "Er wordt opgenomen");
  await page.waitForFunction(() => document.querySelector("#beads svg").getAttribute("aria-label").includes("opgeslagen"));
  seen.beads = await page.locator("#beads svg").getAttribute("aria-label");
  await page.waitForFunction(() => document.querySelectorAll("#seconds-draw rect.before").length >= 2);
  seen.axe.alarm = await violations(page);
  await picture("alarm");
  await page.locator("#accept").click();
  await text(page, "lamps", "Iemand komt");
  await page.locator("#reset").click();
  await text(page, "phase-text", "opname eindigt");

  // Pull the broker's plug, press, put it back: it arrives, marked late.
  await page.locator('[data-fault="broker.unplugged"]').click();
  await page.waitForFunction(() => document.querySelector('[data-fault="broker.unplugged"]').getAttribute("aria-pressed") === "true");
  await text(page, "faults-now", "broker");
  await alarm.focus();
  await page.keyboard.down("Enter");
  await page.waitForTimeout(200); // a finger's press
  await page.keyboard.up("Enter");
  await text(page, "lamps", "Niemand luistert");
  seen.axe.nobody = await violations(page);
  await picture("nobody");
  await page.waitForTimeout(said.late_ms); // an alarm is marked as late when it is ten seconds old: the story is that it waits
  await page.locator('[data-fault="broker.unplugged"]').click();
  await text(page, "desk-open", "te laat verstuurd");
  await text(page, "lamps", "Alarm ontvangen");
  await page.locator("#reset").click();
  await text(page, "phase-text", "gereed");

  // A week: the sound goes, with its receipt. Three more: the image.
  await page.waitForFunction(() => document.querySelectorAll("#store [data-play]").length >= 1);
  await page.locator('[data-pass="604800"]').click();
  await page.waitForFunction(() => document.querySelector("#weeks-draw svg").textContent.includes("♪ gewist"));
  await text(page, "log-list", "deleted");
  await text(page, "log-list", "track=audio");
  await picture("week");
  for (let week = 0; week < 3; week += 1) await page.locator('[data-pass="604800"]').click();
  await page.waitForFunction(() => !document.querySelector("#weeks-draw rect.kept"));
  await text(page, "log-list", "track=video");
  seen.axe.weeks = await violations(page);

  // By keyboard alone: every control can be reached, and has a name.
  const controls = await page.evaluate(() => [...document.querySelectorAll("button:not([disabled]), summary, [tabindex='0']")].filter((n) => n.checkVisibility() && !n.closest("dialog")).length);
  await page.evaluate(() => { document.activeElement.blur(); window.scrollTo(0, 0); });
  const reached = new Set();
  for (let n = 0; n < controls + 80; n += 1) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate(() => {
      const a = document.activeElement;
      if (!a || a === document.body) return "";
      a.dataset.reached ||= String(Math.random());
      return a.dataset.reached;
    }));
  }
  reached.delete("");
  // Messages come while somebody tabs through them, and the list is drawn anew: one of it is enough, and it keeps the focus.
  const missed = await page.evaluate(() => [...document.querySelectorAll("button:not([disabled]), summary")].filter((n) => n.checkVisibility() && !n.closest("dialog, #message-list") && !n.dataset.reached).map((n) => n.outerHTML.slice(0, 100)));
  const focused = await page.evaluate(() => { const one = document.querySelector("#message-list summary"); one.focus(); return one.parentElement.dataset.n; });
  await act(page, { act: "test" });
  await page.waitForFunction((n) => document.querySelector("#message-list details").dataset.n !== n, focused);
  seen.keeps_focus = await page.evaluate((n) => document.activeElement.closest("details")?.dataset.n === n, focused);
  Object.assign(seen, { controls, reached: reached.size, missed });

  // English, a phone, the dark.
  await page.locator("#lang").click();
  await text(page, "phase-text", "ready");
  await picture("english");
  await page.setViewportSize({ width: 320, height: 700 });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForFunction(() => document.querySelector("#seconds-draw svg").getAttribute("width") < 320);
  seen.overflow = await page.evaluate(() => document.documentElement.scrollWidth);
  seen.axe.phone_dark = await violations(page);
  await picture("phone-dark");
  await page.setViewportSize({ width: 1280, height: 800 });
  await picture("dark");
  await page.waitForFunction(() => document.documentElement.scrollHeight <= 800, null, { timeout: 20_000 }).catch(() => {}); // drawn anew
  seen.fits = await page.evaluate(() => document.documentElement.scrollHeight);
  seen.scenario = await page.evaluate(async () => {
    const { scenario } = await import("./scenario.mjs");
    return scenario([{ act: "hold", button: "alarm", t: 0, at: 0 }, { act: "release", button: "alarm", t: 300, at: 300 }, { act: "fault", name: "broker.unplugged", on: true, t: 5000, at: 5000 }], "heusden-2020", "nl");
  });
  return seen;
}, { locale: "nl-NL" });
