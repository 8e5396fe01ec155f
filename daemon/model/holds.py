# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What keeps a track beyond its term: holds as values, and the rules for placing, reviewing and ending one.

The law here (promise K2): while a hold is in force its tracks do not go; only a person's release ends it, or, where the
policy says `lapse`, a review that nobody made. What cannot be read is in force for all that it may concern.
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
"""A review is at most this far ahead (issue 5): what is held longer has been looked at again by somebody."""
HOLDS_MAX = 1000
"""Holds in force at once: many times what one room ever needs, and 1 MB in memory."""

Kind = Literal["incident", "access"]
"""Why: an incident, or somebody's request for access or restriction (AVG, art. 15 and 18)."""

Start = Annotated[str, Meta(min_length=1, max_length=255)]
"""The start of an id; enough where it fits one."""
Reference = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./_-]{0,63}\Z")]
"""The incident's or the request's number in the municipality's own register."""
ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+\Z"
Reason = Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE)]
"""One line that nothing in it can turn round on a screen; no names are asked for."""


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """What a custodian asks for."""

    recording: Start
    incident: Reference
    on_behalf_of: Role
    reason: Reason
    review: datetime.date
    tracks: Annotated[tuple[Track, ...], Meta(max_length=2)] = ()
    """Empty: all that are there."""
    kind: Kind = "incident"


class Extension(Struct, frozen=True, forbid_unknown_fields=True):
    """A later review, as a custodian asks for it."""

    hold: Start
    on_behalf_of: Role
    reason: Reason
    review: datetime.date


class Release(Struct, frozen=True, forbid_unknown_fields=True):
    """The end of a hold, as a custodian asks for it."""

    hold: Start
    on_behalf_of: Role
    reason: Reason


class By(Struct, frozen=True):
    """Who does it: nobody's name, the machine's number of a user and the role that let them."""

    uid: int
    role: str


class Hold(Struct, frozen=True):
    """One file of store/holds/, and what stands of it in the audit log."""

    hold_id: Id
    recording_id: Id
    tracks: Annotated[tuple[Track, ...], Meta(min_length=1, max_length=2)]
    kind: Kind
    incident: Reference
    on_behalf_of: Role
    """The function for which it is held: a manager's, an officer's."""
    reason: Reason
    review: datetime.date
    """From the first moment of this day, in UTC, it has to be looked at again."""
    placed_wall_ns: int
    placed_clock: ClockState
    """What the clock was worth when it was placed."""
    uid: int
    """Who placed it, or made this revision of it."""
    role: str
    """By which role of the machine they could."""
    revision: Annotated[int, Meta(ge=0)] = 0
    """Counts its extensions."""


class Standing(Struct, frozen=True):
    """How a hold stands with its review."""

    is_due: bool
    overdue_d: int
    """Whole days since it fell due; 0 also while it is not."""
    lapses: bool
    """It has to be released now, because the policy says so."""
    lapses_on: str | None
    """The day on which it will be; None: the policy leaves that to a person."""


def place(wish: Wish, ids: tuple[str, str], tracks: tuple[Track, ...], now: ClockReading, by: By) -> Hold:
    """The hold that a wish becomes. `ids`: its own and the recording's; `tracks`: those that are there."""
    return Hold(
        *ids, tracks, wish.kind, wish.incident, wish.on_behalf_of, wish.reason, wish.review, now.wall_ns, now.state,
        by.uid, by.role,
    )  # fmt: skip


def extend(hold: Hold, wish: Extension, by: By) -> Hold:
    """The same hold with another review; its incident stays, its reason is the newest."""
    return replace(
        hold, on_behalf_of=wish.on_behalf_of, reason=wish.reason, review=wish.review, uid=by.uid, role=by.role,
        revision=hold.revision + 1,
    )  # fmt: skip


def review_fault(review: datetime.date, now: ClockReading) -> str:
    """What is wrong with a review date; empty: nothing.

    A hold is not refused over a clock that does not claim to be right: its date is looked at again when the clock is.
    """
    if now.state != "synchronised":
        return ""
    today = _day(now.wall_ns)
    last = today + datetime.timedelta(days=REVIEW_DAYS_MAX)
    if today < review <= last:
        return ""
    return f"review {review}: expected a date after today and up to {last}, {REVIEW_DAYS_MAX} days ahead"


def standing(hold: Hold, now: ClockReading, policy: HoldPolicy) -> Standing:
    """Whether a review is due. Due is said by any clock; only one that follows a reference ends anything."""
    since_ns = now.wall_ns - _wall_ns(hold.review)
    trusted = now.state == "synchronised"
    # A date that was taken while the clock was wrong may be years ahead: that is a review that nobody would make.
    too_far = trusted and -since_ns > (REVIEW_DAYS_MAX + 1) * DAY_NS
    overdue_d = max(0, since_ns // DAY_NS)
    is_due = since_ns >= 0 or too_far
    if policy.after_review == "nag":
        return Standing(is_due, overdue_d, lapses=False, lapses_on=None)
    last = min(hold.review.toordinal() + policy.lapse_after_d, datetime.date.max.toordinal())
    lapses = trusted and overdue_d >= policy.lapse_after_d
    return Standing(is_due, overdue_d, lapses, str(datetime.date.fromordinal(last)))


def _day(wall_ns: int) -> datetime.date:
    """The day in UTC; moments beyond a calendar are its ends."""
    seconds = min(max(wall_ns // NS, 0), 253_402_300_799)
    return datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC).date()


def _wall_ns(day: datetime.date) -> int:
    return (day - datetime.date(1970, 1, 1)).days * DAY_NS
