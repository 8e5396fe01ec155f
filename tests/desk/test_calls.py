# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A desk of the contact centre, two calls end to end: the three processes under `heusden-2020-kcc`, a real sound server
with a voice of its own on each side of each call, the handset's hook, and files opened as custodians open them.

`make desk`. A voice is noise in words of a fifth of a second, from a seed, below 1200 Hz: unlike any other at any
shift, so that a correlation over a whole file finds a quarter of a second of it.
"""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.config import shipped
from daemon.link import ask
from simulators import bench_link
from simulators.places import bench_path
from tests.brokers import Mosquitto
from tests.commandline import process
from tests.pulse import PulseAudio
from tests.rooms import Unit, chain_of, of_track, running, verify, wait_for

pytestmark = pytest.mark.desk

RATE_HZ = 48_000
SIDES = ("medewerker", "beller")
FIRST, SECOND, THIRD = (11, 12), (21, 22), (31, 32)
"""Seeds of the two voices of each call."""
Wave = NDArray[np.float64]
LIKE, UNLIKE = 0.8, 0.5
"""A quarter of a second of a voice, found in its own side of the file (0.95 to 1), and not found: the best of twenty
million comparisons with a voice that was never there is 0.25 to 0.36. One is planted, to see that it is found.
"""
NEVER = 99
"""A voice of nobody."""
HIGHEST_HZ, LISTEN_HZ = 1_200, 3_000
PIECE = LISTEN_HZ // 4
TALK_S = 45


def voice(seed: int) -> Wave:
    """Words of noise, at 48 kHz."""
    dice, samples = np.random.default_rng(seed), TALK_S * RATE_HZ
    spectrum = np.fft.rfft(dice.normal(0, 1, samples))
    spectrum[np.fft.rfftfreq(samples, 1 / RATE_HZ) > HIGHEST_HZ] = 0
    noise = np.fft.irfft(spectrum, samples) * np.repeat(dice.uniform(0.2, 1, TALK_S * 5), RATE_HZ // 5)
    loud: Wave = 9000 * noise / np.abs(noise).max()
    return loud


def spoken(path: Path, seeds: tuple[int, int] | tuple[int, None]) -> Path:
    """A file of a call: the staff on the left, the caller on the right; without a seed that side is silent."""
    sides = [np.zeros(TALK_S * RATE_HZ) if seed is None else voice(seed) for seed in seeds]
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(np.stack(sides, axis=1).astype("<i2").tobytes())
    return path


def heard(film: Path) -> tuple[Wave, Wave]:
    """Both channels of an opened file, at LISTEN_HZ."""
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=LISTEN_HZ)
    with av.open(str(film)) as file:
        assert file.streams.audio[0].layout.name == "stereo"
        parts = [part.to_ndarray() for frame in file.decode(audio=0) for part in resampler.resample(frame)]
    both = np.concatenate(parts, axis=1).astype(np.float64)
    return both[0], both[1]


def found(side: Wave, seed: int) -> tuple[float, int]:
    """How like a voice a side is, 0 to 1, and where: of all quarters of a second of the voice, at the best place."""
    whole = voice(seed)[:: RATE_HZ // LISTEN_HZ]
    n = 1 << (len(side) + LISTEN_HZ).bit_length()
    spectrum, energy = np.fft.rfft(side, n), np.concatenate([[0.0], np.cumsum(side**2)])
    # What is 40 dB below a file's loudness is the encoder's own noise, and no voice.
    loudness = np.sqrt(np.maximum(energy[PIECE:] - energy[:-PIECE], 1e-4 * energy[-1] / len(side) * PIECE) + 1e-12)
    best, place = 0.0, 0
    for at in range(0, len(whole) - PIECE + 1, PIECE):
        part = whole[at : at + PIECE]
        match = np.abs(np.fft.irfft(spectrum * np.conj(np.fft.rfft(part, n)), n)[: len(loudness)]) / loudness
        much = float(match.max() / np.sqrt(part @ part))
        if much > best:
            best, place = much, int(match.argmax())
    return best, place


def likeness(side: Wave, seed: int) -> float:
    """How like a voice a side is."""
    return found(side, seed)[0]


class Desk:
    """One desk: its telephone, its buttons, its files."""

    def __init__(self, unit: Unit, pulse: PulseAudio, state: Path, home: Path) -> None:
        self.unit, self._pulse, self._state, self._home = unit, pulse, state, home

    def hook(self, *, up: bool) -> None:
        """Lifts or puts down the handset, and waits until the unit has seen it."""
        reply = bench_link.ask(
            bench_path(self.unit.paths), bench_link.Hold("in_use") if up else bench_link.Release("in_use")
        )
        assert reply.ok, reply.text
        wait_for("the hook", lambda: ask(self.unit.paths.operator_socket, "touched")["in_use"]["down"] is up)

    def talk(self, seeds: tuple[int, int] | tuple[int, None]) -> None:
        """Both talk, until the handset is put down."""
        self._pulse.play(spoken(self._home / "call.wav", seeds))

    def recorder(self) -> dict[str, Any]:
        """Its figures."""
        return self.unit.health().get("recorder") or {}

    def silent(self) -> str:
        """The fault of a side."""
        return str(self.unit.health().get("faults", {}).get("silent_side", ""))

    def at_rest(self) -> None:
        """Between two calls: the microphone is closed, and nothing is held."""
        wait_for(
            "a closed microphone and an empty ring",
            lambda: self.recorder().get("devices") == {"audio": "closed"} and self.recorder()["ring_bytes"] == 0,
        )

    def hang_up(self) -> None:
        """The line is dead when the handset is down."""
        self._pulse.silence()
        self.hook(up=False)

    def opened(self, path: Path) -> Path:
        """The film of a recording, as a custodian makes it."""
        verify(self._state, path)
        film = self._home / f"{path.name}.mp4"
        words = ("evidence", "open", path, "--identity", self._state / "holders" / "manager-1.key", "--out", film)
        done = process(words)
        assert film.exists(), done.stdout + done.stderr
        return film


def fitted(home: Path) -> Path:
    """The shipped unit with a hook and a telephone adapter."""
    text = (shipped() / "unit.toml").read_text()
    for old, new in (
        ("# [buttons.in_use]", "[buttons.in_use]"), ("# pin = 12", "pin = 12"), ("# channels = 1 ", "channels = 2 "),
        ("# channel_names = []", 'channel_names = ["medewerker", "beller"]'),
        ("# bitrate_bps = 64000", "bitrate_bps = 128000"),
    ):  # fmt: skip
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = home / "desk.toml"
    path.write_text(text)
    return path


def two_calls(desk: Desk) -> tuple[Path, Path]:
    """Hook up, talk, press, hang up, and again."""
    files = []
    for seeds in (FIRST, SECOND):
        desk.hook(up=True)
        desk.talk(seeds)
        wait_for("five seconds of both", lambda: desk.recorder().get("ring_s", {}).get("audio", 0) >= 5)
        desk.unit.press("record")
        path = desk.unit.started()
        wait_for("twelve seconds", lambda path=path: len(of_track(path, "segment", "audio")) > 12)  # type: ignore[misc]
        sides = desk.recorder()["sides"]
        assert all(-40 < sides[name]["peak_dbfs"] < -6 for name in SIDES), sides
        desk.hang_up()
        desk.unit.ended(path)
        desk.at_rest()
        files.append(path)
    return files[0], files[1]


def a_call_without_a_caller(desk: Desk) -> Path:
    """It is a fault at its end, with the side's name, until somebody is heard there; and it is recorded."""
    desk.hook(up=True)
    desk.talk((THIRD[0], None))
    wait_for("five seconds", lambda: desk.recorder().get("ring_s", {}).get("audio", 0) >= 5)
    desk.unit.press("record")
    path = desk.unit.started()
    wait_for("more than half a minute", lambda: len(of_track(path, "segment", "audio")) > 38, 120)
    assert not desk.silent(), "while they talk nothing is judged"
    desk.hang_up()
    desk.unit.ended(path)
    wait_for("the fault", desk.silent)
    assert desk.silent() == "beller was not heard through a whole call; expected both sides: is its plug in?"
    desk.at_rest()
    assert desk.silent(), "it stays while the microphone is closed"
    desk.hook(up=True)
    desk.talk(THIRD)
    wait_for("the fault's end", lambda: not desk.silent())
    desk.hang_up()
    desk.at_rest()
    return path


def test_calls_at_a_desk(tmp_path: Path, broker: Mosquitto, pulse: PulseAudio) -> None:
    """R9, R5, R7, H1: each opened file has both sides apart, from before the press on; of the first call's voices
    nothing is in the second file, wherever one looks; between calls the microphone is closed. A call whose caller is
    never heard is a fault with that side's name, and is recorded.
    """
    state = tmp_path / "unit"
    options: dict[str, Any] = {"policy": "heusden-2020-kcc", "unit": fitted(tmp_path), "microphone": "pulse"}
    with running(state, broker=broker.address, **options) as unit:
        desk = Desk(unit, pulse, state, tmp_path)
        desk.at_rest()
        assert unit.health()["place"] == "desk"
        first, second = two_calls(desk)
        mute = a_call_without_a_caller(desk)
    heard_in = {path: heard(desk.opened(path)) for path in (first, second, mute)}
    for path, sides in heard_in.items():
        assert {line["track"] for line in chain_of(path) if line["kind"] == "segment"} == {"audio"}
        assert len(sides[0]) / LISTEN_HZ > 12, "from before the press on"
    own = {(n, seed): likeness(heard_in[path][n], seed) for path, seeds in ((first, FIRST), (second, SECOND))
           for n, seed in enumerate(seeds)}  # fmt: skip
    own[0, THIRD[0]] = likeness(heard_in[mute][0], THIRD[0])
    others = {(1 - n, seed): likeness(heard_in[path][1 - n], seed) for path, seeds in ((first, FIRST), (second, SECOND))
              for n, seed in enumerate(seeds)}  # fmt: skip
    before = {(n, seed): likeness(heard_in[second][n], seed) for n in (0, 1) for seed in (*FIRST, NEVER)}
    print("on their own side:", own, "on the other side:", others, "in the next call:", before, sep="\n")  # noqa: T201
    assert {place: much for place, much in own.items() if much < LIKE} == {}, "everybody is on their own side"
    assert {place: much for place, much in others.items() if much >= UNLIKE} == {}, "and not on the other"
    assert {place: much for place, much in before.items() if much >= UNLIKE} == {}, "nor in the next call"
    planted = heard_in[second][0].copy()
    _, at = found(heard_in[first][0], FIRST[0])
    planted[:PIECE] = heard_in[first][0][at : at + PIECE]
    assert likeness(planted, FIRST[0]) > LIKE, "a quarter of a second of the first call would have been found"
