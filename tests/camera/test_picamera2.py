# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Our driver on the real picamera2: what it sets, what it reads back, and what becomes of it when picamera2 breaks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.errors import DeviceError
from hardware.camera import STOP_S
from hardware.ports import DeviceLost, ImageSettings, VideoFormat, VideoPacket
from simulators.clock import SimClock
from tests.camera import virtual
from tests.camera.cameras import PLAIN, VirtualPicamera
from tests.contracts.cameras import FORMAT
from tests.waiting import Until

Items = list[VideoPacket | DeviceLost]


@pytest.fixture
def camera(clock: SimClock) -> Iterator[VirtualPicamera]:
    """A camera whose plug is in; whatever a test did to it is mended at the end."""
    virtual.sensor.faults.clear()
    virtual.sensor.released.clear()
    camera = VirtualPicamera(FORMAT, clock)
    yield camera
    virtual.sensor.faults.clear()
    virtual.sensor.released.set()
    camera.stop()


def started(camera: VirtualPicamera, until: Until) -> Items:
    items: Items = []
    camera.start(items.append)
    until(lambda: len(items) > 3)
    return items


def test_what_counts_is_always_set(camera: VirtualPicamera, until: Until) -> None:
    """R5: a key frame a second, the bitrate and repeated headers are set whatever picamera2's defaults are; without
    /dev/video11 the encoder is libav's, and no picture waits in it for another.
    """
    started(camera, until)
    (encoder,) = camera._camera.encoders
    assert type(encoder).__name__ == "LibavH264Encoder"
    assert (encoder.iperiod, encoder.bitrate, encoder.repeat, encoder.threads) == (25, FORMAT.bitrate_bps, True, 1)


def test_an_encoder_that_is_not_there_is_refused_when_it_is_forced(clock: SimClock, until: Until) -> None:
    """R5: `encoder = "v4l2"` on a machine without one is an error that names it, and leaves the camera free."""
    virtual.sensor.faults.clear()
    with pytest.raises(DeviceError, match="/dev/video11"):
        VirtualPicamera(FORMAT, clock, encoder="v4l2").start(print)
    camera = VirtualPicamera(FORMAT, clock, encoder="libav")
    started(camera, until)
    camera.stop()


def test_the_format_is_read_back(clock: SimClock, until: Until) -> None:
    """R5: a size or a rate that the camera does not have is not believed: what it made of it is what start returns."""
    camera = VirtualPicamera(VideoFormat(600, 400, 60, 400_000), clock)
    items: Items = []
    fmt = camera.start(items.append)
    until(lambda: len(items) > 3)
    size = camera._camera.camera_configuration()["main"]["size"]
    camera.stop()
    assert (fmt.width, fmt.height) == size != (600, 400)
    assert fmt.fps == pytest.approx(30, abs=0.01)


def test_what_the_camera_lacks_is_said(clock: SimClock) -> None:
    """H1: image settings that this camera has no control for are named, and do not stop it."""
    camera = VirtualPicamera(FORMAT, clock, image=ImageSettings(flicker_hz=50, exposure_ev=1.0, focus_m=1.0))
    assert camera.start(print).lacks == ("camera.flicker_hz", "camera.exposure_ev", "camera.focus_m")
    camera.stop()


def test_times_are_the_sensors(camera: VirtualPicamera, until: Until) -> None:
    """R5: a packet bears libcamera's SensorTimestamp of its picture, to the microsecond."""
    stamps: list[int] = []
    items = started(camera, until)
    look = camera._camera.post_callback

    def note(request: object) -> None:
        stamps.append(request.get_metadata()["SensorTimestamp"])  # type: ignore[attr-defined]  # picamera2's
        look(request)

    camera._camera.post_callback = note
    until(lambda: len(stamps) > 5)
    count = len(items)
    until(lambda: len(items) > count)
    taken = {packet.pts_ns // 1000 for packet in items if isinstance(packet, VideoPacket)}
    assert {stamp // 1000 for stamp in stamps[:5]} <= taken


def test_a_meter_that_fails_costs_no_picture(camera: VirtualPicamera, until: Until) -> None:
    """H1, R5: without figures there is still a picture: the camera's thread lives on, and figures grow old."""
    items = started(camera, until)
    until(camera.figures)
    assert camera._meter is not None
    camera._meter.give = None  # type: ignore[method-assign,assignment]  # calling None raises in the camera's thread
    old = camera.figures()
    assert camera._delivery is not None
    until(lambda: camera._delivery is not None and camera._delivery._blind)
    count = len(items)
    until(lambda: len(items) > count + 5)
    assert camera.figures() == old


def story(text: str) -> dict[str, Any]:
    """Tells a story that leaves a camera hanging, in a process of its own, and returns what it found.

    In it: `camera`, started; `items`, what it delivered; `until`; `found`, to be filled.
    """
    script = f"""
import json, os, time
from pathlib import Path
from daemon.errors import HangError
from hardware.ports import DeviceLost
from simulators.clock import SimClock
from tests.camera.cameras import VirtualPicamera, kill, virtual
from tests.contracts.cameras import FORMAT
from tests.waiting import until
home = Path(os.environ["STORY"]); home.mkdir(exist_ok=True)
camera, items, found = VirtualPicamera(FORMAT, SimClock.create(home / "clock")), [], {{}}
camera.start(items.append)
until(lambda: len(items) > 3)
def stop():
    began_s = time.monotonic()
    try:
        camera.stop()
    except HangError as error:
        found["hang"] = str(error)
    found["stop_s"] = time.monotonic() - began_s
{text}
print("FOUND" + json.dumps(found), flush=True)
os._exit(0)  # as daemon/run.py does: what hangs must not be waited for
"""
    environment = {**os.environ, "STORY": "/tmp/story"}  # noqa: S108 - a file system of this run's own
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False, timeout=60,
        env=environment,
    )  # fmt: skip
    assert "FOUND" in done.stdout, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.partition("FOUND")[2])
    return found


@pytest.mark.parametrize("which", ["_preview", "_cm"])
def test_a_thread_that_dies_is_told_at_once_and_a_stop_ends(which: str) -> None:
    """R5: a thread of picamera2 that ends is a DeviceLost within two seconds; stop() comes back within its bound, or
    says that only the process's end helps. It does not wait for ever.
    """
    found = story(f"""
killed_s = time.monotonic()
kill(camera._camera.{which}.thread)
until(lambda: isinstance(items[-1], DeviceLost))
found |= {{"lost": items[-1].reason, "told_s": time.monotonic() - killed_s}}
stop()
""")
    assert found["lost"].startswith("a thread of picamera2 has ended")
    assert found["told_s"] < 2
    assert found["stop_s"] < STOP_S + 1
    assert found.get("hang", "expected the end of this process").endswith("expected the end of this process")


def test_a_stop_that_hangs_ends_with_an_error_and_not_with_a_wait() -> None:
    """R5: libcamera's stop that does not come back is a HangError after two seconds; nothing is delivered any more."""
    found = story("""
camera.fault("hangs")
stop()
count = len(items)
virtual.sensor.faults.clear()
time.sleep(0.5)
found["after"] = len(items) - count
""")
    assert found["hang"] == "camera: did not stop within 2 s; expected the end of this process"
    assert found["stop_s"] < STOP_S + 1
    assert found["after"] == 0


def test_a_camera_that_is_away_for_long_costs_no_files(clock: SimClock, until: Until) -> None:
    """R5: a try every two seconds for a day is 43,200 tries: none of them may keep a file open."""
    camera = VirtualPicamera(FORMAT, clock, image=PLAIN)
    camera.fault("gone")

    def fails() -> None:
        with pytest.raises(DeviceError, match="No camera number 0"):
            camera.start(print)

    fails()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        fails()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    camera.fault("gone", on=False)
    started(camera, until)
    camera.stop()


def test_this_is_the_real_thing() -> None:
    """H2: picamera2 and libcamera are the ones from PyPI and Debian, not stand-ins of ours."""
    import libcamera  # noqa: PLC0415 - it is here only
    import picamera2  # noqa: PLC0415 - as above

    assert "/opt/site/picamera2/" in str(picamera2.__file__)
    assert str(libcamera.__file__).startswith("/usr/lib/python3/dist-packages/")
    assert os.environ["SPREEKKAMER_CAMERAS"]
