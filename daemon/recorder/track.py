# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One track from its device to sealed segments: open, watch, cut, seal, and open again after a loss.

Invariant: a device that the policy switches off never becomes a Track, so nothing can open it (promise R7). A track
that is shut opens no device. A device is judged by its frames, not by what it reports: after three seconds without one
it is restarted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from daemon import log
from daemon.errors import DeviceError, HangError
from daemon.model import picture
from daemon.model.sound import Side, Sides, SoundMeter
from daemon.recorder.cutter import Clear, Cutter, Hole, Piece, audio_cutter, video_cutter
from daemon.recorder.drift import Lost
from daemon.recorder.encoder import AudioEncoder
from daemon.recorder.nal import Pictures
from daemon.recorder.ring import Item, Sealed
from daemon.recorder.seal import Key, seal
from daemon.recorder.usable import Proof, Share, judge_image, judge_sound, named
from hardware import ports

NS = 1_000_000_000
SILENT_NS = 3 * NS
"""A device without a frame for this long is given up: a Pi camera that restarts its sensor takes about a second."""
STAMP_OFF_NS = NS
"""A stamp further than this from its arrival is invalid, unless it continues the previous one: a process that was held
up gets the frames taken meanwhile late, and in order."""
RETRY_NS = 2 * NS
"""Between two attempts to open a device; once plugged in again, it has to be back within ten seconds."""
PRIVACY = "closed for privacy"

DRIFT_PPM_MAX = 5000
"""No crystal and no sound server's timer is that bad: it is a card that runs at another rate than it claims. Its sound
is resampled all the same."""

KEYLESS = "its key was being made"
SPOILED = "a picture was lost on its way, and those made from it are damaged"
Frame = ports.VideoPacket | ports.PcmBlock
Sink = Callable[[ports.VideoPacket | ports.PcmBlock | ports.DeviceLost], None]


class SoundFigures(msgspec.Struct, frozen=True):
    """Figures of the sound track; None, and no text, while there is no sound."""

    level_dbfs: float | None = None
    peak_dbfs: float | None = None
    drift_ppm: float | None = None
    sound: str = ""
    sides: dict[str, Side] = {}


class Track(ABC):
    """Base class of the two tracks. Every method is called from the loop's thread."""

    def __init__(self, name: ports.Track, clock: ports.Clock, sink: Sink) -> None:
        self.name, self._clock, self._sink = name, clock, sink
        self._cutter: Cutter | None = None
        self._before: tuple[int | None, str] = (None, "")
        """End of the track before its device was lost, and why it was lost: the hole begins there."""
        self.hung: HangError | None = None
        """The device's library hangs: the process has to end."""
        self.key: Key | None = None
        self.sealed_to: Key | None = None
        """Key of the latest segment."""
        self.last_ns: int | None = None
        """Arrival of the last frame."""
        self.trouble = "not opened yet"
        self.gaps = 0
        self.strays = 0
        """Invalid stamps that were replaced by the arrival time."""
        self._stamp_ns: int | None = None
        self._from_ns = self._forgot_ns = 0
        """When its device was last opened or it was told to forget, and when it was told to forget."""
        self._share: Share | None = None
        """Counted from the first frame that a key could seal."""
        self._proof = Proof(self._judge)
        self.out = False
        """It hung twice: it is left alone until the next process."""
        self.closed = False
        """For privacy: nothing opens the device."""
        self._retry_ns = 0

    def excuse(self, now_ns: int) -> None:
        """The process itself was held up: its device is not to blame for the silence."""
        if self.last_ns is not None:
            self.last_ns = now_ns

    def leave_out(self, error: HangError) -> None:
        """Go on without this device: its library hangs in its own thread, which costs the other track nothing."""
        self.hung, self.out, self.trouble = None, True, f"{error}; it is tried again when the room is at rest"

    def watch(self, now_ns: int) -> list[Item]:
        """Open the device when it is time, and give it up when it is silent."""
        if self.closed or self.out:
            return []
        if self._cutter is None:
            if now_ns >= self._retry_ns:
                self._retry_ns = now_ns + RETRY_NS
                self._try_open(now_ns)
            return []
        if self.last_ns is not None and now_ns - self.last_ns > SILENT_NS:
            return self.lost("no frames for 3 s", now_ns)
        return []

    def lost(self, reason: str, now_ns: int) -> list[Item]:
        """The device is lost: seal the open segment. `reason` becomes that of the hole."""
        if self._cutter is None:
            return []
        log.event("device_lost", "warning", track=self.name, why=reason)
        self.trouble, self._retry_ns = reason, now_ns + RETRY_NS
        return self._give_up(reason)

    def _give_up(self, reason: str) -> list[Item]:
        if self._cutter is None:
            return []
        items = self._sealed(self._cutter.end(reason))
        self._before, self._cutter = (self._cutter.end_ns, reason), None
        return items + self._sealed(self._let_go())

    def take(self, frame: ports.VideoPacket | ports.PcmBlock, at_ns: int) -> list[Item]:
        """Take a frame that arrived at this moment; return the sealed segments and holes that it completes."""
        if self._cutter is None:
            return []  # it was on its way when the device was given up
        stamped = self._stamped(frame, at_ns)
        if self._is_gone(stamped, at_ns):
            self._pass(stamped)
            return []
        self.last_ns, self.trouble = at_ns, ""
        if self._share is None and self.key is not None:
            self._share = Share(at_ns)
        return self._sealed(self._cut(stamped))

    def _is_gone(self, frame: Frame, at_ns: int) -> bool:
        """Whether it is of before the track was told to forget, or of before its device was closed and opened again.

        Frames wait on a busy machine. After a second a stamp says nothing any more: those of a bad device stand still.
        """
        was_taken_before = frame.pts_ns < self._forgot_ns and at_ns < self._forgot_ns + STAMP_OFF_NS
        return at_ns < self._from_ns or was_taken_before

    def _stamped(self, frame: Frame, at_ns: int) -> Frame:
        """The frame with a plausible time: not in the future, and not long past."""
        stamp_ns = frame.pts_ns
        goes_on = self._stamp_ns is not None and stamp_ns >= self._stamp_ns - STAMP_OFF_NS
        if stamp_ns - at_ns > STAMP_OFF_NS or (at_ns - stamp_ns > STAMP_OFF_NS and not goes_on):
            if not self.strays:
                log.event("stamp_replaced", "warning", track=self.name, off_s=round((stamp_ns - at_ns) / NS, 1))
            self.strays += 1
            frame = replace(frame, pts_ns=at_ns)
        self._stamp_ns = frame.pts_ns
        return frame

    def finish(self, why: str) -> list[Item]:
        """Seal the open segment at the process's end. The device is still to be closed."""
        return self._sealed(self._cutter.end(why)) if self._cutter is not None else []

    def allow(self) -> None:
        """Allow the device to be opened."""
        if self.closed:
            self.closed, self._retry_ns = False, 0

    def shut(self, since_ns: int | None = None) -> list[Item]:
        """Close the device for privacy: seal the open segment. The hole gets that reason.

        It begins at `since_ns` if nothing came before, or that was forgotten; None: then there is no hole.
        """
        self.closed = True
        items = self._give_up(PRIVACY)
        self.trouble = PRIVACY
        if self._before[0] is None:
            self._before = (since_ns, PRIVACY)
        return items

    def forget(self, now_ns: int) -> None:
        """Drop the open, clear segment, and what was taken before this moment and still waits for the loop."""
        self._from_ns = self._forgot_ns = now_ns
        self._before = (None, "")
        if self._cutter is not None:
            self._cutter.forget()

    def remark(self, now_ns: int) -> str:
        """What is wrong with the delivered frames, for a person; empty: nothing."""
        del now_ns
        return ""

    def device(self, now_ns: int) -> str:
        """`ok`, `closed` for privacy, or what is wrong with the device or its frames."""
        return (
            "closed" if self.trouble == PRIVACY else self.trouble or self.doubt(now_ns) or self.remark(now_ns) or "ok"
        )

    def doubt(self, now_ns: int) -> str:
        """What is wrong with the track's segments in the ring, for a person; empty: nothing."""
        if self._share is None or not self.recording:
            return ""
        return named(self.name, self._share.words(now_ns) or self._proof.words)

    @property
    def delivers(self) -> bool:
        """Whether frames arrive."""
        return self._cutter is not None and not self.trouble

    @property
    def recording(self) -> bool:
        """Whether frames arrive and can be sealed: without a key nobody could ever open them."""
        return self.delivers and self.key is not None

    def close(self) -> None:
        """Close the device at the process's end, which frees one that does not close by itself."""
        if self._cutter is None:
            return
        try:
            self._stop_device()
        except (DeviceError, HangError) as error:
            log.event("device_not_closed", "warning", track=self.name, why=str(error))

    def _try_open(self, now_ns: int) -> None:
        try:
            self._cutter = self._start_device()
        except DeviceError as error:
            if self.trouble != str(error):
                log.event("device_not_opened", "warning", track=self.name, why=str(error))
            self.trouble = str(error)
            return
        except HangError as error:
            self.hung, self.trouble = error, str(error)
            return
        log.event("device_opened", track=self.name)
        self._from_ns = now_ns
        self._share, self._proof, self._stamp_ns = None, Proof(self._judge), None
        self._cutter.follow(*self._before)
        self.last_ns = now_ns  # its first frame is due within SILENT_NS

    def _let_go(self) -> list[Piece]:
        """Close a lost device. One that hangs ends the process, so the hole is reported now."""
        try:
            self._stop_device()
        except DeviceError as error:  # it was lost anyway; the next attempt will show whether it opens
            log.event("device_not_closed", "warning", track=self.name, why=str(error))
        except HangError as error:
            self.hung, self.trouble = error, str(error)
            end_ns, now_ns = self._before[0], self._clock.boot_ns()
            if end_ns is not None and end_ns < now_ns:
                return [Hole(self.name, end_ns, now_ns, str(error))]
        return []

    def _sealed(self, pieces: list[Piece]) -> list[Item]:
        items: list[Item] = []
        for piece in pieces:
            if isinstance(piece, Hole):
                self.gaps += piece.reason != PRIVACY
                items.append(piece)
                continue
            items.append(self._seal(piece))
            if self.key is not None and self._share is not None:
                self._share.feed(piece.t1_ns, self._good_ns(piece))
        return items

    def _seal(self, clear: Clear) -> Item:
        """Seal a segment; without a key, in the first second after a start, return a hole in its place."""
        self._proof.feed(clear)
        if self.key is None:
            return Hole(clear.track, clear.t0_ns, clear.t1_ns, KEYLESS)
        now = self._clock.read()
        t0_wall_ns = now.wall_ns - (now.boot_ns - clear.t0_ns)
        data, self.sealed_to = seal(clear.data, self.key), self.key
        return Sealed(clear.track, clear.t0_ns, clear.t1_ns, t0_wall_ns, now.state, clear.frames, data, self.key)

    def _pass(self, frame: Frame) -> None:  # noqa: B027 - sound is not made from what came before it
        """A frame that is not cut."""

    @abstractmethod
    def _good_ns(self, clear: Clear) -> int:
        """How much of a segment is whole."""

    @abstractmethod
    def _judge(self, clear: Clear, whole: bool) -> str:  # noqa: FBT001 - a Proof's
        """What is wrong with a segment compared with what the device took, for a person."""

    @abstractmethod
    def _cut(self, frame: ports.VideoPacket | ports.PcmBlock) -> list[Piece]: ...

    @abstractmethod
    def _start_device(self) -> Cutter: ...

    @abstractmethod
    def _stop_device(self) -> None: ...


class VideoTrack(Track):
    """Image: packets come encoded."""

    def __init__(self, camera: ports.Camera, limits: picture.Limits, clock: ports.Clock, sink: Sink) -> None:
        super().__init__("video", clock, sink)
        self._camera, self._limits = camera, limits
        self._doubt: picture.Doubt | None = None
        self._pictures, self._frame_ns = Pictures(), NS
        self._spoiled_ns: int | None = None
        """Since when pictures are damaged, because a reference picture was lost."""

    def figures(self) -> ports.PictureFigures | None:
        """Figures of a recent picture; None: none comes."""
        return self._camera.figures() if self.recording else None

    def blocks(self) -> ports.PictureBlocks | None:
        """Blocks of the same picture, to aim by."""
        return self._camera.blocks() if self.recording else None

    def remark(self, now_ns: int) -> str:
        """Judge the figures as they are now."""
        judged = picture.judge(self._doubt, self._camera.figures(), self._limits, now_ns) if self.recording else None
        self._doubt = judged
        return judged.words(now_ns) if judged else ""

    def forget(self, now_ns: int) -> None:
        """As its base: a picture lost before is forgotten as well."""
        super().forget(now_ns)
        self._spoiled_ns = None

    def _pass(self, frame: Frame) -> None:
        """The next pictures may be made from it, or need its parameter sets."""
        if isinstance(frame, ports.VideoPacket):
            self._pictures.whole(frame)
            self._pictures.key(frame)

    def _cut(self, frame: ports.VideoPacket | ports.PcmBlock) -> list[Piece]:
        assert self._cutter is not None  # noqa: S101 - `take` has looked
        if not isinstance(frame, ports.VideoPacket):
            return []
        whole, pieces = self._pictures.whole(frame), list[Piece]()
        if frame.key:
            key = self._pictures.key(frame)
            frame = key or replace(frame, key=False)
        if frame.key:
            if self._spoiled_ns is not None:
                pieces.append(Hole("video", self._spoiled_ns, frame.pts_ns, SPOILED))
            self._spoiled_ns = None
        elif not whole and self._spoiled_ns is None:
            self._spoiled_ns = frame.pts_ns
        return pieces + self._cutter.feed(frame, whole=self._spoiled_ns is None)

    def _good_ns(self, clear: Clear) -> int:
        return min(clear.t1_ns - clear.t0_ns, clear.frames * self._frame_ns)

    def _judge(self, clear: Clear, whole: bool) -> str:  # noqa: FBT001 - as its base
        return judge_image(clear, self._camera.figures(), whole=whole)

    def _start_device(self) -> Cutter:
        fmt = self._camera.start(self._sink)
        self._pictures, self._frame_ns, self._spoiled_ns = Pictures(), round(NS / fmt.fps), None
        if fmt.lacks:
            log.event("camera_lacks", "warning", settings=fmt.lacks)
        return video_cutter(fmt)

    def _stop_device(self) -> None:
        self._camera.stop()


class AudioTrack(Track):
    """Sound: blocks are encoded here."""

    def __init__(
        self, microphone: ports.Microphone, bitrate_bps: int, clock: ports.Clock, sink: Sink,
        names: tuple[str, ...] = (), *, by_use: bool = False,
    ) -> None:  # fmt: skip
        """`names`: the sides of a call, one a channel. `by_use`: a contact says when a call is over."""
        super().__init__("audio", clock, sink)
        self._microphone, self._bitrate_bps = microphone, bitrate_bps
        self._names, self._by_use = names, by_use
        self._sides = Sides(names) if names else None
        self._encoder: AudioEncoder | None = None
        self._meter: SoundMeter | None = None
        self._lost_ns = 0
        """Silence inserted in the open segment."""

    def remark(self, now_ns: int) -> str:  # noqa: ARG002 - sound is judged by what came, not by when it is asked
        """Silence, too high a level, or an impossible clock."""
        if self._meter is None or self._encoder is None or not self.recording:
            return ""
        ppm = self._encoder.drift_ppm or 0.0
        if abs(ppm) > DRIFT_PPM_MAX:
            return f"microphone: its clock is off by {ppm / 10_000:+.1f} %; expected another microphone.rate_hz"
        if self._sides is None:
            return self._meter.trouble
        if not self._are_apart:
            return f"microphone: it has one channel; expected two, for {' and '.join(self._names)}"
        # Between two words, and between two calls, a telephone line may be digitally silent: a whole call is not.
        return self._sides.trouble or ("" if self._by_use else self._meter.trouble)

    @property
    def _are_apart(self) -> bool:
        """Whether each side has a channel of its own: a device that lacks one is opened with what it has."""
        return self._encoder is not None and self._encoder.format.channels == len(self._names)

    def use(self, in_use: bool | None) -> None:  # noqa: FBT001 - a message's only field
        """A use begins (true), is over (false), or nobody knows (None)."""
        if self._sides is not None:
            self._sides.use(in_use)

    @property
    def format(self) -> ports.AudioFormat | None:
        """The microphone's format; None before it is open."""
        return self._encoder.format if self._encoder else None

    def figures(self) -> SoundFigures:
        """Level since the last call, clock drift, and format."""
        if self._meter is None or self._encoder is None or not self.recording:
            return SoundFigures(sides=self._sides.take() if self._sides else {})
        level, fmt, ppm = self._meter.take(), self._encoder.format, self._encoder.drift_ppm
        return SoundFigures(
            level.rms_dbfs if level else None,
            level.peak_dbfs if level else None,
            None if ppm is None else round(ppm, 1),
            f"{fmt.rate_hz} Hz, {fmt.channels} channel{'s' if fmt.channels > 1 else ''}, {fmt.device or 'no name'}",
            self._sides.take() if self._sides else {},
        )

    def forget(self, now_ns: int) -> None:
        """As its base, and the blocks that wait for their place in time."""
        super().forget(now_ns)
        if self._encoder is not None:
            self._encoder.forget()

    def _cut(self, frame: ports.VideoPacket | ports.PcmBlock) -> list[Piece]:
        assert self._cutter is not None  # noqa: S101 - `take` has looked
        assert self._encoder is not None  # noqa: S101 - made with the cutter
        assert self._meter is not None  # noqa: S101 - made with the cutter
        if not isinstance(frame, ports.PcmBlock):
            return []
        self._meter.feed(frame)
        if self._sides is not None and self._are_apart:
            self._sides.feed(frame, self._encoder.format.rate_hz)
        pieces: list[Piece] = []
        for part in self._encoder.encode(frame):
            if isinstance(part, Lost):
                self._lost_ns += part.to_ns - part.from_ns
                pieces += self._cutter.lost(part)
            else:
                pieces += self._cutter.feed(part)
        return pieces

    def _good_ns(self, clear: Clear) -> int:
        lost_ns, self._lost_ns = self._lost_ns, 0
        return max(0, clear.t1_ns - clear.t0_ns - lost_ns)

    def _judge(self, clear: Clear, whole: bool) -> str:  # noqa: ARG002, FBT001 - as its base; a second of sound is cheap
        assert self._meter is not None  # noqa: S101 - made with the cutter
        assert self._encoder is not None  # noqa: S101 - as well
        raw_dbfs = self._meter.dbfs_between(clear.t0_ns, clear.t1_ns)
        return judge_sound(clear, raw_dbfs, self._encoder.format.rate_hz)

    def _start_device(self) -> Cutter:
        fmt = self._microphone.start(self._sink)
        self._encoder = AudioEncoder(fmt, self._bitrate_bps)
        self._meter = SoundMeter(fmt.rate_hz, fmt.channels, *([self._names] if self._names else []))
        log.event("sound_format", rate_hz=fmt.rate_hz, channels=fmt.channels, device=fmt.device)
        return audio_cutter(self._encoder)

    def _stop_device(self) -> None:
        if self._encoder is not None:
            self._encoder.close()  # with the clear sound that it holds
        self._encoder = self._meter = None
        self._microphone.stop()
