"""The room's own parts: lamps and buttons, tried one by one, by somebody who looks and presses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from daemon.check.asking import Room
from daemon.check.finding import Finding

PRESS_S = 40.0
"""How long a check waits for a button: it has to be found first, and perhaps under a desk."""
HOLD_MS = 1000
"""The press that is asked for is two seconds; half of that tells it from a tap."""
LAMPS = {"status": "the staff's status lamp", "recording": "the recording lamp", "beeper": "the beeper"}


def lamps(room: Room) -> Iterator[Finding]:
    """Each fitted lamp lit and dark: read back from its line, and seen by somebody."""
    for lamp in LAMPS:
        yield from _lamp(room, lamp)


def _lamp(room: Room, lamp: str) -> Iterator[Finding]:
    name = f"lamp {lamp}"
    lit = room.alarm("lamp", lamp=lamp, lit=True)
    if not lit["fitted"]:
        if lamp == "recording" and room.settings.policy.tracks():
            todo = "Fit one and name its pin under [lamps]: without it nothing is ever written."
            yield Finding(name, "fault", "none is fitted, and this policy records", todo)
        else:
            yield Finding(name, "skipped", "none is fitted")
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
    names = [name for name in ("alarm", "record", "reset") if getattr(wired, name) is not None]
    faults = room.health().get("faults", {})
    if room.hands is None:
        for name in names:
            yield _unpressed(name, faults)
        return
    for name in names:
        yield _pressed(room, name) if FAULT[name] not in faults else _unpressed(name, faults)


FAULT = {"alarm": "alarm_button", "record": "record_button", "reset": "reset_switch"}


def _unpressed(name: str, faults: dict[str, str]) -> Finding:
    wrong = faults.get(FAULT[name])
    if wrong:
        return Finding(f"button {name}", "fault", wrong, "Look at the button: its contact, its wire, its pin.")
    return Finding(f"button {name}", "skipped", "its wire is well; nobody pressed it")


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
