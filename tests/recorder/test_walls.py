# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The wall that the recorder builds itself: no directory that the keeper could not empty."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.recorder import walls
from tests.waiting import PATIENCE_S

MAKES = """
import os, subprocess, sys
from daemon.recorder import walls
os.umask(0o007)
walls.keep_directories_open()
os.chdir(sys.argv[1])
here = os.open(".", os.O_DIRECTORY)

def made(name, make):
    try:
        make()
    except OSError as error:
        return f"{name}: {type(error).__name__}"
    return f"{name}: made"

for mode in (0o770, 0o777, 0o700, 0o750, 0o1770, 0):
    print(made(f"{mode:o}", lambda: os.mkdir(f"d{mode:o}", mode)))
print(made("at", lambda: os.mkdir("at", 0o700, dir_fd=here)))
print("child:", subprocess.run(["mkdir", "-m", "700", "child"], stderr=subprocess.DEVNULL).returncode)
print(made("again", lambda: os.makedirs("d770", exist_ok=True)))
"""


@pytest.mark.case("security 5")
def test_a_directory_that_the_keeper_could_not_empty_cannot_be_made(tmp_path: Path) -> None:
    """K1: under the recorder's own filter, loaded for real: closed to the group, or sticky, is refused; to children."""
    done = subprocess.run(
        [sys.executable, "-c", MAKES, tmp_path], capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    expected = """\
        770: made
        777: made
        700: PermissionError
        750: PermissionError
        1770: PermissionError
        0: PermissionError
        at: PermissionError
        child: 1
        again: made
        """
    assert done.stdout == textwrap.dedent(expected), done.stderr


@given(st.sampled_from(sorted(walls.CALLS)), st.integers(0, 0o7777), st.integers(0, 500))
def test_the_filter_looks_at_what_makes_a_directory_and_at_nothing_else(machine: str, mode: int, number: int) -> None:
    """K1: run as the kernel runs it, on every architecture: refused is a directory without the group's rights, or with
    the sticky bit.
    """
    calls = walls.CALLS[machine]
    place = calls.mode_at.get(number)
    arguments = [0] * 6
    arguments[place if place is not None else 1] = mode
    open_to_the_group = mode & 0o070 == 0o070 and not mode & 0o1000
    expected = walls.ALLOW if place is None or open_to_the_group else walls.REFUSE
    assert _run(walls._filter(calls), number, calls.arch, arguments) == expected


def _run(steps: list[walls._Instruction], number: int, arch: int, arguments: list[int]) -> int:
    """The kernel's machine for such filters, as far as this one uses it."""
    data = {walls.NR: number, walls.ARCH: arch} | {walls.ARGUMENTS + 8 * n: value for n, value in enumerate(arguments)}
    at = accumulator = 0
    while True:
        step = steps[at]
        at += 1
        if step.code == walls.LOAD:
            accumulator = data[step.k]
        elif step.code == walls.AND:
            accumulator &= step.k
        elif step.code == walls.EQUALS:
            at += step.yes if accumulator == step.k else step.no
        else:
            return int(step.k)
