// Envelopes, layer by layer, and segments: daemon/evidence/opening.py. Secret keys are variables of this tab, nothing else.

import { Decrypter, Encrypter, armor, generateX25519Identity, identityToRecipient } from "age-encryption";
import { parsed } from "./source.js";
import { sha256, TRACKS } from "./judge.js";

const HALF = "spreekkamer-half/1", LAYERS_MAX = 3, KEY_BYTES_MAX = 100_000, SECRET = "AGE-SECRET-KEY-1";
const AGE = "age-encryption.org/v1", ARMORED = "-----BEGIN AGE ENCRYPTED FILE-----";
const WORDS = "spreekkamer-words/1", WORDS_MAX = 64, SEALED_MAX = 2000, ANSWER = /^spreekkamer-proof\/1 ([a-km-np-z2-9]{4}(?:-[a-km-np-z2-9]{4}){4})\n$/;
const latin = (raw) => new TextDecoder("latin1").decode(raw);

export class Closed extends Error {
  constructor(why, about = {}) {
    super(why);
    this.about = about;
  }
}

export const isLocked = (raw) => [AGE, ARMORED].some((head) => latin(raw).trimStart().startsWith(head));

// The keys in a key file: [{secret, public, fingerprint}]. Raises Closed.
export async function identities(raw, passphrase) {
  if (raw.length > KEY_BYTES_MAX) throw new Closed("key-none");
  let data = raw;
  if (isLocked(raw)) {
    const decrypter = new Decrypter();
    decrypter.addPassphrase(passphrase);
    const sealed = latin(raw).trimStart().startsWith(ARMORED) ? armor.decode(latin(raw).trim()) : raw;
    try {
      data = await decrypter.decrypt(sealed);
    } catch {
      throw new Closed("key-passphrase");
    }
  }
  const found = latin(data).toUpperCase().match(/AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}/g);
  if (!found) throw new Closed("key-none");
  const keys = [];
  for (const secret of found) {
    try {
      const recipient = await identityToRecipient(secret);
      keys.push({ secret, public: recipient, fingerprint: await keyPrint(recipient) });
    } catch {
      throw new Closed("key-typing");
    }
  }
  return keys;
}

export async function keyPrint(recipient) {
  return (await sha256(new TextEncoder().encode(recipient))).slice(0, 16).match(/.{4}/g).join("-");
}

// The closed envelopes of a recording: {id, groups, open, sealed: Map, keys: null}.
export async function envelopes({ files }, verdict) {
  const named = new Set(verdict.lines.filter(({ kind }) => kind === "segment").map(({ key }) => `${key}.key.age`));
  const sealed = new Map();
  for (const name of [...named].sort()) {
    if (files.has(name)) sealed.set(name, new Uint8Array(await files.get(name).arrayBuffer()));
  }
  if (!sealed.size) throw new Closed("no-envelope");
  return { id: verdict.recording_id, groups: verdict.begin?.groups ?? [], open: 0, sealed, keys: null };
}

// Takes off every layer that these keys open. Raises Closed where they open none.
export async function unlock(closed, given) {
  const keys = given.map(({ secret }) => secret);
  const spoilt = [...(closed.spoilt ?? [])];
  let { sealed, open } = closed;
  while (open < LAYERS_MAX && !allOpen(sealed)) {
    const opened = new Map();
    for (const [name, data] of sealed) {
      const clear = await attempt(data, keys);
      if (clear) opened.set(name, clear);
    }
    if (!opened.size) break;
    spoilt.push(...[...sealed.keys()].filter((name) => !opened.has(name))); // they cost their own segments
    sealed = opened;
    open += 1;
  }
  if (allOpen(sealed)) {
    const keysOf = new Map([...sealed].map(([name, data]) => [name.replace(".key.age", ""), latin(data).trim()]));
    return { ...closed, open, sealed: new Map(), keys: keysOf, spoilt };
  }
  if (open === closed.open) throw whyClosed(closed, given);
  return { ...closed, open, sealed, spoilt };
}

function whyClosed(closed, given) {
  const mine = given.map((key) => key.public), needed = closed.open + 1, about = { needed, of: closed.groups.length };
  const groups = closed.groups.flatMap((group, n) => (group.some((one) => mine.includes(one)) ? [n + 1] : []));
  if (!groups.length) return new Closed("key-stranger", about);
  if (groups.includes(needed)) return new Closed("envelope-changed", about);
  return Math.max(...groups) < needed ? new Closed("key-again", { ...about, group: groups[0] }) : new Closed("key-early", { ...about, group: groups[0] });
}

export function giveHalf({ id, open, sealed }) {
  const packed = Object.fromEntries([...sealed].map(([name, data]) => [name, toBase64(data)]));
  return JSON.stringify({ recording_id: id, layers_open: open, envelopes: packed, format: HALF }) + "\n";
}

export function takeHalf(closed, words) {
  const halves = words.split("\n").filter((line) => line.trim()).map(parsed); // a line for every part of an event
  if (!halves.length || halves.some((one) => one?.format !== HALF || typeof one.envelopes !== "object" || one.envelopes === null)) throw new Closed("half-none");
  const half = halves.find((one) => one.recording_id === closed.id);
  if (!half) throw new Closed("half-other");
  const names = [...closed.sealed.keys()].filter((name) => Object.hasOwn(half.envelopes, name)); // of tracks that are still there
  if (!names.length || !(half.layers_open >= 1 && half.layers_open <= LAYERS_MAX)) throw new Closed("half-none");
  try {
    const sealed = new Map(names.map((name) => [name, fromBase64(half.envelopes[name])]));
    return { ...closed, open: half.layers_open, sealed, spoilt: [...closed.sealed.keys()].filter((name) => !sealed.has(name)) };
  } catch {
    throw new Closed("half-none");
  }
}

// A function that opens the segments of a track.
export function opener({ files }, keys) {
  const decrypters = new Map();
  const mine = (segment) => {
    const name = segment.key || segment.track;
    if (!decrypters.has(name)) {
      const decrypter = new Decrypter();
      for (const [key, secret] of keys) if (key === segment.key || key.startsWith(`${segment.track}.`)) decrypter.addIdentity(secret);
      decrypters.set(name, decrypter);
    }
    return decrypters.get(name);
  };
  return async (segment) => mine(segment).decrypt(new Uint8Array(await files.get(segment.file).arrayBuffer()));
}

export async function newKey(passphrase) {
  const secret = await generateX25519Identity(), recipient = await identityToRecipient(secret), fingerprint = await keyPrint(recipient);
  const words = `# public key: ${recipient}\n# fingerprint: ${fingerprint}\n${secret}\n`;
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  return { file: armor.encode(await encrypter.encrypt(words)), recipient, fingerprint };
}

// What a holder answers to the words in a file: [{unit, label, answer}]. What is sealed and is no word is never told: the
// file may be somebody's way to have an envelope opened. Raises Closed.
export async function answersTo(words, keys, name) {
  const letter = parsed(words), said = [];
  if (letter?.format !== WORDS || typeof letter.unit !== "string" || !Array.isArray(letter.words) || letter.words.length > WORDS_MAX) throw new Closed("words-none", { name });
  for (const { sealed, label } of letter.words.filter((one) => typeof one?.sealed === "string" && one.sealed.length <= SEALED_MAX)) {
    let data;
    try {
      data = fromBase64(sealed);
    } catch {
      continue;
    }
    const clear = await attempt(data, keys.map(({ secret }) => secret));
    if (!clear) continue;
    const found = ANSWER.exec(latin(clear));
    if (!found) throw new Closed("words-trap", { name });
    said.push({ unit: letter.unit, label: typeof label === "string" ? label : "", answer: found[1] });
  }
  if (!said.length) throw new Closed("words-stranger", { name });
  return said;
}

async function attempt(data, keys) {
  const decrypter = new Decrypter();
  for (const secret of keys) decrypter.addIdentity(secret);
  try {
    return await decrypter.decrypt(data);
  } catch {
    return null; // not for these keys, or changed
  }
}

const allOpen = (sealed) => [...sealed.values()].every((data) => latin(data.subarray(0, SECRET.length)) === SECRET);
const toBase64 = (raw) => btoa(Array.from(raw, (value) => String.fromCharCode(value)).join(""));
const fromBase64 = (words) => Uint8Array.from(atob(words), (letter) => letter.charCodeAt(0));
export const openTracks = (keys) => TRACKS.filter((track) => [...keys.keys()].some((name) => name.startsWith(`${track}.`)));
