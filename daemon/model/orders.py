# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The recorder's check of its orders: each is limited by the policy, whoever gave it.

Invariant: the alarm process owns the lamp and the buttons, not the policy's bounds. An id is a name in the store and
nothing else. An end, a trigger and a lease are within what the policy and the rules of the room allow from now on, so
that one order of an alarm process that was taken over cannot record longer, earlier or under another name than an
intact one's. It may order again. Pure.
"""

from __future__ import annotations

import re

from msgspec.structs import replace

from daemon.model.events import Lease, SetEnd, StartRecording
from daemon.model.policy import NS, Policy
from daemon.model.rules.common import LEASE_NS

ID = re.compile(r"[0-9a-f]{32}\Z")
"""As `daemon.names.ID`: names that the keeper finds, counts and deletes."""
LATE_NS = 120 * NS
"""Maximum age of a trigger: a press waits for a busy machine or a hold, for seconds, never minutes. An alarm's may be
as old as an alarm can be: its recorder was away, and the first part records since when nothing was recorded."""


def start(order: StartRecording, policy: Policy, now_ns: int) -> StartRecording | str:
    """Return the order within its bounds, or why it is refused."""
    if not ID.match(order.recording_id):
        return "its id is no recording's; expected 32 hexadecimal digits"
    if order.continues is not None and not ID.match(order.continues):
        return "what it continues is no recording's id; expected 32 hexadecimal digits"
    if order.alarm and not policy.alarm.records and order.continues is None:
        return "the policy does not record alarms"
    if order.until_ns <= now_ns:
        return "its time is over"
    late_ns = max(LATE_NS, policy.alarm.maximum_s * NS) if order.alarm else LATE_NS
    return replace(
        order,
        trigger_ns=min(max(order.trigger_ns, now_ns - late_ns), now_ns),
        pre_event_ns=min(max(order.pre_event_ns, 0), policy.timing.pre_event_s * NS),
        until_ns=min(order.until_ns, now_ns + _longest_ns(policy, alarm=order.alarm)),
    )


def end(order: SetEnd, policy: Policy, now_ns: int) -> SetEnd:
    """Return the order within its bounds; an end in the past becomes now."""
    return replace(order, until_ns=min(max(order.until_ns, 0), now_ns + _longest_ns(policy, alarm=order.alarm)))


def lease(order: Lease, now_ns: int) -> Lease:
    """Return the order within its bounds."""
    return replace(order, until_ns=min(order.until_ns, now_ns + LEASE_NS))


def _longest_ns(policy: Policy, *, alarm: bool) -> int:
    """Maximum from now on: a press now ends after the policy's maximum and its post-event time."""
    maximum_s = max(policy.alarm.maximum_s, policy.timing.maximum_s) if alarm else policy.timing.maximum_s
    return (maximum_s + policy.timing.post_event_s) * NS
