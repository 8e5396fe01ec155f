# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The guide's way to put sound and image together, run as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from daemon.recorder.cutter import Clear, audio_cutter, video_cutter
from daemon.recorder.encoder import AudioEncoder, AudioPacket
from tests.recorder.streams import PICTURE, SOUND, START_NS, blocks, pictures, sounds

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "opening-a-recording.md"
LATE_NS = 400_000_000


@pytest.mark.case("recorder 14")
def test_both_together_are_as_long_as_they_are_and_in_step(tmp_path: Path) -> None:
    """K5: by the guide's line sound and image are one film that begins at nought, lasts as long as the recording, and
    keeps the two in step.
    """
    here, opened = tmp_path / "recording", tmp_path / "open"
    here.mkdir()
    opened.mkdir()
    image = video_cutter(PICTURE)
    pieces = [c for p in pictures(4.1) for c in image.feed(p)]
    (opened / "video.mts").write_bytes(b"".join(c.data for c in pieces if isinstance(c, Clear)))
    encoder = AudioEncoder(SOUND, 64_000)
    sound = audio_cutter(encoder)
    heard = sounds(encoder, blocks(4, START_NS + LATE_NS))
    pieces = [c for p in heard if isinstance(p, AudioPacket) for c in sound.feed(p)]
    (opened / "audio.mts").write_bytes(b"".join(c.data for c in pieces if isinstance(c, Clear)))
    (line,) = re.findall(r"^\$ (ffmpeg .*)$", GUIDE.read_text(), re.MULTILINE)
    subprocess.run(line.replace("ffmpeg", "ffmpeg -loglevel error"), shell=True, check=True, cwd=here)  # noqa: S602 - the guide's
    told = subprocess.run(
        ["ffprobe", "-loglevel", "error", "-of", "json", "-show_format", "-show_packets", str(opened / "both.mkv")],
        capture_output=True, check=True,
    )  # fmt: skip
    found = json.loads(told.stdout)
    assert 3.5 < float(found["format"]["duration"]) < 5.0
    first = {
        kind: min(float(p["pts_time"]) for p in found["packets"] if p["codec_type"] == kind)
        for kind in ("video", "audio")
    }
    assert first["video"] == pytest.approx(0.0, abs=0.03)
    assert first["audio"] - first["video"] == pytest.approx(LATE_NS / 1e9, abs=0.04)
