// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// What was done on the page, as a scenario that anyone can run again: one line an act, in the words of simulators/robot.

const TAP_S = 0.5; // shorter than a finger that holds on

const STEPS = {
  nl: {
    press: (a) => (a.hold_s > TAP_S ? `Als ik de knop ${a.button} ${a.hold_s} seconden vasthoud` : `Als ik de knop ${a.button} indruk`),
    fault: (a) => `Als de storing ${a.name} ${a.on ? "begint" : "eindigt"}`, mend: () => "Als alle storingen eindigen",
    wireless: (a) => `Als ik de draadloze knop ${a.name} indruk`, pass: (a) => `Als er ${a.seconds} seconden voorbijgaan`,
    sync: (a) => `Als de klok ${a.found ? "gelijk" : "ongelijk"} loopt`, power: () => "Als de stroom uitvalt", accept: () => "Als de balie het alarm aanneemt",
    reset: () => "Als de balie het alarm beëindigt", policy: (a) => `Gegeven een kamer onder het protocol ${a.name}`,
  },
  en: {
    press: (a) => (a.hold_s > TAP_S ? `When I hold the button ${a.button} for ${a.hold_s} seconds` : `When I press the button ${a.button}`),
    fault: (a) => `When the fault ${a.name} ${a.on ? "begins" : "ends"}`, mend: () => "When all faults end",
    wireless: (a) => `When I press the wireless button ${a.name}`, pass: (a) => `When ${a.seconds} seconds pass`,
    sync: (a) => `When the clock is ${a.found ? "synchronised" : "unsynchronised"}`, power: () => "When the power is cut", accept: () => "When the desk accepts the alarm",
    reset: () => "When the desk ends the alarm", policy: (a) => `Given a room under the policy ${a.name}`,
  },
};
const HEAD = {
  nl: "Language: nl\n\n*** Instellingen ***\nBibliotheek    simulators.robot.SpreekkamerLibrary\n\n*** Testgevallen ***\nWat op de pagina is gedaan\n",
  en: "*** Settings ***\nLibrary    simulators.robot.SpreekkamerLibrary\n\n*** Test Cases ***\nWhat was done on the page\n",
};

/** Presses with the mouse come as hold and release: one press of so long. */
export function folded(done) {
  const out = [];
  for (const act of done) {
    const last = out.at(-1);
    if (act.act === "release" && last?.act === "hold" && last.button === act.button) {
      out[out.length - 1] = { act: "press", button: act.button, hold_s: Math.max(0.1, Math.round((act.t - last.t) / 100) / 10), t: last.t, at: last.at };
    } else if (act.act !== "release" && act.act !== "speed") {
      out.push(act);
    }
  }
  return out;
}

/** A Robot Framework file. `policy`: what the room ran under at the beginning. `t`: the hand's own milliseconds; `at`: the room's. */
export function scenario(done, policy, lang) {
  const steps = folded(done);
  let before = steps[0]?.at ?? 0;
  const lines = steps.map((act) => {
    const wait = Math.round((act.at - before) / 100) / 10;
    before = act.at + (act.act === "pass" ? act.seconds * 1000 : 0);
    const pause = wait >= 1 ? `    ${STEPS[lang].pass({ seconds: wait })}\n` : "";
    return `${pause}    ${STEPS[lang][act.act]?.(act) ?? `# ${act.act}: no scenario has a word for it`}\n`;
  });
  return `${HEAD[lang]}    ${STEPS[lang].policy({ name: policy })}\n${lines.join("")}`;
}
