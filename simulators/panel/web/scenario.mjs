// What was done on the page, as a scenario that anyone can run again: one line an act.

const STEPS = {
  nl: {
    press: (a) => `Als ik de knop ${a.button} indruk    ${a.hold_s ?? 0.2}`, fault: (a) => `${a.on ? "Als de storing" : "Als de storing"} ${a.name} ${a.on ? "begint" : "eindigt"}`,
    mend: () => "Als alle storingen eindigen", wireless: (a) => `Als ik de draadloze knop ${a.name} indruk`, pass: (a) => `Als er ${a.seconds} seconden voorbijgaan`,
    sync: (a) => `Als de klok ${a.found ? "gelijk" : "ongelijk"} loopt`, power: () => "Als de stroom uitvalt", accept: () => "Als de balie het alarm aanneemt",
    reset: () => "Als de balie het alarm beëindigt", test: () => "Als er een proefalarm gaat", policy: (a) => `Gegeven een kamer onder het protocol ${a.name}`,
  },
  en: {
    press: (a) => `When I press the button ${a.button}    ${a.hold_s ?? 0.2}`, fault: (a) => `When the fault ${a.name} ${a.on ? "begins" : "ends"}`,
    mend: () => "When all faults end", wireless: (a) => `When I press the wireless button ${a.name}`, pass: (a) => `When ${a.seconds} seconds pass`,
    sync: (a) => `When the clock is ${a.found ? "synchronised" : "unsynchronised"}`, power: () => "When the power is cut", accept: () => "When the desk accepts the alarm",
    reset: () => "When the desk ends the alarm", test: () => "When a test alarm is sent", policy: (a) => `Given a room under the policy ${a.name}`,
  },
};

/** Presses with the mouse come as hold and release: one press of so long. */
export function folded(done) {
  const out = [];
  for (const act of done) {
    const last = out.at(-1);
    if (act.act === "release" && last?.act === "hold" && last.button === act.button) {
      out[out.length - 1] = { act: "press", button: act.button, hold_s: Math.max(0.1, Math.round((act.t - last.t) / 100) / 10), t: last.t };
    } else if (act.act !== "release" && act.act !== "speed") {
      out.push(act);
    }
  }
  return out;
}

/** A Robot Framework file. `policy`: what the room ran under at the beginning. */
export function scenario(done, policy, lang) {
  const nl = lang === "nl";
  const steps = folded(done);
  const head = nl
    ? `Language: nl\n\n*** Instellingen ***\nBibliotheek    simulators.robot.SpreekkamerLibrary\n\n*** Testgevallen ***\nWat op de pagina is gedaan\n    Gegeven een kamer onder het protocol ${policy}\n`
    : `*** Settings ***\nLibrary    simulators.robot.SpreekkamerLibrary\n\n*** Test Cases ***\nWhat was done on the page\n    Given a room under the policy ${policy}\n`;
  let before = steps[0]?.t ?? 0;
  const lines = steps.map((act) => {
    const wait = Math.round((act.t - before) / 100) / 10;
    before = act.t;
    const pause = wait >= 1 ? `    ${nl ? "Als er" : "When"} ${wait} ${nl ? "seconden voorbijgaan" : "seconds pass"}\n` : "";
    return `${pause}    ${STEPS[lang][act.act]?.(act) ?? `# ${act.act}`}\n`;
  });
  return head + lines.join("");
}
