// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// Files of `notice page` on a phone and a desktop, in light, dark and on paper: what axe-core finds, how wide each is,
// which links the keyboard reaches, what was asked for. With `pictures` each is taken, to be looked at.
const { story, violations } = require("chromium.js");

story(async (page, said) => {
  const seen = {};
  for (const [name, url] of Object.entries(said.pages)) {
    const one = (seen[name] = { axe: {}, wide: {} });
    await page.goto(url);
    for (const [look, media] of [["light", { media: "screen", colorScheme: "light" }], ["dark", { media: "screen", colorScheme: "dark" }], ["print", { media: "print", colorScheme: "light" }]]) {
      await page.emulateMedia(media);
      for (const width of [360, 1200]) {
        await page.setViewportSize({ width, height: 800 });
        one.axe[`${look} ${width}`] = await violations(page);
        one.wide[`${look} ${width}`] = (await page.evaluate(() => document.documentElement.scrollWidth)) - width;
        if (said.pictures) await page.screenshot({ path: `${said.pictures}/${name}-${look}-${width}.png`, fullPage: true });
      }
    }
    await page.emulateMedia({ media: "screen" });
    one.links = await page.locator("a").count();
    one.reached = [];
    for (let n = 0; n < one.links; n += 1) {
      await page.keyboard.press("Tab");
      one.reached.push(await page.evaluate(() => document.activeElement.textContent + (getComputedStyle(document.activeElement).outlineStyle === "none" ? ": no outline" : "")));
    }
    if (one.links) await page.keyboard.press("Enter");
    one.led = await page.evaluate(() => document.querySelector(":target")?.textContent ?? "");
    one.text = await page.evaluate(() => document.body.innerText);
  }
  return { seen };
}, { locale: "nl-NL" });
