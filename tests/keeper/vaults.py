# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Stores with recordings that are real in everything but what was seen: written, sealed and signed for real."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
from msgspec.structs import replace

from daemon import records
from daemon.config import load
from daemon.keeper.process import KeeperProcess
from daemon.keeper.verifier import Result
from daemon.paths import Paths
from daemon.people import Door
from daemon.recorder.bundle import Bundle
from daemon.recorder.cutter import Hole
from daemon.recorder.ring import Sealed
from daemon.recorder.seal import Key, make_key, seal
from daemon.sign import sign
from hardware.disk import FileSystemDisk
from hardware.ports import Track
from simulators.state import prepare
from tests.keeper.stores import NS, WALL_NS, Clock

SECONDS = 4


class Vault:
    """A unit's directory with three closed recordings and one that is being made, and a keeper that is not running."""

    def __init__(self, state: Path) -> None:
        self.paths: Paths = prepare(state, "heusden-2020", None, ("127.0.0.1", 1))
        self.paths.recordings.mkdir(parents=True, exist_ok=True)
        self.clock = Clock(100 * NS, WALL_NS)
        groups = load(self.paths.etc).policy.recipients()
        self.keys: dict[Track, Key] = {"audio": make_key(groups), "video": make_key(groups)}
        for letter in "abc":
            self.record(letter * 32).end("asked", "", self.clock)
        self.record("d" * 32).abandon()  # the file that its recorder would have open

    def record(self, recording_id: str) -> Bundle:
        """A recording with two tracks, a gap and a mark, not closed."""
        now_ns = self.clock.now_ns
        track = {"audio": records.TrackBegin(WALL_NS, now_ns, 168), "video": records.TrackBegin(WALL_NS, now_ns, 672)}
        begin = records.Begin(
            recording_id, "unit", "policy", "0" * 64, self.clock.boot, "synchronised", WALL_NS, now_ns, now_ns, 3.0,
            alarm=False, continues=None, tracks=track, groups=(), previous_head="",  # type: ignore[arg-type]  # tracks
        )  # fmt: skip
        bundle = Bundle(self.paths.recordings, begin, lambda data: sign(data, self.paths.signing_key))
        for n in range(SECONDS):
            bundle.add([self.segment("audio", n), self.segment("video", n)])
        bundle.add([Hole("video", SECONDS * NS, (SECONDS + 1) * NS, "unplugged")])
        bundle.mark("alarm", SECONDS * NS)
        return bundle

    def segment(self, track: Track, n: int) -> Sealed:
        """A sealed second."""
        key = self.keys[track]
        return Sealed(track, n * NS, (n + 1) * NS, n * NS, "synchronised", 25, seal(b"%d" % n * 900, key), key)

    def keeper(self) -> KeeperProcess:
        """A keeper that has made its first sweep, and runs no loop."""
        keeper = KeeperProcess(load(self.paths.etc), self.paths, self.clock, FileSystemDisk(self.paths.store), Door({}))
        keeper.begin()
        return keeper

    def verify(self) -> Result:
        """A start, a walk over the whole store, an end."""
        keeper = self.keeper()
        try:
            return walk(keeper)
        finally:
            keeper.close()

    def copy(self, to: Path) -> Vault:
        """The same store elsewhere."""
        found = Vault.__new__(Vault)
        found.__dict__ |= self.__dict__
        found.clock = Clock(self.clock.now_ns, self.clock.wall_ns)
        shutil.copytree(self.paths.etc.parent, to, symlinks=True)
        found.paths = Paths.below(to)
        return found


def walk(keeper: KeeperProcess) -> Result:
    """`store verify`, turn by turn."""
    before = keeper._verifier.result
    keeper._verifier.begin()
    while keeper._verifier.result is before:
        keeper._turn()
    assert keeper._verifier.result is not None
    return keeper._verifier.result


def rewrite(path: Path, **changes: object) -> None:
    """A begin.json that says something else."""
    begin = msgspec.json.decode((path / "begin.json").read_bytes(), type=records.Begin)
    (path / "begin.json").unlink()
    (path / "begin.json").write_bytes(records.encode(replace(begin, **changes)))
