# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Sealed copies: every part of an event in one zip on the medium, checked there, or nothing; damage is said."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from daemon import records, sign
from daemon.__main__ import app
from daemon.config import load
from daemon.errors import RefusedError, RequestError, StoreError
from daemon.evidence.export import PAGE, README, Copy, to_medium
from daemon.evidence.source import sources
from daemon.evidence.verify import Verdict, verify
from daemon.link import Conversation
from daemon.model.policy import fingerprint
from daemon.model.register import Handing
from simulators.state import prepare
from tests.disks import small_disk
from tests.evidence.made import Holders, Unit
from tests.keeper.desks import DAY_NS, NOW_NS, RunningKeeper, open_desk
from tests.rooms import wait_for

A, B = "a" * 32, "b" * 32
WHY = Handing("demand", "2026-1", "manager")
SAID = ("--purpose", "demand", "--number", "2026-1", "--role", "manager")


def record(keeper: RunningKeeper, name: str, holders: Holders, **begin: Any) -> None:
    """A closed recording of now in the keeper's store, signed by the unit's own key."""
    unit, now = Unit.__new__(Unit), keeper.clock.read()
    unit.key, unit.store = keeper.paths.signing_key, keeper.paths.recordings
    terms = {"audio": 168, "video": 672}
    tracks = {track: records.TrackBegin(now.wall_ns, now.boot_ns, hours) for track, hours in terms.items()}
    told = {"at_wall_ns": now.wall_ns, "boot_id": keeper.clock.boot_id(), "tracks": tracks, **begin}
    unit.record(name, holders, seconds=2, start_ns=now.boot_ns, **told)
    wait_for("the keeper knows it", lambda: any(one["recording_id"] == name for one in keeper.ask("recordings")))


@pytest.fixture
def holders(tmp_path_factory: pytest.TempPathFactory) -> Holders:
    """Who may open."""
    return Holders(tmp_path_factory.mktemp("holders"))


@pytest.fixture
def keeper(holders: Holders) -> Iterator[RunningKeeper]:
    """A keeper with one closed recording."""
    with open_desk("heusden-2020", NOW_NS) as found:
        record(found, A, holders)
        yield found


def copied(keeper: RunningKeeper, to: Path, start: str = A[:4]) -> Copy:
    """An export."""
    with Conversation(keeper.paths.keeper_socket) as said:
        return to_medium(said, start, to, lambda _: None, WHY)


def verdicts(keeper: RunningKeeper, copy: Path) -> list[Verdict]:
    """What the unit's public key says of it."""
    keys = sign.public_keys(keeper.paths.signing_key.with_suffix(".pub"), sign.RECORDINGS)
    return [verify(source, keys).verdict for source in sources(copy)]


def contents(path: Path) -> dict[str, bytes]:
    """Every file of a recording."""
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def zipped(path: Path, recording_id: str) -> dict[str, bytes]:
    """Every file of a recording in a zip."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = [name for name in archive.namelist() if name.startswith(f"{recording_id}/")]
        return {name.removeprefix(f"{recording_id}/"): archive.read(name) for name in names}


def events(lines: Iterable[str]) -> list[str]:
    """What was done with a recording, of the lines that name it; what was seen of it stands there as well."""
    told = (str(json.loads(line)["event"]) for line in lines)
    return [event for event in told if event in {"deleting", "deleted", "handed_out"}]


def test_a_copy_is_the_recording(keeper: RunningKeeper, tmp_path: Path) -> None:
    """K5: one uncompressed zip has every file as the store has it, whole and signed for, and what the unit's log says
    of it, this hand-out included; the page and the instructions lie in it, the page beside it; what LEESMIJ.txt says to
    run says the same, where it is unpacked.
    """
    copy = copied(keeper, tmp_path)
    path = tmp_path / "opname-aaaaaaaa.zip"
    assert (copy.path, [sheet.files for sheet in copy.recordings], copy.open) == (path, [12], ())
    assert zipped(path, A) == contents(keeper.paths.recordings / A)
    assert [(one.whole, one.unit) for one in verdicts(keeper, path)] == [(True, "yes")]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["opname-aaaaaaaa.zip", "opname.html"]
    with zipfile.ZipFile(path) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert not any(info.flag_bits & 8 for info in archive.infolist()), "each length stands before its bytes"
        assert archive.read("opname.html") == PAGE.read_bytes() == (tmp_path / "opname.html").read_bytes()
        script = archive.read("LEESMIJ.txt").decode().split("---- check.sh ----\n")[1].split("---- end of")[0]
        assert events(json.loads(archive.read(f"{A}.json"))["audit_lines"]) == ["handed_out"]
        archive.extractall(tmp_path / "out")
    signers = keeper.paths.signing_key.parent / "allowed_signers"
    done = subprocess.run(["sh", "-s", str(tmp_path / "out" / A), str(signers)], input=script, capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert done.stdout.splitlines()[0] == "whole: yes", done.stdout + done.stderr
    assert done.stdout.splitlines()[1].startswith("unit: yes SHA256:")
    assert README.is_file()


def test_what_is_past_its_term_is_missing_with_its_receipt(keeper: RunningKeeper, tmp_path: Path) -> None:
    """K3, K5: sound that has been deleted is no fault of the copy: it is said, with the line of its receipt."""
    keeper.clock.passed_ns += 8 * DAY_NS
    wait_for("the sound goes", lambda: keeper.told("deleted"))
    copy = copied(keeper, tmp_path)
    (verdict,) = verdicts(keeper, tmp_path / "opname-aaaaaaaa.zip")
    assert (verdict.whole, verdict.unit, list(verdict.deleted)) == (True, "yes", ["audio"])
    assert copy.recordings[0].tracks == ("video",)
    assert events(copy.recordings[0].audit_lines) == ["deleting", "deleted", "handed_out"]


def test_every_part_of_an_event_goes_along(keeper: RunningKeeper, holders: Holders, tmp_path: Path) -> None:
    """K5, R8: a recording that a recorder's death cut in two goes as one copy, whichever part is asked for."""
    record(keeper, B, holders, continues=A)
    copied(keeper, tmp_path, B[:4])
    found = verdicts(keeper, tmp_path / "opname-bbbbbbbb.zip")
    assert [(one.recording_id, one.whole) for one in found] == [(A, True), (B, True)]
    assert [line["recording_id"] for line in keeper.told("handed_out")] == [A, B]


def flip(path: Path) -> None:
    """One byte of a segment."""
    path.chmod(0o640)
    path.write_bytes(b"x" + path.read_bytes()[1:])


DAMAGES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a changed segment": (lambda path: flip(path / "video/000001.ts.age"), "video/000001.ts.age", "is not what"),
    "a lost segment": (lambda path: (path / "video/000001.ts.age").unlink(), "video/000001.ts.age", "is missing"),
    "a foreign file": (lambda path: (path / "holiday.jpg").write_bytes(b"x"), "holiday.jpg", "is foreign"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_said_and_the_rest_is_kept(damage: str, keeper: RunningKeeper, tmp_path: Path) -> None:
    """K5: a store that is damaged is copied as it is, and each damage is named."""
    spoil, place, words = DAMAGES[damage]
    spoil(keeper.paths.recordings / A)
    copied(keeper, tmp_path)
    (verdict,) = verdicts(keeper, tmp_path / "opname-aaaaaaaa.zip")
    assert [(fault.path, fault.what.startswith(words)) for fault in verdict.faults] == [(place, True)]
    assert zipped(tmp_path / "opname-aaaaaaaa.zip", A) == contents(keeper.paths.recordings / A)


def test_a_medium_that_fails_is_left_as_it_was(keeper: RunningKeeper, tmp_path: Path) -> None:
    """K5: a full medium, one that cannot be written, a copy that is there already: nothing half-made is left."""
    medium = tmp_path / "stick"
    medium.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(medium)], check=True)
    try:
        with pytest.raises(StoreError, match="No space left on device; nothing was left there"):
            copied(keeper, medium)
        assert list(medium.iterdir()) == []
        # A child of the keeper that is about to become ssh-keygen holds the part's file until then.
        wait_for(
            "read-only", lambda: subprocess.run(["mount", "-o", "remount,ro", medium], check=False).returncode == 0
        )
        with pytest.raises(StoreError, match="Read-only file system"):
            copied(keeper, medium)
    finally:
        wait_for("unmounted", lambda: subprocess.run(["umount", medium], check=False).returncode == 0)
    assert len(keeper.told("handed_out")) == 1
    copied(keeper, tmp_path)
    with pytest.raises(RequestError, match="is there already"):
        copied(keeper, tmp_path)
    with pytest.raises(RefusedError, match="no recordings have an id"):
        copied(keeper, tmp_path, "ffff")
    assert len(keeper.told("handed_out")) == 2


def test_what_is_deleted_while_it_is_copied(keeper: RunningKeeper, tmp_path: Path) -> None:
    """K1, K5: the sound's term ends while the image is being copied: no copy is left that has what the log says is
    gone, and passes for damaged ever after; made again, it is whole.
    """
    copied_bytes = 0

    def step(count: int) -> None:
        nonlocal copied_bytes
        copied_bytes += count
        if keeper.clock.passed_ns < 8 * DAY_NS and copied_bytes > size - 1000:
            keeper.clock.passed_ns += 8 * DAY_NS
            wait_for("the sound goes", lambda: keeper.told("deleted"))

    size = sum(len(data) for data in contents(keeper.paths.recordings / A).values())
    with Conversation(keeper.paths.keeper_socket) as said, pytest.raises(StoreError, match="audio was deleted at its"):
        to_medium(said, A, tmp_path, step, WHY)
    assert list(tmp_path.glob("*.zip*")) == list(tmp_path.glob(".*.part")) == []
    copied(keeper, tmp_path)
    assert [one.whole for one in verdicts(keeper, tmp_path / "opname-aaaaaaaa.zip")] == [True]


def test_a_link_on_the_stick_is_not_written_through(keeper: RunningKeeper, tmp_path: Path) -> None:
    """K5: a stick that brings a link along, of the name under which the copy grows: what it leads to stays as it is."""
    (tmp_path / "mine").write_text("mine")
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / ".opname-aaaaaaaa.zip.part").symlink_to(tmp_path / "mine")
    copied(keeper, stick)
    assert (tmp_path / "mine").read_text() == "mine"


def test_killed_while_copying_it_can_be_made_again(keeper: RunningKeeper, tmp_path: Path) -> None:
    """K5: what an export that was killed has left is no copy, and does not stand in the next one's way."""
    (tmp_path / ".opname-aaaaaaaa.zip.part").write_bytes(b"half")
    copied(keeper, tmp_path)
    assert not (tmp_path / ".opname-aaaaaaaa.zip.part").exists()


def test_the_command(keeper: RunningKeeper, tmp_path: Path) -> None:
    """K5: `evidence export` says where the copy is and what came of checking it, by its exit code as well; to standard
    output it is the same zip, byte for byte but for the log's lines.
    """

    def run(to: str, *words: str) -> tuple[int, bytes, str]:
        here = ["--same-disk", "a test"]
        command = [sys.executable, "-m", "daemon", "evidence", "export", A[:6], *SAID, "--to", to, *here, *words]
        state = ["--state", str(keeper.paths.etc.parent)]
        done = subprocess.run([*command, *state], capture_output=True, check=False, env={**os.environ})
        return done.returncode, done.stdout, " ".join((done.stdout if to != "-" else done.stderr).decode().split())

    code, _, said = run(str(tmp_path))
    assert (code, "Whole: yes" in said, "still sealed" in said) == (0, True, True), said
    code, data, said = run("-")
    assert code == 0, said
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(tmp_path / "opname-aaaaaaaa.zip") as other:
        assert archive.namelist() == other.namelist()
        assert all(archive.read(name) == other.read(name) for name in archive.namelist() if name != f"{A}.json")
    (tmp_path / "opname-aaaaaaaa.zip").unlink()
    flip(keeper.paths.recordings / A / "audio/000000.ts.age")
    code, data, _ = run(str(tmp_path), "--json")
    assert code == 10
    told: dict[str, Any] = json.loads(data)
    assert [fault["path"] for fault in told["verdicts"][0]["faults"]] == ["audio/000000.ts.age"]


@pytest.mark.case("keeper 11")
def test_a_copy_on_the_unit_itself_needs_a_reason(keeper: RunningKeeper, tmp_path: Path) -> None:
    """K1: nothing deletes a copy on the unit's own disk or in its memory: it is refused before anything is handed out,
    also through a redirection, unless a reason is given, which stands in the log. In the store it is refused always.
    """
    state = ["--state", str(keeper.paths.etc.parent)]

    def run(to: Path | str, *words: str, out: int = subprocess.PIPE) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "daemon", "evidence", "export", A[:6], *SAID, "--to", str(to), *words, *state]
        return subprocess.run(command, stdout=out, stderr=subprocess.PIPE, check=False)

    with (tmp_path / "redirected.zip").open("wb") as file:
        refused = run(tmp_path), run(Path("/dev") / "shm"), run("-", out=file.fileno())
    assert [b"nothing would ever delete" in b" ".join(done.stderr.split()) for done in refused] == [True] * 3
    assert all(done.returncode not in {0, 10} for done in refused)
    for inside in (keeper.paths.store, keeper.paths.recordings, keeper.paths.recordings / A):
        done = run(inside, "--same-disk", "a test")
        assert b"lies in the store" in b" ".join(done.stderr.split())
    assert (tmp_path / "redirected.zip").stat().st_size == 0
    assert list(tmp_path.glob("*opname*")) == []
    assert keeper.told("handed_out") == []
    assert run(tmp_path, "--same-disk", "the stick is broken; moved tomorrow").returncode == 0
    (line,) = keeper.told("handed_out")
    assert line["same_disk"] == "the stick is broken; moved tomorrow"
    assert run("-").returncode == 0  # a pipe
    with small_disk(tmp_path / "stick", 20) as stick:
        done = run(stick)
        kind = subprocess.run(["stat", "-f", "-c", "%T", str(stick)], capture_output=True, text=True, check=True)
        assert (done.returncode == 0) is (kind.stdout.strip() != "tmpfs"), done.stderr
    assert [line["same_disk"] for line in keeper.told("handed_out")][1:] in ([None], [None, None])
    (tmp_path / "opname-aaaaaaaa.zip").unlink()
    refused_reason = run(tmp_path, "--same-disk", "two\nlines")
    assert b"--same-disk: expected one line" in b" ".join(refused_reason.stderr.split())


def test_which_holders_open_a_recording(keeper: RunningKeeper, holders: Holders) -> None:
    """K6: `recordings show` names the holders that open it: by their label in the policy in force, or by the
    fingerprint of a key that is in it no more.
    """
    policy = load(keeper.paths.etc).policy
    record(keeper, B, holders, groups=policy.recipients())
    state = ["--state", str(keeper.paths.etc.parent)]

    def said(name: str) -> str:
        return " ".join(
            CliRunner().invoke(app, ["recordings", "show", name, *state], env={"COLUMNS": "250"}).output.split()
        )

    assert all(holder.label in said(B) for holder in policy.holders)
    old = fingerprint(holders.groups[0][0])
    assert f"{old} (no holder of the policy now)" in said(A)


def test_a_policy_that_leaves_a_group_without_its_holders(tmp_path: Path) -> None:
    """K6: the settings check warns before what was recorded until then opens with keys alone that are in no policy."""
    paths = prepare(tmp_path / "room", "heusden-2020", None, ("127.0.0.1", 1))
    later = (paths.etc / "policy.toml").read_text()
    others = iter(Holders(tmp_path / "others", (tuple(f"new-{n}" for n in range(8)),)).groups[0])
    kept = re.sub(r"in_force_from = \S+", "in_force_from = 2099-01-01", later)
    (paths.etc / "policy.d").mkdir(exist_ok=True)

    def said(text: str) -> str:
        (paths.etc / "policy.d/later.toml").write_text(text)
        done = CliRunner().invoke(app, ["settings", "check", "--state", str(tmp_path / "room")], env={"COLUMNS": "250"})
        return " ".join(f"{done.output} {done.exception or ''}".split())

    assert "no holder of group" not in said(kept)
    assert "no holder of group 1 of policy.toml" in said(re.sub(r"age1[a-z0-9]+", lambda _: next(others), kept))
