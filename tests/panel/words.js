// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// The page's words and pictures, read as modules, for a test that holds them against the unit's own lists.
const fs = require("node:fs");
const said = JSON.parse(fs.readFileSync(0, "utf8"));
(async () => {
  const words = await import(`${said.web}/words.mjs`);
  const draw = await import(`${said.web}/draw.mjs`);
  const { scenario, folded } = await import(`${said.web}/scenario.mjs`);
  const drawn = said.states.map((state) => ["nl", "en"].map((lang) => [
    draw.plan(state, lang, 300), draw.seconds(state, 100, lang, 900), draw.weeks(state, 0, lang, 900), draw.phase(state, lang, 300), draw.beads(state, lang, 900),
  ].join("")));
  const phone = said.states.flatMap((state) => ["nl", "en"].flatMap((lang) => [280, 900].flatMap((wide) =>
    [draw.seconds(state, 100, lang, wide), draw.weeks(state, 0, lang, wide), draw.beads(state, lang, wide)])));
  console.log(JSON.stringify({
    phone,
    keys: Object.fromEntries(["nl", "en"].map((lang) => [lang, Object.keys(words.WORDS[lang]).sort()])),
    at_a_desk: ["nl", "en"].map((lang) => {
      const desk = { fitted: { policy: { place: { kind: "desk" } } } };
      return { words: words.wordsOf(desk, lang), room: words.wordsOf({}, lang), plan: draw.plan(desk, lang, 300) };
    }),
    signs: Object.keys(words.SIGNS_EN).sort(),
    why_not: Object.fromEntries(["nl", "en"].map((lang) => [lang, Object.keys(words.WHY_NOT[lang]).sort()])),
    faults: said.faults.map((name) => ["nl", "en"].map((lang) => words.faultName(name, lang))),
    drawn, folded: folded(said.done), scenario: Object.fromEntries(["nl", "en"].map((lang) => [lang, scenario(said.done, "heusden-2020", lang)])),
  }));
})();
