// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// Reads a JSON list of [schema, [payload, …]] on standard input; writes, in their order, which payloads Ajv takes.
// Payloads are texts, as on the wire. Ajv reads patterns by ECMAScript's rules, as receivers in JavaScript do.
"use strict";

const { join } = require("node:path");

const paths = [join(__dirname, "..", "..", ".node")];
const Ajv = require(require.resolve("ajv/dist/2020", { paths })).default;
const formats = require(require.resolve("ajv-formats", { paths })).default;

function takes(validate, payload) {
  try {
    return validate(JSON.parse(payload));
  } catch {
    return false;
  }
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const found = JSON.parse(Buffer.concat(chunks).toString("utf-8")).map(([schema, payloads]) => {
    const validate = formats(new Ajv({ strict: true, strictTypes: false })).compile(schema);
    return payloads.map((payload) => takes(validate, payload));
  });
  process.stdout.write(JSON.stringify(found));
}

main();
