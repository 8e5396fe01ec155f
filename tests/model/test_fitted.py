# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The one list of what a room can be fitted with: complete, and each entry opened, tried, drawn, kept apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import replace

from daemon.alarm.__main__ import lamp_pins, lines
from daemon.alarm.lines import Lines
from daemon.config import pin_faults
from daemon.model import events
from daemon.model.contact import NC
from daemon.model.debounce import Fact, Tuning
from daemon.model.events import FaultChanged
from daemon.model.faults import FAULTS
from daemon.model.fitted import BUTTONS, OUTPUTS, Button, Fresh, OutputName, buttons, output_name, outputs, pins
from daemon.model.policy import Policy
from daemon.model.unit import Buttons, Lamps, Unit
from hardware.ports import Edge
from simulators.__main__ import FITTED
from tests.tools import draw_wiring

ROOT = Path(__file__).resolve().parents[2]
UNIT = msgspec.toml.decode(FITTED.read_bytes(), type=Unit)
"""The simulated room, which has one of everything."""
POLICY = msgspec.toml.decode((ROOT / "config" / "policies" / "heusden-2020.toml").read_bytes(), type=Policy)
NS = 1_000_000_000


def test_the_settings_have_the_keys_of_the_list() -> None:
    """H5: a button or an output that unit.toml can name has its entry, and an entry has its key."""
    assert tuple(BUTTONS) == Buttons.__struct_fields__
    lamps = {f"lamps.{field}" for field in Lamps.__struct_fields__}
    assert {output.key for output in OUTPUTS.values()} == lamps | {"relay.pin"}
    assert tuple(OUTPUTS) == get_args(OutputName)


def test_the_simulated_room_has_one_of_everything() -> None:
    """H5: whoever tries the room on a screen meets every button and every output."""
    assert [button.name for button, _ in buttons(UNIT)] == list(BUTTONS)
    assert [output.name for output, _ in outputs(UNIT)] == list(OUTPUTS)


def test_each_is_opened() -> None:
    """A6, R3: every line that unit.toml names is claimed, under the name of its entry, both contacts of a button."""
    specs, lamps = lines(UNIT), lamp_pins(UNIT)
    assert {name for name in specs if not name.endswith(NC)} == set(BUTTONS)
    assert "alarm" + NC in specs
    assert set(lamps) == set(OUTPUTS)
    assert sorted([spec.pin for spec in specs.values()] + [*lamps.values()]) == sorted(pin for _, pin in pins(UNIT))


def moved(value: Any, key: str, pin: int) -> Any:
    """The same settings with another pin at this key."""
    first, _, rest = key.partition(".")
    new = moved(getattr(value, first), rest, pin) if rest else pin
    return msgspec.structs.replace(value, **{first: new})


def keys() -> Iterator[str]:
    """Every key under which a GPIO can stand, by the types of the settings alone."""
    yield from (f"buttons.{button}.{pin}" for button in Buttons.__struct_fields__ for pin in ("pin", "nc_pin"))
    yield from (f"lamps.{lamp}" for lamp in Lamps.__struct_fields__)
    yield "relay.pin"


@pytest.mark.parametrize("key", [*keys()])
def test_no_two_share_a_pin(key: str) -> None:
    """A6: whatever stands on the alarm button's line beside it is refused, with both keys."""
    if key == "buttons.alarm.pin":
        return
    found = list(pin_faults(moved(UNIT, key, UNIT.buttons.alarm.pin)))
    assert len(found) == 1, found
    assert {key, "buttons.alarm.pin"} == {found[0][0], found[0][2].split("; ")[1].split(" ")[0]}


@pytest.mark.parametrize("name", [*BUTTONS])
def test_a_press_means_something(name: str) -> None:
    """A1: a press of each button that can be wired reaches the room as an input, or the state of a switch; its stuck
    line is its own fault.
    """
    wired, button = Lines(POLICY), BUTTONS[name]
    wired.start({name: False}, 0)
    wired.states()
    seen = [*wired.edge(Edge(name, active=True, at_ns=NS)), *wired.tick(NS + NS // 5), *wired.states()]
    means = button.says(True) if button.says else button.means["pressed"](Fact(name, "pressed", NS), Fresh("e", "r"))
    assert [type(item) for item in seen] == [type(means)]
    stuck_s = button.tuning(POLICY).stuck_ns // NS
    seen = [item for second in (2, 10, stuck_s, stuck_s + 2) for item in wired.tick(second * NS)]
    faults = [item for item in seen if isinstance(item, FaultChanged)]
    assert [(fault.fault, fault.detail) for fault in faults] == [
        (BUTTONS[name].fault, f"the {BUTTONS[name].words} is stuck")
    ]


def test_buttons_of_one_input_are_alike() -> None:
    """A6: a second button for an input means all that the first means, and is judged like it under any policy: where a
    hold is an objection, a record button whose release means nothing would never record. Only one that raises an alarm
    says that it does.
    """
    fresh, of_input = Fresh("e", "r"), dict[type, list[Button]]()
    for button in BUTTONS.values():
        means = {type(means(Fact(button.name, kind, 7), fresh)) for kind, means in button.means.items()}
        means |= {type(button.says(None))} if button.says else set()
        assert button.raises == (events.AlarmPressed in means), button.name
        for one in means:
            of_input.setdefault(one, []).append(button)
    for policy in (POLICY, replace(POLICY, objection=replace(POLICY.objection, by=("hold",), hold_s=4.0))):
        for first, *others in of_input.values():
            for other in others:
                assert other.means.keys() == first.means.keys(), (first.name, other.name)
                assert other.tuning(policy) == first.tuning(policy), (first.name, other.name)


def test_a_fact_of_a_button_is_an_input_with_its_moment_and_its_ids() -> None:
    """A1: pressed since its first edge, under the name of its line; a key switch says who reset."""
    fresh = Fresh("e", "r")

    def said(name: str) -> dict[str, events.Input]:
        return {kind: means(Fact("hall", kind, 7), fresh) for kind, means in BUTTONS[name].means.items()}

    assert said("alarm") == {
        "pressed": events.AlarmPressed(7, "e", "r", "hall"), "held": events.AlarmHeld(7, "e", "r", "hall"),
    }  # fmt: skip
    assert said("record") == {
        "pressed": events.RecordPressed(7, "r"), "held": events.RecordHeld(7), "released": events.RecordReleased(),
    }  # fmt: skip
    assert said("reset") == {"pressed": events.ResetAsked("e", "the key switch", "key_switch")}
    assert said("objection") == {"pressed": events.ObjectionPressed(7)}
    assert BUTTONS["in_use"].says is events.UseChanged


def test_each_line_is_judged_as_the_policy_says() -> None:
    """A6: a hold is the policy's: of the record button an objection's where it is made so; a hook may be tapped."""
    policy = replace(
        POLICY,
        alarm=replace(POLICY.alarm, hold_s=1.25),
        record_button=replace(POLICY.record_button, hold_s=2.5),
        objection=replace(POLICY.objection, by=("button",), hold_s=4.0),
        use=replace(POLICY.use, maximum_s=600),
    )
    assert BUTTONS["alarm"].tuning(policy) == Tuning(1_250_000_000)
    assert BUTTONS["record"].tuning(policy) == Tuning(2_500_000_000)
    by_hold = replace(policy, objection=replace(policy.objection, by=("button", "hold")))
    assert BUTTONS["record"].tuning(by_hold) == Tuning(4_000_000_000)
    assert BUTTONS["reset"].tuning(policy) == BUTTONS["objection"].tuning(policy) == Tuning()
    hook = Tuning(gap_ns=400_000_000, runs_max=3, run_window_ns=30 * NS, stuck_ns=600 * NS)
    assert BUTTONS["in_use"].tuning(policy) == hook


def test_a_room_without_a_relay_has_its_lamps() -> None:
    """H5: an output is there by its key alone, and has no other name."""
    bare = replace(UNIT, relay=None, lamps=Lamps(status=5, recording=6))
    assert [(output.name, pin) for output, pin in outputs(bare)] == [("status", 5), ("recording", 6)]
    assert [output_name(name) for name in (*OUTPUTS, "oven", None)] == [*OUTPUTS, None, None]


def test_each_has_a_fault_of_its_own_and_a_line_in_the_check() -> None:
    """A6: no two buttons share a fault, and the check's line for a button is the one that speaks of its fault."""
    assert len({button.fault for button in BUTTONS.values()}) == len(BUTTONS)
    for button in BUTTONS.values():
        assert FAULTS[button.fault].line == button.line
        assert button.words in FAULTS[button.fault].todo
    assert len({output.line for output in OUTPUTS.values()}) == len(OUTPUTS)


def test_each_is_drawn() -> None:
    """H2: the wiring drawing has every button and every output that a room can be fitted with."""
    drawn = {thing.key for thing in draw_wiring.things(draw_wiring.SETTINGS.read_text(encoding="utf-8"))}
    assert drawn == {f"buttons.{name}" for name in BUTTONS} | {
        output.key.removesuffix(".pin") for output in OUTPUTS.values()
    }
    words = draw_wiring.DRAWING.read_text(encoding="utf-8")
    captions = [*(button.caption for button in BUTTONS.values()), *(output.caption for output in OUTPUTS.values())]
    assert all(caption in words for caption in captions)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_each_has_its_word_on_the_page(language: str) -> None:
    """H5: the page of the simulated room has a word for each button and output, and one for each in the list of faults,
    in both languages.
    """
    script = (ROOT / "simulators" / "panel" / "web" / "words.mjs").read_text(encoding="utf-8")

    def words(table: str) -> set[str]:
        found = re.search(rf"const {table} = {{.*?\n  {language}: {{(.*?)\n? *}}", script, re.DOTALL)
        assert found
        return set(re.findall(r'"?([\w-]+)"?: "', found[1]))

    assert {*BUTTONS, *OUTPUTS} - {"relay"} <= words("THINGS")  # a relay has no fault to stage
    assert {*BUTTONS, *OUTPUTS} - {"reset"} <= words("WORDS")  # the key switch is `reset_key` there
