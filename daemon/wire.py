# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The messages on the local sockets: one JSON text each, told apart by `type`.

The recorder and the keeper speak to the alarm process, which answers the recorder with effects of the room; an operator
asks and gets a reply. A message is a frozen value; anything out of its bounds is refused on receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from daemon.model.bounds import (
    LONG_MAX,
    TEXT_MAX,
    Count,
    Figure,
    Id,
    Long,
    Name,
    Ns,
    Sha256,
    SideName,
    Text,
    line,
    plain,
)
from daemon.model.events import EndReason, Forget, Lease, Quiet, SetEnd, StartRecording
from daemon.model.faults import KeeperFault
from daemon.model.holds import Kind
from daemon.model.sound import Side
from hardware.ports import ClockState, PictureFigures, Track

Tracks = Annotated[tuple[Track, ...], Meta(max_length=2)]
BLOCKS = 16 * 9
CLAPS_MAX = 50
"""Sudden sounds, or jumps of the image, in one message, which covers a tenth of a second."""
ACTS_MAX = 25
"""Acts in one message: none is over 2 kB."""


class Said(msgspec.Struct, frozen=True, tag=True):
    """Root of the messages that are not effects of the room.

    Texts for a person are made fit for a terminal, and cut to their bounds, when a message is made, on either side.
    """

    # Fields with such texts, or a dictionary of them, and their maximum length.
    TEXTS: ClassVar[Mapping[str, int]] = {}

    def __post_init__(self) -> None:
        """Called when a message is made and when it has been read."""
        for name, longest in self.TEXTS.items():
            value = getattr(self, name)
            fit = {k: line(v, longest) for k, v in value.items()} if isinstance(value, dict) else line(value, longest)
            if fit != value:
                msgspec.structs.force_setattr(self, name, fit)


def _plain(message: msgspec.Struct, name: str) -> None:
    """Make the texts in a free field fit for a terminal. Raises ValueError if it is nested too deeply."""
    value = getattr(message, name)
    fit = plain(value)
    if fit != value:
        msgspec.structs.force_setattr(message, name, fit)


class RecorderState(Said, frozen=True):
    """The recorder's first message, repeated whenever it changes: delivering tracks and the open recording."""

    tracks: Tracks
    recording_id: Id | None = None
    until_ns: Ns = 0
    alarm: bool = False


class Started(Said, frozen=True):
    """A recording is open, and the ring's items are on the disk."""

    recording_id: Id
    continues: Id | None = None


class Ended(Said, frozen=True):
    """The recorder has closed a recording, or refused one; nothing is written any more."""

    TEXTS = {"detail": TEXT_MAX}
    recording_id: Id
    why: EndReason
    detail: Text = ""
    lines: Count = 0
    head: Sha256 | None = None
    """The chain's last head, for a witness; null: nothing was written, or the disk refused."""


class Head(Said, frozen=True):
    """The chain's head of the open recording, each minute, for a witness."""

    recording_id: Id
    lines: Count
    sha256: Sha256


class RecorderHealth(Said, frozen=True):
    """The recorder's measurements, every 5 s; figures only, no content (promise H1)."""

    TEXTS = dict.fromkeys(("devices", "sound", "keys", "store", "full"), TEXT_MAX)
    ring_s: dict[Track, Figure]
    ring_bytes: Count
    age_ms: dict[Track, Count]
    """Milliseconds since a track's last frame arrived."""
    gaps: dict[Track, Count]
    devices: dict[Track, Text]
    """`ok`, `closed` for privacy, or what is wrong with the device."""
    free_bytes: Count
    level_dbfs: Figure | None = None
    """Level of the last seconds (RMS, relative to full scale); -96: digital silence; null: no sound."""
    peak_dbfs: Figure | None = None
    """The highest sample of the same seconds."""
    drift_ppm: Figure | None = None
    """How much faster the microphone's clock runs than the unit's, in parts per million; null: not known yet."""
    sound: Text = ""
    """The microphone's format and name; empty while it delivers nothing."""
    picture: PictureFigures | None = None
    """Figures of a recent picture; null while the camera delivers none."""
    keys: Text = ""
    """Why no recording key can be made; empty: they can."""
    store: Text = ""
    """Why the last recording could not be written; empty once one could, or has been closed."""
    full: Text = ""
    """Why no conversation is recorded: the free space is kept for alarms; empty: there is enough."""
    queue_max: Count = 0
    lost: Count = 0
    sealed_s: dict[Track, Figure] = {}
    """Seconds of each track sealed since this recorder started, for the ring or a recording."""
    since_ns: Ns = 0
    """Boot time at which it started: this tells its counts from another recorder's."""
    sides: Annotated[dict[SideName, Side], Meta(max_length=2)] = {}
    """The sides of a call, where the channels have names; empty: they have none."""


class Use(Said, frozen=True):
    """To the recorder: a use begins (true) or is over (false), or nobody knows (null)."""

    in_use: bool | None


class Aim(Said, frozen=True):
    """To the recorder: send the blocks until this time, for an engineer who aims. A time in the past ends it."""

    until_ns: Ns


class Blocks(Said, frozen=True):
    """The camera's view in 16 x 9 blocks, the upper row first, from left to right; not a picture (promise H1).

    Once a second while it is aimed.
    """

    brightness_pct: Annotated[tuple[Count, ...], Meta(max_length=BLOCKS)]
    sharpness_pct: Annotated[tuple[Count | None, ...], Meta(max_length=BLOCKS)]


class Claps(Said, frozen=True):
    """While aiming: boot times at which sudden sounds began and the image jumped; nothing else of either."""

    heard_ns: Annotated[tuple[Ns, ...], Meta(max_length=CLAPS_MAX)]
    seen_ns: Annotated[tuple[Ns, ...], Meta(max_length=CLAPS_MAX)]


class KeeperState(Said, frozen=True):
    """The keeper's measurements, every 15 s and after a deletion."""

    TEXTS = {"faults": LONG_MAX}
    recordings: Count
    store_bytes: Annotated[dict[Name, Count], Meta(max_length=8)]
    """Bytes measured so far, by kind: `audio`, `video`, and `records` for everything besides the segments."""
    oldest_audio_h: Figure | None
    """Age of the oldest sound that is kept, in hours, as far as the unit can prove it; null: there is none."""
    oldest_video_h: Figure | None
    """The same for image."""
    next_expiry_s: Count | None
    filled_pct: Count = 0
    """How full the store's disk is."""
    unaccounted: Count = 0
    """Files and directories that belong to nothing: by name at any time, inside recordings by the last inspection."""
    verified_h: Figure | None = None
    """Hours since the last inspection of the whole store; null: not yet."""
    holds: Count = 0
    """Active holds."""
    faults: dict[KeeperFault, Long] = {}
    """Active faults, with what is wrong, for a person."""


class Receipt(Said, frozen=True):
    """A line of the keeper's audit log that may be published for a witness."""

    line: dict[str, Any]
    head: Sha256

    def __post_init__(self) -> None:
        """Leave the line unchanged, because the head is its hash; refuse one that is nested too deeply."""
        plain(self.line)


class HoldDue(Said, frozen=True):
    """A hold whose review date has passed; sent once a day until it is extended or released."""

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
"""Nanoseconds; negative before this boot, or before 1970."""


class Act(msgspec.Struct, frozen=True):
    """Something the alarm process did, for the audit log. One that is no `OfAlarm` of `model/acts.py` gets no line."""

    n: Ns
    """Its number in the alarm's journal, consecutive from 1; 0: not there yet."""
    event: Name
    """Its kind."""
    wall_ns: Moment
    boot_ns: Moment
    boot_id: Name
    clock: ClockState
    fields: Annotated[dict[str, Any], Meta(max_length=32)] = {}
    """The fields of its kind."""

    def __post_init__(self) -> None:
        """As of `Said`."""
        _plain(self, "fields")


class Acts(Said, frozen=True):
    """Acts in order, for the keeper's log; sent again after 30 s without an answer, and to a new keeper."""

    journal: Name
    """The journal that numbers them: a new one starts again."""
    acts: Annotated[tuple[Act, ...], Meta(max_length=ACTS_MAX)]


class RingTime(Said, frozen=True):
    """Seconds of each track that a recorder has sealed since it started, for the keeper to count."""

    session: Annotated[str, Meta(max_length=100)]
    """Which start of a recorder."""
    seconds: dict[Track, Figure]


class Audited(Said, frozen=True):
    """The keeper has every act of this journal up to this number in its log."""

    journal: Name
    n: Ns


class Request(Said, frozen=True):
    """An operator's question."""

    verb: Name
    args: dict[str, Any] = {}

    def __post_init__(self) -> None:
        """As of `Said`."""
        _plain(self, "args")


class Reply(Said, frozen=True):
    """The answer to an operator."""

    body: Any = None
    error: str = ""
    exit_code: Count = 0
    """Exit code of the error's kind, for the command."""

    def __post_init__(self) -> None:
        """As of `Said`."""
        _plain(self, "body")
        _plain(self, "error")


Message = (
    StartRecording | SetEnd | Lease | Forget | Quiet
    | RecorderState | Started | Ended | Head | RecorderHealth
    | Use | Aim | Blocks | Claps
    | KeeperState | Receipt | HoldDue
    | Acts | Audited | RingTime
    | Request | Reply
)  # fmt: skip
"""Everything that may cross a socket."""
