# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What keeps a track beyond its term: holds as values, and the rules for placing, reviewing and ending one.

Invariant (promise K2): the tracks of an active hold are not deleted. Only a person's release ends it, or, if the policy
says `lapse`, a missed review. A hold that cannot be read is active for everything it may concern.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from daemon.model.bounds import Id
from daemon.model.policy import NS, HoldPolicy, Role
from hardware.ports import ClockReading, ClockState, Track

DAY_NS = 86_400 * NS
REVIEW_DAYS_MAX = 90
"""A review is at most this far ahead (issue 5): somebody has looked again at anything held longer."""
HOLDS_MAX = 1000
"""Active holds at once: many times what a room ever needs, and 1 MB in memory."""

Kind = Literal["incident", "access"]
"""Why: an incident, or a request for access or restriction (GDPR, art. 15 and 18)."""

Start = Annotated[str, Meta(min_length=1, max_length=255)]
"""The start of an id; enough if it fits only one."""
Reference = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./_-]{0,63}\Z")]
"""A number as a hold's file may have it: earlier releases took a bare word as well."""
LETTERS_MAX = 4
"""Letters in a row in a number: `ZAAK` is a prefix, and nearly every surname is longer (decision 30)."""
Number = Annotated[str, Meta(
    pattern=rf"^(?=[^0-9]*[0-9])(?!.*[A-Za-z]{{{LETTERS_MAX + 1}}})[A-Za-z0-9][A-Za-z0-9 ./_-]{{0,63}}\Z"
)]  # fmt: skip
"""The incident's, the report's or the request's number in the municipality's own register: no name."""
NUMBER_IS = (
    f"at most 64 letters, digits, spaces and . / _ -, with a digit, and no more than {LETTERS_MAX} letters in a row:"
    " leave a longer word out"
)
"""The same for a person."""
ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+\Z"
Reason = Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE)]
"""One line, without characters that reverse text on a screen; it should contain no names."""


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """A custodian's request for a hold."""

    recording: Start
    incident: Number
    on_behalf_of: Role
    reason: Reason
    review: datetime.date
    tracks: Annotated[tuple[Track, ...], Meta(max_length=2)] = ()
    """Empty: all that exist."""
    kind: Kind = "incident"


class Extension(Struct, frozen=True, forbid_unknown_fields=True):
    """A custodian's request for a later review."""

    hold: Start
    on_behalf_of: Role
    reason: Reason
    review: datetime.date


class Release(Struct, frozen=True, forbid_unknown_fields=True):
    """A custodian's request to end a hold."""

    hold: Start
    on_behalf_of: Role
    reason: Reason


class By(Struct, frozen=True):
    """Who acts: not a name, but the user number and the role that allowed it."""

    uid: int
    role: str


class Hold(Struct, frozen=True):
    """One file of store/holds/, and its fields in the audit log."""

    hold_id: Id
    recording_id: Id
    tracks: Annotated[tuple[Track, ...], Meta(min_length=1, max_length=2)]
    kind: Kind
    incident: Reference
    on_behalf_of: Role
    """The function on whose behalf it is held, such as manager."""
    reason: Reason
    review: datetime.date
    """It has to be reviewed from the start of this day, in the policy's zone."""
    placed_wall_ns: int
    placed_clock: ClockState
    """State of the clock when it was placed."""
    uid: int
    """Who placed it, or made this revision."""
    role: str
    """The role that allowed it."""
    revision: Annotated[int, Meta(ge=0)] = 0
    """Number of extensions."""


class Standing(Struct, frozen=True):
    """State of a hold's review."""

    is_due: bool
    overdue_d: int
    """Whole days since it became due; 0 while it is not."""
    lapses: bool
    """It has to be released now, because the policy says so."""
    lapses_on: str | None
    """The day on which it will lapse; None: the policy leaves that to a person."""


def place(wish: Wish, ids: tuple[str, str], tracks: tuple[Track, ...], now: ClockReading, by: By) -> Hold:
    """The hold for a request. `ids`: its own and the recording's; `tracks`: those that exist."""
    return Hold(
        *ids, tracks, wish.kind, wish.incident, wish.on_behalf_of, wish.reason, wish.review, now.wall_ns, now.state,
        by.uid, by.role,
    )  # fmt: skip


def extend(hold: Hold, wish: Extension, by: By) -> Hold:
    """The same hold with another review date and the new reason; its incident stays."""
    return replace(
        hold, on_behalf_of=wish.on_behalf_of, reason=wish.reason, review=wish.review, uid=by.uid, role=by.role,
        revision=hold.revision + 1,
    )  # fmt: skip


def review_fault(review: datetime.date, now: ClockReading, zone: datetime.tzinfo) -> str:
    """What is wrong with a review date; empty: nothing. `zone`: of the policy's days.

    No hold is refused because of a clock that is not synchronised: its date is checked again when the clock is.
    """
    if now.state != "synchronised":
        return ""
    today = _day(now.wall_ns, zone)
    last = today + datetime.timedelta(days=REVIEW_DAYS_MAX)
    if today < review <= last:
        return ""
    return f"review {review}: expected a date after today and up to {last}, {REVIEW_DAYS_MAX} days ahead"


def standing(hold: Hold, now: ClockReading, policy: HoldPolicy, zone: datetime.tzinfo) -> Standing:
    """The state of the review. Any clock can make it due; only a synchronised one ends a hold.

    `zone`: of the policy's days. A day on which clocks are changed counts as any other.
    """
    since_ns = now.wall_ns - _first_ns(hold.review, zone)
    trusted = now.state == "synchronised"
    # A date taken under a wrong clock may be years ahead: such a review would never be made.
    too_far = trusted and -since_ns > (REVIEW_DAYS_MAX + 1) * DAY_NS
    overdue_d = max(0, (_day(now.wall_ns, zone) - hold.review).days)
    is_due = since_ns >= 0 or too_far
    if policy.after_review == "nag":
        return Standing(is_due, overdue_d, lapses=False, lapses_on=None)
    last = min(hold.review.toordinal() + policy.lapse_after_d, datetime.date.max.toordinal())
    lapses = trusted and overdue_d >= policy.lapse_after_d
    return Standing(is_due, overdue_d, lapses, str(datetime.date.fromordinal(last)))


def _day(wall_ns: int, zone: datetime.tzinfo) -> datetime.date:
    """The day in a zone; moments beyond the calendar are its last days."""
    seconds = min(max(wall_ns // NS, 86_400), 253_402_214_400)
    return datetime.datetime.fromtimestamp(seconds, tz=zone).date()


def _first_ns(day: datetime.date, zone: datetime.tzinfo) -> int:
    first = datetime.datetime(day.year, day.month, day.day, tzinfo=zone)
    return (first - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(seconds=1) * NS
