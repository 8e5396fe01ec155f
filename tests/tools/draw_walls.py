# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Draws docs/ref/walls.md from what is kept of the walls, tests/machine/walls/kept.json: `make docs`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.machine import places
from tests.machine.walls import kept

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "ref" / "walls.md"
HEAD = """\
# The walls, from inside

Design §2 says what each process may touch. This page says what a program of an attacker's finds in the sandbox of each
shipped unit: everything below was tried there, by `tests/machine/walls/probe.py`, on a booted system
(`make machine-test`). The page is drawn from `tests/machine/walls/kept.json` by `make docs`; a row that comes out
otherwise, or a directive that holds nothing any more, fails that test.

A container stands for the machine: its kernel has no GPIO, camera or sound. Their nodes are there, systemd is told of
their drivers, and `open` means that the way to the driver is free. `CPUWeight=`, `IOWeight=`, `MemorySwapMax=` and
`TasksMax=` need a kernel's own controllers: `make vm-gpio`. What the recorder refuses itself, before any of this, is in
`daemon/recorder/walls.py`.

`done`: it was done; a name such as `EPERM`: the kernel's answer. `ro`: on a mount that takes no writing.
"""
PARTS = {
    "sockets": "Sockets, by family and by where they lead",
    "files": "Files, by path",
    "devices": "Devices",
    "own files": "What it can do to a file in its own directory",
    "system calls": "System calls, by systemd's own groups",
    "memory": "Memory",
    "spaces": "Namespaces and others' processes",
    "process": "User, rights, turn",
}
ROWS_SHOWN = 3
NAMED = {"/home/somebody/letter": "a letter in somebody's home", "/tmp/walls-of-the-machine": "the machine's own /tmp"}  # noqa: S108 - it is drawn
"""Paths that stand for more than themselves."""


def page() -> str:
    """The whole page."""
    everything = kept.kept()
    text = HEAD + "".join([
        *_tables(everything["rows"]), *_between(), *_also(everything["also"]), *_effects(everything["effects"]),
    ])  # fmt: skip
    for path, name in NAMED.items():
        text = text.replace(path, name)
    return text


def _code(text: str) -> str:
    """As it stands in a unit; in backticks it would be taken for a file of this repository."""
    return f"<code>{text}</code>"


def _tables(rows: kept.Table) -> Iterator[str]:
    services = list(next(iter(rows.values())))
    for part, heading in PARTS.items():
        yield f"\n## {heading}\n\n| | {' | '.join(services)} |\n|---|{'---|' * len(services)}\n"
        for row, came in rows.items():
            if row.startswith(f"{part}: "):
                what = row.removeprefix(f"{part}: ")
                shown = _code(what) if what.startswith(("/", "@")) and what not in NAMED else what
                yield f"| {shown} | {' | '.join(came.get(service, '-') for service in services)} |\n"


def _between() -> Iterator[str]:
    yield (
        "\n## What two of them can both reach\n\nA file of mode 0666 left in every directory, System V memory, every "
        "socket in sight, in three sandboxes at once\n(`tests/machine/test_between.py`).\n\n"
        "| | leaves a file in | reads what another left in | comes to |\n|---|---|---|---|\n"
    )
    for name in places.NAMES:
        cells = (places.TAKES[name], places.BOTH[name], places.TALKS[name])
        words = (", ".join(f"`{one}`" for one in sorted(cell)) or "nothing" for cell in cells)
        yield f"| {name} | {' | '.join(words)} |\n"


def _also(also: dict[str, kept.Table]) -> Iterator[str]:
    for suite, rows in also.items():
        yield f"\n## Otherwise on {suite}\n\n"
        if not rows:
            yield "Nothing.\n"
            continue
        yield "| | | |\n|---|---|---|\n"
        for row, came in rows.items():
            yield from (f"| {row} | {service} | {now} |\n" for service, now in came.items())


def _effects(effects: kept.Effects) -> Iterator[str]:
    yield (
        "\n## Without each directive\n\nEach was taken away in turn, from a list each word, and everything tried "
        "again: the rows that change. *No effect seen*: another\ndirective, or the rights of the user, holds the same; "
        "it stands there for the day on which that one is lost.\n"
    )
    for service, missing in effects.items():
        silent = [name for name, rows in missing.items() if not rows]
        yield f"\n### {service}: {len(missing) - len(silent)} of {len(missing)} change a row\n\n"
        yield "| without | changes |\n|---|---|\n"
        for name, rows in missing.items():
            if rows:
                more = f", and {len(rows) - ROWS_SHOWN} more" if len(rows) > ROWS_SHOWN else ""
                yield f"| {_code(name)} | {'; '.join(rows[:ROWS_SHOWN])}{more} |\n"
        yield f"\nNo effect seen: {', '.join(map(_code, silent)) or 'none'}.\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)  # noqa: T201 - a tool says what it wrote
