# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Our package on the processor of a Pi, by emulation: everything loads, seals, encodes, and a press is stored."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.link import ask
from deploy.deb.targets import SUITES
from tests.arm64.system import System, system
from tests.driven import HOME
from tests.rooms import SHIPPED, policy_with, running, small_picture, verify, wait_for

pytestmark = [pytest.mark.arm64, pytest.mark.timeout(1800)]

COMMAND = f"{HOME}/venv/bin/spreekkamer"
SLOW_S = 300.0
"""An emulated process needs ten times the seconds of one that is not."""
NOTHING_TO_LOAD: dict[str, set[str]] = {"bookworm": set(), "trixie": {"lgpio"}}
"""What Debian lacks, and no wheel stands in for."""
TOO_SLOW = {"trixie": "emulated, the recorder of Debian 13 seals a third of what comes; why is not known"}
"""Where a room does not get ready."""


@pytest.fixture(scope="module", params=SUITES)
def arm64(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The package of a suite in a root of it; skipped with the reason where no program for arm64 can be run."""
    if os.geteuid() != 0:
        pytest.skip("a root is mounted and entered: it needs root (sudo make arm64-test)")
    with system(tmp_path_factory.mktemp("arm64"), request.param) as found:
        if why := found.why_not():
            pytest.skip(f"no program for arm64 runs here: {why}")
        yield found


def inside(arm64: System, *words: str, stdin: bytes = b"") -> dict[str, Any]:
    """What tests/arm64/inside.py answers in there."""
    found: dict[str, Any] = json.loads(arm64.run("-m", "tests.arm64.inside", *words, stdin=stdin))
    return found


def test_every_module_loads(arm64: System) -> None:
    """H2: all of the package's modules, by its own libraries, on the processor that it is for."""
    found = inside(arm64, "imports")
    assert found["machine"] == "aarch64"
    assert set(found["refused"]) == NOTHING_TO_LOAD[arm64.suite], found["refused"]
    assert all(where.startswith(f"{HOME}/") for where in found["home"].values()), found["home"]
    assert found["modules"] > 100
    about = json.loads(arm64.run(COMMAND, "version", "--json"))
    assert (about["suite"], about["architecture"]) == (arm64.suite, "arm64")


def test_a_segment_that_is_sealed_there_opens_here(arm64: System, tmp_path: Path) -> None:
    """R6, K5: a key is made in a child there, and plain age opens its envelope and then the segment, here."""
    holder = tmp_path / "holder.key"
    subprocess.run(["age-keygen", "-o", str(holder)], check=True, capture_output=True)
    recipient = subprocess.run(["age-keygen", "-y", str(holder)], check=True, capture_output=True, text=True).stdout
    clear = bytes(range(256)) * 2000
    found = inside(arm64, "seal", recipient.strip(), stdin=clear)
    key = tmp_path / "recording.key"
    key.write_bytes(opened(found["envelope"].encode("latin-1"), holder))
    assert opened(base64.b64decode(found["sealed"]), key) == clear


def opened(sealed: bytes, key: Path) -> bytes:
    return subprocess.run(["age", "-d", "-i", str(key)], input=sealed, check=True, capture_output=True).stdout


def test_a_second_of_image_and_sound_is_encoded(arm64: System) -> None:
    """R5: segments that the libraries of arm64 made play here."""
    took_s = inside(arm64, "encode", str(arm64.shared))
    print(f"{arm64.suite}: a second of 320x240 at 25 Hz in {took_s['image']} s, of sound in {took_s['sound']} s")  # noqa: T201
    assert frames(arm64.shared / "image.ts") == 25
    assert frames(arm64.shared / "sound.ts") >= 46  # of 1,024 samples


def frames(file: Path) -> int:
    """As a plain player counts them."""
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]
    said = subprocess.run([*command, str(file)], check=True, capture_output=True, text=True).stdout
    return int(said.split()[0])  # of a stream in a program it is told twice


def test_a_press_in_a_room_is_stored_and_its_recording_opens(arm64: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """A1, R5: three processes of arm64; broker and console are this machine's. The press is stored by the console, its
    recording verifies here, and a custodian's computer of arm64 makes a film of it.
    """
    if arm64.suite in TOO_SLOW:
        pytest.skip(TOO_SLOW[arm64.suite])
    for patience in ("simulators.room.READY_S", "tests.waiting.PATIENCE_S"):
        monkeypatch.setattr(patience, SLOW_S)
    state = arm64.shared / "room"
    policy = policy_with("heusden-2020", state, pre_event_s=5, post_event_s=2)
    few = arm64.shared / "unit.toml"  # pictures and samples: an emulated processor does not come along with more
    few.write_text(
        re.sub(
            "# rate_hz = [0-9]+", "rate_hz = 16000", small_picture(SHIPPED.read_text()).replace("fps = 10", "fps = 5")
        )
    )
    began = time.monotonic()
    options = {"policy": policy, "unit": few, "python": arm64.python, "recorder": "tests.arm64.unfiltered"}
    with running(state, **options) as unit:
        unit.ready(ring_s=5)
        ready_s = time.monotonic() - began
        unit.press("alarm")
        wait_for("the alarm stored", lambda: "stored" in unit.health()["alarms"].values())
        path = unit.started()
        (line,) = ask(unit.paths.operator_socket, "alarms")
        print(f"{arm64.suite}: ready after {ready_s:.0f} s, then by level: {line}")  # noqa: T201
        assert ask(unit.paths.operator_socket, "reset")
        unit.ended(path)
    verify(state, path)
    film = arm64.shared / "film.mp4"
    key = state / "holders" / "manager-1.key"
    arm64.run(COMMAND, "evidence", "open", str(path), "--identity", str(key), "--out", str(film))
    command = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_type,duration", "-of", "csv=p=0"]
    said = subprocess.run([*command, str(film)], check=True, capture_output=True, text=True).stdout
    of_track = {track: float(seconds) for track, seconds in (line.split(",")[:2] for line in said.split())}
    print(f"{arm64.suite}: a film of {of_track}")  # noqa: T201
    assert of_track.keys() == {"audio", "video"}
    assert min(of_track.values()) > 5 + 2 - 1  # before and after the press, but for a segment
