"""Hypothesis' search under the profile `ci`: the same in every worker, whatever was loaded there before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SEARCH = """
import json, sys
from hypothesis import given, settings, strategies as st

sys.path.append({elsewhere!r})
if {loads_more!r}:
    import daemon.alarm.outbox, daemon.keeper.process, of_nobody
seen = []

@given(st.lists(st.one_of(st.integers(), st.text(), st.floats(allow_nan=False), st.binary())))
def test_search(example):
    seen.append(repr(example))

def test_print():
    test_search()
    print(json.dumps(seen))
"""


def search(where: Path, *, loads_more: bool) -> list[str]:
    """What a property is tried with, in a process of its own, under this folder's conftest.py."""
    where.mkdir()
    (where / "of_nobody.py").write_text("A, B = 987654321012345, 'a word that nobody else has'\n")
    (where / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text())
    (where / "test_one.py").write_text(SEARCH.format(elsewhere=str(where), loads_more=loads_more))
    command = [sys.executable, "-m", "pytest", "-s", "-q", "-p", "no:cacheprovider", "-k", "test_print", str(where)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=where)
    assert done.returncode == 0, done.stdout + done.stderr
    return list(json.loads(next(line for line in done.stdout.splitlines() if line.startswith("["))))


def test_a_search_does_not_depend_on_what_is_loaded(tmp_path: Path) -> None:
    """H2: `make test` tries the same examples each time, in whatever order and beside whichever tests; what it found
    once it finds again.
    """
    first = search(tmp_path / "bare", loads_more=False)
    assert len(first) > 100
    assert search(tmp_path / "more", loads_more=True) == first
