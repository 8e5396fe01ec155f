# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Where picamera2's threads meet ours: packets and pictures come in, nothing raises, and nothing waits.

Invariant: this runs in the camera's thread with the camera's lock held. It stamps, hands over and returns; an exception
would end that thread. A separate watcher notices if one of picamera2's threads has ended all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hardware.figures import PictureMeter
from hardware.ports import Clock, DeviceLost, VideoPacket

US_NS = 1000
LOOK_S = 0.5
"""How often the watcher checks that picamera2's threads are alive."""
STOP_S = 2.0
"""The watcher does nothing longer than a look."""

Sink = Callable[[VideoPacket | DeviceLost], None]


class Delivery:
    """Where the camera's thread hands over. The gate is held while the sink enqueues."""

    def __init__(self, encoder: Any, meter: PictureMeter, clock: Clock, sink: Sink) -> None:
        from picamera2 import MappedArray  # noqa: PLC0415 - not installable off a Pi: needs libcamera's Python module

        self._encoder, self._meter, self._clock, self._gate = encoder, meter, clock, threading.Lock()
        self._sink: Sink | None = sink
        self._map, self._blind = MappedArray, False

    def shut(self) -> None:
        """Deliver no packet after the return."""
        with self._gate:
            self._sink = None

    def take(self, data: bytes, key: object, timestamp_us: int) -> None:
        """Take one encoded picture; `timestamp_us` counts from the first one, whose sensor time the encoder knows.

        libcamera's SensorTimestamp is boot time (CLOCK_BOOTTIME). Any error ends the delivery.
        """
        with self._gate:
            if self._sink is None:
                return
            try:
                pts_ns = (self._encoder.firsttimestamp + timestamp_us) * US_NS
                self._sink(VideoPacket(bytes(data), pts_ns, bool(key)))
            except Exception as error:  # noqa: BLE001 - nothing may raise in the camera's thread: the sink is told
                self._lose(f"{type(error).__name__}: {error}")

    def look(self, request: Any) -> None:
        """Copy some rows of a picture once a second, before it is encoded. Raises nothing either.

        Without figures there is still a picture: a failing meter is switched off, and the track reports it.
        """
        at_ns = self._clock.boot_ns()
        if not self._blind and self._meter.due(at_ns):
            try:
                stream = request.config["main"]
                with self._map(request, "main", reshape=False, write=False) as mapped:
                    self._meter.give(mapped.array, stream["size"], stream["stride"], at_ns)
            except Exception:  # noqa: BLE001 - as above
                self._blind = True

    def lose(self, reason: str) -> None:
        """Tell the sink, once, that no more will come. Any thread."""
        with self._gate:
            self._lose(reason)

    def _lose(self, reason: str) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            with suppress(Exception):  # the sink itself is broken; the recorder's watchdog will notice the silence
                sink(DeviceLost("video", reason, self._clock.boot_ns()))


class Watch:
    """A thread that notices when one of picamera2's has ended: pictures stop then, and nothing else says why."""

    def __init__(self, camera: Any, encoder: Any, delivery: Delivery) -> None:
        owners = (camera._preview, camera._cm, encoder)  # noqa: SLF001 - nothing public leads to its threads
        self._watched = [t for t in (getattr(owner, "thread", None) for owner in owners) if t is not None]
        self._delivery, self._over = delivery, threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._over.set()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._over.wait(LOOK_S):
            ended = [thread.name for thread in self._watched if not thread.is_alive()]
            if ended:
                self._delivery.lose(f"a thread of picamera2 has ended: {ended[0]}")
                return


def output(delivery: Delivery) -> Any:
    """picamera2 accepts only subclasses of its own Output, so the class can only be made after importing it."""
    from picamera2.outputs import Output  # noqa: PLC0415 - as in Delivery

    class DeliveryOutput(Output):  # type: ignore[misc]  # picamera2 has no types
        def outputframe(
            self,
            frame: bytes,
            keyframe: object = True,  # noqa: FBT002 - picamera2's signature, and it passes by position
            timestamp: int | None = None,
            packet: object = None,  # noqa: ARG002 - as above
            audio: object = False,  # noqa: ARG002, FBT002 - as above
        ) -> None:
            delivery.take(frame, keyframe, timestamp or 0)

    return DeliveryOutput()
