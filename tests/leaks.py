# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""No test leaves anything behind: no thread, file, socket, process, mount or loop device."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from tests.waiting import LOOK_S, PATIENCE_S

HERE = Path(__file__).parent
MARK = "SPREEKKAMER_TESTS"
"""In the environment of every process that the tests start: the id of the process that runs them."""
C = TypeVar("C", bound="Closable")
TEST = "PYTEST_CURRENT_TEST"
"""The same, from pytest: the test that started it."""
FAILED = pytest.StashKey[bool]()
"""A test that has failed has not come to where it ends what it began."""
THREADS_ONLY = frozenset({"camera", "check", "faults", "fleet", "hostile", "machine", "vm"})
"""Where tests have a whole room, house or machine beside them, whose files and children come and go with what is done
to it: a container is a child, begun by the first test that needs it and anew after each power cut. What is left of one
at the end is found by nothing_on_the_machine."""
TRACKER = b"multiprocessing.resource_tracker"
"""Python's own process beside a pool of processes: it ends with the worker that has begun it."""
LINE = "anon_inode:gpio-line"
"""A line of a real chip, one a pin: gpiozero keeps a pin that was closed as an input until the process ends."""
_shared: set[str] = set()
POOLED = "thread asyncio_"
"""Python's own name for a thread of an event loop's pool."""
_pooled: list[str] = []


class Closable(Protocol):
    """What holds a thread, a file or a process until it is closed; a second time changes nothing."""

    def close(self) -> None:
        """Gives it back."""


class Closing(Protocol):
    """Has something closed at the end of the test, what was opened last first; returns it."""

    def __call__(self, opened: C) -> C: ...  # noqa: D102 - the class says it


@contextlib.contextmanager
def shared() -> Iterator[None]:
    """What starts inside is shared by tests, and stays until the last has ended."""
    before = _own()
    yield
    _shared.update(_own() - before)


@contextlib.contextmanager
def shared_room() -> Iterator[None]:
    """A room that starts inside is shared by a file's tests; at its end nothing of it is left.

    Until then its files come and go, and threads of its pools come when they are first needed.
    """
    before = _own()
    _pooled.append(POOLED)
    yield
    _pooled.pop()
    _wait_until_none(lambda: _new_since(before))


@pytest.fixture(scope="module")
def ended() -> Iterator[None]:
    """For the fixture of a shared room. One of its own: pytest holds what a fixture gives until that has ended."""
    with shared_room():
        yield


@pytest.fixture
def closing() -> Iterator[Closing]:
    """See Closing."""
    with contextlib.ExitStack() as stack:

        def closed_at_the_end(opened: C) -> C:
            stack.callback(opened.close)
            return opened

        yield closed_at_the_end


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves threads, open files or child processes, once its other fixtures have ended.

    One that has taken another's place is a leak too, but not in a room that tests share: its parts are started anew
    by what is done to it, and more of a kind than before is a leak there.
    """
    before = _own()
    yield
    request.node.funcargs.clear()  # what only the test still held ends with it
    folder = request.node.path.relative_to(HERE).parts[0]
    if FAILED in request.node.stash:
        return
    if folder not in THREADS_ONLY and not _pooled:
        _wait_until_none(lambda: _new_since(before))
        return
    _wait_until_none(
        lambda: [one for one in _more_than(before) if one.startswith("thread ") and not one.startswith(tuple(_pooled))]
    )


@pytest.fixture(scope="session", autouse=True)
def nothing_on_the_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fails the last test when a process, a mount or a loop device is left; a process names the test that began it."""
    os.environ[MARK] = str(os.getpid())
    home = str(tmp_path_factory.getbasetemp())
    yield
    _wait_until_none(lambda: [*_processes(), *_mounts(home), *_loop_devices(home)])


def _wait_until_none(found: Callable[[], list[str]]) -> None:
    """What ends by itself may take its time."""
    end_s = time.monotonic() + PATIENCE_S
    while more := found():
        assert time.monotonic() < end_s, f"left behind: {more}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # paho's pipe to itself goes with its client, in any order
            gc.collect()  # an error that a test has caught holds its frames, and what they hold
        time.sleep(LOOK_S / 10)


def _new_since(before: set[str]) -> list[str]:
    return sorted(_own() - before - _shared)


def _more_than(before: set[str]) -> list[str]:
    new, gone = _new_since(before), before - _own()
    return [one for one in new if _of_kind(one, new) > _of_kind(one, gone)]


def _of_kind(one: str, others: Iterable[str]) -> int:
    kind = one.partition(" ")[0]
    return sum(other.startswith(f"{kind} ") for other in others)


def _own() -> set[str]:
    """Of this process, each by its kind and what tells it apart; a thread's `ident` is the next one's once it ends."""
    return {*(f"thread {thread.name} {thread.native_id}" for thread in threading.enumerate()), *_files(), *_children()}


def _files() -> Iterator[str]:
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing's own
            if str(file.readlink()) != LINE:
                yield f"file {file.name} {file.readlink()}".removesuffix(" (deleted)")


def _children() -> Iterator[str]:
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # ended meanwhile
            yield from (f"child {pid}" for pid in (thread / "children").read_text().split())


def _processes() -> Iterator[str]:
    """Children, and theirs, that carry our mark."""
    mark = f"{MARK}={os.getpid()}"
    for process in Path("/proc").glob("[0-9]*"):
        if f"child {process.name}" in _shared:
            continue
        with contextlib.suppress(OSError):  # ended meanwhile, or another user's
            environment = (process / "environ").read_bytes().decode(errors="replace").split("\0")
            if mark in environment and TRACKER not in (process / "cmdline").read_bytes():
                began = next((line for line in environment if line.startswith(TEST)), "")
                yield f"process {process.name} {(process / 'comm').read_text().strip()} {began}"


def _mounts(home: str) -> Iterator[str]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if line.split()[4].startswith(home):
            yield f"mount {line.split()[4]}"


def _loop_devices(home: str) -> Iterator[str]:
    """Those that do not go with their last mount, which a container that began meanwhile may have copied."""
    for loop in Path("/sys/block").glob("loop*/loop"):
        with contextlib.suppress(OSError):  # given back meanwhile
            file = (loop / "backing_file").read_text().strip()
            if file.startswith(home) and (loop / "autoclear").read_text().strip() == "0":
                yield f"loop device {file}"
