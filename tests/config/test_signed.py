# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A policy that the municipality signed: with real ssh-keygen, what counts, what does not, what a process works by."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import durable, sign
from daemon.config import POLICIES_MAX, Fault, Settings, changed_files, load, parse, shipped, signed, unread
from daemon.config.signed import COPIES_MAX, ENTRIES_MAX
from daemon.durable import read
from daemon.model.policy import NO_POLICY
from tests.signing import UNIT, Signing, policy
from tests.waiting import PATIENCE_S


@pytest.fixture
def town(tmp_path: Path) -> Signing:
    """A municipality that signs its policy."""
    return Signing(tmp_path)


def at_work(settings: Settings) -> list[str]:
    return [dated.policy.name for dated in settings.policies]


def test_who_signed_it_is_said(town: Signing) -> None:
    """K5: a policy that one of the signers signed is in force; the code of the key is what coreutils make of it."""
    for who in ("officer", "secretary"):
        town.signed(policy(), who)
        for settings in (load(town.etc), town.run()):
            assert settings.policy.name == "ours"
            assert settings.signed_by() == town.code(who)
            assert settings.unit.policy.codes() == tuple(sorted((town.code("officer"), town.code("secretary"))))


CUT: Mapping[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut off": lambda whole: whole[:100],
    "one line less": lambda whole: b"".join(
        (*whole.splitlines(keepends=True)[:2], *whole.splitlines(keepends=True)[3:])
    ),
}


def spoil(town: Signing, how: str) -> None:  # noqa: C901 - a case a fault
    """What may be wrong with a signed policy, each as somebody would come to it."""
    path = town.etc / "policy.toml"
    signature = path.with_name("policy.toml.sig")
    match how:
        case "unsigned":
            signature.unlink()
        case "unreadable":
            path.unlink()
        case "empty" | "cut off" | "one line less":
            signature.write_bytes(CUT[how](signature.read_bytes()))
        case "a directory":
            signature.unlink()
            signature.mkdir()
        case "namespace":
            town.signed(policy(), namespace="git")
        case "kind":
            town.key("other", "ecdsa")
            town.signed(policy(), "other")
        case "other_key":
            town.signed(policy(), "engineer")
        case "changed":
            path.write_text(policy(hold_s=2.0))
        case "another file's":
            town.signed(policy("other"), name="other.toml")
            signature.write_bytes((town.etc / "other.toml.sig").read_bytes())
            path.write_text(policy())
        case "expired":
            town.unit("officer", until="2020-05-03")


SPOILT = {
    "unsigned": "a signature file beside it", "unreadable": "a file that can be read", "empty": "a whole signature",
    "cut off": "a whole signature file", "one line less": "a whole signature file", "a directory": "a signature file",
    "namespace": "for spreekkamer-policy", "kind": "Ed25519", "other_key": "this key is none of them",
    "changed": "changed after it was signed", "another file's": "another file's",
    "expired": "valid on the policy's first day",
}  # fmt: skip


@pytest.mark.parametrize(("how", "words"), SPOILT.items())
def test_what_does_not_count_is_named_and_the_last_signed_one_goes_on(town: Signing, how: str, words: str) -> None:
    """K5, A1: each way in which a policy is not the municipality's is named, and the last signed one stays in force;
    without a copy of one the alarm works and nothing is recorded.
    """
    town.signed(policy("earlier", "2020-05-01"))
    town.keep()
    town.signed(policy())
    spoil(town, how)
    assert words in town.refused()
    settings = town.run()
    assert at_work(settings) == ["earlier"]
    assert settings.policies[0].source.proof is not None
    assert settings.policies[0].source.proof.is_copy
    assert (settings.fault, changed_files(town.etc, settings)) == ("", ())
    for copy in town.copies.iterdir():
        copy.unlink()
    alone = town.run()
    assert alone.policy == NO_POLICY
    assert words in alone.fault
    assert "nothing is recorded" in alone.fault


def test_a_key_that_expired_signs_nothing_that_begins_later(town: Signing) -> None:
    """K5, K4: what an officer signed while in office stays signed, whatever the unit's clock says."""
    town.unit("officer", until="2020-05-04")
    town.signed(policy(day="2020-05-04"))
    assert load(town.etc).policy.name == "ours"
    town.signed(policy(day="2020-05-05"))
    assert "officer, until 2020-05-04" in town.refused()


@pytest.mark.parametrize("how", ["taken away", "older", "emptied"])
def test_a_signed_policy_is_not_undone_by_taking_it_away(town: Signing, how: str) -> None:
    """K5: who puts an older signed policy in its place, or none, does not bring the older one back into force."""
    older, newer = policy("older", "2014-01-01"), policy("newer", "2021-11-10")
    town.signed(newer)
    town.keep()
    path = town.signed(older)
    if how == "taken away":
        path.unlink()
    elif how == "emptied":
        path.write_bytes(b"")
    settings = town.run()
    assert at_work(settings) == (["older", "newer"] if how == "older" else ["newer"])
    assert settings.policies[-1].source.file == "the signed policy of 2021-11-10"


def test_another_signed_one_for_the_same_day_takes_its_place(town: Signing) -> None:
    """K5: the municipality takes a policy back by signing another for the same day; its copy is then over."""
    town.signed(policy("first"))
    town.keep()
    town.signed(policy("second"), "secretary")
    settings = town.run()
    assert at_work(settings) == ["second"]
    assert settings.over == (hashlib.sha256(policy("first").encode()).hexdigest(),)


def test_of_two_copies_for_one_day_the_newer_counts(town: Signing) -> None:
    """K5: power was cut before the older copy was gone, and then the policy was changed: the last signed one counts."""
    for age, name in enumerate(("second", "first")):
        town.signed(policy(name))
        town.keep()
        sha256 = hashlib.sha256(policy(name).encode()).hexdigest()
        os.utime(town.copies / f"{sha256}.toml", (1_000_000_000 - age, 1_000_000_000 - age))
    town.write(policy("theirs"))
    settings = town.run()
    assert at_work(settings) == ["second"]
    assert len(settings.over) == 1


@pytest.mark.parametrize("how", ["changed", "signature gone", "cut off", "renamed", "signed by another", "a link"])
def test_a_copy_that_was_altered_counts_for_nothing(town: Signing, how: str) -> None:
    """K5, R6: two faults: neither the policy nor its copy is the municipality's. The alarm works, nothing is kept."""
    town.signed(policy())
    town.keep()
    (copy,) = town.copies.glob("*.toml")
    match how:
        case "changed":
            copy.write_text(policy(hold_s=3.0))
        case "signature gone":
            copy.with_name(copy.name + ".sig").unlink()
        case "cut off":
            copy.write_bytes(copy.read_bytes()[:-1])
        case "renamed":
            for path in list(town.copies.iterdir()):
                path.rename(path.with_name(path.name.replace(copy.stem, "0" * 64)))
        case "signed by another":
            town.signed(policy(), "engineer")
            copy.with_name(copy.name + ".sig").write_bytes((town.etc / "policy.toml.sig").read_bytes())
        case "a link":
            copy.rename(town.etc / "elsewhere")
            copy.symlink_to(town.etc / "elsewhere")
    town.write(policy(hold_s=2.0))
    settings = town.run()
    assert settings.policy == NO_POLICY
    assert settings.fault


def test_a_policy_too_many_is_said_to_be_unread(town: Signing) -> None:
    """K5: of more policies than are looked at the last ones do not count; that is a fault and not a silence."""
    town.signed(policy())
    for n in range(POLICIES_MAX + 1):
        town.signed(policy(day=f"2021-01-{n + 1:02}"), name=f"policy.d/{n:02}.toml")
    assert len(town.run().policies) == POLICIES_MAX + 1
    assert unread(town.etc, signed=True) == (f"policy.d/{POLICIES_MAX}.toml", f"policy.d/{POLICIES_MAX}.toml.sig")
    assert f"at most {POLICIES_MAX} policies" in town.refused()


def test_a_policy_to_come_has_its_own_signature(town: Signing) -> None:
    """K5: each file is signed by itself; one that is not leaves the others in force."""
    town.signed(policy())
    town.signed(policy("next", "2090-01-01"), "secretary", "policy.d/next.toml")
    assert at_work(load(town.etc)) == ["ours", "next"]
    assert unread(town.etc, signed=True) == ()
    assert unread(town.etc) == ("policy.toml.sig", "policy.d/next.toml.sig")
    town.write(policy("next", "2090-02-01"), "policy.d/next.toml")
    assert "policy.d/next.toml: signature" in town.refused()
    assert at_work(town.run()) == ["ours"]


def test_a_change_under_a_running_unit_is_seen(town: Signing) -> None:
    """H1: a policy or a signature that is another than at the start is named, and named no more when it is back."""
    path = town.signed(policy())
    settings = town.run()
    assert changed_files(town.etc, settings) == ()
    path.write_text(policy(hold_s=2.0))
    assert changed_files(town.etc, settings) == ("policy.toml",)
    path.write_text(policy())
    (town.etc / "policy.toml.sig").unlink()
    assert changed_files(town.etc, settings) == ("policy.toml.sig",)
    town.signed(policy())
    assert changed_files(town.etc, settings) == ()


def staged(home: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another ssh-keygen on the path: one on a disk that hangs, or none that runs."""
    program = home / "bin" / "ssh-keygen"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(sign, "_REAP_S", PATIENCE_S)  # on a busy machine a child that was killed takes its time


@pytest.mark.parametrize("script", ["exec sleep 600", "exit 1", "echo No user exists for uid; exit 255"])
def test_without_an_answer_nothing_is_taken_for_signed_but_by_the_alarm(
    town: Signing, tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A1, R6: where ssh-keygen hangs or fails, recorder and keeper take nothing; the alarm takes what is there."""
    town.signed(policy())
    town.keep()
    staged(tmp_path, script, monkeypatch)
    begun_s = time.monotonic()
    refused = town.run(wait_s=0.5)
    assert refused.policy == NO_POLICY
    assert "it gave none" in refused.fault
    assert refused.unanswered
    doubted = town.run(in_doubt=True, wait_s=0.5)
    assert (doubted.policy.name, doubted.unanswered) == ("ours", False)
    assert time.monotonic() - begun_s < PATIENCE_S


def test_a_directory_that_is_full_of_copies_is_not_read_to_its_end(
    town: Signing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A1: a keeper that was taken over can fill its own directory; the alarm process looks at a bounded part of it."""
    town.signed(policy())
    for n in range(3 * ENTRIES_MAX):
        (town.copies / f"{n:064x}.toml").touch()
    asked = list[Path]()

    def counting(path: Path, bytes_max: int) -> bytes:
        asked.append(path)
        return read(path, bytes_max)

    monkeypatch.setattr(durable, "read", counting)
    assert town.run().policy.name == "ours"
    assert len(asked) < 2 * COPIES_MAX + 8


@pytest.mark.parametrize("what", ["a link to itself", "a signature that is one", "a link to nothing", "dots"])
def test_what_a_taken_over_keeper_puts_among_the_copies_stops_no_start(
    town: Signing, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A1, K5: the copies are the keeper's, and the alarm process starts whatever lies there; a copy that is signed
    counts all the same. Nothing is parsed that nobody signed: tomllib takes all memory for a line of dots.
    """
    town.signed(policy())
    town.keep()
    signature = (town.etc / "policy.toml.sig").read_bytes()
    town.write(policy(hold_s=2.0))
    planted = town.copies / f"{'a' * 64}.toml"
    beside = planted.with_name(planted.name + ".sig")
    match what:
        case "a link to itself":
            planted.symlink_to(planted.name)
        case "a signature that is one":
            planted.touch()
            beside.symlink_to(beside.name)
        case "a link to nothing":
            planted.symlink_to("nothing")
        case "dots":
            text = b"a." * 100_000 + b"a = 1"
            planted = town.copies / f"{hashlib.sha256(text).hexdigest()}.toml"
            planted.write_bytes(text)
            planted.with_name(planted.name + ".sig").write_bytes(signature)  # a signer's, of another text
    parsed = list[bytes]()

    def seeing(data: bytes, name: str, faults: list[Fault]) -> dict[str, Any]:
        parsed.append(data)
        assert not data.startswith(b"a.a."), "a text that nobody signed is parsed"
        return parse(data, name, faults)

    monkeypatch.setattr(signed, "parse", seeing)
    for in_doubt in (False, True):
        settings = town.run(in_doubt=in_doubt)
        assert (settings.policy.alarm.hold_s, settings.fault) == (1.0, "")
    assert parsed


def test_a_program_that_cannot_be_loaded_is_not_waited_for(
    town: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A1: the disk hangs at ssh-keygen itself: the alarm process starts before it is loaded. A lease stages it: whoever
    opens the file waits until the kernel breaks that (45 s).
    """
    town.signed(policy())
    loaded = tmp_path / "loaded"
    staged(tmp_path, f"echo > {loaded}", monkeypatch)
    held = os.open(tmp_path / "bin" / "ssh-keygen", os.O_RDONLY)
    try:
        fcntl.fcntl(held, fcntl.F_SETSIG, signal.SIGURG)  # what the kernel sends then; nobody listens
        fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        assert town.run(in_doubt=True, wait_s=0.5).policy.name == "ours"
        assert not loaded.exists()
    finally:
        os.close(held)


def test_one_hang_is_waited_for_and_not_one_a_file(
    town: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A1: the wait is for all signatures together: when it is over, no program is started for the next file."""
    for n in range(1, 6):
        town.signed(policy(day=f"2021-01-0{n}"), name=f"policy.d/{n}.toml")
    town.signed(policy())
    town.keep()
    staged(tmp_path, "exec sleep 600", monkeypatch)
    started = list[list[str]]()

    class Counted(subprocess.Popen[bytes]):
        def __init__(self, args: list[str], **more: Any) -> None:
            started.append(args)
            super().__init__(args, **more)

    monkeypatch.setattr(subprocess, "Popen", Counted)
    assert town.run(in_doubt=True, wait_s=0.5).policy.name == "ours"
    assert len(started) == 1


def test_without_signers_a_signature_changes_nothing(town: Signing) -> None:
    """Settings: a unit whose engineer names no signers works as it always did."""
    town.unit()
    town.signed(policy(), "engineer")
    for settings in (load(town.etc), town.run()):
        assert (settings.policy.name, settings.signed_by(), settings.read) == ("ours", "", {})


@pytest.mark.parametrize(
    "key", ["ssh-rsa AAAAB3NzaC1yc2EAAA", "ecdsa-sha2-nistp256 AAAA", "sk-ssh-ed25519@openssh.com AAAA", "age1qqq", ""]
)
def test_a_key_of_another_kind_is_refused(town: Signing, key: str) -> None:
    """K5: only the kind that is verified is taken as a signer; each other is refused when it is set."""
    town.signed(policy())
    (town.etc / "unit.toml").write_text(f'{UNIT}[[policy.signers]]\nrole = "officer"\nkey = "{key}"\n')
    said = town.refused()
    assert "policy.signers[0].key" in said
    assert "no other kind counts" in said


@given(st.binary(max_size=400))
def test_no_bytes_are_more_than_no_signature(data: bytes) -> None:
    """Bad input: whatever stands in a signature file, it is told or it is none."""
    assert sign.made(data) is None
    armoured = b"-----BEGIN SSH SIGNATURE-----\n" + data.hex().encode() + b"\n-----END SSH SIGNATURE-----\n"
    assert sign.made(armoured) is None


def test_the_shipped_policies_can_be_signed(town: Signing) -> None:
    """H2: the guide's example signs a shipped policy: its bytes, comments too, are what counts."""
    text = (shipped() / "policies" / "dronten-2022.toml").read_text()
    town.signed(text)
    assert load(town.etc).policy.name == "dronten-2022"
