# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Real speech and real photographs through a whole unit, opened with `age` and `cat`."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import skimage

from tests.brokers import Mosquitto
from tests.rooms import BUSY, Unit, chain_of, of_track, open_track, policy_with, running, verify, wait_for
from tests.sound import samples, sounds_like, speech

FPS = 25


def _film(path: Path, seconds: int) -> None:
    """A video of photographs, each shown for a second with a slow move across it."""
    data = Path(skimage.__file__).parent / "data"
    photos = [
        data / name for name in ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png")
    ]
    stills = [next(av.open(str(photo)).decode(video=0)).reformat(720, 400, "yuv420p").to_ndarray() for photo in photos]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for n in range(seconds * FPS):
            still = stills[n // FPS % len(stills)]
            left = 2 * (n % FPS)
            rgb = av.VideoFrame.from_ndarray(still, format="yuv420p").to_ndarray(format="rgb24")
            part = np.ascontiguousarray(rgb[20:380, left : left + 640], dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(part, format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def test_ten_seconds_before_the_press_until_the_post_event_are_there_and_whole(
    tmp_path: Path, broker: Mosquitto
) -> None:
    """R5: sound and image of a recording begin a pre-event before the first press, end a post-event after the second,
    every frame decodes, no time stamp is missing, and the speech is the speech that was played (R4, K5: opened with age
    and cat alone).
    """
    speech(tmp_path / "speech.wav", 120)
    _film(tmp_path / "photos.mp4", 10)
    state = tmp_path / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=10, post_event_s=3)
    unit_toml = tmp_path / "unit.toml"
    text = (Path(__file__).parents[2] / "config" / "unit.toml").read_text()
    unit_toml.write_text(text.replace("# width = 1280", "width = 640").replace("# height = 720", "height = 360"))
    with running(
        state, policy=policy, unit=unit_toml, broker=broker.address,
        video=tmp_path / "photos.mp4", audio=tmp_path / "speech.wav",
    ) as unit:  # fmt: skip
        first, second, path = _press_twice(unit)
    verify(state, path)
    trigger_ns = json.loads((path / "begin.json").read_text())["trigger_boot_ns"]
    assert first.before_ns <= trigger_ns <= first.after_ns
    for track in ("audio", "video"):
        spans = _spans(path, track)
        assert 0 <= trigger_ns - 10e9 - spans[0][0] <= 1.3e9, f"{track} begins at most a segment early"
        assert second.before_ns + 3e9 <= spans[-1][1] <= second.after_ns + 3e9 + 1.3e9, "and ends as much later"
    video = open_track(state, path, "video", ("manager-1",), tmp_path / "video")
    audio = open_track(state, path, "audio", ("hr-manager-2",), tmp_path / "audio")
    _every_picture(video, path)
    _every_sound(audio, tmp_path / "speech.wav", path)


class Press(NamedTuple):
    """A press lies between these."""

    before_ns: int
    after_ns: int


def _press_twice(unit: Unit) -> tuple[Press, Press, Path]:
    unit.ready(10.0)
    clock = unit.room.clock

    def press() -> Press:
        before_ns = clock.boot_ns()
        unit.press("record")
        return Press(before_ns, clock.boot_ns())

    first = press()
    path = unit.started()
    assert unit.lamps()["recording"]
    for track in ("audio", "video"):
        wait_for(f"what follows in {track}", lambda track=track: _spans(path, track)[-1][0] > first.after_ns)  # type: ignore[misc]
    second = press()
    end = unit.ended(path)
    unit.phase("ready")
    assert end["why"] == "asked"
    assert not unit.lamps()["recording"], "R3: the lamp is dark when the last byte is written"
    assert len(unit.recordings()) == 1
    return first, second, path


def _spans(path: Path, track: str) -> list[tuple[int, int]]:
    """From when until when each line of a track's chain is; only a machine that is too busy may make a gap."""
    gaps = of_track(path, "gap", track)
    assert all(gap["reason"].startswith(BUSY) for gap in gaps), gaps
    spans = [(line["t0_boot_ns"], line["t1_boot_ns"]) for line in of_track(path, "segment", track)]
    return sorted([*spans, *((gap["from_boot_ns"], gap["to_boot_ns"]) for gap in gaps)]) or [(0, 0)]


def _every_picture(file: Path, recording: Path) -> None:
    wanted = sum(
        line["frames"] for line in chain_of(recording) if line["kind"] == "segment" and line["track"] == "video"
    )
    with av.open(str(file)) as opened:
        times = [frame.time or 0.0 for frame in opened.decode(video=0)]
    assert len(times) == wanted
    steps = np.diff(times)
    assert steps.min() > 0.03, "R5: a picture each 40 ms"
    assert of_track(recording, "gap", "video") or steps.max() < 0.06, "R5: and none missing without a word"


def _every_sound(file: Path, source: Path, recording: Path) -> None:
    with av.open(str(file)) as opened:
        frames = [(frame.time or 0.0, frame.samples, frame.sample_rate) for frame in opened.decode(audio=0)]
    gaps = [b[0] - a[0] - a[1] / a[2] for a, b in pairwise(frames)]
    assert of_track(recording, "gap", "audio") or max(map(abs, gaps)) < 0.005, "R5: sound without a hole"
    likeness, _ = sounds_like(samples(file), samples(source))
    assert likeness > 0.9, f"the speech is not the speech that was played: {likeness:.2f}"
