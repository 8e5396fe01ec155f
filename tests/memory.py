# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Looks for clear sound and image where none may be: in files, and in the memory of a running process."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

PACKET, SYNC = 188, 0x47
"""Bytes of a transport-stream packet (ISO/IEC 13818-1), and the first of them."""
PIDS = (0x0000, 0x0011, 0x0100, 0x1000)
"""Programme table, service description, the one stream, its map: what ffmpeg's muxer writes for one track."""
RUN = 5
"""This many headers at the right distance are no accident: each is one in a million."""
PIECES = 40
"""Pieces of each track that are looked for: several of every second of the recording."""
PIECE = 64
"""Bytes of a payload that are looked for: long enough to be nobody else's."""


def transport_packets(data: bytes) -> list[int]:
    """Where packets of our transport streams stand, in runs of at least RUN: sync byte, no error, a PID that we use."""
    raw = np.frombuffer(data, np.uint8)
    found = np.flatnonzero(raw[: max(0, len(raw) - RUN * PACKET)] == SYNC)
    for n in range(RUN):
        at = found + n * PACKET
        pid = (raw[at + 1].astype(np.uint16) & 0x9F) << 8 | raw[at + 2]
        found = found[(raw[at] == SYNC) & np.isin(pid, PIDS)]
    return [int(at) for at in found]


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
    """Everything that a process may write and read, mapping by mapping, but for the noughts before and after it: most
    of a thread's stack was never touched.
    """
    with Path(f"/proc/{pid}/mem").open("rb") as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            if not rights.startswith("rw") or "[vvar" in line:
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            memory.seek(start)
            try:
                yield memory.read(end - start).strip(b"\0")
            except OSError:
                continue  # a mapping of a device or a guard page
