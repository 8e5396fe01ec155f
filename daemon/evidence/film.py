# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Opened segments to one MP4, without encoding again; both tracks keep their times.

Invariant: packets are streamed, one segment per track at a time. The file gets its name only when it is complete; a
failure leaves nothing. Times in a segment are 33 bits of 1/90,000 s and wrap after 26.5 hours: the chain's times tell
which wrap is meant.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import av

from daemon.errors import StoreError
from daemon.evidence.verify import Segment
from daemon.records import Begin
from daemon.times import utc
from hardware.ports import Track

if TYPE_CHECKING:
    from av.packet import Packet

TURN = 1 << 33
"""Ticks of 1/90,000 s after which a transport stream's clock wraps."""
TICKS_PER_S = 90_000
_TICK = Fraction(1, TICKS_PER_S)
SIDES, BOTH = "comment", 2
"""Where a file says what its channels are."""
Opened = Iterable[tuple[Segment, bytes]]


class Made(NamedTuple):
    """The content of the file."""

    packets: dict[Track, int]
    """Frames of image; frames of 1,024 samples of sound."""
    seconds: float
    bytes: int


class _Feed(io.RawIOBase):
    """Opened segments as one file, read from front to end. Remembers where the first begins."""

    def __init__(self, opened: Opened, step: Callable[[int], None]) -> None:
        self._opened, self._step = iter(opened), step
        self._left = memoryview(b"")
        self.t0_boot_ns: int | None = None
        self.error: BaseException | None = None
        """Why it ended early; its reader only sees the end."""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._left:
            try:
                segment, data = next(self._opened, (None, b""))
            except BaseException as error:  # noqa: BLE001 - FFmpeg would print an exception raised in its call, and lose it
                self.error = error
                return b""
            if segment is None:
                return b""
            if self.t0_boot_ns is None:
                self.t0_boot_ns = segment.t0_boot_ns
            self._step(len(data))
            self._left = memoryview(data)
        piece = bytes(self._left[:size] if size >= 0 else self._left)
        self._left = self._left[len(piece) :]
        return piece


class _Reel:
    """The packets of one track, with times that do not wrap."""

    def __init__(self, track: Track, feed: _Feed) -> None:
        self.track, self._feed = track, feed
        options = {"correct_ts_overflow": "0"}
        try:
            self._container = av.open(feed, "r", format="mpegts", options=options)
        except av.FFmpegError:
            self.check()
            raise
        streams = self._container.streams
        self.stream = next(iter(streams.video if track == "video" else streams.audio), None)
        self.count = 0

    def packets(self) -> Iterator[tuple[int, Packet[Any]]]:
        """Each packet with its boot time in ticks."""
        if self.stream is None:
            return
        last = (self._feed.t0_boot_ns or 0) * 9 // 100_000
        for packet in self._container.demux(self.stream):
            if packet.size == 0 or packet.pts is None:
                continue
            last = unturned(packet.pts, last)
            self.count += 1
            yield last, packet

    def check(self) -> None:
        """Raise the error that ended it early."""
        if self._feed.error is not None:
            raise self._feed.error

    def close(self) -> None:
        self._container.close()


class _Ends:
    """Handles termination signals between two packets: in the middle of FFmpeg's call they would be lost."""

    def __init__(self) -> None:
        self._number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
            wanted = [number for number in numbers if signal.getsignal(number) not in {None, signal.SIG_IGN}]
            self._before = {number: signal.signal(number, self._note) for number in wanted}
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _note(self, number: int, _: object) -> None:
        self._number = number

    def check(self) -> None:
        """Raise KeyboardInterrupt or SystemExit once a signal has come."""
        if self._number:
            raise KeyboardInterrupt if self._number == signal.SIGINT else SystemExit(128 + self._number)


def unturned(ticks: int, near: int) -> int:
    """The value nearest to another among all that a 33-bit count can mean."""
    return near + (ticks - near + TURN // 2) % TURN - TURN // 2


def make(
    opened: Mapping[Track, Opened], out: Path, about: dict[str, str], step: Callable[[int], None] = lambda _: None
) -> Made:
    """Write the MP4. Raises StoreError if it cannot be written, or the segments are not a film."""
    if out.exists():
        raise StoreError(f"{out}: is there already; expected a place without it")
    part = out.with_name(f".{out.name}.part")
    try:
        part.unlink(missing_ok=True)  # left by a power cut, or a link
        with _Ends() as ends:
            made = _write(opened, part, about, step, ends)
            with part.open("r+b") as file:
                os.fsync(file.fileno())
            ends.check()
        part.rename(out)
    except OSError as error:  # before FFmpeg's own: a full disk is both
        raise StoreError(f"{out}: {error.strerror or error}; nothing was written") from error
    except av.FFmpegError as error:
        raise StoreError(f"{out}: the segments make no film: {error.strerror}; nothing was written") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return made


def _write(
    opened: Mapping[Track, Opened], part: Path, about: dict[str, str], step: Callable[[int], None], ends: _Ends
) -> Made:
    reels: list[_Reel] = []
    try:
        for track, segments in opened.items():
            reels.append(_Reel(track, _Feed(segments, step)))
        reels = [reel for reel in reels if reel.stream is not None]
        if not reels:
            raise StoreError("nothing in this recording is sound or image; nothing was written")
        with av.open(part, "w", format="mp4") as container:
            container.metadata.update(about)
            outs = {reel.track: container.add_stream_from_template(reel.stream) for reel in reels}  # type: ignore[type-var]
            sound = outs.get("audio")
            if sound is not None and SIDES in about:
                sound.metadata["handler_name"] = about[SIDES]
            zero, end = None, 0
            for at, reel, packet in _merged(reels):
                zero = at if zero is None else zero
                end = max(end, at)
                packet.stream = outs[reel.track]
                packet.time_base = _TICK
                packet.pts = packet.dts = at - zero
                container.mux(packet)
                ends.check()
            for reel in reels:
                reel.check()
    finally:
        for reel in reels:
            reel.close()
    seconds = (end - (zero or 0)) / TICKS_PER_S
    return Made({reel.track: reel.count for reel in reels}, seconds, part.stat().st_size)


def _merged(reels: list[_Reel]) -> Iterator[tuple[int, _Reel, Packet[Any]]]:
    """Packets of all tracks in the order of their times."""
    sources = [(reel, reel.packets()) for reel in reels]
    waiting = [(*first, reel, packets) for reel, packets in sources if (first := next(packets, None)) is not None]
    while waiting:
        at, packet, reel, packets = min(waiting, key=lambda one: one[0])
        yield at, reel, packet
        waiting = [one for one in waiting if one[2] is not reel]
        if (following := next(packets, None)) is not None:
            waiting.append((*following, reel, packets))


def about(recording_id: str, begin: Begin) -> dict[str, str]:
    """Metadata in the file; where the channels have names, the track of sound gets them too."""
    said = {"title": f"{begin.unit} {recording_id}", "creation_time": utc(begin.at_wall_ns)}
    names = begin.channel_names or ()
    if len(names) != BOTH or not all(name.isprintable() for name in names):
        return said
    return said | {SIDES: f"left: {names[0]}, right: {names[1]}"}
