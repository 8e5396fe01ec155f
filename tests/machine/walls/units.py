# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The shipped units as trials: a unit's own sandbox with another program in it, and the same with one word less.

Text in, text out. A directive that says how a service lives is not part of its sandbox; it is taken away from every
trial, and `LIVES` is the whole list of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

LIVES = {
    "Type", "ExecStart", "ExecStartPre", "ExecStartPost", "Restart", "RestartSec", "TimeoutStartSec", "TimeoutStopSec",
    "WatchdogSec", "KillMode", "SyslogIdentifier", "RemainAfterExit", "RuntimeMaxSec", "RuntimeDirectoryPreserve",
}  # fmt: skip
"""How a service starts, ends and is called: tests/machine/test_units.py and the virtual machine try those."""
LENT = {"CPUWeight", "IOWeight", "MemorySwapMax", "TasksMax", "LimitMEMLOCK", "OOMScoreAdjust"}
"""What the machine below has to lend a container: the kernel's controllers, and the right to raise a limit. Whether it
does is that machine's; the virtual machine has all of it."""
WORDS = {
    "SupplementaryGroups", "InaccessiblePaths", "BindReadOnlyPaths", "BindPaths", "ReadWritePaths", "ReadOnlyPaths",
    "TemporaryFileSystem", "SystemCallFilter", "RestrictAddressFamilies", "Environment",
}  # fmt: skip
"""Lists: one word is taken away at a time."""
ALONE = {"User", "Group", "StateDirectory", "StateDirectoryMode", "RuntimeDirectory", "RuntimeDirectoryMode"}
"""Without these systemd gives directories that others use to somebody else: tried one after the other, at the end."""


class Mutant(NamedTuple):
    """A sandbox with something less."""

    name: str
    """What is missing: `PrivateTmp=yes`, `SystemCallFilter=~… umask`; empty: nothing."""
    lines: tuple[str, ...]
    alone: bool


def sandbox(text: str) -> list[str]:
    """The lines of a unit that make its sandbox, in their order."""
    service = text.partition("[Service]\n")[2].partition("\n[")[0]
    lines = [line for line in service.splitlines() if "=" in line and not line.startswith("#")]
    return [line for line in lines if line.partition("=")[0] not in LIVES]


def mutants(text: str) -> Iterator[Mutant]:
    """The sandbox as it is, then once without each directive, or each word of one that is a list."""
    lines = sandbox(text)
    yield Mutant("", tuple(lines), alone=False)
    for at, line in enumerate(lines):
        key, _, value = line.partition("=")
        if key in LENT:
            continue
        for name, less in _less(key, value):
            kept = [f"{key}={less}"] if less else []
            yield Mutant(name, (*lines[:at], *kept, *lines[at + 1 :]), key in ALONE)


def _less(key: str, value: str) -> Iterator[tuple[str, str]]:
    """What is missing, and the value without it; empty: the line goes."""
    words = value.removeprefix("~").split()
    if key not in WORDS or len(words) == 1:
        yield f"{key}={value}", ""
        return
    sign = "~" if value.startswith("~") else ""
    for at, word in enumerate(words):
        yield f"{key}={sign}… {word}", sign + " ".join(words[:at] + words[at + 1 :])


def trial(lines: tuple[str, ...], command: str, said: str) -> str:
    """A unit file that runs a command in a sandbox, once, and keeps what it says."""
    return "\n".join([
        "[Service]", "Type=oneshot", *lines, f"ExecStart={command}", "RuntimeDirectoryPreserve=yes",
        "TimeoutStartSec=120", f"StandardOutput=truncate:{said}", f"StandardError=truncate:{said}.log", "",
    ])  # fmt: skip
