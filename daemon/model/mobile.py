"""Wireless buttons: what a foreign message on a button's topic means, and whether the button is still alive. Pure.

The law here: a payload of any kind raises no exception; only a value that the settings call pressed is a press; a
retained message is none, and no sign of life either; the same press told twice is one.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daemon.model.unit import Mobile

NS = 1_000_000_000
HOUR_NS = 3600 * NS
PERCENT = 100
KEEPS_S = 60
"""How long the broker keeps a press for a unit that is away: a restart of the machine takes half of it. What comes so
late has no time of its own, and counts as pressed when it came: an alarm too fresh is better than one that nobody runs
for. Longer than this that would be no honest thing to say."""
WAITED = f"the broker has kept it for this unit: it was pressed up to {KEEPS_S} s earlier"
DEPTH_MAX = 8
"""Steps of a path into a payload; the deepest that is known, a gateway's list of events, has five."""


class Button(Struct, frozen=True):
    """What is remembered of one wireless button."""

    settings: Mobile
    seen_ns: int
    """Boot time of its last word, or of the start: silence is counted from there."""
    last: str | None = None
    """What told its last press: the value that means pressed, or that of its repeat field."""
    last_ns: int = 0
    battery: float | None = None


class Heard(Struct, frozen=True):
    """What a message was to one button."""

    pressed: bool = False
    refused: str = ""
    """Why it means nothing; empty when it was understood."""


def heard(button: Button, payload: bytes, *, retained: bool, now_ns: int) -> tuple[Button, Heard]:
    """Takes a message on the button's topic. Never raises, whatever the payload is."""
    if retained:
        return button, Heard()
    mobile = button.settings
    try:
        text = payload.decode()
        body = msgspec.json.decode(payload) if _is_json(mobile) else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return button, Heard(refused="not JSON in UTF-8" if _is_json(mobile) else "not UTF-8")
    button = replace(button, seen_ns=now_ns)
    battery = _at(body, mobile.battery_field) if mobile.battery_field else None
    if isinstance(battery, int | float) and not isinstance(battery, bool) and 0 <= battery <= PERCENT:
        button = replace(button, battery=battery)
    value = _text(_at(body, mobile.field)) if mobile.field else text.strip()
    if value not in mobile.pressed:
        return button, Heard()
    number = _text(_at(body, mobile.repeat_field)) if mobile.repeat_field else None
    told = value if number is None else number  # a gateway that left its number out: as one that has none
    echo = number is not None or now_ns - button.last_ns < mobile.repeat_s * NS
    same = told == button.last and echo
    # Counted from the press that raised, not from its echo: who presses on and on is heard when the time is over.
    return (button, Heard()) if same else (replace(button, last=told, last_ns=now_ns), Heard(pressed=True))


def wrong(button: Button, now_ns: int) -> str:
    """What is the matter with a button, for a person; empty: nothing. No figure in it grows: it stays one fault."""
    mobile, found = button.settings, []
    if mobile.silent_after_h and now_ns - button.seen_ns > mobile.silent_after_h * HOUR_NS:
        found.append(f"silent for more than {mobile.silent_after_h} h")
    if button.battery is not None and button.battery < mobile.battery_low:
        found.append(f"its battery is below {mobile.battery_low} %")
    return f"{mobile.name}: {', '.join(found)}" if found else ""


def _is_json(mobile: Mobile) -> bool:
    return bool(mobile.field or mobile.repeat_field or mobile.battery_field)


def _at(body: Any, path: str) -> Any:
    """What stands at a path such as `params.events.0.event`: names of tables, numbers of list items; None: nothing."""
    for step in path.split(".")[:DEPTH_MAX]:
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list) and step.isascii() and step.isdigit() and int(step) < len(body):
            body = body[int(step)]
        else:
            return None
    return body


def _text(value: Any) -> str | None:
    """A value as the settings would write it; None for what is no single value."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode()
    return None
