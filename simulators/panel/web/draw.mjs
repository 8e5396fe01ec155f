// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// The page's pictures as pure functions: from the room's state and a width to SVG text. No clock, no document.

import { isDesk, span, WORDS, wordsOf } from "./words.mjs";

const WINDOW_S = 60;
const NARROW_PX = 560; // a phone: what stands side by side elsewhere stands under each other, and says less
const WHO_MAX = 12; // letters of a receiver's name, which may have 64
const LETTER_PX = 7; // no wider than this, on the average
const TRACKS = ["audio", "video"];

export function escape(text) {
  return String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function svg(width, height, label, inner) {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(label)}">${inner}</svg>`;
}

const PATTERNS = `<defs>
<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="ring-bg" width="6" height="6"/><rect class="ring-line" width="2" height="6"/></pattern>
<pattern id="cutout" width="8" height="8" patternUnits="userSpaceOnUse"><path class="cut-line" d="M0 0L8 8M8 0L0 8"/></pattern></defs>`;

const ROOM = `<path class="door" d="M300 198 v-44 a44 44 0 0 1 44 44"/><rect class="sticker" x="316" y="178" width="14" height="10"/>
<rect class="table" x="110" y="84" width="120" height="56" rx="8"/>
<circle class="chair" cx="170" cy="66" r="13"/><circle class="chair" cx="170" cy="158" r="13"/>
<path class="camera" d="M12 12 l26 6 -8 18 z"/><path class="sees" d="M30 28 L250 196 L40 196 Z"/>`;
const DESK = `<rect class="table" x="110" y="84" width="120" height="56" rx="8"/><circle class="chair" cx="170" cy="158" r="13"/>
<rect class="phone" x="186" y="98" width="26" height="28" rx="4"/><rect class="phone" x="182" y="94" width="8" height="36" rx="4"/>`;

/** The place from above: table, chairs, door, camera, or a desk with its telephone; and the box with its lamps. */
export function plan(state, lang, width) {
  const w = wordsOf(state, lang);
  const lamps = state.lamps ?? {};
  const lamp = (name, x, y) =>
    `<circle class="lamp ${name} ${lamps[name] ? "lit" : "dark"}" cx="${x}" cy="${y}" r="8"/><text x="${x}" y="${y + 22}" class="small mid">${escape(w[name])}</text>`;
  const height = Math.round(width * 0.56);
  const label = `${w.room}: ${w.status} ${lamps.status ? w.lit : w.dark}, ${w.recording} ${lamps.recording ? w.lit : w.dark}`;
  return svg(width, height, label, `<g transform="scale(${width / 360})">
<rect class="wall" x="4" y="4" width="352" height="194" rx="4"/>
${isDesk(state) ? DESK : ROOM}
<rect class="box" x="164" y="8" width="186" height="48" rx="4"/>
${lamp("status", 208, 26)}${lamp("recording", 298, 26)}
<rect class="mic" x="164" y="106" width="12" height="12" rx="6"/></g>`);
}

/** What is held, let go and written: sixty seconds, by the boot clock. */
export function seconds(state, nowS, lang, width) {
  const w = WORDS[lang];
  const left = 62;
  const x = (s) => left + ((s - nowS + WINDOW_S) / WINDOW_S) * (width - left - 8);
  const clip = (s) => Math.min(nowS, Math.max(nowS - WINDOW_S, s));
  const ring = state.unit?.recorder?.ring_s ?? {};
  const recordings = Object.values(state.tracks ?? {});
  const parts = [PATTERNS];
  for (let s = 0; s <= WINDOW_S; s += 10) {
    const at = x(nowS - s);
    parts.push(`<line class="tick" x1="${at}" y1="14" x2="${at}" y2="84"/><text class="small mid" x="${at}" y="11">${s ? `−${s}` : escape(w.now)}</text>`);
  }
  const told = [];
  TRACKS.forEach((track, row) => {
    const y = 20 + row * 32;
    parts.push(`<text x="0" y="${y + 16}">${escape(w[`track_${track}`])}</text><line class="rail" x1="${left}" y1="${y + 22}" x2="${width - 8}" y2="${y + 22}"/>`);
    const held = Math.min(ring[track] ?? 0, WINDOW_S);
    if (held > 0.5) {
      parts.push(`<rect fill="url(#hatch)" x="${x(nowS - held)}" y="${y}" width="${Math.max(0, x(nowS) - x(nowS - held))}" height="22"><title>${escape(w.ring)}: ${Math.round(held)} s</title></rect>`);
      told.push(`${w[`track_${track}`]}: ${Math.round(held)} s ${w.ring}`);
    }
    for (const recording of recordings) {
      for (const [from, to, reason] of recording.spans[track] ?? []) {
        if (to < nowS - WINDOW_S) continue;
        const [a, b] = [x(clip(from)), x(clip(to))];
        if (reason) {
          parts.push(`<rect class="gap" fill="url(#cutout)" x="${a}" y="${y}" width="${Math.max(2, b - a)}" height="22"><title>${escape(w.gap)}: ${escape(reason)}</title></rect>`);
          continue;
        }
        parts.push(`<rect class="written ${recording.alarm ? "alarm" : ""}" x="${a}" y="${y}" width="${Math.max(0, b - a)}" height="22"><title>${escape(w.recorded)}</title></rect>`);
        const before = Math.min(to, recording.trigger_s);
        if (before > from && before > nowS - WINDOW_S) {
          parts.push(`<rect class="before" x="${a}" y="${y + 17}" width="${Math.max(0, x(clip(before)) - a)}" height="5"><title>${escape(w.pre_event)}</title></rect>`);
        }
        told.push(`${w[`track_${track}`]}: ${Math.round(clip(to) - clip(from))} s ${w.recorded}`);
      }
    }
  });
  let free = 0; // where no word stands yet: two presses within a few seconds share one
  const byTime = recordings.sort((a, b) => a.trigger_s - b.trigger_s);
  for (const recording of byTime) {
    const marks = [{ what: recording.alarm ? "alarm" : "record", at_s: recording.trigger_s }, ...recording.marks.filter((m) => m.what === "alarm")];
    for (const mark of marks) {
      if (mark.at_s < nowS - WINDOW_S || mark.at_s > nowS) continue;
      const at = x(mark.at_s);
      const words = `${w.press} ${w[mark.what] ?? mark.what}`;
      const half = (words.length * LETTER_PX) / 2;
      parts.push(`<path class="press ${mark.what}" d="M${at} 82 l-6 10 h12 z"/><line class="press-line" x1="${at}" y1="18" x2="${at}" y2="84"/>`);
      const mid = Math.min(at, width - half);
      if (mid - half < free) continue;
      free = mid + half;
      parts.push(`<text class="small mid" x="${mid}" y="103">${escape(words)}</text>`);
    }
  }
  return svg(width, 106, `${w.seconds}: ${told.join("; ") || w.none}`, parts.join(""));
}

/** What is kept, until when: four weeks from now, a row a recording. */
export function weeks(state, nowMs, lang, width) {
  const w = WORDS[lang];
  const narrow = width < NARROW_PX;
  const left = narrow ? 48 : 92;
  const days = 29;
  const x = (ms) => left + (Math.min(days, (ms - nowMs) / 86_400_000) / days) * (width - left - 8);
  const rows = [...(state.store?.recordings ?? [])].sort((a, b) => b.at_wall_ns - a.at_wall_ns).slice(0, 6);
  const parts = [PATTERNS];
  for (let week = 0; week <= 4; week += 1) {
    const at = x(nowMs + week * 604_800_000);
    const words = narrow && week && week < 4 ? week : week ? `${week} ${week > 1 ? w.weeks_ : w.week}` : w.today;
    parts.push(`<line class="tick" x1="${at}" y1="14" x2="${at}" y2="${24 + rows.length * 34}"/><text class="small ${week ? "mid" : ""}" x="${narrow ? Math.min(at, width - 26) : at}" y="11">${escape(words)}</text>`);
  }
  const told = [];
  rows.forEach((row, n) => {
    const y = 20 + n * 34;
    parts.push(`<text class="mono" x="0" y="${y + 14}">${escape(row.recording_id.slice(0, 4))}…</text><text class="small" x="${narrow ? 0 : 44}" y="${narrow ? y + 27 : y + 14}">${row.alarm ? escape(w.alarm) : ""}</text>`);
    TRACKS.forEach((track, m) => {
      const facts = row.tracks[track];
      if (!facts) return;
      const top = y + m * 15;
      const name = m ? "▣" : "♪";
      if (!facts.there) {
        parts.push(`<text class="small" x="${left}" y="${top + 10}">${name} ${escape(w.gone)}</text>`);
        told.push(`${row.recording_id.slice(0, 4)} ${w[`track_${track}`]} ${w.gone}`);
        return;
      }
      const until = facts.held ? nowMs + days * 86_400_000 : (facts.expires_wall_ns ?? 0) / 1e6;
      const wide = Math.max(3, x(until) - left);
      const words = facts.held ? `🔒 ${w.held}` : `${w.goes_in} ${span((until - nowMs) / 1000, lang)}`;
      const shown = `${name} ${narrow && !facts.held ? span((until - nowMs) / 1000, lang) : words}`;
      const inside = wide > shown.length * LETTER_PX + 12;
      parts.push(`<rect class="kept ${track} ${facts.held ? "held" : ""}" x="${left}" y="${top}" width="${wide}" height="12" rx="2"/>${facts.held ? "" : `<line class="end" x1="${left + wide}" y1="${top - 1}" x2="${left + wide}" y2="${top + 13}"/>`}`);
      parts.push(`<text class="small ${inside ? "on" : ""}" x="${inside ? left + 6 : left + wide + 6}" y="${top + 10}">${escape(shown)}</text>`);
      told.push(`${row.recording_id.slice(0, 4)} ${w[`track_${track}`]}: ${words}`);
    });
  });
  return svg(width, 28 + rows.length * 34, `${w.weeks}: ${told.join("; ") || w.no_recordings}`, parts.join(""));
}

/** The room's phases and where it stands. */
export function phase(state, lang, width) {
  const w = WORDS[lang];
  const live = state.unit?.phase ?? "";
  const box = { ready: [4, 34], recording: [116, 4], ending: [228, 4], alarm: [116, 64], privacy: [228, 64] };
  const arrows = ["M96 40 L114 20", "M208 18 L226 18", "M274 34 L274 46 L50 46 L50 36", "M96 52 L114 76", "M162 62 L162 34", "M208 72 L244 36", "M96 46 L226 74"];
  const nodes = Object.entries(box).map(([name, [x, y]]) =>
    `<g class="phase ${name} ${name === live ? "live" : ""}"><rect x="${x}" y="${y}" width="92" height="28" rx="6"/><text class="mid small" x="${x + 46}" y="${y + 18}">${escape(w[`box_${name}`])}</text></g>`);
  const scale = Math.min(1.25, width / 324);
  return svg(width, 96 * scale, `${w.unit}: ${w[`phase_${live}`] ?? w.none}`, `<g transform="scale(${scale})"><g class="arrows">${arrows.map((d) => `<path d="${d}"/>`).join("")}</g>${nodes.join("")}</g>`);
}

/** How far the newest alarm has got: beads on a string, which hangs down on a phone. */
export function beads(state, lang, width) {
  const w = WORDS[lang];
  const alarm = state.alarm;
  if (!alarm) return svg(width, 34, w.no_alarm, `<text class="small" x="0" y="20">${escape(w.no_alarm)}</text>`);
  const levels = [["pressed", 0], ["kept", alarm.kept_ms], ["at_broker", alarm.broker_ms], ["stored", alarm.stored_ms], ["accepted", alarm.accepted_ms]];
  const hangs = width < NARROW_PX;
  const step = hangs ? 22 : (width - 100) / (levels.length - 1);
  const place = (n) => (hangs ? [10, 12 + n * step] : [50 + n * step, 12]);
  const parts = [];
  const told = [];
  levels.forEach(([name, ms], n) => {
    const [x, y] = place(n);
    const there = ms !== null && ms !== undefined;
    if (n) {
      const [fromX, fromY] = place(n - 1);
      parts.push(`<line class="string ${there ? "there" : ""}" x1="${hangs ? x : fromX + 8}" y1="${hangs ? fromY + 8 : y}" x2="${hangs ? x : x - 8}" y2="${hangs ? y - 8 : y}"/>`);
    }
    parts.push(`<circle class="bead ${there ? "there" : ""}" cx="${x}" cy="${y}" r="7"/>`);
    const by = name === "stored" ? alarm.stored_by : name === "accepted" ? alarm.accepted_by : "";
    const who = by.length > WHO_MAX ? `${by.slice(0, WHO_MAX)}…` : by;
    const words = `${w[name]}${there && n ? ` ${ms} ms` : ""}${who ? ` ${who}` : ""}`;
    parts.push(`<text class="small ${hangs ? "" : "mid"}" x="${hangs ? x + 16 : x}" y="${hangs ? y + 4 : 33}">${escape(words)}</text>`);
    if (there) told.push(words);
  });
  const nobody = (state.fitted?.unheard ?? []).some((f) => f in (state.unit?.faults ?? {}));
  if (nobody && alarm.stored_ms === null) {
    const [x, y] = hangs ? [110, 12 + 3 * step + 4] : [50 + 2.5 * step, 8];
    parts.push(`<text class="small ${hangs ? "" : "mid"} nobody" x="${x}" y="${y}">${escape(w.nobody)}</text>`);
  }
  return svg(width, hangs ? 12 + levels.length * step : 38, `${w.alarm}: ${told.join(", ")}`, parts.join(""));
}
