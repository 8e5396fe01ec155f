# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""kill -9 at every step of a deletion: the next start completes it, the log says it once, nothing is left over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.auditlog import act
from tests.dying import die_everywhere
from tests.keeper.stores import WEEK_NS, Clock, Keeper, audit_lines, chained, name, recording, sweep

GONE, SOUND_GONE, YOUNG = name("a"), name("b"), name("c")
NOW_NS = 4 * WEEK_NS
DUE = [(GONE, "audio"), (GONE, "video"), (SOUND_GONE, "audio")]


def prepare(store: Path) -> None:
    """One recording that has to go, one whose sound has, one that is young."""
    recording(store, GONE)
    recording(store, SOUND_GONE, at_boot_ns=2 * WEEK_NS)
    recording(store, YOUNG, at_boot_ns=NOW_NS - WEEK_NS // 2)


def delete(store: Path) -> None:
    """The start that is killed."""
    sweep(store, Clock(NOW_NS))


def judge(store: Path) -> None:
    """What the next start must have made of it."""
    recordings = store / "recordings"
    assert sorted(path.name for path in recordings.iterdir()) == [SOUND_GONE, YOUNG], store.name
    assert not list((recordings / SOUND_GONE).glob("audio*")), store.name
    assert len(list((recordings / SOUND_GONE / "video").iterdir())) == 3, store.name
    assert len(list((recordings / YOUNG).rglob("*.age"))) == 8, store.name
    for event in ("deleting", "deleted"):
        told = [(line["recording_id"], line["track"]) for line in audit_lines(store, event)]
        assert sorted(told) == DUE, (store.name, event)
    assert len(audit_lines(store, "boot")) == 1, store.name
    assert chained(store), store.name
    assert sorted(path.name for path in store.iterdir()) == ["audit.jsonl", "recordings", "time.json"], store.name


@pytest.mark.parametrize("torn", [False, True])
def test_killed_at_every_step_the_next_start_completes_it(tmp_path: Path, *, torn: bool) -> None:
    """K1, K3: killed before any call that changes the disk, or halfway through a write, what was begun is completed by
    the next start: nothing of what was due is left, the rest is whole, every deletion stands in the log once.
    """
    stores = die_everywhere(tmp_path / "stores", "tests.keeper.test_killed", "prepare", "delete", torn=torn)
    assert len(stores) > 35
    for store in stores:
        delete(store)
        judge(store)


def test_killed_twice(tmp_path: Path) -> None:
    """K1, K3: the start that completes a deletion can be killed as well, at any step."""
    stores = die_everywhere(tmp_path / "stores", "tests.keeper.test_killed", "half_done", "delete")
    assert len(stores) > 20
    for store in stores:
        delete(store)
        judge(store)


def half_done(store: Path) -> None:
    """As a start leaves it that was killed after the first envelope had gone."""
    prepare(store)
    keeper = Keeper(store, Clock(NOW_NS))
    keeper.audit.add_all(act("deleting", recording_id=GONE, track=track) for track in ("audio", "video"))
    (keeper.store.path(GONE) / "audio.0.key.age").unlink()
    keeper.close(clean=False)
