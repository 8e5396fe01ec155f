// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// Pictures of files as a browser shows them: the first A5 of each.
const { story } = require("chromium.js");

story(async (page, said) => {
  await page.setViewportSize({ width: 560, height: 794 });
  for (const [name, url] of Object.entries(said.files)) {
    await page.goto(url);
    await page.screenshot({ path: `${said.to}/${name}.png` });
  }
  return {};
}, { locale: "nl-NL" });
