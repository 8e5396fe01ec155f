// What somebody gave: a zip, a directory, dropped files. Out of it the recordings, each a map of names to blobs.

import { Refused, unzip } from "./zip.js";

const RECORD_BYTES_MAX = 16_000_000, BRACKETS_MAX = 400, HANDED_BYTES_MAX = 4_000_000;
const BESIDE = ["opname.html", "LEESMIJ.txt"];

// [{files: Map name -> Blob, sheet: Blob | null}], in the order of their names.
export async function recordings(given) {
  let all = new Map();
  const zips = given.filter(({ name }) => name.toLowerCase().endsWith(".zip"));
  if (given.length === 1 && zips.length === 1) all = await unzip(given[0].file);
  else for (const { name, file } of given) all.set(name, file);
  const tops = new Set();
  for (const name of all.keys()) if (["begin.json", "chain.jsonl"].includes(base(name))) tops.add(parent(name));
  if (!tops.size) throw new Refused("no-recording");
  const found = [];
  for (const top of [...tops].sort()) {
    const prefix = top ? `${top}/` : "", files = new Map();
    for (const [name, blob] of all) if (name.startsWith(prefix)) files.set(name.slice(prefix.length), blob);
    const id = idOf(await text(files.get("begin.json"))), above = parent(top);
    const sheet = all.get(above ? `${above}/${id}.json` : `${id}.json`) ?? null;
    if (!top) for (const name of [`${id}.json`, ...BESIDE]) files.delete(name);
    found.push({ id, files, sheet: sheet && sheet.size <= RECORD_BYTES_MAX ? await text(sheet) : "" });
  }
  return found;
}

export async function text(blob) {
  if (!blob || blob.size > RECORD_BYTES_MAX) return "";
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await blob.arrayBuffer());
  } catch {
    return "";
  }
}

// A text that somebody handed in, in UTF-8 without a mark: Windows' Notepad saves UTF-16 too, and marks both.
export function plain(raw) {
  const kind = raw[0] === 0xff && raw[1] === 0xfe ? "utf-16le" : raw[0] === 0xfe && raw[1] === 0xff ? "utf-16be" : "";
  if (kind) return new TextEncoder().encode(new TextDecoder(kind).decode(raw));
  return raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf ? raw.subarray(3) : raw;
}

export async function handed(file) {
  return file && file.size <= HANDED_BYTES_MAX ? plain(new Uint8Array(await file.arrayBuffer())) : new Uint8Array();
}

export const handedText = async (file) => new TextDecoder().decode(await handed(file));

// JSON as msgspec reads it: half a surrogate is no text, and 1.0 is no whole number.
export function parsed(raw) {
  try {
    return JSON.parse(raw, (key, value, context) => {
      if (!key.isWellFormed() || (typeof value === "string" && !value.isWellFormed())) throw new SyntaxError("half a surrogate");
      return Number.isInteger(value) && /[.eE]/.test(context?.source ?? "") ? new Number(value) : value;
    });
  } catch {
    return null;
  }
}

// The same of a record, which is never so deep: daemon/inspection/chain.py, is_nested.
export const parsedRecord = (raw) => ((raw.match(/[[{]/g) ?? []).length > BRACKETS_MAX ? null : parsed(raw));

function idOf(raw) {
  const id = parsedRecord(raw)?.recording_id;
  return typeof id === "string" && /^[0-9A-Za-z]+$/.test(id) ? id : "";
}

// Files of an <input>, or of a drop: [{name, file}].
export const fromInput = (list) => [...list].map((file) => ({ name: file.webkitRelativePath || file.name, file }));

export async function fromDrop(items) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean), found = [];
  for (const entry of entries) await walk(entry, "", found);
  return found;
}

async function walk(entry, above, found) {
  const name = above + entry.name;
  if (entry.isFile) {
    found.push({ name, file: await new Promise((done, fail) => entry.file(done, fail)) });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!some.length) return;
    for (const one of some) await walk(one, `${name}/`, found);
  }
}

const base = (name) => name.slice(name.lastIndexOf("/") + 1);
const parent = (name) => (name.includes("/") ? name.slice(0, name.lastIndexOf("/")) : "");
