# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A power cut at every step of a start with a card: the next start has all of the old, or all of the new."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from daemon import sign
from daemon.card.sheet import NAME
from tests.card.sheets import OTHER_BOARD, Bench, Files
from tests.certificates import Pair
from tests.dying import die_everywhere

HERE = "tests.card.test_killed"
WORKS, BROUGHT = "SPREEKKAMER_TEST_WORKS", "SPREEKKAMER_TEST_BROUGHT"
"""Directories of a unit that works, and with what comes to it on a card: the processes that die have no fixtures."""
OLD_PIN, NEW_PIN = "pin = 6", "pin = 22"


def bench(home: Path) -> Bench:
    """The bench in a directory; it puts no certificates of its own."""
    nothing = Pair(home, home)
    return Bench(home, Files(home, nothing, nothing))


def prepare(home: Path) -> None:
    """A unit that works, and a card with changed settings and another certificate."""
    shutil.copytree(os.environ[WORKS], home, dirs_exist_ok=True)
    shutil.copytree(os.environ[BROUGHT], home / "boot", dirs_exist_ok=True)


def start(home: Path) -> None:
    """The start that is cut."""
    bench(home).start(OTHER_BOARD)


@pytest.fixture
def brought(tmp_path: Path, taken: Path, files: Files, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is on the card, for the processes that die."""
    card = Bench(tmp_path / "card", files)
    card.put((taken / "boot" / NAME).read_text().replace(OLD_PIN, NEW_PIN), files=False)
    card.put_pair(files.renewed)
    monkeypatch.setenv(WORKS, str(taken))
    monkeypatch.setenv(BROUGHT, str(card.boot))
    return card.boot


def pieces(settings: dict[str, bytes]) -> tuple[bytes, ...]:
    """What has to belong together."""
    return tuple(settings[name] for name in ("unit.toml", "policy.toml", "tls/unit.crt", "tls/unit.key", "tls/ca.crt"))


def judge(home: Path, taken: Path, files: Files) -> None:
    """What the next start, on the other board, must have made of it."""
    unit, first = bench(home), Bench(taken, files)
    old = pieces(first.settings())
    if not (unit.paths.etc / ".taken").exists():
        now = pieces(unit.settings())
        assert now == old or (NEW_PIN.encode() in now[0] and now[3] == files.renewed.key.read_bytes()), home.name
    state = unit.start(OTHER_BOARD)
    new = pieces(unit.settings())
    assert (state.refused, state.board) == ("", OTHER_BOARD), home.name
    assert new[0] == old[0].replace(OLD_PIN.encode(), NEW_PIN.encode()), home.name
    assert new[2:4] == (files.renewed.certificate.read_bytes(), files.renewed.key.read_bytes()), home.name
    assert not [path.name for path in unit.boot.iterdir() if "unit.key" in path.name], home.name
    keys = {path.read_bytes() for path in unit.paths.etc.glob("*_ed25519")}
    assert len(keys) == 2, home.name
    assert not keys & {path.read_bytes() for path in first.paths.etc.glob("*_ed25519")}, home.name
    for key in (unit.paths.signing_key, unit.paths.audit_key):
        assert key.with_suffix(".pub").read_text().startswith(sign.public_of(key.read_bytes())), home.name
    assert not [path.name for path in unit.paths.etc.rglob("*") if path.name[0] == "." or path.suffix == ".new"], (
        home.name
    )


@pytest.mark.parametrize(
    ("every", "torn"),
    [(9, True), pytest.param(1, True, marks=pytest.mark.slow), pytest.param(1, False, marks=pytest.mark.slow)],
)
def test_cut_anywhere_the_next_start_has_one_of_both_whole(
    tmp_path: Path, taken: Path, brought: Path, files: Files, every: int, *, torn: bool
) -> None:
    """A1, K3, issue 14: a copied card with changed settings, cut before any call that changes a disk, or halfway
    through a write: settings and certificates are those of before or those of the card, when the next start has ended
    at the latest. That start has taken them, wiped the key, made two keys of its own, and leaves nothing half-made.
    """
    homes = die_everywhere(tmp_path / "homes", HERE, "prepare", "start", torn=torn, every=every)
    assert len(homes) > 80 // every
    assert brought.exists()
    for home in homes:
        judge(home, taken, files)
