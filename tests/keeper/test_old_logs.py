# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Logs that earlier releases wrote: they read, they hold together, and a keeper of today goes on with them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from daemon import sign
from daemon.commands.audit import check
from daemon.keeper.process import KeeperProcess
from daemon.model.acts import KINDS
from daemon.model.ledger import Foreign, Line, encode, parse
from tests.auditlog import EVERY_KIND, LOGS, Fields, chained, sample
from tests.keeper.desks import NOW_NS, Hands
from tests.keeper.stores import recording
from tests.keeper.test_audit import A, keeper

OLD = sorted(LOGS.glob("*.jsonl"))


def lines_of(log: Path) -> list[tuple[bytes, Line]]:
    """The lines of a log that are whole."""
    raws = log.read_bytes().splitlines(keepends=True)
    return [(raw, line) for raw in raws if (line := parse(raw)) is not None]


@pytest.mark.parametrize("log", OLD, ids=lambda path: path.stem)
def test_a_line_of_an_earlier_release_reads_and_keeps_its_bytes(log: Path) -> None:
    """K3: each line is of a kind that this release knows; written anew it has the same bytes, but for the fields that a
    later release added, so that no hash of an old log changes.
    """
    for raw, line in lines_of(log):
        assert not isinstance(line.act, Foreign), raw
        anew = json.loads(encode(line))
        assert {key: anew[key] for key in json.loads(raw)} == json.loads(raw)
        if log == EVERY_KIND:
            assert encode(line) == raw


def test_the_log_of_every_kind_has_every_kind() -> None:
    """H5: a new kind has a line in the log that examples are taken from."""
    assert {line.act.event for _, line in lines_of(EVERY_KIND)} == KINDS.keys()


def test_an_old_log_holds_together_with_its_signatures() -> None:
    """K3: each hash of a log of every kind fits, through a power cut that tore a line and left others unsigned, and so
    does each signed head.
    """
    keys = sign.public_keys(EVERY_KIND.with_suffix(".pub"), sign.AUDIT)
    with EVERY_KIND.open("rb") as file:
        found = check(file, EVERY_KIND.stat().st_size, keys)
    assert found.faults == ()
    assert found.signatures == sum(line.act.event == "head" for _, line in lines_of(EVERY_KIND))


@pytest.mark.parametrize("log", OLD, ids=lambda path: path.stem)
def test_a_keeper_goes_on_with_an_old_log(log: Path, tmp_path: Path) -> None:
    """K3, K7: a keeper of today starts on the log of an earlier release, follows all of it, and writes its own lines
    behind it; nothing is a fault of the log.
    """
    clock = Hands(NOW_NS)
    process: KeeperProcess = keeper(tmp_path, clock)
    process.close()
    own = tmp_path / "store" / "audit.jsonl"
    shutil.copy(log, own)
    process = keeper(tmp_path, clock)
    process.begin()
    process.close()
    assert "audit" not in process._state().faults
    assert own.read_bytes().startswith(log.read_bytes())
    assert len(lines_of(own)) > len(lines_of(log))


NEVER = 2**70
"""Nanoseconds until long after the last year that a calendar has."""
NOW: Fields = {"boot_id": "now"}
FORGED: dict[str, list[Fields]] = {
    "a UTC without end": [sample("boot", powered_ns=0) | NOW, sample("clock", utc_ns=NEVER, powered_ns=1) | NOW],
    "a count before all": [sample("boot", powered_ns=-NEVER) | NOW, sample("clock", utc_ns=-NEVER) | NOW],
    "a clock without end": [
        sample("boot") | NOW | {"at_boot_ns": NEVER},
        sample("head") | NOW | {"at_boot_ns": -NEVER},
    ],
    "a boot without end": [sample("adopted", of_boot="one", powered_ns=NEVER, offset_ns=NEVER, believed=True)],
    "a date without end": [sample("dated", recording_id=A, wall_ns=NEVER)],
    "a deletion before all": [sample("deleting", recording_id=A, late_s=2**53) | NOW | {"at_boot_ns": -NEVER}],
    "a ring for ever": [sample("ring_time", counted_s={"audio": 1e308})],
    "all lines unsigned": [sample("boot"), sample("unsigned", first=0, lines=2**53)],
    "a long line": [sample("cleared", files=["x" * 100] * 900), sample("boot")],
}


@pytest.mark.parametrize("how", FORGED)
def test_forged_figures_stop_no_start(how: str, tmp_path: Path) -> None:
    """K1: a log in which somebody wrote figures that no unit has keeps no keeper from starting and deleting, also where
    the unit has no key to tell that nobody signed them.
    """
    clock = Hands(NOW_NS)
    keeper(tmp_path, clock).close()
    for key in (tmp_path / "etc").glob("keeper_ed25519*"):
        key.unlink()
    (tmp_path / "store" / "audit.jsonl").write_bytes(b"".join(chained(FORGED[how])))
    recording(tmp_path / "store", A)
    for _ in range(2):
        process = keeper(tmp_path, clock)
        process.begin()
        process._time.keep(stopping=True)
        assert process._state().recordings == 1
        process.close()
