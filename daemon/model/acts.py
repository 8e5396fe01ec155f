# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The kinds of line in the audit log: one struct each, named as the line's `event`, with its fields in the log's order.

Invariant: within a kind no field changes its name, place or meaning, and none is removed. A field that an earlier
release did not write, or that only some lines have, has a default or is UNSET. docs/ref/audit-log.md and the JSON
Schema are drawn from this file.
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
from daemon.model.register import Incident, Measure, Purpose, Use
from daemon.model.retention import LateWhy
from daemon.model.signers import Why
from daemon.model.space import Level
from hardware.ports import Track

Number = Annotated[int, Meta(ge=0, le=2**53)]
Clocked = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""Range of a 64-bit clock in nanoseconds: every such moment is within some calendar's years."""
Year = Annotated[int, Meta(ge=1970, le=9999)]
DeletedBecause = Literal["term", "unreadable", "test", "policy"]
Trigger = Literal["conversation", "alarm", "test"]
"""Why a recording was made."""


class Act(Struct, frozen=True, tag_field="event", tag=lambda name: re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()):
    """Root of the kinds."""

    @property
    def event(self) -> str:
        """The kind's name in the log."""
        return str(self.__struct_config__.tag)


# --- deletions --------------------------------------------------------------------------------------------------------


class Deleting(Act, frozen=True, kw_only=True):
    """Before anything of a track is deleted."""

    recording_id: Id
    track: Track
    reason: DeletedBecause
    """`unreadable`: begin.json cannot be read, and the unit was on for the longest possible term (336 hours for sound,
    672 for image) since the log first knew of the recording. `test`: an engineer's test, inspected. `policy`: the
    policy in force has the track purged."""
    term_h: int
    """The term in begin.json."""
    due_wall_ns: int
    """When it became due."""
    late_s: Number
    """How long ago that was. Promise K1 is judged by it: within 60 s while the unit is powered."""
    late_why: LateWhy = ""
    """The reason, if that is more than a minute."""
    segments: Number
    bytes: Number
    chain_sha256: str
    """SHA-256 of the recording's chain.jsonl, so that a copy elsewhere can be compared with what was deleted here;
    empty if it could not be read."""


class Deleted(Act, frozen=True):
    """The receipt: the track is deleted."""

    recording_id: Id
    track: Track
    finished_later: bool
    """Begun by an earlier start, or by an earlier attempt that the disk refused."""
    left: Number = 0
    """Foreign files that were left alone."""
    last: bool | UnsetType = UNSET
    """The recording's records were deleted with it."""
    late_s: Number | UnsetType = UNSET
    """If it was finished later: how late it is by now, in place of `late_s` in `deleting`."""
    late_why: LateWhy | UnsetType = UNSET


class NotDeleted(Act, frozen=True):
    """A deletion that was begun is called off: it is not due, or a hold keeps the track."""

    recording_id: Id
    track: Track


class Unreadable(Act, frozen=True):
    """Sealed tracks were found whose begin.json cannot be read, or is not a unit's; once."""

    recording_id: Id
    tracks: tuple[Track, ...]


class Cleared(Act, frozen=True):
    """Before a directory is deleted that for ten minutes was empty, or had only the signature of a begin.json."""

    name: Id
    files: tuple[str, ...]


# --- the log itself ---------------------------------------------------------------------------------------------------


class Torn(Act, frozen=True):
    """A power cut or a full disk cut off a line. It stays; this line, or `unsigned` before it, carries its hash."""

    detail: str = ""


class Unsigned(Act, frozen=True):
    """At a start: these lines stood after the newest signed head. They have no effect, now or later."""

    first: Number
    """Number of the first line; cut off lines among them have one too."""
    lines: Number
    """How many."""


class Head(Act, frozen=True):
    """The log is signed: after deletions, after a custodian's act, and hourly if a line was added."""

    signature: str
    """An OpenSSH signature of all lines before this one: see below."""


class YearBegan(Act, frozen=True, kw_only=True):
    """The year of the lines that follow, by a believed UTC and in the policy's zone."""

    year: Year
    closed: Year | None
    """The year whose file ended with the head before this line: this one is the first of the next file. Null: the file
    goes on; its year was not known yet, or the clock had been ahead."""
    powered_ns: Clocked
    """Powered-on time counted before this boot, as in its `boot`: that line goes sooner."""
    offset_ns: Clocked
    """The believed UTC minus powered-on time."""
    signers: tuple[str, ...] | UnsetType = UNSET
    """With a new file: codes of those who may sign the policy, as a custodian confirmed last."""


class YearDeleted(Act, frozen=True, kw_only=True):
    """Before the file of a closed year is deleted, at the end of its term."""

    year: Year
    first: Number
    """Number of its first line."""
    lines: Number
    """Number of lines that the log had at its end."""
    head: Sha256
    """SHA-256 of its last line, which the next one carries."""
    term_y: Number
    """The term, as the policy has it."""
    report_sha256: Sha256
    """SHA-256 of the signed report of that year, which stays."""


# --- time -------------------------------------------------------------------------------------------------------------


class Boot(Act, frozen=True):
    """The keeper's first start in a boot."""

    powered_ns: Clocked
    """Powered-on time counted before it."""
    clean: bool
    """The boot before ended with a stop of the keeper."""


class Clock(Act, frozen=True):
    """A UTC is believed for the first time in a boot, or another than before; an empty store waits for a recording."""

    utc_ns: Clocked
    powered_ns: Clocked
    """Powered-on time at the same moment."""
    step_s: float | UnsetType = UNSET
    """Later in a boot: how far UTC moved."""
    off_s: float | UnsetType = UNSET
    """First in a boot: how long the unit was off, minus what the count lost at a power cut."""


class Adopted(Act, frozen=True):
    """Recordings were found of a boot that the log does not know."""

    of_boot: str
    """Boot id in a begin.json."""
    powered_ns: int
    """Powered-on time at its start."""
    offset_ns: int | None
    """Offset of UTC; null: not known."""
    believed: bool | UnsetType = UNSET
    """The log was lost, and the counter says that the unit itself believed that UTC."""


class Dated(Act, frozen=True):
    """A recording's own UTC was unsynchronised, or more than 60 s off."""

    recording_id: Id
    claimed_wall_ns: int
    """The UTC in its begin.json."""
    wall_ns: int
    exact: bool
    """Its own boot had a UTC; otherwise it was made then at the latest."""


# --- the store --------------------------------------------------------------------------------------------------------


class Policy(Act, frozen=True):
    """A new policy, or another set of its tracks, is in force."""

    name: str
    sha256: str
    in_force_from: str
    tracks: tuple[Track, ...]
    """Tracks that may be recorded."""
    zone: str | UnsetType = UNSET
    """The time zone of its days. An earlier release counted them in UTC."""
    criteria: str | UnsetType = UNSET
    """What counts as aggression or violence, as the policy has it; the next two as well."""
    criteria_by: str | UnsetType = UNSET
    """Who set them."""
    criteria_reviewed: str | UnsetType = UNSET
    """When they were looked at last."""
    holders: tuple[str, ...] | UnsetType = UNSET
    """Fingerprints of the public keys to which recordings are sealed. An earlier release did not say them."""
    signers: tuple[str, ...] | UnsetType = UNSET
    """Short codes of the keys that may sign the policy, where unit.toml names them."""
    signed_by: str | UnsetType = UNSET
    """Short code of the key that signed this one."""


class PolicyRefused(Act, frozen=True):
    """A policy file was found that none of those signed who may, or not as it is. Once per content and reason."""

    file: str
    sha256: Sha256
    """Of what stands there; of no bytes, if it cannot be read."""
    why: Why


class SignersConfirmed(Act, frozen=True):
    """A custodian confirms who may sign the policy, after it was changed in unit.toml."""

    signers: tuple[str, ...]
    """Short codes of their keys; none: the policy is no longer signed."""
    uid: int
    role: str


class RecordingBegan(Act, frozen=True):
    """A recording has appeared in the store. Written within seconds, once, even if the keeper was down then."""

    recording_id: Id
    trigger: Trigger
    tracks: tuple[Track, ...]
    policy_sha256: str
    continues: str | None
    """The recording that this one continues."""
    began_wall_ns: int


class RecordingEnded(Act, frozen=True):
    """A recording is closed."""

    recording_id: Id
    trigger: Trigger
    """Its final trigger."""
    why: str
    """This and the next three as in its end.json."""
    seconds: Mapping[Track, float]
    """Length of each track."""
    ended_wall_ns: int
    ended_boot_id: str = ""
    ended_boot_ns: int = 0


class RecordingMissing(Act, frozen=True):
    """The log has its beginning and no receipt, and the store no longer has it; once."""

    recording_id: Id
    tracks: tuple[Track, ...]
    hold_id: Id | None
    """The hold that names it."""


class RecordingReturned(Act, frozen=True):
    """A missing recording is back."""

    recording_id: Id


class RecordingTested(Act, frozen=True):
    """An engineer's test recording was closed and inspected."""

    recording_id: Id
    files: Number
    bytes: Number
    findings: tuple[str, ...]
    """Empty: it is deleted at once, with the reason `test`; otherwise at its term."""


class RingTime(Act, frozen=True):
    """At the end of a day and at a stop, if any: seconds sealed since the last line of this kind."""

    audio_s: float | UnsetType = UNSET
    """For the ring or a recording."""
    video_s: float | UnsetType = UNSET
    session: str = ""
    """Which start of a recorder."""
    counted_s: Mapping[Track, float] = {}
    """How far that recorder's count has been logged."""


class Filling(Act, frozen=True):
    """The store's disk passes 70, 85 or 95 %, or falls two percent below."""

    level: Level
    """The new level; 0: below the first."""
    percent: Number
    free_bytes: Number


class Verified(Act, frozen=True):
    """The store has been inspected, daily or on request."""

    recordings: Number
    files: Number
    bytes: Number
    faults: Number
    named: tuple[str, ...]
    """Paths of the first twenty findings."""


# --- holds ------------------------------------------------------------------------------------------------------------


class WholeHold(Act, Hold, frozen=True):
    """All of a hold."""

    finished_later: bool = False
    """The log was lost or is broken, and the file was there."""

    @classmethod
    def of(cls, hold: Hold, *, finished_later: bool = False) -> Self:
        """The line of a hold."""
        return cls(*astuple(hold), finished_later)  # type: ignore[call-arg]  # the fields of a hold, and one more

    def hold(self) -> Hold:
        """The hold in a line."""
        return Hold(*astuple(self)[:-1])


class HoldPlaced(WholeHold, frozen=True):
    """A hold is active from this line on."""


class HoldExtended(WholeHold, frozen=True):
    """A hold has a new review date; `revision` is one higher."""


class HoldUnreadable(Act, frozen=True):
    """A hold's file cannot be read, and the log was lost or is broken: everything is kept."""

    hold_id: str


class AboutHold(Act, frozen=True):
    """Fields of a hold."""

    hold_id: Id
    recording_id: Id
    tracks: tuple[Track, ...]
    kind: Kind


class HoldRestored(AboutHold, frozen=True):
    """A hold's file was missing and nobody had released it: it has been restored from this log."""


class HoldReviewDue(AboutHold, frozen=True):
    """A hold's review date has passed; once per revision."""

    review: str
    revision: Number


class HoldReleasing(Act, frozen=True):
    """Before a hold's file is deleted: by a person, or by the policy."""

    hold_id: str
    recording_id: Id | UnsetType = UNSET
    tracks: tuple[Track, ...] | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    unreadable: str | UnsetType = UNSET
    """Why the file could not be read, if so."""
    on_behalf_of: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    uid: int | UnsetType = UNSET
    role: str | UnsetType = UNSET
    lapsed: bool | UnsetType = UNSET
    """The policy ends it."""


class HoldReleased(Act, frozen=True):
    """A hold's file is deleted."""

    hold_id: str
    recording_id: Id | UnsetType = UNSET
    tracks: tuple[Track, ...] | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    parts: tuple[str, ...] | UnsetType = UNSET
    """The recordings that it kept, as their begin.json refer to each other."""
    finished_later: bool = False


# --- holders' keys ----------------------------------------------------------------------------------------------------


class HolderKey(Act, frozen=True):
    """The key that an act is about. No names."""

    holder_role: str
    label: str
    recipient: str


class HolderAsked(HolderKey, frozen=True):
    """Before a sealed word is sent, one line per holder."""

    word_sha256: Sha256
    """SHA-256 of the answer, a hundred random bits."""
    powered_ns: int
    """Time, as the next field."""
    utc_ns: int | None
    """Null: UTC was not known."""
    uid: int
    role: str


class HolderProven(HolderKey, frozen=True):
    """A holder's answer was correct."""

    word_sha256: Sha256
    uid: int
    """The user who submitted it."""
    role: str


class HolderLost(HolderKey, frozen=True):
    """A key has been reported lost."""

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
    """SHA-256 of its SHA256SUMS."""
    holds: tuple[Id, ...]
    """Active holds on it."""
    same_disk: str | None = None
    """Why the copy stays on the unit; null: it does not."""
    uid: int
    role: str
    purpose: Purpose | UnsetType = UNSET
    """What it is for. Earlier releases did not insist on this and the next two."""
    number: str | UnsetType = UNSET
    """The incident's, the report's or the request's."""
    on_behalf_of: str | UnsetType = UNSET
    slip_keys: tuple[str, ...] | UnsetType = UNSET
    """Public keys of the slips that whoever opens it can sign; none in a recording of an earlier release."""


class CopyUsed(Act, frozen=True):
    """What became of a copy: a custodian reports it, or somebody brings the slip of whoever opened it."""

    recording_id: Id
    use: Use
    """`accessed`: a resident saw or heard it."""
    purpose: Purpose
    number: str
    """The incident's, the report's or the request's."""
    on_behalf_of: str
    uid: int
    role: str
    slip_sha256: str | UnsetType = UNSET
    """SHA-256 of the text of its slip, if one was brought: whoever opened the copy signed it, and it counts once."""
    opened_at: str | UnsetType = UNSET
    """When it was opened, in UTC by the clock of that computer; from the slip."""


class IncidentClosed(Act, frozen=True):
    """A custodian says what an alarm was; the newest line of an alarm counts."""

    alarm_id: str
    kind: Incident
    measures: tuple[Measure, ...]
    police_report: str | None
    """The number of the report of a crime; null: none was made."""
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
    """A button's fault begins or ends."""


class AlarmTest(AlarmAct, frozen=True):
    """A test alarm."""


class ObjectionBegan(OfAlarm, frozen=True):
    """Staff note an objection."""

    why: Literal["asked", "time", "alarm", "call"]


class ObjectionEnded(OfAlarm, frozen=True):
    """The objection is over."""

    why: Literal["asked", "time", "alarm", "call"]
    """`time`: the policy's seconds have gone by. `alarm`: the policy lets an alarm be recorded. `call`: at a
    desk the call is over."""


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
    """An operator withdraws a covered window."""


class Asked(OfAlarm, frozen=True):
    """An operator's request that changes the room."""

    verb: str
    uid: int
    role: str


class Uses(OfAlarm, frozen=True):
    """Conversations that ended since the last line of this kind, at most once an hour, by the in-use contact."""

    uses: Number
    recorded: Number
    """Of these, something was."""
    alarms: Number
    """Of these, in which an alarm was open."""


class RingForgotten(OfAlarm, frozen=True):
    """An operator drops the ring."""

    by: str


class CameraAimed(OfAlarm, frozen=True):
    """An operator aims the camera."""

    seconds: Number
    by: str


class Refused(OfAlarm, frozen=True):
    """A request of somebody whose groups do not allow it, to the alarm process or the keeper."""

    uid: int
    verb: str
    """After sixteen kinds `others`, with uid -1."""
    count: Number
    """1 for the first of a kind in a day; at the end of the day, how many followed. At most 34 lines a day."""


class Place(Struct, frozen=True):
    """An act's place in the alarm's journal."""

    journal: Name
    """A new card begins a new journal."""
    n: Ns
    """Consecutive; the log has each number once."""


class ActsLost(Act, frozen=True):
    """The journal dropped acts that the keeper never had, or holds one that no release writes."""

    count: Number
    act: Place
    """The last of them."""


def _kinds(root: type[Act]) -> Iterator[type[Act]]:
    """Every kind below a root, in the order of this file."""
    below = root.__subclasses__()
    if not below:
        yield root
    for kind in below:
        yield from _kinds(kind)


KINDS: Mapping[str, type[Act]] = {str(kind.__struct_config__.tag): kind for kind in _kinds(Act)}
"""From the classes above: `event` -> its struct."""


def of(event: object, line: Mapping[str, Any]) -> Act:
    """The act of a line, from the line's fields. Raises msgspec.ValidationError if it fits no kind."""
    kind = KINDS.get(event) if isinstance(event, str) else None
    if kind is None:
        raise ValidationError("of no kind that this release knows")
    return convert(line, kind)
