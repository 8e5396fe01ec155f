# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How an alarm is raised where the policy asks for more than a press, what a walk test makes of it, and silence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.model.events import LEVELS, AlarmHeld, AlarmPressed, Level, Note, Raise, Waits, WalkTestSet
from daemon.model.fitted import OUTPUTS
from daemon.model.panel import BEEPS, DARK, Pattern, beep, sign
from daemon.model.policy import NS
from daemon.model.room import step
from daemon.model.state import Alarm, Phase, Room
from tests.model.histories import RULES, T0, after, alarm, kinds, ready, record

TWICE = replace(RULES, raised_by="two_presses", confirm_ns=10 * NS)
HOLD = replace(RULES, raised_by="hold")
WALK = WalkTestSet(T0 + 60 * NS, "an engineer")


def held(name: str = "a1", at_ns: int = T0) -> AlarmHeld:
    """The alarm button, held."""
    return AlarmHeld(at_ns, name, f"rec-{name}")


def raised(effects: tuple[object, ...]) -> list[tuple[str, str]]:
    return [(effect.kind, effect.event_id) for effect in effects if isinstance(effect, Raise)]


def used(room: Room) -> Room:
    """A room in which people are recorded, and for which somebody asked for a walk test before."""
    return replace(room, walk_until_ns=T0 + 60 * NS)


# --- two presses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("later_ns", [NS // 10, 9 * NS, 10 * NS])
@pytest.mark.parametrize("room", [ready(TWICE), after(ready(TWICE), record())])
def test_the_second_press_raises(room: Room, later_ns: int) -> None:
    """A1, A6: where two presses raise, the first is remembered and shown, and the second one in time is the alarm."""
    waits, effects = step(room, alarm(), T0)
    assert [effect for effect in effects if not isinstance(effect, Note)] == [Waits(T0)]
    assert sign(waits, T0 + 1) == "again"
    room, effects = step(waits, alarm("a2", T0 + later_ns), T0 + later_ns)
    assert raised(effects) == [("raised", "a2")]
    assert isinstance(effects[0], Raise), "it goes out before anything else is done"
    assert room.phase is Phase.ALARM
    assert room.waiting_ns is None


def test_a_second_press_that_comes_too_late_waits_anew() -> None:
    """A1: a press after the policy's seconds is the first of two, and the one after it raises."""
    late_ns = T0 + TWICE.confirm_ns + 1
    room = after(ready(TWICE), alarm())
    room, effects = step(room, alarm("a2", late_ns), late_ns)
    assert (raised(effects), room.waiting_ns) == ([], late_ns)
    assert raised(step(room, alarm("a3", late_ns + NS), late_ns + NS)[1]) == [("raised", "a3")]


def test_a_wireless_button_needs_no_second_press() -> None:
    """A1: a button without a wire has safeguards of its own: what it says once is an alarm under every policy."""
    for rules in (TWICE, HOLD):
        press = AlarmPressed(T0, "a1", "r1", "hall", "mobile")
        assert raised(step(ready(rules), press, T0)[1]) == [("raised", "a1")]


# --- a hold -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [ready(HOLD), after(ready(HOLD), record()), ready(HOLD, None)])
def test_a_hold_raises_where_the_policy_wants_one(room: Room) -> None:
    """A1: where a hold raises, the press before it waits, and the hold is the alarm, recorded where it can be."""
    pressed, effects = step(room, alarm(), T0)
    assert kinds(effects) == ["Note"]
    assert pressed.phase is room.phase
    alarmed, effects = step(pressed, held(), T0 + 2 * NS)
    assert raised(effects) == [("raised", "a1")]
    assert alarmed.phase is Phase.ALARM
    assert (alarmed.recording is not None) == (room.recorder is not None)


@pytest.mark.parametrize("rules", [RULES, TWICE])
def test_a_hold_is_no_alarm_under_another_policy(rules: object) -> None:
    """A1: a press has been answered as a press; that it lasts raises no second alarm."""
    room = replace(ready(), rules=rules)
    assert raised(step(after(room, alarm()), held(), T0)[1]) == []
    assert raised(step(room, held(), T0)[1]) == []


def test_of_a_press_that_waited_the_hold_is_repeated() -> None:
    """A1: a press that began before another button's alarm is not swallowed by it; one that was answered is not sent
    again.
    """
    hall = AlarmPressed(T0 + NS, "hall", "r", "hall", "mobile")
    assert raised(step(replace(ready(HOLD), waiting_ns=T0, phase=Phase.ALARM, alarms=(Alarm("hall", T0),)),
                       held(), T0 + 2 * NS)[1]) == [("repeated", "a1")]  # fmt: skip
    answered = after(ready(HOLD), alarm(), hall)
    assert answered.waiting_ns is None
    assert raised(step(answered, held(), T0 + 2 * NS)[1]) == []


# --- a walk test --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rules", "press"), [(RULES, alarm()), (HOLD, held()), (TWICE, alarm())])
def test_at_rest_it_is_a_test_and_where_people_are_it_is_an_alarm(rules: object, press: AlarmPressed) -> None:
    """A1: in a walk test a press or hold in a room at rest is a test. While people are recorded, or the last
    seconds of a recording run, it is an alarm, whatever an engineer asked for before.
    """
    base = replace(ready(), rules=rules, waiting_ns=T0 if rules is TWICE else None)
    tested, effects = step(after(base, WALK), press, T0)
    assert raised(effects) == [("test", "a1")]
    assert (tested.alarms, tested.phase) == ((), Phase.READY)
    recorded = after(base, record())
    for room in (recorded, after(recorded, record("r2"))):
        assert room.phase in {Phase.RECORDING, Phase.ENDING}
        alarmed, effects = step(used(room), press, T0)
        assert raised(effects) == [("raised", "a1")]
        assert alarmed.phase is Phase.ALARM


def test_a_walk_test_is_over_when_its_time_is() -> None:
    """A1: a nanosecond later the same press, and the same hold, is an alarm."""
    for rules, press in ((RULES, alarm(at_ns=T0 + 60 * NS)), (HOLD, held(at_ns=T0 + 60 * NS))):
        room = after(ready(rules), WALK)
        assert raised(step(room, press, T0 + 60 * NS - 1)[1]) == [("test", "a1")]
        assert raised(step(room, press, T0 + 60 * NS)[1]) == [("raised", "a1")]


# --- silence ------------------------------------------------------------------------------------------------------


def heard(room: Room) -> Pattern:
    """What the beeper is told to play, by the list of outputs."""
    shows = OUTPUTS["beeper"].shows
    assert shows is not None
    return shows(room, T0)


@pytest.mark.parametrize("fault", ["", "nobody_listening"])
@given(st.sampled_from(LEVELS))
def test_a_silent_alarm_neither_beeps_nor_shows(fault: str, level: Level) -> None:
    """A5: where the policy wants alarms silent, whoever stands beside the counter hears and sees nothing of one; where
    it does not, the beeper says what the lamp begins to say.
    """
    faults = ((fault, "none"),) if fault else ()
    loud = replace(ready(), phase=Phase.ALARM, alarms=(Alarm("a1", T0, level),), faults=faults)
    silent = replace(loud, rules=replace(RULES, silent=True))
    assert heard(silent) == DARK
    rest = replace(silent, alarms=(), phase=Phase.READY)
    assert sign(silent, T0) == sign(rest, T0)
    for output in OUTPUTS.values():
        assert output.shows is None or output.shows(silent, T0) == output.shows(rest, T0), output.name
    assert heard(loud) == BEEPS.get(sign(loud, T0), DARK)
    assert (heard(loud) == DARK) == (sign(loud, T0) in {"raised", "kept", "broker"})


def test_nothing_beeps_without_an_alarm() -> None:
    """A5: a test, or a fault that says that nobody listens, is for the eyes: a beep is an answer to a press."""
    for room in (
        ready(),
        replace(ready(), faults=(("nobody_listening", "none"),)),
        replace(ready(), test=Alarm("t", T0)),
    ):
        assert beep(room, sign(room, T0)) == DARK
