# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Ninety minutes at 1080p25: command and page within their bounds, beside ordinary programs on the same bytes.

`make evidence-long` (ARGS="--minutes 90"): makes the recording through the real cutter, sealer and writer, faster than
real time, prints each figure beside its bound, and fails for one that is not held. Takes six times its size on disk.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hardware.ports import VideoFormat
from tests.evidence.browser import Browser
from tests.evidence.made import Holders, Unit

A = "a" * 32
FORMAT = VideoFormat(1920, 1080, 25, 2_000_000)
FIRST_PICTURE_S, PAGE_MB, STEP_MS, RATIO = 5.0, 600, 40.0, 1.3
MB = 1_000_000


def main() -> None:
    """Makes, measures, prints, fails for any bound that is not held."""
    parser = argparse.ArgumentParser(prog="python -m tests.evidence.long", description=__doc__)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--home", type=Path, help="keeps the recording there, and takes it up again")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as spare:
        broken = _measured(asked.home or Path(spare), round(asked.minutes * 60))
    for what in broken:
        sys.stdout.write(f"NOT HELD: {what}\n")
    sys.exit(1 if broken else 0)


def _measured(home: Path, seconds: int) -> list[str]:
    home.mkdir(parents=True, exist_ok=True)
    path, key = home / "unit/recordings" / A, home / "holders/manager-1.key"
    if not (path / "SHA256SUMS.sig").exists():
        began = time.monotonic()
        Unit(home / "unit").record(A, Holders(home / "holders"), seconds=seconds, fmt=FORMAT)
        _say(f"made {seconds} s in {time.monotonic() - began:.0f} s")
    archive = home / "opname.zip"
    if not archive.exists():
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as copy:
            for file in sorted(path.rglob("*")):
                if file.is_file():
                    copy.write(file, f"{A}/{file.relative_to(path)}")
    _say(f"{archive.stat().st_size / MB:.0f} MB in {sum(1 for _ in path.rglob('*'))} files")
    return [*_command(home, path, key, seconds), *_page(home, archive, key, seconds)]


def beside(home: Path, path: Path, key: Path) -> dict[str, tuple[float, float]]:
    """Seconds that verify and open take on a recording, each beside ordinary programs; leaves `film.mp4` in `home`."""

    def evidence(*words: object) -> Callable[[], object]:
        command = [sys.executable, "-m", "daemon", "evidence", *map(str, words)]
        return lambda: subprocess.run(command, check=True, capture_output=True)

    def shell(script: str) -> Callable[[], object]:
        return lambda: subprocess.run(["sh", "-ec", script], check=True, capture_output=True, cwd=path)

    film, hand = home / "film.mp4", home / "hand"
    hand.mkdir(exist_ok=True)
    film.unlink(missing_ok=True)
    sums = _took(shell("sha256sum --quiet --strict -c SHA256SUMS"))
    verified = _took(evidence("verify", path))
    opened = _took(evidence("open", path, "--identity", key, "--out", film))
    by_hand = _took(shell(
        f"for t in video audio; do age -d -i {key} $t.0.key.age > {hand}/$t.key; "
        f"for f in $t/*.ts.age; do age -d -i {hand}/$t.key $f; done > {hand}/$t.mts; done; "
        f"ffmpeg -v error -y -copyts -i {hand}/video.mts -i {hand}/audio.mts -map 0:v -map 1:a -c copy {hand}/both.mp4"
    ))  # fmt: skip
    return {
        "verify beside sha256sum": (verified, sums),
        "open beside sha256sum, age and ffmpeg": (opened, sums + by_hand),  # `open` verifies first
    }


def _command(home: Path, path: Path, key: Path, seconds: int) -> Iterator[str]:
    for what, (ours, theirs) in beside(home, path, key).items():
        yield from _held(what, ours / theirs, RATIO, f"{ours:.1f} s, {theirs:.1f} s")
    yield from _film(home / "film.mp4", seconds)


def _film(film: Path, seconds: int) -> Iterator[str]:
    probe = subprocess.run(
        ["ffprobe", "-v", "warning", "-show_entries", "stream=codec_type,nb_frames", "-of", "json", str(film)],
        check=True, capture_output=True,
    )  # fmt: skip
    streams = {one["codec_type"]: one for one in json.loads(probe.stdout)["streams"]}
    frames = int(streams["video"]["nb_frames"])
    _say(f"{frames} pictures, expected {seconds * 25}; ffprobe warns of {len(probe.stderr.splitlines())} things")
    if frames != seconds * 25 or probe.stderr:
        yield f"{frames} pictures, {probe.stderr.decode()[:200]}"
    for where, at in (("start", 2), ("middle", seconds // 2), ("end", seconds - 6)):
        apart = _apart_ms(film, at)
        yield from _held(f"sound against image at the {where}, ms", apart, STEP_MS)


def _apart_ms(film: Path, at_s: int) -> float:
    """How far the click of a full second is from the picture of that second: the card's numbers, the tone's clicks."""
    import av  # noqa: PLC0415 - with the decoder, for this measurement alone

    from simulators.testcard import read_frame_number  # noqa: PLC0415 - as above

    with av.open(film) as container:
        container.seek(at_s * 1_000_000)
        for picture in container.decode(video=0):
            number = read_frame_number(picture.to_ndarray()[: picture.height])
            if (picture.time or 0) >= at_s and number is not None and number % 25 == 0:
                shown = picture.time or 0.0
                break
    with av.open(film) as container:
        container.seek(int((shown - 0.5) * 1_000_000))
        for frame in container.decode(audio=0):
            loud = abs(frame.to_ndarray()[0])
            heard = (frame.time or 0.0) + float((loud > 0.4).argmax()) / frame.sample_rate  # the click's beginning
            if loud.max() > 0.4 and heard > shown - 0.4:
                return abs(heard - shown) * 1000
    return float("inf")


def _page(home: Path, archive: Path, key: Path, seconds: int) -> Iterator[str]:
    browser = Browser()
    watch = _Memory(browser.pid)
    try:
        browser.open()
        began = time.monotonic()
        browser.give("#zip", archive)
        browser.state("judged", "refused", "failed", ms=1_200_000)
        _say(f"page: judged in {time.monotonic() - began:.1f} s")
        began = time.monotonic()
        browser.give("#key", key)
        browser.do("wait", js="document.querySelector('video').currentTime > 0", ms=120_000)
        yield from _held("page: first picture after the key, s", time.monotonic() - began, FIRST_PICTURE_S)
        for at in (seconds // 2, seconds - 20, 5):
            began = time.monotonic()
            browser.do("eval", js=f"void (document.querySelector('video').currentTime = {at})")
            browser.do("wait", js=f"Math.abs(document.querySelector('video').currentTime - {at} - 1) < 0.9", ms=120_000)
            _say(f"page: plays at {at} s, {time.monotonic() - began:.1f} s after the click")
        yield from _held("page: memory while it plays, MB", watch.peak_mb, PAGE_MB)
        began = time.monotonic()
        browser.do("save", at="#mp4", path=str(home / "page.mp4"), ms=3_600_000)
        _say(f"page: MP4 in {time.monotonic() - began:.1f} s; memory up to {watch.peak_mb:.0f} MB")
        yield from _film(home / "page.mp4", seconds)
    finally:
        watch.stop()
        browser.close()


class _Memory:
    """The largest resident size of any browser process that shows a page, looked at twice a second."""

    def __init__(self, parent: int) -> None:
        self._parent, self.peak_mb, self._ended = parent, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(0.5):
            listed = subprocess.run(["ps", "-eo", "rss=,args="], capture_output=True, text=True, check=True).stdout
            pages = [line.split(None, 1) for line in listed.splitlines() if "--type=renderer" in line]
            self.peak_mb = max([self.peak_mb, *(int(rss) * 1024 / MB for rss, _ in pages)])

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()


def _held(what: str, value: float, bound: float, more: str = "") -> Iterator[str]:
    _say(f"{what}: {value:.2f} (at most {bound:g}) {more}")
    if value > bound:
        yield f"{what}: {value:.2f}, expected {bound:g} at most"


def _took(act: Callable[[], Any]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "200")
    main()
