# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What every command has: a version, completion, the variable for --state, one class for a date that is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon.commands.console import day
from daemon.commands.zone import moment
from daemon.errors import RequestError, UnitError
from daemon.paths import Paths
from simulators.faults import Staged
from tests.check.terminal import spreekkamer
from tests.waiting import PATIENCE_S

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = (
        sys.executable,
        "-c",
        "from daemon.__main__ import main; import sys; sys.argv[0] = 'spreekkamer'; main()",
        *words,
    )
    env = {"PATH": "/usr/bin:/bin", "TERM": "dumb", **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=env)


@pytest.mark.case("people 6")
def test_a_command_tells_its_version_and_completes() -> None:
    """H2: --version names the version that is installed; the shell can complete commands."""
    assert run("--version").stdout.startswith("spreekkamer 0.")
    found = json.loads(run("version", "--json").stdout)
    assert f"spreekkamer {found['spreekkamer']}\n" == run("--version").stdout
    assert (found["package"], found["suite"]) == (None, None), "nobody packed this checkout"
    assert {"av", "lgpio", "paho-mqtt", "pyrage"} <= set(found["libraries"])
    shown = run(_SPREEKKAMER_COMPLETE="complete_bash", COMP_WORDS="spreekkamer set", COMP_CWORD="1")
    assert "settings" in shown.stdout


@pytest.mark.case("people 6")
def test_the_state_may_be_a_variable(tmp_path: Path) -> None:
    """H2: SPREEKKAMER_STATE is --state for every command of a shell; what is typed wins."""
    assert f"{tmp_path}/run/" in run("status", SPREEKKAMER_STATE=str(tmp_path)).stderr
    other = run("status", "--state", f"{tmp_path}/other", SPREEKKAMER_STATE=str(tmp_path))
    assert f"{tmp_path}/other/run" in other.stderr


@pytest.mark.case("people 6")
@pytest.mark.parametrize("words", [
    ("cover", "set", "--from", "x", "--until", "x", "--decision", "d"),
    ("hold", "place", "ab", "--incident", "1", "--role", "m", "--reason", "r", "--review", "x"),
    ("notice", "letter", "--on", "x"),
], ids=lambda words: words[0])  # fmt: skip
def test_a_date_that_is_none_is_one_kind_of_error(words: tuple[str, ...], tmp_path: Path) -> None:
    """H2: wherever somebody types a date, a bad one is a bad request with what was expected: exit code 12."""
    done = run(*words, "--state", str(tmp_path))
    assert done.returncode == RequestError.exit_code
    assert "expected a " in done.stderr


@pytest.mark.case("people 6")
def test_dates_and_moments_are_read() -> None:
    """H2: what is a date is taken as it is; a moment without an offset is in the policy's zone."""
    assert str(day("2026-11-30", "--on")) == "2026-11-30"
    assert moment("2026-03-18T06:00", "--from", AMSTERDAM).isoformat() == "2026-03-18T06:00:00+01:00"
    assert moment("2026-07-18T06:00", "--from", AMSTERDAM).isoformat() == "2026-07-18T06:00:00+02:00"
    assert moment("2026-03-18T06:00Z", "--from", AMSTERDAM).isoformat() == "2026-03-18T06:00:00+00:00"


@pytest.mark.parametrize(
    ("typed", "why"), [("2026-10-25T02:30", "comes twice"), ("2026-03-29T02:30", "does not exist")]
)
def test_a_moment_in_the_change_of_the_clocks_is_asked_for_with_its_offset(typed: str, why: str) -> None:
    """H2: the hour that comes twice and the hour that is left out are named, and with an offset each is taken."""
    with pytest.raises(RequestError, match=why):
        moment(typed, "--from", AMSTERDAM)
    assert moment(f"{typed}+01:00", "--from", AMSTERDAM)


@pytest.mark.case("people 7")
def test_a_fault_needs_a_room(tmp_path: Path) -> None:
    """H3: a fault of a room that does not run is refused, and makes nothing; a room that has ended takes none."""
    for make in (False, True):
        if make:
            (tmp_path / "run" / "faults").mkdir(parents=True)
        with pytest.raises(UnitError, match="no simulated room runs there"):
            Staged(Paths.below(tmp_path)).switch("board.hot", on=True)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["faults", "run"]


@pytest.mark.case("people 7")
def test_a_press_of_no_length_is_refused_in_our_words(tmp_path: Path) -> None:
    """H2: `--hold 0` says what was expected, in a sentence of ours."""
    command = [word.replace("daemon", "simulators") for word in spreekkamer("press", "alarm", "--hold", "0")]
    done = subprocess.run(
        [*command, "--state", str(tmp_path)], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert "--hold 0: expected more than 0 and at most 600 seconds" in done.stderr
    assert done.returncode == RequestError.exit_code
