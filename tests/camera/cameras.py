# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The driver for the Pi's camera on the virtual one, with the faults that its sensor can have."""

from __future__ import annotations

import ctypes
import threading
from pathlib import Path
from typing import Any, ClassVar

from hardware.camera import PicameraCamera
from hardware.ports import Clock, ImageSettings, VideoFormat
from simulators.clock import SimClock
from tests.camera import virtual
from tests.contracts.cameras import FORMAT, Maker

virtual.install()
PLAIN = ImageSettings(flicker_hz=0)
"""Nothing that the virtual camera would have to say it lacks."""


class VirtualPicamera(PicameraCamera):
    """`PicameraCamera` as it is; a fault is one of its sensor, or of a thread of picamera2's."""

    fault_names: ClassVar[tuple[str, ...]] = ("gone", "silent", "hangs", "dies")

    def __init__(self, fmt: VideoFormat, clock: Clock, image: ImageSettings = PLAIN, **options: Any) -> None:
        super().__init__(fmt, clock, image=image, **options)
        self.faults: frozenset[str] = frozenset()

    def fault(self, name: str, *, on: bool = True) -> None:
        """Makes or mends one; `dies` ends the thread that picamera2 calls us from, once."""
        self.faults = self.faults | {name} if on else self.faults - {name}
        if name == "dies":
            if on:
                kill(self._camera._preview.thread)
        elif on:
            virtual.sensor.faults.add(name)
        else:
            virtual.sensor.faults.discard(name)
            virtual.sensor.released.set()


def kill(thread: threading.Thread) -> None:
    """Has a SystemExit raised in a thread, wherever it is: what an error in a callback does to it."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))


def make(_: Path, clock: SimClock) -> VirtualPicamera:
    """A camera whose plug is in."""
    virtual.sensor.faults.clear()
    return VirtualPicamera(FORMAT, clock)


MAKERS = {"picamera2": Maker(make, jitter_ns=500_000_000, lost=None)}
"""The virtual sensor keeps time as well as a thread of Python's does on a busy machine: it misses some pictures."""
