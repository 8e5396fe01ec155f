# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The seam to the outside world: what a driver must do, may do, on which thread, in which unit.

The law here: times are nanoseconds of the unit's boot clock (CLOCK_BOOTTIME) unless the name says `wall`.
A driver calls its sink from a thread of its own; a sink does one thing, it enqueues, and never raises. A driver
never raises into a foreign library's thread either: what goes wrong there reaches the sink as a `DeviceLost`.
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
    """Nanoseconds since boot, suspend included; never steps."""
    wall_ns: int
    """UTC nanoseconds since 1970; may be wrong, may step."""
    state: ClockState
    """Whether the operating system says that the wall clock follows a reference."""


class Clock(Protocol):
    """Time is a device: ask the one you were given. Any thread."""

    def boot_ns(self) -> int:
        """Nanoseconds since boot."""

    def read(self) -> ClockReading:
        """Both clocks at one moment (within 1 ms of each other)."""

    def boot_id(self) -> str:
        """Identity of this boot: two boot times compare only under the same one."""


class Edge(msgspec.Struct, frozen=True):
    """One raw change of one button line, bounce included."""

    button: str
    active: bool
    """True when the line changed to what the wiring calls pressed."""
    at_ns: int
    """Boot time of the edge itself, not of the callback."""


class Buttons(Protocol):
    """All button lines of a room. Raw edges come out; debouncing is not a driver's work."""

    def start(self, sink: Callable[[Edge], None]) -> Mapping[str, bool]:
        """Begins to deliver edges on the driver's thread and returns each line's level now: active or not.

        A line that is active already is in the result and gives no edge (gpiozero stays silent about it).
        Raises DeviceError when a line cannot be claimed.
        """

    def active(self, button: str) -> bool:
        """The line's level now. Any thread."""

    @property
    def failures(self) -> int:
        """Edges that were lost between the line and the sink, which is a bug. Any thread."""

    def alive(self) -> bool:
        """Whether edges can still come. False when the driver's thread has ended: only a new process brings it back."""

    def close(self) -> None:
        """Releases the lines. No edge is delivered after the return."""


class Lamps(Protocol):
    """All outputs of a room: lamps, beeper, relay. Start value when claimed and safe value when released: both off."""

    def set(self, lamp: str, *, lit: bool) -> None:
        """Drives a lamp. Raises DeviceError when the line does not take it. The owner's thread only."""

    def lit(self, lamp: str) -> bool:
        """What the line really is, read back from the pin, not what was asked of it."""

    def close(self) -> None:
        """Drives every lamp to its safe value and releases the lines."""


class DeviceLost(msgspec.Struct, frozen=True):
    """A camera or microphone stopped delivering: the last thing that its sink receives until it is started again."""

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
    """What a camera delivers, as read back from it after it was configured."""

    width: int
    height: int
    fps: float
    bitrate_bps: int
    lacks: tuple[str, ...] = ()
    """Settings that were asked for and that this camera does not have, by their names in unit.toml."""


class ImageSettings(msgspec.Struct, frozen=True):
    """What a room wants of its picture; a camera that cannot do one of these says so, and does without."""

    flip: Literal["none", "horizontal", "vertical", "both"] = "none"
    flicker_hz: Literal[0, 50, 60] = 50
    """Of the mains: lamps flicker at twice this. 0: leave it to the camera."""
    metering: Literal["centre", "spot", "whole"] = "centre"
    exposure_ev: float = 0.0
    """Stops: 1 is twice as light."""
    hdr: bool = False
    focus_m: float | None = None
    """Distance to the faces; None: as the lens is."""


class PictureFigures(msgspec.Struct, frozen=True):
    """What a camera's picture is worth; no content can be read from it."""

    at_ns: Annotated[int, Meta(ge=0, le=2**62)]
    """Boot time of the picture that was looked at."""
    brightness_pct: Annotated[float, Meta(ge=0, le=1000)]
    """Mean of the picture: 0 black, 100 white."""
    sharpness_pct: Annotated[int, Meta(ge=0, le=1_000_000)] | None
    """About 100: as sharp as a photograph of that size; 18 to 25: nothing but smears; None: nothing to judge by."""
    still_s: Annotated[float, Meta(ge=0, le=1e12)]
    """For how long not one pixel that was looked at has changed: a sensor's noise changes all of them."""


BLOCK_COLUMNS, BLOCK_ROWS = 16, 9


class PictureBlocks(msgspec.Struct, frozen=True):
    """The same by 16 x 9 blocks, the upper row first, from left to right: to aim by, and nobody can be known in it."""

    at_ns: int
    brightness_pct: tuple[int, ...]
    sharpness_pct: tuple[int | None, ...]


class Camera(Protocol):
    """Encoded pictures with the sensor's time, a key frame at least every second."""

    def start(self, sink: Callable[[VideoPacket | DeviceLost], None]) -> VideoFormat:
        """Opens the device and begins to deliver. Raises DeviceError when it is not there.

        The sink runs in the camera's thread with the camera's lock held: no camera call from there, no file.
        """

    def stop(self) -> None:
        """Closes the device; no packet is delivered after the return.

        Raises HangError when the device's library does not come back: only the end of the process frees it then.
        """

    def figures(self) -> PictureFigures | None:
        """Of a recent picture, worked out once a second; None before the first and after `stop`. Any thread."""

    def blocks(self) -> PictureBlocks | None:
        """The same picture by blocks. Any thread."""


class PcmBlock(msgspec.Struct, frozen=True):
    """Sound as it came from the converter: signed 16-bit little-endian, interleaved."""

    data: bytes
    frames: int
    """Samples per channel in `data`."""
    pts_ns: int
    """Boot time of the first sample."""
    overflow: bool
    """True when samples were lost between the block before and this one."""
    stamped: bool = True
    """False: the converter gave no time, and `pts_ns` is by the block's arrival, which a busy machine makes late."""


class AudioFormat(msgspec.Struct, frozen=True):
    """What a microphone delivers, after negotiation."""

    rate_hz: int
    channels: int
    device: str = ""
    """The device's name, as the system has it."""


class Microphone(Protocol):
    """Blocks of sound with the time of their first sample."""

    def start(self, sink: Callable[[PcmBlock | DeviceLost], None]) -> AudioFormat:
        """Opens the device and begins to deliver. Raises DeviceError when it is not there.

        What comes back is what was asked where the device can do it, else what it can.
        """

    def stop(self) -> None:
        """Closes the device; no block is delivered after the return. Raises HangError as a camera does."""


class DiskSpace(msgspec.Struct, frozen=True):
    """What the file system of the store says of itself."""

    total_bytes: int
    free_bytes: int
    """What an unprivileged process may still write."""
    used_bytes: int
    """What files take, whoever's they are."""


class Disk(Protocol):
    """The file system that holds the recordings."""

    def space(self) -> DiskSpace:
        """Total and free bytes. Raises DeviceError when the directory cannot be asked."""
