# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The relay: on with each alarm that is not silent, off at its reset, and never on longer than its maximum."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.model.events import AlarmsFound, OpenAlarm, ResetAsked
from daemon.model.policy import NS
from daemon.model.relay import Relay, follow
from daemon.model.state import Room
from tests.model.histories import RULES, T0, after, alarm, ready

MAXIMUM_NS = 90 * NS
OFF = Relay(MAXIMUM_NS)
RESET = ResetAsked("e1", "a test")
seconds = st.integers(0, 200)


def on(relay: Relay) -> bool:
    """Whether it is on."""
    return relay.until_ns is not None


def test_it_is_on_from_the_alarm_to_its_reset() -> None:
    """A2: an alarm turns it on until it is reset."""
    pressed = after(ready(), alarm())
    relay = follow(OFF, pressed, T0)
    assert (on(relay), relay.until_ns) == (True, T0 + MAXIMUM_NS)
    relay = follow(relay, after(pressed, RESET), T0 + NS)
    assert not on(relay)


def test_it_is_off_after_its_maximum_and_a_new_press_turns_it_on_anew() -> None:
    """A2: at its maximum it goes off and the alarm stays; a press while it is on makes it no longer, one after does."""
    room = after(ready(), alarm())
    relay = follow(OFF, room, T0)
    room = after(room, alarm("a2", T0 + 80 * NS))
    relay = follow(relay, room, T0 + 80 * NS)
    assert relay.until_ns == T0 + MAXIMUM_NS
    relay = follow(relay, room, T0 + MAXIMUM_NS)
    assert not on(relay)
    assert room.alarms
    room = after(room, alarm("a3", T0 + 100 * NS))
    assert follow(relay, room, T0 + 100 * NS).until_ns == T0 + 100 * NS + MAXIMUM_NS


def test_a_silent_alarm_leaves_it_off() -> None:
    """A5: where the policy wants alarms silent, no siren sounds and no door clicks."""
    assert not on(follow(OFF, after(ready(replace(RULES, silent=True)), alarm()), T0))


def test_a_test_leaves_it_off() -> None:
    """A5: a walk test's press is no alarm, and an outside worker's is none of this room."""
    assert not on(follow(OFF, replace(ready(), test=after(ready(), alarm()).alarms[0]), T0))
    assert not on(follow(OFF, after(ready(), replace(alarm(), in_room=False, source_kind="mobile")), T0))


def test_after_a_restart_it_has_what_is_left() -> None:
    """A2: an alarm found in the journal turns it on for the rest of its time, and not at all when that is over."""
    for age_ns, wanted in ((10 * NS, T0 + 80 * NS), (MAXIMUM_NS, None)):
        found = AlarmsFound((OpenAlarm("a1", T0 - age_ns, "kept"),), "r1")
        assert follow(OFF, after(ready(), found), T0).until_ns == wanted


@given(st.lists(st.tuples(st.sampled_from(("press", "reset", "look")), seconds), max_size=30), st.booleans())
def test_whatever_happens_it_is_bounded(story: list[tuple[str, int]], silent: bool) -> None:  # noqa: FBT001 - a draw
    """A2: in any history it is on only with an open alarm that is not silent, for its maximum at most a press, and
    every press that finds it off turns it on.
    """
    room: Room = ready(replace(RULES, silent=silent))
    relay, now_ns, turned_on_ns = OFF, T0, list[int]()
    for n, (what, wait_s) in enumerate(story):
        now_ns += wait_s * NS
        before = follow(relay, room, now_ns)
        inputs = {"press": alarm(f"a{n}", now_ns), "reset": replace(RESET, event_id=f"e{n}")}
        room = after(room, inputs[what], now_ns=now_ns) if what in inputs else room
        relay = follow(before, room, now_ns)
        if relay.since_ns not in {None, before.since_ns}:
            turned_on_ns.append(relay.since_ns or 0)
        assert not on(relay) or (room.alarms and not silent and now_ns < (relay.until_ns or 0))
        assert silent or what != "press" or on(relay) or len(room.alarms) >= 100
        assert relay.since_ns is None or now_ns - relay.since_ns < MAXIMUM_NS
    assert len(set(turned_on_ns)) == len(turned_on_ns)
