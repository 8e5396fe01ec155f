# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Two parts of one event, the first of which a disk cut off at some write: between them nothing is nowhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from daemon import durable
from daemon.errors import StoreError
from daemon.recorder.bundle import Bundle, Missing
from daemon.recorder.closing import missing_since
from daemon.recorder.cutter import Hole
from daemon.recorder.ring import Item, Sealed, end_ns
from daemon.recorder.seal import Key
from hardware.ports import Track
from tests.recorder.test_bundle import begin
from tests.rooms import chain_of

NS = 1_000_000_000
ONE, TWO = "a" * 32, "b" * 32
WHY = "it was cut off"
TRACKS: tuple[Track, ...] = ("audio", "video")
STEPS_MAX = 40


def sealed(track: Track, n: int) -> Sealed:
    key = Key(f"age1{track}", b"age-encryption.org/v1\nenvelope")
    return Sealed(track, n * NS, (n + 1) * NS, n * NS, "synchronised", 25, b"age-encryption.org/v1\n%d" % n, key)


def hole(track: Track, from_s: float, to_s: float) -> Hole:
    return Hole(track, round(from_s * NS), round(to_s * NS), "samples are missing")


EVENT: tuple[Item, ...] = (
    sealed("audio", 0), sealed("video", 0),
    hole("audio", 1.4, 1.7), sealed("audio", 1),  # silence stands for what is missing, and the segment goes on
    hole("video", 1.5, 2.0), sealed("video", 1),  # damaged pictures up to the key frame that ends the segment
    hole("audio", 2.9, 3.3), sealed("audio", 2),  # a hole that reaches into the next
    sealed("video", 2), hole("video", 3.0, 5.0),  # a cable
    sealed("audio", 3), sealed("audio", 4),
)  # fmt: skip
"""As the cutter gives them: short holes come before the segment in which they are, in time behind its beginning."""


def part(home: Path, name: str, missing: dict[Track, Missing]) -> Bundle:
    record = replace(begin(name), boot_id="boot", continues=None if name == ONE else ONE)
    return Bundle(home, record, lambda _: b"a signature", missing)


def nowhere(paths: list[Path], track: Track) -> list[tuple[float, float]]:
    """What of the event's five seconds no line of any part tells, in seconds."""
    spans = []
    for line in (line for path in paths for line in chain_of(path) if line.get("track") == track):
        names = ("t0_boot_ns", "t1_boot_ns") if line["kind"] == "segment" else ("from_boot_ns", "to_boot_ns")
        spans.append((line[names[0]] / NS, line[names[1]] / NS))
    found, at_s = [], 0.0
    for from_s, to_s in [*sorted(spans), (5.0, 5.0)]:
        if from_s > at_s:
            found.append((at_s, from_s))
        at_s = max(at_s, to_s)
    return found


class Refusing:
    """A disk that takes so many writes and then none, or where it is full, no segment: a line has room there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, writes: int, *, takes_lines: bool) -> None:
        self._left = writes
        monkeypatch.setattr(durable, "publish", self._until_then(durable.publish))
        if not takes_lines:
            monkeypatch.setattr(durable, "append", self._until_then(durable.append))

    def _until_then(self, act: Callable[..., None]) -> Callable[..., None]:
        def instead(*args: Any, **kwargs: Any) -> None:
            self._left -= 1
            if self._left < 0:
                raise StoreError("the disk refuses")
            act(*args, **kwargs)

        return instead


def is_whole(first: Bundle, orders: list[tuple[Item, ...]]) -> bool:
    """Whether the disk took all of it."""
    try:
        for items in orders:
            first.add(items)
    except StoreError:
        return False
    finally:
        first.abandon()
    return True


def goes_on(home: Path, first: Bundle, *, same_process: bool) -> Bundle:
    """The part after it: what the ring holds beyond what was durable; in another process the ring is empty."""
    had = first.ends_ns if same_process else {}
    missing: dict[Track, Missing] = {track: Missing(had.get(track, 0), WHY) for track in TRACKS}
    if same_process:
        items = [item for item in EVENT if end_ns(item) > had.get(item.track, 0)]
    else:
        missing |= missing_since(home, ONE, "boot")
        items = [sealed("audio", 5), sealed("video", 5)]
    second = part(home, TWO, missing)
    second.add(items)
    second.abandon()
    return second


@pytest.mark.case("recorder 2")
@pytest.mark.case("recorder 8")
@pytest.mark.parametrize("takes_lines", [True, False], ids=["full", "refuses"])
@pytest.mark.parametrize("same_process", [True, False], ids=["goes on", "kill"])
@pytest.mark.parametrize("orders", [[EVENT], [(item,) for item in EVENT]], ids=["ring", "live"])
def test_a_part_that_ends_at_any_write_leaves_nothing_untold(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    orders: list[tuple[Item, ...]],
    *,
    same_process: bool,
    takes_lines: bool,
) -> None:
    """R5, R8: a part ends at its n-th write, because the disk refuses, is full, or the process is killed there. What
    it has not on the disk the next part has: from the ring or, in another process, as a gap line.
    """
    for step in range(STEPS_MAX):
        home = tmp_path / str(step)
        home.mkdir()
        first = part(home, ONE, {})
        with monkeypatch.context() as patch:
            Refusing(patch, step, takes_lines=takes_lines)
            if is_whole(first, orders):
                return
        second = goes_on(home, first, same_process=same_process)
        for track in TRACKS:
            assert not nowhere([first.path, second.path], track), f"{track}, ended at write {step}"
    raise AssertionError("the story has more writes than were tried")
