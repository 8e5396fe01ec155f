"""What is so by the calendar: which covered window is in force, by a wall clock that is believed within reason.

Pure: readings and windows in, a window or none out.
"""

from __future__ import annotations

from msgspec import Struct

from daemon.model.policy import Window
from hardware.ports import ClockReading

NS = 1_000_000_000


class Calendar(Struct, frozen=True):
    """The wall clock as it was last synchronised in this boot; before that, as it stands.

    A clock that loses its reference and then steps, by a year or by ten, neither opens a camera nor closes one.
    """

    offset_ns: int | None = None
    """UTC minus boot time, when the clock last followed a reference."""

    def read(self, now: ClockReading) -> Calendar:
        """The calendar after a look at the clock."""
        return Calendar(now.wall_ns - now.boot_ns) if now.state == "synchronised" else self

    def wall_ns(self, now: ClockReading) -> int:
        """UTC, as far as it is believed."""
        return now.wall_ns if self.offset_ns is None else now.boot_ns + self.offset_ns


def in_force(windows: tuple[Window, ...], wall_ns: int) -> Window | None:
    """The window that this moment falls into; of several the one that ends last."""
    now = [window for window in windows if begins_ns(window) <= wall_ns < ends_ns(window)]
    return max(now, key=ends_ns, default=None)


def begins_ns(window: Window) -> int:
    """UTC of its first moment."""
    return round(window.begins.timestamp()) * NS


def ends_ns(window: Window) -> int:
    """UTC of the first moment after it."""
    return round(window.ends.timestamp()) * NS
