# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Settings of wireless buttons under which a press could never be one: refused, each in one clear sentence."""

from __future__ import annotations

import tomllib

import msgspec
import pytest

from daemon.config import explain, shipped, wireless
from daemon.model.unit import Mobile, Unit

UNIT = msgspec.convert(tomllib.loads((shipped() / "unit.toml").read_text()), Unit)
GOOD = 'name = "hal"\ntopic = "gw/hal"\nfield = "action"\npressed = ["push"]\n'


def words(text: str) -> str:
    """The first fault of a button's settings, with its key; empty: none."""
    button = msgspec.convert(tomllib.loads(text), Mobile)
    found = list(wireless.faults(msgspec.structs.replace(UNIT, mobile=(button,))))
    return f"{found[0][0]}: {found[0][2]}" if found else ""


@pytest.mark.parametrize(
    ("text", "key", "sentence"),
    [
        (GOOD.replace("action", "a..b"), "mobile[0].field", "1 to 8 steps"),
        (GOOD.replace("action", ".a"), "mobile[0].field", "1 to 8 steps"),
        (GOOD.replace("action", "a.b.c.d.e.f.g.h.i"), "mobile[0].field", "1 to 8 steps"),
        (GOOD + 'where = { "a." = 1 }', "mobile[0].where", "1 to 8 steps"),
        (GOOD + 'repeat_field = "a..b"', "mobile[0].repeat_field", "1 to 8 steps"),
        (GOOD + 'edge = true\nrepeat_field = "n"', "mobile[0].repeat_field", "none where edge is true"),
        (GOOD + 'where = { "action" = "release" }', "mobile[0].where", "one of `pressed`"),
        (GOOD.replace('"action"', '""') + 'where = { "a" = 1 }', "mobile[0].field", "where asks for JSON"),
        (GOOD.replace('"action"', '""') + 'battery_field = "b"', "mobile[0].field", "battery_field asks for JSON"),
        (GOOD.replace('"action"', '""') + 'repeat_field = "n"', "mobile[0].field", "repeat_field asks for JSON"),
        (GOOD.replace('"action"', '""').replace('"push"', '"push "'), "mobile[0].pressed", "without white space"),
        (GOOD.replace("gw/hal", UNIT.topic_root() + "alarm/ack/balie"), "mobile[0].topic", "the unit's own"),
        (GOOD.replace('"hal"', '"reset"'), "mobile[0].name", "a name of its own"),
    ],
)  # fmt: skip
def test_settings_that_can_never_match_are_refused(text: str, key: str, sentence: str) -> None:
    """A1: a button whose press could never be heard is told when it is set up, not when it is needed."""
    assert words(text).startswith(f"{key}: ")
    assert sentence in words(text)


@pytest.mark.parametrize(
    "more", ["", "edge = true", 'where = { "a.b" = 1, c = true, "d.*" = "x", e = 1.5 }', 'where = { action = "push" }']
)
def test_settings_that_can_match_are_taken(more: str) -> None:
    """A1: a second condition of any plain kind, and a state, are settings of a button."""
    assert words(GOOD + more) == ""


def test_what_nobody_can_have_meant_is_doubted() -> None:
    """A1: a table that was copied and not changed would make two alarms of one press; a unit starts all the same."""
    button = msgspec.convert(tomllib.loads(GOOD), Mobile)
    other = msgspec.structs.replace(button, name="other", where={"id": float("nan")})
    twin = msgspec.structs.replace(button, name="twin", pressed=("x", "push"))
    unit = msgspec.structs.replace(UNIT, mobile=(button, other, twin))
    assert not list(wireless.faults(unit))
    found = {key: words for key, _, words in wireless.doubts(unit)}
    assert found == {
        "mobile[1].where": "a number that a message can hold; id is never this one",
        "mobile[2].pressed": "what tells it from mobile[0]: each press is two alarms",
    }


def test_a_topic_may_begin_with_a_slash() -> None:
    """A1: MQTT lets it, and gateways do it; an empty first level is not ours to refuse."""
    assert words(GOOD.replace("gw/hal", "/milesight/hal/up")) == ""


def test_a_path_without_quotes_is_explained() -> None:
    """A1: TOML reads a dotted key without quotes as a table in a table: the report says what was expected."""
    raw = tomllib.loads(GOOD + "where = { deviceInfo.devEui = '24e1' }")
    (fault,) = explain.faults_of(raw, Mobile, "unit.toml")
    assert "each key a path in quotes" in str(fault)
