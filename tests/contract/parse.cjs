// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// Reads a JSON list of AsyncAPI documents on standard input; writes what the AsyncAPI parser says of each, in their order.
// A finding has a severity (0 error, 1 warning, 2 information, 3 hint), a rule's code, a path and a message.
"use strict";

const { join } = require("node:path");

const installed = join(__dirname, "..", "..", ".node");
const { Parser } = require(require.resolve("@asyncapi/parser", { paths: [installed] }));

const parser = new Parser();

async function judge(document) {
  const { diagnostics } = await parser.parse(JSON.stringify(document));
  return diagnostics.map(({ severity, code, path, message }) => ({ severity, code, path: path.join("."), message }));
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const found = [];
  for (const document of JSON.parse(Buffer.concat(chunks).toString("utf-8"))) found.push(await judge(document));
  process.stdout.write(JSON.stringify(found));
}

main();
