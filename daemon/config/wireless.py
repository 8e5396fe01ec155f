# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Wireless buttons in unit.toml: settings under which no message could ever be a press, or a press be another's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from daemon.model.fitted import BUTTONS
from daemon.model.payload import DEPTH_MAX, same, scalar
from daemon.model.unit import Mobile, Unit

Found = Iterator[tuple[str, Any, str]]
"""Key, value, what was expected."""
*_FIRST, _LAST = BUTTONS
WIRED = f"{', '.join(_FIRST)} and {_LAST}"
"""The names of the wired buttons, for a person."""


def faults(unit: Unit) -> Found:
    """What is wrong with the buttons of a unit."""
    root = unit.topic_root()
    names = set(BUTTONS)
    for index, mobile in enumerate(unit.mobile):
        key = f"mobile[{index}]"
        if mobile.name in names:  # what is known of a button is kept under its name
            yield f"{key}.name", mobile.name, f"a name of its own, and none of {WIRED}"
        names.add(mobile.name)
        if mobile.topic.startswith((root + "alarm/ack/", root + "alarm/here/", root + "command/reset/")):
            yield f"{key}.topic", mobile.topic, "a topic of the gateway's; this one is the unit's own"
        for part, path in _paths(mobile):
            steps = path.split(".")
            if "" in steps or len(steps) > DEPTH_MAX:
                expected = f"1 to {DEPTH_MAX} steps with a dot between them, as in params.events.*.event"
                yield f"{key}.{part}", path, expected
        yield from _never(key, mobile)


def doubts(unit: Unit) -> Found:
    """Buttons that a unit starts with, and that nobody can have meant so."""
    for index, mobile in enumerate(unit.mobile):
        key = f"mobile[{index}]"
        for path, value in mobile.where.items():
            if isinstance(value, float) and not math.isfinite(value):
                yield f"{key}.where", value, f"a number that a message can hold; {path} is never this one"
        for before, other in enumerate(unit.mobile[:index]):
            is_there = (other.topic, other.field, other.where) == (mobile.topic, mobile.field, mobile.where)
            if is_there and (both := set(other.pressed) & set(mobile.pressed)):
                yield f"{key}.pressed", min(both), f"what tells it from mobile[{before}]: each press is two alarms"


def _paths(mobile: Mobile) -> Iterator[tuple[str, str]]:
    """The paths of a button, by their keys."""
    named = (("field", mobile.field), ("repeat_field", mobile.repeat_field), ("battery_field", mobile.battery_field))
    yield from ((part, path) for part, path in named if path)
    yield from (("where", path) for path in mobile.where)


def _never(key: str, mobile: Mobile) -> Found:
    """What no message could satisfy."""
    if mobile.field in mobile.where:
        wanted = mobile.where[mobile.field]
        if not any(same(scalar(wanted) or "", value) for value in mobile.pressed):
            yield f"{key}.where", wanted, f"one of `pressed`, or another path: {mobile.field} is the field itself"
    if mobile.edge and mobile.repeat_field:
        yield f"{key}.repeat_field", mobile.repeat_field, "none where edge is true: a state changes and has no number"
    if mobile.field:
        return
    tables = any(value.strip()[:1] in ("{", "[") for value in mobile.pressed)
    asked = next((part for part, _ in _paths(mobile)), "")
    if asked and not tables:
        expected = f"where the value stands: {asked} asks for JSON, and the whole text of that is none of `pressed`"
        yield f"{key}.field", mobile.field, expected
    for value in mobile.pressed:
        if value != value.strip():
            yield f"{key}.pressed", value, "a value without white space at its ends: a text's does not count"
