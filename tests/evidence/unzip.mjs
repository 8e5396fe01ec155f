// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// The page's own reader of zips, without a page: paths in, one line of JSON out for each, names with SHA-256 or why not.

import { createHash } from "node:crypto";
import { openAsBlob } from "node:fs";
import { createInterface } from "node:readline";
import { Refused, unzip } from "../../reader/src/zip.js";

for await (const path of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const files = {};
    for (const [name, blob] of await unzip(await openAsBlob(path))) files[name] = createHash("sha256").update(new Uint8Array(await blob.arrayBuffer())).digest("hex");
    answer = { files };
  } catch (error) {
    answer = error instanceof Refused ? { refused: error.message } : { crash: String(error.stack) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
