# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the ring takes of the machine's memory, in a process of its own with the recorder's allocator settings."""

from __future__ import annotations

import os
import subprocess
import sys

from daemon.recorder.memory import WIPE

STORY = """
import os, random
from pathlib import Path
import pyrage
from daemon.recorder.cutter import Clear, video_cutter
from daemon.recorder.ring import Ring, Sealed
from daemon.recorder.seal import Key, seal
from hardware.ports import VideoFormat, VideoPacket

def resident():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Rss"))

NS, dice = 10**9, random.Random(1)
key = Key(str(pyrage.x25519.Identity.generate().to_public()), b"")
cutter, ring = video_cutter(VideoFormat(1920, 1080, 25, 4_000_000)), Ring(31 * NS, 1 << 30)
before = resident()
for n in range(100 * 25):
    size = int((15_000 if n % 25 else 120_000) * dice.uniform(0.7, 1.3))
    noise = os.urandom(size).replace(bytes(2), bytes([1, 1]))
    for piece in cutter.feed(VideoPacket(bytes([0, 0, 0, 1, 0x65]) + noise, 1000 * NS + n * NS // 25, n % 25 == 0)):
        if isinstance(piece, Clear):
            data = seal(piece.data, key)
            ring.add(Sealed("video", piece.t0_ns, piece.t1_ns, 0, "synchronised", 25, data, key), piece.t1_ns)
print((resident() - before) / ring.bytes)
"""


def test_the_ring_takes_little_more_than_its_own_bytes() -> None:
    """H1, R2: thirty seconds at 4 Mbit/s that come and go, with the second that is being filled, take less than 1.3
    times the bytes of the ring: what goes out of it goes back to the machine.
    """
    done = subprocess.run(
        [sys.executable, "-c", STORY], env={**os.environ, **WIPE, "PYTHONPATH": "."}, capture_output=True, check=True
    )
    assert 1.0 < float(done.stdout) < 1.3
