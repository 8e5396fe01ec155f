# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The whole recorder process with devices of the test's own, and the test as its alarm process at the real socket."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyrage
import pytest
from msgspec.structs import replace

from daemon import link, wire
from daemon.config import load
from daemon.errors import HangError
from daemon.model.events import Forget, Lease, Quiet, SetEnd, StartRecording
from daemon.recorder import writer
from daemon.recorder.hangs import Hangs
from daemon.recorder.process import TAKING_NS, Devices, FromAlarm, RecorderProcess
from daemon.recorder.ring import Sealed, begin_ns
from daemon.recorder.seal import Key
from daemon.recorder.usable import NONE
from hardware.disk import FileSystemDisk
from hardware.ports import AudioFormat, PcmBlock, PictureBlocks, PictureFigures, VideoFormat, VideoPacket
from simulators.clock import SimClock
from simulators.places import clock_path
from simulators.state import prepare
from tests.recorder.streams import PICTURE, pictures
from tests.rooms import chain_of, of_track, verify
from tests.waiting import PATIENCE_S, wait_for

NS = 1_000_000_000
SOUND = AudioFormat(48_000, 1, "a test's")
FILM = list(pictures(2, 0))
TONE = (8000 * np.sin(2 * np.pi * 440 * np.arange(960) / 48_000)).astype("<i2").tobytes()
Change = Callable[[VideoPacket], VideoPacket | None]


class Device:
    """A thread that brings what it has by the clock, as a driver does."""

    def __init__(self, clock: SimClock, period_ns: int, make: Callable[[int, int], Any]) -> None:
        self._clock, self._period_ns, self._make = clock, period_ns, make
        self._over: threading.Event | None = None
        self.starts = 0

    def run(self, sink: Callable[[Any], None]) -> None:
        """Begins."""
        self.starts += 1
        self._over = over = threading.Event()

        def bring() -> None:
            at_ns = self._clock.boot_ns() // 1000 * 1000
            for n in itertools.count():
                late_s = (at_ns - self._clock.boot_ns()) / NS
                if over.wait(max(0.0, late_s)):
                    return
                item = self._make(n, at_ns)
                if item is not None:
                    sink(item)
                at_ns += self._period_ns

        threading.Thread(target=bring, name="test-device", daemon=True).start()

    def stop(self) -> None:
        """Ends."""
        if self._over is not None:
            self._over.set()


class TestCamera(Device):
    """Two seconds of film, round and round, changed as the test likes."""

    __test__ = False

    def __init__(self, clock: SimClock) -> None:
        super().__init__(clock, NS // 25, self._packet)
        self.change: Change = lambda packet: packet
        self.hangs = False

    def start(self, sink: Callable[[Any], None]) -> VideoFormat:
        """Opens, or hangs."""
        if self.hangs:
            self.starts += 1
            raise HangError("camera: did not start; expected the end of this process")
        self.run(sink)
        return PICTURE

    def figures(self) -> PictureFigures | None:
        """As good as can be, and of now."""
        return PictureFigures(self._clock.boot_ns(), 50.0, None, 0.0)

    def blocks(self) -> PictureBlocks | None:
        """None."""
        return None

    def _packet(self, n: int, at_ns: int) -> VideoPacket | None:
        return self.change(replace(FILM[n % len(FILM)], pts_ns=at_ns))


class TestMicrophone(Device):
    """A tone."""

    __test__ = False

    def __init__(self, clock: SimClock) -> None:
        super().__init__(clock, NS // 50, lambda _, at_ns: PcmBlock(TONE, 960, at_ns, overflow=False))

    def start(self, sink: Callable[[Any], None]) -> AudioFormat:
        """Opens."""
        self.run(sink)
        return SOUND


class Unit:
    """A recorder that runs in a thread of the test, and what it says to its alarm process."""

    def __init__(self, home: Path) -> None:
        self.home, self.paths = home, prepare(home, None, None, ("127.0.0.1", 1))
        self.clock = SimClock(clock_path(self.paths))
        self.camera, self.microphone = TestCamera(self.clock), TestMicrophone(self.clock)
        self.said: list[Any] = []
        self._peers: list[link.Peer] = []
        self._server = link.Server(self.paths.unit_socket, self._heard)
        self._leased: str | None = None
        self._over = threading.Event()

    def _heard(self, peer: link.Peer, word: Any) -> None:
        self.said.append(word)
        if isinstance(word, link.Joined):
            self._peers = [peer]
            peer.send(Quiet(()))

    def start(self) -> None:
        """Starts it: its alarm process listens, and renews its lease."""
        self._server.start()
        devices = Devices(
            lambda: self.camera, lambda: self.microphone, self.clock, FileSystemDisk(self.home), simulated=True
        )
        self.process = RecorderProcess(load(self.paths.etc), self.paths, devices)
        self.thread = threading.Thread(target=self.process.run, name="recorder", daemon=True)
        self.thread.start()
        threading.Thread(target=self._renew, name="lamp", daemon=True).start()

    def stop(self) -> None:
        """Ends it, as systemd does."""
        self.process.stop()
        self.thread.join(PATIENCE_S)
        self._over.set()
        self._server.close()
        assert not self.thread.is_alive()

    def say(self, word: Any) -> None:
        """To the recorder."""
        (peer,) = wait_for("the recorder", lambda: self._peers, 60)
        assert peer.send(word)

    def record(self, *, alarm: bool = True, continues: str | None = None, **changed: Any) -> str:
        """Orders a recording with its lease, and returns its id."""
        now_ns, recording_id = self.clock.boot_ns(), secrets.token_hex(16)
        start = StartRecording(recording_id, now_ns, 30 * NS, now_ns + 600 * NS, alarm, continues)
        self.say(replace(start, **changed))
        self._leased = recording_id
        self.say(Lease(recording_id, now_ns + 5 * NS))
        return recording_id

    def _renew(self) -> None:
        while not self._over.wait(0.5):
            if self._leased and self._peers:
                self._peers[0].send(Lease(self._leased, self.clock.boot_ns() + 5 * NS))

    def health(self) -> wire.RecorderHealth | None:
        """The newest."""
        return next((word for word in reversed(self.said) if isinstance(word, wire.RecorderHealth)), None)

    def device(self, track: str) -> str:
        """What health says of a device."""
        health = self.health()
        return health.devices.get(track, "") if health else ""  # type: ignore[call-overload]

    def tracks(self, *names: str) -> None:
        """Waits until these deliver."""

        def fact() -> bool:
            now = [word for word in self.said if isinstance(word, wire.RecorderState)]
            return bool(now) and now[-1].tracks == names

        wait_for(f"tracks {names}", fact, 60)

    def ended(self, recording_id: str) -> wire.Ended:
        """Waits until it says so."""
        found: list[wire.Ended] = wait_for(
            "an end",
            lambda: [w for w in self.said if isinstance(w, wire.Ended) and w.recording_id == recording_id],
            60,
        )
        return found[0]

    def chain(self, recording_id: str, lines: int) -> Path:
        """Waits until a recording has so many lines."""
        path = self.paths.recordings / recording_id

        def fact() -> bool:
            ended = [word for word in self.said if isinstance(word, wire.Ended) and word.recording_id == recording_id]
            assert not ended, ended
            return (path / "chain.jsonl").exists() and len(chain_of(path)) >= lines

        wait_for(f"{lines} lines; devices: {self.health()}", fact, 90)
        return path


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[Unit]:
    found = Unit(tmp_path)
    found.start()
    yield found
    found.stop()


@pytest.mark.case("recorder 8")
def test_a_stop_loses_no_second_without_a_line(tmp_path: Path) -> None:
    """R5, R8: a recorder that is stopped seals what is open; the next one's part begins with a gap from there."""
    unit = Unit(tmp_path)
    unit.start()
    unit.tracks("audio", "video")
    first = unit.record()
    path = unit.chain(first, 6)
    before_ns = unit.clock.boot_ns()
    unit.stop()
    verify(unit.home, path)
    unit.clock.advance(1.0)  # a start takes longer than the hole between two pictures, which is no gap
    again = Unit(tmp_path)
    again.start()
    again.tracks("audio", "video")
    second = again.record(continues=first)
    found = again.chain(second, 6)
    again.stop()
    for track in ("audio", "video"):
        last = of_track(path, "segment", track)[-1]["t1_boot_ns"]
        assert last > before_ns - NS // 2, "what had come is sealed"
        begins_ns = of_track(found, "segment", track)[0]["t0_boot_ns"]
        gaps = [line for line in of_track(found, "gap", track) if line["from_boot_ns"] < begins_ns]
        assert (gaps[0]["from_boot_ns"], gaps[0]["reason"]) == (last, "the recorder was stopped")
        # A second that came before its key, on a busy machine, has a line of its own.
        assert [gap["to_boot_ns"] for gap in gaps] == [*(gap["from_boot_ns"] for gap in gaps[1:]), begins_ns]


@pytest.mark.case("security 4")
@pytest.mark.case("recorder 9")
def test_orders_are_held_against_the_policy(unit: Unit) -> None:
    """R3, R8: a name that is none is refused; an end and a lease beyond the policy are the policy's; without a key
    there is no recording and no lamp.
    """
    for name in ("notahexid", "/var/away", "../../up", "F" * 32, "a" * 31, ""):
        unit.say(StartRecording(name, 0, 0, 2**62, alarm=True))  # refused as a message already: nothing answers it
    unit.tracks("audio", "video")
    recording_id = unit.record(until_ns=2**62, pre_event_ns=2**62, trigger_ns=0)
    path = unit.chain(recording_id, 2)
    unit.say(Lease(recording_id, 2**62))
    unit._leased = None  # the lamp is dark from here on
    unit.say(SetEnd(recording_id, 2**62, alarm=True))
    state = wait_for(
        "its state", lambda: [w for w in unit.said if isinstance(w, wire.RecorderState) and w.recording_id]
    )
    policy = load(unit.paths.etc).policy
    assert state[-1].until_ns < unit.clock.boot_ns() + (policy.alarm.maximum_s + policy.timing.maximum_s) * NS
    assert unit.ended(recording_id).why == "lease"
    verify(unit.home, path)
    assert sorted(one.name for one in unit.paths.recordings.iterdir()) == [recording_id]


def test_nobody_aims_while_it_records(unit: Unit) -> None:
    """R3, H1: what an engineer aims by is for a room at rest: asked or not, nothing of it is said in a recording."""
    unit.camera.blocks = lambda: PictureBlocks(unit.clock.boot_ns(), (50,) * 144, (None,) * 144)  # type: ignore[method-assign]

    def blocks() -> int:
        return sum(isinstance(word, wire.Blocks) for word in unit.said)

    unit.tracks("audio", "video")
    unit.say(wire.Aim(2**62))
    wait_for("its blocks", blocks)
    recording_id = unit.record()
    path = unit.chain(recording_id, 2)
    before = blocks()
    unit.say(wire.Aim(2**62))
    unit.chain(recording_id, len(chain_of(path)) + 6)  # three seconds
    assert blocks() == before


def nonsense(packet: VideoPacket) -> VideoPacket:
    """An encoder that sends something else."""
    return replace(packet, data=b"\x00\x00\x01\x00" + bytes(len(packet.data)))


def bare(packet: VideoPacket) -> VideoPacket:
    """Key frames without their parameter sets: nothing can be decoded."""
    at = packet.data.find(b"\x00\x00\x01\x65")
    return replace(packet, data=packet.data[at:]) if packet.key and at >= 0 else packet


def sparse(packet: VideoPacket) -> VideoPacket | None:
    """Five pictures a second: each fifth, and the key frames among them."""
    return packet if packet.pts_ns // (NS // 25) % 5 == 0 or packet.key else None


@pytest.mark.case("recorder 9")
@pytest.mark.case("years 3")
@pytest.mark.parametrize("change", [nonsense, bare, sparse])
def test_a_track_that_puts_nothing_usable_into_the_ring_is_a_fault(tmp_path: Path, change: Change) -> None:
    """H1, R8: nonsense, key frames that cannot be decoded, and pictures that are mostly missing are each named as the
    camera's fault; sound is as it was, and when the camera is well again the fault is over.
    """
    unit = Unit(tmp_path)
    unit.camera.change = change
    unit.start()
    wait_for("the fault", lambda: unit.device("video").startswith("camera: "), 60)
    assert unit.device("audio") == "ok"
    unit.camera.change = lambda packet: packet
    wait_for("it is over", lambda: unit.device("video") == "ok", 60)
    unit.stop()


@pytest.mark.case("recorder 7")
def test_a_stamp_of_another_time_is_replaced_by_the_arrival(unit: Unit) -> None:
    """K1, R5: a packet stamped an hour ahead, or behind, costs nothing: no gap of an hour, no record of the future."""
    odd = iter([3600 * NS, -3600 * NS])

    def ahead(packet: VideoPacket) -> VideoPacket:
        return replace(packet, pts_ns=packet.pts_ns + next(odd, 0)) if packet.key else packet

    unit.tracks("audio", "video")
    unit.camera.change = ahead
    recording_id = unit.record()
    path = unit.chain(recording_id, 10)
    now_ns = unit.clock.boot_ns()
    lines = of_track(path, "segment", "video")
    assert all(0 < line["t1_boot_ns"] - line["t0_boot_ns"] < 3 * NS for line in lines)
    assert all(line["t1_boot_ns"] <= now_ns for line in lines)
    assert not [line for line in of_track(path, "gap", "video") if line["to_boot_ns"] - line["from_boot_ns"] > NS]


@pytest.mark.case("recorder 3")
def test_a_camera_that_hangs_at_every_start_leaves_the_sound_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R8: the first time a new process is tried; the second time sound is recorded without image, with a fault, and the
    camera is tried again when nothing is recorded.
    """
    anew: list[HangError | None] = []
    monkeypatch.setattr(Hangs, "start_anew", lambda hangs: anew.append(hangs._error))
    monkeypatch.delenv("SPREEKKAMER_HUNG", raising=False)
    first = Unit(tmp_path)
    first.camera.hangs = True
    first.start()
    first.thread.join(PATIENCE_S)
    assert len(anew) == 1
    first.stop()
    monkeypatch.setenv("SPREEKKAMER_HUNG", "video")
    second = Unit(tmp_path)
    second.camera.hangs = True
    second.start()
    second.tracks("audio")
    wait_for("the fault", lambda: "hang" in second.device("video") or "did not start" in second.device("video"), 30)
    path = second.chain(second.record(), 8)
    assert {line["track"] for line in chain_of(path)} == {"audio"}
    assert (second.camera.starts, second.thread.is_alive()) == (1, True)
    second.stop()


@pytest.mark.case("years 4")
def test_frames_do_not_wake_the_loop_and_an_order_does(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    """H1: at rest the loop goes round ten times a second, not once for each of 75 frames; an order is answered at once,
    with all that had come before it.
    """
    unit.tracks("audio", "video")
    rounds = itertools.count()
    passes = unit.process._time_passes

    def counted() -> None:
        next(rounds)
        passes()

    monkeypatch.setattr(unit.process, "_time_passes", counted)
    began_ns = unit.clock.boot_ns()
    sealed = wait_for("three seconds", lambda: unit.clock.boot_ns() - began_ns > 3 * NS)
    assert sealed
    assert next(rounds) <= 10 * (unit.clock.boot_ns() - began_ns) / NS + 2


def test_a_disk_that_refuses_at_once_is_not_tried_without_end(tmp_path: Path) -> None:
    """A2, H1: what a try of the disk has found is told at once when it is news, and not otherwise: on a card that had
    become read-only try and word followed each other without a pause, and the alarm process lost the recorder's words
    (found by `make together`).
    """
    paths = prepare(tmp_path, None, None, ("127.0.0.1", 1))
    clock = SimClock(clock_path(paths))
    camera, microphone = TestCamera(clock), TestMicrophone(clock)
    devices = Devices(lambda: camera, lambda: microphone, clock, FileSystemDisk(tmp_path), simulated=True)
    process = RecorderProcess(load(paths.etc), paths, devices)
    told = []
    for word in ("refused", "refused", "refused", "", ""):
        process._health_ns = 1
        process._probed(writer.Probed(word))
        told.append(process._health_ns == 0)
    assert told == [True, False, False, True, False]


def test_a_machine_that_is_too_slow_for_its_devices_is_not_killed_by_its_watchdog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R5, R8, H1: frames take longer than they last, as on a processor that is throttled by its heat: each round works
    some off, tells systemd and the alarm process that it lives, and blames no device. It was killed and began with an
    empty ring, again and again (seen in the virtual machine).
    """
    paths = prepare(tmp_path, None, None, ("127.0.0.1", 1))
    clock = SimClock(clock_path(paths))
    camera, microphone = TestCamera(clock), TestMicrophone(clock)
    devices = Devices(lambda: camera, lambda: microphone, clock, FileSystemDisk(tmp_path), simulated=True)
    process = RecorderProcess(load(paths.etc), paths, devices)
    told, taken, take = list[str](), 0, process._frame
    brought_ns = clock.boot_ns()

    def bring() -> None:
        nonlocal brought_ns
        while brought_ns <= clock.boot_ns():
            process.put(PcmBlock(TONE, 960, brought_ns, overflow=False))
            brought_ns += NS // 50

    def slow(frame: Any, at_ns: int) -> None:
        nonlocal taken
        taken += 1
        clock.advance(0.1)
        bring()
        take(frame, at_ns)

    monkeypatch.setattr(process, "_frame", slow)
    monkeypatch.setattr("daemon.systemd.notify", told.append)
    process._turn()
    camera.stop()
    microphone.stop()
    clock.advance(3)
    bring()
    for _ in range(6):
        before, taken = len(process._frames), 0
        for _ in range(3):
            process.put(FromAlarm(Lease("f" * 32, clock.boot_ns())))
        process._turn()
        assert process._queue.empty(), "an order waits for the next round, and the lease is over"
        assert taken <= TAKING_NS / (0.1 * NS) < before
    assert told.count("WATCHDOG=1") > 1
    assert (microphone.starts, process._tracks["audio"].trouble) == (1, "")
    process._keys.close()
    process._link.close()


def _slow(process: RecorderProcess, clock: SimClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each frame takes longer than it lasts."""
    take = process._frame

    def slow(frame: Any, at_ns: int) -> None:
        clock.advance(0.05)
        take(frame, at_ns)

    monkeypatch.setattr(process, "_frame", slow)


def test_a_machine_with_six_tenths_of_the_time_it_needs_keeps_as_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R1, R5: each frame takes too long. A good part of the last half minute is in the ring, whole, and the devices are
    not said to deliver nothing. The queue stayed full, and most pictures were spoiled (seen beside other suites).
    """
    paths = prepare(tmp_path, None, None, ("127.0.0.1", 1))
    clock = SimClock(clock_path(paths))
    camera, microphone = TestCamera(clock), TestMicrophone(clock)
    devices = Devices(lambda: camera, lambda: microphone, clock, FileSystemDisk(tmp_path), simulated=True)
    process = RecorderProcess(load(paths.etc), paths, devices)
    for device in (camera, microphone):
        monkeypatch.setattr(device, "run", lambda _: None)
    for track in process._tracks.values():
        track.key = Key(str(pyrage.x25519.Identity.generate().to_public()), b"envelope")
        track.allow()
    process._turn()
    take, began_ns = process._frame, clock.boot_ns() // 1000 * 1000
    due = ((began_ns + n * NS // 25, FILM[n % len(FILM)]) for n in itertools.count())
    at_ns, picture = next(due)

    def slow(frame: Any, came_ns: int) -> None:
        nonlocal at_ns, picture
        clock.advance(1 / 75 / 0.6)
        while at_ns <= clock.boot_ns():
            process.put(replace(picture, pts_ns=at_ns))
            for half_ns in (0, NS // 50):
                process.put(PcmBlock(TONE, 960, at_ns + half_ns, overflow=False))
            at_ns, picture = next(due)
        take(frame, came_ns)

    monkeypatch.setattr(process, "_frame", slow)
    process.put(replace(picture, pts_ns=began_ns))
    while clock.boot_ns() < began_ns + 100 * NS:
        process.put(FromAlarm(Lease("f" * 32, clock.boot_ns())))  # so that no round waits
        process._turn()
        devices_say = process._health(clock.boot_ns()).devices
        assert not [name for name, said in devices_say.items() if NONE in said], devices_say
    now_ns = clock.boot_ns()
    image, sound = ([one for one in process._ring.since(name, now_ns - 30 * NS) if isinstance(one, Sealed)]
                    for name in ("video", "audio"))  # fmt: skip
    assert sum(one.frames for one in image) > 0.4 * 30 * 25
    assert sum(one.t1_ns - one.t0_ns for one in sound) > 0.4 * 30 * NS
    assert process._frames.lost < 0.5 * 100 * 75
    process._keys.close()
    process._link.close()


@pytest.mark.parametrize("orders", [(Forget(),), (Quiet(("audio", "video")), Quiet(()))], ids=["forget", "quiet"])
def test_frames_that_waited_while_it_forgot_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orders: tuple[Forget | Quiet, ...]
) -> None:
    """R9, R7: a machine that is behind has seconds of one person waiting when the end of the use, or an objection, is
    told: nothing of them is sealed into the ring afterwards, and what comes from then on is.
    """
    paths = prepare(tmp_path, None, None, ("127.0.0.1", 1))
    clock = SimClock(clock_path(paths))
    camera, microphone = TestCamera(clock), TestMicrophone(clock)
    devices = Devices(lambda: camera, lambda: microphone, clock, FileSystemDisk(tmp_path), simulated=True)
    process = RecorderProcess(load(paths.etc), paths, devices)
    for device in (camera, microphone):
        monkeypatch.setattr(device, "run", lambda _: None)
    for track in process._tracks.values():
        track.key = Key(str(pyrage.x25519.Identity.generate().to_public()), b"envelope")
    process._turn()
    _slow(process, clock, monkeypatch)

    def bring(seconds: int) -> None:
        at_ns = clock.boot_ns() // 1000 * 1000
        for n in range(25 * seconds):
            process._frames.put(replace(FILM[n % len(FILM)], pts_ns=at_ns), at_ns)
            for half_ns in (0, NS // 50):
                process._frames.put(PcmBlock(TONE, 960, at_ns + half_ns, overflow=False), at_ns)
            at_ns += NS // 25
        clock.advance(seconds)

    bring(3)
    for order in orders:
        process.put(FromAlarm(order))
        process._turn()
    gone_ns = clock.boot_ns()
    assert len(process._frames) > 50, "some of them still wait"
    while not all(track._cutter for track in process._tracks.values()):
        process._turn()
    bring(3)
    while process._frames:
        process._turn()
    held = [*process._ring.since("audio", 0), *process._ring.since("video", 0)]
    assert not [item for item in held if begin_ns(item) < gone_ns - NS // 10 and isinstance(item, Sealed)]
    assert {item.track for item in held if isinstance(item, Sealed)} == {"audio", "video"}
    process._keys.close()
    process._link.close()


def test_a_call_is_judged_at_its_end_as_the_alarm_process_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H1: a side that was silent between two words of the alarm process is reported at once. A new alarm process saw no
    beginning: what it calls the end of a call judges nothing.
    """
    paths = prepare(tmp_path, None, None, ("127.0.0.1", 1))
    clock = SimClock(clock_path(paths))
    camera, microphone = TestCamera(clock), TestMicrophone(clock)
    monkeypatch.setattr(microphone, "start", lambda _: AudioFormat(16_000, 2, "an adapter's"))
    monkeypatch.setattr(camera, "run", lambda _: None)
    settings = load(paths.etc)
    adapter = replace(settings.unit.microphone, channels=2, channel_names=("medewerker", "beller"))
    settings = settings._replace(unit=replace(settings.unit, microphone=adapter))
    devices = Devices(lambda: camera, lambda: microphone, clock, FileSystemDisk(tmp_path), simulated=True)
    process = RecorderProcess(settings, paths, devices)
    said: list[Any] = []
    monkeypatch.setattr(process._link, "send", said.append)
    staff = np.stack([np.frombuffer(TONE, "<i2"), np.zeros(960, "<i2")], axis=1).tobytes()

    def silent(*words: Any) -> list[str]:
        """After half a minute in which the staff alone spoke, and these words."""
        for _ in range(52):  # 0.6 s at a time: a round takes frames for a second, and then the rest are missing
            began_ns = clock.boot_ns()
            for at_ns in range(began_ns, began_ns + 600_000_000, 60_000_000):
                process._frames.put(PcmBlock(staff, 960, at_ns, overflow=False), at_ns)
            clock.advance(0.6)
            while process._frames:
                process._turn()
        said.clear()
        for word in words:
            process.put(FromAlarm(word))
        process._turn()
        (health,) = (word for word in said if isinstance(word, wire.RecorderHealth))
        return [name for name, side in health.sides.items() if side.silent]

    process._turn()
    assert silent(wire.Use(in_use=True)) == []
    assert silent(link.Joined(), wire.Use(in_use=False)) == []
    assert silent(wire.Use(in_use=True)) == []
    assert silent(wire.Use(in_use=False)) == ["beller"]
    process._keys.close()
    process._link.close()
