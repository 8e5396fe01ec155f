"""What is said over the local sockets: one JSON text a message, told apart by `type`.

The recorder and the keeper speak to the alarm process, which answers the recorder with the room's own effects; an
operator asks and is told. A message is a frozen value; what it cannot hold is refused where it comes in.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from daemon.model.events import EndReason, Forget, KeeperFault, Lease, Quiet, SetEnd, StartRecording
from hardware.ports import ClockState, PictureFigures, Track


class Said(msgspec.Struct, frozen=True, tag=True):
    """Root of the messages that are not effects of the room."""


class RecorderState(Said, frozen=True):
    """The recorder's first message, repeated whenever it changes."""

    tracks: tuple[Track, ...]
    recording_id: str | None = None
    until_ns: int = 0
    alarm: bool = False


class Started(Said, frozen=True):
    """The recorder opens a recording."""

    recording_id: str
    continues: str | None = None


class Ended(Said, frozen=True):
    """The recorder has closed a recording; nothing is written any more."""

    recording_id: str
    why: EndReason
    detail: str = ""
    lines: int = 0


class Head(Said, frozen=True):
    """The chain's head of a running recording, for a witness."""

    recording_id: str
    lines: int
    sha256: str


class RecorderHealth(Said, frozen=True):
    """What the recorder measures; figures only, no content (promise H1)."""

    ring_s: dict[Track, float]
    ring_bytes: int
    age_ms: dict[Track, int]
    """Milliseconds since the last frame of a track arrived."""
    gaps: dict[Track, int]
    devices: dict[Track, str]
    """`ok`, `closed` for privacy, or what is wrong with the device."""
    free_bytes: int
    level_dbfs: float | None = None
    """How loud it was in the last seconds (RMS, of full scale); -96: nought; null: nothing is heard."""
    peak_dbfs: float | None = None
    """The loudest sample of the same seconds."""
    drift_ppm: float | None = None
    """How much faster than the unit's clock the microphone's runs, in parts a million; null: not known yet."""
    sound: str = ""
    """What the microphone delivers, and its name; empty while it does not."""
    picture: PictureFigures | None = None
    """Of a recent picture; null while the camera delivers none."""
    keys: str = ""
    """Why no recording key can be made; empty while they can."""
    store: str = ""
    """Why the last recording could not be written on; empty when one could since, or has been closed."""
    full: str = ""
    """Why no conversation is recorded: what is free is kept for alarms; empty while there is room."""
    queue_max: int = 0
    lost: int = 0
    sealed_s: dict[Track, float] = {}
    """Seconds of each track that have been sealed since this recorder started, for a ring or a recording."""
    since_ns: int = 0
    """Boot time at which it started: what it counts is told from another recorder's by this."""


class Aim(Said, frozen=True):
    """To the recorder: somebody aims the camera; until then it says its blocks. A time that has passed ends it."""

    until_ns: int


class Blocks(Said, frozen=True):
    """What the camera sees now in 16 x 9 blocks, the upper row first, from left to right; no picture (promise H1)."""

    brightness_pct: tuple[int, ...]
    sharpness_pct: tuple[int | None, ...]


class Claps(Said, frozen=True):
    """While somebody aims: when sudden sounds began and when the image jumped, in boot time; nothing else of either."""

    heard_ns: tuple[int, ...]
    seen_ns: tuple[int, ...]


class KeeperState(Said, frozen=True):
    """What the keeper measures."""

    recordings: int
    store_bytes: dict[str, int]
    """What has been measured so far, by kind: `audio`, `video`, and `records` for everything beside the segments."""
    oldest_audio_h: float | None
    """Age of the oldest sound that is kept, in hours, as far as the unit can prove it; null: there is none."""
    oldest_video_h: float | None
    """The same of image."""
    next_expiry_s: int | None
    filled_pct: int = 0
    """How full the store's disk is."""
    unaccounted: int = 0
    """Files and directories that belong to nothing: by their names at any time, inside recordings by the last walk."""
    verified_h: float | None = None
    """Hours since the whole store was walked last; null: not yet."""
    holds: int = 0
    """Holds in force."""
    faults: dict[KeeperFault, str] = {}
    """What does not work, with what is wrong, for a person; what is not named works."""


class Receipt(Said, frozen=True):
    """A line of the keeper's audit log that the broker may witness."""

    line: dict[str, Any]
    head: str


class HoldDue(Said, frozen=True):
    """A hold whose review date has passed; told once a day until it is extended or released."""

    hold_id: str
    recording_id: str
    tracks: tuple[Track, ...]
    kind: str
    incident: str
    review: str
    overdue_d: int
    lapses_on: str | None
    """The day on which the policy ends it by itself; null: it does not."""


ActEvent = Literal[
    "alarm_raised", "alarm_repeated", "alarm_cancelled", "alarm_reset", "alarm_fault", "alarm_test", "objection_began",
    "objection_ended", "cover_began", "cover_ended", "cover_set", "cover_withdrawn", "camera_aimed", "ring_forgotten",
    "asked", "refused",
]  # fmt: skip
"""What the alarm process has to tell the audit log; it cannot make the keeper write anything else."""


class Act(msgspec.Struct, frozen=True):
    """Something that the alarm process did, for the audit log."""

    n: int
    """Its number in the alarm's journal, counted from 1 without a gap; 0 before it is there."""
    event: ActEvent
    wall_ns: int
    boot_ns: int
    boot_id: str
    clock: ClockState
    fields: dict[str, Any] = {}


class Acts(Said, frozen=True):
    """Acts in their order, for the keeper; they come again until it says that it has them."""

    journal: str
    """Which journal counts them: a new one begins anew."""
    acts: tuple[Act, ...]


class RingTime(Said, frozen=True):
    """How many seconds of each track a recorder has sealed since it started, for the keeper to count."""

    session: str
    """Which start of a recorder."""
    seconds: dict[Track, float]


class Audited(Said, frozen=True):
    """The keeper has every act of this journal up to this number in its log."""

    journal: str
    n: int


class Request(Said, frozen=True):
    """An operator asks."""

    verb: str
    args: dict[str, Any] = {}


class Reply(Said, frozen=True):
    """What an operator is told."""

    body: Any = None
    error: str = ""
    exit_code: int = 0
    """Of the error's kind, so that the command ends with it."""


Message = (
    StartRecording | SetEnd | Lease | Forget | Quiet
    | RecorderState | Started | Ended | Head | RecorderHealth
    | Aim | Blocks | Claps
    | KeeperState | Receipt | HoldDue
    | Acts | Audited | RingTime
    | Request | Reply
)  # fmt: skip
"""Everything that may cross a socket."""
