// An uncompressed zip, read from its directory at the end; nothing is unpacked. The same refusals, in the same order, as
// daemon/evidence/source.py: two programs must not see two recordings in one zip.

const FILES_MAX = 400_000;
const DIRECTORY_BYTES_MAX = 128_000_000;
const END = 0x06054b50, END64 = 0x06064b50, LOCATOR64 = 0x07064b50, ENTRY = 0x02014b50, LOCAL = 0x04034b50;
const BIG = 0xffffffff;

export class Refused extends Error {}

const bytes = async (blob, from, count) => {
  if (from < 0 || from + count > blob.size) throw new Refused("zip-broken");
  return new DataView(await blob.slice(from, from + count).arrayBuffer());
};
const big = (view, at) => {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Refused("zip-broken");
  return Number(value);
};

// name -> Blob, for every file in it.
export async function unzip(blob) {
  const { count, size, offset, shift } = await directory(blob);
  if (count > FILES_MAX || size > DIRECTORY_BYTES_MAX) throw new Refused("zip-large");
  const view = await bytes(blob, offset + shift, size);
  const files = new Map(), text = new TextDecoder("utf-8", { fatal: true });
  let at = 0, total = 0;
  for (let n = 0; n < count; n += 1) {
    const entry = await read(blob, view, at, shift, text);
    at = entry.next;
    if (entry.name.endsWith("/") && entry.size === 0) continue;
    const why = refusal(entry, files);
    if (why) throw new Refused(why, { cause: entry.name });
    files.set(entry.name, entry.data);
    total += entry.size;
  }
  if (at !== size) throw new Refused("zip-broken"); // more in its directory than its end says
  if (total > blob.size) throw new Refused("zip-overlap");
  return files;
}

async function directory(blob) {
  const end = blob.size - 22, view = await bytes(blob, end, 22);
  if (view.getUint32(0, true) !== END || view.getUint16(20, true)) throw new Refused("zip-broken"); // or a comment follows
  const plain = { count: view.getUint16(10, true), size: view.getUint32(12, true), offset: view.getUint32(16, true) };
  const found = (await large(blob, end)) ?? { ...plain, at: end };
  return { ...found, shift: found.at - found.size - found.offset };
}

async function large(blob, end) {
  if (end < 20) return null;
  const locator = await bytes(blob, end - 20, 20);
  if (locator.getUint32(0, true) !== LOCATOR64) return null;
  const at = end - 20 - 56, record = await bytes(blob, at, 56);
  if (record.getUint32(0, true) !== END64) throw new Refused("zip-broken");
  return { count: big(record, 32), size: big(record, 40), offset: big(record, 48), at };
}

async function read(blob, view, at, shift, text) {
  if (at + 46 > view.byteLength || view.getUint32(at, true) !== ENTRY) throw new Refused("zip-broken");
  const [nameLength, extraLength, commentLength] = [28, 30, 32].map((n) => view.getUint16(at + n, true));
  const next = at + 46 + nameLength + extraLength + commentLength;
  if (next > view.byteLength) throw new Refused("zip-broken");
  const entry = {
    next, system: view.getUint8(at + 5), flags: view.getUint16(at + 8, true), method: view.getUint16(at + 10, true),
    packed: view.getUint32(at + 20, true), size: view.getUint32(at + 24, true), mode: view.getUint16(at + 40, true),
    offset: view.getUint32(at + 42, true),
  };
  try {
    entry.name = text.decode(new Uint8Array(view.buffer, at + 46, nameLength));
  } catch {
    throw new Refused("zip-names");
  }
  extra(view, at + 46 + nameLength, extraLength, entry);
  if (entry.packed === entry.size && entry.method === 0) {
    const local = await bytes(blob, entry.offset + shift, 30 + nameLength);
    const start = entry.offset + shift + 30 + local.getUint16(26, true) + local.getUint16(28, true);
    const same = local.getUint16(26, true) === nameLength && [...Array(nameLength).keys()].every((n) => local.getUint8(30 + n) === view.getUint8(at + 46 + n));
    if (local.getUint32(0, true) !== LOCAL || !same || start + entry.size > blob.size) throw new Refused("zip-broken");
    entry.data = blob.slice(start, start + entry.size);
  }
  return entry;
}

function extra(view, from, length, entry) {
  let at = from;
  while (at + 4 <= from + length) {
    const kind = view.getUint16(at, true), size = view.getUint16(at + 2, true);
    if (kind === 1) {
      let field = at + 4;
      for (const name of ["size", "packed", "offset"]) {
        if (entry[name] === BIG) {
          if (field + 8 > at + 4 + size) throw new Refused("zip-broken");
          entry[name] = big(view, field);
          field += 8;
        }
      }
    }
    at += 4 + size;
  }
}

function refusal({ name, system, mode, flags, method, packed, size }, known) {
  if (name.includes("\\") || name.includes("\0") || name.split("/").some((part) => ["", ".", ".."].includes(part))) return "zip-leads-out";
  if (known.has(name)) return "zip-twice";
  const kind = system === 3 ? mode & 0o170000 : 0;
  if (kind !== 0 && kind !== 0o100000) return "zip-link";
  if (flags & 1) return "zip-locked";
  if (method !== 0 || packed !== size) return "zip-compressed";
  return "";
}
