# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A card that names who may sign the policy, and brings the policy with its signature, by real ssh-keygen."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.card.sheet import NAME
from daemon.config import ALARM_VERIFY_S, VERIFY_S, load, load_to_run
from tests.card.sheets import ROOM, Bench, good, policy
from tests.commandline import spreekkamer
from tests.signing import Signing, hanging

TEXT = "policy = '''\n{policy}'''\n"


@pytest.fixture
def signing(tmp_path: Path) -> Signing:
    """An officer's, a secretary's and an engineer's key; Heusden's policy, signed by the officer."""
    home = tmp_path / "municipality"
    home.mkdir()
    found = Signing(home)
    found.signed(policy())
    return found


def sheet_of(signing: Signing, *roles: str) -> str:
    """The room's file, with these as signers in place of the policy's text."""
    each = (f'[[policy.signers]]\nrole = "{role}"\nkey = "{signing.public(role)}"\n' for role in roles)
    return ROOM.replace(TEXT, "").replace("[lamps]\n", "".join(each) + "\n[lamps]\n")


def put(bench: Bench, signing: Signing, *roles: str) -> None:
    """The room's file, its certificates, the policy and its signature on the card."""
    bench.put(sheet_of(signing, *(roles or ("officer", "secretary"))))
    for name in ("policy.toml", "policy.toml.sig"):
        (bench.boot / name).write_bytes((signing.etc / name).read_bytes())


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_card_brings_a_signed_policy(bench: Bench, signing: Signing, end: str) -> None:
    """H4, issue 16: signers, policy and signature come by the card, each byte of the policy as it was signed; the unit
    works by it, and the answer has the code of who signed and of each who may.
    """
    path = signing.etc / "policy.toml"
    path.write_bytes(policy().replace("\n", end).encode())
    signing.sign(path)
    put(bench, signing)
    assert bench.start().refused == ""
    settings = load_to_run(bench.paths.etc)
    assert (settings.fault, settings.signed_by()) == ("", signing.code("officer"))
    assert (bench.paths.etc / "policy.toml").read_bytes() == path.read_bytes()
    said = bench.answer()
    assert f"SHA-256 {settings.policy_sha256}, ondertekend met {signing.code('officer')}" in said
    assert f"het beleid ondertekenen mag {signing.code('secretary')} (secretary)" in said
    assert re.search(r"regel \d+: policy\.signers\[1\]\.role = \"secretary\"", said)
    before = bench.everything()
    bench.start()
    assert "ONVERANDERD" in bench.answer()
    assert bench.everything() == before


def lose(bench: Bench, *names: str) -> None:
    """Takes files off the card."""
    for name in names:
        (bench.boot / name).unlink()


def faulty(bench: Bench, signing: Signing) -> None:
    """A policy that cannot be, well signed."""
    signing.signed(policy().replace("term_h = 168", "term_h = 169"))
    put(bench, signing)


def cut(path: Path) -> None:
    """Half of a file."""
    path.write_bytes(path.read_bytes()[:-100])


BAD: dict[str, tuple[Callable[[Bench, Signing], object], str]] = {
    "changed": (
        lambda bench, _: (bench.boot / "policy.toml").write_text(policy().replace("term_h = 168", "term_h = 100")),
        r"policy\.toml: signature: the signature of this text: it was changed",
    ),
    "by another": (
        lambda bench, signing: put(bench, signing, "secretary"),
        r"policy\.toml: signature = [0-9a-f-]{19}: a signature by one of policy\.signers",
    ),
    "cut off": (
        lambda bench, _: cut(bench.boot / "policy.toml.sig"),
        r"policy\.toml: signature: a whole signature file",
    ),
    "no signature": (
        lambda bench, _: (bench.boot / "policy.toml.sig").unlink(),
        r"regel @signers: policy\.signers: policy\.toml\.sig staat niet op de kaart, en niet op de unit",
    ),
    "neither": (
        lambda bench, _: lose(bench, "policy.toml.sig", "policy.toml"),
        r"regel @signers: policy\.signers: policy\.toml staat niet op de kaart, en niet op de unit",
    ),
    "no key": (
        lambda bench, signing: bench.put(sheet_of(signing, "officer").replace("ssh-ed25519 ", "ssh-rsa ")),
        r"regel @key: policy\.signers\[0\]\.key = .*an Ed25519 public key",
    ),
    "a fault in the policy": (
        faulty,
        r"policy\.toml, regel @term: policy: audio\.term_h = 169: at most 168",
    ),
    "the text as well": (
        lambda bench, signing: bench.put(
            sheet_of(signing, "officer").replace("\n[buttons", TEXT.format(policy=policy()) + "\n[buttons", 1)
        ),
        r"regel \d+: .*; met \[\[policy\.signers\]\] staat het beleid niet in dit bestand, maar ernaast",
    ),
    "a signature that nobody may make": (
        lambda bench, _: bench.put(good()),
        r"policy\.toml\.sig staat naast spreekkamer\.toml, en dat noemt geen \[\[policy\.signers\]\]",
    ),
    "no signers": (
        lambda bench, signing: bench.put(sheet_of(signing).replace("[lamps]\n", "[policy]\n[lamps]\n", 1)),
        r"regel @empty: policy: verwacht de tekst van policy\.toml, .* is het beleid ondertekend",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_policy_that_does_not_count_is_refused(bench: Bench, signing: Signing, what: str) -> None:
    """Issue 16: a signature that is missing, cut, another's or another text's, and signers that are none: each is named
    in the answer, nothing is taken, and `settings check --card` says it before.
    """
    spoil, said = BAD[what]
    put(bench, signing)
    spoil(bench, signing)
    lines = (bench.boot / NAME).read_text().splitlines()

    def at(text: str, where: list[str]) -> int:
        return next((n for n, line in enumerate(where, 1) if line.startswith(text)), 0)

    for mark, (text, where) in {
        "@signers": ("[[policy.signers]]", lines), "@key": ('key = "ssh', lines), "@empty": ("[policy]", lines),
        "@term": ("term_h = 169", policy().replace("term_h = 168", "term_h = 169").splitlines()),
    }.items():  # fmt: skip
        said = said.replace(mark, str(at(text, where)))
    before = spreekkamer("settings", "check", "--card", bench.boot / NAME)
    assert bench.start().refused
    assert re.search(f"^- {said}", bench.answer(), re.MULTILINE), bench.answer()
    assert bench.settings() == {}
    assert before.returncode == 2
    assert re.search(said.partition(" staat niet")[0], before.stderr), before.stderr


def test_a_hanging_ssh_keygen_holds_no_alarm_up_for_long(
    bench: Bench, signing: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A1, A2: a new signed card on a unit that has settings, where ssh-keygen gives no answer: what starts before the
    alarm process waits no longer than that process itself does, changes nothing and says why; the next start takes it.
    """
    put(bench, signing)
    assert bench.start().refused == ""
    signing.signed(policy().replace("pre_event_s = 30", "pre_event_s = 20"))
    put(bench, signing)
    before = {path.name: path.read_bytes() for path in bench.paths.etc.iterdir() if path.is_file()}
    with monkeypatch.context() as patch:
        hanging(tmp_path / "bin", patch)
        began = time.monotonic()
        refused = bench.start().refused
        took_s = time.monotonic() - began
    assert "ssh-keygen" in refused
    assert ALARM_VERIFY_S <= took_s < VERIFY_S - 1
    assert {path.name: path.read_bytes() for path in bench.paths.etc.iterdir() if path.is_file()} == before
    assert bench.start().refused == ""
    assert load_to_run(bench.paths.etc).policy.timing.pre_event_s == 20


def test_a_newer_policy_comes_by_the_same_file_and_an_older_card_takes_nothing_back(
    bench: Bench, signing: Signing
) -> None:
    """Issue 16: the same spreekkamer.toml with another signed policy beside it is taken; what was signed and put on the
    unit since is not undone by a card that was taken before; files that the unit has may be left out.
    """
    put(bench, signing)
    bench.start()
    signing.signed(policy().replace("term_h = 168", "term_h = 100"), by="secretary")
    put(bench, signing)
    assert bench.start().refused == ""
    assert load(bench.paths.etc).policy.audio.term_h == 100
    signing.signed(policy().replace("term_h = 168", "term_h = 90"))
    for name in ("policy.toml", "policy.toml.sig"):
        (bench.paths.etc / name).write_bytes((signing.etc / name).read_bytes())
    bench.start()
    assert "ONVERANDERD" in bench.answer()
    assert load(bench.paths.etc).policy.audio.term_h == 90
    for name in ("policy.toml", "policy.toml.sig"):
        (bench.boot / name).unlink()
    bench.put(sheet_of(signing, "officer").replace("pin = 5", "pin = 7"))
    assert bench.start().refused == ""
    assert (load(bench.paths.etc).unit.buttons.alarm.pin, load(bench.paths.etc).policy.audio.term_h) == (7, 90)
