# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer audit verify` on logs that the keeper's own parts wrote and signed, and on what is done to them."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon import sign
from daemon.alarm import messages
from daemon.commands import testimony
from daemon.commands.audit import check
from daemon.keeper.audit import AuditLog
from daemon.keeper.heads import Heads
from daemon.model.ledger import START, statement
from daemon.model.witness import Book, Heard
from daemon.paths import Paths
from daemon.records import sha256
from hardware.clock import SystemClock
from tests.auditlog import act, encode, sample
from tests.auditlog import raw as line_of
from tests.commandline import spreekkamer

SAID_AT = "2026-11-22T04:17:35.781Z"
LINES = 24
"""Of the log: every fourth is a signed head."""
Lines = list[bytes]


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """A unit with two keys and a log of twenty-four lines, of which every fourth is a signed head."""
    paths = Paths.below(tmp_path_factory.mktemp("unit"))
    for directory in (paths.etc, paths.store):
        directory.mkdir()
    sign.make_key(paths.signing_key, "unit")
    sign.make_key(paths.audit_key, "unit", sign.AUDIT)
    clock = SystemClock()
    heads = Heads(paths.audit_key, paths.audit_head, clock.boot_id())
    log = AuditLog(paths.audit_log, clock).open(heads.follow)
    for n in range(LINES):
        if n % 4 == 3:
            assert heads.sign(log, clock.read())
        else:
            log.add(act("deleted", recording_id=f"{n:032x}", track="audio"))
    log.close()
    return paths


def verify(*words: str | Path) -> tuple[int, Any]:
    """The command's exit code, and what it found."""
    done = spreekkamer("audit", "verify", "--json", *words)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def judged(unit: Paths, tmp_path: Path, lines: Lines, *words: str | Path) -> tuple[int, Any]:
    """What the command says of a log of these lines."""
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(b"".join(lines))
    return verify("--file", copy, "--key", unit.audit_key.with_suffix(".pub"), *words)


def lines_of(unit: Paths) -> Lines:
    """The log."""
    return unit.audit_log.read_bytes().splitlines(keepends=True)


def changed(lines: Lines) -> Lines:
    """One word of line 5."""
    return [*lines[:5], lines[5].replace(b"audio", b"video"), *lines[6:]]


def forged(lines: Lines) -> Lines:
    """Line 5 changed, and every line after it made to fit again; the signatures stand as they were."""
    found = changed(lines)[:6]
    for raw in lines[6:]:
        found.append(encode({**json.loads(raw), "prev": sha256(found[-1])}))
    return found


PLANTED: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "changed": (changed, "line 5 was changed after line 6 was written"),
    "removed": (lambda lines: [*lines[:5], *lines[6:]], "line 5 is missing"),
    "removed, several": (lambda lines: [*lines[:5], *lines[9:]], "line 5 is missing, with all up to line 8"),
    "inserted": (lambda lines: [*lines[:9], lines[5], *lines[9:]], "line 5 stands after line 8"),
    "swapped": (lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]], "line 5 stands after line 6"),
    "not a line": (lambda lines: [*lines[:5], b"holiday\n", *lines[6:]], "line 5 is no line of this log"),
    "cut short": (lambda lines: [*lines[:5], lines[5][:40] + b"\n", *lines[6:]], "line 5 is no line of this log"),
    "last one cut short": (lambda lines: [*lines[:-1], lines[-1][:40]], f"line {LINES - 1} is the last one and is cut"),
    "beginning gone": (lambda lines: lines[3:], "line 0 is missing, with all up to line 2"),
    "made anew": (forged, "line 7 is signed by another key, or what stands before it was made anew"),
    "very long": (lambda lines: [*lines[:5], b"x" * 500_000 + b"\n", *lines[6:]], "line 5 is no line of this log"),
}


def test_a_whole_log_is_said_to_be_one(unit: Paths, tmp_path: Path) -> None:
    """K3: an untouched log holds together, every signature fits, and the command says how far they reach."""
    code, found = judged(unit, tmp_path, lines_of(unit))
    assert code == 0
    assert found["faults"] == []
    assert (found["lines"], found["signatures"], found["signed_lines"]) == (LINES, 6, LINES - 1)
    assert found["head"] == sha256(lines_of(unit)[-1])


@pytest.mark.parametrize("how", PLANTED)
def test_each_planted_fault_is_named(how: str, unit: Paths, tmp_path: Path) -> None:
    """K3: a line that was changed, removed, inserted, moved, cut or signed for otherwise is named."""
    plant, words = PLANTED[how]
    code, found = judged(unit, tmp_path, plant(lines_of(unit)))
    assert code == 10
    assert any(fault.startswith(words) for fault in found["faults"]), found["faults"]


def test_a_signature_by_another_key_is_named(unit: Paths, tmp_path: Path) -> None:
    """K3: a signature by another key of the unit, or made for something else, is named at its line."""
    lines = lines_of(unit)[:7]
    head = sha256(lines[-1])
    for key, namespace in ((unit.signing_key, sign.AUDIT), (unit.audit_key, sign.RECORDINGS)):
        signature = sign.sign(statement(7, head), key, namespace).decode()
        line = line_of(7, head, **sample("head", signature=signature))
        assert judged(unit, tmp_path, [*lines, line])[1]["faults"] == [
            "line 7 is signed by another key, or what stands before it was made anew"
        ]
    signature = sign.sign(statement(7, head), unit.audit_key, sign.AUDIT).decode()
    line = line_of(7, head, **sample("head", signature=signature))
    assert judged(unit, tmp_path, [*lines, line])[0] == 0


def test_a_broker_that_listened_is_a_witness(unit: Paths, tmp_path: Path) -> None:
    """K3: with the messages that a broker's log has, a log whose end was cut away, or that was made anew with the
    keeper's own key, is named; foreign messages among them are passed over.
    """
    heard = [json.loads(raw) for raw in lines_of(unit) if b'"event":"head"' in raw]
    witness = tmp_path / "archive-event.log"
    said = [messages.encode(messages.ArchiveEvent(SAID_AT, line, sha256(encode(line)))) for line in heard]
    witness.write_bytes(b"\n".join([b"noise", *said, b'{"event":"hold_review_due"}', b"[" * 10_000]) + b"\n")
    code, found = judged(unit, tmp_path, lines_of(unit), "--witness", witness)
    assert (code, found["witnessed"], found["heard"], found["witnessed_lines"]) == (0, 6, 6, LINES)
    shown = " ".join(spreekkamer("audit", "verify", "--file", unit.audit_log, "--witness", witness).stdout.split())
    assert f"compared with a line: 6 of 6; lines that they cover: {LINES}." in shown
    assert "no message of a unit: 2." in shown
    code, found = judged(unit, tmp_path, lines_of(unit)[:13], "--witness", witness)
    assert code == 10
    assert found["faults"] == [f"line 13 is missing, and all after it: a head of {LINES} lines was witnessed"]
    other = Heads(unit.audit_key, tmp_path / "head.json", "boot")
    clock = SystemClock()
    log = AuditLog(tmp_path / "anew.jsonl", clock).open()
    for n in range(LINES):
        _ = other.sign(log, clock.read()) if n % 4 == 3 else log.add(act("deleted"))
    log.close()
    anew = (tmp_path / "anew.jsonl").read_bytes().splitlines(keepends=True)
    assert judged(unit, tmp_path, anew)[0] == 0
    assert (
        judged(unit, tmp_path, anew, "--witness", witness)[1]["faults"][0]
        == "line 3 is not the line that was witnessed"
    )


def test_lines_of_no_known_kind_are_counted(unit: Paths, tmp_path: Path) -> None:
    """K3, K7: a line of a later release, and one whose fields are not those of its kind, are named with their numbers;
    the log holds together all the same, as it does for the release that knows them.
    """
    lines = lines_of(unit)[:6]
    for fields in ({"event": "lamp_cleaned", "uid": 1000}, sample("deleted", track="smell")):
        lines.append(line_of(len(lines), sha256(lines[-1]), **fields))
    code, found = judged(unit, tmp_path, lines)
    assert (code, found["faults"], found["foreign"]) == (0, [], [6, 7])


def test_ordinary_tools_agree(unit: Paths, tmp_path: Path) -> None:
    """K5: the signature in a line is one that ssh-keygen checks, over two words that a stranger can write down."""
    raw = lines_of(unit)
    line = json.loads(raw[7])
    (tmp_path / "sig").write_text(line["signature"])
    head = subprocess.run(["sha256sum"], input=raw[6], capture_output=True, check=True).stdout.decode().split()[0]
    verify = ["ssh-keygen", "-Y", "verify", "-f", str(unit.etc / "allowed_signers"), "-I", "unit", "-n", sign.AUDIT]
    done = subprocess.run(
        [*verify, "-s", str(tmp_path / "sig")], input=f"7 {head}\n".encode(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_cannot_be_read_is_said(unit: Paths, tmp_path: Path) -> None:
    """K3: a log, a key or a witness that is not there, or a key file without a key, is an error in one sentence."""
    assert verify("--file", tmp_path / "none")[0] == 5
    assert verify("--file", unit.audit_log, "--key", unit.audit_log)[0] == 6
    assert verify("--file", unit.audit_log, "--witness", tmp_path)[0] == 5
    code, said = verify("--file", unit.audit_log, "--key", tmp_path / "none.pub")
    assert (code, "Traceback" in said) == (6, False)
    assert "cannot be read" in said


def test_without_a_key_it_says_so(unit: Paths) -> None:
    """H1: without a public key the hashes are checked, and the command says that no signature was."""
    code, found = verify("--file", unit.audit_log)
    assert (code, found["signatures"], found["faults_n"]) == (0, 0, 0)
    done = spreekkamer("audit", "verify", "--file", unit.audit_log)
    assert "No signature was checked" in " ".join(done.stdout.split())
    assert msgspec.json.encode(found)


def message(line: dict[str, Any], head: str) -> str:
    """A line of a witness's file."""
    return json.dumps({"line": line, "head": head}) + "\n"


@pytest.mark.case("keeper 13")
def test_a_witness_that_heard_two_heads_of_one_line(tmp_path: Path) -> None:
    """K7: both heads of one line are a fork, whichever comes last and whichever log is judged; what counts as witnessed
    is what was compared.
    """
    raw = [line_of(0, START, **sample("boot"))]
    raw.append(line_of(1, sha256(raw[0]), **sample("deleted")))
    head = hashlib.sha256(raw[1]).hexdigest()
    log, witness = tmp_path / "audit.jsonl", tmp_path / "witness"
    log.write_bytes(b"".join(raw))
    for heads in ((head, "0" * 64), ("0" * 64, head)):
        witness.write_text("".join(message({"n": 1}, one) for one in heads) + message({"n": 99}, head))
        with log.open("rb") as file:
            found = check(file, log.stat().st_size, (), testimony.of_log(witness, None).book)
        assert any("two heads" in fault for fault in found.faults)
        assert found.witnessed == 1


@pytest.mark.case("keeper 13")
def test_a_witnessed_line_behind_a_torn_one(tmp_path: Path) -> None:
    """K7: a line that a witness heard, made noise of with a line `torn` behind it, is named."""
    raw = [line_of(0, START, **sample("boot"))]
    raw.append(line_of(1, sha256(raw[0]), **sample("deleted")))
    head = hashlib.sha256(raw[1]).hexdigest()
    noise = raw[1][:10] + b"\n"
    raw[1:] = [noise, encode({"n": 2, "event": "torn", "prev": hashlib.sha256(noise).hexdigest()})]
    log = tmp_path / "audit.jsonl"
    log.write_bytes(b"".join(raw))
    with log.open("rb") as file:
        found = check(file, log.stat().st_size, (), book({2: head}))
    assert found.faults == ("line 1 was witnessed, and is no line of this log any more",)
    assert found.witnessed == 0


@pytest.mark.case("keeper 13")
def test_a_log_that_nobody_signed(tmp_path: Path) -> None:
    """K7: a log that was made anew without a signature does not pass where a key is given."""
    log, key = tmp_path / "audit.jsonl", tmp_path / "key"
    log.write_bytes(line_of(0, START, **sample("boot")))
    sign.make_key(key, "unit", sign.AUDIT)
    for keys, faults in (((), 0), (sign.public_keys(key.with_suffix(".pub"), sign.AUDIT), 1)):
        with log.open("rb") as file:
            assert check(file, log.stat().st_size, keys).faults_n == faults


def book(heads: dict[int, str]) -> Book:
    """What a witness heard: number of lines -> head."""
    found = Book()
    for lines, head in heads.items():
        found.take(Heard(lines, head))
    return found


@pytest.mark.case("keeper 13")
def test_a_witness_of_nothing_proves_nothing(unit: Paths, tmp_path: Path) -> None:
    """H1, K7: a witness that has no head of this log, or heads beyond all of its lines, is no witness of it: the
    command counts none compared, says so and fails, also where nothing else is wrong.
    """
    witness = tmp_path / "witness"
    witness.write_text("noise\n")
    code, found = judged(unit, tmp_path, lines_of(unit), "--witness", witness)
    assert (code, found["faults_n"], found["heard"], found["witnessed"]) == (10, 0, 0, 0)
    done = spreekkamer("audit", "verify", "--file", unit.audit_log, "--witness", witness)
    assert "none was compared with a line: nothing is proven" in " ".join(done.stdout.split())
    witness.write_text(message({"n": 900}, "0" * 64))
    code, found = judged(unit, tmp_path, lines_of(unit), "--witness", witness)
    assert (code, found["heard"], found["witnessed"], found["faults_n"]) == (10, 1, 0, 1)


@pytest.mark.case("keeper 13")
def test_a_witness_of_several_units(unit: Paths, tmp_path: Path) -> None:
    """K7, H3: heads of another unit, and those of a simulated one of the same name, are not compared with this log and
    are counted; which unit is meant has to be said where there are several.
    """
    mine, other = "stad/huis/een", "stad/huis/twee"
    head = sha256(lines_of(unit)[3])
    witness = tmp_path / "2026.jsonl"
    kept = [
        {"at": SAID_AT, "topic": f"spreekkamer/v1/{name}/archive/event", "message": message_}
        for name, message_ in (
            (mine, {"line": {"n": 3}, "head": head}),
            (other, {"line": {"n": 3}, "head": "0" * 64, "unit": mine}),
            (mine, {"line": {"n": 3}, "head": "1" * 64, "simulated": True}),
        )
    ]
    witness.write_text("".join(json.dumps(line) + "\n" for line in kept))
    code, said = judged(unit, tmp_path, lines_of(unit), "--witness", witness)
    assert code == 12
    assert f"has several units, {mine}, {other}" in said
    code, found = judged(unit, tmp_path, lines_of(unit), "--witness", witness, "--unit", mine)
    assert (code, found["faults"], found["witnessed"]) == (0, [], 1)
    code, found = judged(unit, tmp_path, lines_of(unit), "--witness", tmp_path, "--unit", other)
    assert (code, found["faults"]) == (10, ["line 3 is not the line that was witnessed"])
    assert verify("--file", unit.audit_log, "--witness", witness, "--unit", "stad/huis/drie")[0] == 12
    assert verify("--file", unit.audit_log, "--unit", mine)[0] == 12
    empty = tmp_path / "empty"
    empty.mkdir()
    assert verify("--file", unit.audit_log, "--witness", empty)[0] == 5


@pytest.mark.case("keeper 13")
def test_a_recording_that_was_witnessed_and_that_the_log_never_began(tmp_path: Path) -> None:
    """K7: a recording whose chain was witnessed stands in the log before the next head by the unit's own clock; left
    out, with the log made anew around it and nobody's head to contradict it, it is named. A head that is published
    again, or whose clock was worth nothing, demands nothing.
    """
    seen_ns, later_ns = 1_800_000_000 * 10**9, 1_800_000_600 * 10**9
    name = "ab" * 16
    log = tmp_path / "audit.jsonl"
    chain = Heard(60, "5" * 64, name, wall_ns=seen_ns)
    for wall_ns, began, faults in (
        (later_ns, False, 1), (later_ns, True, 0), (seen_ns, False, 0), (None, False, 0),
    ):  # fmt: skip
        raw = [line_of(0, START, **sample("boot"))]
        if began:
            raw.append(line_of(1, sha256(raw[0]), **sample("recording_began", recording_id=name)))
        log.write_bytes(b"".join(raw))
        found = Book()
        found.note(chain)
        found.take(Heard(len(raw), sha256(raw[-1]), wall_ns=wall_ns))
        with log.open("rb") as file:
            verdict = check(file, log.stat().st_size, (), found)
        assert verdict.faults_n == faults, verdict.faults
        assert all(f"is signed without recording {name}" in fault for fault in verdict.faults)
