# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Real speech and real photographs through a whole unit, opened with `age` and `cat`."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import skimage

from tests.brokers import Mosquitto
from tests.rooms import Unit, chain_of, open_track, policy_with, running, verify
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
        first_ns, second_ns, path = _press_twice(unit)
    verify(state, path)
    begin = json.loads((path / "begin.json").read_text())
    assert abs(begin["trigger_boot_ns"] - first_ns) < 0.3e9
    for track in ("audio", "video"):
        spans = [line for line in chain_of(path) if line["kind"] == "segment" and line["track"] == track]
        assert 0 <= first_ns - 10e9 - spans[0]["t0_boot_ns"] <= 1.3e9, f"{track} begins at most a segment early"
        assert 0 <= spans[-1]["t1_boot_ns"] - (second_ns + 3e9) <= 1.3e9, f"{track} ends at most a segment late"
        assert not [line for line in chain_of(path) if line["kind"] == "gap"]
    video = open_track(state, path, "video", ("manager-1",), tmp_path / "video")
    audio = open_track(state, path, "audio", ("hr-manager-2",), tmp_path / "audio")
    _every_picture(video, path)
    _every_sound(audio, tmp_path / "speech.wav")


def _press_twice(unit: Unit) -> tuple[int, int, Path]:
    unit.ready(10.0)
    clock = unit.room.clock

    def press() -> int:
        at_ns = clock.boot_ns()
        unit.press("record")
        return at_ns

    first_ns = press()
    path = unit.started()
    assert unit.lamps()["recording"]
    time.sleep(4)  # the story is told in seconds
    second_ns = press()
    end = unit.ended(path)
    unit.phase("ready")
    assert end["why"] == "asked"
    assert not unit.lamps()["recording"], "R3: the lamp is dark when the last byte is written"
    assert len(unit.recordings()) == 1
    return first_ns, second_ns, path


def _every_picture(file: Path, recording: Path) -> None:
    wanted = sum(
        line["frames"] for line in chain_of(recording) if line["kind"] == "segment" and line["track"] == "video"
    )
    with av.open(str(file)) as opened:
        times = [frame.time or 0.0 for frame in opened.decode(video=0)]
    assert len(times) == wanted
    steps = np.diff(times)
    assert 0.03 < steps.min() <= steps.max() < 0.06, "R5: a picture each 40 ms, none missing"


def _every_sound(file: Path, source: Path) -> None:
    with av.open(str(file)) as opened:
        frames = [(frame.time or 0.0, frame.samples, frame.sample_rate) for frame in opened.decode(audio=0)]
    gaps = [b[0] - a[0] - a[1] / a[2] for a, b in pairwise(frames)]
    assert max(map(abs, gaps)) < 0.005, "R5: sound without a hole"
    likeness, _ = sounds_like(samples(file), samples(source))
    assert likeness > 0.9, f"the speech is not the speech that was played: {likeness:.2f}"
