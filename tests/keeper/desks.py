# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A keeper that runs in a thread, and people of several users and groups who come to its socket."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from daemon import records, sign
from daemon.config import load
from daemon.errors import LinkError
from daemon.keeper.process import KeeperProcess
from daemon.link import Conversation
from daemon.model.rights import Role
from daemon.paths import Paths
from daemon.people import Door
from hardware.disk import FileSystemDisk
from hardware.ports import ClockReading
from simulators.state import prepare
from tests.forks import forked
from tests.rooms import wait_for

NS = 1_000_000_000
DAY_NS = 86_400 * NS
NOW_NS = 1_795_321_026 * NS
"""A day in November 2026."""
OPERATORS, ENGINEERS, CUSTODIANS = 64_100, 64_101, 64_102
"""Group numbers that no machine gives away."""
GROUPS: dict[int, Role] = {ENGINEERS: "engineer", CUSTODIANS: "custodian"}
AS_SOMEBODY = """
import os
from daemon.errors import UnitError
from daemon.link import Conversation
os.setgroups(groups)
os.setgid(uid)
os.setuid(uid)
said = []
try:
    with Conversation(Path(path)) as keeper:
        for verb, args in asked:
            body, files = keeper.ask_for_files(verb, **args)
            said.append([body, [os.fdopen(fd, "rb").read().decode(errors="replace") for fd in files]])
except UnitError as error:
    said.append([str(error), error.exit_code])
"""


class Hands:
    """A clock that a test moves: both clocks go on together."""

    def __init__(self, wall_ns: int) -> None:
        self._start_ns, self.passed_ns = wall_ns, 0
        self.synchronised = True

    def boot_ns(self) -> int:
        """Since a boot a minute before."""
        return 60 * NS + self.passed_ns

    def read(self) -> ClockReading:
        """Both."""
        state = "synchronised" if self.synchronised else "unsynchronised"
        return ClockReading(self.boot_ns(), self._start_ns + self.passed_ns, state)  # type: ignore[arg-type]

    def boot_id(self) -> str:
        """One boot."""
        return "now"


class Somebody(NamedTuple):
    """A user of the machine."""

    uid: int
    groups: tuple[int, ...]


ANNA = Somebody(64_201, (OPERATORS, CUSTODIANS))
PIET = Somebody(64_202, (OPERATORS, ENGINEERS))
NOBODY = Somebody(64_203, (OPERATORS,))
STRANGER = Somebody(64_204, ())
ROOT = Somebody(0, ())


class RunningKeeper(NamedTuple):
    """The keeper, and what a test asks of it."""

    paths: Paths
    clock: Hands
    process: KeeperProcess

    def ask(self, verb: str, **args: Any) -> Any:
        """As the keeper's own user."""
        with Conversation(self.paths.keeper_socket) as keeper:
            return keeper.ask(verb, **args)

    def said_to(self, who: Somebody, *asked: tuple[str, dict[str, Any]]) -> list[Any]:
        """What somebody hears, an answer a question: body and contents of files, or at the end words and exit code."""
        ended = forked(AS_SOMEBODY, path=str(self.paths.keeper_socket), uid=who.uid, groups=who.groups, asked=asked)
        assert ended.code == 0
        found: list[Any] = ended.said
        return found

    def told(self, event: str) -> list[dict[str, Any]]:
        """The lines of the log about an event."""
        lines = (json.loads(line) for line in self.paths.audit_log.read_text().splitlines())
        return [line for line in lines if line["event"] == event]


def _listens(paths: Paths) -> bool:
    """Whether somebody takes a connection: the path is there a moment before."""
    try:
        with Conversation(paths.keeper_socket):
            return True
    except LinkError:
        return False


@contextlib.contextmanager
def open_desk(policy: str, wall_ns: int, *, own: bool = True) -> Iterator[RunningKeeper]:
    """A keeper with a store, at a place that other users can reach; `own` false: its own user has no rights here."""
    if os.geteuid() != 0:
        pytest.fail("users can be tried as root only: run this test as root")
    place = Path(tempfile.mkdtemp(prefix="spreekkamer-desk-"))
    place.chmod(0o755)
    paths = prepare(place, policy, None, ("127.0.0.1", 1))
    door = Door(GROUPS)
    if not own:
        door._own_uid = -1
    clock = Hands(wall_ns)
    process = KeeperProcess(load(paths.etc), paths, clock, FileSystemDisk(paths.store), door)
    thread = threading.Thread(target=process.run, name="keeper")
    thread.start()
    try:
        wait_for("the keeper's socket", lambda: _listens(paths))
        os.chown(paths.keeper_socket, 0, OPERATORS)  # as ExecStartPost= does
        yield RunningKeeper(paths, clock, process)
    finally:
        process.stop()
        thread.join()
        shutil.rmtree(place)


def recorded(
    paths: Paths, clock: Hands, name: str, age_ns: int, key: Path | None = None, *, continues: str | None = None
) -> Path:
    """A closed recording of this age, of two segments a track; signed where there is a key."""
    path = paths.recordings / name
    oldest_ns, boot_ns = clock.read().wall_ns - age_ns, clock.boot_ns() - age_ns
    tracks = {track: records.TrackBegin(oldest_ns, boot_ns, hours) for track, hours in (("audio", 168), ("video", 672))}
    begin = records.Begin(
        name, "unit", "policy", "0" * 64, "now", "synchronised", oldest_ns, boot_ns, boot_ns, 30.0, alarm=False,
        continues=continues, tracks=tracks, groups=(), previous_head="",  # type: ignore[arg-type]  # the keys are tracks
    )  # fmt: skip
    beside = path.with_name("." + name)
    files = {"begin.json": records.encode(begin), "chain.jsonl": b"{}\n", "end.json": b"{}\n"}
    for track in ("audio", "video"):
        (beside / track).mkdir(parents=True)
        files |= {f"{track}/{n:06d}.ts.age": f"sealed {track} {n}".encode() for n in range(2)}
        files[f"{track}.0.key.age"] = b"envelope"
    files["SHA256SUMS"] = "".join(f"{records.sha256(data)}  {file}\n" for file, data in files.items()).encode()
    files["SHA256SUMS.sig"] = sign.sign(files["SHA256SUMS"], key) if key else b"signed"
    for file, data in files.items():
        (beside / file).write_bytes(data)
    beside.rename(path)
    return path
