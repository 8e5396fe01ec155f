"""The recorder process: one loop that cuts, seals and rings; a trigger only opens a tap.

The law here: there is one path, recording or not. Sealed segments go into the ring; while a recording is open they go
to the writer as well, as they are. Nothing is written without a lease (promise R3); devices' threads, the link and
the writer only enqueue.
"""

from __future__ import annotations

import gc
import queue
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from daemon import link, log, sign, systemd, wire
from daemon.config import Settings
from daemon.errors import HangError
from daemon.model import space
from daemon.model.events import EndReason, Forget, Lease, Quiet, SetEnd, StartRecording
from daemon.model.picture import Limits
from daemon.paths import Paths
from daemon.recorder import memory, writer
from daemon.recorder.aim import Aim
from daemon.recorder.ring import Item, Ring, Sealed
from daemon.recorder.seal import KeySupply
from daemon.recorder.tap import Tap, begin_record, pre_event
from daemon.recorder.track import AudioTrack, SoundFigures, Track, VideoTrack
from hardware import ports

NS = 1_000_000_000
QUEUE_MAX = 2000
"""Frames that may wait for the loop: about twenty seconds of image and sound. The loop needs a millisecond for one;
a device that is being closed can hold it up for seconds."""
WAIT_MAX_S = 0.5
"""The loop looks at its devices, its lease and its clock this often."""
SLACK_NS = NS
"""The ring reaches this much further back than the policy asks: a press is known 50 ms after its edge, and its word
takes time on a busy machine. A recording still begins with the segment that contains the pre-event time's start."""
KEY_NS = 3600 * NS
"""An idle key is replaced this often (design 5): nobody can ever open yesterday's ring, holders included."""
HEALTH_NS = 5 * NS
HEAD_NS = 60 * NS
"""Between two heads of the chain that the broker witnesses."""
GRACE_NS = 5 * NS
"""A recording whose time is up waits this long for the last segment of a track that has fallen silent."""


class Stop(msgspec.Struct, frozen=True):
    """Somebody wants the process to end."""


class FromAlarm(msgspec.Struct, frozen=True):
    """A word from the alarm process."""

    message: link.Word


class KeyTrouble(msgspec.Struct, frozen=True):
    """Keys cannot be made; empty when they can again."""

    reason: str


Frame = ports.VideoPacket | ports.PcmBlock | ports.DeviceLost
Word = Frame | FromAlarm | KeyTrouble | writer.Opened | writer.Grew | writer.Closed | writer.Tidied | Stop


class Devices(msgspec.Struct, frozen=True):
    """What a composition root hands in: makers, so that a track that is off is a device that is never made."""

    camera: Callable[[], ports.Camera]
    microphone: Callable[[], ports.Microphone]
    clock: ports.Clock
    disk: ports.Disk
    simulated: bool = False
    """Every recording says so (promise H3)."""


class RecorderProcess:
    """Made by a composition root; `run` returns when `stop` was called."""

    def __init__(self, settings: Settings, paths: Paths, devices: Devices) -> None:
        settings = settings.at(devices.clock.read())
        policy = settings.policy
        self._settings, self._clock, self._disk = settings, devices.clock, devices.disk
        self._simulated = devices.simulated
        self._queue: queue.SimpleQueue[Word] = queue.SimpleQueue()
        self._lost = self._queue_max = 0
        self._ring = Ring(
            policy.timing.pre_event_s * NS + (SLACK_NS if policy.timing.pre_event_s else 0),
            settings.unit.recorder.ring_bytes_max,
        )
        self._tracks: dict[ports.Track, Track] = {}
        self._video: VideoTrack | None = None
        if policy.audio.record:
            bitrate_bps = settings.unit.microphone.bitrate_bps
            self._tracks["audio"] = AudioTrack(devices.microphone(), bitrate_bps, self._clock, self.put)
        if policy.video.record:
            camera = settings.unit.camera
            limits = Limits(camera.dark_below_pct, camera.blurred_below_pct)
            self._video = self._tracks["video"] = VideoTrack(devices.camera(), limits, self._clock, self.put)
        paths.recordings.mkdir(parents=True, exist_ok=True)
        self._writer = writer.Writer(
            paths.recordings, self._clock, lambda data: sign.sign(data, paths.signing_key), self.put
        )
        self._keys = KeySupply(policy.recipients(), len(self._tracks), lambda why: self.put(KeyTrouble(why)))
        self._link = link.Client(paths.unit_socket, lambda _, message: self.put(FromAlarm(message)))
        self._aim = Aim(self._video, self._link.send)
        self._tap: Tap | None = None
        self._pending: StartRecording | None = None
        """A start that waits for its first lease."""
        self._written_ns: dict[ports.Track, int] = {}
        """End of what each track has in a recording: the next one's pre-event reaches back to here."""
        self._sealed_ns: dict[ports.Track, int] = dict.fromkeys(self._tracks, 0)
        self._since_ns = self._clock.boot_ns()
        self._key_ns = 0
        self._health_ns = 0
        self._said: wire.RecorderState | None = None
        self._troubles: tuple[str, ...] = ()
        self._key_trouble = self._store_trouble = self._full = ""
        self._room = space.room(settings.unit, policy)
        self._stopping = False
        self._answers: Mapping[type, Callable[[Any], None]] = {
            ports.VideoPacket: self._frame, ports.PcmBlock: self._frame, ports.DeviceLost: self._device_lost,
            FromAlarm: self._from_alarm, KeyTrouble: self._on_key_trouble, writer.Opened: self._opened,
            writer.Grew: self._grew, writer.Closed: self._closed, writer.Tidied: self._tidied, Stop: self._stop,
        }  # fmt: skip

    def put(self, item: Word) -> None:
        """Enqueues. Any thread; never blocks, never raises."""
        if self._queue.qsize() >= QUEUE_MAX and isinstance(item, ports.VideoPacket | ports.PcmBlock):
            self._lost += 1  # its time stamps show it: the cutter says the hole
        else:
            self._queue.put(item)

    def stop(self) -> None:
        """Asks the loop to end. Safe in a signal handler."""
        self._queue.put(Stop())

    # --- life -----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Closes what was left open; opens the devices of its tracks when the alarm process has said that it may."""
        for track in self._tracks.values():
            track.shut()
        for interrupted in self._writer.recover():
            log.event("recording_interrupted", "warning", recording_id=interrupted.recording_id)
            for name in interrupted.ends_ns.keys() & self._tracks.keys():
                self._tracks[name].resume(interrupted.ends_ns[name], "the recorder was interrupted")
        self._writer.start()
        if self._tracks:
            self._keys.start()
        self._link.start()
        systemd.notify("READY=1")
        log.event("ready", policy=self._settings.policy.name, tracks=tuple(self._tracks))
        try:
            while not self._stopping:
                self._turn()
        except HangError:
            self._writer.close()  # writes what it has; the recording stays open, and the next start takes it up
            raise
        finally:
            self._close()

    def _close(self) -> None:
        systemd.notify("STOPPING=1")
        for track in self._tracks.values():
            track.close()
        if self._tap is not None:
            self._writer.give(writer.Close("stopped", "the recorder was stopped", self._tap.alarm))
        self._keys.close()
        self._writer.close()
        self._link.close()

    def _turn(self) -> None:
        self._queue_max = max(self._queue_max, self._queue.qsize())
        try:
            item = self._queue.get(timeout=WAIT_MAX_S)
        except queue.Empty:
            pass
        else:
            self._answers[type(item)](item)
        self._time_passes()

    def _time_passes(self) -> None:
        now_ns = self._clock.boot_ns()
        self._renew_keys(now_ns)
        for track in self._tracks.values():
            self._add(track.watch(now_ns), now_ns)
            if track.hung is not None:
                raise track.hung
        self._ring.trim(now_ns)
        self._maybe_finish(now_ns)
        self._say_state()
        self._aim.turn(now_ns)
        if now_ns >= self._health_ns:
            self._health_ns = now_ns + HEALTH_NS
            self._look_at_policy()
            self._look_at_disk()
            self._link.send(self._health(now_ns))
            systemd.notify("WATCHDOG=1")

    def _look_at_disk(self) -> None:
        """What is free decides what may be recorded; what a full disk left open is closed when there is room again."""
        free_bytes, tap = self._disk.space().free_bytes, self._tap
        self._full = self._room.refusal(free_bytes, self._full)
        if tap is not None and not tap.alarm and not tap.closing and free_bytes < self._room.alarm_bytes:
            log.event("room_for_alarms", "warning", recording_id=tap.start.recording_id, free_bytes=free_bytes)
            self._finish(tap, "full", self._full)
        if self._store_trouble and tap is None:
            self._writer.give(writer.Tidy())

    def _look_at_policy(self) -> None:
        """Under another policy another process starts: a device that is off was never opened by it (R7)."""
        now = self._settings.at(self._clock.read())
        if now.policy != self._settings.policy:
            log.event("policy_over", name=self._settings.policy.name, next=now.policy.name)
            self._stopping = True

    # --- frames, ring, tap ----------------------------------------------------------------------------------------

    def _frame(self, frame: ports.VideoPacket | ports.PcmBlock) -> None:
        track = self._tracks["video" if isinstance(frame, ports.VideoPacket) else "audio"]
        audio = self._tracks.get("audio")
        sound = audio.format if isinstance(audio, AudioTrack) else None
        self._aim.frame(frame, sound, self._clock.boot_ns())
        self._add(track.take(frame), self._clock.boot_ns())

    def _device_lost(self, lost: ports.DeviceLost) -> None:
        self._add(self._tracks[lost.track].lost(lost.reason, self._clock.boot_ns()), self._clock.boot_ns())

    def _add(self, items: list[Item], now_ns: int) -> None:
        for item in items:
            self._ring.add(item, now_ns)
            if isinstance(item, Sealed):
                self._sealed_ns[item.track] += item.t1_ns - item.t0_ns
            if self._tap is not None and not self._tap.closing and item.track not in self._tap.done:
                self._write(self._tap, item)

    def _write(self, tap: Tap, item: Item) -> None:
        if not self._writer.give(writer.Add((item,))):
            log.event("disk_too_slow", "error", recording_id=tap.start.recording_id)
            self._finish(tap, "store", "the disk is more than a minute behind")
            return
        end_ns = item.t1_ns if isinstance(item, Sealed) else item.to_ns
        self._written_ns[item.track] = end_ns
        if isinstance(item, Sealed) and end_ns >= tap.until_ns:
            tap.done.add(item.track)
            self._new_key(self._tracks[item.track])

    def _maybe_finish(self, now_ns: int) -> None:
        """The recording ends when every track that delivers has its last segment."""
        tap = self._tap
        if tap is None or tap.closing or now_ns < tap.until_ns:
            return
        waiting = [t for t in self._tracks.values() if t.name not in tap.done and t.recording]
        if not waiting or now_ns >= tap.until_ns + GRACE_NS:
            self._finish(tap, "asked", "")

    def _finish(self, tap: Tap, why: EndReason, detail: str) -> None:
        tap.closing = True
        for name, track in self._tracks.items():
            if name not in tap.done:
                self._new_key(track)
        if not self._writer.give(writer.Close(why, detail, tap.alarm, tap.test)):
            self._closed(writer.Closed(tap.start.recording_id, "store", "the disk takes nothing any more", tap.lines))

    # --- keys -----------------------------------------------------------------------------------------------------

    def _renew_keys(self, now_ns: int) -> None:
        missing = [track for track in self._tracks.values() if track.key is None]
        for track in missing:
            self._new_key(track)
        if not missing and self._tap is None and now_ns - self._key_ns >= KEY_NS:
            self._key_ns = now_ns
            for track in self._tracks.values():
                self._new_key(track)

    def _new_key(self, track: Track) -> None:
        """The next segment is sealed to another key; while none is ready the old one stays, and that is said."""
        key = self._keys.take()
        if key is not None:
            if track.key is None:
                self._key_ns = self._clock.boot_ns()
            track.key = key
        elif track.key is not None:
            log.event("key_kept", "warning", track=track.name, why=self._key_trouble or "the next one is being made")

    def _on_key_trouble(self, trouble: KeyTrouble) -> None:
        self._key_trouble, self._health_ns = trouble.reason, 0

    # --- what the alarm process says ------------------------------------------------------------------------------

    def _from_alarm(self, word: FromAlarm) -> None:
        match word.message:
            case link.Joined():
                self._said = None  # a new alarm process has to be told
                self._health_ns = 0
            case StartRecording() as start:
                self._start(start)
            case Lease() as lease if lease.recording_id in self._known():
                self._writer.lease_ns = lease.until_ns
                self._maybe_open()
            case SetEnd() as end if self._tap is not None and self._tap.start.recording_id == end.recording_id:
                self._set_end(self._tap, end)
            case SetEnd() as end if self._pending is not None and self._pending.recording_id == end.recording_id:
                self._pending = replace(self._pending, until_ns=end.until_ns, alarm=end.alarm, test=end.test)
            case Forget():
                self._forget()
            case wire.Aim(until_ns=until_ns):
                self._aim.ask(until_ns, self._clock.boot_ns())
            case Quiet() as quiet:
                self._be_quiet(quiet)

    def _known(self) -> set[str]:
        """The recordings that a lease can be for: another's, which was refused, must not lengthen this one's."""
        return {start.recording_id for start in (self._tap.start if self._tap else None, self._pending) if start}

    def _start(self, start: StartRecording) -> None:
        if self._tap is not None:
            self._refuse(start, "another recording is open")
        elif not any(track.recording for track in self._tracks.values()):
            self._refuse(start, "no camera and no microphone to record from")
        elif not start.alarm and (full := self._room.refusal(self._disk.space().free_bytes, self._full)):
            self._refuse(start, full)
        else:
            self._pending = start

    def _refuse(self, start: StartRecording, why: str) -> None:
        log.event("recording_refused", "warning", recording_id=start.recording_id, why=why)
        self._link.send(wire.Ended(start.recording_id, "refused", why))

    def _maybe_open(self) -> None:
        """A start becomes a recording with the first lease: the lamp is lit now."""
        start, self._pending = self._pending, None
        if start is None:
            return
        items = pre_event(self._ring, tuple(self._tracks), start, self._written_ns)
        begin = begin_record(self._settings, self._clock, tuple(self._tracks), start, items)
        begin = msgspec.structs.replace(begin, simulated=self._simulated)
        self._tap = Tap(start, start.until_ns, start.alarm, start.test, set(), self._clock.boot_ns() + HEAD_NS)
        for item in items:
            self._written_ns[item.track] = item.t1_ns if isinstance(item, Sealed) else item.to_ns
        log.event("recording", recording_id=start.recording_id, segments=len(items), continues=start.continues)
        if not self._writer.give(writer.Open(begin, items)):
            self._closed(writer.Closed(start.recording_id, "store", "the disk takes nothing any more", 0))
            return
        self._link.send(wire.Started(start.recording_id, start.continues))

    def _set_end(self, tap: Tap, end: SetEnd) -> None:
        if end.alarm and not tap.alarm:
            self._writer.give(writer.Mark("alarm", self._clock.boot_ns()))
        if tap.test and not end.test:
            self._writer.give(writer.Mark("kept", self._clock.boot_ns()))
        tap.until_ns, tap.alarm, tap.test = end.until_ns, end.alarm, tap.test and end.test
        tap.done = {name for name in tap.done if self._written_ns.get(name, 0) >= end.until_ns}

    def _forget(self) -> None:
        """Lets go of the ring, of what is open, and of the keys that they were sealed to."""
        self._ring.forget()
        if self._tap is None:
            for track in self._tracks.values():
                track.forget()
                self._new_key(track)
        gc.collect()
        memory.trim()
        log.event("forgotten")

    def _be_quiet(self, quiet: Quiet) -> None:
        """Closes the devices of these tracks and lets go of what the ring holds of them; the others may open."""
        for name, track in self._tracks.items():
            if name not in quiet.tracks:
                track.allow()
            else:
                held = not track.closed
                self._add(track.shut(), self._clock.boot_ns())  # a recording has what came before this moment
                self._ring.forget(name)
                if held and (self._tap is None or name in self._tap.done):
                    self._new_key(track)
        gc.collect()
        memory.trim()
        log.event("quiet", closed=quiet.tracks)

    # --- what the writer says ---------------------------------------------------------------------------------------

    def _opened(self, word: writer.Opened) -> None:
        self._store_trouble = ""
        log.event("pre_event_durable", recording_id=word.recording_id, took_ms=round(word.took_ms, 1))

    def _grew(self, word: writer.Grew) -> None:
        tap, now_ns = self._tap, self._clock.boot_ns()
        if tap is None or tap.start.recording_id != word.recording_id:
            return
        tap.lines, tap.head = word.lines, word.head
        if now_ns >= tap.head_ns:
            tap.head_ns = now_ns + HEAD_NS
            self._link.send(wire.Head(word.recording_id, word.lines, word.head))

    def _closed(self, word: writer.Closed) -> None:
        tap = self._tap
        if tap is not None and not tap.closing:
            for track in self._tracks.values():
                self._new_key(track)
        self._tap = None
        if word.why == "store":
            self._store_trouble, self._health_ns = word.detail, 0
        log.event("recording_closed", recording_id=word.recording_id, why=word.why, detail=word.detail)
        self._link.send(wire.Ended(word.recording_id, word.why, word.detail, word.lines))

    # --- what it says of itself -------------------------------------------------------------------------------------

    def _say_state(self) -> None:
        """The first message to an alarm process, and again when it changes: which tracks deliver, what is open."""
        tracks = tuple(name for name, track in self._tracks.items() if track.recording)
        troubles = tuple(track.trouble for track in self._tracks.values())
        if troubles != self._troubles:
            self._troubles, self._health_ns = troubles, 0  # a device came or went: not in five seconds, now
        tap = self._tap
        now = wire.RecorderState(
            tracks,
            tap.start.recording_id if tap else None,
            tap.until_ns if tap else 0,
            tap.alarm if tap else False,
        )
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
            keys=self._key_trouble,
            store=self._store_trouble,
            full=self._full,
            picture=self._video.figures() if self._video else None,
            queue_max=self._queue_max,
            lost=self._lost,
            sealed_s={name: round(ns / NS, 1) for name, ns in self._sealed_ns.items()},
            since_ns=self._since_ns,
        )

    def _tidied(self, _: writer.Tidied) -> None:
        self._store_trouble, self._health_ns = "", 0

    def _stop(self, _: Stop) -> None:
        self._stopping = True
