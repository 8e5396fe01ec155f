# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The recorder process: one loop that cuts, seals, and fills the ring. A trigger only opens a tap.

Invariant: there is one path, recording or not. Sealed segments go into the ring; while a recording is open they also go
to the writer, unchanged. Nothing is written without a lease (promise R3). The devices' threads, the link and the writer
only enqueue.
"""

from __future__ import annotations

import contextlib
import gc
import queue
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from daemon import link, log, sign, systemd, wire
from daemon.config import Settings
from daemon.model.events import Forget, Lease, Quiet, SetEnd, StartRecording
from daemon.model.picture import Limits
from daemon.paths import Paths
from daemon.recorder import memory, writer
from daemon.recorder.aim import Aim
from daemon.recorder.backlog import Backlog, Frame
from daemon.recorder.hangs import Hangs
from daemon.recorder.recording import Means, Recordings
from daemon.recorder.ring import Item, Ring, Sealed
from daemon.recorder.seal import KeySupply
from daemon.recorder.track import AudioTrack, SoundFigures, Track, VideoTrack
from hardware import ports

NS = 1_000_000_000
ROUND_S = 0.1
"""How often the loop takes the devices' frames and checks its devices and its clock; an order wakes it at once. One
round per frame, at 75 frames a second, took a third more of a processor."""
SLACK_NS = NS
"""The ring reaches this much further back than the policy asks: a press is known 50 ms after its edge, and its message
takes time on a busy machine. A recording still begins with the segment at the start of the pre-event time."""
STALL_NS = NS
"""A round this late was held up: the machine or this process stood still, and no device is to blame."""
TAKING_NS = NS
"""A round stops taking frames then and goes on with them in the next: where the devices bring more than the machine can
work off, orders, the lease and systemd's watchdog (10 s) still have their turn."""
KEYLESS_NS = 10 * NS
"""No key for this long is a fault: making one takes 0.1 s, and nothing is sealed before."""
KEY_NS = 3600 * NS
"""How often an idle key is replaced (design 5): nobody can ever open yesterday's ring, holders included."""
HEALTH_NS = 5 * NS
TOLD_AGAIN_NS = 60 * NS
"""A machine that is too slow stays so for as long as the heat lasts: one line a minute, with the sum."""


class FromAlarm(msgspec.Struct, frozen=True):
    """A message from the alarm process."""

    message: link.Word


class KeyTrouble(msgspec.Struct, frozen=True):
    """Why keys cannot be made; empty: they can again."""

    reason: str


Word = FromAlarm | KeyTrouble | writer.Opened | writer.Grew | writer.Closed | writer.Probed


class Devices(msgspec.Struct, frozen=True):
    """The devices that a composition root hands in: factories, so that a device that is off is never made."""

    camera: Callable[[], ports.Camera]
    microphone: Callable[[], ports.Microphone]
    clock: ports.Clock
    disk: ports.Disk
    simulated: bool
    """Whether camera or microphone is simulated: every recording says so (promise H3)."""


class RecorderProcess:
    """Made by a composition root. `run` returns after `stop`."""

    def __init__(self, settings: Settings, paths: Paths, devices: Devices) -> None:
        settings = settings.at(devices.clock.read())
        policy = settings.policy
        self._settings, self._clock, self._disk = settings, devices.clock, devices.disk
        self._queue: queue.SimpleQueue[Word | None] = queue.SimpleQueue()
        """None: stop."""
        self._frames = Backlog()
        """Until the loop's next round; they do not wake it."""
        self._queue_max = self._told_late_ns = 0
        self._ring = Ring(
            policy.timing.pre_event_s * NS + (SLACK_NS if policy.timing.pre_event_s else 0),
            settings.unit.recorder.ring_bytes_max,
        )
        self._tracks: dict[ports.Track, Track] = {}
        self._video: VideoTrack | None = None
        if policy.audio.record:
            sound, by_use = settings.unit.microphone, settings.unit.buttons.in_use is not None
            self._tracks["audio"] = AudioTrack(
                devices.microphone(), sound.bitrate_bps, self._clock, self.put, sound.channel_names, by_use=by_use
            )
        if policy.video.record:
            camera = settings.unit.camera
            limits = Limits(camera.dark_below_pct, camera.blurred_below_pct)
            self._video = self._tracks["video"] = VideoTrack(devices.camera(), limits, self._clock, self.put)
        self._writer = writer.Writer(
            paths.recordings, self._clock, lambda data: sign.sign(data, paths.signing_key), self.put
        )
        self._keys = KeySupply(policy.recipients(), len(self._tracks), lambda why: self.put(KeyTrouble(why)))
        self._link = link.Client(paths.unit_socket, lambda _, message: self.put(FromAlarm(message)))
        self._aim = Aim(self._video, self._link.send)
        self._recordings = Recordings(
            Means(
                settings,
                self._clock,
                self._disk,
                self._ring,
                self._tracks,
                self._writer,
                self._link.send,
                self._new_key,
                devices.simulated,
            )
        )
        self._sealed_ns: dict[ports.Track, int] = dict.fromkeys(self._tracks, 0)
        self._since_ns = self._round_ns = self._clock.boot_ns()
        self._hangs = Hangs.of_environment()
        self._key_ns = 0
        self._health_ns = 0
        self._said: wire.RecorderState | None = None
        self._troubles: tuple[str, ...] = ()
        self._key_trouble = ""
        self._stopping = False
        self._answers: Mapping[type, Callable[[Any], None]] = {
            FromAlarm: self._from_alarm, KeyTrouble: self._on_key_trouble, writer.Opened: self._opened,
            writer.Grew: self._grew, writer.Closed: self._closed, writer.Probed: self._probed,
        }  # fmt: skip

    def put(self, item: Word | Frame) -> None:
        """Enqueue. Any thread; never blocks, never raises."""
        if isinstance(item, ports.VideoPacket | ports.PcmBlock | ports.DeviceLost):
            self._frames.put(item, self._clock.boot_ns())
        else:
            self._queue.put(item)

    def stop(self) -> None:
        """Ask the loop to end. Safe in a signal handler."""
        self._queue.put(None)

    # --- life -----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run until stopped. Devices are opened when the alarm process has allowed it.

        Recordings left open are closed in the background.
        """
        for track in self._tracks.values():
            track.shut()
        self._writer.start()
        if self._tracks:
            self._keys.start()
        self._link.start()
        systemd.notify("READY=1")
        log.event("ready", policy=self._settings.policy.name, tracks=tuple(self._tracks))
        anew = False
        try:
            while not self._stopping and not anew:
                self._turn()
                anew = self._hangs.wants_new_process(self._recordings.open, self._clock.boot_ns())
        finally:
            if not anew:  # else systemd would wait for the end of a process that goes on as another
                systemd.notify("STOPPING=1")
            self._close()
        if anew:
            self._hangs.start_anew()

    def _close(self) -> None:
        """Seal and hand over what has come before closing the devices, any of which may hang."""
        self._take_frames()
        for track in self._tracks.values():
            self._add(track.finish("the recorder was stopped"), self._clock.boot_ns())
        self._recordings.stop(self._clock.boot_ns())
        for track in self._tracks.values():
            track.close()
        self._keys.close()
        self._writer.close()
        self._link.close()

    def _turn(self) -> None:
        """Take the devices' frames before the words that woke the loop: a start finds the ring up to date.

        All the words: a round may take a second, and a lease comes every second.
        """
        words: list[Word | None] = []
        with contextlib.suppress(queue.Empty):
            words.append(self._queue.get(timeout=ROUND_S))
            words += [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        self._queue_max = max(self._queue_max, len(self._frames))
        self._take_frames()
        self._keep_up(self._clock.boot_ns())
        for word in words:
            if word is None:
                self._stopping = True
            else:
                self._answers[type(word)](word)
        self._time_passes()

    def _take_frames(self) -> None:
        """Take only the frames present at the start, for `TAKING_NS` at most: no device holds up anything else."""
        until_ns = self._clock.boot_ns() + TAKING_NS
        for _ in range(len(self._frames)):
            if self._clock.boot_ns() >= until_ns:
                break
            at_ns, frame = self._frames.take()
            if isinstance(frame, ports.DeviceLost):
                self._device_lost(frame)
            else:
                self._frame(frame, at_ns)

    def _keep_up(self, now_ns: int) -> None:
        late_ns = self._frames.keep_up(now_ns)
        if late_ns and now_ns >= self._told_late_ns:
            self._told_late_ns = now_ns + TOLD_AGAIN_NS
            log.event("frames_given_up", "warning", late_s=round(late_ns / NS, 1), lost=self._frames.lost)

    def _time_passes(self) -> None:
        now_ns = self._clock.boot_ns()
        held_up, self._round_ns = now_ns - self._round_ns > STALL_NS, now_ns
        self._renew_keys(now_ns)
        for track in self._tracks.values():
            if held_up:
                track.excuse(now_ns)
            self._add(track.watch(now_ns), now_ns)
            self._hangs.look(track, now_ns)
        self._ring.trim(now_ns)
        self._recordings.turn(now_ns)
        self._say_state(now_ns)
        if self._recordings.open:
            self._aim.end(now_ns)
        self._aim.turn(now_ns)
        if now_ns >= self._health_ns:
            self._health_ns = now_ns + HEALTH_NS
            self._look_at_policy()
            self._recordings.look_at_disk(now_ns)
            self._link.send(self._health(now_ns))
            systemd.notify("WATCHDOG=1")

    def _look_at_policy(self) -> None:
        """Under another policy a new process starts: a device that is off was never opened by it (R7)."""
        now = self._settings.at(self._clock.read())
        if now.policy != self._settings.policy:
            log.event("policy_over", name=self._settings.policy.name, next=now.policy.name)
            self._stopping = True

    # --- frames, ring, tap ----------------------------------------------------------------------------------------

    def _frame(self, frame: ports.VideoPacket | ports.PcmBlock, at_ns: int) -> None:
        track = self._tracks["video" if isinstance(frame, ports.VideoPacket) else "audio"]
        audio = self._tracks.get("audio")
        sound = audio.format if isinstance(audio, AudioTrack) else None
        self._aim.frame(frame, sound, self._clock.boot_ns())
        self._add(track.take(frame, at_ns), self._clock.boot_ns())

    def _device_lost(self, lost: ports.DeviceLost) -> None:
        self._add(self._tracks[lost.track].lost(lost.reason, self._clock.boot_ns()), self._clock.boot_ns())

    def _add(self, items: list[Item], now_ns: int) -> None:
        for item in items:
            self._ring.add(item, now_ns)
            if isinstance(item, Sealed):
                self._sealed_ns[item.track] += item.t1_ns - item.t0_ns
        self._recordings.add(items)

    # --- keys -----------------------------------------------------------------------------------------------------

    def _renew_keys(self, now_ns: int) -> None:
        missing = [track for track in self._tracks.values() if track.key is None]
        for track in missing:
            self._new_key(track)
        if not missing and not self._recordings.open and now_ns - self._key_ns >= KEY_NS:
            self._key_ns = now_ns
            for track in self._tracks.values():
                self._new_key(track)

    def _new_key(self, track: Track) -> None:
        """Seal the next segments to another key. While none is ready the old one stays, and that is logged."""
        key = self._keys.take()
        if key is not None:
            if track.key is None:
                self._key_ns = self._clock.boot_ns()
            track.key = key
        elif track.key is not None:
            log.event("key_kept", "warning", track=track.name, why=self._key_trouble or "the next one is being made")

    def _keyless(self, now_ns: int) -> str:
        keyless = any(track.key is None for track in self._tracks.values())
        if not keyless or now_ns - self._since_ns < KEYLESS_NS:
            return ""
        return "no recording key has been made yet; expected one within a second"

    def _on_key_trouble(self, trouble: KeyTrouble) -> None:
        self._key_trouble, self._health_ns = trouble.reason, 0

    # --- what the alarm process says ------------------------------------------------------------------------------

    def _from_alarm(self, word: FromAlarm) -> None:
        now_ns = self._clock.boot_ns()
        match word.message:
            case link.Joined():
                self._said = None  # a new alarm process has to be told
                self._recordings.joined()
                self._use(None)  # this one saw no beginning
                self._health_ns = 0
            case StartRecording() as start:
                self._recordings.start(start, now_ns)
                self._health_ns = 0
            case Lease() as lease:
                self._recordings.lease(lease, now_ns)
            case SetEnd() as end:
                self._recordings.set_end(end, now_ns)
            case Forget():
                self._forget()
            case wire.Aim(until_ns=until_ns):
                self._aim.ask(until_ns, now_ns)
            case Quiet() as quiet:
                self._be_quiet(quiet)
            case wire.Use(in_use=in_use):
                self._use(in_use)

    def _use(self, in_use: bool | None) -> None:  # noqa: FBT001 - a message's only field
        """A use begins or is over: a side that was silent through it is reported now."""
        audio = self._tracks.get("audio")
        if isinstance(audio, AudioTrack):
            audio.use(in_use)
            self._health_ns = 0

    def _forget(self) -> None:
        """Drop the ring, the open segments, and the keys that they were sealed to."""
        self._ring.forget()
        self._recordings.forget()
        if not self._recordings.open:
            for track in self._tracks.values():
                track.forget(self._clock.boot_ns())
                self._new_key(track)
        gc.collect()
        memory.trim()
        log.event("forgotten")

    def _be_quiet(self, quiet: Quiet) -> None:
        """Close the devices of these tracks and drop their part of the ring; the others may open."""
        for name, track in self._tracks.items():
            if name not in quiet.tracks:
                track.allow()
            else:
                held = not track.closed
                now_ns = self._clock.boot_ns()
                self._add(track.shut(now_ns), now_ns)  # a recording keeps what came before this moment
                self._ring.forget(name)
                # One made a moment ago, when the ring was forgotten, has sealed nothing.
                if held and not self._recordings.writes(name) and track.sealed_to is track.key:
                    self._new_key(track)
        gc.collect()
        memory.trim()
        log.event("quiet", closed=quiet.tracks)

    # --- what the writer says ---------------------------------------------------------------------------------------

    def _opened(self, word: writer.Opened) -> None:
        self._recordings.opened(word)

    def _grew(self, word: writer.Grew) -> None:
        self._recordings.grew(word, self._clock.boot_ns())

    def _closed(self, word: writer.Closed) -> None:
        self._recordings.closed(word, self._clock.boot_ns())
        self._health_ns = 0

    def _probed(self, word: writer.Probed) -> None:
        """Report only a change: an immediate refusal would otherwise be tried and reported without end."""
        before = self._recordings.trouble
        self._recordings.probed(word)
        if self._recordings.trouble != before:
            self._health_ns = 0

    # --- what it reports --------------------------------------------------------------------------------------------

    def _say_state(self, now_ns: int) -> None:
        """Send the state first to each alarm process, and whenever it changes: delivering tracks, open recording."""
        tracks = tuple(name for name, track in self._tracks.items() if track.recording)
        troubles = tuple(track.trouble or track.doubt(now_ns) for track in self._tracks.values())
        if troubles != self._troubles:
            self._troubles, self._health_ns = troubles, 0  # a device came or went: report now, not in five seconds
        now = self._recordings.state(tracks)
        if now != self._said and self._link.send(now):
            self._said = now

    def _health(self, now_ns: int) -> wire.RecorderHealth:
        tracks, audio = self._tracks, self._tracks.get("audio")
        sound = audio.figures() if isinstance(audio, AudioTrack) else SoundFigures()
        return wire.RecorderHealth(
            ring_s={name: round(self._ring.seconds(name), 1) for name in tracks},
            ring_bytes=self._ring.bytes,
            age_ms={name: (now_ns - track.last_ns) // 1_000_000 for name, track in tracks.items() if track.last_ns},
            gaps={name: track.gaps for name, track in tracks.items()},
            devices={name: track.device(now_ns) for name, track in tracks.items()},
            free_bytes=self._disk.space().free_bytes,
            level_dbfs=sound.level_dbfs,
            peak_dbfs=sound.peak_dbfs,
            drift_ppm=sound.drift_ppm,
            sound=sound.sound,
            sides=sound.sides,
            keys=self._key_trouble or self._keyless(now_ns),
            store=self._recordings.trouble,
            full=self._recordings.full,
            picture=self._video.figures() if self._video else None,
            queue_max=self._queue_max,
            lost=self._frames.lost,
            sealed_s={name: round(ns / NS, 1) for name, ns in self._sealed_ns.items()},
            since_ns=self._since_ns,
        )
