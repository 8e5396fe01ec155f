// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// The page, open as a person would have it: from when it is there until the benchmark says that it is enough.
const fs = require("node:fs");
const { story } = require("chromium.js");

story(async (page, said) => {
  await page.goto(said.url);
  await page.waitForFunction(() => document.querySelector("#lamps li"));
  fs.writeFileSync(said.open, "");
  while (!fs.existsSync(said.enough)) await page.waitForTimeout(100);
  return {};
});
