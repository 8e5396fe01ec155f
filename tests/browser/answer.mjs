// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// One JSON command a line in, one answer a line out, until the input ends. What an act throws is its answer.

import { createInterface } from "node:readline";

export async function answer(acts) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { act, ...about } = JSON.parse(line);
    try {
      process.stdout.write(`${JSON.stringify({ value: (await acts[act](about)) ?? null })}\n`);
    } catch (error) {
      process.stdout.write(`${JSON.stringify({ error: String(error).slice(0, 2000) })}\n`);
    }
  }
}
