# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The municipality's protocol as a value: what may be recorded, how long it is kept, who must agree to open it.

Every key of `policy.toml` is a field here: its type and bounds are what the settings check enforces, its description
is what the settings report prints. Lengths of time are whole seconds or hours, as the name says.
"""

from __future__ import annotations

import datetime
import hashlib
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from hardware.ports import Track

NS = 1_000_000_000

TERM_H_MAX: dict[Track, int] = {"audio": 168, "video": 672}
"""Hard ceilings: one week of sound, four weeks of image (design 6; Protocol Heusden 2020, art. 6)."""
AUDIO_DECIDED_H_MAX = 336
"""Sound may be kept two weeks where the policy names the decision that says so: Dronten kept it that long from 2014.
See docs/decisions/0002-fourteen-days-of-sound.md."""

Role = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,31}\Z", description="a role such as manager, in small letters")]


class TrackPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """What may happen with one track."""

    record: Annotated[bool, Meta(description="whether the device is opened at all")] = False
    term_h: Annotated[int, Meta(ge=1, le=672, description="hours kept, counted from the oldest frame")] = 168
    """Of sound at most 168, or 336 with a `decision`."""
    decision: Annotated[
        str, Meta(max_length=200, description="the decision by which sound is kept beyond one week; empty: none")
    ] = ""
    """[Why](../decisions/0002-fourteen-days-of-sound.md). For image it changes nothing."""
    existing: Annotated[
        Literal["keep", "purge"],
        Meta(description="of a track that is off: what was recorded earlier is kept for its term, or deleted at once"),
    ] = "keep"
    """At once: as soon as this policy is in force. What is held stays."""

    def term_h_max(self, track: Track) -> int:
        """The ceiling that holds for this track."""
        return AUDIO_DECIDED_H_MAX if track == "audio" and self.decision else TERM_H_MAX[track]


class ButtonPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """What the record button does."""

    ends_by: Annotated[
        Literal["press", "hold"], Meta(description="how a second use of the button ends a recording")
    ] = "press"
    hold_s: Annotated[float, Meta(ge=0.5, le=10, description="how long `hold` is")] = 2.0


class TimingPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """How long before, after and at most."""

    pre_event_s: Annotated[int, Meta(ge=0, le=120, description="seconds kept sealed in memory before a trigger")] = 30
    post_event_s: Annotated[int, Meta(ge=0, le=120, description="seconds recorded after the end is asked for")] = 30
    maximum_s: Annotated[int, Meta(ge=60, le=14_400, description="a forgotten recording ends after this")] = 5400
    warning_s: Annotated[int, Meta(ge=0, le=600, description="the lamp warns this long before the maximum")] = 120


class AlarmPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """What the alarm button does besides raising the alarm, which it always does."""

    records: Annotated[bool, Meta(description="an alarm records what the tracks allow")] = True
    maximum_s: Annotated[
        int, Meta(ge=60, le=14_400, description="an alarm that nobody resets ends its recording after this")
    ] = 3600
    raised_by: Annotated[
        Literal["press", "hold", "two_presses"],
        Meta(description="what raises an alarm; in an open alarm each press counts, whatever stands here"),
    ] = "press"
    hold_s: Annotated[float, Meta(ge=0.5, le=5, description="how long `hold` is")] = 1.0
    confirm_s: Annotated[
        float, Meta(ge=1, le=30, description="the second of `two_presses` comes within this after the first")
    ] = 10.0
    silent: Annotated[
        bool, Meta(description="the status lamp and the beeper say nothing of an alarm; the recording lamp still does")
    ] = False
    cancel_s: Annotated[
        int, Meta(ge=0, le=120, description="a reset this soon after the press is told as cancelled; 0: never")
    ] = 0
    reset_by: Annotated[
        tuple[Literal["operator", "console", "key_switch"], ...],
        Meta(min_length=1, max_length=3, description="who may end an alarm"),
    ] = ("operator", "console", "key_switch")


class ObjectionPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """What happens when a resident does not want to be recorded: nothing of this conversation is held or recorded."""

    by: Annotated[
        tuple[Literal["hold", "button"], ...],
        Meta(max_length=2, description="how staff make it: a hold of the record button, a button of its own; none"),
    ] = ()
    hold_s: Annotated[float, Meta(ge=1, le=10, description="how long `hold` is")] = 3.0
    """A recording then begins when the button comes up."""
    maximum_s: Annotated[
        int, Meta(ge=300, le=14_400, description="it ends by itself after this; the same button ends it earlier")
    ] = 3600
    alarm_records: Annotated[bool, Meta(description="an alarm ends the objection, and is recorded")] = False


DAY_S = 86_400
WINDOW_D_MAX = 14
"""Longest covered window: an election takes a day, the counting another; what lasts longer is a policy of its own."""
Moment = Annotated[datetime.datetime, Meta(tz=True, description="such as 2026-03-18T06:00:00+01:00")]


class Window(Struct, frozen=True, forbid_unknown_fields=True):
    """A covered window: the camera is covered and its device closed, as for elections."""

    begins: Moment
    """When the window begins."""
    ends: Moment
    """When it ends, at most 14 days later."""
    decision: Annotated[str, Meta(min_length=1, max_length=200, description="the decision that it rests on")]


class CoverPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """When cameras are covered (Protocol Heusden 2020, art. 5), and what an alarm records then."""

    alarm_records: Annotated[bool, Meta(description="an alarm in a window records sound, where the policy does")] = (
        False
    )
    windows: Annotated[
        tuple[Window, ...], Meta(max_length=32, description="the windows that are known beforehand")
    ] = ()


class HoldPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of a hold that nobody reviews."""

    after_review: Annotated[
        Literal["nag", "lapse"],
        Meta(description="`nag`: it is told every day, and holds on; `lapse`: it ends some days after its review date"),
    ] = "nag"
    lapse_after_d: Annotated[int, Meta(ge=1, le=90, description="days after the review date at which it lapses")] = 28


class Opening(Struct, frozen=True, forbid_unknown_fields=True):
    """Who must agree to open a recording: one holder of every group."""

    groups: Annotated[
        tuple[Annotated[tuple[Role, ...], Meta(min_length=1, max_length=8)], ...],
        Meta(max_length=3, description="groups of roles; one holder out of each group is needed"),
    ] = ()
    prove_every_d: Annotated[
        int, Meta(ge=0, le=366, description="days within which two holders of every group show their keys; 0: never")
    ] = 92
    """Else it is a fault: [how they show them](keys.md)."""


class Holder(Struct, frozen=True, forbid_unknown_fields=True):
    """One holder of an opening key; the unit knows the public half only."""

    role: Role
    """One of the groups' roles."""
    label: Annotated[str, Meta(min_length=1, max_length=64, description="a label of the key, no personal name")]
    recipient: Annotated[
        str, Meta(pattern=r"^age1[02-9ac-hj-np-z]{58}\Z", description="an age X25519 recipient, `age1...`")
    ]
    """The public half of the holder's key: [no other kind](../decisions/0018-holders-have-x25519-keys.md)."""


Code = Annotated[
    str,
    Meta(
        pattern=r"^([0-9a-f]{4}-[0-9a-f]{4})?\Z",
        description="the code on the notice in use, such as 12ab-34cd; empty: none is",
    ),
]


class InUse(Struct, frozen=True, forbid_unknown_fields=True):
    """Which notices hang, lie or are said: a policy that changed then names those that no longer fit."""

    sticker: Code = ""
    """Beside the door."""
    letter: Code = ""
    """For a resident."""
    spoken: Code = ""
    """What staff say."""
    dpia: Code = ""
    """The assessment's texts."""


Words = Annotated[
    str,
    Meta(
        max_length=120,
        pattern=r"^[^\x00-\x1f\x7f]*\Z",
        description="one line of at most 120 characters, as it is printed",
    ),
]


class NoticePolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """What the notices say beside what the policy says."""

    organisation: Words = ""
    """Who records, as the [notices](notices.md) name it."""
    contact: Words = ""
    """Where a resident asks."""
    officer: Words = ""
    """Where the data protection officer is reached."""
    page: Words = ""
    """Where the privacy statement stands."""
    in_use: InUse = InUse()


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of `policy.toml`."""

    name: Annotated[
        str,
        Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}\Z", description="the policy's name: small letters, digits and hyphens"),
    ]
    in_force_from: Annotated[datetime.date, Meta(description="the day from which the municipality applies it")]
    audio: TrackPolicy = TrackPolicy()
    video: TrackPolicy = TrackPolicy()
    record_button: ButtonPolicy = ButtonPolicy()
    timing: TimingPolicy = TimingPolicy()
    alarm: AlarmPolicy = AlarmPolicy()
    objection: ObjectionPolicy = ObjectionPolicy()
    cover: CoverPolicy = CoverPolicy()
    holds: HoldPolicy = HoldPolicy()
    opening: Opening = Opening()
    notice: NoticePolicy = NoticePolicy()
    holders: Annotated[tuple[Holder, ...], Meta(max_length=64, description="the holders' public keys")] = field(
        default=()
    )

    def tracks(self) -> tuple[Track, ...]:
        """The tracks that may be recorded, in a fixed order."""
        both: tuple[tuple[Track, TrackPolicy], ...] = (("audio", self.audio), ("video", self.video))
        return tuple(name for name, track in both if track.record)

    def term_ns(self, track: Track) -> int:
        """How long a track may be kept, in nanoseconds."""
        return (self.audio if track == "audio" else self.video).term_h * 3600 * NS

    def recipients(self) -> tuple[tuple[str, ...], ...]:
        """Per group the public keys of its holders, in the order of the file."""
        return tuple(tuple(h.recipient for h in self.holders if h.role in group) for group in self.opening.groups)


def lost_groups(before: Policy, after: Policy) -> list[int]:
    """Numbers of the groups of a policy of which the next one has no holder, in any role."""
    kept = {holder.recipient for holder in after.holders}
    return [number for number, group in enumerate(before.recipients(), 1) if group and not kept & set(group)]


def fingerprint(recipient: str) -> str:
    """Sixteen hexadecimal digits of the SHA-256 of an age recipient: a holder compares it with that of his own."""
    digest = hashlib.sha256(recipient.encode()).hexdigest()[:16]
    return "-".join(digest[i : i + 4] for i in range(0, 16, 4))


NO_POLICY = Policy("none", datetime.date(1970, 1, 1))
"""What a unit works by whose policy does not hold: alarms, and nothing is recorded."""


def in_words(policy: Policy) -> tuple[str, ...]:
    """What a policy comes to, a line each: somebody who reads it sees hours that were meant as days."""
    both: tuple[tuple[str, TrackPolicy], ...] = (("sound", policy.audio), ("image", policy.video))
    kept = [f"{name} is recorded and kept {_length(track.term_h)}" for name, track in both if track.record]
    kept += [f"{name} is not recorded" for name, track in both if not track.record]
    kept += [f"sound is kept so long by `{policy.audio.decision}`"] if policy.audio.decision else []
    groups = [" or ".join(group) for group in policy.opening.groups]
    opened = f"opened by {' together with '.join(groups)}" if groups else "opened by nobody"
    return (*kept, *([opened] if policy.tracks() else []))


def _length(hours: int) -> str:
    """Hours, as days where they are days."""
    days, left = divmod(hours, 24)
    if not left:
        return f"{days} day{'s' if days != 1 else ''}"
    odd = "no whole number of days" if days else "less than a day"
    return f"{hours} hour{'s' if hours != 1 else ''}, which is {odd}"
