# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The kinds of line in the audit log: one struct each, named as the line's `event`, with its fields in the log's order.

Invariant: within a kind no field changes its name, place or meaning, and none goes. A field that an earlier release did
not write has a default, or is UNSET; so is one that only some lines have. docs/ref/audit-log.md and the JSON Schema are
drawn from this file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert
from msgspec.structs import astuple

from daemon.model.bounds import Id, Name, Ns, Sha256
from daemon.model.events import SourceKind
from daemon.model.holds import Hold, Kind
from daemon.model.policy import Moment
from daemon.model.retention import LateWhy
from daemon.model.space import Level
from hardware.ports import Track

Number = Annotated[int, Meta(ge=0, le=2**53)]
Clocked = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""What a clock of 64 bits can say, in nanoseconds: every such moment is in some calendar's year."""
DeletedBecause = Literal["term", "unreadable", "test", "policy"]
Trigger = Literal["conversation", "alarm", "test"]
"""What a recording was made for."""


class Act(Struct, frozen=True, tag_field="event", tag=lambda name: re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()):
    """Root of the kinds."""

    @property
    def event(self) -> str:
        """The kind's name in the log."""
        return str(self.__struct_config__.tag)


# --- deletions --------------------------------------------------------------------------------------------------------


class Deleting(Act, frozen=True, kw_only=True):
    """Before anything of a track goes."""

    recording_id: Id
    track: Track
    reason: DeletedBecause
    """`unreadable`: begin.json cannot be read, and the unit was on for the longest term that there is (336 hours for
    sound, 672 for image) since the log first knew of it. `test`: an engineer's, inspected. `policy`: one that came into
    force has the track purged."""
    term_h: int
    """As begin.json says."""
    due_wall_ns: int
    """When it fell due."""
    late_s: Number
    """How long ago that was. Promise K1 is judged by it: within 60 s while the unit is powered."""
    late_why: LateWhy = ""
    """Why, when that is more than a minute."""
    segments: Number
    bytes: Number
    chain_sha256: str
    """Of the recording's chain.jsonl, so that a copy elsewhere can be compared with what was deleted here; empty where
    it could not be read."""


class Deleted(Act, frozen=True):
    """The receipt: the track is gone."""

    recording_id: Id
    track: Track
    finished_later: bool
    """An earlier start, or an earlier try that the disk refused, began it."""
    left: Number = 0
    """Foreign files that were not touched."""
    last: bool | UnsetType = UNSET
    """The recording's records went with it."""
    late_s: Number | UnsetType = UNSET
    """Of one that was finished later: how late it is by now, in place of what its `deleting` says."""
    late_why: LateWhy | UnsetType = UNSET


class NotDeleted(Act, frozen=True):
    """A deletion that was begun is called off: it is not due, or a hold keeps the track."""

    recording_id: Id
    track: Track


class Unreadable(Act, frozen=True):
    """Sealed tracks are found whose begin.json cannot be read, or says what no unit writes; once."""

    recording_id: Id
    tracks: tuple[Track, ...]


class Cleared(Act, frozen=True):
    """Before a directory goes that for ten minutes was empty, or had nothing but the signature of a begin.json."""

    name: Id
    files: tuple[str, ...]


# --- the log itself ---------------------------------------------------------------------------------------------------


class Torn(Act, frozen=True):
    """A power cut or a full disk cut off a line. It stays; this one, or `unsigned` before it, carries its hash."""

    detail: str = ""


class Unsigned(Act, frozen=True):
    """At a start: these lines stood behind the newest signed head. They have no force, now or later."""

    first: Number
    """The number of the first; what was cut off among them has one too."""
    lines: Number
    """How many."""


class Head(Act, frozen=True):
    """The log is signed: after deletions, after a custodian's act, daily, and at the first turn of a boot."""

    signature: str
    """An OpenSSH signature of all lines before this one: see below."""


# --- time -------------------------------------------------------------------------------------------------------------


class Boot(Act, frozen=True):
    """The keeper's first start in a boot."""

    powered_ns: Clocked
    """Powered-on time counted before it."""
    clean: bool
    """The boot before ended with a stop of the keeper."""


class Clock(Act, frozen=True):
    """UTC is believed for the first time in a boot, or another than before; an empty store waits for a recording."""

    utc_ns: Clocked
    powered_ns: Clocked
    """Of the same moment."""
    step_s: float | UnsetType = UNSET
    """At a later one of a boot: how far UTC moved."""
    off_s: float | UnsetType = UNSET
    """At the first of a boot: how long the unit was off, less what the count lost at a cut."""


class Adopted(Act, frozen=True):
    """Recordings are found of a boot that the log does not know."""

    of_boot: str
    """As a begin.json says."""
    powered_ns: int
    """At its beginning."""
    offset_ns: int | None
    """Of UTC; null: not known."""
    believed: bool | UnsetType = UNSET
    """The log was lost, and the counter says that the unit itself believed that UTC."""


class Dated(Act, frozen=True):
    """A recording's own UTC was unsynchronised, or more than 60 s off."""

    recording_id: Id
    claimed_wall_ns: int
    """As its begin.json says."""
    wall_ns: int
    exact: bool
    """Its own boot had a UTC; else it is from then at the latest."""


# --- the store --------------------------------------------------------------------------------------------------------


class Policy(Act, frozen=True):
    """Another policy is in force than before, or other tracks of it."""

    name: str
    sha256: str
    in_force_from: str
    tracks: tuple[Track, ...]
    """Those that may be recorded."""


class RecordingBegan(Act, frozen=True):
    """A recording is in the store, within seconds; once, whoever was down then."""

    recording_id: Id
    trigger: Trigger
    tracks: tuple[Track, ...]
    policy_sha256: str
    continues: str | None
    """The recording of which this is a new part."""
    began_wall_ns: int


class RecordingEnded(Act, frozen=True):
    """A recording is closed."""

    recording_id: Id
    trigger: Trigger
    """What it was by then."""
    why: str
    """As this and the next three stand in its end.json."""
    seconds: Mapping[Track, float]
    """Of each track."""
    ended_wall_ns: int
    ended_boot_id: str = ""
    ended_boot_ns: int = 0


class RecordingMissing(Act, frozen=True):
    """The log began it and has no receipt for it, and the store has it no more; once."""

    recording_id: Id
    tracks: tuple[Track, ...]
    hold_id: Id | None
    """The hold that names it."""


class RecordingReturned(Act, frozen=True):
    """A missing recording is there again."""

    recording_id: Id


class RecordingTested(Act, frozen=True):
    """An engineer's test recording was closed and inspected."""

    recording_id: Id
    files: Number
    bytes: Number
    findings: tuple[str, ...]
    """Empty: it goes at once, with the reason `test`; else it goes by its term."""


class RingTime(Act, frozen=True):
    """At the end of a day (UTC) and at a stop, if there is any: seconds sealed since the last line of this kind."""

    audio_s: float | UnsetType = UNSET
    """For a ring or a recording."""
    video_s: float | UnsetType = UNSET
    session: str = ""
    """Which start of a recorder."""
    counted_s: Mapping[Track, float] = {}
    """How far that recorder's count has been told."""


class Filling(Act, frozen=True):
    """The store's disk passes 70, 85 or 95 %, or comes back by two percent."""

    level: Level
    """That holds now; 0: below the first."""
    percent: Number
    free_bytes: Number


class Verified(Act, frozen=True):
    """The store has been walked, daily or when asked."""

    recordings: Number
    files: Number
    bytes: Number
    faults: Number
    named: tuple[str, ...]
    """Paths of the first twenty."""


# --- holds ------------------------------------------------------------------------------------------------------------


class WholeHold(Act, Hold, frozen=True):
    """All of a hold."""

    finished_later: bool = False
    """The log was lost or does not hold together, and the file stood there."""

    @classmethod
    def of(cls, hold: Hold, *, finished_later: bool = False) -> Self:
        """The line of a hold."""
        return cls(*astuple(hold), finished_later)  # type: ignore[call-arg]  # the fields of a hold, and one more

    def hold(self) -> Hold:
        """The hold of a line."""
        return Hold(*astuple(self)[:-1])


class HoldPlaced(WholeHold, frozen=True):
    """A hold is active from this line on."""


class HoldExtended(WholeHold, frozen=True):
    """A hold has another review; `revision` is one higher."""


class HoldUnreadable(Act, frozen=True):
    """A file of a hold that nobody can read, where the log was lost or does not hold together: it keeps everything."""

    hold_id: str


class AboutHold(Act, frozen=True):
    """What a hold is about."""

    hold_id: Id
    recording_id: Id
    tracks: tuple[Track, ...]
    kind: Kind


class HoldRestored(AboutHold, frozen=True):
    """A hold's file was gone and nobody had released it: it has been made again from this log."""


class HoldReviewDue(AboutHold, frozen=True):
    """A hold's review date has passed; once a revision."""

    review: str
    revision: Number


class HoldReleasing(Act, frozen=True):
    """Before a hold's file goes: by a person, or by the policy."""

    hold_id: str
    recording_id: Id | UnsetType = UNSET
    tracks: tuple[Track, ...] | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    unreadable: str | UnsetType = UNSET
    """Of a file that nobody could read: why."""
    on_behalf_of: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    uid: int | UnsetType = UNSET
    role: str | UnsetType = UNSET
    lapsed: bool | UnsetType = UNSET
    """The policy ends it."""


class HoldReleased(Act, frozen=True):
    """A hold's file is gone."""

    hold_id: str
    recording_id: Id | UnsetType = UNSET
    tracks: tuple[Track, ...] | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    parts: tuple[str, ...] | UnsetType = UNSET
    """The recordings that it kept, as their begin.json name each other."""
    finished_later: bool = False


# --- holders' keys ----------------------------------------------------------------------------------------------------


class HolderKey(Act, frozen=True):
    """Whose key an act is about; nobody's name."""

    holder_role: str
    label: str
    recipient: str


class HolderAsked(HolderKey, frozen=True):
    """Before a sealed word goes out, a line a holder."""

    word_sha256: Sha256
    """Of the answer, a hundred random bits."""
    powered_ns: int
    """When, as the next."""
    utc_ns: int | None
    """Null: UTC was not known."""
    uid: int
    role: str


class HolderProven(HolderKey, frozen=True):
    """A holder's answer was right."""

    word_sha256: Sha256
    uid: int
    """Who handed it in."""
    role: str


class HolderLost(HolderKey, frozen=True):
    """Somebody said that a key is lost."""

    uid: int
    role: str


# --- acts of people ---------------------------------------------------------------------------------------------------


class HandedOut(Act, frozen=True, kw_only=True):
    """Before the first file of a sealed copy is handed out."""

    recording_id: Id
    tracks: tuple[Track, ...]
    files: Number
    bytes: Number
    sums_sha256: str
    """Of its SHA256SUMS."""
    holds: tuple[Id, ...]
    """Active on it."""
    same_disk: str | None = None
    """Why the copy stays on the unit; null: it does not."""
    uid: int
    role: str


class CheckSigned(Act, frozen=True):
    """A commissioning report was signed."""

    report_sha256: Sha256
    unit: str
    uid: int
    role: str


# --- acts of the alarm process ----------------------------------------------------------------------------------------


class OfAlarm(Act, frozen=True):
    """Root of the kinds that the alarm process can add."""


class AlarmAct(OfAlarm, frozen=True):
    """An alarm event, as on `alarm/event`."""

    event_id: str
    alarm_id: str
    source: str
    source_kind: SourceKind
    in_room: bool
    silent: bool
    recording_id: Id | None
    detail: str


class AlarmRaised(AlarmAct, frozen=True):
    """An alarm is raised."""


class AlarmRepeated(AlarmAct, frozen=True):
    """A press while the alarm is open."""


class AlarmCancelled(AlarmAct, frozen=True):
    """An alarm is cancelled within the policy's seconds."""


class AlarmReset(AlarmAct, frozen=True):
    """An alarm is ended."""


class AlarmFault(AlarmAct, frozen=True):
    """A button has a fault, or has it no more."""


class AlarmTest(AlarmAct, frozen=True):
    """A test alarm."""


class ObjectionBegan(OfAlarm, frozen=True):
    """Staff note an objection."""

    why: Literal["asked", "time", "alarm"]


class ObjectionEnded(OfAlarm, frozen=True):
    """The objection is over."""

    why: Literal["asked", "time", "alarm"]
    """`time`: the policy's seconds have gone by. `alarm`: the policy lets an alarm be recorded."""


class CoverBegan(OfAlarm, frozen=True):
    """A covered window begins."""

    decision: str


class CoverEnded(OfAlarm, frozen=True):
    """A covered window is over."""

    decision: str


class CoverAct(OfAlarm, frozen=True):
    """A covered window."""

    begins: Moment
    ends: Moment
    decision: str
    by: str


class CoverSet(CoverAct, frozen=True):
    """An operator sets a covered window."""


class CoverWithdrawn(CoverAct, frozen=True):
    """An operator takes a covered window back."""


class Asked(OfAlarm, frozen=True):
    """An operator has asked for something that changes the room."""

    verb: str
    uid: int
    role: str


class RingForgotten(OfAlarm, frozen=True):
    """An operator has the ring dropped."""

    by: str


class CameraAimed(OfAlarm, frozen=True):
    """An operator aims the camera."""

    seconds: Number
    by: str


class Refused(OfAlarm, frozen=True):
    """Somebody asked for what their groups do not allow: the alarm process, or the keeper."""

    uid: int
    verb: str
    """Beyond sixteen kinds `others`, as uid -1."""
    count: Number
    """1 for the first of a kind in a day; when the day is over, how many followed. At most 34 lines a day."""


class Place(Struct, frozen=True):
    """An act's place in the alarm's journal."""

    journal: Name
    """A new card begins a new one."""
    n: Ns
    """Counts without a gap; the log has each number once."""


class ActsLost(Act, frozen=True):
    """The journal gave up acts that the keeper never took, or holds one that no release writes."""

    count: Number
    act: Place
    """Of the last of them."""


def _kinds(root: type[Act]) -> Iterator[type[Act]]:
    """Every kind below a root, in the order of this file."""
    below = root.__subclasses__()
    if not below:
        yield root
    for kind in below:
        yield from _kinds(kind)


KINDS: Mapping[str, type[Act]] = {str(kind.__struct_config__.tag): kind for kind in _kinds(Act)}
"""Made of what stands above, so that none is forgotten: `event` -> its struct."""


def of(event: object, line: Mapping[str, Any]) -> Act:
    """The act of a line, by the line's fields. Raises msgspec.ValidationError for what fits no kind."""
    kind = KINDS.get(event) if isinstance(event, str) else None
    if kind is None:
        raise ValidationError("of no kind that this release knows")
    return convert(line, kind)
