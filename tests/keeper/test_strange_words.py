# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Whatever words stand in a recording's files, the lines that the keeper writes of it are lines that it reads."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from daemon import records
from daemon.keeper.process import KeeperProcess
from daemon.model import acts
from daemon.model import holds as rules
from daemon.model.holds import By
from daemon.model.ledger import Foreign, parse
from tests.keeper.desks import NOW_NS, Hands
from tests.keeper.stores import name, recording
from tests.keeper.test_audit import keeper

A, HOLD = name("a"), "c" * 32
STRANGE: dict[str, dict[str, Any]] = {
    "another boot": {"boot_id": "of another boot\n" * 20},
    "a part of nothing": {"continues": "../elsewhere\u202e"},
    "a moment before all": {"at_boot_ns": -(2**70)},
    "a moment without end": {"at_wall_ns": 2**70},
    "another policy": {"policy_sha256": "none", "policy": "\x1b[31m"},
}
"""What a begin.json says that no recorder writes."""


def turned(process: KeeperProcess, clock: Hands) -> None:
    """A start, and a turn of the loop, without a wait."""
    process.begin()
    process._look_at_holds()
    process._bear_witness()
    process._sweep()
    process._sign(clock.read())


def foreign(store: Path) -> list[bytes]:
    """Lines of the log that the keeper does not read."""
    raws = (store / "audit.jsonl").read_bytes().splitlines(keepends=True)
    return [raw for raw in raws if (line := parse(raw)) is None or isinstance(line.act, Foreign)]


@pytest.mark.parametrize("how", STRANGE)
def test_strange_words_make_no_foreign_line(how: str, tmp_path: Path) -> None:
    """K1, K2, K7: a recording whose begin.json says what no recorder writes is told once and not at each start; a hold
    on it that was released stays released.
    """
    clock = Hands(NOW_NS)
    process = keeper(tmp_path, clock)
    process.close()
    store = tmp_path / "store"
    path = recording(store, A)
    begin = msgspec.json.decode((path / "begin.json").read_bytes(), type=records.Begin)
    (path / "begin.json").write_bytes(records.encode(replace(begin, **STRANGE[how])))
    process = keeper(tmp_path, clock)
    turned(process, clock)
    wish = rules.Wish(A, "2026-0417", "manager", "a threat", datetime.date(2026, 12, 1))
    hold = rules.place(wish, (HOLD, A), ("audio", "video"), clock.read(), By(0, "custodian"))
    process._holds.place(hold, process._audit)
    process._holds.release(acts.HoldReleasing(HOLD, reason="over", uid=0, role="custodian"), process._audit)
    process._sign(clock.read())
    process.close()
    told = []
    for _ in range(2):
        process = keeper(tmp_path, clock)
        turned(process, clock)
        assert process._holds.active() == {}
        process.close()
        told.append((store / "audit.jsonl").read_bytes().count(A.encode()))
    assert foreign(store) == []
    assert told[0] == told[1]
