// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// The page's own law, without a page: directories in, one line of JSON out for each: whole or not, and what is wrong.

import { openAsBlob, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { judge } from "../../reader/src/judge.js";
import { recordings } from "../../reader/src/source.js";

for await (const path of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const given = [];
    for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) given.push({ name: join(entry.parentPath ?? entry.path, entry.name).slice(path.length + 1), file: new Blob([readFileSync(join(entry.parentPath ?? entry.path, entry.name))]) });
    }
    const [one] = await recordings(given), { whole, faults } = await judge(one, null);
    answer = { whole, faults: faults.map(({ path: name, what }) => [name, what]) };
  } catch (error) {
    answer = { crash: String(error.stack) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
