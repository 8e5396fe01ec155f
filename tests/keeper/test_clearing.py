# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Directories that never became a recording go after a while; everything else that is no recording stays."""

from __future__ import annotations

from pathlib import Path

from daemon.keeper.clearing import WAIT_NS, Clearing
from daemon.model.ledger import fields
from tests.keeper.stores import NS, Clock, Keeper, audit_lines, chained, name, recording


def test_a_directory_in_which_nothing_began_goes(tmp_path: Path) -> None:
    """K3: what a full disk or a kill left of a beginning goes after ten minutes, with a line before; a recording that
    begins in the meantime, and everything that is not understood, stays.
    """
    home = tmp_path / "recordings"
    for letter in "abcdef":
        (home / name(letter)).mkdir(parents=True)
    (home / name("b") / "begin.json.sig").write_bytes(b"x")
    (home / name("c") / "notes.txt").write_bytes(b"x")
    (home / name("d") / "audio").mkdir()
    (home / name("e")).rmdir()
    (home / name("e")).symlink_to(home / name("a"))
    (home / "holiday").mkdir()
    keeper = Keeper(tmp_path, Clock())
    clearing = Clearing(keeper.store, keeper.audit)
    assert clearing.look(keeper.clock.now_ns) == []
    (home / name("f")).rmdir()
    recording(tmp_path, name("f"))
    keeper.clock.on(WAIT_NS - NS)
    keeper.store.refresh()
    assert clearing.look(keeper.clock.now_ns) == []
    keeper.clock.on(NS)
    assert [fields(line)["name"] for line in clearing.look(keeper.clock.now_ns)] == [name("a"), name("b")]
    keeper.store.refresh()
    assert clearing.look(keeper.clock.now_ns) == []
    left = sorted(path.name for path in home.iterdir())
    assert left == [name("c"), name("d"), name("e"), name("f"), "holiday"]
    assert [line["files"] for line in audit_lines(tmp_path, "cleared")] == [[], ["begin.json.sig"]]
    keeper.close()
    assert chained(tmp_path)
