# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The recorder's peer: the same test card, the same tone, the same encoders, and everything thrown away."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from daemon.config import load
from daemon.paths import Paths
from daemon.recorder.encoder import AudioEncoder
from hardware.clock import SystemClock
from hardware.ports import DeviceLost, PcmBlock, VideoPacket
from simulators.camera import TestCardCamera
from simulators.microphone import ToneMicrophone
from tests.benchmarks.recorder_root import formats


def main() -> None:
    """Runs until it is ended."""
    settings, clock = load(Paths.below(Path(sys.argv[1])).etc), SystemClock()
    picture, pcm = formats(settings)
    encoder = AudioEncoder(pcm, settings.unit.microphone.bitrate_bps)

    def hear(block: PcmBlock | DeviceLost) -> None:
        if isinstance(block, PcmBlock):
            for _ in encoder.encode(block):
                pass

    def see(_: VideoPacket | DeviceLost) -> None:
        pass

    TestCardCamera(picture, clock, grain=True).start(see)
    ToneMicrophone(pcm, clock).start(hear)
    signal.pause()


if __name__ == "__main__":
    main()
