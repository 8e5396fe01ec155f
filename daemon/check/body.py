# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The room's own parts: lamps and buttons, tried one by one by a person who looks and presses."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from daemon.check.asking import CheckedRoom
from daemon.check.finding import NONE_FITTED, Finding
from daemon.model import faults, fitted
from daemon.model.unit import ButtonUnit
from daemon.times import local_of

PRESS_S = 40.0
"""How long a check waits for a button: it has to be found first, perhaps under a desk."""
HOLD_MS = 1000
"""The requested press is two seconds; half of that tells it from a tap."""


def outputs(room: CheckedRoom) -> Iterator[Finding]:
    """Turn each output on and off: read back from its line, and seen or heard by a person."""
    pins = {output.name: pin for output, pin in fitted.outputs(room.settings.unit)}
    for output in fitted.OUTPUTS.values():
        yield _output(room, output) if output.name in pins else _none(room, output)


def _none(room: CheckedRoom, output: fitted.Output) -> Finding:
    if output.name == "recording" and room.settings.policy.tracks():
        todo = "Fit one and name its pin under [lamps]: without it nothing is ever written."
        return Finding(output.line, "fault", "none is fitted, and this policy records", todo)
    return Finding(output.line, "skipped", NONE_FITTED)


def _output(room: CheckedRoom, output: fitted.Output) -> Finding:
    """An output that may be unwelcome is turned on only if a person is there and agrees."""
    if output.warns and (room.hands is None or not room.hands.asks(output.warns)):
        return Finding(output.line, "skipped", "not turned on: nobody there has agreed to it")
    on = room.alarm("lamp", lamp=output.name, lit=True)
    if not on["fitted"]:
        return Finding(output.line, "fault", "the alarm process does not have it", "Restart the alarm process.")
    seen = room.hands.asks(output.asks_on) if room.hands else None
    off = room.alarm("lamp", lamp=output.name, lit=False)
    unseen = room.hands.asks(output.asks_off) if room.hands and output.asks_off else seen
    figures = {"reads_lit": on["reads"], "reads_dark": not off["reads"], "seen_lit": seen, "seen_dark": unseen}
    wrong = [words for words, is_wrong in (
        ("its line does not read back as on", not on["reads"]), ("its line reads on and should not", off["reads"]),
        ("it did not come on", seen is False), ("it did not go off", unseen is False and bool(output.asks_off)),
    ) if is_wrong]  # fmt: skip
    if wrong:
        todo = output.todo or f"Look at the {output.words}, its wire and its pin: {output.key} in unit.toml."
        return Finding(output.line, "fault", "; ".join(wrong), todo, figures)
    if seen and unseen:
        return Finding(output.line, "ok", "on and off, seen", figures=figures)
    return Finding(output.line, "ok", "on and off, as its line reads back; nobody looked", figures=figures)


def buttons(room: CheckedRoom) -> Iterator[Finding]:
    """Have each wired button pressed, held and released; a press is a test during the check (see `walk`)."""
    health = room.health()
    for button, wired in fitted.buttons(room.settings.unit):
        if room.hands is None or not health or button.fault in health["faults"]:
            yield _unpressed(button, wired, health, room.place)
        else:
            yield _pressed(room, button)


def in_use(room: CheckedRoom) -> Iterator[Finding]:
    """Where the devices are closed between uses, have them open for what follows."""
    if room.hands is None or not room.is_unused():
        return
    room.hands.say("Close the in-use contact, and leave it closed until the check is over.")

    def picture() -> tuple[str, bool]:
        is_open = not room.is_unused()
        return ("✓ open" if is_open else "· the devices are closed"), is_open

    if room.hands.shows(picture, PRESS_S):
        yield Finding("in use", "ok", "camera and microphone open when the contact closes")
    else:
        todo = faults.todo("in_use_contact")
        yield Finding("in use", "fault", f"no device opened within {PRESS_S:.0f} s", todo)


def _unpressed(button: fitted.Button, wired: ButtonUnit, health: dict[str, Any], place: datetime.tzinfo) -> Finding:
    """What is known of a button that nobody presses: the wire of a single contact cannot be checked."""
    if not health:
        return Finding(button.line, "skipped", "the alarm process is not there: no press of it would be seen")
    wrong = health["faults"].get(button.fault)
    if wrong:
        return Finding(button.line, "fault", wrong, faults.todo(button.fault))
    proof = health["buttons"].get(button.name)
    figures = {"last_press": proof["last_press"], "last_test": proof["last_test"]} if proof else {}
    last = f"; its last press was {_last(figures, place)}" if proof else ""
    if wired.nc_pin is not None:
        text = f"its two lines are at rest: no cut wire, no short; nobody pressed it{last}"
        return Finding(button.line, "skipped", text, figures=figures)
    unseen = "a cut wire" if wired.contact == "no" else "a short"
    text = f"not known: its one {wired.contact.upper()} contact cannot show {unseen}, and nobody pressed it{last}"
    todo = (
        ""
        if not button.raises
        else ("Press it: spreekkamer alarm walk-test. A changeover button, with nc_pin, shows a cut wire at once.")
    )
    return Finding(button.line, "warning" if todo else "skipped", text, todo, figures)


def _last(proof: dict[str, Any], place: datetime.tzinfo) -> str:
    """When the unit last saw a press of it, or a test; null: never."""
    found = max((moment for moment in proof.values() if moment), default="")
    return local_of(found, place) if found else "never"


def _pressed(room: CheckedRoom, button: fitted.Button) -> Finding:
    assert room.hands is not None  # noqa: S101 - `buttons` has looked
    name = button.name
    room.hands.say(f"{button.verb} the {button.words}, hold it two seconds, let go.")
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
    todo = f"Look at the {button.words}, its wire and its pin: [buttons.{name}] in unit.toml."
    if figures["presses"] == 0:
        return Finding(button.line, "fault", f"no press came within {PRESS_S:.0f} s", todo, figures)
    if not in_time:
        return Finding(button.line, "fault", "pressed, and not let go", todo, figures)
    if figures["held_ms"] < HOLD_MS:
        todo = "Press it again and hold it; if it was held, its contact loosens under the finger."
        return Finding(button.line, "warning", f"pressed for {figures['held_ms']} ms only", todo, figures)
    return Finding(button.line, "ok", f"pressed, held {figures['held_ms'] / 1000:.1f} s, let go", figures=figures)
