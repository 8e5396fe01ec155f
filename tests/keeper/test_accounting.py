# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The log says what the store should hold, and what nobody signed has no force (promise K7)."""

from __future__ import annotations

import datetime
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from daemon import records
from daemon.keeper.process import KeeperProcess
from daemon.model import acts
from daemon.model import holds as rules
from daemon.model.holds import By
from daemon.recorder.closing import close_interrupted
from daemon.sign import sign
from tests.auditlog import encode, sample
from tests.keeper.stores import H_NS, NS, WALL_NS, audit_lines
from tests.keeper.vaults import Vault, walk

A, B, C = ("a" * 32, "b" * 32, "c" * 32)
HOLD = "f" * 32
DAY = datetime.date(2027, 2, 1)


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vault:
    """A store, and a keeper whose loop does not wait."""
    monkeypatch.setattr("daemon.keeper.process.WAIT_MAX_S", 0.0)
    return Vault(tmp_path / "unit")


def place(keeper: KeeperProcess, recording_id: str = A) -> None:
    """A hold on both tracks."""
    wish = rules.Wish(recording_id, "2026-0417", "manager", "a threat", DAY)
    hold = rules.place(wish, (HOLD, recording_id), ("audio", "video"), keeper._clock.read(), By(0, "custodian"))
    keeper._holds.place(hold, keeper._audit)
    keeper._sign(keeper._clock.read())


def forge(vault: Vault, event: str, **fields: Any) -> None:
    """A line that fits the chain, as somebody adds it who may write the file while no keeper runs."""
    lines = vault.paths.audit_log.read_bytes().splitlines(keepends=True)
    line = {
        "n": len(lines), "at_wall_ns": WALL_NS, "at_boot_ns": vault.clock.now_ns, "boot_id": "one",
        "clock": "synchronised", **sample(event, **fields), "prev": records.sha256(lines[-1]),
    }  # fmt: skip
    with vault.paths.audit_log.open("ab") as log:
        log.write(encode(line))


def told(vault: Vault, event: str) -> list[dict[str, Any]]:
    """Lines of the log."""
    return audit_lines(vault.paths.store, event)


@pytest.mark.case("keeper 5")
@pytest.mark.parametrize("held", [True, False])
def test_what_the_log_began_and_the_store_has_not_is_named(vault: Vault, *, held: bool) -> None:
    """K7: a recording that somebody removed is a line of the log and a finding; where a hold names it, a fault at once.
    Put back, it is told as returned, and counts once. What was deleted at its term is not missed.
    """
    keeper = vault.keeper()
    keeper._turn()
    if held:
        place(keeper)
    path, beside = vault.paths.recordings / A, vault.paths.store.parent / "aside"
    path.rename(beside)
    keeper._turn()
    (line,) = told(vault, "recording_missing")
    assert (line["recording_id"], line["tracks"], line["hold_id"]) == (A, ["audio", "video"], HOLD if held else None)
    assert ("is not in the store" in keeper._state().faults.get("holds", "")) is held
    keeper.close()
    keeper = vault.keeper()
    found = {finding.path: finding.what for finding in walk(keeper).findings}
    assert "has no receipt" in found[f"recordings/{A}"]
    assert len(told(vault, "recording_missing")) == 1
    beside.rename(path)
    keeper._store._seen_ns = -1
    keeper._turn()
    assert [line["recording_id"] for line in told(vault, "recording_returned")] == [A]
    assert not keeper._state().faults.get("holds")
    assert [line["recording_id"] for line in told(vault, "recording_began")].count(A) == 1
    assert [line["recording_id"] for line in told(vault, "recording_ended")].count(A) == 1
    keeper.close()


def test_what_came_to_nothing_is_not_missing(vault: Vault) -> None:
    """K7: a recording that a cut of the power broke off before its first second was durable has nothing that anybody
    could have taken away; its directory is missed all the same (found by `make together`).
    """
    broken_off = vault.record("e" * 32)
    broken_off.abandon()
    path = broken_off.path
    for track in ("audio", "video"):
        shutil.rmtree(path / track)
        (path / f"{track}.0.key.age").unlink()
    (path / "chain.jsonl").write_bytes(b"")
    close_interrupted(path, vault.clock, lambda data: sign(data, vault.paths.signing_key))
    vault.verify()
    ended = {line["recording_id"]: line["seconds"] for line in told(vault, "recording_ended")}
    assert ended["e" * 32] == {}
    assert told(vault, "recording_missing") == []
    shutil.rmtree(path)
    vault.verify()
    assert [line["recording_id"] for line in told(vault, "recording_missing")] == ["e" * 32]


def test_what_was_deleted_is_not_missing(vault: Vault) -> None:
    """K3, K7: recordings that went at their terms, track by track, are accounted for by their receipts."""
    keeper = vault.keeper()
    keeper._turn()
    for hours in (169, 504):
        vault.clock.on(hours * H_NS)
        keeper._turn()
        keeper._turn()
    assert not (vault.paths.recordings / A).exists()
    assert told(vault, "recording_missing") == []
    keeper.close()


@pytest.mark.case("keeper 6")
@pytest.mark.parametrize("what", ["young", "held", "removed"])
def test_a_deletion_that_nobody_signed_is_not_finished(vault: Vault, what: str) -> None:
    """K2, K4, K7: a line 'deleting' that was added while no keeper ran makes it delete nothing that is held or young;
    it is called off, and no receipt is signed for what somebody removed.
    """
    keeper = vault.keeper()
    keeper._turn()
    if what == "held":
        place(keeper)
        vault.clock.on(200 * H_NS)
    keeper.close()
    forge(vault, "deleting", recording_id=A, track="audio", reason="term", term_h=168, late_s=0)
    path = vault.paths.recordings / A
    if what == "removed":
        (path / "audio.0.key.age").unlink()
    keeper = vault.keeper()
    keeper._turn()
    assert (path / "audio" / "000000.ts.age").exists()
    assert [line["track"] for line in told(vault, "not_deleted")] == ["audio"]
    assert A not in {line["recording_id"] for line in told(vault, "deleted")}
    keeper.close()
    keeper = vault.keeper()
    assert keeper._audit.fault == ""
    assert len(told(vault, "not_deleted")) == 1
    keeper.close()


@pytest.mark.case("keeper 6")
@pytest.mark.parametrize("event", ["hold_releasing", "hold_released"])
@pytest.mark.parametrize("torn", [False, True], ids=["", "behind a torn line"])
def test_a_release_that_nobody_signed_releases_nothing(vault: Vault, event: str, *, torn: bool) -> None:
    """K2, K7: a line that ends a hold, added while no keeper ran, ends nothing, now or at any later start, although
    later heads cover it; it is a fault until a custodian releases the hold. A line that was cut off among those that
    were added makes none of them signed.
    """
    keeper = vault.keeper()
    keeper._turn()
    place(keeper)
    keeper.close()
    if torn:
        forge(vault, "verified")
        with vault.paths.audit_log.open("ab") as log:
            log.write(b'{"n":7,"at_wall\n')
        forge(vault, "torn")
    forge(vault, event, hold_id=HOLD, recording_id=A, tracks=["audio", "video"], kind="incident", parts=[A])
    vault.clock.on(200 * H_NS)
    for _ in range(3):
        keeper = vault.keeper()
        keeper._turn()
        assert (vault.paths.recordings / A / "audio").is_dir()
        assert "no keeper signed it" in keeper._state().faults["holds"]
        keeper.close()
    keeper = vault.keeper()
    keeper._holds.release(acts.HoldReleasing(HOLD, reason="over", uid=0, role="custodian"), keeper._audit)
    keeper._turn()
    keeper._sweep()
    assert not (vault.paths.recordings / A / "audio").exists()
    assert "holds" not in keeper._state().faults
    keeper.close()


@pytest.mark.case("keeper 6")
def test_a_release_that_a_kill_cut_off_is_finished(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """K2: what a custodian began is signed before the file goes, so that the next start knows it from a forgery."""
    keeper = vault.keeper()
    keeper._turn()
    place(keeper)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(keeper._holds, "_carry_out_release", killed)
        with pytest.raises(KeyboardInterrupt):
            keeper._holds.release(acts.HoldReleasing(HOLD, reason="over", uid=0, role="custodian"), keeper._audit)
    keeper.close()
    keeper = vault.keeper()
    assert [line["finished_later"] for line in told(vault, "hold_released")] == [True]
    assert keeper._holds.active() == {}
    keeper.close()


@pytest.mark.case("keeper 6")
@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("clock", {"utc_ns": WALL_NS + 300 * 24 * H_NS, "powered_ns": 200 * NS}),
        ("boot", {"powered_ns": 300 * 24 * H_NS}),
        ("verified", {}),
    ],
)
def test_a_time_that_nobody_signed_makes_nothing_older(vault: Vault, event: str, fields: dict[str, Any]) -> None:
    """K4, K7: lines about time that were added while no keeper ran age nothing, at this start or the next."""
    keeper = vault.keeper()
    keeper._turn()
    keeper.close()
    boot = vault.clock.boot
    vault.clock.boot = "forged" if event == "boot" else boot
    forge(vault, event, **fields, **({"boot_id": "forged", "at_boot_ns": 2**60} if event != "clock" else {}))
    vault.clock.boot = boot
    for n in range(3):
        vault.clock.boot, vault.clock.now_ns = f"later-{n}", 100 * NS
        keeper = vault.keeper()
        keeper._turn()
        assert told(vault, "deleted") == []
        keeper.close()


@pytest.mark.case("security 2")
@pytest.mark.parametrize("file", ["chain.jsonl", "begin.json", "end.json", "audio/000000.ts.age", "SHA256SUMS"])
def test_a_file_without_end_keeps_nothing_from_being_done(vault: Vault, file: str) -> None:
    """K1, K3: a file of sixty gigabytes that holds nothing, in one recording: the keeper starts, walks the store, names
    it, and everything else goes at its term.
    """
    path = vault.paths.recordings / A / file
    path.chmod(0o600)
    os.truncate(path, 60_000_000_000)
    keeper = vault.keeper()
    keeper._turn()
    found = {finding.path for finding in walk(keeper).findings}
    assert any(one.startswith(f"recordings/{A}") for one in found)
    vault.clock.on(169 * H_NS)
    keeper._turn()
    assert not (vault.paths.recordings / B / "audio").exists()
    keeper.close()


@pytest.mark.case("security 2")
def test_a_directory_that_cannot_be_read_is_one_recordings_fault(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """K1: a recording whose track nobody may list keeps no other from being deleted."""
    really = os.scandir

    def refuse(path: object = ".") -> object:
        if str(path).endswith(f"{A}/audio"):
            raise PermissionError(13, "Permission denied", str(path))
        return really(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", refuse)
    keeper = vault.keeper()
    vault.clock.on(169 * H_NS)
    keeper._turn()
    assert not (vault.paths.recordings / B / "audio").exists()
    keeper.close()


def test_a_store_that_was_away_for_a_moment(vault: Vault) -> None:
    """K7: everything is missing, and comes back; nothing is told twice of what was never gone."""
    keeper = vault.keeper()
    keeper._turn()
    aside = vault.paths.store.parent / "aside"
    shutil.copytree(vault.paths.recordings, aside)
    for path in vault.paths.recordings.iterdir():
        shutil.rmtree(path)
    keeper._store._seen_ns = -1
    keeper._turn()
    assert {line["recording_id"] for line in told(vault, "recording_missing")} == {A, B, C, "d" * 32}
    for path in aside.iterdir():
        path.rename(vault.paths.recordings / path.name)
    keeper._store._seen_ns = -1
    keeper._turn()
    assert {line["recording_id"] for line in told(vault, "recording_returned")} == {A, B, C, "d" * 32}
    assert len(told(vault, "recording_ended")) == 3
    keeper.close()
