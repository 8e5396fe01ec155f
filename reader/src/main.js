// The page: what was given is judged, opened and shown, a step at a time. Text goes into the page as text, never as markup.

import { judge } from "./judge.js";
import { answersTo, Closed, envelopes, giveHalf, identities, isLocked, newKey, openTracks, opener, takeHalf, unlock } from "./opening.js";
import { beginning, codecOf, film, segmentsOf } from "./film.js";
import { Player } from "./player.js";
import { fromDrop, fromInput, handed, handedText, recordings } from "./source.js";
import { slip, slipSeed } from "./slip.js";
import { believed } from "./sshsig.js";
import { FINDINGS, REASONS, WORDS } from "./words.js";
import { Refused } from "./zip.js";

const VERSION = "%VERSION%", TICKS = 90_000;
const $ = (id) => document.getElementById(id);
let language = 0; // Dutch; 1: English
let given = [], turn = 0, found = [], keys = [], signers = null, half = "", player = null, part = 0, made = null, scriptHash = "", ears = null;

const t = (name, about = {}) => (WORDS[name]?.[language] ?? name).replace(/\{(\w+)\}/g, (_, key) => String(about[key] ?? "?"));
const make = (tag, words = "", about = {}) => Object.assign(document.createElement(tag), { textContent: words, ...about });
const sentence = (error) => {
  if (error instanceof Closed) return t(error.message, error.about);
  if (error instanceof Refused) return t(error.message, { name: shown(error.cause ?? "") });
  return t("fault", { why: error?.message ?? String(error) });
};
const shown = (name) => name.replace(/[^\x20-\x7e\u00a0-\uffff]/g, (letter) => `\\x${letter.charCodeAt(0).toString(16).padStart(2, "0")}`).slice(0, 200);
const clockOf = (s) => `${s < 0 ? "-" : ""}${Math.floor(Math.abs(s) / 60)}:${(Math.abs(s) % 60).toFixed(1).padStart(4, "0")}`;
const utc = (ns) => (ns > 0 && ns < 253_402_300_799e9 ? new Date(ns / 1e6).toISOString().replace("T", " ").slice(0, 19) + " UTC" : "?");
const say = (id, words, wrong = false) => {
  $(id).textContent = words;
  $(id).classList.toggle("wrong", wrong);
};

function speak() {
  document.documentElement.lang = language ? "en" : "nl";
  document.title = t("title");
  for (const one of document.querySelectorAll("[data-t]")) one.textContent = t(one.dataset.t);
  $("line").setAttribute("aria-label", t("line"));
  say("version", t("version", { version: VERSION, hash: scriptHash }));
  if (found.length) showVerdicts();
  if (found[part]?.keys) fillChoices();
}

// --- 1. give -----------------------------------------------------------------------------------------------------------

async function give(files) {
  if (!files.length) return;
  given = files;
  reset();
  const mine = ++turn; // whoever gives something else meanwhile is not answered about this
  try {
    const judged = [];
    for (const recording of await recordings(given)) judged.push({ recording, verdict: null, closed: null, keys: null });
    await judgeAll(judged, mine);
    if (mine !== turn) return;
    found = judged.sort(inOrder);
    say("giving", "");
    showVerdicts();
    $("unlock").hidden = false;
  } catch (error) {
    if (mine !== turn) return;
    say("giving", sentence(error), true);
  }
  document.body.dataset.state = found.length ? "judged" : "refused";
}

async function judgeAll(all, mine) {
  let bytes = 0;
  for (const one of all) {
    one.verdict = await judge(one.recording, signers, (count) => {
      bytes += count;
      if (mine === turn) say("giving", t("checking", { mb: (bytes / 1e6).toFixed(1) }));
    });
  }
}

// Who signed, asked anew: what is open stays open.
async function believe(file) {
  const read = believed(await handedText(file));
  if (!read.length) throw new Closed("signers-none", { name: shown(file?.name ?? "") });
  signers = read;
  if (!found.length) return given.length ? give(given) : undefined;
  const mine = turn;
  await judgeAll(found, mine);
  if (mine !== turn) return undefined;
  say("giving", "");
  showVerdicts();
  document.body.dataset.state = player ? "open" : "judged";
  return undefined;
}

const inOrder = (a, b) => (a.verdict.begin?.at_wall_ns ?? 0) - (b.verdict.begin?.at_wall_ns ?? 0);

function reset() {
  player?.close();
  player = null;
  found = [];
  keys = [];
  half = "";
  for (const id of ["unlock", "watch", "take", "save-half"]) $(id).hidden = true;
  for (const id of ["key", "half", "passphrase", "pasted"]) $(id).value = "";
  for (const id of ["opening", "mp4-status", "slipping"]) say(id, "");
  $("verdicts").replaceChildren();
  document.body.dataset.state = "busy";
}

function showVerdicts() {
  $("verdicts").replaceChildren(...found.map(({ verdict }, n) => {
    const card = make("article", "", { className: "recording" });
    card.dataset.id = verdict.recording_id;
    card.dataset.whole = verdict.whole ? "yes" : "no";
    card.dataset.unit = verdict.unit;
    card.dataset.faults = JSON.stringify(verdict.faults);
    if (found.length > 1) card.append(make("h3", t("part", { n: n + 1, of: found.length })));
    if (verdict.simulated) card.append(make("p", t("simulated"), { className: "alarm" }));
    if (verdict.begin) card.append(make("p", `${shown(verdict.begin.unit)}, ${utc(verdict.begin.at_wall_ns)}${verdict.begin.clock === "synchronised" ? "" : t("unsure")}`));
    card.append(answer("whole-q", verdict.whole ? "yes" : "no", t(verdict.whole ? "whole-yes" : "whole-no", { count: verdict.count })));
    const who = answer("unit-q", verdict.unit, t(`unit-${verdict.unit}`));
    if (verdict.fingerprint) who.append(make("code", verdict.fingerprint));
    card.append(who);
    if (verdict.faults.length) card.append(list("faults", verdict.faults.map(({ path, what }) => `${shown(path)}: ${dutch(what)}`)));
    card.append(list("missing", missing(verdict)));
    return card;
  }));
}

function answer(question, kind, words) {
  const box = make("div", "", { className: `verdict ${kind}` });
  box.append(make("span", t(question)), make("strong", words));
  return box;
}

function list(title, lines) {
  const box = make("details", "", { open: lines.length > 0 && lines.length < 6 }), items = make("ul");
  items.append(...(lines.length ? lines : [t("nothing")]).slice(0, 200).map((line) => make("li", line)));
  box.append(make("summary", `${t(title)} (${lines.length})`), items);
  return box;
}

const dutch = (what) => (language ? shown(what) : (FINDINGS.find(([start]) => what.startsWith(start))?.[1] ?? shown(what)));

function because(reason) {
  const known = language ? undefined : REASONS.find(([words]) => reason.includes(words))?.[1];
  const times = / \((\d+) times\)$/.exec(reason)?.[1];
  return known && times ? t("times", { reason: known, n: times }) : (known ?? shown(reason));
}

function missing({ deleted, lines, begin }) {
  const zero = begin?.trigger_boot_ns ?? 0, after = (ns) => clockOf((ns - zero) / 1e9);
  const words = Object.entries(deleted).map(([track, { line }]) => t("gone", { track: t(track), line: line ?? "?" }));
  for (const line of lines) {
    if (line.kind === "gap") words.push(t("gap", { track: t(line.track), from: after(line.from_boot_ns), to: after(line.to_boot_ns), reason: because(line.reason) }));
    else if (line.kind === "mark" && line.what === "torn") words.push(t("torn"));
    else if (line.kind === "mark" && line.what === "recovered") words.push(t("recovered", { file: shown(line.detail ?? "").slice(0, 40) }));
  }
  return words;
}

// --- 2. open -----------------------------------------------------------------------------------------------------------

async function takeKeys(files) {
  const mine = turn;
  try {
    for (const file of files) await takeKey(await handed(file));
  } catch (error) {
    say("opening", sentence(error), true);
    document.body.dataset.state = "closed";
    return;
  }
  if (mine === turn) await open();
  else keys = []; // of a recording that is on this page no more
}

async function takeKey(raw) {
  const passphrase = $("passphrase").value;
  if (isLocked(raw) && !passphrase) throw new Closed("key-locked");
  if (isLocked(raw)) say("opening", t("making"));
  for (const key of await identities(raw, passphrase)) if (!keys.some(({ secret }) => secret === key.secret)) keys.push(key);
}

async function open() {
  const mine = turn;
  let why = [];
  say("opening", t("opening"));
  document.body.dataset.state = "busy";
  try {
    if ($("pasted").value.trim()) await takeKey(new TextEncoder().encode($("pasted").value));
    if ($("key").files.length && !keys.length) for (const file of $("key").files) await takeKey(await handed(file));
    if (!keys.length) throw new Closed("key-given");
    why = await unlockAll(mine);
  } catch (error) {
    if (mine !== turn) return;
    keys = [];
    say("opening", sentence(error), true);
    document.body.dataset.state = "closed";
    return;
  }
  if (mine !== turn) return;
  keys = []; // they have done what they can, and whoever comes next is not to find them
  half = "";
  for (const id of ["pasted", "passphrase"]) $(id).value = "";
  const spoilt = found.flatMap(({ closed }) => closed?.spoilt ?? []).map((name) => ` ${t("envelope-spoilt", { name: shown(name) })}`);
  const stays = [...why.map(({ n, error }) => ` ${t("part", { n: n + 1, of: found.length })}: ${sentence(error)}`), ...spoilt].join("");
  const waiting = found.find(({ closed, keys: opened }) => closed && !opened);
  $("save-half").hidden = !waiting;
  if (waiting) {
    const { open: opened, groups } = waiting.closed;
    say("opening", t("half-open", { open: opened, of: groups.length, next: opened + 1 }) + stays, stays !== "");
    document.body.dataset.state = "half";
    return;
  }
  say("opening", t("opened") + stays, stays !== "");
  $("watch").hidden = $("take").hidden = false;
  await watch(found.findIndex(({ keys: opened }) => opened));
  document.body.dataset.state = "open";
}

// Every part that these keys open, as far as they do; a part that stays closed costs itself. Raises why where all do.
async function unlockAll(mine) {
  const why = [], tried = [...found.entries()].filter(([, one]) => !one.keys);
  for (const [n, one] of tried) {
    try {
      const closed = await envelopes(one.recording, one.verdict);
      const opened = await unlock(half ? takeHalf(closed, half) : (one.closed ?? closed), keys);
      if (mine !== turn) return why;
      one.closed = opened;
      one.keys = opened.keys;
      one.opened = new Date();
    } catch (error) {
      why.push({ n, error });
    }
  }
  if (why.length && why.length === tried.length) throw why[0].error;
  return why;
}

// --- 3. watch ----------------------------------------------------------------------------------------------------------

function fillChoices() {
  const open = found.flatMap(({ keys: opened }, n) => (opened ? [n] : []));
  const chosen = $("tracks").value, there = shownTracks(found[part]);
  const kinds = there.length === 2 ? ["both", "only-video", "only-audio"] : there.map((track) => `only-${track}`);
  $("tracks").replaceChildren(...kinds.map((kind) => make("option", t(kind), { value: kind })));
  if (kinds.includes(chosen)) $("tracks").value = chosen;
  $("part").replaceChildren(...open.map((n) => make("option", t("part", { n: n + 1, of: found.length }), { value: String(n) })));
  $("part").value = String(part);
  $("part-label").textContent = t("part", { n: part + 1, of: found.length });
  $("mp4").textContent = open.length < 2 ? t("mp4") : t("mp4-part", { n: part + 1, of: found.length }); // a film a part
  $("part").hidden = $("part-label").hidden = open.length < 2;
  const sides = sidesOf(found[part].verdict), heard = there.includes("audio") && $("tracks").value !== "only-video" ? sides : null, side = $("sides").value;
  $("listen").hidden = !heard;
  $("sides").replaceChildren(...(heard ? ["both", "0", "1"] : []).map((value) => make("option", value === "both" ? t("sides-both", sides) : t("sides-one", { side: Object.values(sides)[value] }), { value })));
  if (heard && side) $("sides").value = side;
  hear($("sides").value);
}

// The sides of a telephone call, one a channel: {left, right}; null: the sound has none, or their names are none of a unit's.
function sidesOf({ begin }) {
  const names = begin?.channel_names ?? [];
  return names.length === 2 && names.every((name) => /^[a-z0-9][a-z0-9-]{0,31}$/.test(name)) ? { left: names[0], right: names[1] } : null;
}

// One side of a call alone, on both ears; "both", or nothing: as it is recorded.
function hear(side) {
  const one = ["0", "1"].includes(side);
  if (!one && !ears) return;
  if (!ears) {
    const context = new AudioContext();
    ears = { context, source: context.createMediaElementSource($("video")), apart: context.createChannelSplitter(2) };
  }
  const { context, source, apart } = ears;
  source.disconnect();
  apart.disconnect();
  if (one) {
    source.connect(apart);
    apart.connect(context.destination, Number(side));
  } else source.connect(context.destination);
  context.resume();
}

function shownTracks(one) {
  one.segments ??= segmentsOf(one.verdict.lines, one.recording.files);
  return openTracks(one.keys).filter((track) => one.segments[track].length && !one.verdict.deleted[track]);
}

async function watch(number, at_s = 0) {
  player?.close();
  part = number;
  fillChoices();
  const one = found[part], there = shownTracks(one), kind = $("tracks").value;
  const wanted = there.filter((track) => kind === "both" || kind === `only-${track}` || there.length === 1);
  one.zero ??= beginning(one.segments);
  one.open ??= opener(one.recording, one.keys);
  $("troubles").replaceChildren();
  const trouble = ({ file }) => $("troubles").append(make("li", t("segment", { file }), { className: "wrong" }));
  const codecs = {};
  for (const track of wanted) {
    const codec = await firstCodec(track, one);
    if (codec) codecs[track] = codec;
  }
  drawLine(one);
  if (!Object.keys(codecs).length) return say("opening", t("no-media"), true);
  const fail = (error) => say("opening", sentence(error), true);
  player = new Player($("video"), codecs, one.segments, one.zero, one.open, trouble, fail);
  if (at_s) $("video").addEventListener("loadedmetadata", () => ($("video").currentTime = at_s), { once: true });
  $("video").play().catch(() => {}); // a browser may want a click first
  return undefined;
}

async function firstCodec(track, { segments, open: opened }) {
  for (const segment of segments[track].slice(0, 20)) {
    try {
      const codec = await codecOf(track, await opened(segment));
      if (codec) return codec;
    } catch {
      continue; // it is named when its turn comes
    }
  }
  return "";
}

function drawLine({ verdict, segments, zero }) {
  const end = Math.max(...["audio", "video"].flatMap((track) => segments[track].slice(-1).map(({ t1 }) => t1))), length = Math.max(1, end - zero);
  const at = (boot_ns) => `${Math.min(100, Math.max(0, (((boot_ns * 9) / 100_000 - zero) / length) * 100))}%`;
  const marks = verdict.lines.filter(({ kind }) => kind === "gap").slice(0, 1000).map((gap) => {
    const mark = make("span", "", { className: "hole", title: because(gap.reason) });
    mark.style.left = at(gap.from_boot_ns);
    mark.style.width = `calc(${at(gap.to_boot_ns)} - ${at(gap.from_boot_ns)})`;
    return mark;
  });
  const presses = [verdict.begin?.trigger_boot_ns, ...verdict.lines.filter(({ kind, what }) => kind === "mark" && what === "alarm").slice(0, 1000).map(({ at_boot_ns }) => at_boot_ns)];
  for (const boot_ns of presses.filter((ns) => ns !== undefined)) {
    const mark = make("span", "", { className: "press" });
    mark.style.left = at(boot_ns);
    marks.push(mark);
  }
  $("line").replaceChildren(...marks, make("span", "", { className: "now" }));
}

function tick() {
  const one = found[part];
  if (!one?.zero) return;
  const now = $("video").currentTime, begin = one.verdict.begin; // null: damaged, and nobody knows
  const wall_ns = begin ? begin.at_wall_ns + ((one.zero + now * TICKS) * 100_000) / 9 - begin.at_boot_ns : 0;
  $("clock").textContent = utc(wall_ns) + (begin?.clock === "synchronised" ? "" : t("unsure"));
  const mark = $("line").querySelector(".now");
  if (mark && player) mark.style.left = `${(now / player.seconds) * 100}%`;
}

// --- 4. take away ------------------------------------------------------------------------------------------------------

async function takeFilm() {
  const one = found[part], wanted = shownTracks(one), name = `opname-${one.verdict.recording_id.slice(0, 8)}.mp4`;
  $("mp4").disabled = true;
  let sink = null;
  try {
    sink = await place(name);
    const total = wanted.reduce((sum, track) => sum + one.segments[track].length, 0), troubles = [];
    let done = 0;
    const step = () => {
      done += 1;
      say("mp4-status", t("mp4-busy", { pct: Math.floor((100 * done) / total) }));
    };
    const counts = await film(wanted, one.segments, one.zero, one.open, sink.write, step, ({ file }) => troubles.push(file));
    await sink.done();
    const words = [t("mp4-done", { audio: counts.audio ?? 0, video: counts.video ?? 0 }), ...troubles.slice(0, 5).map((file) => t("segment", { file }))];
    say("mp4-status", words.join(" "), troubles.length > 0);
  } catch (error) {
    await sink?.abort().catch(() => {}); // nothing half-made is left
    if (error?.name === "AbortError") say("mp4-status", "");
    else say("mp4-status", t("mp4-failed", { why: error?.message ?? String(error) }), true);
  }
  $("mp4").disabled = false;
}

// Where the film goes: straight to a file where the browser can, else into a blob and a download.
async function place(name) {
  if (window.showSaveFilePicker && !navigator.webdriver) {
    const handle = await window.showSaveFilePicker({ suggestedName: name, types: [{ accept: { "video/mp4": [".mp4"] } }] });
    const file = await handle.createWritable();
    return { write: ({ data, position }) => file.write({ type: "write", position, data }), done: () => file.close(), abort: () => file.abort() };
  }
  const pieces = [];
  return {
    write({ data, position }) {
      const last = pieces.at(-1);
      if (position === (last ? last.position + last.data.size : 0)) pieces.push({ position, data: new Blob([data]) });
      else patch(pieces, position, data);
    },
    abort: async () => pieces.splice(0),
    done: async () => save(name, new Blob(pieces.map(({ data }) => data), { type: "video/mp4" })),
  };
}

// Writes over what is there already: the length of the film's data, known at the end.
function patch(pieces, position, data) {
  for (const piece of pieces) {
    const from = Math.max(position, piece.position), to = Math.min(position + data.length, piece.position + piece.data.size);
    if (from >= to) continue;
    const own = [piece.data.slice(0, from - piece.position), data.subarray(from - position, to - position), piece.data.slice(to - piece.position)];
    piece.data = new Blob(own);
  }
  const end = pieces.at(-1).position + pieces.at(-1).data.size;
  if (position + data.length > end) pieces.push({ position: end, data: new Blob([data.subarray(end - position)]) });
}

function save(name, blob) {
  const link = make("a", "", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const NUMBER = /^(?=[^0-9]*[0-9])(?!.*[A-Za-z]{5})[A-Za-z0-9][A-Za-z0-9 ./_-]{0,63}$/, ROLE = /^[a-z][a-z0-9-]{0,31}$/; // daemon/model: holds.py, policy.py

// A line of each part that is open; what the unit would refuse is said here, while the recording is open.
async function saveSlip() {
  const number = $("incident").value.trim(), on_behalf_of = $("role").value.trim(), about = { purpose: $("purpose").value, number, on_behalf_of };
  if (!NUMBER.test(number)) throw new Closed("slip-number");
  if (!ROLE.test(on_behalf_of)) throw new Closed("slip-role");
  const lines = [], lacking = [], name = `melding-${found[0].verdict.recording_id.slice(0, 8)}.json`;
  for (const { verdict, keys: opening, opened } of found.filter((one) => one.keys)) {
    const seed = await slipSeed(opening, verdict.begin);
    if (seed) lines.push(await slip(seed, verdict.recording_id, about, opened));
    else lacking.push(verdict.recording_id.slice(0, 8));
  }
  if (!lines.length) throw new Closed("slip-none");
  save(name, new Blob(lines, { type: "application/json" }));
  say("slipping", t("slip-saved", { name }) + (lacking.length ? ` ${t("slip-lacks", { parts: lacking.join(", ") })}` : ""), lacking.length > 0);
}

function printSheet() {
  const paper = $("paper");
  paper.replaceChildren(make("h1", t("sheet")));
  for (const { verdict } of found) {
    const { begin, end } = verdict, table = make("table");
    if (verdict.simulated) paper.append(make("p", t("simulated")));
    const rows = [
      ["sheet-id", verdict.recording_id], ["sheet-unit", begin?.unit ?? "?"], ["sheet-began", utc(begin?.at_wall_ns ?? 0)], ["sheet-ended", `${utc(end?.at_wall_ns ?? 0)} (${end?.why ?? "?"})`],
      ["sheet-policy", `${begin?.policy ?? "?"} ${(begin?.policy_sha256 ?? "").slice(0, 16)}`], ["sheet-whole", t(verdict.whole ? "yes" : "no")],
      ["sheet-signed", `${t(verdict.unit)} ${verdict.fingerprint}`], ["sheet-sums", verdict.sums_sha256], ["sheet-head", end?.head ?? "?"],
      ...(sidesOf(verdict) ? [["sheet-sides", t("sheet-left", sidesOf(verdict))]] : []),
      ["missing", missing(verdict).slice(0, 30).join("; ") || t("nothing")], ["faults", verdict.faults.slice(0, 30).map(({ path, what }) => `${shown(path)}: ${dutch(what)}`).join("; ") || "-"],
    ];
    table.append(...rows.map(([name, value]) => row(t(name), value)));
    paper.append(table);
  }
  const table = make("table");
  table.append(row(t("incident"), $("incident").value), row(t("ground"), t($("ground").value)), row(t("role"), $("role").value), row(t("officer"), $("officer").value));
  table.append(row(t("sheet-page"), t("version", { version: VERSION, hash: scriptHash })));
  paper.append(table, ...["sheet-ours", "sheet-theirs"].map((who) => make("p", `${t(who)}                                        ${t("date")}`, { className: "sign" })));
  window.print();
}

function row(name, value) {
  const line = make("tr");
  line.append(make("th", name), make("td", shown(value)));
  return line;
}

// --- 5. make a key -----------------------------------------------------------------------------------------------------

async function makeKey() {
  const [first, second] = [$("new1").value, $("new2").value];
  $("made").hidden = true;
  if (first.length < 12) return say("making", t("make-short"), true);
  if (first !== second) return say("making", t("make-differ"), true);
  say("making", t("making"));
  await new Promise((done) => setTimeout(done, 50)); // the words are to be seen before the work begins
  made = await newKey(first);
  $("new1").value = $("new2").value = "";
  $("public").textContent = made.recipient;
  $("print-of-key").textContent = made.fingerprint;
  $("made").hidden = false;
  return say("making", t("made"));
}

function printKey() {
  $("paper").replaceChildren(make("h1", t("step5")), make("p", t("safe-lead")), make("p", `${t("fingerprint")}: ${made.fingerprint}`), make("p", `${t("public")}: ${made.recipient}`), make("pre", made.file));
  window.print();
}

// --- 6. prove a key ----------------------------------------------------------------------------------------------------

async function proveKey() {
  const files = [...$("words").files], mine = [], said = [], passphrase = $("prove-pass").value;
  $("answers").replaceChildren();
  if (!files.length) throw new Closed("words-given");
  if (!$("prove-key").files.length) throw new Closed("key-given");
  for (const file of $("prove-key").files) {
    const raw = await handed(file);
    if (isLocked(raw) && !passphrase) throw new Closed("key-locked");
    if (isLocked(raw)) say("answering", t("making"));
    mine.push(...(await identities(raw, passphrase)));
  }
  for (const file of files) said.push(...(await answersTo(await handedText(file), mine, shown(file.name))));
  $("answers").append(...said.flatMap(({ unit, label, answer }) => {
    const about = make("dd");
    about.append(make("code", answer));
    return [make("dt", shown(`${unit} ${label}`)), about];
  }));
  $("prove-pass").value = "";
  say("answering", t("answered"));
}

// --- wiring ------------------------------------------------------------------------------------------------------------

const guarded = (id, act) => async (event) => {
  try {
    await act(event);
  } catch (error) {
    say(id, sentence(error), true);
    document.body.dataset.state = "failed";
  }
};

// A browser says nothing of a file that is chosen again: who corrected it, or has the passphrase now, chooses it again.
for (const id of ["zip", "folder", "signers", "key", "half", "words", "prove-key"]) $(id).addEventListener("click", (event) => (event.target.value = ""));
$("language").addEventListener("click", () => {
  language = 1 - language;
  speak();
});
for (const id of ["zip", "folder"]) $(id).addEventListener("change", guarded("giving", () => give(fromInput($(id).files))));
for (const name of ["dragover", "drop", "dragleave"]) {
  document.addEventListener(name, guarded("giving", async (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", name === "dragover");
    if (name === "drop") await give(await fromDrop(event.dataTransfer.items));
  }));
}
$("signers").addEventListener("change", guarded("giving", async () => {
  if ($("signers").files.length) await believe($("signers").files[0]);
}));
let working = Promise.resolve();
const inTurn = (act) => guarded("opening", () => (working = working.then(act, act))); // what a person gives is taken in order
$("key").addEventListener("change", inTurn(() => ($("key").files.length ? takeKeys([...$("key").files]) : null)));
$("half").addEventListener("change", inTurn(async () => {
  half = await handedText($("half").files[0]);
  if (keys.length || $("key").files.length) await open();
}));
$("open").addEventListener("click", inTurn(open));
$("save-half").addEventListener("click", () => {
  const waiting = found.filter(({ closed, keys: opened }) => closed && !opened).map(({ closed }) => closed);
  save(`opname-${waiting[0].id.slice(0, 8)}.half`, new Blob(waiting.map(giveHalf)));
});
$("tracks").addEventListener("change", guarded("opening", () => watch(part, $("video").currentTime)));
$("sides").addEventListener("change", guarded("opening", () => hear($("sides").value)));
$("part").addEventListener("change", guarded("opening", () => watch(Number($("part").value))));
$("video").addEventListener("ended", guarded("opening", () => {
  const next = found.findIndex(({ keys: opened }, n) => n > part && opened);
  return next < 0 ? null : watch(next);
}));
$("video").addEventListener("timeupdate", tick);
$("to-press").addEventListener("click", () => {
  const one = found[part];
  if (one?.verdict.begin) $("video").currentTime = Math.max(0, ((one.verdict.begin.trigger_boot_ns * 9) / 100_000 - one.zero) / TICKS);
});
$("line").addEventListener("click", (event) => {
  const box = $("line").getBoundingClientRect();
  if (player) $("video").currentTime = ((event.clientX - box.left) / box.width) * player.seconds;
});
$("mp4").addEventListener("click", takeFilm);
$("print").addEventListener("click", printSheet);
$("save-slip").addEventListener("click", guarded("slipping", saveSlip));
$("answer").addEventListener("click", guarded("answering", proveKey));
$("make").addEventListener("click", guarded("making", makeKey));
$("save-key").addEventListener("click", () => save("sleutel.key", new Blob([made.file])));
$("print-key").addEventListener("click", printKey);

const raw = document.currentScript?.textContent ?? "";
speak();
crypto.subtle.digest("SHA-256", new TextEncoder().encode(raw)).then((digest) => {
  scriptHash = Array.from(new Uint8Array(digest), (value) => value.toString(16).padStart(2, "0")).join("");
  speak();
});
