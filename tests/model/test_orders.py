# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Whatever an alarm process that was taken over orders, what the recorder obeys is within the policy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.model import orders
from daemon.model.events import Lease, SetEnd, StartRecording
from daemon.model.orders import LATE_NS
from daemon.model.policy import NS, AlarmPolicy, Policy
from daemon.model.rules.common import LEASE_NS
from tests.model.histories import T0

ROOT = Path(__file__).parents[2]
POLICY = msgspec.toml.decode((ROOT / "config" / "policies" / "heusden-2020.toml").read_bytes(), type=Policy)
MOMENTS = st.integers(-(2**62), 2**62) | st.integers(T0 - 10_000 * NS, T0 + 10_000 * NS)
IDS = st.sampled_from(["a" * 32, "0123456789abcdef" * 2]) | st.text(max_size=40)
STARTS = st.builds(
    StartRecording, IDS, MOMENTS, MOMENTS, MOMENTS, alarm=st.booleans(), continues=st.none() | IDS, test=st.booleans()
)
HEX = re.compile(r"[0-9a-f]{32}\Z")


def longest_ns(policy: Policy, *, alarm: bool) -> int:
    """What an intact alarm process can ask for from now on, in words of the policy."""
    maximum_s = max(policy.timing.maximum_s, policy.alarm.maximum_s if alarm else 0)
    return (maximum_s + policy.timing.post_event_s) * NS


SOUND = StartRecording("a" * 32, T0, 0, T0 + NS, alarm=True)


@pytest.mark.case("security 4")
@given(STARTS, st.booleans())
@example(replace(SOUND, continues="../../up"), True)
@example(SOUND, False)
def test_no_start_is_beyond_the_policy(order: StartRecording, records: bool) -> None:  # noqa: FBT001 - drawn
    """R3: its names are names in the store, it reaches no further back or ahead than the policy, and it is what was
    asked for where that is allowed.
    """
    policy = POLICY if records else replace(POLICY, alarm=replace(POLICY.alarm, records=False))
    held = orders.start(order, policy, T0)
    if isinstance(held, str):
        named = HEX.match(order.recording_id) and (order.continues is None or HEX.match(order.continues))
        unwanted = order.alarm and not records and order.continues is None
        assert not named or unwanted or order.until_ns <= T0
        return
    assert HEX.match(held.recording_id)
    assert held.continues is None or HEX.match(held.continues)
    assert records or not held.alarm or held.continues is not None
    assert T0 < held.until_ns <= T0 + longest_ns(policy, alarm=held.alarm)
    late_ns = max(LATE_NS, policy.alarm.maximum_s * NS) if held.alarm else LATE_NS
    assert T0 - late_ns <= held.trigger_ns <= T0
    assert 0 <= held.pre_event_ns <= policy.timing.pre_event_s * NS
    asked = (order.recording_id, order.continues, order.alarm, order.test)
    assert (held.recording_id, held.continues, held.alarm, held.test) == asked
    assert orders.start(held, policy, T0) == held


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"recording_id": "a" * 33}, "its id is no recording's; expected 32 hexadecimal digits"),
        ({"continues": "../../up"}, "what it continues is no recording's id; expected 32 hexadecimal digits"),
        ({"continues": "b" * 32, "until_ns": T0}, "its time is over"),
        ({}, "the policy does not record alarms"),
    ],
)
def test_an_order_that_is_refused_says_why(change: dict[str, Any], words: str) -> None:
    """R3: in words that the log shows."""
    assert orders.start(replace(SOUND, **change), replace(POLICY, alarm=AlarmPolicy(records=False)), T0) == words


@pytest.mark.parametrize(
    ("alarm", "change", "held"),
    [
        (False, {"trigger_ns": T0 - 121 * NS}, {"trigger_ns": T0 - 120 * NS}),
        (True, {"trigger_ns": T0 - 3601 * NS}, {"trigger_ns": T0 - 3600 * NS}),
        (True, {"trigger_ns": T0 + 1}, {"trigger_ns": T0}),
        (True, {"pre_event_ns": -1}, {"pre_event_ns": 0}),
        (True, {"pre_event_ns": 30 * NS + 1}, {"pre_event_ns": 30 * NS}),
        (False, {"until_ns": T0 + 5430 * NS + 1}, {"until_ns": T0 + 5430 * NS}),
        (True, {"until_ns": T0 + 5430 * NS + 1}, {"until_ns": T0 + 5430 * NS}),
        (True, {}, {}),
    ],
)
def test_an_order_that_asks_too_much_has_what_is_allowed(
    change: dict[str, Any], held: dict[str, Any], *, alarm: bool
) -> None:
    """R3: two minutes back, an hour for an alarm's; the policy's seconds before; its maximum and what follows."""
    order = replace(SOUND, alarm=alarm)
    assert orders.start(replace(order, **change), POLICY, T0) == replace(order, **held)


@pytest.mark.parametrize(("alarm", "most_s"), [(False, 5_430), (True, 7_230)])
def test_an_alarm_may_last_longer_than_a_conversation(most_s: int, *, alarm: bool) -> None:
    """R3, R8: where that is the policy's longer maximum, and then it is the alarm's alone."""
    policy = replace(POLICY, alarm=AlarmPolicy(maximum_s=7_200))
    asked = replace(SOUND, alarm=alarm, until_ns=2**62)
    assert orders.start(asked, policy, T0) == replace(asked, until_ns=T0 + most_s * NS)
    assert orders.end(SetEnd("a" * 32, -1, alarm=alarm), policy, T0) == SetEnd("a" * 32, 0, alarm=alarm)
    end = SetEnd("a" * 32, 2**62, alarm=alarm)
    assert orders.end(end, policy, T0) == replace(end, until_ns=T0 + most_s * NS)


def test_a_lease_is_at_most_as_long_as_the_lamp_gives_one() -> None:
    """R3: one that asks for more has that much from now; a shorter one is as it is."""
    for asked_ns, held_ns in ((T0 + LEASE_NS + 1, T0 + LEASE_NS), (T0 + LEASE_NS - 1, T0 + LEASE_NS - 1)):
        assert orders.lease(Lease("a" * 32, asked_ns), T0) == Lease("a" * 32, held_ns)


@pytest.mark.case("security 4")
@given(MOMENTS, st.booleans())
def test_no_end_and_no_lease_is_beyond_the_policy(moment_ns: int, alarm: bool) -> None:  # noqa: FBT001 - drawn
    """R3: an end is at most the policy's longest from now, a lease five seconds; a nearer one is taken as it is."""
    end = orders.end(SetEnd("a" * 32, moment_ns, alarm=alarm), POLICY, T0)
    most_ns = T0 + longest_ns(POLICY, alarm=alarm)
    assert 0 <= end.until_ns <= most_ns
    assert end.until_ns == moment_ns or not 0 <= moment_ns <= most_ns
    lease = orders.lease(Lease("a" * 32, moment_ns), T0)
    assert lease.until_ns == min(moment_ns, T0 + LEASE_NS)
