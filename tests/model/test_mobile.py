"""Wireless buttons: what real gateways say, what raises an alarm, and what is the matter with a button."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.model.mobile import HOUR_NS, NS, Button, heard, wrong
from daemon.model.unit import Mobile

T0 = 1000 * NS
ZIGBEE = Mobile("hall-1", "zigbee2mqtt/hall-1", ("emergency", "panic"), field="action", battery_field="battery")
SHELLY = Mobile(
    "hall-2", "shelly/events/rpc", ("single_push",), field="params.events.0.event", repeat_field="params.events.0.ts"
)
TEXT = Mobile("hall-3", "plain/button", ("PRESSED", "1"))


def presses(settings: Mobile, *messages: tuple[float, Any], retained: bool = False) -> list[float]:
    """At which seconds a list of messages is a press."""
    button, found = Button(settings, T0), []
    for at_s, body in messages:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        button, said = heard(button, payload, retained=retained, now_ns=T0 + round(at_s * NS))
        found += [at_s] if said.pressed else []
    return found


def test_a_zigbee_button_is_pressed_once_a_press() -> None:
    """A1: Zigbee2MQTT says the action, then that there is none; the same action seconds later is another press."""
    quiet = {"action": "", "battery": 97}
    action = {"action": "emergency", "battery": 97, "linkquality": 120}
    none = {"action": None}
    assert presses(ZIGBEE, (0, action), (0.1, quiet), (0.2, none), (5, action)) == [0, 5]
    assert presses(ZIGBEE, (0, action), (0.4, action | {"linkquality": 9}), (1.9, action), (3, action)) == [0, 3]


def test_a_number_of_its_own_tells_presses_apart() -> None:
    """A1: with a field that differs with each press the same one is one press however late, and the next is another."""

    def event(ts: float) -> dict[str, Any]:
        return {"method": "NotifyEvent", "params": {"events": [{"event": "single_push", "ts": ts}]}}

    assert presses(SHELLY, (0, event(1.5)), (600, event(1.5)), (600.1, event(2.5))) == [0, 600.1]


def test_a_plain_text_is_a_button_too() -> None:
    """A1: a supplier's button that says one word: white space around it is none of its meaning."""
    assert presses(TEXT, (0, b" PRESSED\n"), (9, b"1"), (18, b"RELEASED"), (27, b"2")) == [0, 9]


def test_a_retained_message_raises_nothing_and_proves_no_life() -> None:
    """A1: what a broker kept from last week is no press, and no sign of life."""
    assert presses(ZIGBEE, (0, {"action": "emergency"}), retained=True) == []
    button, _ = heard(Button(ZIGBEE, T0), b'{"battery": 3}', retained=True, now_ns=T0 + 27 * HOUR_NS)
    assert wrong(button, T0 + 27 * HOUR_NS) == "hall-1: silent for more than 26 h"


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["action", "battery", "x"]), inner),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
@pytest.mark.parametrize("settings", [ZIGBEE, SHELLY, TEXT], ids=lambda settings: settings.name)
def test_no_payload_raises_an_exception_or_an_alarm_by_chance(settings: Mobile, payload: bytes) -> None:
    """A1: any bytes are taken; a press is only what the settings call one, and then its value stands in the payload."""
    button, said = heard(Button(settings, T0), payload, retained=False, now_ns=T0)
    if said.pressed:
        assert any(value.encode() in payload for value in settings.pressed)
    assert not (said.pressed and said.refused)
    assert wrong(button, T0) in ("", f"{settings.name}: its battery is below {settings.battery_low} %")


def test_silence_and_a_low_battery_are_faults_until_they_end() -> None:
    """A6: a button that says nothing for 26 h, or whose battery is at 9 %, is named; a word, and a new one, end it."""
    button = Button(ZIGBEE, T0)
    assert wrong(button, T0 + 26 * HOUR_NS) == ""
    late_ns = T0 + 26 * HOUR_NS + 1
    assert wrong(button, late_ns) == "hall-1: silent for more than 26 h"
    button, _ = heard(button, b'{"battery": 9}', retained=False, now_ns=late_ns)
    assert wrong(button, late_ns) == "hall-1: its battery is below 15 %"
    button, _ = heard(button, b'{"battery": 100}', retained=False, now_ns=late_ns)
    assert wrong(button, late_ns) == ""
