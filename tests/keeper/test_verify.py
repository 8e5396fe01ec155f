# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`store verify`: every planted fault is named, and nothing else; it reads without a key and is in nobody's way."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.inspection import directory, files
from daemon.keeper import worker
from daemon.keeper.store import H_NS
from daemon.keeper.verifier import AGAIN_NS, EARLIEST_NS, PAGE_MAX
from daemon.model.timeline import DAY_NS
from tests.keeper.planted import PLANTED, SEG, A, B
from tests.keeper.stores import NS, audit_lines
from tests.keeper.vaults import SECONDS, Vault, walk

OPEN = "d" * 32


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    """Made once: keys and signatures take a second."""
    return Vault(tmp_path_factory.mktemp("vault") / "unit")


@pytest.fixture
def vault(made: Vault, tmp_path: Path) -> Vault:
    """A store of its own for each test."""
    return made.copy(tmp_path / "unit")


def test_a_store_that_is_whole_has_no_fault(vault: Vault) -> None:
    """K3: three closed recordings and one that is being made: everything is accounted for, read and counted."""
    vault.paths.ring_time.write_bytes(b"{}")  # the keeper's own, once a ring has run for an hour
    result = vault.verify()
    assert result.findings == ()
    assert (result.recordings, result.faults, result.foreign) == (4, 0, 0)
    inside = [file for file in vault.paths.recordings.rglob("*") if file.is_file()]
    assert result.files == len(inside) + 1, "the audit log is read as well"
    (line,) = audit_lines(vault.paths.store, "verified")
    assert (line["files"], line["faults"], line["named"]) == (result.files, 0, [])


def test_it_runs_without_any_key_that_opens(vault: Vault) -> None:
    """K5, R6: with every secret key of the unit and of its holders taken away, the walk says the same."""
    shutil.rmtree(vault.paths.etc.parent / "holders")
    vault.paths.signing_key.unlink()
    assert vault.verify().findings == ()


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_fault_is_found_and_nothing_else(vault: Vault, what: str) -> None:
    """K3: one thing is wrong in the store: it is named, by its place and in words, and nothing else is; nothing of what
    was planted is touched.
    """
    plant, where, words = PLANTED[what]
    vault.verify()
    plant(vault.paths.recordings / B, vault.paths.store)
    before = sorted(str(path) for path in vault.paths.recordings.rglob("*"))
    result = vault.verify()
    place = where.removeprefix("../") if where.startswith("../") else f"recordings/{where}"
    assert [finding.path for finding in result.findings] == [place]
    assert words in result.findings[0].what
    assert result.faults == 1
    assert sorted(str(path) for path in vault.paths.recordings.rglob("*")) == before
    assert audit_lines(vault.paths.store, "verified")[-1]["named"] == [place]


def test_twenty_kinds_at_once(vault: Vault) -> None:
    """K3: many faults in one store are found together, each once."""
    kinds = ["changed segment", "foreign file", "extra envelope", "left over from a write", "foreign file in a track",
             "missing envelope", "bad signature of the sums", "foreign file in the store"]  # fmt: skip
    for what in kinds:
        PLANTED[what][0](vault.paths.recordings / B, vault.paths.store)
    result = vault.verify()
    # What stands beside a begin.json and is in no sums is one finding, so is what the sums say otherwise.
    assert {PLANTED[what][1].rpartition("/")[2] for what in kinds} == {
        f.path.rpartition("/")[2] for f in result.findings
    }


def test_a_deleted_track_is_no_fault_and_what_is_left_of_it_is(vault: Vault) -> None:
    """K3: a track with a receipt is not missed. Its envelope, put back, is named and deleted again; a track that went
    without a receipt is named.
    """
    vault.verify()
    vault.clock.on(169 * H_NS)
    envelope = (vault.paths.recordings / A / "audio.0.key.age").read_bytes()
    assert [finding.path for finding in vault.verify().findings] == [f"recordings/{OPEN}/{name}" for name in
            ("SHA256SUMS", "SHA256SUMS.sig", "end.json")], "one that was never closed is named by now"  # fmt: skip
    keeper = vault.keeper()
    (vault.paths.recordings / A / "audio.0.key.age").write_bytes(envelope)
    shutil.rmtree(vault.paths.recordings / B / "video")
    (vault.paths.recordings / B / "video.0.key.age").unlink()
    found = {finding.path: finding.what for finding in walk(keeper).findings if OPEN not in finding.path}
    keeper.close()
    assert not (vault.paths.recordings / A / "audio.0.key.age").exists()
    for recording in (A, B):  # of B nothing is left to keep: it goes with the term of its sound
        assert "older than its term" in found.pop(f"recordings/{recording}/audio")
    assert not (vault.paths.recordings / B).exists()
    assert "is there although the audio" in found.pop(f"recordings/{A}/audio.0.key.age")
    assert set(found.values()) == {"is missing", "is missing: its segments can never be opened"}
    assert len(found) == 5


def test_what_is_older_than_its_term_is_named(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """K1, K3: a track that a disk keeps from being deleted is named as older than its term."""
    really = os.unlink

    def unlink(name: str, *, dir_fd: int | None = None) -> None:
        if name == "audio.0.key.age":
            raise OSError(30, "Read-only file system")
        really(name, dir_fd=dir_fd)

    (vault.paths.recordings / OPEN).rename(vault.paths.store.parent / OPEN)
    vault.clock.on(170 * H_NS)
    monkeypatch.setattr(os, "unlink", unlink)
    found = {finding.path: finding.what for finding in vault.verify().findings}
    assert set(found) == {f"recordings/{letter * 32}/audio" for letter in "abc"}
    assert all("older than its term" in what for what in found.values())


def test_an_unreadable_file_is_named(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """K3: a file that the disk does not give back is named, and the walk goes on."""
    bad, really = (vault.paths.recordings / B / SEG).stat().st_ino, os.read

    def read(fd: int, count: int) -> bytes:
        if os.fstat(fd).st_ino == bad:
            raise OSError(5, "Input/output error")
        return really(fd, count)

    monkeypatch.setattr(os, "read", read)
    result = vault.verify()
    assert [(finding.path, finding.what) for finding in result.findings] == [
        (f"recordings/{B}/{SEG}", "cannot be read: Input/output error")
    ]
    assert result.recordings == 4


def test_a_changed_audit_log_is_named(vault: Vault) -> None:
    """K3: the log is walked with the rest: a changed line, and a signed head that does not fit."""
    vault.verify()
    log = vault.paths.audit_log
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0].replace(b'"clean":false', b'"clean":true ') + b"".join(lines[1:]))
    found = vault.verify().findings
    assert [finding.path for finding in found] == ["audit.jsonl"]
    assert "was changed" in found[0].what


def test_without_the_units_public_key_that_is_the_finding(vault: Vault) -> None:
    """K3: signatures that cannot be checked are one finding, not one a recording."""
    vault.paths.signing_key.with_suffix(".pub").unlink()
    assert [finding.path for finding in vault.verify().findings] == ["etc/unit_ed25519.pub"]


def test_a_recording_that_grows_meanwhile_has_no_fault(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """K3: the recording that is being made, and closed, while it is read is not misread."""
    grown, really = vault.record("e" * 32), files.digest
    count = [SECONDS]

    def digest(path: Path, pace: files.Pace = lambda _: None) -> files.Seen:
        seen = really(path, pace)
        if "e" * 32 in str(path) and count[0] < 30:
            grown.add([vault.segment("audio", count[0]), vault.segment("video", count[0])])
            count[0] += 1
            if count[0] == 12:
                grown.end("asked", "", vault.clock)
                count[0] = 30
        return seen

    monkeypatch.setattr(files, "digest", digest)
    assert vault.verify().findings == ()


def test_what_is_deleted_meanwhile_is_no_fault(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """K1, K3: a deletion in the middle of the walk is neither held up nor taken for a fault."""
    keeper, really, at = vault.keeper(), files.digest, threading.Event()

    def digest(path: Path, pace: files.Pace = lambda _: None) -> files.Seen:
        if B in str(path) and not at.is_set():
            vault.clock.on(169 * H_NS)
            at.set()
            while (vault.paths.recordings / B / "audio").exists():
                pass
        return really(path, pace)

    monkeypatch.setattr(files, "digest", digest)
    result = walk(keeper)
    keeper.close()
    assert not [finding for finding in result.findings if OPEN not in finding.path]
    assert {line["late_s"] <= 60 or line["late_s"] == 3500 for line in audit_lines(vault.paths.store, "deleting")}
    assert not (vault.paths.recordings / B / "audio").exists()


def test_daily_by_itself(vault: Vault) -> None:
    """K3, H1: the first walk comes a quarter of an hour after the start, then one a day, also across a restart."""
    keeper = vault.keeper()
    keeper._turn()
    assert keeper._verifier.result is None
    vault.clock.on(EARLIEST_NS)
    while keeper._verifier.result is None:
        keeper._turn()
    assert keeper._state().verified_h == 0.0
    vault.clock.on(DAY_NS - 2 * EARLIEST_NS)
    keeper.close()
    again = vault.keeper()
    vault.clock.on(EARLIEST_NS + NS)
    again._turn()
    assert again._verifier._run is None, "not a day yet"
    assert again._state().verified_h == pytest.approx(23.8, abs=0.1)
    vault.clock.on(EARLIEST_NS)
    again._turn()
    while again._verifier._run is not None:
        again._turn()
    again.close()
    assert len(audit_lines(vault.paths.store, "verified")) == 2


def test_what_has_mended_itself_is_no_fault_for_a_day(vault: Vault) -> None:
    """H1: a full disk had kept a recording from being closed, and it was named; once it is closed the store is walked
    again by itself, not before a quarter of an hour has gone by, and the fault is over. What stays wrong is not walked
    again before the day is over.
    """
    (vault.paths.recordings / OPEN).rename(vault.paths.store.parent / OPEN)
    late = vault.record("e" * 32)
    keeper = vault.keeper()
    vault.clock.on(5 * H_NS)
    found = walk(keeper)
    assert "was never closed" in keeper._verifier.fault
    vault.clock.on(AGAIN_NS - NS)
    late.end("interrupted", "", vault.clock)
    keeper._turn()
    assert keeper._verifier._run is None, "not so soon after the last"
    vault.clock.on(NS)
    while keeper._verifier.result is found:
        keeper._turn()
    assert keeper._verifier.fault == ""
    assert keeper._verifier.result is not None
    assert keeper._verifier.result.findings == ()

    (vault.paths.recordings / B / "notes.txt").write_text("x")
    found = walk(keeper)
    vault.clock.on(2 * AGAIN_NS)
    keeper._turn()
    assert keeper._verifier._run is None, "nothing has changed in what did not fit"
    assert keeper._verifier.result is found
    keeper.close()


def test_health_says_what_was_found(vault: Vault) -> None:
    """H1: health has the kinds, the ages and the unaccounted files, and a fault that names the first finding."""
    (vault.paths.recordings / B / "notes.txt").write_text("x")
    (vault.paths.recordings / "holiday.jpg").write_text("x")
    vault.clock.on(2 * H_NS)
    keeper = vault.keeper()
    walk(keeper)
    keeper._store.measure(10)
    state = keeper._state()
    keeper.close()
    assert state.unaccounted == 2
    assert f"recordings/{B}/notes.txt is foreign" in state.faults["verify"]
    assert (state.oldest_audio_h, state.oldest_video_h) == (2.0, 2.0)
    assert set(state.store_bytes) == {"audio", "video", "records"}
    assert sum(state.store_bytes.values()) == sum(
        file.stat().st_size for path in vault.paths.recordings.iterdir() if path.is_dir() for file in path.rglob("*")
        if file.is_file()
    )  # fmt: skip


def test_a_thread_that_breaks_is_told(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """H1: a walk that breaks off is a finding, and the next one works."""
    broken, really = [True], directory.inspect

    def inspect(*args: object) -> object:
        if broken[0]:
            raise MemoryError
        return really(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(worker, "inspect", inspect)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    keeper = vault.keeper()
    assert "could not be walked to the end" in walk(keeper).findings[0].what
    broken[0] = False
    assert walk(keeper).findings == ()
    keeper.close()


def test_findings_come_in_pages(vault: Vault) -> None:
    """K3: a store full of foreign files is told a page at a time."""
    for n in range(PAGE_MAX + 5):
        (vault.paths.recordings / B / f"junk-{n:03d}").write_text("x")
    keeper = vault.keeper()
    walk(keeper)
    first, second = keeper._verifier.state(0), keeper._verifier.state(PAGE_MAX)
    keeper.close()
    assert (len(first["findings"]), len(second["findings"])) == (PAGE_MAX, 5)
    assert len(json.dumps(first)) < 60_000


def test_reading_leaves_no_mark(vault: Vault) -> None:
    """R1: a walk changes no file of a recording, not even the time at which it was read."""

    def times() -> Iterator[tuple[str, int, int]]:
        for file in sorted(vault.paths.recordings.rglob("*.age")):
            found = file.stat()
            yield str(file), found.st_atime_ns, found.st_mtime_ns

    for file in vault.paths.recordings.rglob("*.age"):
        os.utime(file, ns=(0, NS))
    before = list(times())
    vault.verify()
    assert list(times()) == before
