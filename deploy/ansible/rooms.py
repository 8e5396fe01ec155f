#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The rooms of a site as Ansible's inventory, from its table: rooms.csv in the directory that SPREEKKAMER_SITE names.

    room;address;alarm_pin;…         column names are the template's variables; `room` and `address` have to be there
    spreekkamer-1;10.0.0.11;5;…      a line a room; the first room is the canary

Invariant: a table with a fault is no inventory. Every fault is named at once, with its line.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TABLE = "rooms.csv"
ROOM = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""As unit.toml's `room` (daemon/model/unit.py)."""
ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]{0,252}")
"""A host name or an address: nothing that ssh would read as an option."""
COLUMN = re.compile(r"[a-z][a-z0-9_]{0,63}")
RESERVED = re.compile(
    r"(?:ansible|inventory|play|role|os|unit|faults|sheet|card|boot|become|gather|module|vars)_.*"
    r"|action|any_errors_fatal|args|async|async_val|become|block|always|rescue|changed_when|check_mode|collections|connection|debugger"
    r"|delay|delegate_facts|delegate_to|diff|environment|fact_path|failed_when|force_handlers|handlers|hosts|ignore_errors"
    r"|ignore_unreachable|listen|local_action|loop|loop_control|max_fail_percentage|name|no_log|notify|now|order|poll|port"
    r"|post_tasks|pre_tasks|public|register|remote_user|retries|roles|run_once|serial|strategy|tags|tasks|tasks_from"
    r"|throttle|timeout|until|vars|when|with_.*|validate_argspec|allow_duplicates|static|apply|handlers_from|rolespec_validate"
    r"|defaults_from|public|hostvars|groups|group_names|omit|playbook_dir"
    r"|loop_with|lookup|query|q|cycler|dict|joiner|lipsum|namespace|range|undef"
    r"|item|site|left|made|judged|reboot|rest|before|packages|installed|system|why|to_restart"
)
"""Names that mean something to Ansible (tests/deploy/test_fleet.py holds the list), or to our playbook."""
BYTES_MAX = 1_000_000
"""A thousand bytes for each of a thousand rooms."""
CODE_MARKS = ("{{", "{%", "{#")
"""Cells are values: what looks like a template in one would be run."""


def text_of(data: bytes) -> str:
    """The table as Excel, LibreOffice or an editor saves it. Raises ValueError with what was expected."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(f"line {line}: this is no UTF-8: save the table as CSV UTF-8") from error


def rooms_of(text: str) -> tuple[dict[str, dict[str, str]], list[str]]:
    """The rooms in their order, each with its columns; and every fault. Pure."""
    if "\0" in text:
        return {}, ["line 1: this is no text: save the table as CSV UTF-8"]
    head = text.partition("\n")[0]
    marks = [mark for mark in ";\t," if mark in head]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=marks[0] if marks else ",", strict=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        return {}, [f"line {reader.line_num}: {error}"]
    lines = [(number, cells) for number, cells in lines if any(cells)]
    if not lines:
        return {}, ["line 1: the table is empty: expected a line of column names with room and address"]
    (first, columns), *rows = lines
    faults = [f"line {first}: {fault}" for fault in _column_faults(columns)]
    if faults:
        return {}, faults
    rooms: dict[str, dict[str, str]] = {}
    addresses: dict[str, str] = {}
    for number, cells in rows:
        if len(cells) != len(columns):
            faults.append(f"line {number}: {len(cells)} cells: expected {len(columns)}, as in line {first}")
            continue
        row = dict(zip(columns, cells, strict=True))
        faults += [f"line {number}: {fault}" for fault in _row_faults(row, rooms, addresses)]
        rooms[row["room"]] = row
        addresses[row["address"].lower()] = row["room"]
    if not rows:
        faults.append(f"line {first}: no room: expected a line for each below the column names")
    return rooms, faults


def _column_faults(columns: list[str]) -> Iterator[str]:
    for name in ("room", "address"):
        if name not in columns:
            yield f"no column {name}: expected room and address, and one for each variable of the template"
    for name in dict.fromkeys(columns):
        if columns.count(name) > 1:
            yield f"column {name!r} is there {columns.count(name)} times"
        if not COLUMN.fullmatch(name):
            yield f"column {name!r}: expected small letters, digits and _, beginning with a letter"
        elif RESERVED.fullmatch(name):
            yield f"column {name!r}: this name has a meaning of its own: expected another one"


def _row_faults(row: dict[str, str], rooms: dict[str, dict[str, str]], addresses: dict[str, str]) -> Iterator[str]:
    room, address = row["room"], row["address"]
    if not ROOM.fullmatch(room):
        yield f"room {room!r}: expected small letters, digits and hyphens, as in unit.toml"
    elif room in rooms:
        yield f"room {room}: is in the table twice"
    if not ADDRESS.fullmatch(address):
        yield f"address {address!r}: expected a host name or an address"
    elif address.lower() in addresses:
        yield f"address {address}: is room {addresses[address.lower()]}'s as well"
    for name, value in row.items():
        if any(mark in value for mark in CODE_MARKS) or not value.isprintable():
            yield f"column {name}: expected one line of plain text"


def inventory(site: Path, rooms: dict[str, dict[str, str]]) -> dict[str, Any]:
    """What Ansible asks for with --list."""
    variables = {
        name: {"ansible_host": row["address"], **{key: value for key, value in row.items() if key != "address"}}
        for name, row in rooms.items()
    }
    return {
        "_meta": {"hostvars": variables},
        "all": {"children": ["rooms"], "vars": {"site": str(site.resolve())}},
        "rooms": {"hosts": list(rooms)},
    }


def read(site: Path) -> tuple[dict[str, dict[str, str]], list[str]]:
    """The rooms of a site's table, and every fault."""
    path = site / TABLE
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
        if len(data) > BYTES_MAX:
            return {}, [f"more than {BYTES_MAX} bytes: this is no table of rooms"]
        rooms, faults = rooms_of(text_of(data))
    except OSError as error:
        return {}, [error.strerror or str(error)]
    except (UnicodeDecodeError, ValueError) as error:
        return {}, [str(error)]
    return rooms, faults


def main() -> int:
    """As the file's first line says. Exit code 2: the table has faults."""
    named = os.environ.get("SPREEKKAMER_SITE")
    if not named:
        sys.stderr.write("SPREEKKAMER_SITE is not set: expected the directory with rooms.csv\n")
        return 2
    site = Path(named).expanduser()
    rooms, faults = read(site)
    if faults:
        sys.stderr.write("".join(f"{site / TABLE}: {fault}\n" for fault in faults))
        return 2
    sys.stdout.write(json.dumps(inventory(site, rooms), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
