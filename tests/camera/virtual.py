# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The real, unmodified picamera2 on libcamera's virtual camera: what a machine without a Pi lacks is supplied here.

libcamera's pipeline `virtual` is real libcamera: camera manager, configurations, requests, buffers. Four things are
not as on a Pi, and each is made good at libcamera's own border; picamera2 is not touched:

- picamera2 imports pykms and pidng (a display's and a raw file's) whether they are used or not;
- it asks for raw sensor modes, of which this pipeline has none (it answers None, and picamera2 then fails);
- a request is completed as soon as it is queued: `Sensor` hands over one a frame time, and can be made to fail;
- its buffers need two planes of NV12, and no /dev/dma_heap is there to take them from: memfds do.

Found with libcamera 0.7.2 and picamera2 0.3.38. `install()` comes before picamera2 is imported.
"""

from __future__ import annotations

import mmap
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any
from unittest import mock

STUBS = ("pykms", "pidng", "pidng.core", "pidng.camdefs")
FRAME_S = 1 / 30
TAKEN_MAX = 10_000
"""Five minutes of pictures: longer than any test."""
HANG_S = 3600.0
"""How long a stop hangs: for ever, as far as any test is concerned."""


class Sensor:
    """Paces what is queued. Its faults: `gone` (unplugged), `silent` (no frames), `hangs` (no frames, no stop)."""

    def __init__(self) -> None:
        self.faults: set[str] = set()
        self.released = threading.Event()
        """Lets a stop that hangs come back, at the end of a test."""
        self.taken_ns: deque[int] = deque(maxlen=TAKEN_MAX)
        """When the last pictures were taken (CLOCK_MONOTONIC, which is boot time on a machine that never slept)."""
        self._queue: Callable[[Any], None] = lambda _: None
        self._waiting: deque[Any] = deque()
        self._frame_s = FRAME_S
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, queue: Callable[[Any], None], frame_s: float) -> None:
        """Begins to hand over requests, one a frame time."""
        self._queue, self._frame_s, self._over = queue, frame_s, threading.Event()
        self._thread = threading.Thread(target=self._run, name="virtual-sensor", daemon=True)
        self._thread.start()

    def take(self, request: Any) -> None:
        """A request that picamera2 has queued."""
        self._waiting.append(request)

    def stop(self) -> None:
        """Ends, or hangs."""
        self._over.set()
        if "hangs" in self.faults:
            self.released.wait(HANG_S)
        if self._thread is not None:
            self._thread.join()
        self._waiting.clear()

    def _run(self) -> None:
        due_s = time.monotonic()
        while not self._over.wait(max(0.0, due_s - time.monotonic())):
            due_s = max(due_s + self._frame_s, time.monotonic() - self._frame_s)
            if not self.faults and self._waiting:  # without a buffer a sensor's frame is lost
                self.taken_ns.append(time.monotonic_ns())
                self._queue(self._waiting.popleft())


sensor = Sensor()


def install() -> None:
    """Makes libcamera fit for picamera2 in this process."""
    for name in STUBS:
        sys.modules.setdefault(name, mock.MagicMock(name=name))
    import libcamera  # noqa: PLC0415 - it is in the small Debian only

    _answer_for_raw(libcamera)
    _pace(libcamera)
    _unplug(libcamera)
    import picamera2.picamera2 as real  # noqa: PLC0415 - as above, and after the stubs

    real.DmaAllocator = _allocator(libcamera)


def _answer_for_raw(libcamera: Any) -> None:
    roles, generate = libcamera.StreamRole, libcamera.Camera.generate_configuration

    def generate_configuration(camera: Any, asked: list[Any]) -> Any:
        return generate(camera, [roles.VideoRecording if role == roles.Raw else role for role in asked])

    libcamera.Camera.generate_configuration = generate_configuration


def _pace(libcamera: Any) -> None:
    real = {name: getattr(libcamera.Camera, name) for name in ("start", "stop", "queue_request")}
    limits = libcamera.controls.FrameDurationLimits

    def start(camera: Any, controls: Any = None) -> None:
        real["start"](camera, *([controls] if controls else []))
        frame_us = dict(controls or {}).get(limits, (1e6 * FRAME_S,))[0]
        sensor.start(lambda request: real["queue_request"](camera, request), frame_us / 1e6)

    def stop(camera: Any) -> None:
        sensor.stop()
        real["stop"](camera)

    libcamera.Camera.start, libcamera.Camera.stop = start, stop
    libcamera.Camera.queue_request = lambda _, request: sensor.take(request)


def _unplug(libcamera: Any) -> None:
    manager = libcamera.CameraManager
    cameras = manager.cameras

    def plugged_in(this: Any) -> list[Any]:
        return [] if "gone" in sensor.faults else list(cameras.__get__(this))

    manager.cameras = property(plugged_in)


def _allocator(libcamera: Any) -> type:
    from picamera2.allocators.allocator import Allocator  # noqa: PLC0415 - as in install

    class MemfdAllocator(Allocator):  # type: ignore[misc]  # picamera2 has no types
        """Buffers of two planes in one memfd each, mapped once."""

        def __init__(self) -> None:
            super().__init__()
            self.sync = _Mapped
            self.maps: dict[Any, mmap.mmap] = {}
            self._buffers: dict[Any, list[Any]] = {}
            self._files: list[int] = []

        def allocate(self, configuration: Any, _use_case: object) -> None:
            self.close()
            for stream in configuration:
                assert str(stream.pixel_format) == "NV12", stream.pixel_format
                self._buffers[stream.stream] = [self._buffer(stream) for _ in range(stream.buffer_count)]

        def buffers(self, stream: Any) -> list[Any]:
            return self._buffers[stream]

        def close(self) -> None:
            for file in self._files:
                os.close(file)
            self.maps, self._buffers, self._files = {}, {}, []

        def _buffer(self, stream: Any) -> Any:
            file = os.memfd_create("frame", os.MFD_CLOEXEC)
            os.ftruncate(file, stream.frame_size)
            self._files.append(file)
            luma = stream.stride * stream.size.height
            buffer = libcamera.FrameBuffer(
                [_plane(libcamera, file, 0, luma), _plane(libcamera, file, luma, stream.frame_size - luma)]
            )
            self.maps[buffer] = mmap.mmap(file, stream.frame_size)
            return buffer

    return MemfdAllocator


class _Mapped:
    """What picamera2 enters to see a buffer: it is mapped already."""

    def __init__(self, allocator: Any, buffer: Any, _write: object) -> None:
        self._map = allocator.maps.get(buffer)

    def __enter__(self) -> Any:
        return self._map

    def __exit__(self, *_: object) -> None:
        pass


def _plane(libcamera: Any, file: int, offset: int, length: int) -> Any:
    plane = libcamera.FrameBuffer.Plane()
    plane.fd, plane.offset, plane.length = file, offset, length
    return plane
