# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Recordings made faster than real time: the test card and a tone through the real cutter, sealer and writer.

A conversation of ninety minutes takes a minute: the pictures of one round are encoded once and come again and again,
each with its own time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyrage

from daemon import records
from daemon.recorder.bundle import Bundle
from daemon.recorder.cutter import Hole, Piece, audio_cutter, video_cutter
from daemon.recorder.encoder import AudioEncoder, AudioPacket
from daemon.recorder.ring import Item, Sealed
from daemon.recorder.seal import Key, make_key, seal
from daemon.sign import make_key as make_signing_key
from daemon.sign import sign
from hardware.h264 import VideoEncoder
from hardware.ports import AudioFormat, PcmBlock, Track, VideoFormat, VideoPacket
from simulators.testcard import TestCard
from tests.keeper.stores import Clock

NS = 1_000_000_000
FORMAT = VideoFormat(640, 360, 25, 500_000)
ROUND_S = 4
"""Pictures that are encoded once."""
PCM = AudioFormat(48_000, 1, "simulated")
CALL = AudioFormat(48_000, 2, "simulated")
TONES_HZ = (440, 880)
"""Of the only channel, or of the left and the right one."""
TURN_NS = (1 << 33) * 100_000 // 9
"""After so long the times in a segment begin again."""


class Holders:
    """Holders' keys on disk, a file a holder, in groups."""

    def __init__(self, home: Path, groups: tuple[tuple[str, ...], ...] = (("manager-1", "manager-2"),)) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.keys = {name: pyrage.x25519.Identity.generate() for group in groups for name in group}
        for name, key in self.keys.items():
            (home / f"{name}.key").write_text(f"# demonstration only\n# public key: {key.to_public()}\n{key}\n")
        self.groups = tuple(tuple(str(self.keys[name].to_public()) for name in group) for group in groups)

    def file(self, name: str) -> Path:
        """The key file of a holder."""
        return self.home / f"{name}.key"


Keys = dict[Track, list[tuple[int, Key]]]
"""Of each track, and from when on."""


class Unit:
    """A unit's signing key and store, without a unit."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.key, self.signers, self.store = home / "unit_ed25519", home / "allowed_signers", home / "recordings"
        self.store.mkdir(exist_ok=True)
        make_signing_key(self.key, "room-1")

    def record(
        self, recording_id: str, holders: Holders, *, seconds: int = 8, start_ns: int = 1_000 * NS,
        tracks: tuple[Track, ...] = ("audio", "video"), fmt: VideoFormat = FORMAT, holes: dict[int, str] | None = None,
        trigger_s: int = 3, closed: bool = True, rekeyed_s: int | None = None, **begin: Any,
    ) -> Path:  # fmt: skip
        """A recording of the test card. `holes`: image lacks this second, for this reason. `rekeyed_s`: from then on
        each track has another key, as one recording in a hundred does.
        """
        clock = Clock(start_ns, 1_800_000_000 * NS)
        at_ns = [start_ns] + ([] if rekeyed_s is None else [start_ns + rekeyed_s * NS])
        keys: Keys = {track: [(from_ns, make_key(holders.groups)) for from_ns in at_ns] for track in tracks}
        oldest = {
            track: records.TrackBegin(clock.wall_ns, start_ns, {"audio": 168, "video": 672}[track]) for track in tracks
        }
        told: dict[str, Any] = {
            "recording_id": recording_id, "unit": "voorbeeldstad/stadhuis/spreekkamer-1", "policy": "heusden-2020",
            "policy_sha256": "0" * 64, "boot_id": "one", "clock": "synchronised", "at_wall_ns": clock.wall_ns,
            "at_boot_ns": start_ns, "trigger_boot_ns": start_ns + trigger_s * NS, "pre_event_s": float(trigger_s),
            "alarm": True, "continues": None, "tracks": oldest, "groups": holders.groups, "previous_head": "",
            "slip_keys": tuple(key.slip for made in keys.values() for _, key in made),
        }  # fmt: skip
        bundle = Bundle(self.store, records.Begin(**{**told, **begin}), lambda data: sign(data, self.key))
        pcm = CALL if "channel_names" in begin else PCM
        for items in _together(keys, seconds, start_ns, (fmt, pcm), holes or {}, clock):
            bundle.add(items)
        bundle.mark("alarm", start_ns + trigger_s * NS)
        clock.on(seconds * NS)
        if closed:
            bundle.end("asked", "", clock)
        else:
            bundle.abandon()
        return bundle.path


def _together(
    keys: Keys, seconds: int, start_ns: int, fmt: tuple[VideoFormat, AudioFormat], holes: dict[int, str], clock: Clock
) -> Iterator[list[Item]]:
    """Sealed pieces of both tracks as they would come, some seconds at a time."""
    made: dict[Track, Iterator[list[Piece]]] = {}
    if "video" in keys:
        made["video"] = _image(seconds, start_ns, fmt[0], holes)
    if "audio" in keys:
        made["audio"] = _sound(seconds, start_ns, fmt[1])
    while made:
        items: list[Item] = []
        for track in list(made):
            pieces = next(made[track], None)
            if pieces is None:
                del made[track]
                continue
            items += [_sealed(piece, keys[track], start_ns, clock) for piece in pieces]
        yield items


def _sealed(piece: Piece, keys: list[tuple[int, Key]], start_ns: int, clock: Clock) -> Item:
    if isinstance(piece, Hole):
        return piece
    key = next(key for from_ns, key in reversed(keys) if piece.t0_ns >= from_ns or from_ns == start_ns)
    wall_ns = clock.wall_ns + piece.t0_ns - start_ns
    data = seal(piece.data, key)
    return Sealed(piece.track, piece.t0_ns, piece.t1_ns, wall_ns, "synchronised", piece.frames, data, key)


def _image(seconds: int, start_ns: int, fmt: VideoFormat, holes: dict[int, str]) -> Iterator[list[Piece]]:
    cutter, fps = video_cutter(fmt), round(fmt.fps)
    card, encoder = TestCard(fmt.width, fmt.height, grain=fmt.width > FORMAT.width), VideoEncoder(fmt)
    packets = [
        packet
        for n in range(min(seconds, ROUND_S) * fps)
        for packet in encoder.encode(card.show(n, n * NS // fps), n * NS // fps)
    ]
    for second in range(seconds):
        pieces: list[Piece] = []
        if second in holes:
            pieces += cutter.end(holes[second])
        else:
            for n in range(second * fps, (second + 1) * fps):
                packet = packets[n % len(packets)]
                pieces += cutter.feed(VideoPacket(packet.data, start_ns + n * NS // fps, packet.key))
        yield pieces
    yield cutter.end("")


def _sound(seconds: int, start_ns: int, pcm: AudioFormat) -> Iterator[list[Piece]]:
    encoder = AudioEncoder(pcm, 64_000 * pcm.channels)
    cutter, frames = audio_cutter(encoder), pcm.rate_hz // 50
    at_s = np.arange(pcm.rate_hz) / pcm.rate_hz
    click = np.where(at_s < 0.005, 20_000, 0)
    sides = [3000 * np.sin(2 * np.pi * hz * at_s) + click for hz in TONES_HZ[: pcm.channels]]
    second_of = np.stack(sides, axis=1).astype("<i2").tobytes()
    for second in range(seconds):
        pieces: list[Piece] = []
        for block in range(50):
            size = frames * 2 * pcm.channels
            data = second_of[block * size : (block + 1) * size]
            pts_ns = start_ns + second * NS + block * NS // 50
            for packet in encoder.encode(PcmBlock(data, frames, pts_ns, overflow=False)):
                pieces += cutter.feed(packet) if isinstance(packet, AudioPacket) else cutter.lost(packet)
        yield pieces
    encoder.close()
    yield cutter.end("")
