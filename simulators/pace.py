# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Shared by the simulated camera and microphone: a thread that keeps time by the room's clock, and faults.

Invariant: time that a scenario lets pass is gone. A device that finds the clock far ahead goes on at the new time and
catches up on nothing, as a camera that saw nothing could not.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Protocol

import msgspec

from daemon.errors import DeviceError
from hardware.ports import Clock, DeviceLost, Track

NS = 1_000_000_000
BACKLOG_NS = NS // 2
"""A stall of this machine that is made up for; more is time that passed. Sound cards buffer half a second. Where tests
share a processor a thread is held up for a tenth of one now and then, and what a room lost by it no microphone would.
"""
STOP_S = 5.0
"""How long a stop may take: one moment's work takes under 0.1 s, on a machine that is busy with tests up to 1 s."""


class Moment(msgspec.Struct, frozen=True):
    """One turn of a device."""

    number: int
    """Counts from 0 at the start."""
    at_ns: int
    """Boot time of what is taken now."""
    jumped: bool
    """True when time has passed unseen since the moment before."""


def moments(clock: Clock, period_ns: int, over: threading.Event, *, lag_ns: int = 0) -> Iterator[Moment]:
    """Even moments from now on until `over`, each `lag_ns` after its time: sound has to sound before it is a block."""
    at_ns, number, jumped = clock.boot_ns(), 0, False
    while not over.is_set():
        late_ns = clock.boot_ns() - at_ns - lag_ns
        if late_ns < 0:
            over.wait(-late_ns / NS)
            continue
        if late_ns > BACKLOG_NS:
            at_ns, jumped = at_ns + late_ns, True
        yield Moment(number, at_ns, jumped)
        at_ns, number, jumped = at_ns + period_ns, number + 1, False


class PacedDevice(ABC):
    """A device with a thread of its own. Faults may be made and mended from any thread, at any time."""

    track: ClassVar[Track]
    fault_names: ClassVar[tuple[str, ...]]

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.faults: frozenset[str] = frozenset()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def fault(self, name: str, *, on: bool = True) -> None:
        """Makes or mends a fault. Raises ValueError for one that this device does not have."""
        if name not in self.fault_names:
            known = ", ".join(self.fault_names)
            raise ValueError(f'no fault "{name}" of a simulated {self.track} device; expected one of {known}')
        self.faults = self.faults | {name} if on else self.faults - {name}

    def stop(self) -> None:
        """Ends the thread and waits for it: nothing is delivered after the return."""
        self._over.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(STOP_S)
            if thread.is_alive():
                raise DeviceError(f"{self.track}: did not stop within {STOP_S} s; expected a sink that only enqueues")

    @abstractmethod
    def turn(self, moment: Moment) -> Iterable[Any]:
        """What this moment brings, in order. The device's thread."""

    @abstractmethod
    def shut(self) -> None:
        """Lets go of what `start` opened. The device's thread, at its end."""

    def check_free(self) -> None:
        """Raises DeviceError when the device cannot be started."""
        if "gone" in self.faults:
            raise DeviceError(f"{self.track}: no such device; expected one that is connected")
        if self._thread is not None:
            raise DeviceError(f"{self.track}: started already; expected one start before a stop")

    def launch(self, sink: Callable[[Any], None], period_ns: int, *, lag_ns: int = 0) -> None:
        """Begins to deliver, one turn a period."""
        self._over = threading.Event()
        ticks = moments(self.clock, period_ns, self._over, lag_ns=lag_ns)
        self._thread = threading.Thread(target=self._run, args=(sink, ticks), name=f"sim-{self.track}", daemon=True)
        self._thread.start()

    def _run(self, sink: Callable[[Any], None], ticks: Iterator[Moment]) -> None:
        try:
            for moment in ticks:
                if "gone" in self.faults:
                    raise DeviceError("unplugged")  # noqa: TRY301 - leaves by the door that all failures take
                for item in self.turn(moment):
                    sink(item)
        except Exception as error:  # noqa: BLE001 - as a driver's: whatever goes wrong reaches the sink, nobody else
            sink(DeviceLost(self.track, str(error), self.clock.boot_ns()))
        finally:
            self.shut()


FAULT_LOOK_S = 0.05
"""How often a simulated device looks whether somebody has pulled its plug: sooner than anybody can tell."""


class Faulty(Protocol):
    """Whatever can be made to fail."""

    faults: frozenset[str]

    @property
    def fault_names(self) -> tuple[str, ...]:
        """All that it can have."""

    def fault(self, name: str, *, on: bool = True) -> None:
        """Makes or mends a fault. Any thread."""


def obey_faults(device: Faulty, name: str, directory: Path) -> None:
    """Watches a directory for files such as `camera.gone`, and makes the device's fault last as long as the file."""

    def look() -> None:
        while True:
            for fault in device.fault_names:
                wanted = (directory / f"{name}.{fault}").exists()
                if wanted != (fault in device.faults):
                    device.fault(fault, on=wanted)
            rest.wait(FAULT_LOOK_S)

    rest = threading.Event()
    threading.Thread(target=look, name=f"faults {name}", daemon=True).start()
