# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Draws the tables of docs/ref/sockets.md: rights from their table, messages from their structs: `make docs`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

from msgspec.inspect import type_info
from msgspec.structs import fields

from daemon import wire
from daemon.alarm.speakers import SAID_BY, Speaker
from daemon.model.rights import ALARM_VERBS, GROUPS, KEEPER_VERBS, Role
from hardware.ports import PictureFigures
from tests.tools.typed_fields import Struct, bounds, code, default, meaning

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "ref" / "sockets.md"
BEGIN, END = "<!-- {}: drawn by `make docs` -->\n", "<!-- {}: until here -->\n"
FROM: Mapping[Speaker, str] = {
    "alarm": "From the alarm process: the room's own effects to the recorder, acts to the keeper",
    "recorder": "From the recorder",
    "keeper": "From the keeper",
    "operators": "From operators",
    "desk": "To operators, from the process that they asked",
}


def rights() -> str:
    """A line for each set of roles, with the verbs that they may say, and at which process."""
    held: dict[tuple[str, frozenset[Role]], list[str]] = {}
    for process, verbs in (("alarm", ALARM_VERBS), ("keeper", KEEPER_VERBS)):
        for verb, roles in verbs.items():
            held.setdefault((process, roles), []).append(verb)
    head = f"| asked of | verbs | {' | '.join(code(group) for group in GROUPS)} |\n|---|---|{'---|' * len(GROUPS)}\n"
    return head + "".join(
        f"| {process} | {', '.join(map(code, verbs))} | "
        f"{' | '.join('yes' if role in roles else '' for role in GROUPS.values())} |\n"
        for (process, roles), verbs in held.items()
    )


def messages() -> str:
    """Every message, by who says it: what it says, then a row for each field."""
    parts = []
    for speaker, heading in FROM.items():
        parts.append(f"{heading}:\n\n| message, field | what it may be | without it | what |\n|---|---|---|---|\n")
        said = [kind for kind in get_args(wire.Message) if SAID_BY[kind] == {speaker}]
        parts += [row for kind in said for row in _rows(kind)] + ["\n"]
    parts.append("Tables within them:\n\n| table, field | what it may be | without it | what |\n|---|---|---|---|\n")
    parts += [row for kind in (wire.Act, PictureFigures) for row in _rows(kind)]
    return "".join(parts)


def _rows(kind: Struct) -> Iterator[str]:
    says = " ".join(inspect.cleandoc(kind.__doc__ or "").split())
    yield f"| **{code(kind.__name__)}** | | | {says} |\n"
    for field in fields(kind):
        info = type_info(field.type)
        cells = (code(field.encode_name), bounds(info, field.name), default(field), meaning(kind, field, info))
        yield f"| {' | '.join(cells)} |\n"


def page() -> str:
    """The whole page: what is written by hand, and what is drawn into it."""
    text = PAGE.read_text(encoding="utf-8")
    for name, drawn in (("rights", rights()), ("messages", messages())):
        begin, end = BEGIN.format(name), END.format(name)
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{drawn}\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)  # noqa: T201 - a tool says what it wrote
