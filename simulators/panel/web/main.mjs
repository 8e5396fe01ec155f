// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// The page: hears what the room says, draws it, and passes on what hands do. Everything drawn is made in draw.mjs.

import * as draw from "./draw.mjs";
import { scenario } from "./scenario.mjs";
import { faultName, kindName, SIGNS_EN, span, thingName, WHY_NOT, wordsOf } from "./words.mjs";

const $ = (id) => document.getElementById(id);
const AWAY_MS = 6000; // three words that did not come
const state = {};
const done = [];
let lang = localStorage.getItem("lang") === "en" ? "en" : "nl";
let heardAt = 0;
let clockAt = 0;
let firstPolicy = "";
let asked = new URLSearchParams(location.hash.slice(1));
const w = () => wordsOf(state, lang);

// --- what the room says -------------------------------------------------------------------------------------------

const source = new EventSource("events");
source.onmessage = (message) => {
  const news = JSON.parse(message.data);
  Object.assign(state, news);
  heardAt = performance.now();
  if (news.clock) clockAt = heardAt;
  if (news.fitted) heads(); // another policy may be a desk's
  firstPolicy ||= state.fitted?.policy?.name ?? "";
  if (asked && state.fitted?.policy && state.unit && state.lamps) obeyLink(); // not before the room is there to be acted on
  render(news);
};

function nowBoot() {
  return (state.clock?.boot_s ?? 0) + ((performance.now() - clockAt) / 1000) * (state.room?.speed ?? 1);
}
function nowWall() {
  return (state.clock?.wall_ms ?? 0) + (performance.now() - clockAt) * (state.room?.speed ?? 1);
}

// --- what hands do --------------------------------------------------------------------------------------------------

async function act(body) {
  if (body.act !== "speed") done.push({ ...body, t: performance.now(), at: nowWall() });
  try {
    const answer = await fetch("act", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const said = await answer.json();
    say(said.ok ? "" : said.text);
    return said.ok;
  } catch {
    say(w().away);
    return false;
  }
}

function say(text) {
  $("said").textContent = text;
}

function obeyLink() {
  const wanted = asked;
  asked = null;
  const steps = [];
  const policy = wanted.get("policy");
  if (policy && policy !== state.fitted.policy.name) steps.push({ act: "policy", name: policy });
  for (const name of wanted.getAll("fault")) steps.push({ act: "fault", name, on: true });
  if (wanted.get("clock") === "lost") steps.push({ act: "sync", found: false });
  steps.reduce((before, step) => before.then(() => act(step)), Promise.resolve());
}

function link() {
  const parts = new URLSearchParams();
  parts.set("policy", state.fitted?.policy?.name ?? "");
  for (const fault of state.room?.faults ?? []) if (fault.on) parts.append("fault", fault.name);
  if (state.clock?.state === "unsynchronised") parts.set("clock", "lost");
  return `${location.href.split("#")[0]}#${parts}`;
}

/** A button that acts while it is down: mouse, finger or key. */
function pressable(button, name) {
  let down = false;
  const press = (event) => {
    event.preventDefault();
    if (down) return;
    down = true;
    button.classList.add("down");
    act({ act: "hold", button: name });
  };
  const release = () => {
    if (!down) return;
    down = false;
    button.classList.remove("down");
    act({ act: "release", button: name });
  };
  button.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    button.focus();
    press(event);
    button.setPointerCapture?.(event.pointerId);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(end, release);
  button.addEventListener("keydown", (event) => {
    if (event.key === " " || event.key === "Enter") event.repeat ? event.preventDefault() : press(event);
  });
  button.addEventListener("keyup", (event) => {
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      release();
    }
  });
  button.addEventListener("click", (event) => {
    // A screen reader's own click: no pointer and no key went before it.
    if (event.detail === 0 && event.isTrusted && !down) act({ act: "press", button: name });
  });
}

/** A contact that stays as a click left it, as a hook or a door does. */
const closed = new Set();
function switchable(name, label) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "switch";
  button.dataset.button = name;
  button.textContent = label;
  const show = () => button.setAttribute("aria-pressed", String(closed.has(name)));
  button.onclick = async () => {
    if (!(await act({ act: closed.has(name) ? "release" : "hold", button: name }))) return;
    closed.has(name) ? closed.delete(name) : closed.add(name);
    show();
  };
  show();
  return button;
}

// --- drawing --------------------------------------------------------------------------------------------------------

const shown = new Map();
function put(id, html) {
  if (shown.get(id) === html) return;
  shown.set(id, html);
  // What is drawn anew keeps the focus: somebody may be there by keyboard.
  const own = $(id).contains(document.activeElement) ? document.activeElement.closest("[data-n], [data-play]") : null;
  $(id).innerHTML = html;
  if (own) $(id).querySelector(own.dataset.n ? `[data-n="${own.dataset.n}"] summary` : `[data-play="${own.dataset.play}"]`)?.focus();
}
const e = draw.escape;

function heads() {
  for (const node of document.querySelectorAll("[data-w]")) {
    const word = w()[node.dataset.w];
    if (node.textContent !== word) node.textContent = word;
  }
}

function words() {
  document.documentElement.lang = lang;
  document.title = `${w().title} – ${w().simulated}`;
  heads();
  $("lang").textContent = lang === "nl" ? "English" : "Nederlands";
  $("lang").lang = lang === "nl" ? "en" : "nl";
  shown.clear();
  buttonsFor = "";
  faultsFor = "";
  render(state);
}

let buttonsFor = "";
function buttons() {
  const fitted = state.fitted;
  if (!fitted?.buttons) return;
  const key = JSON.stringify([lang, fitted.buttons, fitted.mobile]);
  if (key === buttonsFor) return;
  buttonsFor = key;
  $("buttons").replaceChildren();
  const switches = [];
  for (const name of fitted.buttons) {
    const label = w()[name === "reset" ? "reset_key" : name] ?? name;
    if (fitted.switches.includes(name)) {
      switches.push(switchable(name, label));
      continue;
    }
    const group = document.createElement("div");
    group.className = "button";
    group.innerHTML = `<button type="button" class="push ${e(name)}" data-button="${e(name)}"><span>${e(label)}</span></button>
<details><summary>${e(label)}: ${e(w().more)}</summary><div class="menu"><button type="button" data-do="hold">${e(w().hold)}</button><button type="button" data-do="twice">${e(w().twice)}</button></div></details>`;
    pressable(group.querySelector(".push"), name);
    group.querySelector('[data-do="hold"]').onclick = () => act({ act: "press", button: name, hold_s: 3 });
    group.querySelector('[data-do="twice"]').onclick = async () => {
      await act({ act: "press", button: name, hold_s: 0.15 });
      await act({ act: "press", button: name, hold_s: 0.15 });
    };
    $("buttons").append(group);
  }
  for (const mobile of fitted.mobile) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = `wireless ${mobile.place}`;
    button.dataset.wireless = mobile.name;
    button.textContent = `${mobile.name} (${w().wireless}${mobile.place === "elsewhere" ? `, ${w().outside}` : ""})`;
    button.onclick = () => act({ act: "wireless", name: mobile.name });
    $("buttons").append(button);
  }
  $("buttons").append(...switches);
}

function lamps() {
  const lit = state.lamps;
  const signs = state.room?.signs ?? {};
  if (!lit) return;
  const rows = Object.keys(lit).map((name) => {
    let means = lit[name] ? w().lit : w().dark;
    if (name === "status") means = lang === "nl" ? (state.fitted?.signs?.[signs.status] ?? w().dark) : (SIGNS_EN[signs.status] ?? w().dark);
    if (name === "recording") means = lit[name] ? w().recording_lit : w().recording_dark;
    if (name === "beeper") means = lit[name] ? w().sounds : w().silent;
    if (name === "relay") means = lit[name] ? w().closed : w().open_;
    return `<li class="${e(name)} ${name === "status" ? e(signs.status ?? "") : ""}"><span class="dot ${lit[name] ? "lit" : "dark"}" aria-hidden="true"></span><b>${e(w()[name] ?? name)}</b> <span>${e(means)}</span></li>`;
  });
  put("lamps", rows.join(""));
}

let faultsFor = "";
const whyNot = (fault) => (fault ? `<span class="why">${e(w().not_here + (WHY_NOT[lang][fault.why_not] ?? fault.why_not))}</span>` : "");
const thing = (name) => name.slice(0, name.indexOf("."));
function faults() {
  const list = state.room?.faults;
  if (!list) return;
  const names = JSON.stringify([lang, list.map((f) => [f.name, f.why_not])]);
  if (names !== faultsFor) {
    faultsFor = names;
    const things = [...new Set(list.map((f) => thing(f.name)))];
    $("fault-list").innerHTML = things.map((one) =>
      `<fieldset><legend>${e(thingName(one, lang))}</legend>${list.filter((f) => thing(f.name) === one).map((f) =>
        `<button type="button" class="fault" data-fault="${e(f.name)}" aria-pressed="false" aria-label="${e(faultName(f.name, lang))}" ${f.why_not ? "disabled" : ""}>${e(kindName(f.name, lang))}</button>`).join("")}${whyNot(list.find((f) => thing(f.name) === one && f.why_not))}</fieldset>`).join("");
  }
  for (const fault of list) {
    const button = $("fault-list").querySelector(`[data-fault="${CSS.escape(fault.name)}"]`);
    if (button) button.setAttribute("aria-pressed", String(fault.on));
  }
}

function unitFaults() {
  const found = Object.entries(state.unit?.faults ?? {});
  put("faults-now", found.length ? `<ul>${found.map(([name, text]) => `<li>⚠ <b>${e(name)}</b> ${e(text)}</li>`).join("")}</ul><p><a href="faults.md" target="_blank">${e(w().why)} (docs/guide/faults.md)</a></p>` : `<p>✓ ${e(w().no_faults)}</p>`);
}

function desk() {
  const found = state.room?.desk;
  if (!found) return;
  const listens = found.there && found.up;
  put("desk-says", `<span class="dot ${listens ? "lit" : "dark"}" aria-hidden="true"></span> balie: ${e(listens ? w().desk_up : w().desk_down)} · ${found.open.length ? `${found.open.length} ${e(w().open_alarms)}` : e(w().nothing_open)}`);
  put("desk-open", [...found.open].reverse().slice(0, 4).map((row) => `<li>${row.simulated ? `<strong>${e(w().simulated)}</strong> ` : ""}${e(row.kind)} <code>${e(row.event_id.slice(0, 8))}</code>${row.late ? ` <strong>${e(w().late)}: ${e(span(row.age_ms / 1000, lang))}</strong>` : ""}${row.accepted_by ? ` ${e(w().accepted_by)} ${e(row.accepted_by)}` : ""}</li>`).join(""));
}

const openBodies = new Set();
function messages() {
  const rows = (state.messages ?? []).map((m) => {
    const topic = m.topic.split("/").slice(5).join("/") || m.topic;
    let late = "";
    try {
      const body = JSON.parse(m.body);
      if (body.data?.replay) late = ` <strong>${e(w().late)}: ${e(span(body.data.age_ms / 1000, lang))}</strong>`;
    } catch { /* not JSON: somebody else's */ }
    return `<li><details data-n="${m.n}" ${openBodies.has(m.n) ? "open" : ""}><summary><time>${e(clock(m.at_ms))}</time> <code>${e(topic)}</code>${late}</summary><pre>${e(pretty(m.body))}</pre></details></li>`;
  });
  put("message-list", rows.join(""));
}
function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 1);
  } catch {
    return body;
  }
}

const QUIET = new Set(["n", "boot_id", "clock", "event"]);
function log() {
  const rows = (state.log ?? []).map((line) => {
    const rest = Object.entries(line).filter(([key, value]) => !QUIET.has(key) && !key.endsWith("_ns") && value !== "" && value !== null).map(([key, value]) => `${key}=${typeof value === "string" ? short(value) : JSON.stringify(value)}`).join(" ").slice(0, 160);
    return `<li><time>${e(clock(line.at_wall_ns / 1e6))}</time> <b>${e(line.event)}</b> <span>${e(rest)}</span></li>`;
  });
  put("log-list", rows.join(""));
}
const short = (text) => (/^[0-9a-f-]{32,64}$/.test(text) ? `${text.slice(0, 8)}…` : text);
const clock = (ms) => new Date(ms).toISOString().slice(5, 19).replace("T", " ");

function store() {
  const rows = [...(state.store?.recordings ?? [])].sort((a, b) => b.at_wall_ns - a.at_wall_ns).slice(0, 6);
  put("store", rows.map((row) => {
    const closed = row.state !== "open" && Object.values(row.tracks).some((t) => t.there);
    return closed ? `<li><code>${e(row.recording_id.slice(0, 4))}…</code> <button type="button" data-play="${e(row.recording_id)}">${e(w().play)}</button></li>` : "";
  }).join("") || (state.store ? "" : `<li>${e(w().no_store)}</li>`));
}

function starting() {
  const processes = state.room?.processes ?? {};
  const wait = Object.entries(processes).filter(([, s]) => s !== "runs");
  const gone = performance.now() - heardAt > AWAY_MS;
  document.body.classList.toggle("gone", gone || !heardAt);
  const text = gone && heardAt ? w().away : !state.unit || wait.length ? w().starting + Object.entries(processes).map(([n, s]) => `${n} ${s === "runs" ? "✓" : w()[s]}`).join(" · ") : "";
  if ($("away").textContent !== text) $("away").textContent = text;
}

function sound() {
  const db = state.unit?.recorder?.level_dbfs;
  $("level").value = db ?? -96;
  $("level").setAttribute("aria-label", w().sound);
  $("level-text").textContent = db === null || db === undefined ? w().level_none : `${Math.round(db)} dB`;
}

function render(news) {
  if (news.fitted || news.room || news === state) buttons();
  if (news.lamps || news.room || news === state) lamps();
  if (news.room || news === state) { faults(); desk(); }
  if ("unit" in news || news === state) { unitFaults(); sound(); }
  if (news.messages || news === state) messages();
  if (news.log || news === state) log();
  if ("store" in news || news === state) store();
  const policy = state.fitted?.policy?.name ?? state.fitted?.refused ?? "";
  const said = `${w().policy}: ${policy}`;
  if ($("policy").textContent !== said) $("policy").textContent = said;
  $("phase-text").textContent = w()[`phase_${state.unit?.phase}`] ?? "";
  $("sync").textContent = state.clock?.state === "unsynchronised" ? w().sync_lost : w().sync_found;
  const note = (state.room?.speed ?? 1) > 1 ? w().fast_note : "";
  if ($("fast").textContent !== note) $("fast").textContent = note;
  for (const button of document.querySelectorAll("[data-speed]")) button.setAttribute("aria-pressed", String(Number(button.dataset.speed) === (state.room?.speed ?? 1)));
}

function width(id) {
  return Math.max(260, Math.floor($(id).clientWidth));
}

function frame() {
  starting();
  if (state.clock) {
    put("plan", draw.plan(state, lang, width("plan")));
    put("phase", draw.phase(state, lang, width("phase")));
    put("seconds-draw", draw.seconds(state, nowBoot(), lang, width("seconds-draw")));
    put("beads", draw.beads(state, lang, width("beads")));
    put("weeks-draw", draw.weeks(state, nowWall(), lang, width("weeks-draw")));
    $("now").textContent = `${new Date(nowWall()).toISOString().slice(0, 19).replace("T", " ")} UTC${state.clock.state === "unsynchronised" ? ` (${w().unsynchronised})` : ""}`;
  }
}

// --- wiring ---------------------------------------------------------------------------------------------------------

$("accept").onclick = () => act({ act: "accept" });
$("reset").onclick = () => act({ act: "reset" });
$("test").onclick = () => act({ act: "test" });
$("mend").onclick = () => act({ act: "mend" });
$("power").onclick = () => act({ act: "power" });
$("sync").onclick = () => act({ act: "sync", found: state.clock?.state === "unsynchronised" });
$("time").onclick = (event) => {
  const { pass, speed } = event.target.dataset;
  if (pass) act({ act: "pass", seconds: Number(pass) });
  if (speed) act({ act: "speed", factor: Number(speed) });
};
$("fault-list").onclick = (event) => {
  const button = event.target.closest("[data-fault]");
  if (button) act({ act: "fault", name: button.dataset.fault, on: button.getAttribute("aria-pressed") !== "true" });
};
$("store").onclick = (event) => {
  const id = event.target.dataset.play;
  if (!id) return;
  $("film-video").src = `open/${id}`;
  $("film").showModal();
};
$("film").addEventListener("close", () => $("film-video").removeAttribute("src"));
$("message-list").addEventListener("toggle", (event) => {
  const n = Number(event.target.dataset.n);
  event.target.open ? openBodies.add(n) : openBodies.delete(n);
}, true);
$("lang").onclick = () => {
  lang = lang === "nl" ? "en" : "nl";
  localStorage.setItem("lang", lang);
  words();
};
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say(w().copied);
  } catch {
    say(text);
  }
}
$("copy").onclick = () => copy(scenario(done, firstPolicy, lang));
$("link").onclick = () => copy(link());

words();
setInterval(frame, 100);
setInterval(() => {
  if (!document.hidden && state.clock) {
    $("picture").src = `picture?${Math.floor(performance.now())}`;
    $("picture").alt = w().picture_note;
  }
}, 1000);
