# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Three verifiers, one verdict."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evidence import torture


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[torture.Bench]:
    """Recordings and a browser; each test mutates copies."""
    bench = torture.bench(tmp_path_factory.mktemp("bench"))
    yield bench
    bench.browser.close()


def test_three_verifiers_agree(made: torture.Bench) -> None:
    """K5: the command, the page and the shell commands of LEESMIJ.txt give the same two answers on three mutations of a
    recording of every kind, and none of them crashes; `make evidence-torture` makes a thousand.
    """
    wrong, seen = torture.run(made, 3 * len(torture.KINDS), seed=7)
    assert wrong == []
    assert len(seen) >= 4, "whole or not, from the unit or not: all of them came up"


def test_armour_that_ssh_keygen_refuses(made: torture.Bench, tmp_path: Path) -> None:
    """K5: the page reads a signature's armour as ssh-keygen does: a return after the first line is none, spaces inside
    are. Found by the torture.
    """
    made.browser.open()
    made.browser.give("#signers", made.unit.signers)
    old = (made.unit.store / torture.A / "SHA256SUMS.sig").read_bytes()
    for number, new in enumerate([old.replace(b"\n", b"\r\n", 1), old.replace(b"\nU", b"\n U", 1), old[:-1], old * 2]):
        copy = tmp_path / f"armour-{number}" / torture.A
        shutil.copytree(made.unit.store / torture.A, copy)
        (copy / "SHA256SUMS.sig").unlink()
        (copy / "SHA256SUMS.sig").write_bytes(new)
        answers = {verifier(made, copy) for verifier in (torture.by_command, torture.by_page, torture.by_shell)}
        assert len(answers) == 1, (number, answers)
