"""The room's own parts: lamps and buttons, tried one by one, by somebody who looks and presses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from daemon.check.asking import Room
from daemon.check.finding import NONE_FITTED, Finding
from daemon.model.unit import ButtonUnit

PRESS_S = 40.0
"""How long a check waits for a button: it has to be found first, and perhaps under a desk."""
HOLD_MS = 1000
"""The press that is asked for is two seconds; half of that tells it from a tap."""
LAMPS = {"status": "the staff's status lamp", "recording": "the recording lamp", "beeper": "the beeper"}
BUTTONS = ("alarm", "record", "reset", "objection")


def lamps(room: Room) -> Iterator[Finding]:
    """Each fitted lamp lit and dark: read back from its line, and seen by somebody."""
    for lamp in LAMPS:
        yield from _lamp(room, lamp)
    if room.settings.unit.relay is not None:
        yield _relay(room)


def _relay(room: Room) -> Finding:
    """Closed for a moment, where somebody is there and agrees: it sounds a siren or opens a door."""
    question = "The relay closes now, for as long as you look: its siren sounds, or its door opens. Go on?"
    if room.hands is None or not room.hands.asks(question):
        return Finding("relay", "skipped", "not closed: nobody there has agreed to it")
    closed = room.alarm("lamp", lamp="relay", lit=True)
    heard = room.hands.asks("Does the siren sound, or is the door open?")
    opened = room.alarm("lamp", lamp="relay", lit=False)
    figures = {"reads_closed": closed["reads"], "reads_open": not opened["reads"], "seen": heard}
    if heard and closed["reads"] and not opened["reads"]:
        return Finding("relay", "ok", "closed and open, seen", figures=figures)
    if heard is None:
        return Finding("relay", "skipped", "closed and open; nobody could tell what it did", figures=figures)
    todo = "Look at the relay, its supply and its pin: [relay] in unit.toml."
    wrong = "it does nothing" if not heard else "its line does not read back as it was set"
    return Finding("relay", "fault", wrong, todo, figures)


def _lamp(room: Room, lamp: str) -> Iterator[Finding]:
    name = f"lamp {lamp}"
    lit = room.alarm("lamp", lamp=lamp, lit=True)
    if not lit["fitted"]:
        if lamp == "recording" and room.settings.policy.tracks():
            todo = "Fit one and name its pin under [lamps]: without it nothing is ever written."
            yield Finding(name, "fault", "none is fitted, and this policy records", todo)
        else:
            yield Finding(name, "skipped", NONE_FITTED)
        return
    seen = room.hands.asks(f"Is {LAMPS[lamp]} {'sounding' if lamp == 'beeper' else 'lit'}?") if room.hands else None
    dark = room.alarm("lamp", lamp=lamp, lit=False)
    unseen = room.hands.asks(f"Is {LAMPS[lamp]} off now?") if room.hands else None
    figures = {"reads_lit": lit["reads"], "reads_dark": not dark["reads"], "seen_lit": seen, "seen_dark": unseen}
    wrong = [words for words, is_wrong in (
        ("its line does not read back as lit", not lit["reads"]), ("its line reads lit and should not", dark["reads"]),
        ("it did not light", seen is False), ("it did not go out", unseen is False),
    ) if is_wrong]  # fmt: skip
    if wrong:
        todo = f"Look at the lamp, its wire and its pin: [lamps] {lamp} in unit.toml."
        yield Finding(name, "fault", "; ".join(wrong), todo, figures)
    elif seen and unseen:
        yield Finding(name, "ok", "lit and dark, seen", figures=figures)
    else:
        yield Finding(name, "ok", "lit and dark, as its line reads back; nobody looked", figures=figures)


def buttons(room: Room) -> Iterator[Finding]:
    """Each wired button pressed, held and released; a press is a test while the check lasts (see `walk`)."""
    wired = room.settings.unit.buttons
    names = [name for name in BUTTONS if getattr(wired, name) is not None]
    health = room.health()
    for name in names:
        if room.hands is None or not health or FAULT[name] in health["faults"]:
            yield _unpressed(name, getattr(wired, name), health)
        else:
            yield _pressed(room, name)


FAULT = {"alarm": "alarm_button", "record": "record_button", "reset": "reset_switch", "objection": "objection_button"}


def _unpressed(name: str, button: ButtonUnit, health: dict[str, Any]) -> Finding:
    """What can be said of a button that nobody presses: of a single contact, that its wire cannot be seen."""
    if not health:
        return Finding(f"button {name}", "skipped", "the alarm process is not there: no press of it would be seen")
    wrong = health["faults"].get(FAULT[name])
    if wrong:
        return Finding(f"button {name}", "fault", wrong, "Look at the button: its contact, its wire, its pin.")
    proof = health["buttons"].get(name)
    figures = {"last_press": proof["last_press"], "last_test": proof["last_test"]} if proof else {}
    last = f"; its last press was {_last(figures)}" if proof else ""
    if button.nc_pin is not None:
        text = f"its two lines are at rest: no cut wire, no short; nobody pressed it{last}"
        return Finding(f"button {name}", "skipped", text, figures=figures)
    unseen = "a cut wire" if button.contact == "no" else "a short"
    text = f"not known: its one {button.contact.upper()} contact cannot show {unseen}, and nobody pressed it{last}"
    todo = (
        ""
        if name != "alarm"
        else ("Press it: spreekkamer alarm walk-test. A changeover button, with nc_pin, shows a cut wire at once.")
    )
    return Finding(f"button {name}", "warning" if todo else "skipped", text, todo, figures)


def _last(proof: dict[str, Any]) -> str:
    """When it last was a press for the unit, a test among them; null: never."""
    found = max((moment for moment in proof.values() if moment), default="")
    return found[:16].replace("T", " ") + " UTC" if found else "never"


def _pressed(room: Room, name: str) -> Finding:
    assert room.hands is not None  # noqa: S101 - `buttons` has looked
    room.hands.say(f"Press the {name} {'switch' if name == 'reset' else 'button'}, hold it two seconds, let go.")
    before = int(room.alarm("touched")[name]["presses"])
    seen: dict[str, Any] = {}

    def picture() -> tuple[str, bool]:
        seen.update(room.alarm("touched")[name])
        pressed = seen["presses"] > before
        done = pressed and not seen["down"] and seen["lasted_ms"] > 0
        words = (("pressed", pressed), ("held", pressed and seen["lasted_ms"] >= HOLD_MS), ("let go", done))
        return "  ".join(f"{'✓' if yes else '·'} {word}" for word, yes in words), done

    in_time = room.hands.shows(picture, PRESS_S)
    figures = {"presses": seen["presses"] - before, "held_ms": seen["lasted_ms"]}
    todo = f"Look at the button, its wire and its pin: [buttons.{name}] in unit.toml."
    if figures["presses"] == 0:
        return Finding(f"button {name}", "fault", f"no press came within {PRESS_S:.0f} s", todo, figures)
    if not in_time:
        return Finding(f"button {name}", "fault", "pressed, and not let go", todo, figures)
    if figures["held_ms"] < HOLD_MS:
        todo = "Press it again and hold it; if it was held, its contact loosens under the finger."
        return Finding(f"button {name}", "warning", f"pressed for {figures['held_ms']} ms only", todo, figures)
    return Finding(f"button {name}", "ok", f"pressed, held {figures['held_ms'] / 1000:.1f} s, let go", figures=figures)
