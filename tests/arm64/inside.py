# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What runs in the arm64 root: `python -m tests.arm64.inside imports`, `… seal RECIPIENT`, `… encode DIR`.

Each prints one JSON object. It is our package's own code there; nothing of it comes from this checkout.
"""

from __future__ import annotations

import base64
import importlib
import json
import pkgutil
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import daemon
import hardware


def imports() -> dict[str, Any]:
    """Every module of the package, and the libraries that drivers load late: what does not load, and why."""
    ours = [found.name for of in (daemon, hardware) for found in pkgutil.walk_packages(of.__path__, f"{of.__name__}.")]
    refused = {}
    for name in [*ours, "pyaudio", "lgpio"]:
        if name.endswith(".__main__") and name.count(".") == 1:
            continue  # the command itself, which would run
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - whatever keeps a module from a unit is the answer
            refused[name] = repr(error)
    home = {name: str(Path(sys.modules[name].__file__ or "").parent) for name in ("daemon", "av", "pyrage", "msgspec")}
    return {"machine": platform.machine(), "modules": len(ours), "refused": refused, "home": home}


def seal(recipient: str) -> dict[str, Any]:
    """A key as the recorder makes one, in a child of its own; something sealed to it; its envelope for a holder."""
    from daemon.recorder.seal import make_key, seal  # noqa: PLC0415 - each act loads its own

    key = make_key(((recipient,),))
    sealed = seal(sys.stdin.buffer.read(), key)
    return {"envelope": key.envelope.decode("latin-1"), "sealed": base64.b64encode(sealed).decode()}


def encode(directory: str) -> dict[str, Any]:
    """One segment of image and one of sound, as files; seconds that each took."""
    from daemon.recorder.cutter import Clear, audio_cutter, video_cutter  # noqa: PLC0415 - as above
    from daemon.recorder.encoder import AudioEncoder  # noqa: PLC0415 - as above
    from tests.recorder import streams  # noqa: PLC0415 - as above

    def cut(cutter: Any, packets: Any) -> bytes:
        pieces = [piece for packet in packets for piece in cutter.feed(packet)] + cutter.end("the test is over")
        return next(piece.data for piece in pieces if isinstance(piece, Clear))

    def sound() -> bytes:
        encoder = AudioEncoder(streams.SOUND, 64_000)
        return cut(audio_cutter(encoder), streams.sounds(encoder, streams.blocks(1.2)))

    def image() -> bytes:
        return cut(video_cutter(streams.PICTURE), streams.pictures(1.0))

    took_s = {}
    acts: dict[str, Callable[[], bytes]] = {"image": image, "sound": sound}
    for name, act in acts.items():
        began = time.monotonic()
        (Path(directory) / f"{name}.ts").write_bytes(act())
        took_s[name] = round(time.monotonic() - began, 2)
    return took_s


if __name__ == "__main__":
    ACTS: dict[str, Callable[..., dict[str, Any]]] = {"imports": imports, "seal": seal, "encode": encode}
    sys.stdout.write(json.dumps(ACTS[sys.argv[1]](*sys.argv[2:])))
