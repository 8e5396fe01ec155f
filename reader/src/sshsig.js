// Signatures by `ssh-keygen -Y sign` (OpenSSH, PROTOCOL.sshsig), Ed25519 alone: what the units make.

import { ed25519 } from "@noble/curves/ed25519.js";

const BEGIN = "-----BEGIN SSH SIGNATURE-----\n", END = "\n-----END SSH SIGNATURE-----";
const NAMESPACE = "spreekkamer", MAGIC = "SSHSIG";
const utf8 = (words) => new TextEncoder().encode(words);

// {key, verify(data)} of a signature file; null where it is none.
export function signature(raw) {
  const armored = new TextDecoder("latin1").decode(raw);
  const end = armored.indexOf(END);
  if (!armored.startsWith(BEGIN) || end < BEGIN.length) return null;
  const packed = base64(armored.slice(BEGIN.length, end).replace(/[ \t\n\v\f\r]/g, ""));
  if (!packed || latin(packed.subarray(0, 6)) !== MAGIC) return null;
  try {
    return opened(reader(packed, 6));
  } catch {
    return null;
  }
}

function opened(read) {
  if (read.number() > 1) return null;
  const key = read.string(), namespace = latin(read.string());
  read.string(); // reserved
  const hash = latin(read.string()), signed = read.string();
  if (!read.done() || namespace !== NAMESPACE || !["sha256", "sha512"].includes(hash)) return null;
  const keyParts = reader(key, 0), signedParts = reader(signed, 0);
  if (latin(keyParts.string()) !== "ssh-ed25519" || latin(signedParts.string()) !== "ssh-ed25519") return null;
  const point = keyParts.string(), value = signedParts.string();
  if (!keyParts.done() || !signedParts.done() || point.length !== 32 || value.length !== 64) return null;
  return { key, verify: (data) => verified(point, value, hash, data) };
}

async function verified(point, value, hash, data) {
  const digest = new Uint8Array(await crypto.subtle.digest(hash === "sha256" ? "SHA-256" : "SHA-512", data));
  const parts = [utf8(MAGIC), field(utf8(NAMESPACE)), field(new Uint8Array()), field(utf8(hash)), field(digest)];
  try {
    return ed25519.verify(value, joined(parts), point, { zip215: false });
  } catch {
    return false;
  }
}

// Keys of an allowed_signers or .pub file that may sign recordings, in base64; as daemon/sign.py reads it.
export function believed(words) {
  const found = [];
  for (const line of words.split(/\r?\n/)) {
    const spaces = /namespaces="([^"]*)"/.exec(line);
    if (line.startsWith("#") || (line.includes("namespaces=") && !(spaces?.[1] ?? "").split(",").includes(NAMESPACE))) continue;
    const key = /ssh-ed25519 ([A-Za-z0-9+/]+=*)/.exec(line);
    if (key) found.push(key[1]);
  }
  return found;
}

export const toBase64 = (raw) => btoa(latin(raw));

export async function fingerprint(key) {
  return `SHA256:${toBase64(new Uint8Array(await crypto.subtle.digest("SHA-256", key))).replace(/=+$/, "")}`;
}

function base64(words) {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(words)) return null;
  const raw = Uint8Array.from(atob(words), (letter) => letter.charCodeAt(0));
  return toBase64(raw) === words ? raw : null; // bits that stand for nothing must be nought
}

function reader(raw, from) {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  let at = from;
  const number = () => {
    at += 4;
    return view.getUint32(at - 4);
  };
  const string = () => {
    const length = number();
    if (at + length > raw.length) throw new RangeError("cut off");
    at += length;
    return raw.subarray(at - length, at);
  };
  return { number, string, done: () => at === raw.length };
}

function field(raw) {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, raw.length);
  return joined([length, raw]);
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const latin = (raw) => Array.from(raw, (value) => String.fromCharCode(value)).join("");
