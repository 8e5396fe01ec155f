# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A process that dies at its n-th call that touches the disk, as a power cut or kill -9 would have it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.forks import forked

DYING = """
import os
count = 0
def dying(call):
    def act(*args, **kwargs):
        global count
        count += 1
        if count == point: os._exit(9)
        return call(*args, **kwargs)
    return act
for name in calls: setattr(os, name, dying(getattr(os, name)))
"""


def die_at(point: int, calls: tuple[str, ...], story: str) -> bool:
    """Runs a story in a process of its own that ends hard at its n-th of these calls of `os`; False: it lived on."""
    ended = forked(DYING + story, point=point, calls=calls)
    assert ended.code in {0, 9}
    return ended.code == 9


EVERYWHERE = """
import os, signal, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from {module} import {prepare} as prepare, {story} as story
count, point, write = 0, 0, os.write
def dying(name, call):
    def act(*args, **kwargs):
        global count
        count += 1
        if count == point:
            if name == "write" and {torn!r}:
                write(args[0], bytes(args[1])[:len(args[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    return act
while True:
    point += {every}
    pid = os.fork()
    if pid == 0:
        home = Path({base!r}) / str(point)
        home.mkdir(parents=True)
        prepare(home)
        for name in {calls!r}: setattr(os, name, dying(name, getattr(os, name)))
        story(home)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    if not os.WIFSIGNALED(status):
        sys.exit(status >> 8)
"""
CHANGING = ("write", "pwrite", "fsync", "unlink", "rmdir", "rename", "replace", "link", "mkdir")
"""The calls of `os` by which Python changes a disk, but for opening."""


def die_everywhere(
    base: Path, module: str, prepare: str, story: str, *, torn: bool = False, every: int = 1
) -> list[Path]:
    """Runs a story once for each of its calls that change the disk, ended by SIGKILL before it, and once to its end.

    Both are functions of a module that take a directory of their own; the directories are returned. `torn`: a write is
    cut in half before the end. `every`: only each so many-th of the calls. One process that forks:
    hundreds of deaths take seconds.
    """
    code = EVERYWHERE.format(
        root=str(Path.cwd()),
        base=str(base),
        module=module,
        prepare=prepare,
        story=story,
        calls=CHANGING,
        torn=torn,
        every=every,
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(base.iterdir(), key=lambda path: int(path.name))
