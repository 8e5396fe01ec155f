# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Opens a microphone, takes sound, closes it, again and again: `python -m tests.vm.sounds NAME TIMES`."""

from __future__ import annotations

import sys
import time

from hardware.clock import SystemClock
from hardware.microphone import PyAudioMicrophone
from hardware.ports import DeviceLost, PcmBlock

SOUND_S = 60.0
"""Longer than any machine takes to its first block."""


def main() -> None:
    """As the file's first line says."""
    name, times = sys.argv[1], int(sys.argv[2])
    for n in range(times):
        blocks: list[PcmBlock | DeviceLost] = []
        microphone = PyAudioMicrophone(name, 48_000, 1, SystemClock())
        microphone.start(blocks.append)
        until_s = time.monotonic() + SOUND_S
        while not blocks:
            if time.monotonic() > until_s:
                raise SystemExit(f"time {n}: no sound within {SOUND_S:g} s")
            time.sleep(0.01)
        if isinstance(blocks[-1], DeviceLost):
            raise SystemExit(f"time {n}: {blocks[-1].reason}")
        microphone.stop()
    sys.stdout.write(f"{times} times\n")


if __name__ == "__main__":
    main()
