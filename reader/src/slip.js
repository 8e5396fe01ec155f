// A slip for the unit: this recording was opened. Signed with a key that follows from the recording's own, so that only somebody
// who opened it can make one: daemon/slipkey.py, and decision 29.

import { publicKey, signed } from "./sshsig.js";

const LABEL = "spreekkamer-slip/1", NAMESPACE = "spreekkamer-slip";
const utf8 = (words) => new TextEncoder().encode(words);

// The seed of a slip's key that the recording names; null: it names none of these keys' (an earlier release's).
export async function slipSeed(keys, begin) {
  for (const secret of keys.values()) {
    const seed = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(`${LABEL}\n${secret}`)));
    if (begin?.slip_keys?.includes(publicKey(seed))) return seed;
  }
  return null;
}

// A line of the file that goes to the unit. `about`: {purpose, number, on_behalf_of}; `opened`: when. Saved again it is the same slip.
export async function slip(seed, recording_id, about, opened) {
  const opened_at = `${opened.toISOString().slice(0, 19)}Z`;
  const words = JSON.stringify({ recording_id, use: "opened", ...about, opened_at, format: LABEL });
  return JSON.stringify({ slip: words, signature: await signed(seed, NAMESPACE, utf8(words)) }) + "\n";
}
