# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A recording on disk: what a kill or a power cut leaves is closed as it is, and verifies."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from daemon import records
from daemon.errors import StoreError
from daemon.inspection.directory import inspect
from daemon.inspection.judge import Expected
from daemon.recorder.bundle import Bundle
from daemon.recorder.closing import close_interrupted
from daemon.recorder.cutter import Hole
from daemon.recorder.ring import Sealed
from daemon.recorder.seal import Key
from daemon.sign import make_key, sign
from hardware.clock import SystemClock
from tests.dying import die_at
from tests.rooms import chain_of, verify

NS = 1_000_000_000
KEYS = [Key("age1one", b"age-encryption.org/v1\nenvelope one"), Key("age1two", b"age-encryption.org/v1\nenvelope two")]


def begin(recording_id: str = "a" * 32) -> records.Begin:
    track = records.TrackBegin(0, 0, 168)
    return records.Begin(
        recording_id, "unit", "policy", "0" * 64, "boot", "synchronised", 0, 0, 0, 30.0, alarm=False, continues=None,
        tracks={"audio": track, "video": track}, groups=(), previous_head="",
    )  # fmt: skip


def segment(n: int, key: Key = KEYS[0]) -> Sealed:
    return Sealed("video", n * NS, (n + 1) * NS, n * NS, "synchronised", 25, b"age-encryption.org/v1\n%d" % n, key)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A unit's directory with a signing key, as `verify` expects it."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "recordings").mkdir()
    make_key(tmp_path / "etc" / "unit_ed25519", "simulated-unit")
    return tmp_path


def bundle(state: Path) -> Bundle:
    return Bundle(state / "recordings", begin(), lambda data: sign(data, state / "etc" / "unit_ed25519"))


def test_a_closed_recording_verifies_and_names_the_key_of_each_segment(state: Path) -> None:
    """K5: sums, signatures and chain hold for ordinary tools; across a change of keys there are both envelopes."""
    open_ = bundle(state)
    open_.add([segment(0), segment(1, KEYS[1]), Hole("video", 2 * NS, 3 * NS, "cable"), segment(3, KEYS[1])])
    open_.mark("alarm", 4 * NS)
    open_.end("asked", "", SystemClock())
    verify(state, open_.path)
    lines = chain_of(open_.path)
    assert [line["kind"] for line in lines] == ["segment", "segment", "gap", "segment", "mark"]
    assert [line["key"] for line in lines if "key" in line] == ["video.0", "video.1", "video.1"]
    assert (open_.path / "video.1.key.age").read_bytes() == KEYS[1].envelope


def test_nothing_published_can_be_written_again(state: Path) -> None:
    """R5, K5: published files are read-only for the one who wrote them, too."""
    open_ = bundle(state)
    open_.add([segment(0)])
    for file in (open_.path / "begin.json", open_.path / "video" / "000000.ts.age"):
        assert file.stat().st_mode & 0o222 == 0
    open_.abandon()


def test_what_was_left_open_is_closed_as_interrupted(state: Path) -> None:
    """R5: after a kill the next start closes the recording as interrupted: segments that had not reached the chain are
    named as recovered, and everything verifies.
    """
    open_ = bundle(state)
    open_.add([segment(0), segment(1)])
    open_.abandon()
    stray = open_.path / "video" / "000002.ts.age"
    stray.write_bytes(segment(2).data)
    close_interrupted(open_.path, SystemClock(), lambda data: sign(data, state / "etc" / "unit_ed25519"))
    verify(state, open_.path)
    last = chain_of(open_.path)[-1]
    assert (last["what"], last["detail"].split()[0]) == ("recovered", "video/000002.ts.age")
    assert json.loads((open_.path / "end.json").read_text())["why"] == "interrupted"


@pytest.mark.parametrize("cut", [1, 40, 150])
def test_a_torn_line_stays_and_the_chain_goes_on_from_it(state: Path, cut: int) -> None:
    """R5: a line that a power cut tore is left as it is; the line after it says so and carries its hash."""
    open_ = bundle(state)
    open_.add([segment(0), segment(1)])
    open_.abandon()
    chain = open_.path / "chain.jsonl"
    with chain.open("r+b") as file:
        file.truncate(chain.stat().st_size - cut)
    close_interrupted(open_.path, SystemClock(), lambda data: sign(data, state / "etc" / "unit_ed25519"))
    raw = chain.read_bytes().splitlines(keepends=True)
    torn = next(json.loads(line) for line in raw if b'"torn"' in line)
    assert torn["prev"] == records.sha256(raw[1])
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=open_.path, check=True)


@pytest.mark.parametrize("point", range(1, 28))
def test_killed_at_any_step_it_can_be_closed(state: Path, point: int) -> None:
    """R5: killed at any call that touches the disk, a recording is closed by the next start and verifies, or was never
    begun.
    """
    story = f"""
from tests.recorder.test_bundle import KEYS, bundle, segment
from hardware.clock import SystemClock
b = bundle(Path({str(state)!r}))
b.add([segment(0), segment(1)]); b.add([segment(2, KEYS[1])])
b.end("asked", "", SystemClock())
"""
    die_at(point, ("fsync", "link", "mkdir"), story)
    path = state / "recordings" / ("a" * 32)
    if not path.exists() or not list(path.glob("begin.json")):
        with pytest.raises(StoreError):
            close_interrupted(path, SystemClock(), bytes)
        return
    if not (path / "SHA256SUMS.sig").exists():
        close_interrupted(path, SystemClock(), lambda data: sign(data, state / "etc" / "unit_ed25519"))
    verify(state, path)
    assert inspect(path, Expected(), ()).findings == ()
