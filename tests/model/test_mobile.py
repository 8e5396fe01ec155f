# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Wireless buttons: what real gateways say, what raises an alarm, and what is the matter with a button."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.model.mobile import HOUR_NS, NS, Button, Heard, heard, wrong
from daemon.model.payload import LOOKS_MAX
from daemon.model.unit import Mobile

T0 = 1000 * NS
ZIGBEE = Mobile("hall-1", "zigbee2mqtt/hall-1", ("emergency", "panic"), field="action", battery_field="battery")
SHELLY = Mobile(
    "hall-2", "shelly/events/rpc", ("single_push",), field="params.events.0.event", repeat_field="params.events.0.ts"
)
TEXT = Mobile("hall-3", "plain/button", ("PRESSED", "1", "X"))
WHOLE = Mobile("hall-6", "plain/json", ('{"cmd":"sos", "id":7}',), where={"id": 7})


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
    assert presses(ZIGBEE, (0, action), (0.4, action | {"linkquality": 9}), (2.9, action), (3, action)) == [0, 3]
    assert presses(ZIGBEE, (0, action), (3, action), (5.9, action), (6, action)) == [0, 3, 6]


def test_a_number_of_its_own_tells_presses_apart() -> None:
    """A1: the same number is one press while it is heard, and the next one is another."""

    def event(ts: float) -> dict[str, Any]:
        return {"method": "NotifyEvent", "params": {"events": [{"event": "single_push", "ts": ts}]}}

    assert presses(SHELLY, (0, event(1.5)), (80, event(1.5)), (160, event(1.5)), (160.1, event(2.5))) == [0, 160.1]
    assert presses(SHELLY, (0, event(1.5)), (0.1, event(2.5)), (0.4, event(1.5)), (0.5, event(2.5))) == [0, 0.1]
    assert presses(SHELLY, (0, event(1.5)), (90, event(1.5))) == [0, 90], "counters stand still and begin again"


@pytest.mark.parametrize(
    ("number", "key"),
    [
        ("7", "#7"), ("9" * 64, "#" + "9" * 64), ("9" * 65, None), ("é" * 40, None), ("\ud83d", "#?"),
        ({"lsb": 1}, "=push"),
    ],
)  # fmt: skip
def test_a_number_of_any_length_and_letters_is_remembered_in_little_room(number: Any, key: str | None) -> None:
    """A1: the next number is another press, however late in it the difference; a number that is none is left out."""
    one = Mobile("hall-7", "gw", ("push",), field="what", repeat_field="n", repeat_s=1)
    push = {"what": "push", "n": number}
    nexts = [push | {"n": f"{number}{last}"} for last in "123"]
    assert presses(one, (0, push), (2, nexts[0]), (3, nexts[1]), (4, nexts[2]), (6, nexts[0])) == [0, 2, 3, 4]
    button, _ = heard(Button(one, T0), json.dumps(push).encode(), retained=False, now_ns=T0)
    told = button.told[0].key
    assert told == key or (key is None and len(told) == 1 + 64)


def test_shellys_own_number_is_looked_for_beside_the_value() -> None:
    """A1: an echo of the same item; the number that the settings name counts in its place."""
    nested = Mobile("hall-8", "gw", ("S",), field="inputs.*.event", where={"inputs.*.id": 2})
    body = {"inputs": [{"id": 1, "event": "S", "event_cnt": 4}, {"id": 2, "event": "S", "event_cnt": 8}]}
    again = {"inputs": [{"id": 1, "event": "S", "event_cnt": 5}, {"id": 2, "event": "S", "event_cnt": 8}]}
    after = {"inputs": [{"id": 1, "event": "S", "event_cnt": 5}, {"id": 2, "event": "S", "event_cnt": 9}]}
    assert presses(nested, (0, body), (30, again), (60, after)) == [0, 60]
    named = Mobile("hall-9", "gw", ("S",), field="event", repeat_field="id")
    assert presses(named, (0, {"event": "S", "event_cnt": 4}), (30, {"event": "S", "event_cnt": 4})) == [0, 30]


def test_a_plain_text_is_a_button_too() -> None:
    """A1: a supplier's button that says one word: white space around it is none of its meaning."""
    assert presses(TEXT, (0, b" PRESSED\n"), (9, b"1"), (18, b"RELEASED"), (27, b"2"), (36, b'"X"')) == [0, 9, 36]


BIG = "9" * 5000


@pytest.mark.case("buttons p24")
@pytest.mark.parametrize(
    "payload",
    [
        b'{"battery":NaN,"action":"emergency"}', b'{"battery":-nan(ind),"action":"emergency","x":"nan"}',
        b'{"action":"emergency","x":Infinity,"y":[-inf,+INF,inf]}', b'\xef\xbb\xbf{"action":"emergency"}',
        b'{"action":"emergency"}\x00\x00\x00', b'\x00{"action":"emergency"}',
        b'{"place":"caf\xe9","action":"emergency"}',
        b'{"action":"emergency"}\r\nOK', b'{"place":"a\x01\tb","action":"emergency"}',
        '{"action":"emergency"}'.encode("utf-16"), '{"action":"emergency"}'.encode("utf-16-le"),
        b'{"place":"\\ud83d","action":"emergency"}', b'{"action":"emergency","action2":"x"}}',
        b'{"action":"emergency\x00"}',
        b'{"action":" emergency "}', f'{{"x":[{BIG[:4000]}],"action":"emergency"}}'.encode(),
        b"{'action': 'emergency', 'place': None, 'on': True}", b'{"action":"emergency","at":007,"code":0x1F,"v":.5}',
        b'{"action":"emergency",}', b'{"x":[1,2, ],"action":"emergency"}', b'{action:"emergency",x:undefined}',
    ],
)  # fmt: skip
def test_dirt_hides_no_press(payload: bytes) -> None:
    """A1: NaN, zero bytes, a byte order mark, another encoding, letters behind the JSON: the press is heard."""
    assert presses(ZIGBEE, (0, payload)) == [0]


@pytest.mark.parametrize(
    "payload", [b"PRESSED\x00", b"\xef\xbb\xbfPRESSED", "PRESSED".encode("utf-16"), b'"PRESSED"', b"\x02PRESSED\x03"]
)
def test_dirt_hides_no_press_in_a_text(payload: bytes) -> None:
    """A1: the same of a button that says one word."""
    assert presses(TEXT, (0, payload)) == [0]


@pytest.mark.parametrize(
    ("settings", "payload"),
    [(ZIGBEE, b"\xff\x00"), (ZIGBEE, b'{"action":"emer'), (TEXT, b"\x80\x07"),
     (ZIGBEE, b'{"a":' * 5000), (ZIGBEE, b"emergency"), (ZIGBEE, f'{{"action":{BIG}}}'.encode())],
)  # fmt: skip
def test_a_message_that_was_not_understood_names_the_button(settings: Mobile, payload: bytes) -> None:
    """A6: a gateway that says what nobody understands is a fault of that button until it is understood again."""
    button, said = heard(Button(settings, T0), payload, retained=False, now_ns=T0)
    assert said.refused
    assert wrong(button, T0).startswith(f"{settings.name}: its latest message was not understood: ")
    button, _ = heard(button, b'{"action":""}', retained=False, now_ns=T0)
    assert wrong(button, T0) == ""


STATE = Mobile("hall-4", "esp/state", ("ON",), edge=True)


@pytest.mark.case("buttons p02")
def test_a_state_is_a_press_at_its_change_alone() -> None:
    """A1: a state that is said again and again is one press; the next change is another, and an unknown one is one."""
    states = [(0, b"ON"), (9, b"ON"), (3600, b"ON"), (3610, b"OFF"), (3620, b"OFF"), (3630, b"ON")]
    assert presses(STATE, *states) == [0, 3630]
    assert presses(STATE, (0, b"OFF"), (9, b"ON"), (20, b""), (30, b"ON")) == [9, 30]
    assert presses(STATE, (0, b"ON"), (27 * 3600, b"ON")) == [0, 27 * 3600], "a state of yesterday is not known"


def test_a_state_is_known_for_as_long_as_a_button_may_be_silent() -> None:
    """A1: said again within that time it is the same press, and after it another; without a limit, after 26 h."""
    hourly = msgspec.structs.replace(STATE, silent_after_h=1)
    assert presses(hourly, (0, b"ON"), (1800, b"ON"), (5400, b"ON"), (9000, b"ON"), (12601, b"ON")) == [0, 12601]
    never = msgspec.structs.replace(STATE, silent_after_h=0)
    assert presses(never, (0, b"ON"), (26 * 3600, b"ON"), (53 * 3600, b"ON")) == [0, 53 * 3600]


def test_a_button_with_several_values_is_pressed_while_one_of_them_is() -> None:
    """A1: a board that reports all its inputs: one of them pressed is the press, wherever it stands in the list."""
    board = Mobile("hall-10", "gw", ("ON",), field="in.*", edge=True)
    rest, first, last = {"in": ["OFF", "OFF"]}, {"in": ["ON", "OFF"]}, {"in": ["OFF", "ON"]}
    assert presses(board, (0, rest), (9, last), (18, first), (27, rest), (36, {"in": []}), (45, first)) == [9, 45]
    button, _ = heard(Button(board, T0), b'{"in": []}', retained=True, now_ns=T0)
    assert button == Button(board, T0), "a message without the state says nothing about it"


def test_a_retained_state_at_rest_makes_the_next_press_a_change() -> None:
    """A1: the release came while the unit was away: the broker's retained state tells it; a retained press is none."""
    button, said = heard(Button(STATE, T0), b"ON", retained=False, now_ns=T0)
    assert said.pressed
    button, said = heard(button, b"OFF", retained=True, now_ns=T0 + 9 * NS)
    assert said == Heard()
    assert (button.state, button.state_ns) == ("", T0 + 9 * NS)
    kept, _ = heard(button, b"ON", retained=True, now_ns=T0 + 10 * NS)
    assert kept == button
    _, said = heard(button, b"ON", retained=False, now_ns=T0 + 11 * NS)
    assert said.pressed


def test_a_state_that_stands_at_pressed_is_a_fault() -> None:
    """A6: from a state that never goes back no new press can be told: that is said before somebody presses."""
    button, _ = heard(Button(STATE, T0), b"ON", retained=False, now_ns=T0)
    assert wrong(button, T0 + 600 * NS) == ""
    stuck = "it has said ON for more than 10 minutes: no new press can be told"
    assert wrong(button, T0 + 601 * NS) == f"hall-4: {stuck}"
    assert wrong(button, T0 + 27 * HOUR_NS) == f"hall-4: silent for more than 26 h, {stuck}"
    button, _ = heard(button, b"OFF", retained=False, now_ns=T0 + 700 * NS)
    assert wrong(button, T0 + 700 * NS) == ""
    assert button.state == "", "known to be at rest, whatever the journal kept"


@pytest.mark.case("alarm 6")
def test_a_redelivery_is_the_same_press() -> None:
    """A1: the broker did not hear our answer and delivers again: the same press. What never came before is one."""
    payload = b'{"action":"emergency"}'

    def come(button: Button, at_s: float, mid: int, *, again: bool) -> tuple[Button, bool]:
        button, said = heard(button, payload, retained=False, now_ns=T0 + round(at_s * NS), mid=mid, again=again)
        assert said.alive
        return button, said.pressed

    button, pressed = come(Button(ZIGBEE, T0), 0, 7, again=False)
    assert pressed
    button, pressed = come(button, 2, 8, again=False)
    assert not pressed, "the copy of another gateway"
    for mid in (7, 8):
        button, pressed = come(button, 50 + mid, mid, again=True)
        assert not pressed
    _, pressed = come(button, 70, 9, again=True)
    assert pressed, "it was delivered to a process that died before it kept anything"
    _, pressed = come(button, 70, 7, again=False)
    assert pressed, "packet identifiers begin again with a session"
    button, said = heard(button, payload, retained=False, now_ns=T0 + 80 * NS, mid=8)
    assert said.pressed
    assert heard(Button(ZIGBEE, T0), payload, retained=False, now_ns=T0)[0].deliveries == (), (
        "at QoS 0 none comes again"
    )
    idle, _ = heard(Button(ZIGBEE, T0), b'{"action":""}', retained=False, now_ns=T0, mid=7)
    assert idle.deliveries == (), "what is no press may come again"


def test_one_button_behind_a_gateways_topic() -> None:
    """A1: `where` tells a button from its neighbours: of the same item, where both look at any item of a list."""
    one = Mobile(
        "one",
        "gw",
        ("push",),
        field="e.*.what",
        where={"e.*.who": "a", "model": 7, "live": True, "error": ""},
        battery_field="e.*.bat",
    )

    def says(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"e": list(items), "model": 7, "live": True, "error": "", **more}

    push = {"who": "a", "what": "push", "bat": 5}
    other = {"who": "b", "what": "push", "bat": 90}
    assert presses(
        one, (0, says(other, {"who": "a", "what": "x"})), (9, says(other, push)), (20, says(push, other))
    ) == [9, 20]
    assert presses(one, (0, says(push, model=8)), (9, says(push, live=False)), (20, says(push, model="7"))) == [20]
    button, said = heard(Button(one, T0), json.dumps(says(other, push)).encode(), retained=False, now_ns=T0)
    assert wrong(button, T0) == "one: its battery is below 15 %"
    _, said = heard(button, json.dumps(says(other)).encode(), retained=False, now_ns=T0)
    assert not said.alive, "another button's message is no sign of life of this one"


def test_a_list_without_end_is_not_understood() -> None:
    """A2: no message of a gateway holds up the unit: a search through lists is bounded, and its end is told."""
    cross = Mobile("cross", "gw", ("push",), field="a.*.b.*", where={"c.*.d.*": "never"})
    body = {"a": [{"b": list(range(90))}] * 90, "c": [{"d": list(range(90))}] * 90}
    button, said = heard(Button(cross, T0), json.dumps(body).encode(), retained=False, now_ns=T0)
    assert said.refused
    assert "too long" in wrong(button, T0)


LONG = 65_000


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "payload",
    [
        b'{"action":"' + b'\\"' * (LONG // 2), b"{'" + b"\\'" * (LONG // 2),
        b'{"' * (LONG // 2), b"'" * LONG, b"-1" * (LONG // 2),
        b'{"a":' + b"nan(" * (LONG // 4), b"[" + b"," * LONG, b", " * (LONG // 2), b'{"' + b"\\" * LONG,
        b'{"action":' + json.dumps('{"a":' * (LONG // 8)).encode() + b"}",
    ],
    ids=lambda payload: payload[:8].decode(),
)  # fmt: skip
def test_no_message_is_looked_through_again_and_again(payload: bytes) -> None:
    """A2: a message that is no JSON costs what its length is worth; it once held the interpreter for a minute."""
    for path in ("action", "action.a", "*.*.*"):
        deep = msgspec.structs.replace(ZIGBEE, field=path)
        assert not heard(Button(deep, T0), payload, retained=False, now_ns=T0)[1].pressed


def test_json_in_a_text_is_gone_through_like_a_table() -> None:
    """A1: ChirpStack 3 packs what a device said into a text; so do automations that pass a message on."""
    packed = Mobile(
        "sos", "application/7/device/24e1/event/up", ("short",), field="objectJSON.press", repeat_field="fCnt"
    )
    body = {"fCnt": 4, "objectJSON": json.dumps({"battery": 16, "press": "short"})}
    assert presses(packed, (0, body), (600, body | {"fCnt": 5})) == [0, 600]
    assert presses(packed, (0, {"objectJSON": "short"}), (5, {"objectJSON": '{"press":'})) == []


LOW, UNDER = "its battery is low", "its battery is below 15 %"


@pytest.mark.parametrize(
    ("field", "values", "words"),
    [
        ("battery_low", [True], LOW), ("battery_low", [False], ""), ("battery_low", [1], LOW), ("lowbat", ["on"], LOW),
        ("battery", ["LOW"], LOW), ("battery", ["critical"], LOW), ("battery", ["OK"], ""), ("battery", ["9"], UNDER),
        ("battery", ["9 %"], UNDER), ("battery", [97.5], ""), ("battery", [True], LOW), ("battery", [15], ""),
        ("battery_ok", [1], ""), ("battery_ok", [0], LOW), ("battery_ok", [0.8], ""), ("battery_ok", [True], ""),
        ("battery", [1], UNDER), ("battery", [0], UNDER), ("slow.battery", [1], UNDER),
        ("battery", [None], ""), ("battery", ["soon"], ""), ("battery", [3025], ""), ("battery", [-1], ""),
        ("battery", [[5]], ""), ("battery", [9, "ok"], ""), ("battery", [9, False], ""), ("battery", [9, "low"], LOW),
        ("battery", [9, True], LOW), ("battery", [9, "soon"], UNDER), ("battery", ["low", 50], ""),
        ("battery", ["low", 100], ""), ("battery_low", [True, None], LOW),
    ],
)  # fmt: skip
def test_a_battery_is_low_in_percent_in_a_word_or_in_a_truth(field: str, values: list[Any], words: str) -> None:
    """A6: however a gateway says it, a low battery is a fault before the button is needed, until it says otherwise."""
    settings = Mobile("hall-5", "x", ("push",), field="action", battery_field=f"state.{field}")
    button = Button(settings, T0)
    for value in values:
        payload = json.dumps({"state": {field: value}}).encode()
        button, _ = heard(button, payload, retained=False, now_ns=T0)
    assert wrong(button, T0) == (f"hall-5: {words}" if words else "")


def test_each_button_has_its_own_battery() -> None:
    """A6: of a gateway's list the battery is that of the item that `where` means, whatever else the item says."""
    one = Mobile("one", "gw", ("push",), field="e.*.what", where={"e.*.who": "a"}, battery_field="e.*.bat")
    mine, empty, other = {"who": "a", "bat": 50}, {"who": "a", "bat": 0}, {"who": "b", "bat": 5, "what": "push"}
    for items, words in (
        ([other, mine], ""),
        ([other, {"who": "a", "what": "push"}], ""),
        ([other, empty], UNDER),
        ([other | {"bat": 90}, empty | {"what": "x"}, {"who": "a", "what": "push"}], UNDER),
        ([{"who": "a", "bat": None}, empty], UNDER),
    ):
        button, said = heard(Button(one, T0), json.dumps({"e": items}).encode(), retained=False, now_ns=T0)
        assert said.alive
        assert wrong(button, T0) == (f"one: {words}" if words else ""), items


ALIVE = Heard(alive=True)


@pytest.mark.parametrize(
    ("settings", "payload", "said"),
    [
        (ZIGBEE, b'{"action":"emergency"}', Heard(pressed=True, alive=True)),
        (ZIGBEE, b'{"action":""}', ALIVE), (ZIGBEE, b'{"battery":80}', ALIVE), (TEXT, b"RELEASED", ALIVE),
        (ZIGBEE, b"", Heard()), (ZIGBEE, b"emergency", Heard(refused="not JSON")),
        (TEXT, b"\x80\x07", Heard(refused="bytes that are no text")),
        (WHOLE, b'{"cmd":"sos", "id":7}', Heard(pressed=True, alive=True)), (WHOLE, b'{"cmd":"idle","id":7}', ALIVE),
        (WHOLE, b'{"cmd":"idle","id":8}', Heard()),
    ],
)  # fmt: skip
def test_a_message_is_a_press_a_sign_of_life_or_refused_and_nothing_if_retained(
    settings: Mobile, payload: bytes, said: Heard
) -> None:
    """A6: what a message is to its button; the same from the broker's store is nothing, and no fault either."""
    button = Button(settings, T0)
    assert heard(button, payload, retained=False, now_ns=T0)[1] == said
    kept, nothing = heard(button, payload, retained=True, now_ns=T0)
    assert (wrong(kept, T0), nothing) == ("", Heard())


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
        assert any(value.encode() in payload.replace(b"\x00", b"") for value in settings.pressed)
    assert not (said.pressed and said.refused)
    assert bool(said.refused) is ("not understood" in wrong(button, T0))


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


def test_a_battery_that_takes_too_long_to_find_costs_no_press() -> None:
    """A1: of a list that is just short enough for the press, the rest is looked at for the battery alone."""
    last = Mobile("hall-12", "gw", ("ON",), field="e.*.s", where={"e.*.who": "a"}, battery_field="e.*.battery")
    items = [{"who": who, "s": "ON", "battery": 9} for who in "b" * (LOOKS_MAX // 8) + "a"]
    button, said = heard(Button(last, T0), json.dumps({"e": items}).encode(), retained=False, now_ns=T0)
    assert (said.pressed, said.refused, wrong(button, T0)) == (True, "", "")


def test_a_quote_that_is_missing_costs_no_press() -> None:
    """A6: a text that is a JSON string has its value within, also one that was cut off: if in doubt it is a press."""
    assert presses(TEXT, (0, b'"PRESSED"'), (9, b'"PRESSED'), (18, b'PRESSED"')) == [0, 9, 18]
