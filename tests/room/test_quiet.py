# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Before a trigger nothing reaches a disk, and after it nothing clear does."""

from __future__ import annotations

import time
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from daemon.link import ask
from daemon.recorder.memory import TUNABLES
from tests.brokers import Mosquitto
from tests.memory import search, transport_packets
from tests.rooms import Unit, open_track, policy_with, running, wait_for

FPS = 10
"""Of the film, as of a room with a small picture."""


def written(pid: int) -> int:
    """Bytes that a process has sent towards a disk, by the kernel's own account."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("write_bytes")))


def files(state: Path) -> dict[str, tuple[int, int]]:
    """Every file of a unit with its size and time, but for what lives in the runtime directory."""
    found = [file for part in ("etc", "store", "journal") for file in (state / part).rglob("*")]
    return {str(file): (file.stat().st_size, file.stat().st_mtime_ns) for file in found}


def stays_quiet(unit: Unit, state: Path, seconds: float) -> None:
    before = {name: written(unit.pid(name)) for name in ("recorder", "keeper", "alarm")}
    seen = files(state)
    time.sleep(seconds)  # the promise is about a time in which nothing happens
    assert {name: written(unit.pid(name)) for name in before} == before
    assert files(state) == seen
    health = unit.health()
    assert not health["faults"].keys() - {"disk"}
    assert health["recorder"]["lost"] == 0


def test_an_idle_unit_with_a_full_ring_writes_nothing(tmp_path: Path, broker: Mosquitto) -> None:
    """R1: with a full ring, twenty seconds without a trigger leave not one byte on any disk and no file changed."""
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=5)
    with running(state, policy=policy, broker=broker.address) as unit:
        unit.ready(4.9)
        stays_quiet(unit, state, 20)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_minutes_idle(tmp_path: Path, broker: Mosquitto) -> None:
    """R1: with the default ring of thirty seconds full, ten minutes without a trigger write nothing (design 8)."""
    state = tmp_path / "unit"
    with running(state, broker=broker.address) as unit:
        unit.ready(29.0)
        stays_quiet(unit, state, 600)


def noise(path: Path, sound: Path, seconds: int) -> None:
    """A film and a sound in which no two seconds are alike, so that a piece that is found is that piece."""
    dice = np.random.default_rng(7)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "20"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for _ in range(seconds * FPS):
            coarse = dice.integers(16, 235, (30, 40), np.uint8)
            plane = np.full((360, 320), 128, np.uint8)
            plane[:240] = np.kron(coarse, np.ones((8, 8), np.uint8))
            out.mux(stream.encode(av.VideoFrame.from_ndarray(plane, format="yuv420p")))
        out.mux(stream.encode(None))
    with wave.open(str(sound), "wb") as out_sound:
        out_sound.setnchannels(1)
        out_sound.setsampwidth(2)
        out_sound.setframerate(48_000)
        out_sound.writeframes(dice.integers(-9000, 9000, seconds * 48_000, np.int16).tobytes())


def test_no_clear_byte_in_the_store_or_in_what_was_forgotten(tmp_path: Path, broker: Mosquitto) -> None:
    """R1, R2, R6: the picture's and the sound's bytes are found neither in the store nor, after `forget`, in the
    recorder's memory, but for the segment that is being filled; the same search finds them in an opened track.
    """
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=5, post_event_s=1)
    film, sound = tmp_path / "noise.mp4", tmp_path / "noise.wav"
    noise(film, sound, 90)
    with running(state, policy=policy, broker=broker.address, video=film, audio=sound) as unit:
        unit.ready(4.5)
        unit.press("record")
        path = unit.started()
        unit.press("record")
        unit.ended(path)
        unit.ready(4.5)
        opened = {
            track: open_track(state, path, track, ("secretary-1",), tmp_path / track).read_bytes()
            for track in ("audio", "video")
        }
        for track, clear in opened.items():
            assert len(transport_packets(clear)) > 100, f"the search finds {track} where it is clear"
        for file in path.rglob("*"):
            if file.is_file():
                assert not transport_packets(file.read_bytes()), file.name
        assert ask(unit.paths.operator_socket, "forget") == "asked"
        wait_for("the ring is empty", lambda: "forgotten" in unit.timeline.getvalue())
        found = search(unit.pid("recorder"), opened)
    assert found.pieces_sought >= 60
    assert found.pieces == 0, f"{found.pieces} of {found.pieces_sought} pieces of an earlier recording are in memory"
    assert found.runs <= 2, "clear transport stream in memory beyond the segment that is being filled, one a track"


def test_what_is_freed_is_overwritten(tmp_path: Path, broker: Mosquitto) -> None:
    """R2: the recorder runs with glibc and Python set to overwrite freed memory, and may not be dumped."""
    with running(tmp_path / "unit", broker=broker.address) as unit:
        unit.ready()
        raw = Path(f"/proc/{unit.pid('recorder')}/environ").read_bytes()
        environment = raw.split(b"\0")
        assert b"MALLOC_PERTURB_=165" in environment
        assert b"PYTHONMALLOC=malloc" in environment
        # glibc ends each tunable where it stands in the environment: its colons are noughts by now.
        assert f"GLIBC_TUNABLES={TUNABLES}".encode() in raw.replace(b"\0", b":")
        assert Path(f"/proc/{unit.pid('recorder')}/mem").stat().st_uid == 0
