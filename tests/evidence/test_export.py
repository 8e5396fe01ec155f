"""Sealed copies: a recording on the medium, checked there, or nothing; damage is said, what is left is kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon import sign
from daemon.errors import RefusedError, RequestError, StoreError
from daemon.evidence.export import Copy, export
from daemon.link import Conversation
from tests.keeper.desks import DAY_NS, NOW_NS, RunningKeeper, open_desk, recorded
from tests.rooms import wait_for

A = "a" * 32


@pytest.fixture
def keeper() -> Iterator[RunningKeeper]:
    """A keeper with one closed recording, signed by the unit's own key."""
    with open_desk("heusden-2020", NOW_NS) as found:
        recorded(found.paths, found.clock, A, 0, found.paths.signing_key)
        wait_for("the keeper knows it", lambda: found.ask("recordings"))
        yield found


def copied(keeper: RunningKeeper, to: Path, start: str = A[:4]) -> Copy:
    """An export, checked with the unit's key."""
    keys = sign.public_keys(keeper.paths.signing_key.with_suffix(".pub"), sign.RECORDINGS)
    with Conversation(keeper.paths.keeper_socket) as said:
        return export(said, start, to, keys, lambda *_: None)


def contents(path: Path) -> dict[str, bytes]:
    """Every file of a recording."""
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def events(lines: Iterable[str]) -> list[str]:
    """What was done with a recording, of the lines that name it; what was seen of it stands there as well."""
    told = (str(json.loads(line)["event"]) for line in lines)
    return [event for event in told if event in {"deleting", "deleted", "handed_out"}]


def test_a_copy_is_the_recording(keeper: RunningKeeper, tmp_path: Path) -> None:
    """K5: the copy has every file as the store has it, whole and signed for; sha256sum says the same; beside it lies
    what the unit's log says of it, this hand-out included.
    """
    copy = copied(keeper, tmp_path)
    assert contents(tmp_path / A) == contents(keeper.paths.recordings / A)
    assert (copy.faults, copy.missing, copy.signed, copy.files) == ((), {}, True, 11)
    subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], cwd=tmp_path / A, check=True)
    sheet = json.loads((tmp_path / f"{A}.json").read_bytes())
    assert events(sheet["audit_lines"]) == ["handed_out"]
    assert sorted(file.name for file in tmp_path.iterdir()) == [A, f"{A}.json"]


def test_what_is_past_its_term_is_missing_with_its_receipt(keeper: RunningKeeper, tmp_path: Path) -> None:
    """K3, K5: sound that has been deleted is no fault of the copy: it is said, and its receipt lies beside."""
    keeper.clock.passed_ns += 8 * DAY_NS
    wait_for("the sound goes", lambda: keeper.told("deleted"))
    copy = copied(keeper, tmp_path)
    assert (copy.faults, copy.missing, copy.tracks) == ((), {"audio": 3}, ("video",))
    told = [event for event in events(copy.audit_lines) if event != "verified"]  # the store is walked once a day
    assert told == ["deleting", "deleted", "handed_out"]


def flip(path: Path) -> None:
    """One byte of a segment."""
    path.chmod(0o640)
    path.write_bytes(b"x" + path.read_bytes()[1:])


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a changed segment": (lambda path: flip(path / "video/000001.ts.age"), "video/000001.ts.age: is not what"),
    "a lost segment": (lambda path: (path / "video/000001.ts.age").unlink(), "video/000001.ts.age: is missing"),
    "a foreign file": (lambda path: (path / "holiday.jpg").write_bytes(b"x"), "holiday.jpg: the recorder does not"),
    "other sums": (lambda path: (path / "SHA256SUMS").write_bytes(b""), "SHA256SUMS.sig: the unit's key did not sign"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_said_and_the_rest_is_kept(damage: str, keeper: RunningKeeper, tmp_path: Path) -> None:
    """K5: a store that is damaged is copied as it is, and each damage is named."""
    spoil, words = DAMAGES[damage]
    spoil(keeper.paths.recordings / A)
    copy = copied(keeper, tmp_path)
    assert any(fault.startswith(words) for fault in copy.faults), copy.faults
    assert contents(tmp_path / A) == contents(keeper.paths.recordings / A)


def test_a_medium_that_fails_is_left_as_it_was(keeper: RunningKeeper, tmp_path: Path) -> None:
    """K5: a full medium, one that cannot be written, a copy that is there already: said, nothing half-made is left, and
    what was not handed out is not in the log.
    """
    medium = tmp_path / "stick"
    medium.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(medium)], check=True)
    try:
        with pytest.raises(StoreError, match="No space left on device; nothing was left there"):
            copied(keeper, medium)
        assert list(medium.iterdir()) == []
        subprocess.run(["mount", "-o", "remount,ro", str(medium)], check=True)
        with pytest.raises(StoreError, match="Read-only file system"):
            copied(keeper, medium)
    finally:
        subprocess.run(["umount", str(medium)], check=True)
    assert len(keeper.told("handed_out")) == 1
    copied(keeper, tmp_path)
    with pytest.raises(RequestError, match="is there already"):
        copied(keeper, tmp_path)
    with pytest.raises(RefusedError, match="no recordings have an id"):
        copied(keeper, tmp_path, "ffff")
    assert len(keeper.told("handed_out")) == 2


def test_killed_while_copying_it_can_be_made_again(keeper: RunningKeeper, tmp_path: Path) -> None:
    """K5: what an export that was killed has left is no copy, and does not stand in the next one's way."""
    (tmp_path / f".{A}.part").mkdir()
    (tmp_path / f".{A}.part" / "begin.json").write_bytes(b"half")
    assert copied(keeper, tmp_path).faults == ()
    assert not (tmp_path / f".{A}.part").exists()


def test_the_command(keeper: RunningKeeper, tmp_path: Path) -> None:
    """K5: `evidence export` says where the copy is, that it is sealed, and by its exit code whether it is whole."""

    def run(*words: str) -> tuple[int, Any]:
        command = [sys.executable, "-m", "daemon", "evidence", "export", A[:6], "--to", str(tmp_path), *words]
        state = ["--state", str(keeper.paths.etc.parent)]
        done = subprocess.run([*command, *state], capture_output=True, text=True, check=False, env={**os.environ})
        return done.returncode, " ".join((done.stdout or done.stderr).split())

    code, said = run()
    assert (code, "is whole" in said, "still sealed" in said) == (0, True, True), said
    shutil.rmtree(tmp_path / A)
    flip(keeper.paths.recordings / A / "audio/000000.ts.age")
    code, said = run("--json")
    assert code == 10
    assert json.loads(said)["faults"] == ["audio/000000.ts.age: is not what the recorder wrote"]
