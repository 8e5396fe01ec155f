# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The municipality's policy as a value: what may be recorded, how long it is kept, who must agree to open it.

Every key of `policy.toml` is a field here. The settings check enforces its type and bounds; the settings report prints
its description. Durations are whole seconds or hours, as their names say.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from daemon.model.signers import codes
from hardware.ports import Track

NS = 1_000_000_000

TERM_H_MAX: dict[Track, int] = {"audio": 168, "video": 672}
"""Hard limits: one week of sound, four weeks of image (design 6; Protocol Heusden 2020, art. 6)."""
LOG_TERM_Y = 5
"""A claim for damages can be brought for five years (BW art. 3:310, AVG art. 82), and for as long the municipality has
to be able to show what it did (AVG art. 5(2)). See docs/decisions/0028-the-log-has-a-term.md."""
AUDIO_DECIDED_H_MAX = 336
"""Sound may be kept two weeks if the policy names the decision: Dronten kept it that long from 2014. See
docs/decisions/0002-fourteen-days-of-sound.md."""

Role = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,31}\Z", description="a role such as manager, in small letters")]


class TrackPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """What may happen to one track."""

    record: Annotated[bool, Meta(description="whether the device is opened at all")] = False
    term_h: Annotated[int, Meta(ge=1, le=672, description="hours kept, counted from the oldest frame")] = 168
    """For sound at most 168, or 336 with a `decision`."""
    decision: Annotated[
        str, Meta(max_length=200, description="the decision by which sound is kept beyond one week; empty: none")
    ] = ""
    """[Why](../decisions/0002-fourteen-days-of-sound.md). It has no effect on image."""
    existing: Annotated[
        Literal["keep", "purge"],
        Meta(description="of a track that is off: what was recorded earlier is kept for its term, or deleted at once"),
    ] = "keep"
    """At once: as soon as this policy is in force. Held tracks stay."""

    def term_h_max(self, track: Track) -> int:
        """The limit for this track."""
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
    """What happens when a resident objects to recording: nothing of this conversation is held or recorded."""

    by: Annotated[
        tuple[Literal["hold", "button"], ...],
        Meta(max_length=2, description="how staff make it: a hold of the record button, a button of its own; none"),
    ] = ()
    hold_s: Annotated[float, Meta(ge=1, le=10, description="how long `hold` is")] = 3.0
    """A recording then begins when the button is released."""
    maximum_s: Annotated[
        int, Meta(ge=300, le=14_400, description="it ends by itself after this; the same button ends it earlier")
    ] = 3600
    alarm_records: Annotated[bool, Meta(description="an alarm ends the objection, and is recorded")] = False


DAY_S = 86_400
WINDOW_D_MAX = 14
"""Longest covered window: an election takes a day and counting another; anything longer is a policy of its own."""
Moment = Annotated[datetime.datetime, Meta(tz=True, description="such as 2026-03-18T06:00:00+01:00")]


class Window(Struct, frozen=True, forbid_unknown_fields=True):
    """A covered window: the camera is covered and its device closed, for instance during elections."""

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
    """Otherwise it is a fault: [how they prove it](keys.md)."""


class Holder(Struct, frozen=True, forbid_unknown_fields=True):
    """A holder of an opening key; the unit knows only the public half."""

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
    """Codes of the notices in use: a new policy then names those that no longer match."""

    sticker: Code = ""
    """The sticker beside the door."""
    letter: Code = ""
    """The letter to a resident."""
    spoken: Code = ""
    """The text that staff speak."""
    page: Code = ""
    """The page of the municipality's site."""
    dpia: Code = ""
    """The texts in the assessment."""
    staff: Code = ""
    """The text for those who work with the unit."""
    call: Code = ""
    """What callers hear and read before a call."""


Words = Annotated[
    str,
    Meta(
        max_length=120,
        pattern=r"^[^\x00-\x1f\x7f]*\Z",
        description="one line of at most 120 characters, as it is printed",
    ),
]


class NoticePolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """Texts in the notices that do not follow from the policy."""

    organisation: Words = ""
    """Who records, as named in the [notices](notices.md)."""
    contact: Words = ""
    """Whom a resident can ask."""
    officer: Words = ""
    """How to reach the data protection officer."""
    ground: Words = ""
    """Why the municipality may record (AVG, art. 6), as the letter says it after "De grond is"."""
    works_council: datetime.date | None = None
    """Day on which the works council consented (WOR, art. 27), for the text for staff."""
    page: Words = ""
    """Address of the privacy statement."""
    in_use: InUse = InUse()


class PlacePolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the unit stands."""

    kind: Annotated[
        Literal["room", "desk"], Meta(description="an interview room, or a desk for telephone calls: sound alone")
    ] = "room"
    """Notices speak of it, and at a desk an objection ends with its call
    ([why](../decisions/0027-a-desk-is-the-policys-word.md))."""


class UsePolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """What happens between two conversations, where a contact tells them apart (`buttons.in_use` of the unit)."""

    ring_while: Annotated[
        Literal["always", "in_use"],
        Meta(description="when the seconds before a press are kept; `in_use`: the devices are closed between uses"),
    ] = "always"
    """At the end of each use what is held of it is forgotten, whatever stands here."""
    maximum_s: Annotated[
        int, Meta(ge=300, le=86_400, description="a contact that has said in use for longer than this is a fault")
    ] = 14_400


class RegisterPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """What the council reads of how incidents are told apart."""

    criteria: Annotated[
        str,
        Meta(
            max_length=300, pattern=r"^[^\x00-\x1f\x7f]*\Z",
            description="one line of at most 300 characters: what counts as aggression or violence",
        ),
    ] = ""  # fmt: skip
    """The [report](report.md) prints it above the incidents."""
    criteria_by: Words = ""
    """Who set the criteria: a body or a role."""
    criteria_reviewed: datetime.date | None = None
    """The day on which they were looked at last."""


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
    register: RegisterPolicy = RegisterPolicy()
    use: UsePolicy = UsePolicy()
    place: PlacePolicy = PlacePolicy()
    holders: Annotated[tuple[Holder, ...], Meta(max_length=64, description="the holders' public keys")] = field(
        default=()
    )
    zone: Annotated[
        str,
        Meta(
            max_length=64,
            pattern=r"^(UTC|[A-Z][A-Za-z]*(/[A-Z][A-Za-z0-9_+-]*)+)\Z",
            description="the time zone of its days, such as Europe/Amsterdam",
        ),
    ] = "Europe/Amsterdam"
    """A policy begins and a review falls due at midnight there, and people read its times. Not the machine's own."""
    log_term_y: Annotated[
        int, Meta(ge=1, le=20, description="whole years that a year of the audit log is kept after its end")
    ] = LOG_TERM_Y
    """Then its file is deleted; its [figures](report.md) stay. [Why five](../decisions/0028-the-log-has-a-term.md)."""

    def tracks(self) -> tuple[Track, ...]:
        """The tracks that may be recorded, in a fixed order."""
        both: tuple[tuple[Track, TrackPolicy], ...] = (("audio", self.audio), ("video", self.video))
        return tuple(name for name, track in both if track.record)

    def roles(self) -> frozenset[str]:
        """Those that may open a recording, in whatever group: acts of custodians are on behalf of one of them."""
        return frozenset(role for group in self.opening.groups for role in group)

    def term_ns(self, track: Track) -> int:
        """How long a track may be kept, in nanoseconds."""
        return (self.audio if track == "audio" else self.video).term_h * 3600 * NS

    def recipients(self) -> tuple[tuple[str, ...], ...]:
        """Public keys of the holders, by group, in the order of the file."""
        return tuple(tuple(h.recipient for h in self.holders if h.role in group) for group in self.opening.groups)

    def fingerprints(self) -> tuple[str, ...]:
        """Fingerprints of the holders' public keys, in the order of the file: who else can open shows here."""
        return tuple(fingerprint(holder.recipient) for holder in self.holders)


def lost_groups(before: Policy, after: Policy) -> list[int]:
    """Numbers of the groups of whose holders none is in the next policy, in any role."""
    kept = {holder.recipient for holder in after.holders}
    return [number for number, group in enumerate(before.recipients(), 1) if group and not kept & set(group)]


def fingerprint(recipient: str) -> str:
    """Sixteen hexadecimal digits of the SHA-256 of an age recipient, for a holder to compare with their own key."""
    return codes((recipient.encode(),))[0]


NO_POLICY = Policy("none", datetime.date(1970, 1, 1))
"""The policy of a unit whose policy is invalid: alarms work, and nothing is recorded."""


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
