// Signatures by `ssh-keygen -Y sign` (OpenSSH, PROTOCOL.sshsig), Ed25519 alone: what the units make.

import { ed25519 } from "@noble/curves/ed25519.js";

const BEGIN = "-----BEGIN SSH SIGNATURE-----\n", END = "\n-----END SSH SIGNATURE-----";
const NAMESPACE = "spreekkamer", MAGIC = "SSHSIG", KIND = "ssh-ed25519";
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
  const hash = latin(read.string()), made = read.string();
  if (!read.done() || namespace !== NAMESPACE || !["sha256", "sha512"].includes(hash)) return null;
  const keyParts = reader(key, 0), valueParts = reader(made, 0);
  if (latin(keyParts.string()) !== KIND || latin(valueParts.string()) !== KIND) return null;
  const point = keyParts.string(), value = valueParts.string();
  if (!keyParts.done() || !valueParts.done() || point.length !== 32 || value.length !== 64) return null;
  return { key, verify: (data) => verified(point, value, hash, data) };
}

// The public half of a seed, as in a .pub file.
export const publicKey = (seed) => `${KIND} ${toBase64(blobOf(seed))}`;
const blobOf = (seed) => joined([field(utf8(KIND)), field(ed25519.getPublicKey(seed))]);

// A signature file, as `ssh-keygen -Y sign` makes it with this seed.
export async function signed(seed, namespace, data) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-512", data));
  const value = ed25519.sign(joined(signedParts(namespace, "sha512", digest)), seed), version = Uint8Array.of(0, 0, 0, 1);
  const about = [blobOf(seed), utf8(namespace), new Uint8Array(), utf8("sha512"), joined([field(utf8(KIND)), field(value)])];
  const packed = toBase64(joined([utf8(MAGIC), version, ...about.map(field)]));
  return `${BEGIN}${packed.match(/.{1,70}/g).join("\n")}${END}\n`;
}

const signedParts = (namespace, hash, digest) => [utf8(MAGIC), ...[utf8(namespace), new Uint8Array(), utf8(hash), digest].map(field)];

async function verified(point, value, hash, data) {
  const digest = new Uint8Array(await crypto.subtle.digest(hash === "sha256" ? "SHA-256" : "SHA-512", data));
  try {
    return ed25519.verify(value, joined(signedParts(NAMESPACE, hash, digest)), point, { zip215: false });
  } catch {
    return false;
  }
}

// Signers of an allowed_signers or .pub file that may sign recordings, now or at another time: [{key, names, now}]; as daemon/sign.py reads it.
export function believed(words, now = new Date()) {
  const found = [];
  for (const raw of words.split(/\r?\n/)) {
    const line = raw.trim(), bare = /^ssh-ed25519 ([A-Za-z0-9+/]+=*)/.exec(line);
    if (bare) found.push({ key: bare[1], names: [], now: true });
    const full = /^("[^"]+"|[^\s"#]\S*)\s+(?:((?:[a-zA-Z-]+(?:="[^"]*")?,?)+)\s+)?ssh-ed25519\s+([A-Za-z0-9+/]+=*)/.exec(line);
    if (bare || !full || (full[2] ?? "").includes("cert-authority")) continue;
    const option = (name) => new RegExp(`${name}="([^"]*)"`).exec(full[2] ?? "")?.[1];
    const [after, before] = ["valid-after", "valid-before"].map(option);
    if (!(option("namespaces") ?? NAMESPACE).split(",").includes(NAMESPACE)) continue;
    const valid = (after === undefined || moment(after) <= now) && (before === undefined || now < moment(before));
    found.push({ key: full[3], names: full[1].replaceAll('"', "").split(","), now: valid });
  }
  return found;
}

// YYYYMMDD[HHMM[SS]][Z], in local time without Z; no date: NaN, which is in nobody's time.
function moment(words) {
  const part = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z?)$/.exec(words);
  if (!part) return NaN;
  const [year, month, day, hour = 0, minute = 0, second = 0] = part.slice(1, 7).map((digits) => (digits === undefined ? undefined : Number(digits)));
  return part[7] ? Date.UTC(year, month - 1, day, hour, minute, second) : new Date(year, month - 1, day, hour, minute, second);
}

// The keys that count for a unit now: those of signers that are named after no other.
export const keysFor = (signers, unit) =>
  signers.filter(({ names, now }) => now && (!names.length || names.includes(unit) || names.some((name) => !name.includes("/")))).map(({ key }) => key);

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
