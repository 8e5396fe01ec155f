# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What is said over the local sockets: one JSON text a message, told apart by `type`.

The recorder and the keeper speak to the alarm process, which answers the recorder with the room's own effects; an
operator asks and is told. A message is a frozen value; what it cannot hold is refused where it comes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from daemon.model.bounds import LONG_MAX, TEXT_MAX, Count, Figure, Id, Long, Name, Ns, Sha256, Text, line, plain
from daemon.model.events import EndReason, Forget, Lease, Quiet, SetEnd, StartRecording
from daemon.model.faults import KeeperFault
from daemon.model.holds import Kind
from hardware.ports import ClockState, PictureFigures, Track

Tracks = Annotated[tuple[Track, ...], Meta(max_length=2)]
BLOCKS = 16 * 9
CLAPS_MAX = 50
"""Sudden sounds, or jumps of the image, in one message: a tenth of a second's."""
ACTS_MAX = 25
"""Acts in one message: none is over 2 kB."""


class Said(msgspec.Struct, frozen=True, tag=True):
    """Root of the messages that are not effects of the room.

    Texts for a person are made fit for a terminal and for their bounds when a message is made, on either side.
    """

    # Fields that hold such texts, or a dictionary of them, and how long they may be.
    TEXTS: ClassVar[Mapping[str, int]] = {}

    def __post_init__(self) -> None:
        """Runs when a message is made and when it has been read."""
        for name, longest in self.TEXTS.items():
            value = getattr(self, name)
            fit = {k: line(v, longest) for k, v in value.items()} if isinstance(value, dict) else line(value, longest)
            if fit != value:
                msgspec.structs.force_setattr(self, name, fit)


def _plain(message: msgspec.Struct, name: str) -> None:
    """Makes the texts in a free field fit for a terminal. Raises ValueError when it is nested too deep."""
    value = getattr(message, name)
    fit = plain(value)
    if fit != value:
        msgspec.structs.force_setattr(message, name, fit)


class RecorderState(Said, frozen=True):
    """The recorder's first message, repeated whenever it changes: the tracks that deliver, and what is open."""

    tracks: Tracks
    recording_id: Id | None = None
    until_ns: Ns = 0
    alarm: bool = False


class Started(Said, frozen=True):
    """A recording is open, and what the ring held is on the disk."""

    recording_id: Id
    continues: Id | None = None


class Ended(Said, frozen=True):
    """The recorder has closed a recording, or refused one; nothing is written any more."""

    TEXTS = {"detail": TEXT_MAX}
    recording_id: Id
    why: EndReason
    detail: Text = ""
    lines: Count = 0


class Head(Said, frozen=True):
    """The chain's head of a running recording, each minute, for a witness."""

    recording_id: Id
    lines: Count
    sha256: Sha256


class RecorderHealth(Said, frozen=True):
    """What the recorder measures, every 5 s; figures only, no content (promise H1)."""

    TEXTS = dict.fromkeys(("devices", "sound", "keys", "store", "full"), TEXT_MAX)
    ring_s: dict[Track, Figure]
    ring_bytes: Count
    age_ms: dict[Track, Count]
    """Milliseconds since the last frame of a track arrived."""
    gaps: dict[Track, Count]
    devices: dict[Track, Text]
    """`ok`, `closed` for privacy, or what is wrong with the device."""
    free_bytes: Count
    level_dbfs: Figure | None = None
    """How loud it was in the last seconds (RMS, of full scale); -96: nought; null: nothing is heard."""
    peak_dbfs: Figure | None = None
    """The loudest sample of the same seconds."""
    drift_ppm: Figure | None = None
    """How much faster than the unit's clock the microphone's runs, in parts a million; null: not known yet."""
    sound: Text = ""
    """What the microphone delivers, and its name; empty while it does not."""
    picture: PictureFigures | None = None
    """Of a recent picture; null while the camera delivers none."""
    keys: Text = ""
    """Why no recording key can be made; empty while they can."""
    store: Text = ""
    """Why the last recording could not be written on; empty when one could since, or has been closed."""
    full: Text = ""
    """Why no conversation is recorded: what is free is kept for alarms; empty while there is room."""
    queue_max: Count = 0
    lost: Count = 0
    sealed_s: dict[Track, Figure] = {}
    """Seconds of each track that have been sealed since this recorder started, for a ring or a recording."""
    since_ns: Ns = 0
    """Boot time at which it started: what it counts is told from another recorder's by this."""


class Aim(Said, frozen=True):
    """To the recorder: somebody aims the camera; until then it says its blocks. A time that has passed ends it."""

    until_ns: Ns


class Blocks(Said, frozen=True):
    """What the camera sees in 16 x 9 blocks, the upper row first, from left to right; no picture (promise H1).

    Once a second while it is aimed.
    """

    brightness_pct: Annotated[tuple[Count, ...], Meta(max_length=BLOCKS)]
    sharpness_pct: Annotated[tuple[Count | None, ...], Meta(max_length=BLOCKS)]


class Claps(Said, frozen=True):
    """While somebody aims: when sudden sounds began and when the image jumped, in boot time; nothing else of either."""

    heard_ns: Annotated[tuple[Ns, ...], Meta(max_length=CLAPS_MAX)]
    seen_ns: Annotated[tuple[Ns, ...], Meta(max_length=CLAPS_MAX)]


class KeeperState(Said, frozen=True):
    """What the keeper measures, every 15 s and after a deletion."""

    TEXTS = {"faults": LONG_MAX}
    recordings: Count
    store_bytes: Annotated[dict[Name, Count], Meta(max_length=8)]
    """What has been measured so far, by kind: `audio`, `video`, and `records` for everything beside the segments."""
    oldest_audio_h: Figure | None
    """Age of the oldest sound that is kept, in hours, as far as the unit can prove it; null: there is none."""
    oldest_video_h: Figure | None
    """The same of image."""
    next_expiry_s: Count | None
    filled_pct: Count = 0
    """How full the store's disk is."""
    unaccounted: Count = 0
    """Files and directories that belong to nothing: by their names at any time, inside recordings by the last walk."""
    verified_h: Figure | None = None
    """Hours since the whole store was walked last; null: not yet."""
    holds: Count = 0
    """Holds in force."""
    faults: dict[KeeperFault, Long] = {}
    """What does not work, with what is wrong, for a person; what is not named works."""


class Receipt(Said, frozen=True):
    """A line of the keeper's audit log that the broker may witness."""

    line: dict[str, Any]
    head: Sha256

    def __post_init__(self) -> None:
        """The line stays as it is, because the head is its hash; one that is nested too deep is refused."""
        plain(self.line)


class HoldDue(Said, frozen=True):
    """A hold whose review date has passed; told once a day until it is extended or released."""

    TEXTS = {"incident": TEXT_MAX}
    hold_id: Id
    recording_id: Id
    tracks: Tracks
    kind: Kind
    incident: Text
    review: Name
    overdue_d: Count
    lapses_on: Name | None
    """The day on which the policy ends it by itself; null: it does not."""


Moment = Annotated[int, Meta(ge=-(2**62), le=2**62)]
"""Nanoseconds; before this boot, or before 1970, is less than nought."""


class Act(msgspec.Struct, frozen=True):
    """Something that the alarm process did, for the audit log; what is no `OfAlarm` of `model/acts.py` has no line."""

    n: Ns
    """Its number in the alarm's journal, counted from 1 without a gap; 0 before it is there."""
    event: Name
    """Its kind."""
    wall_ns: Moment
    boot_ns: Moment
    boot_id: Name
    clock: ClockState
    fields: Annotated[dict[str, Any], Meta(max_length=32)] = {}
    """The kind's own."""

    def __post_init__(self) -> None:
        """As of `Said`."""
        _plain(self, "fields")


class Acts(Said, frozen=True):
    """Acts in their order, for the keeper's log: again after 30 s without an answer, and to a keeper that comes."""

    journal: Name
    """Which journal counts them: a new one begins anew."""
    acts: Annotated[tuple[Act, ...], Meta(max_length=ACTS_MAX)]


class RingTime(Said, frozen=True):
    """How many seconds of each track a recorder has sealed since it started, for the keeper to count."""

    session: Annotated[str, Meta(max_length=100)]
    """Which start of a recorder."""
    seconds: dict[Track, Figure]


class Audited(Said, frozen=True):
    """The keeper has every act of this journal up to this number in its log."""

    journal: Name
    n: Ns


class Request(Said, frozen=True):
    """An operator asks."""

    verb: Name
    args: dict[str, Any] = {}

    def __post_init__(self) -> None:
        """As of `Said`."""
        _plain(self, "args")


class Reply(Said, frozen=True):
    """What an operator is told."""

    body: Any = None
    error: str = ""
    exit_code: Count = 0
    """Of the error's kind, so that the command ends with it."""

    def __post_init__(self) -> None:
        """As of `Said`."""
        _plain(self, "body")
        _plain(self, "error")


Message = (
    StartRecording | SetEnd | Lease | Forget | Quiet
    | RecorderState | Started | Ended | Head | RecorderHealth
    | Aim | Blocks | Claps
    | KeeperState | Receipt | HoldDue
    | Acts | Audited | RingTime
    | Request | Reply
)  # fmt: skip
"""Everything that may cross a socket."""
