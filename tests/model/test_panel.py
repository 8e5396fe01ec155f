# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the lamps say: the recording lamp's one rule, the status lamp's order, and rhythms against a plain timeline."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.alarm import lights as lights_module
from daemon.alarm.lights import Lights
from daemon.model.events import LEVELS, Level
from daemon.model.faults import FaultName
from daemon.model.fitted import OUTPUTS
from daemon.model.panel import DARK, MS, PATTERNS, TEST_SHOWN_NS, Pattern, lit, recording_lit, sign, sounds
from daemon.model.policy import NS
from daemon.model.state import Alarm, Phase, Recording, Room
from hardware.ports import Track
from tests.model.histories import BOTH, RECORDING, RULES, T0, after, alarm, ready, record

levels = st.sampled_from(LEVELS)
patterns = st.lists(st.integers(1, 3000), min_size=1, max_size=4).map(
    lambda half: Pattern(tuple(half * (2 if len(half) % 2 else 1)), "a rhythm")
)


class Board:
    """Lamps as a dictionary: what was driven is what reads back."""

    def __init__(self) -> None:
        self.pins = {"recording": False, "status": False}

    def set(self, lamp: str, *, lit: bool) -> None:
        """Drives a pin."""
        self.pins[lamp] = lit

    def lit(self, lamp: str) -> bool:
        """Reads it back."""
        return self.pins[lamp]

    def close(self) -> None:
        """Nothing to release."""


# --- the recording lamp -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "recording", [None, Recording("r1", T0 + NS, alarm=False), Recording("r1", T0 + NS, alarm=False, lost=True)]
)
@pytest.mark.parametrize("recorder", [None, (), BOTH])
@pytest.mark.parametrize("lease_ns", [0, T0, T0 + 1])
def test_lit_is_what_may_be_written(
    recording: Recording | None, recorder: tuple[Track, ...] | None, lease_ns: int
) -> None:
    """R3: lit means that somebody may be writing: a recorder that has the recording, or one that has a lease left."""
    room = Room(RULES, Phase.ALARM, recording, (Alarm("a1", T0),), lease_ns=lease_ns, recorder=recorder)
    has_it = recorder is not None and recording is not None and not recording.lost
    assert recording_lit(room, T0) == (recording is not None and (has_it or lease_ns > T0))


def test_the_lamp_on_the_wall_is_what_the_rule_says() -> None:
    """R3: the recording lamp's line is lit exactly when the rule says so, whatever came before."""
    board = Board()
    lights = Lights(board, frozenset(board.pins))
    ending = after(RECORDING, record("r2"))
    for room in (ready(), RECORDING, ending, ready(), after(ready(), alarm()), after(ready(recorder=()), alarm())):
        lights.show(room, T0)
        assert board.pins["recording"] is recording_lit(room, T0), room


def test_the_recording_lamp_never_blinks() -> None:
    """R3: the recording lamp is lit or dark: it has nothing else to say, an alarm and a fault included."""
    board = Board()
    lights = Lights(board, frozenset(board.pins))
    room = replace(after(RECORDING, alarm()), faults=(("camera", "unplugged"),))
    for moment_ns in range(T0, T0 + 3 * NS, 50 * MS):
        lights.show(room, moment_ns)
        assert board.pins["recording"]


# --- the status lamp ----------------------------------------------------------------------------------------------


@given(st.lists(levels, min_size=1, max_size=8))
def test_the_least_delivered_alarm_decides(open_levels: list[Level]) -> None:
    """A5: of several open alarms the one that got least far is shown: nobody is promised help for another's press."""
    alarms = tuple(Alarm(f"a{n}", T0, level) for n, level in enumerate(open_levels))
    room = Room(RULES, Phase.ALARM, alarms=alarms, faults=(("broker", "gone"),))
    assert sign(room, T0) == next(level for level in LEVELS if level in open_levels)


@pytest.mark.case("alarm 14")
@pytest.mark.parametrize("fault", ["nobody_listening", "unanswered"])
@pytest.mark.parametrize("level", LEVELS)
def test_an_alarm_that_was_stored_where_nobody_is_any_more(level: Level, fault: FaultName) -> None:
    """A5: while no receiver is there an alarm shows that nobody listens, also one that a receiver has stored and then
    died; when one is back the lamp says again how far the alarm is. Who has accepted it is on the way.
    """
    room = replace(after(ready(), alarm()), faults=((fault, "none"),))
    room = replace(room, alarms=tuple(replace(one, level=level) for one in room.alarms))
    assert sign(room, T0) == ("accepted" if level == "accepted" else "nobody")
    assert sign(replace(room, faults=()), T0) == level
    tried = replace(ready(), test=Alarm("t", T0, level), faults=room.faults)
    assert sign(tried, T0) == ("accepted" if level == "accepted" else "nobody")


def test_the_status_lamp_has_an_order() -> None:
    """A5: an alarm comes before a fault, a fault before the warning, the warning before ready."""
    late_ns = T0 + RULES.maximum_ns - RULES.warning_ns
    faulty = replace(RECORDING, faults=(("keeper", "gone"),))
    rooms = (after(faulty, alarm()), faulty, RECORDING, ready())
    assert [sign(room, late_ns) for room in rooms] == ["raised", "fault", "warning", "ready"]


def test_a_walk_test_shows_in_a_room_at_rest_until_its_end() -> None:
    """A5, A6: whoever tries buttons sees that a press is a test now; a recording's lamp does not say so, for there it
    is none.
    """
    walk_ns = T0 + NS
    rooms = (replace(ready(), walk_until_ns=walk_ns), replace(RECORDING, walk_until_ns=walk_ns))
    assert [sign(room, T0) for room in rooms] == ["test", "ready"]
    assert sign(rooms[0], walk_ns) == "ready"


def test_a_test_alarm_and_a_press_that_waits_show_for_their_time_and_no_longer() -> None:
    """A5: a test alarm's level for thirty seconds, and that another press is wanted for as long as one would raise."""
    tried = replace(ready(), test=Alarm("t", T0, "stored"))
    waits = replace(ready(replace(RULES, confirm_ns=10 * NS)), waiting_ns=T0)
    assert [sign(tried, T0 + TEST_SHOWN_NS - left) for left in (1, 0)] == ["stored", "ready"]
    assert [sign(waits, T0 + 10 * NS - left) for left in (1, 0)] == ["again", "ready"]


def test_a_full_store_has_a_sign_of_its_own() -> None:
    """K2, A5: that conversations are refused for want of room is a sign of its own, unless something is broken as well;
    what fills up, and what is for others, does not show.
    """
    full, card = ("full", "x"), ("card", "x")
    said = ((full,), (("camera", "x"), full), (card, full), (("disk", "x"), full), (("disk", "x"),))
    assert [sign(replace(ready(), faults=faults), T0) for faults in said] == ["full", "fault", "fault", "full", "ready"]


def test_each_sign_has_a_rhythm_of_its_own() -> None:
    """A5: staff tell the signs apart: no two rhythms are alike, but for an alarm just raised and one just kept."""
    rhythms = {name: pattern.steps_ms for name, pattern in PATTERNS.items()}
    assert rhythms.pop("raised") == rhythms["kept"]
    assert len(set(rhythms.values())) == len(rhythms)
    assert all(pattern.means for pattern in PATTERNS.values())


def test_every_level_has_a_sign_and_calms_down() -> None:
    """A5: the further an alarm has got, the longer the lamp is lit at a time; none of the signs is a dark lamp."""
    lit_ms = [PATTERNS[level].steps_ms[0] for level in LEVELS]
    assert lit_ms == sorted(lit_ms)
    assert DARK not in PATTERNS.values()
    assert all(lit(pattern, T0, T0)[0] for pattern in PATTERNS.values())


# --- rhythms ------------------------------------------------------------------------------------------------------


@given(patterns, st.integers(0, 10**15), st.lists(st.integers(0, 20_000), min_size=1, max_size=20))
def test_a_rhythm_is_its_timeline(pattern: Pattern, since_ns: int, looks_ms: list[int]) -> None:
    """A5: at any millisecond a lamp is what a timeline drawn step by step says, and changes next where that does."""
    timeline = [index % 2 == 0 for index, step_ms in enumerate(pattern.steps_ms) for _ in range(step_ms)]
    for look_ms in looks_ms:
        is_lit, change_ns = lit(pattern, since_ns, since_ns + look_ms * MS)
        at_ms = look_ms % len(timeline)
        assert is_lit == timeline[at_ms]
        onward = timeline[at_ms:] + timeline
        assert change_ns == since_ns + (look_ms + onward.index(not is_lit)) * MS


@given(
    st.one_of(patterns, st.integers(1, 3000).map(lambda step_ms: Pattern((step_ms,), "one beep"))),
    st.integers(0, 10**15),
    st.lists(st.integers(0, 20_000), max_size=20),
)
def test_beeps_are_heard_once(pattern: Pattern, since_ns: int, looks_ms: list[int]) -> None:
    """A5: a beeper plays its timeline once; then it is silent, and the loop is not woken for it."""
    timeline = [index % 2 == 0 for index, step_ms in enumerate(pattern.steps_ms) for _ in range(step_ms)]
    for look_ms in (*looks_ms, len(timeline)):
        heard = sounds(pattern, since_ns, since_ns + look_ms * MS)
        if look_ms >= len(timeline):
            assert heard == (False, None)
            continue
        now = timeline[look_ms]
        until_ms = next((n for n in range(look_ms, len(timeline)) if timeline[n] is not now), len(timeline))
        assert heard == (now, since_ns + until_ms * MS)


@pytest.mark.parametrize(("pattern", "is_lit"), [(DARK, False), (PATTERNS["ready"], True)])
def test_what_does_not_blink_never_changes(pattern: Pattern, is_lit: bool) -> None:  # noqa: FBT001 - a parameter
    """A5: dark and lit are for ever: the loop is not woken for them."""
    assert lit(pattern, T0, T0 + 12_345) == (is_lit, None)


@pytest.mark.parametrize("made_anew", [False, True], ids=["a pattern of the table", "one made at each look"])
def test_the_loop_wakes_where_the_lamp_changes(monkeypatch: pytest.MonkeyPatch, *, made_anew: bool) -> None:
    """A5: a lamp that is driven at its own changes only, each time to the other state, shows its whole rhythm."""
    if made_anew:
        status = replace(OUTPUTS["status"], shows=lambda *_: Pattern((1000, 200), "made anew"))
        monkeypatch.setattr(lights_module, "DRIVEN", [status])
    board = Board()
    lights, now_ns = Lights(board, frozenset(board.pins)), T0
    room = Room(RULES, Phase.ALARM, alarms=(Alarm("a1", T0, "stored"),))
    seen: list[tuple[int, bool]] = []
    for _ in range(5):
        lights.show(room, now_ns)
        seen.append((now_ns, board.pins["status"]))
        assert lights.next_change_ns is not None
        now_ns = lights.next_change_ns
    assert [is_lit for _, is_lit in seen] == [True, False, True, False, True]
    assert [(later - earlier) // MS for (earlier, _), (later, _) in pairwise(seen)] == [1000, 200, 1000, 200]
