# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The simulated camera's picture on the page: the same test card at the same moment, small, as a JPEG.

It does not come from the recorder, which shows nothing to anybody; the page says so.
"""

from __future__ import annotations

import av

from simulators.testcard import TestCard, dark_frame

WIDTH, HEIGHT, FPS = 320, 180, 25
NOTHING = frozenset({"camera.gone", "camera.silent", "camera.hangs"})
_frozen_at: list[tuple[int, int]] = []


def jpeg(wall_ms: int, boot_s: float, faults: frozenset[str]) -> bytes:
    """The picture of this moment under these faults. Any thread."""
    number = int(boot_s * FPS)
    if "camera.frozen" in faults:
        _frozen_at[:] = _frozen_at or [(wall_ms, number)]
        wall_ms, number = _frozen_at[0]
    else:
        _frozen_at.clear()
    if "camera.dark" in faults or faults & NOTHING:
        frame = dark_frame(WIDTH, HEIGHT)
    else:
        frame = TestCard(WIDTH, HEIGHT).show(number, wall_ms * 1_000_000)
    if "camera.blurred" in faults:
        frame = frame.reformat(WIDTH // 16, HEIGHT // 16).reformat(WIDTH, HEIGHT, interpolation="BICUBIC")
    coder = av.CodecContext.create("mjpeg", "w")
    coder.width, coder.height, coder.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
    return b"".join(bytes(packet) for packet in coder.encode(frame.reformat(format="yuvj420p")))
