# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Holders show that they have their keys: through the real socket, the real log, a real child that seals."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyrage
import pytest
from typer.testing import CliRunner

from daemon.__main__ import app
from daemon.config import load
from daemon.errors import RefusedError, RequestError, SealError
from daemon.evidence import opening, words
from daemon.keeper.process import KeeperProcess
from daemon.model.holders import WRONG_MAX
from daemon.recorder.keymaker import Ask, make
from hardware.disk import FileSystemDisk
from tests.keeper.desks import ANNA, NOBODY, NOW_NS, PIET, RunningKeeper, open_desk
from tests.rooms import wait_for

ASKS = '\n[opening]\ngroups = [["custodian"], ["secretary"]]\n'


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two groups of two, who are asked for their keys."""
    path = tmp_path_factory.mktemp("policy") / "asks.toml"
    shipped = (Path(__file__).parents[2] / "config/policies/dronten-2014.toml").read_text()
    path.write_text(shipped.replace("[opening]\n", "[opening]\nprove_every_d = 92\n"))
    return str(path)


@pytest.fixture
def keeper(policy: str) -> Iterator[RunningKeeper]:
    """A keeper under that policy."""
    with open_desk(policy, NOW_NS) as found:
        yield found


def answers(keeper: RunningKeeper, letter: dict[str, Any]) -> dict[str, str]:
    """What the demonstration holders say: label -> answer."""
    found = dict[str, str]()
    for file in sorted((keeper.paths.etc.parent / "holders").glob("*.key")):
        mine = opening.identities(file.read_bytes(), str(file), lambda _: "")
        said = words.answers(words.letter(msgspec.json.encode(letter), "words"), mine, "words")
        found |= {one.label: one.answer for one in said}
    return found


def test_keys_are_shown_and_the_fault_is_over(keeper: RunningKeeper) -> None:
    """K6: nobody has shown a key: named from the start; two of a group are enough for it; the log has role and label
    and no name; what was shown is known to the next keeper, and a word answers once.
    """
    assert keeper.process._state().faults["holders"].startswith("keys proven within 92 days: none of 2 in group 1")
    letter = keeper.ask("holders_ask")
    assert [word["label"] for word in letter["words"]] == ["custodian-1", "custodian-2", "secretary-1", "secretary-2"]
    assert keeper.ask("holders_ask") == {**letter, "at": keeper.ask("holders_ask")["at"]}, "asked twice: the same words"
    said = answers(keeper, letter)
    done = keeper.ask("holders_prove", answers=[said["custodian-1"], said["custodian-2"].upper().replace("-", " ")])
    assert [one["label"] for one in done["proven"]] == ["custodian-1", "custodian-2"]
    assert "group 1" not in done["fault"]
    assert "none of 2 in group 2" in done["fault"]
    again = keeper.ask("holders_prove", answers=[said["custodian-1"], said["secretary-1"], said["secretary-2"]])
    assert (len(again["proven"]), again["wrong"], again["fault"]) == (2, 1, "")
    assert "holders" not in keeper.process._state().faults
    page = keeper.ask("holders")
    assert [[one["is_proven"] for one in group["holders"]] for group in page["groups"]] == [[True, True], [True, True]]
    (first, *rest) = keeper.told("holder_asked")
    assert (len(rest), first["holder_role"], first["label"]) == (3, "custodian", "custodian-1")
    assert not any(answer in keeper.paths.audit_log.read_text() for answer in said.values())
    assert [line["label"] for line in keeper.told("holder_proven")] == [*said]

    keeper.process.stop()
    wait_for("it has ended", lambda: not keeper.paths.keeper_socket.exists())
    following = KeeperProcess(load(keeper.paths.etc), keeper.paths, keeper.clock, FileSystemDisk(keeper.paths.store))
    try:
        following.begin()
        assert "holders" not in following._state().faults
        keeper.clock.passed_ns += 92 * 86_400 * 1_000_000_000
        assert "none of 2 in group 2" in following._state().faults["holders"]
    finally:
        following.close()


def test_a_lost_key_counts_no_more(keeper: RunningKeeper) -> None:
    """K6: one of two is reported lost: named at once, and over when it is shown anew with a new word."""
    said = answers(keeper, keeper.ask("holders_ask"))
    keeper.ask("holders_prove", answers=list(said.values()))
    assert "1 of 2 in group 1" in keeper.ask("holders_lost", label="custodian-1")["fault"]
    assert keeper.ask("holders_prove", answers=[said["custodian-1"]])["wrong"] == 1
    said = answers(keeper, keeper.ask("holders_ask"))
    assert keeper.ask("holders_prove", answers=[said["custodian-1"]])["fault"] == ""
    with pytest.raises(RefusedError, match="there is no one holder `x`; expected one of custodian-1"):
        keeper.ask("holders_lost", label="x")
    mark = keeper.ask("holders")["groups"][1]["holders"][0]["fingerprint"]
    assert keeper.ask("holders_lost", label=mark)["label"] == "secretary-1"


def test_guessing_ends(keeper: RunningKeeper) -> None:
    """K6: twenty wrong answers an hour, whoever gives them; the right one is taken after that hour. What is no answer
    is refused in words.
    """
    said = answers(keeper, keeper.ask("holders_ask"))
    for wrong in ([], "x", None, [7] * 65):
        with pytest.raises(RefusedError, match="answers: expected 1 to 64"):
            keeper.ask("holders_prove", answers=wrong)
    odd = [None, 7, {"a": 1}, "x" * 10_000, "\x00", "aaaa-aaaa-aaaa-aaaa-aaaa"]
    assert keeper.ask("holders_prove", answers=odd)["wrong"] == len(odd)
    with pytest.raises(RefusedError, match="too many wrong answers"):
        keeper.ask("holders_prove", answers=["y"] * WRONG_MAX)
    with pytest.raises(RefusedError, match="too many wrong answers; try again"):
        keeper.ask("holders_prove", answers=[said["custodian-1"]])
    keeper.clock.passed_ns += 3_600_000_000_000
    assert len(keeper.ask("holders_prove", answers=[said["custodian-1"]])["proven"]) == 1
    keeper.clock.passed_ns += 31 * 86_400 * 1_000_000_000
    assert keeper.ask("holders_prove", answers=[said["custodian-2"]])["wrong"] == 1, "a word is good for a month"


def test_a_line_that_no_keeper_wrote_proves_nothing(keeper: RunningKeeper) -> None:
    """K7: words and proofs written into the log while no keeper runs count for nothing."""
    keeper.ask("holders_ask")
    wait_for("a signed head", lambda: keeper.told("head"))
    keeper.process.stop()
    wait_for("it has ended", lambda: not keeper.paths.keeper_socket.exists())
    log = keeper.paths.audit_log
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    asked = [line for line in lines if line["event"] == "holder_asked"]
    with log.open("a") as file:
        for number, line in enumerate(asked, len(lines)):
            forged = {**line, "n": number, "event": "holder_proven", "prev": "0" * 64}
            file.write(json.dumps(forged, separators=(",", ":")) + "\n")
    following = KeeperProcess(load(keeper.paths.etc), keeper.paths, keeper.clock, FileSystemDisk(keeper.paths.store))
    try:
        following.begin()
        assert "none of 2 in group 1" in following._state().faults["holders"]
    finally:
        following.close()


def test_who_may(keeper: RunningKeeper) -> None:
    """K5: engineers and custodians may; whoever is in neither group may not, and is told so."""
    for who in (ANNA, PIET):
        ((body, _),) = keeper.said_to(who, ("holders", {}))
        assert body["prove_every_d"] == 92
    (_, code) = keeper.said_to(NOBODY, ("holders_ask", {}))[0]
    assert code == 13


def test_the_command_from_asking_to_shown(keeper: RunningKeeper, tmp_path: Path) -> None:
    """K6: list, ask, answer on the holder's computer, prove out of a letter's text: each with its exit code."""
    state, run = ["--state", str(keeper.paths.etc.parent)], CliRunner(env={"COLUMNS": "200"})
    assert run.invoke(app, ["holders", "list", *state]).exit_code == 10
    letter = tmp_path / "woorden.json"
    assert run.invoke(app, ["holders", "ask", "--to", str(letter), *state]).exit_code == 0
    text = ""
    for label in ("custodian-1", "custodian-2", "secretary-1", "secretary-2"):
        key = keeper.paths.etc.parent / "holders" / f"{label}.key"
        done = run.invoke(app, ["evidence", "answer", str(letter), "--identity", str(key)])
        assert done.exit_code == 0, done.output
        assert label in done.output
        text += f"Beste beheer, ik kreeg dit: {done.output}Groet\n"
    done = run.invoke(app, ["holders", "prove", "-", *state], input=text)
    assert (done.exit_code, done.output.count("shown")) == (0, 4), done.output
    assert run.invoke(app, ["holders", "list", *state]).exit_code == 0
    assert run.invoke(app, ["holders", "prove", "abcd-efgh-ijkm-npqr-stuv", *state]).exit_code == 10
    done = run.invoke(app, ["holders", "prove", "-", *state], input="niets")
    assert isinstance(done.exception, RequestError)
    assert run.invoke(app, ["holders", "lost", "custodian-1", *state]).exit_code == 0


def test_a_file_of_words_opens_nothing_else(tmp_path: Path) -> None:
    """R6: the envelope of a recording, half an envelope, a key: passed off as a word, they are not read out."""
    holder = pyrage.x25519.Identity.generate()
    public = str(holder.to_public())
    other = str(pyrage.x25519.Identity.generate().to_public())
    traps = [
        base64.b64decode(make(Ask(((public,),))).envelope),
        base64.b64decode(make(Ask(((public,), (other,)))).envelope),
    ]
    traps += [pyrage.encrypt(text, [holder.to_public()]) for text in (
        b"", b"AGE-SECRET-KEY-1X", b"spreekkamer-proof/1 abcd-efgh-ijkm-npqr-stuv\nAGE", b"abcd-efgh-ijkm-npqr-stuv\n",
    )]  # fmt: skip
    for trap in traps:
        letter = words.Letter("unit", (words.Word(base64.b64encode(trap).decode()),))
        with pytest.raises(SealError, match="is no word") as caught:
            words.answers(letter, [holder], "words")
        assert "AGE" not in str(caught.value)
    for junk in (
        "",
        "%%%",
        base64.b64encode(b"x").decode(),
    ):
        with pytest.raises(SealError, match="no word in it is for this key"):
            words.answers(words.Letter("unit", (words.Word(junk),)), [holder], "words")
    for text in (b"", b"[]", b"{}", b"[" * 10_000, b'{"unit":"u","words":[],"format":"x"}', b"\xff", b"1" * 300_000):
        with pytest.raises(RequestError, match="is no file of words"):
            words.letter(text, str(tmp_path))


def test_the_keeper_loads_nothing_that_could_open() -> None:
    """R6: what seals words is loaded in a child and not in the keeper; it begins in time for somebody who waits."""
    script = "import sys, daemon.keeper.process; print(sorted({'pyrage', 'av', 'numpy'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_edited_policy_that_loses_a_group_is_warned_of(keeper: RunningKeeper) -> None:
    """K6: policy.toml is edited while the unit works by the one before: a group all of whose keys were exchanged is
    named before the restart; one of two exchanged is not.
    """
    file, state = keeper.paths.etc / "policy.toml", ["--state", str(keeper.paths.etc.parent)]
    text, run = file.read_text(), CliRunner(env={"COLUMNS": "200"})

    def warned(*labels: str) -> bool:
        changed = text
        for label in labels:
            old = next(one.recipient for one in load(keeper.paths.etc).policy.holders if one.label == label)
            changed = changed.replace(old, str(pyrage.x25519.Identity.generate().to_public()))
        file.write_text(changed)
        done = run.invoke(app, ["settings", "check", *state])
        file.write_text(text)
        assert done.exit_code == 0, done.output
        return "No holder of group 2 of the policy that the unit works by now is one any more" in done.output

    assert not warned()
    assert not warned("secretary-1")
    assert warned("secretary-1", "secretary-2")
