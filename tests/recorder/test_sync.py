# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Sound against image, from two clocks that disagree to the opened file: clicks beside flashes."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.recorder.cutter import Clear, Hole, audio_cutter, video_cutter
from daemon.recorder.drift import Lost
from daemon.recorder.encoder import AudioEncoder
from hardware.h264 import VideoEncoder
from hardware.ports import AudioFormat, PcmBlock, VideoFormat

NS = 1_000_000_000
START_NS = 86_400 * NS
MINUTES = 5
SOUND = AudioFormat(48_000, 1)
PICTURE = VideoFormat(160, 96, 25, 100_000)
LIMIT_S = 0.040
Seconds = NDArray[np.float64]


def heard(seconds: int, ppm: float, fmt: AudioFormat) -> Iterator[PcmBlock]:
    """A quiet tone with a click at each full second of the camera's clock, by a converter whose crystal is off, stamped
    late by 4 ms on average and now and then by 25.
    """
    dice = np.random.default_rng(4)
    rate_hz, frames = fmt.rate_hz * (1 + ppm / 1e6), fmt.rate_hz // 50
    for n in range(int(seconds * rate_hz / frames)):
        at_s = (np.arange(frames) + n * frames) / rate_hz
        wave = 0.05 * np.sin(2 * np.pi * 440 * at_s) + (at_s % 1 < 0.005) * 0.6 * np.sin(2 * np.pi * 2000 * at_s)
        late_s = min(dice.gamma(2, 0.002), 0.02) if dice.random() > 0.01 else 0.025
        pts_ns = START_NS + round((n * frames / rate_hz + late_s) * NS)
        yield PcmBlock((wave * 32_767).astype("<i2").tobytes(), frames, pts_ns, overflow=False)


def sound_track(seconds: int, ppm: float, fmt: AudioFormat = SOUND) -> tuple[bytes, float | None]:
    """The opened segments of sound after each other, and the drift that was measured."""
    encoder = AudioEncoder(fmt, 64_000)
    cutter = audio_cutter(encoder)
    pieces: list[Clear | Hole] = []
    for block in heard(seconds, ppm, fmt):
        for part in encoder.encode(block):
            pieces += cutter.lost(part) if isinstance(part, Lost) else cutter.feed(part)
    pieces += cutter.end("")
    assert not [piece for piece in pieces if isinstance(piece, Hole)], "R5: nothing was lost, and no hole is said"
    return b"".join(piece.data for piece in pieces if isinstance(piece, Clear)), encoder.drift_ppm


def image_track(seconds: int) -> bytes:
    """The opened segments of image: dark, and light for the first picture of each second."""
    encoder, data = VideoEncoder(PICTURE), b""
    cutter = video_cutter(PICTURE)
    for n in range(seconds * 25):
        plane = np.full((144, 160), 128, np.uint8)
        plane[:96] = 20 if n % 25 else 235
        picture = av.VideoFrame.from_ndarray(plane, format="yuv420p")
        for packet in encoder.encode(picture, START_NS + n * NS // 25):
            data += b"".join(piece.data for piece in cutter.feed(packet) if isinstance(piece, Clear))
    return data + b"".join(piece.data for piece in cutter.end("") if isinstance(piece, Clear))


def opened(sound: bytes, image: bytes, to: Path) -> Path:
    """One MP4 with both tracks as they are, begun where the first of them begins: nothing is encoded again."""
    with av.open(io.BytesIO(sound)) as a, av.open(io.BytesIO(image)) as v, av.open(str(to), "w") as out:
        packets: list[tuple[Fraction, Any]] = []
        for file, stream in ((a, a.streams.audio[0]), (v, v.streams.video[0])):
            assert isinstance(file, av.container.InputContainer)
            to_stream = out.add_stream_from_template(stream)
            for packet in file.demux(stream):
                if packet.pts is not None:
                    packets.append((packet.pts * packet.time_base, packet))
                    packet.stream = to_stream
        packets.sort(key=lambda each: each[0])
        for _, packet in packets:
            packet.pts -= round(packets[0][0] / packet.time_base)
            packet.dts = packet.pts
            out.mux(packet)
    return to


def flashes(file: Path) -> Seconds:
    with av.open(str(file)) as opened_file:
        return np.array([f.time for f in opened_file.decode(video=0) if bytes(f.planes[0])[5000] > 128])


def clicks(file: Path) -> tuple[Seconds, Seconds]:
    """When clicks begin: by the times in the file, and for a player that looks at the first time and counts samples."""
    with av.open(str(file)) as opened_file:
        rate_hz = opened_file.streams.audio[0].rate
        frames = [(f.time or 0.0, f.to_ndarray()[0]) for f in opened_file.decode(audio=0)]
    wave = np.concatenate([samples for _, samples in frames])
    loud = np.flatnonzero(np.abs(wave) > 0.25)
    begins = loud[np.diff(loud, prepend=-rate_hz) > rate_hz // 2]
    starts = np.cumsum([0, *(len(samples) for _, samples in frames[:-1])])
    frame = np.searchsorted(starts, begins, side="right") - 1
    by_times = np.array([time for time, _ in frames])[frame] + (begins - starts[frame]) / rate_hz
    return by_times, frames[0][0] + begins / rate_hz


@pytest.fixture(scope="module")
def image() -> bytes:
    return image_track(MINUTES * 60)


def in_step(sound: bytes, image: bytes, tmp_path: Path, minutes: int) -> None:
    file = opened(sound, image, tmp_path / "opened.mp4")
    seen = flashes(file)
    assert len(seen) == minutes * 60
    for name, found in zip(("the file's times", "a count of samples"), clicks(file), strict=True):
        assert len(found) == pytest.approx(len(seen), abs=1)
        off_s = np.array([found[np.abs(found - at_s).argmin()] - at_s for at_s in seen[1:-1]])
        print(f"{minutes} minutes, by {name}: {off_s.min() * 1e3:.1f} to {off_s.max() * 1e3:.1f} ms")  # noqa: T201
        assert np.abs(off_s).max() < LIMIT_S, f"by {name} sound is off by {np.abs(off_s).max() * 1e3:.0f} ms"


@pytest.mark.parametrize(("ppm", "rate_hz"), [(200.0, 48_000), (-200.0, 16_000)])
def test_minutes_by_a_crystal_that_is_off(ppm: float, rate_hz: int, image: bytes, tmp_path: Path) -> None:
    """R5: five minutes of a microphone whose clock runs 200 ppm fast or slow against the camera's: in the opened file
    each click is within 40 ms of its flash, by the file's times and by a count of its samples; the drift is measured.
    """
    sound, ppm_measured = sound_track(MINUTES * 60, ppm, AudioFormat(rate_hz, 1))
    in_step(sound, image, tmp_path, MINUTES)
    assert ppm_measured == pytest.approx(ppm, abs=20)


def test_the_opened_sound_has_no_seam(tmp_path: Path) -> None:
    """R5: in a minute of drifting sound, decoded by ffmpeg from the segments as they are, there is no gap, no click and
    no other pitch: without the clicks that we put in, nothing stands out of the tone.
    """
    sound, _ = sound_track(60, 200)
    (tmp_path / "sound.mts").write_bytes(sound)
    done = subprocess.run(
        ["ffmpeg", "-v", "warning", "-i", tmp_path / "sound.mts", "-f", "f32le", "-"], capture_output=True, check=True
    )
    assert done.stderr == b""
    wave = np.frombuffer(done.stdout, "<f4")[SOUND.rate_hz * 5 :]
    quiet = np.abs(wave) < 0.25
    for n in range(50):
        second = wave[n * SOUND.rate_hz : (n + 1) * SOUND.rate_hz]
        calm = quiet[n * SOUND.rate_hz : (n + 1) * SOUND.rate_hz].copy()
        for at in np.flatnonzero(~calm):
            calm[max(0, at - 2048) : at + 2048] = False  # the codec smears a click over two of its frames
        steps = np.abs(np.diff(second))[calm[1:]]
        assert steps.max() < 0.05 * 2 * np.pi * 440 / SOUND.rate_hz * 1.5
        spectrum = np.abs(np.fft.rfft(second[: SOUND.rate_hz] * np.hanning(SOUND.rate_hz)))
        assert int(spectrum[400:500].argmax()) + 400 == 440


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("ppm", [200.0, -200.0])
def test_one_hour(ppm: float, tmp_path: Path) -> None:
    """R5: the same over an hour (design 8)."""
    sound, _ = sound_track(3600, ppm)
    in_step(sound, image_track(3600), tmp_path, 60)
