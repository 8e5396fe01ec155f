# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The seam to the outside world: what a driver must do, may do, on which thread, in which unit.

Invariant: times are nanoseconds of the unit's boot clock (CLOCK_BOOTTIME) unless the name says `wall`. A driver calls
its sink from its own thread; a sink only enqueues, and never raises. A driver never raises into a foreign library's
thread either: an error there reaches the sink as a `DeviceLost`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal, Protocol

import msgspec
from msgspec import Meta

ClockState = Literal["synchronised", "unsynchronised"]
Track = Literal["audio", "video"]


class ClockReading(msgspec.Struct, frozen=True):
    """Both clocks, read together."""

    boot_ns: int
    """Nanoseconds since boot, including suspend; never steps."""
    wall_ns: int
    """UTC nanoseconds since 1970; may be wrong, may step."""
    state: ClockState
    """Whether the operating system considers the wall clock synchronised."""


class Clock(Protocol):
    """Time is a device: ask the clock you were given. Any thread."""

    def boot_ns(self) -> int:
        """Nanoseconds since boot."""

    def read(self) -> ClockReading:
        """Both clocks at one moment (within 1 ms of each other)."""

    def boot_id(self) -> str:
        """Identity of this boot: boot times can be compared only within one."""


class Edge(msgspec.Struct, frozen=True):
    """One raw change of one button line, bounce included."""

    button: str
    active: bool
    """True if the line changed to the pressed level, by its wiring."""
    at_ns: int
    """Boot time of the edge itself, not of the callback."""


class Buttons(Protocol):
    """All button lines of a room. It delivers raw edges; debouncing is not a driver's task."""

    def start(self, sink: Callable[[Edge], None]) -> Mapping[str, bool]:
        """Begin to deliver edges in the driver's thread; return each line's level now: active or not.

        A line that is already active is in the result and gives no edge (gpiozero does not report it). Raises
        DeviceError if a line cannot be claimed.
        """

    def active(self, button: str) -> bool:
        """The line's level now. Any thread."""

    @property
    def failures(self) -> int:
        """Edges lost between the line and the sink, which is a bug. Any thread."""

    def alive(self) -> bool:
        """Whether edges can still come. False: the driver's thread has ended; only a new process brings it back."""

    def close(self) -> None:
        """Release the lines. No edge is delivered after the return."""


class Lamps(Protocol):
    """All outputs of a room: lamps, beeper, relay. Off when claimed (start value) and when released (safe value)."""

    def set(self, lamp: str, *, lit: bool) -> None:
        """Drive a lamp. Raises DeviceError if the line does not follow. The owner's thread only."""

    def lit(self, lamp: str) -> bool:
        """The actual level of the line, read back from the pin."""

    def close(self) -> None:
        """Drive every lamp to its safe value and release the lines."""


class DeviceLost(msgspec.Struct, frozen=True):
    """A camera or microphone has stopped delivering: the last message to its sink until it is started again."""

    track: Track
    reason: str
    """For a person: what happened, in a few words."""
    at_ns: int


class VideoPacket(msgspec.Struct, frozen=True):
    """One encoded picture: H.264 in Annex B form, parameter sets repeated before each key frame, no B-frames."""

    data: bytes
    pts_ns: int
    """Boot time at which the sensor took the picture."""
    key: bool


class VideoFormat(msgspec.Struct, frozen=True):
    """A camera's format, read back after configuring it."""

    width: int
    height: int
    fps: float
    bitrate_bps: int
    lacks: tuple[str, ...] = ()
    """Requested settings that this camera does not have, by their names in unit.toml."""


class ImageSettings(msgspec.Struct, frozen=True):
    """A room's picture settings; a camera that lacks one reports it, and does without."""

    flip: Literal["none", "horizontal", "vertical", "both"] = "none"
    flicker_hz: Literal[0, 50, 60] = 50
    """Frequency of the mains: lamps flicker at twice this. 0: leave it to the camera."""
    metering: Literal["centre", "spot", "whole"] = "centre"
    exposure_ev: float = 0.0
    """Stops: 1 is twice as bright."""
    hdr: bool = False
    focus_m: float | None = None
    """Distance to the faces; None: the lens stays as it is."""


class PictureFigures(msgspec.Struct, frozen=True):
    """Quality of a camera's picture; no content can be derived from it."""

    at_ns: Annotated[int, Meta(ge=0, le=2**62)]
    """Boot time of the evaluated picture."""
    brightness_pct: Annotated[float, Meta(ge=0, le=1000)]
    """Mean of the picture: 0 black, 100 white."""
    sharpness_pct: Annotated[int, Meta(ge=0, le=1_000_000)] | None
    """About 100: as sharp as a photograph of that size; 18 to 25: only smears; None: nothing to judge by."""
    still_s: Annotated[float, Meta(ge=0, le=1e12)]
    """How long no evaluated pixel has changed: sensor noise changes all of them."""


BLOCK_COLUMNS, BLOCK_ROWS = 16, 9


class PictureBlocks(msgspec.Struct, frozen=True):
    """The same by 16 x 9 blocks, the upper row first, from left to right: to aim by, not to recognise anybody."""

    at_ns: int
    brightness_pct: tuple[int, ...]
    sharpness_pct: tuple[int | None, ...]


class Camera(Protocol):
    """Encoded pictures with the sensor's time, a key frame at least every second."""

    def start(self, sink: Callable[[VideoPacket | DeviceLost], None]) -> VideoFormat:
        """Open the device and begin to deliver. Raises DeviceError if it is not there.

        The sink runs in the camera's thread with the camera's lock held: it may not call the camera or use a file.
        """

    def stop(self) -> None:
        """Close the device; no packet is delivered after the return.

        Raises HangError if the device's library hangs: then only the end of the process frees it.
        """

    def figures(self) -> PictureFigures | None:
        """Figures of a recent picture, once a second; None before the first and after `stop`. Any thread."""

    def blocks(self) -> PictureBlocks | None:
        """The same picture by blocks. Any thread."""


class PcmBlock(msgspec.Struct, frozen=True):
    """Sound from the converter: signed 16-bit little-endian, interleaved."""

    data: bytes
    frames: int
    """Samples per channel in `data`."""
    pts_ns: int
    """Boot time of the first sample."""
    overflow: bool
    """True if samples were lost between the previous block and this one."""
    stamped: bool = True
    """False: the converter gave no time, and `pts_ns` is from the block's arrival, which is late on a busy machine."""


class AudioFormat(msgspec.Struct, frozen=True):
    """A microphone's format, after negotiation."""

    rate_hz: int
    channels: int
    device: str = ""
    """The system's name of the device."""


class Microphone(Protocol):
    """Blocks of sound with the time of their first sample."""

    def start(self, sink: Callable[[PcmBlock | DeviceLost], None]) -> AudioFormat:
        """Open the device and begin to deliver. Raises DeviceError if it is not there.

        Returns the requested format if the device supports it, else the one in use.
        """

    def stop(self) -> None:
        """Close the device; no block is delivered after the return. Raises HangError as a camera does."""


class DiskSpace(msgspec.Struct, frozen=True):
    """Size of the store's file system."""

    total_bytes: int
    free_bytes: int
    """What an unprivileged process may still write."""
    used_bytes: int
    """Bytes used by files, anybody's."""


class Disk(Protocol):
    """The file system that holds the recordings."""

    def space(self) -> DiskSpace:
        """Total and free bytes. Raises DeviceError if the directory cannot be queried."""
