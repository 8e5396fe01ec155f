// The pictures of the guide: the page in the states of a newcomer's ten minutes, in English. Prints what it took.
const { story } = require("chromium.js");

const text = (page, id, part) => page.waitForFunction(([i, p]) => document.getElementById(i).textContent.includes(p), [id, part]);

story(async (page, said) => {
  const taken = [];
  const picture = async (name, part) => {
    await page.mouse.move(0, 0);
    await page.waitForTimeout(400); // drawn ten times a second: so that it stands
    await (part ? page.locator(part) : page).screenshot({ path: `${said.to}/${name}.png` });
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
  await page.evaluate(() => document.body.classList.add("still"));
  await picture("room");
  await page.evaluate(() => document.body.classList.remove("still"));
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
  await page.waitForFunction(() => document.querySelector("#weeks-draw svg").textContent.includes("♪ deleted"));
  await text(page, "log-list", "track=audio");
  await picture("week", "#weeks");
  return { taken };
}, { locale: "en-GB" });
