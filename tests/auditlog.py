# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Lines of the audit log for tests: of every kind one that a unit wrote, changed where a test wants it otherwise.

`logs/` holds whole logs, as earlier releases wrote them: what they say must read for as long as a unit keeps its log.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from daemon.model import acts
from daemon.model.ledger import START, Line, parse

LOGS = Path(__file__).parent / "logs"
EVERY_KIND = LOGS / "every-kind.jsonl"
"""A log with a line of every kind."""
AT = {"at_wall_ns": 1_800_000_000_000_000_000, "at_boot_ns": 5_000_000_000, "boot_id": "one", "clock": "synchronised"}
"""When a line is written that does not say it itself."""
Fields = dict[str, Any]


def encode(fields: Mapping[str, Any]) -> bytes:
    """A line as it stands in a log, written down here once more: the bytes are what a chain holds together."""
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def raw(n: int, prev: str, **fields: Any) -> bytes:
    """A line in its place; `fields` may be those of the frame too."""
    return encode({"n": n, **AT, **fields, "prev": prev})


@cache
def written() -> Mapping[str, Fields]:
    """The first line of every kind in `EVERY_KIND`, by its event."""
    found: dict[str, Fields] = {}
    for text in EVERY_KIND.read_bytes().splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue  # one that a power cut tore
        found.setdefault(line["event"], line)
    return found


@cache
def whole(event: str) -> Fields:
    """The fields that each line of a kind has."""
    own = {field.name for field in msgspec.structs.fields(acts.KINDS[event]) if field.default is not UNSET}
    return {key: value for key, value in written()[event].items() if key in own}


def sample(event: str, **fields: Any) -> Fields:
    """The event and the fields that each line of its kind has, some of them otherwise; others where they are given."""
    return {"event": event, **whole(event), **fields}


def act(event: str, **fields: Any) -> Any:
    """The same as a value. Raises ValidationError for what is none."""
    return acts.of(event, sample(event, **fields))


def line(event: str, *, n: int = 0, prev: str = START, **fields: Any) -> Line:
    """The same as a line."""
    found = parse(raw(n, prev, **sample(event, **fields)))
    assert found is not None
    return found


def chained(several: Iterable[Mapping[str, Any]], n: int = 0, prev: str = START) -> Iterator[bytes]:
    """Lines one after the other, as a keeper writes them."""
    for number, fields in enumerate(several, n):
        found = raw(number, prev, **fields)
        prev = sha256(found).hexdigest()
        yield found


if __name__ == "__main__":
    lines = EVERY_KIND.read_bytes().splitlines(keepends=True)
    with EVERY_KIND.open("ab") as log:
        log.writelines(chained(map(json.loads, sys.argv[1:]), len(lines), sha256(lines[-1]).hexdigest()))
