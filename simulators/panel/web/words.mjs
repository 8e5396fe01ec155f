// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// The page's words, Dutch and English. What the lamps mean in Dutch comes from the unit's own table; English is here.

export const WORDS = {
  nl: {
    title: "Spreekkamer", simulated: "SIMULATIE", room: "De kamer", unit: "Het kastje", desk: "De balie",
    seconds: "Seconden", weeks: "Weken", faults: "Storingen", messages: "Berichten (MQTT)", log: "Logboek van de bewaarder",
    picture_note: "Wat de nagebootste camera ziet. De recorder laat niemand beeld zien.", sound: "Geluid",
    accept: "Iemand komt", reset: "Alarm beëindigen", test_alarm: "Proefalarm", copy_scenario: "Kopieer als scenario",
    copy_link: "Kopieer link", close: "Sluiten", film_note: "Geopend met de demonstratiesleutels, buiten het kastje. Geen bewijs: simulatie.",
    plus_hour: "+1 uur", plus_day: "+1 dag", plus_week: "+1 week", power_cut: "Stroom eraf en weer aan",
    sync_found: "Klok gelijk: ja", sync_lost: "Klok gelijk: nee", mend: "Alles herstellen",
    starting: "De kamer start: ", away: "De kamer is weg. Deze pagina komt vanzelf terug als de kamer weer draait.",
    alarm: "Alarm", record: "Opname", reset_key: "Sleutel", objection: "Bezwaar", in_use: "In gebruik", wireless: "draadloos", outside: "buiten de kamer",
    more: "meer", hold: "3 s vasthouden", twice: "twee keer", camera: "camera", microphone: "microfoon",
    buttons: "knoppen", lamps: "lampen", board: "bord", broker: "broker", processes: "processen",
    status: "Statuslamp", recording: "Opnamelamp", beeper: "Zoemer", relay: "Relais", lit: "aan", dark: "uit",
    recording_lit: "Er wordt opgenomen", recording_dark: "Er wordt niets opgenomen", sounds: "klinkt", silent: "stil", closed: "dicht", open_: "open",
    no_faults: "Geen storingen", desk_up: "luistert", desk_down: "luistert niet", nothing_open: "niets open",
    open_alarms: "open", accepted_by: "aangenomen door", no_store: "De bewaarder antwoordt niet.", no_recordings: "Niets bewaard.",
    ring: "in het geheugen, verzegeld", recorded: "opgenomen", pre_event: "van vóór de druk", gap: "ontbreekt", now: "nu",
    track_audio: "geluid", track_video: "beeld", press: "druk", goes_in: "weg over", held: "vastgehouden", gone: "gewist",
    off: "uit", pressed: "gedrukt", kept: "bewaard", at_broker: "broker", stored: "opgeslagen", accepted: "iemand komt",
    nobody: "Niemand luistert", no_alarm: "Nog geen alarm", late: "te laat verstuurd", play: "Bekijk met demonstratiesleutels",
    today: "vandaag", week: "week", weeks_: "weken", why: "wat te doen", not_here: "kan hier niet: ", copied: "Gekopieerd.", down: "uit", runs: "draait", starts: "start",
    phase_ready: "gereed", phase_recording: "gesprek wordt opgenomen", phase_ending: "opname eindigt", phase_alarm: "alarm", phase_privacy: "privacy",
    box_ready: "gereed", box_recording: "gesprek", box_ending: "eindigt", box_alarm: "alarm", box_privacy: "privacy",
    fast_note: "Bij een snelle klok komen camera en microfoon niet mee: dat is dan een storing.",
    none: "geen", age: "oud", level_none: "niets", unsynchronised: "klok niet gelijk", policy: "Protocol",
  },
  en: {
    title: "Room unit", simulated: "SIMULATION", room: "The room", unit: "The unit", desk: "The desk",
    seconds: "Seconds", weeks: "Weeks", faults: "Faults", messages: "Messages (MQTT)", log: "The keeper's log",
    picture_note: "What the simulated camera sees. The recorder shows nobody a picture.", sound: "Sound",
    accept: "Somebody comes", reset: "End the alarm", test_alarm: "Test alarm", copy_scenario: "Copy as scenario",
    copy_link: "Copy link", close: "Close", film_note: "Opened with the demonstration keys, outside the unit. Not evidence: simulated.",
    plus_hour: "+1 hour", plus_day: "+1 day", plus_week: "+1 week", power_cut: "Power off and on",
    sync_found: "Clock synchronised: yes", sync_lost: "Clock synchronised: no", mend: "Mend all",
    starting: "The room is starting: ", away: "The room is away. This page comes back by itself when the room runs again.",
    alarm: "Alarm", record: "Record", reset_key: "Key", objection: "Objection", in_use: "In use", wireless: "wireless", outside: "outside the room",
    more: "more", hold: "hold for 3 s", twice: "twice", camera: "camera", microphone: "microphone",
    buttons: "buttons", lamps: "lamps", board: "board", broker: "broker", processes: "processes",
    status: "Status lamp", recording: "Recording lamp", beeper: "Beeper", relay: "Relay", lit: "lit", dark: "dark",
    recording_lit: "Recording", recording_dark: "Nothing is recorded", sounds: "sounds", silent: "silent", closed: "closed", open_: "open",
    no_faults: "No faults", desk_up: "listens", desk_down: "does not listen", nothing_open: "nothing open",
    open_alarms: "open", accepted_by: "accepted by", no_store: "The keeper does not answer.", no_recordings: "Nothing is stored.",
    ring: "in memory, sealed", recorded: "recorded", pre_event: "from before the press", gap: "missing", now: "now",
    track_audio: "sound", track_video: "image", press: "press", goes_in: "goes in", held: "held", gone: "deleted",
    off: "off", pressed: "pressed", kept: "kept", at_broker: "broker", stored: "stored", accepted: "accepted",
    nobody: "Nobody is listening", no_alarm: "No alarm yet", late: "sent late", play: "Watch with demonstration keys",
    today: "today", week: "week", weeks_: "weeks", why: "what to do", not_here: "not possible here: ", copied: "Copied.", down: "down", runs: "runs", starts: "starts",
    phase_ready: "ready", phase_recording: "a conversation is recorded", phase_ending: "the recording ends", phase_alarm: "alarm", phase_privacy: "privacy",
    box_ready: "ready", box_recording: "conversation", box_ending: "ending", box_alarm: "alarm", box_privacy: "privacy",
    fast_note: "A fast clock leaves camera and microphone behind: that is a fault as long as it runs.",
    none: "none", age: "old", level_none: "none", unsynchronised: "clock not synchronised", policy: "Policy",
  },
};

// The same at a desk for telephone calls: `[place] kind = "desk"` in the policy.
export const AT_A_DESK = {
  nl: {
    room: "De telefoonplek", outside: "elders", starting: "De telefoonplek start: ",
    away: "De telefoonplek is weg. Deze pagina komt vanzelf terug als de telefoonplek weer draait.",
  },
  en: {
    room: "The telephone desk", outside: "elsewhere", starting: "The telephone desk is starting: ",
    away: "The telephone desk is away. This page comes back by itself when it runs again.",
  },
};

export const isDesk = (state) => state.fitted?.policy?.place?.kind === "desk";

/** The words of the place that this is. */
export const wordsOf = (state, lang) => (isDesk(state) ? { ...WORDS[lang], ...AT_A_DESK[lang] } : WORDS[lang]);

// Signs of the status lamp in English: the keys are those of the unit's own table, and a test holds them to it.
export const SIGNS_EN = {
  raised: "Alarm raised", kept: "Alarm kept, not sent yet", broker: "Alarm sent", stored: "Alarm received", accepted: "Somebody comes",
  nobody: "Nobody is listening: call or shout; the alarm button keeps trying", again: "Press once more for an alarm",
  test: "Test: a press of the alarm button is a trial now", fault: "Fault: call facility; the alarm button still works",
  refused: "New settings were refused: call facility; the alarm button works",
  full: "No room: conversations are not recorded, alarms are", warning: "The recording is about to end",
  privacy: "Nothing is recorded; the alarm button works", ready: "Ready",
};

export const WHY_NOT = {
  nl: { broker_elsewhere: "de broker is van een ander programma", no_desk: "deze kamer heeft geen balie", real_microphone: "deze kamer hoort met een microfoon van deze computer",
    no_camera: "het protocol opent geen camera", no_microphone: "het protocol opent geen microfoon" },
  en: { broker_elsewhere: "the broker is another program's", no_desk: "this room has no desk", real_microphone: "this room hears by a microphone of this computer",
    no_camera: "the policy opens no camera", no_microphone: "the policy opens no microphone" },
};

const FAULTS = {
  nl: { gone: "los", frozen: "beeld staat stil", silent: "zwijgt", dark: "afgedekt", blurred: "onscherp", hangs: "hangt", muted: "uit gezet",
    overflow: "loopt over", fast: "loopt voor", slow: "loopt achter", unplugged: "stekker eruit", down: "uit", stopped: "hangt", stuck: "klemt",
    cut: "draad door", shorted: "kortgesloten", chatter: "rammelt", broken: "stuk", under_voltage: "te weinig spanning", hot: "te heet", card_worn: "kaart versleten",
    black_hole: "slokt alles op", full: "vol", readonly: "alleen lezen", "link.slow": "traag", "disk.slow": "traag" },
  en: { gone: "gone", frozen: "picture frozen", silent: "silent", dark: "covered", blurred: "blurred", hangs: "hangs", muted: "muted",
    overflow: "overflows", fast: "runs fast", slow: "runs slow", unplugged: "unplugged", down: "down", stopped: "hangs", stuck: "stuck",
    cut: "wire cut", shorted: "shorted", chatter: "chatters", broken: "broken", under_voltage: "under-voltage", hot: "hot", card_worn: "card worn",
    black_hole: "black hole", full: "full", readonly: "read-only", "link.slow": "slow", "disk.slow": "slow" },
};
const THINGS = {
  nl: { alarm: "alarm", record: "opname", reset: "sleutel", objection: "bezwaar", in_use: "in gebruik", status: "statuslamp", recording: "opnamelamp", beeper: "zoemer",
    "alarm-process": "alarmproces", "recorder-process": "recorder", "keeper-process": "bewaarder", console: "balie", camera: "camera", microphone: "microfoon", board: "bord", broker: "broker", link: "lijn naar broker", disk: "schijf" },
  en: { alarm: "alarm", record: "record", reset: "key", objection: "objection", in_use: "in use", status: "status lamp", recording: "recording lamp", beeper: "beeper",
    "alarm-process": "alarm process", "recorder-process": "recorder", "keeper-process": "keeper", console: "desk", camera: "camera", microphone: "microphone", board: "board", broker: "broker", link: "line to broker", disk: "disk" },
};

/** What a fault belongs to: "camera". */
export function thingName(thing, lang) {
  return THINGS[lang][thing] ?? thing;
}

/** What is wrong with it: "los". */
export function kindName(name, lang) {
  const kind = name.slice(name.indexOf(".") + 1);
  return FAULTS[lang][name] ?? FAULTS[lang][kind] ?? kind;
}

/** Both: "camera: los". */
export function faultName(name, lang) {
  return `${thingName(name.slice(0, name.indexOf(".")), lang)}: ${kindName(name, lang)}`;
}

/** A span of seconds in words: "6 d 23 u". */
export function span(seconds, lang) {
  const s = Math.max(0, Math.round(seconds));
  const [d, h, m] = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60];
  const hour = lang === "nl" ? "u" : "h";
  if (d) return `${d} d ${h} ${hour}`;
  if (h) return `${h} ${hour} ${m} min`;
  return m ? `${m} min ${s % 60} s` : `${s} s`;
}
