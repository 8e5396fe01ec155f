// The law of what may be believed, in which order: daemon/inspection/judge.py and chain.py, line by line. Bytes in, findings
// out, without any key that opens. `make evidence-torture` holds the two together; change both or none.

import { parsed, parsedRecord, text } from "./source.js";
import { fingerprint, keysFor, signature, toBase64 } from "./sshsig.js";

export const TRACKS = ["audio", "video"];
const SEGMENT = /^(\d{6}|[1-9]\d{6,})\.ts\.age$/, ENVELOPE = /^(audio|video)\.(0|[1-9]\d*)\.key\.age$/;
const RECORDS = ["begin.json.sig", "chain.jsonl", "end.json", "SHA256SUMS", "SHA256SUMS.sig", "begin.json"];
const CLOSING = ["end.json", "SHA256SUMS", "SHA256SUMS.sig"], UNSUMMED = ["SHA256SUMS", "SHA256SUMS.sig"];
const SEALED = "age-encryption.org/v1\n", LINE_BYTES_MAX = 65_536, FILE_BYTES_MAX = 33_554_432;
const FINDINGS_MAX = 1000;
const hex = (raw) => Array.from(new Uint8Array(raw), (value) => value.toString(16).padStart(2, "0")).join("");
export const sha256 = async (data) => hex(await crypto.subtle.digest("SHA-256", data));

const isInt = Number.isInteger, isText = (value) => typeof value === "string", isNumber = (value) => (typeof value === "number" || value instanceof Number) && Number.isFinite(+value);
const isClock = (value) => ["synchronised", "unsynchronised"].includes(value), isTrack = (value) => TRACKS.includes(value);
const isFlag = (value) => typeof value === "boolean", maybe = (check) => (value) => value === undefined || check(value);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Number);
const isTrackBegin = (value) => has(value, { oldest_wall_ns: isInt, oldest_boot_ns: isInt, term_h: isInt });
const SHAPES = {
  begin: {
    recording_id: isText, unit: isText, policy: isText, policy_sha256: isText, boot_id: isText, clock: isClock,
    at_wall_ns: isInt, at_boot_ns: isInt, trigger_boot_ns: isInt, pre_event_s: isNumber, alarm: isFlag,
    continues: (value) => value === null || isText(value), previous_head: isText,
    tracks: (value) => isObject(value) && Object.entries(value).every(([name, one]) => isTrack(name) && isTrackBegin(one)),
    groups: (value) => Array.isArray(value) && value.every((group) => Array.isArray(group) && group.every(isText)),
    test: maybe(isFlag), simulated: maybe(isFlag), format: maybe(isText),
    channel_names: maybe((value) => Array.isArray(value) && value.every(isText)),
    slip_keys: maybe((value) => Array.isArray(value) && value.every(isText)),
  },
  end: {
    recording_id: isText, why: isText, detail: isText, at_wall_ns: isInt, at_boot_ns: isInt, boot_id: isText,
    alarm: isFlag, lines: isInt, head: isText, test: maybe(isFlag), format: maybe(isText),
  },
  segment: {
    n: isInt, track: isTrack, file: isText, bytes: isInt, sha256: isText, key: isText, t0_boot_ns: isInt,
    t1_boot_ns: isInt, t0_wall_ns: isInt, clock: isClock, frames: isInt, prev: isText,
  },
  gap: { n: isInt, track: isTrack, from_boot_ns: isInt, to_boot_ns: isInt, reason: isText, prev: isText },
  mark: { n: isInt, what: isText, at_boot_ns: isInt, prev: isText, detail: maybe(isText) },
};
const has = (value, shape) => isObject(value) && Object.entries(shape).every(([name, check]) => check(value[name]));
const record = (raw, kind) => {
  const value = parsedRecord(raw);
  return has(value, SHAPES[kind]) ? value : null;
};

// One recording of source.js, judged. `signers`: who is believed; none: unknown. `step(bytes)` is told of progress.
export async function judge({ id, files, sheet }, signers, step = () => {}) {
  const deleted = receipts(sheet, id), gone = Object.keys(deleted);
  const { seen, faults } = await readAll(files, step);
  const raw = {};
  for (const name of ["begin.json", "end.json", "SHA256SUMS"]) raw[name] = await text(seen.has(name) ? files.get(name) : null);
  const begin = record(raw["begin.json"], "begin"), end = record(raw["end.json"], "end");
  if (seen.has("begin.json") && !begin) faults.push(["begin.json", "is no beginning of a recording"]);
  const chain = await walk(files, seen, gone);
  faults.push(...chain.faults);
  const holds = !chain.faults.some(([name]) => name === "chain.jsonl");
  faults.push(...tracks(seen, gone, holds ? chain : null), ...ending(id, seen, end, holds ? chain : null));
  if (seen.has("SHA256SUMS")) faults.push(...sums(raw["SHA256SUMS"], seen, gone, faults.foreign));
  for (const name of ["begin.json", "SHA256SUMS"]) if (seen.has(name) && !seen.has(`${name}.sig`)) faults.push([`${name}.sig`, "is missing"]);
  const first = new Map();
  for (const [path, what] of faults) if (!first.has(path)) first.set(path, what);
  const who = await signed(files, seen, signers, begin?.unit ?? "");
  return {
    recording_id: id, whole: first.size === 0, unit: who.unit, fingerprint: who.fingerprint,
    faults: [...first].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, FINDINGS_MAX).map(([path, what]) => ({ path, what })),
    count: first.size, simulated: Boolean(begin?.simulated), begin, end, deleted, lines: chain.told,
    sums_sha256: seen.get("SHA256SUMS")?.sha256 ?? "", files: seen.size,
    bytes: [...seen.values()].reduce((sum, one) => sum + one.size, 0),
  };
}

async function readAll(files, step) {
  const seen = new Map(), faults = [];
  for (const name of [...files.keys()].sort()) {
    const cut = name.lastIndexOf("/"), track = cut < 0 ? "" : name.slice(0, cut), inner = name.slice(cut + 1), blob = files.get(name);
    const ours = track ? TRACKS.includes(track) && SEGMENT.test(inner) : RECORDS.includes(name) || ENVELOPE.test(name);
    if (!ours) {
      faults.push([name, TRACKS.includes(name) ? "is no directory" : "is foreign: no recorder gives this name"]);
      faults.foreign = true;
      continue;
    }
    try {
      if (blob.size > FILE_BYTES_MAX) throw new RangeError(`has ${blob.size} bytes, more than any file that a recorder writes`);
      const data = await blob.arrayBuffer();
      seen.set(name, {
        size: data.byteLength, sha256: await sha256(data),
        sealed: new TextDecoder("latin1").decode(data.slice(0, SEALED.length)) === SEALED,
      });
      step(data.byteLength);
    } catch (error) {
      faults.push([name, `cannot be read: ${error.message}`]);
      faults.foreign = true;
    }
  }
  return { seen, faults };
}

async function walk(files, seen, gone) {
  const told = [], faults = [], named = { audio: 0, video: 0 }, envelopes = new Set();
  const begin = seen.get("begin.json");
  let lines = 0, head = begin?.sha256 ?? "", torn = false;
  if (!begin) faults.push(["begin.json", "is missing"]);
  if (!seen.has("chain.jsonl")) return { told, faults: [...faults, ["chain.jsonl", "is missing"]], named, envelopes, lines, head: "" };
  const broken = (what) => faults.push(["chain.jsonl", what]);
  const file = (track, name, hash) => {
    const wanted = `${track}/${String(named[track]).padStart(6, "0")}.ts.age`, there = seen.get(name);
    named[track] += 1;
    if (name !== wanted) broken(`line ${lines} names ${name}; expected ${wanted}`);
    else if (gone.includes(track)) return;
    else if (!there) faults.push([name, "is missing"]);
    else if (there.sha256 !== hash) faults.push([name, "is not what its chain line says: it was changed or cut off"]);
  };
  for (const raw of split(new Uint8Array(await files.get("chain.jsonl").arrayBuffer()))) {
    const line = chainLine(raw);
    if (!line) {
      if (torn) broken(`line ${lines} is no line of a chain`);
      torn = true;
    } else {
      told.push(line);
      const mends = line.kind === "mark" && line.what === "torn";
      if (line.n === lines && lines === 0 && line.prev !== head) faults.push(["begin.json", "is not the one that the chain goes on from"]);
      else if (line.n !== lines || line.prev !== head) broken(`line ${lines} does not follow the line before it`);
      else if (torn && !mends) broken(`line ${lines - 1} is no line of a chain`);
      torn = false;
      if (line.kind === "segment") {
        if (!gone.includes(line.track)) envelopes.add(`${line.key}.key.age`);
        file(line.track, line.file, line.sha256);
        const there = seen.get(line.file);
        if (there && there.size !== line.bytes && there.sha256 === line.sha256) broken(`line ${lines} gives ${line.file} another size`);
      } else if (line.kind === "mark" && line.what === "recovered") {
        const { track, name, hash } = recovered(line);
        if (track) file(track, name, hash);
      }
    }
    lines += 1;
    head = await sha256(raw);
  }
  if (torn) broken("is cut off: its last line is torn and no line says so");
  return { told, faults, named, envelopes, lines, head };
}

export function recovered(line) {
  const cut = (line.detail ?? "").indexOf(" sha256 "), detail = line.detail ?? "";
  const name = cut < 0 ? detail : detail.slice(0, cut);
  return { track: TRACKS.find((track) => name.startsWith(`${track}/`)), name, hash: cut < 0 ? "" : detail.slice(cut + 8) };
}

function* split(data) {
  for (let from = 0; from < data.length; ) {
    const found = data.indexOf(10, from), to = found < 0 ? data.length : found + 1;
    yield data.subarray(from, to);
    from = to;
  }
}

function chainLine(raw) {
  if (raw.at(-1) !== 10 || raw.length > LINE_BYTES_MAX) return null;
  try {
    const line = parsedRecord(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw));
    return ["segment", "gap", "mark"].includes(line?.kind) && has(line, SHAPES[line.kind]) ? line : null;
  } catch {
    return null;
  }
}

function* tracks(seen, gone, chain) {
  for (const [name, { sealed }] of seen) {
    const envelope = ENVELOPE.exec(name), track = envelope ? envelope[1] : name.includes("/") ? name.slice(0, name.indexOf("/")) : "";
    if (!track) continue;
    if (gone.includes(track)) {
      yield [name, `is there although the ${track} of this recording was deleted`];
      continue;
    }
    if (!sealed) yield [name, "is not sealed"];
    if (chain && !envelope && parseInt(name.slice(name.indexOf("/") + 1), 10) >= chain.named[track]) yield [name, "is in no line of the chain"];
  }
  for (const name of chain ? [...chain.envelopes].sort() : []) if (!seen.has(name)) yield [name, "is missing: its segments can never be opened"];
}

function* ending(id, seen, end, chain) {
  for (const name of CLOSING) if (!seen.has(name)) yield [name, "is missing: the recording was never closed"];
  if (!seen.has("end.json")) return;
  if (!end) yield ["end.json", "is no end of a recording"];
  else if (end.recording_id !== id) yield ["end.json", "is another recording's"];
  else if (chain && (end.lines !== chain.lines || end.head !== chain.head)) yield ["chain.jsonl", "does not end as end.json says: lines were cut off, added or changed"];
}

const trackOf = (name) => {
  const track = name.includes("/") ? name.slice(0, name.indexOf("/")) : name.split(".")[0];
  return TRACKS.includes(track) ? track : "";
};

function* sums(words, seen, gone, foreign) {
  const told = new Map();
  for (const line of words.split("\n")) {
    const cut = line.indexOf("  ");
    if (line) told.set(cut < 0 ? "" : line.slice(cut + 2), cut < 0 ? line : line.slice(0, cut));
  }
  let wrong = foreign;
  for (const [name, { sha256: found }] of seen) {
    if (UNSUMMED.includes(name)) continue;
    if (told.has(name) && told.get(name) !== found) {
      wrong = true;
      yield [name, "is not what SHA256SUMS says"];
    } else if (!told.has(name) && !gone.includes(trackOf(name))) {
      wrong = true;
      yield [name, "is not in SHA256SUMS"];
    }
  }
  for (const name of [...told.keys()].sort()) {
    if (!seen.has(name) && !gone.includes(trackOf(name))) {
      wrong = true;
      yield [name, "is missing"];
    }
  }
  const canonical = [...told.keys()].sort().map((name) => `${told.get(name)}  ${name}\n`).join("");
  if (!wrong && words !== canonical) yield ["SHA256SUMS", "is not as a recorder writes it"];
}

async function signed(files, seen, signers, unit) {
  const found = [];
  for (const name of ["begin.json", "SHA256SUMS"]) {
    if (!seen.has(name) || !seen.has(`${name}.sig`) || seen.get(`${name}.sig`).size > 16_000_000) continue;
    const one = signature(new Uint8Array(await files.get(`${name}.sig`).arrayBuffer()));
    found.push({ name, one, good: one ? await one.verify(await files.get(name).arrayBuffer()) : false });
  }
  const last = found.find(({ name }) => name === "SHA256SUMS")?.one ?? null;
  const trusted = signers ? keysFor(signers, unit) : last ? [toBase64(last.key)] : [];
  const good = found.length === 2 && found.every(({ one, good: fits }) => fits && trusted.includes(toBase64(one.key)));
  return { unit: good ? (signers ? "yes" : "unknown") : "no", fingerprint: last ? await fingerprint(last.key) : "" };
}

// Tracks of which the unit's log, as far as its lines came along, says that they were deleted.
function receipts(words, id) {
  const sheet = parsed(words), found = {};
  if (!isObject(sheet) || sheet.recording_id !== id || !Array.isArray(sheet.audit_lines) || !sheet.audit_lines.every(isText)) return found;
  for (const raw of sheet.audit_lines.slice(0, 10_000)) {
    const line = parsed(raw);
    if (isObject(line) && line.event === "deleted" && line.recording_id === id && TRACKS.includes(line.track)) {
      found[line.track] = { at_wall_ns: line.at_wall_ns ?? null, line: line.n ?? null };
    }
  }
  return found;
}
