# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Looks for clear sound and image where none may be: in files, and in the memory of a running process."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

PACKET = 188
"""Bytes of a transport-stream packet (ISO/IEC 13818-1); each begins with 0x47."""
PIDS = (0x0000, 0x0011, 0x0100, 0x1000)
"""Programme table, service description, the one stream, its map: what ffmpeg's muxer writes for one track."""
RUN = 5
"""This many headers at the right distance are no accident: each is one in a million."""
PIECES = 50
"""Pieces of each track that are looked for: several of every second of the recording."""
PIECE = 64
"""Bytes of a payload that are looked for: long enough to be nobody else's."""


def transport_packets(data: bytes) -> list[int]:
    """Where packets of our transport streams stand, in runs of at least RUN: sync byte, no error, a PID that we use."""
    raw = np.frombuffer(data, np.uint8)
    size = len(raw) - RUN * PACKET
    if size <= 0:
        return []
    pid = (raw[1:-1].astype(np.uint16) & 0x9F) << 8 | raw[2:]
    start = (raw[:-2] == 0x47) & np.isin(pid, PIDS)
    run = np.ones(size, bool)
    for n in range(RUN):
        run &= start[n * PACKET : n * PACKET + size]
    return [int(at) for at in np.flatnonzero(run)]


class Found(NamedTuple):
    """What a search of a process's memory brought up."""

    runs: int
    """Stretches of clear transport stream."""
    pieces: int
    """Pieces of what was recorded earlier."""
    pieces_sought: int


def search(pid: int, opened: dict[str, bytes]) -> Found:
    """Looks through everything that a process may write and read."""
    wanted = [clear[at + 20 : at + 20 + PIECE] for clear in opened.values() for at in _payloads(clear)]
    runs, left = 0, set(wanted)
    for data in _memory(pid):
        packets = transport_packets(data)
        runs += sum(1 for a, b in pairwise([-1_000_000, *packets]) if b - a > 4 * PACKET)
        left -= {piece for piece in left if piece in data}
    return Found(runs, len(set(wanted)) - len(left), len(set(wanted)))


def _payloads(clear: bytes) -> list[int]:
    """Packets that carry picture or sound, spread evenly over the whole."""
    found = [at for at in transport_packets(clear) if len(set(clear[at + 20 : at + 20 + PIECE])) > 20]
    return found[:: max(1, len(found) // PIECES)]


def _memory(pid: int) -> Iterator[bytes]:
    """Everything that a process may write and read, mapping by mapping."""
    with Path(f"/proc/{pid}/mem").open("rb") as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            if not rights.startswith("rw") or "[vvar" in line:
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            memory.seek(start)
            try:
                yield memory.read(end - start)
            except OSError:
                continue  # a mapping of a device or a guard page
