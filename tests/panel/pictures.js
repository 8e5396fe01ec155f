// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// The pictures of the guide: the page in the states of a newcomer's ten minutes, in English. Prints what it took.
// With `every`: each of six states on a desktop, a phone and in the dark, to be looked at; a phone's whole length.
const { story } = require("chromium.js");

const text = (page, id, part) => page.waitForFunction(([i, p]) => document.getElementById(i).textContent.includes(p), [id, part]);

story(async (page, said) => {
  const taken = [];
  const every = async (name) => {
    for (const [kind, width, height, colorScheme] of [["desktop", 1280, 800, "light"], ["dark", 1280, 800, "dark"], ["phone", 320, 700, "light"], ["phone-dark", 320, 700, "dark"]]) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme });
      await page.waitForFunction((w) => document.querySelector("#seconds-draw svg").getAttribute("width") < w, width);
      await page.waitForTimeout(400);
      await page.screenshot({ path: `${said.to}/${name}-${kind}.png`, fullPage: width < 700 });
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.emulateMedia({ colorScheme: "light" });
  };
  const picture = async (name, part) => {
    await page.mouse.move(0, 0);
    if (said.every) return every(name);
    if (part) await page.setViewportSize({ width: 1280, height: 850 }); // all of the part, without a scroll
    await page.waitForTimeout(400); // drawn ten times a second: so that it stands
    if (name !== "nobody") await page.waitForFunction(() => document.querySelector("#plan .status.lit")); // of a lamp that blinks
    await (part ? page.locator(part) : page).screenshot({ path: `${said.to}/${name}.png` });
    await page.setViewportSize({ width: 1280, height: 800 });
    taken.push(name);
  };
  await page.goto(said.url);
  await page.locator("#lang").click();
  await text(page, "lamps", "Ready");
  await page.waitForFunction(() => /sound: (29|3\d) s in memory/.test(document.querySelector("#seconds-draw svg")?.getAttribute("aria-label") ?? ""));
  await page.waitForTimeout(1500); // the ring's last second
  await picture("ready");

  const press = async (name) => {
    await page.locator(`[data-button=${name}]`).hover();
    await page.mouse.down();
    await page.waitForTimeout(200); // a finger's press
    await page.mouse.up();
  };
  await press("alarm");
  await text(page, "lamps", "Alarm received");
  await page.waitForFunction(() => document.querySelectorAll("#seconds-draw rect.before").length >= 2);
  await page.waitForTimeout(8000); // what follows the press grows, so that the picture shows it
  await picture("alarm");
  if (!said.every) {
    await page.evaluate(() => document.body.classList.add("still"));
    await picture("room");
    await page.evaluate(() => document.body.classList.remove("still"));
  }
  await page.locator("#accept").click();
  await text(page, "lamps", "Somebody comes");
  await page.locator("#reset").click();
  await text(page, "phase-text", "ready");

  await page.locator('[data-fault="broker.unplugged"]').click();
  await text(page, "faults-now", "broker");
  await press("alarm");
  await text(page, "lamps", "Nobody is listening");
  await page.waitForFunction(() => document.querySelector("#beads svg").textContent.includes("Nobody"));
  await picture("nobody");
  await page.waitForTimeout(11_000); // an alarm is late when it is ten seconds old
  await page.locator('[data-fault="broker.unplugged"]').click();
  await text(page, "desk-open", "sent late");
  await page.locator("#reset").click();
  await text(page, "phase-text", "ready");

  await page.locator('[data-pass="604800"]').click();
  await page.waitForFunction(() => /^(?!.*♪ goes).*♪ deleted/s.test(document.querySelector("#weeks-draw svg").textContent));
  await text(page, "log-list", "track=audio");
  await picture("week", "#weeks");
  if (said.every) {
    await press("record");
    await text(page, "phase-text", "a conversation is recorded");
    await page.waitForFunction(() => document.querySelectorAll("#seconds-draw rect.before").length >= 2);
    await picture("recording");
    await press("record");
    await text(page, "phase-text", "the recording ends");
    await picture("ending");
  }
  return { taken };
}, { locale: "en-GB" });
