# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the keeper keeps of a signed policy, and what it says of one that is not: its log, its fault, its copies."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon import durable, link, sign
from daemon.config import load_to_run
from daemon.errors import RequestError, StoreError
from daemon.keeper.custody import Asked
from daemon.keeper.policies import Policies
from daemon.keeper.process import KeeperProcess
from daemon.model.faults import FAULTS
from daemon.model.holds import By
from daemon.model.policy import NO_POLICY
from daemon.model.rights import acting_as
from daemon.paths import Paths
from daemon.people import Door
from hardware.disk import FileSystemDisk
from hardware.ports import ClockReading
from tests.dying import die_everywhere
from tests.keeper.stores import WALL_NS, Clock, audit_lines
from tests.signing import Signing, policy
from tests.waiting import PATIENCE_S, wait_for

OURS, THEIRS = policy(), policy(hold_s=2.0)
NOW = ClockReading(1, WALL_NS, "synchronised")
CUSTODIAN = By(1234, "custodian")


@pytest.fixture
def town(tmp_path: Path) -> Signing:
    """A municipality that signs its policy."""
    town = Signing(tmp_path)
    town.signed(OURS)
    return town


def paths_of(town: Signing) -> Paths:
    paths = Paths.below(town.etc.parent)
    for directory in (paths.store, paths.run):
        directory.mkdir(exist_ok=True)
    if not paths.audit_key.exists():
        sign.make_key(paths.audit_key, "o/s/r", sign.KEEPER)
    return paths


@contextmanager
def keeper(town: Signing) -> Iterator[KeeperProcess]:
    """A keeper that has begun and looked at its policies once."""
    paths = paths_of(town)
    settings = load_to_run(paths.etc, paths.policy, wait_s=PATIENCE_S)
    process = KeeperProcess(settings, paths, Clock(), FileSystemDisk(paths.store), Door({}))
    process.begin()
    try:
        process._look_at_policies(NOW)
        process._sign(NOW)
        yield process
    finally:
        process.close()


def fault(process: KeeperProcess) -> str:
    return process._state().faults.get("policy", "")


def told(town: Signing, event: str) -> list[dict[str, Any]]:
    return [line for line in audit_lines(town.etc.parent / "store") if line["event"] == event]


def copies(town: Signing) -> list[str]:
    """The policies of which there is a whole copy, by their content."""
    return sorted(path.read_text() for path in town.copies.glob("*.toml"))


@pytest.mark.case("keeper 15")
def test_a_policy_that_is_changed_is_named_and_the_signed_one_goes_on(town: Signing) -> None:
    """K5: the keeper keeps what was signed; a policy that somebody changes is a fault at the lamp, in health and in the
    log, once for each text; a restart works by the signed one, and the fault is over when it is put back.
    """
    with keeper(town) as process:
        assert (fault(process), copies(town)) == ("", [OURS])
        town.write(THEIRS)
        for _ in range(2):
            process._look_at_policies(NOW)
        assert fault(process).startswith("the policy is not as it was signed: policy.toml: signature: ")
    assert FAULTS["policy"].sign == "fault"
    for _ in range(2):
        with keeper(town) as process:
            assert process._policy.name == "ours"
            assert process._policy.alarm.hold_s == 1.0
            assert "policy.toml" in fault(process)
            assert copies(town) == [OURS]
    (line,) = told(town, "policy_refused")
    assert (line["file"], line["sha256"], line["why"]) == (
        "policy.toml", hashlib.sha256(THEIRS.encode()).hexdigest(), "changed",
    )  # fmt: skip
    with keeper(town) as process:
        town.write(OURS)
        process._look_at_policies(NOW)
        assert fault(process) == ""
    (line,) = told(town, "policy")
    assert line["signed_by"] == town.code("officer")
    assert line["signers"] == sorted((town.code("officer"), town.code("secretary")))


def test_the_others_can_read_the_copies(town: Signing) -> None:
    """K5: the keeper's files are its own (UMask=0077), but for the copies: recorder and alarm work by them."""
    paths = paths_of(town)
    settings = load_to_run(paths.etc, paths.policy, wait_s=PATIENCE_S)
    before = os.umask(0o077)
    try:
        Policies(settings, paths).keep(NOW)
        (copy,) = town.copies.glob("*.toml")
        copy.chmod(0o600)  # the power went before it was the others'
        Policies(settings, paths).keep(NOW)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in town.copies.iterdir()} == {0o644}


def test_a_first_start_with_an_unsigned_policy_records_nothing(tmp_path: Path) -> None:
    """A1, K5: there is no signed policy at all: alarms work, nothing is recorded, nothing is copied, and it is told."""
    town = Signing(tmp_path)
    town.write(OURS)
    with keeper(town) as process:
        assert process._policy == NO_POLICY
        assert "policy.toml: signature" in fault(process)
        assert copies(town) == []
        assert "signature" in process._settings.fault
    assert [line["why"] for line in told(town, "policy_refused")] == ["unsigned"]


def test_a_signed_policy_that_is_taken_away_is_missed(town: Signing) -> None:
    """K5: an older signed policy in its place does not undo it, and the log and the fault say that it is missing."""
    town.signed(policy("newer", "2021-11-10"))
    with keeper(town):
        pass
    town.signed(policy("older", "2014-01-01"))
    with keeper(town) as process:
        assert process._policy.name == "newer"
        assert "the signed policy of 2021-11-10 is not among the files, and in force all the same" in fault(process)


def test_a_signed_policy_that_does_not_hold_is_gone_with_its_file(town: Signing) -> None:
    """K5, H2: a policy was signed by mistake that the unit cannot work by: with a good one in its place, of whatever
    day, the unit records again.
    """
    town.signed(policy(day="2021-11-10") + "[audio]\nrecord = true\n")
    with keeper(town) as process:
        assert "opening.groups" in process._settings.fault
        assert copies(town) == []
    town.signed(policy(day="2021-11-09"))
    with keeper(town) as process:
        assert (process._settings.fault, fault(process)) == ("", "")
        assert copies(town) == [policy(day="2021-11-09")]


def test_a_copy_goes_when_its_day_is_over_by_a_clock_that_is_right(town: Signing) -> None:
    """K4, K5: of policies that are over no copy stays; a clock without a reference takes none away."""
    town.signed(policy("newer", "2021-11-10"), name="policy.d/newer.toml")
    paths = paths_of(town)
    for state, left in (("unsynchronised", 2), ("synchronised", 1)):
        now = ClockReading(1, WALL_NS, state)  # type: ignore[arg-type]  # both are states of a clock
        Policies(load_to_run(paths.etc, paths.policy, wait_s=PATIENCE_S).at(now), paths).keep(now)
        assert len(copies(town)) == left
    assert "newer" in copies(town)[0]


def test_a_full_disk_is_told_and_the_copy_made_later(town: Signing, monkeypatch: pytest.MonkeyPatch) -> None:
    """K5: a copy that cannot be made is a fault; it is made as soon as the disk takes it."""
    paths = paths_of(town)
    whole = durable.replace

    def full(path: Path, data: bytes, mode: int = 0o640) -> None:
        if path.parent == paths.policy:
            raise StoreError(f"{path}: No space left on device")
        whole(path, data, mode)

    monkeypatch.setattr(durable, "replace", full)
    with keeper(town) as process:
        assert "a copy of the signed policy cannot be kept" in fault(process)
        monkeypatch.setattr(durable, "replace", whole)
        process._look_at_policies(NOW)
        assert (fault(process), copies(town)) == ("", [OURS])


def test_a_keeper_that_had_no_answer_starts_anew_when_there_is_one(
    town: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K1, K5: without ssh-keygen's answer the keeper works by no policy, and deletes what is due all the same; when it
    answers, the keeper ends, and the next one works by the signed policy.
    """
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "ssh-keygen"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    paths_of(town)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with keeper(town) as process:
        assert process._policy == NO_POLICY
        assert "an answer of ssh-keygen" in fault(process)
        assert not process._policies.is_answered()
        program.unlink()
        process._look_at_policies(NOW)
        assert process._policies.is_answered()
    with keeper(town) as process:
        assert (process._policy.name, fault(process)) == ("ours", "")


def test_an_operator_is_answered_while_ssh_keygen_hangs(
    town: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K2: a hold is not refused because the keeper waits to hear who signed the policy: it waits for less than the
    operator does.
    """
    paths, began, home = paths_of(town), tmp_path / "began", tmp_path / "bin"
    settings = load_to_run(paths.etc, paths.policy, wait_s=PATIENCE_S)
    process = KeeperProcess(settings, paths, Clock(), FileSystemDisk(paths.store), Door(has_owner=True))
    home.mkdir()
    program = home / "ssh-keygen"
    hangs = f'case "$*" in *verify*) echo > {began}; exec sleep 600;; esac'
    program.write_text(f'#!/bin/sh\n{hangs}\nexec {shutil.which("ssh-keygen")} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}:{os.environ['PATH']}")
    thread = threading.Thread(target=process.run)
    thread.start()
    try:
        wait_for("a look", began.exists)
        assert link.ask(paths.keeper_socket, "signers")["confirmed"] == list(settings.unit.policy.codes())
    finally:
        process.stop()
        thread.join(PATIENCE_S)


def test_a_file_with_any_name_is_refused_and_the_keeper_goes_on(town: Signing) -> None:
    """K1, K5: a name that is no UTF-8, as of a stick from an older Windows, stands in the log in escapes."""
    (town.etc / "policy.d").mkdir()
    name = os.fsdecode(b"policy.d/S\xfad\nholland.toml")
    town.write(THEIRS, name)
    for _ in range(2):
        with keeper(town) as process:
            assert "holland.toml: signature: " in fault(process)
            assert process._policy.name == "ours"
    (line,) = told(town, "policy_refused")
    assert line["file"] == "policy.d/S\\udcfad\\nholland.toml"


@pytest.mark.parametrize("now", [("officer",), ("officer", "engineer"), ("engineer",), ()])
def test_others_who_may_sign_are_a_fault_until_a_custodian_confirms_them(town: Signing, now: tuple[str, ...]) -> None:
    """K5: an engineer who adds a signer, replaces one or takes all away does not do it in silence: health, the log and
    the lamp say so until a custodian has confirmed it, over every restart.
    """
    with keeper(town) as process:
        assert fault(process) == ""
    town.unit(*now)
    if now:
        town.signed(OURS, now[-1])
    codes = sorted(town.code(name) for name in now)
    for _ in range(2):
        with keeper(town) as process:
            assert fault(process).startswith("who may sign the policy was changed in unit.toml: before ")
            assert fault(process).endswith(f"now {', '.join(codes) or 'nobody'}")
    assert told(town, "policy")[-1].get("signers", []) == codes
    with keeper(town) as process:
        with pytest.raises(RequestError, match="expected those of unit"):
            process._policies.confirm(asked({"signers": [*codes, "0000-0000-0000-0000"]}), process._audit)
        process._policies.confirm(asked({"signers": codes}), process._audit)
        assert fault(process) == ""
        process._sign(NOW)
    with keeper(town) as process:
        assert fault(process) == ""
    assert (told(town, "signers_confirmed")[0]["signers"], told(town, "signers_confirmed")[0]["uid"]) == (codes, 1234)
    assert acting_as("signers_confirm", frozenset({"engineer"})) is None
    assert acting_as("signers_confirm", frozenset({"custodian"})) == "custodian"


def asked(args: dict[str, Any]) -> Asked:
    return Asked(None, CUSTODIAN, args)  # type: ignore[arg-type]  # the peer has been looked at before


def signed_twice(home: Path) -> None:
    """A unit that keeps a copy of a policy, and has another for the same day by now."""
    town = Signing(home)
    town.signed(OURS)
    paths = paths_of(town)
    Policies(load_to_run(paths.etc, paths.policy, wait_s=PATIENCE_S), paths).keep(NOW)
    town.signed(THEIRS)


def keeps(home: Path) -> None:
    """The keeper's start: it makes the new copy and takes the old one away."""
    paths = Paths.below(home)
    Policies(load_to_run(paths.etc, paths.policy, wait_s=PATIENCE_S).at(NOW), paths).keep(NOW)


def test_killed_anywhere_a_signed_policy_is_left(tmp_path: Path) -> None:
    """K5: the power goes at any step of keeping a copy, and then somebody changes the policy: the unit works by one
    that was signed, the new one or the one before, and never by half of one.
    """
    homes = die_everywhere(tmp_path, "tests.keeper.test_policies", "signed_twice", "keeps", torn=True)
    assert len(homes) > 8
    by = []
    for home in homes:
        (home / "etc" / "policy.toml").write_text(policy(hold_s=3.0))
        settings = load_to_run(home / "etc", home / "policy", wait_s=PATIENCE_S)
        assert settings.fault == ""
        by.append(settings.policy.alarm.hold_s)
    assert by == sorted(by), "once the new copy is whole, it counts"
    assert set(by) == {1.0, 2.0}
