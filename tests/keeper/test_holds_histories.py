# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Random histories of holds: placed, extended, released, killed anywhere, files lost and spoilt."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.model.holds import Extension, Hold
from tests import leaks
from tests.keeper.stores import recording
from tests.keeper.test_holds import BY, CALLS, SPOILT, WISH, Keeper, check, events, spoil

NAMES = tuple(letter * 32 for letter in "ab")
IDS = tuple(digit * 32 for digit in "123")
WHICH = st.integers(0, 3)
"""Of the active holds, one by its place."""
ACTS = st.one_of(
    st.tuples(st.just("place"), st.sampled_from(IDS), st.sampled_from(NAMES)),
    st.tuples(st.just("extend"), WHICH),
    st.tuples(st.just("release"), WHICH),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("lose"), WHICH),
    st.tuples(st.just("spoil"), WHICH, st.sampled_from(sorted(set(SPOILT) - {"directory", "link"}))),
    st.tuples(st.just("restart")),
)
POINTS = st.one_of(st.just(0), st.integers(1, 5), st.integers(1, 14))
STEPS = st.lists(st.tuples(ACTS, POINTS), min_size=5, max_size=20)
"""An act, and at which of its calls the process is killed; 0: it is not."""


class Killed(BaseException):
    """The process is gone: nothing of ours catches this."""


@contextlib.contextmanager
def killed_at(point: int) -> Iterator[None]:
    """Ends what runs at its n-th call that touches the disk, before the call; 0: never."""
    real, left = {name: getattr(os, name) for name in CALLS}, [point]

    def dying(name: str) -> Any:
        def act(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return real[name](*args, **kwargs)

        return act

    for name in CALLS:
        setattr(os, name, dying(name))
    try:
        yield
    finally:
        for name, call in real.items():
            setattr(os, name, call)


class World:
    """A store, its keeper, and what the people who asked know: a hold that was answered is in force until its release
    was begun, and what nobody knows for certain is `maybe`.
    """

    def __init__(self, store: Path) -> None:
        self.store = store
        self.sure: dict[str, str] = {}
        """Holds that are in force for certain -> the recording."""
        self.maybe: dict[str, str] = {}
        self.keeper = Keeper(store).start()

    def restart(self) -> None:
        """The process is gone, and the next one starts; what was in doubt is now seen."""
        self.keeper.end()
        self.keeper = Keeper(self.store).start()
        in_force = self.keeper.holds.active()
        assert self.sure.keys() <= in_force.keys() <= self.sure.keys() | self.maybe.keys()
        self.sure, self.maybe = {hold_id: hold.recording_id for hold_id, hold in in_force.items()}, {}
        check_log(self.store)

    def do(self, act: tuple[Any, ...], point: int) -> None:
        """One act, killed at a call of it or not."""
        name, *args = act
        known = sorted(self.keeper.holds.active())
        if name == "place":
            if args[0] in known:
                return
            self.record(args[1])
        elif args:
            if not known:
                return
            args[0] = known[args[0] % len(known)]
        if name in {"place", "release"}:
            self.maybe[args[0]] = args[1] if name == "place" else self.sure.pop(args[0])
        try:
            with killed_at(point):
                getattr(self, name)(*args)
        except Killed:
            self.restart()
        else:
            if name == "place":
                self.sure[args[0]] = self.maybe.pop(args[0])
            elif name == "release":
                del self.maybe[args[0]]

    def record(self, recording_id: str) -> None:
        """A recording that is past its term from the start, held or not."""
        if not (self.store / "recordings" / recording_id / "audio").exists():
            shutil.rmtree(self.store / "recordings" / recording_id, ignore_errors=True)
            recording(self.store, recording_id)

    def place(self, hold_id: str, recording_id: str) -> None:
        """A hold."""
        self.keeper.store.refresh()
        self.keeper.place(recording_id, hold_id)

    def extend(self, hold_id: str) -> None:
        """A later review."""
        self.keeper.holds.extend(
            hold_id, Extension(hold_id, "manager", "still open", WISH.review), BY, self.keeper.audit
        )

    def release(self, hold_id: str) -> None:
        """Its end."""
        self.keeper.release(hold_id)

    def sweep(self) -> None:
        """What is due goes."""
        self.keeper.holds.refresh()
        self.keeper.sweep()

    def lose(self, hold_id: str) -> None:
        """Somebody deletes its file."""
        (self.store / "holds" / f"{hold_id}.json").unlink(missing_ok=True)

    def spoil(self, hold_id: str, how: str) -> None:
        """Something spoils its file."""
        path = self.store / "holds" / f"{hold_id}.json"
        if path.exists():
            spoil(path, how)


def check_log(store: Path) -> None:
    """The log is one chain, each release that was begun is done, and where nothing is spoilt log and files agree."""
    told = events(store)
    assert told.count("hold_releasing") == told.count("hold_released")
    spoilt = [file for file in (store / "holds").iterdir() if not _reads(file)]
    if not spoilt:
        check(store)


def _reads(file: Path) -> bool:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Hold).hold_id == file.stem
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


@settings(max_examples=150)
@given(STEPS)
def test_no_history_deletes_what_is_held_or_keeps_what_is_not(steps: list[tuple[tuple[Any, ...], int]]) -> None:
    """K1, K2, K3: whatever is asked, wherever the process is killed, whichever files of holds are lost or spoilt: what
    an answered hold keeps is whole, what no hold keeps is gone after a sweep, log and files tell the same story.
    """
    store = Path(tempfile.mkdtemp(prefix="spreekkamer-holds-"))
    try:
        with leaks.shared():  # a keeper that is killed in its start, and is no process of its own, leaves its log open
            world = World(store)
            for act, point in steps:
                world.do(act, point)
                for recording_id in world.sure.values():
                    assert len(list((store / "recordings" / recording_id / "audio").iterdir())) == 3, act
            world.restart()
            world.sweep()
            there = {path.name for path in (store / "recordings").iterdir()}
            assert there == set(world.sure.values())
            world.keeper.end()
    finally:
        shutil.rmtree(store)
