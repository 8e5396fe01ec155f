# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The alarm process's loop: whatever comes, and however much at once, each thing is answered."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from gpiozero.pins.mock import MockFactory

from daemon.alarm import mqtt, network
from daemon.alarm.__main__ import lamp_pins, lines
from daemon.alarm.intake import PLACES
from daemon.alarm.mishaps import QUIET_NS
from daemon.alarm.mqtt import Answered
from daemon.alarm.process import AWAKE_NS, BATCH_MAX, AlarmProcess, Devices
from daemon.alarm.remembered import PART
from daemon.alarm.speakers import FromOperator
from daemon.config import load
from daemon.errors import DeviceError, LinkError
from daemon.model import events
from daemon.model import room as table
from daemon.model.rules.common import Step
from daemon.model.state import Room
from daemon.model.unit import Broker, Tls
from daemon.wire import Request
from hardware.clock import SystemClock
from hardware.gpio import GpioButtons, GpioLamps
from hardware.ports import Edge
from simulators.state import prepare
from tests.certificates import Authority


@contextlib.contextmanager
def made_in(
    home: Path, *, second: bool = False, tls: Tls | None = None, policy: str = "dronten-2022",
    sides: tuple[str, ...] = (),
) -> Iterator[AlarmProcess]:  # fmt: skip
    """One that is made and whose loop does not run. `second`: with a second broker. `tls`: of the first. `sides`: names
    of the microphone's channels.
    """
    paths = prepare(home / "unit", policy, None, ("127.0.0.1", 1))
    settings, factory, clock = load(paths.etc), MockFactory(), SystemClock()
    if tls is not None:
        settings = settings._replace(
            unit=msgspec.structs.replace(settings.unit, broker=Broker("localhost", 1, tls=tls))
        )
    if second:
        unit = msgspec.structs.replace(settings.unit, second_broker=Broker("127.0.0.1", 2))
        settings = settings._replace(unit=unit)
    if sides:
        microphone = msgspec.structs.replace(settings.unit.microphone, channels=len(sides), channel_names=sides)
        settings = settings._replace(unit=msgspec.structs.replace(settings.unit, microphone=microphone))
    buttons = GpioButtons(factory, lines(settings.unit), clock)
    lamps = GpioLamps(factory, lamp_pins(settings.unit))
    made = AlarmProcess(settings, paths, Devices(buttons, lamps, clock, "test", simulated=True))
    yield made
    made._close()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[AlarmProcess]:
    """One that is made and whose loop does not run."""
    with made_in(tmp_path) as made:
        yield made


@pytest.mark.case("alarm 16")
@pytest.mark.parametrize("brokers", [1, 2])
def test_every_connection_has_places_for_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brokers: int
) -> None:
    """A2: whatever connection the process makes, each kind of its words finds a place: one of a name that the intake
    does not know would end the process at its first word.
    """
    names: list[str] = []
    made_as = mqtt.Connection.__init__

    def noted(self: mqtt.Connection, name: str, *args: Any, **options: Any) -> None:
        names.append(name)
        made_as(self, name, *args, **options)

    monkeypatch.setattr(mqtt.Connection, "__init__", noted)
    with made_in(tmp_path, second=brokers > 1) as process:
        assert len(names) == 2 * brokers
        words = [
            word
            for name in names
            for word in (
                mqtt.Up(name, "MQTT 5"), mqtt.Down(name, "x"), mqtt.Answered(name, "k", 0),
                mqtt.Unheard(name, "t", 0x87), mqtt.NameTaken(name, "id"),
                mqtt.Received(name, "t", b"", retained=False),
            )
        ]  # fmt: skip
        assert all(process.put(word) for word in words)
        process._answers = dict.fromkeys(process._answers, lambda _: None)
        while process._intake:
            process._turn()
        assert set(names) <= set(PLACES)
        assert process._intake.lost == dict.fromkeys(PLACES, 0)


@pytest.mark.parametrize(
    ("row", "is_known"),
    [({"boot_id": True, "at_ns": 5}, True), ({"boot_id": "another", "at_ns": 5}, False), ({"boot_id": True}, False),
     ({"boot_id": True, "at_ns": "5"}, False), ({"boot_id": True, "at_ns": 2**62}, False), ([], False), (None, False)],
)  # fmt: skip
def test_a_press_that_waits_is_of_this_boot(process: AlarmProcess, row: Any, *, is_known: bool) -> None:
    """A1: what the journal remembers of a press that waits for its second counts in the boot that it was made in."""
    if isinstance(row, dict) and row["boot_id"] is True:
        row["boot_id"] = process._clock.boot_id()
    assert (process._remembered.waiting_ns(row) == 5) is is_known


@pytest.mark.parametrize(
    ("row", "part"),
    [({"alarm_id": "a1", "recording_id": "r1"}, ("r1", 0)), ({"alarm_id": "a1", "recording_id": ""}, ("", 0)),
     ({"alarm_id": "a1", "recording_id": "", "owed_ns": 7}, ("", 7)),
     ({"alarm_id": "a1", "recording_id": "", "owed_ns": 1 << 70}, ("", 0)),
     ({"alarm_id": "a1", "recording_id": "", "owed_ns": "7"}, ("", 0)),
     ({"alarm_id": "over", "recording_id": "r1"}, (None, 0)), ({"alarm_id": "a1"}, (None, 0)), ([], (None, 0)),
     (None, (None, 0)), ({"alarm_id": "a1", "recording_id": 7}, (None, 0)),
     ({"alarm_id": "a1", "recording_id": "r1", "boot_id": "x"}, (None, 0))],
)  # fmt: skip
def test_the_part_of_an_alarm_is_of_this_boot(process: AlarmProcess, row: Any, part: tuple[str | None, int]) -> None:
    """R8: what the journal remembers of an alarm's recording counts for an alarm that is open, in the same boot."""
    row = {"boot_id": process._clock.boot_id(), **row} if isinstance(row, dict) else row
    assert process._remembered.part_of((events.OpenAlarm("a1", 5),), row) == part


def test_the_journal_is_told_each_part_of_an_open_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R8: an alarm without a recording, since when, and then its recording, are remembered once each; rest is not, nor
    a part that was refused, nor an alarm that is owed none: it would be told as unrecorded since its press.
    """
    kept: list[Any] = []
    with made_in(tmp_path, policy="heusden-2020") as process:
        monkeypatch.setattr(process._acts, "keep", lambda _, modes: kept.append(modes[PART]))
        recorder = events.RecorderJoined(("audio",), None, 0, alarm=False, fresh_id="1" * 32)
        press = events.AlarmPressed(process._clock.boot_ns(), "a1", "0" * 32)
        refused = events.RecordingEnded("2" * 32, "refused", "", "3" * 32)
        again = (events.RecordingStarted("1" * 32), events.RecordingEnded("1" * 32, "lease", "", "2" * 32), refused)
        for item in (events.ObjectionFound(), press, recorder, *again, events.TracksChanged((), "4" * 32)):
            process._control.step(item)
        process._control.room = msgspec.structs.replace(process._control.room, recording=None, owed_ns=0)
        process._remembered.keep_part(process._control.room)
    assert [(row["alarm_id"], row["recording_id"]) for row in kept] == [("a1", ""), ("a1", "1" * 32)]
    assert kept[0]["owed_ns"] == press.at_ns


def test_no_input_is_lost_between_two_turns(process: AlarmProcess) -> None:
    """A1: of three hundred answers that are there at once each one is taken, in order, whatever the batch is."""
    taken: list[str] = []
    process._answers = {Answered: lambda word: taken.append(word.key)}
    wanted = [str(n) for n in range(3 * BATCH_MAX)]
    for key in wanted:
        process.put(Answered("alarm", key, 0))
    while process._intake:
        process._turn()
    assert taken == wanted


@pytest.mark.case("alarm 19")
def test_a_card_that_stands_still_under_a_certificate_costs_the_loop_nothing(tmp_path: Path) -> None:
    """A3: a file that does not come back from being read is waited for by no alarm, and by one thread however often it
    is to be looked at; when it comes its end is taken.
    """
    stuck, ca = tmp_path / "unit.crt", tmp_path / "ca.crt"
    os.mkfifo(stuck)
    with made_in(tmp_path, tls=Tls(str(ca), str(stuck), str(ca))) as process:
        for look in range(3):
            process._network.look(look * network.CERTIFICATES_NS)
        reading = [one for one in threading.enumerate() if one.name == "certificates"]
        assert len(reading) == 1
        process.put(Answered("alarm", "k", 0))
        process._turn()
        pem, _ = Authority(tmp_path / "authority").client("a/b/c")
        stuck.write_bytes(pem.read_bytes())
        reading[0].join()
        process._turn()
        assert process._network.paths()["broker"].certificate_days in {364, 365}


def test_an_edge_that_was_lost_on_its_way_is_in_health(process: AlarmProcess) -> None:
    """H1, A6: an edge that the driver could not hand over, which only a bug can do, is counted where people look."""
    assert "edges_lost" not in process._telemetry.health(process._control.room).counters
    buttons = process._devices.buttons
    assert isinstance(buttons, GpioButtons)

    def broken(_: object) -> None:
        raise RuntimeError

    buttons.start(broken)
    pin = next(iter(buttons._buttons.values()))._claim.pin
    pin.drive_low()
    assert process._telemetry.health(process._control.room).counters["edges_lost"] == 1
    buttons.close()


def test_the_loop_is_awake_before_a_press_is_decided(process: AlarmProcess) -> None:
    """A1: while a contact is closed the loop sleeps until a millisecond before its press is decided, and no longer."""
    buttons = process._devices.buttons
    now_ns = process._clock.boot_ns()
    process._lines.start(buttons.start(process._intake.edge), now_ns)
    process._lines.edge(Edge("alarm", active=True, at_ns=process._clock.boot_ns()))
    due_ns = process._lines.next_ns
    assert due_ns is not None
    before_ns = process._clock.boot_ns()
    wait_ns = process._wait_s() * 1e9
    assert wait_ns <= max(0, due_ns - AWAKE_NS - before_ns)
    buttons.close()


def faults(process: AlarmProcess) -> dict[str, str]:
    """What is wrong, as the room knows it."""
    return dict(process._control.room.faults)


@pytest.mark.case("alarm 7")
@pytest.mark.parametrize("error", [TypeError("x"), RecursionError("x"), KeyError("x"), MemoryError(), AssertionError()])
def test_an_answer_that_raises_ends_nothing(process: AlarmProcess, error: Exception) -> None:
    """A2: whatever an answer raises is counted and a fault; the loop goes on, and the fault ends when it is quiet."""

    def broken(_: object) -> None:
        raise error

    process._answers = {Answered: broken}
    for _ in range(3):
        assert process.put(Answered("alarm", "key", 0))
    process._turn()
    assert not process._intake
    process._look(process._clock.boot_ns())
    assert "Answered could not be answered" in faults(process)["inputs"]
    assert process._telemetry.health(process._control.room).counters["answers_failed"] == 3
    process._mishaps._until_ns -= QUIET_NS
    process._look(process._clock.boot_ns())
    assert "inputs" not in faults(process)


@pytest.mark.case("alarm 7")
def test_an_operator_whose_request_raises_is_disconnected(process: AlarmProcess) -> None:
    """A2: the peer that sent what could not be answered is dropped; it says its state anew when it comes again."""

    class Peer:
        closed = False
        person = None

        def close(self) -> None:
            self.closed = True

    peer = Peer()
    process.put(FromOperator(peer, Request("status")))  # type: ignore[arg-type]
    process._turn()
    assert peer.closed


def test_an_effect_that_raises_keeps_no_other_from_its_work(
    process: AlarmProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A1: a press whose log line or recording fails is sent all the same, and one whose sending fails is shown."""
    done: list[str] = []

    def carry_out(effect: events.Effect) -> None:
        done.append(type(effect).__name__)
        raise RuntimeError

    monkeypatch.setattr(process._control.effects, "carry_out", carry_out)
    process._control.room = msgspec.structs.replace(process._control.room, recorder=("audio",))
    before = process._control.room
    process._control.step(events.AlarmPressed(1, "a", "r"))
    assert done[0] == "Raise"
    assert process._control.room.alarms != before.alarms
    assert process._mishaps.failures == len(done)


def test_an_input_that_raises_keeps_no_press_from_being_decided(
    process: AlarmProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A1: of what one edge or one moment brings, the press is decided although something before it raises."""
    decide = table.step

    def broken(before: Room, item: events.Input, now_ns: int) -> Step:
        assert not isinstance(item, events.RecordPressed)
        return decide(before, item, now_ns)

    monkeypatch.setattr(table, "step", broken)
    with pytest.raises(AssertionError):
        process._control.step(events.RecordPressed(1, "r1"), events.AlarmPressed(1, "a", "r2"))
    assert [alarm.id for alarm in process._control.room.alarms] == ["a"]


def test_a_state_that_cannot_be_shown_keeps_no_press_from_being_decided(
    process: AlarmProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A1: lamps, MQTT's state or the journal's part that raise cost no input: both presses are open, and it is told."""

    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(process._telemetry, "room_changed", broken)
    process._control.step(events.AlarmPressed(1, "a", "r1"), events.AlarmPressed(2, "b", "r2"))
    assert [alarm.id for alarm in process._control.room.alarms] == ["a", "b"]
    assert process._mishaps.failures
    assert "RuntimeError" in process._mishaps.wrong()


@pytest.mark.case("alarm 2")
def test_an_input_that_was_lost_is_a_fault(process: AlarmProcess) -> None:
    """A2: more messages of one source than there are places for are counted, and a fault that names the source."""
    while process.put(Answered("second", "key", 0)):
        pass
    process._look(process._clock.boot_ns())
    assert faults(process)["inputs"] == "too many messages at once: 1 of second lost"
    assert process._telemetry.health(process._control.room).counters["inputs_lost"] == 1


@pytest.mark.case("alarm 3")
@pytest.mark.parametrize("which", ["_journal", "_unit_server", "_operators", "_telemetry"])
def test_a_thread_that_has_ended_ends_the_process(
    process: AlarmProcess, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A2: without one of its threads the process would be half there: it ends, and systemd makes a new one."""
    monkeypatch.setattr(getattr(process, which), "alive", lambda: False)
    with pytest.raises(DeviceError, match=r"thread.* has ended; expected it to live"):
        process._alive()


@pytest.mark.case("security 6")
def test_an_alarm_that_cannot_listen_goes_on(process: AlarmProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """A2: a socket that cannot be listened at is a fault that names it, tried again each second, and nothing else."""
    start = process._unit_server.start

    def refused() -> None:
        raise LinkError("unit.sock: cannot listen: Address already in use")

    monkeypatch.setattr(process._unit_server, "start", refused)
    process._look(process._clock.boot_ns())
    assert faults(process)["sockets"] == "unit.sock: cannot listen: Address already in use"
    monkeypatch.setattr(process._unit_server, "start", start)
    process._look(process._clock.boot_ns())
    assert "sockets" not in faults(process)
    assert process._unit_server.listens
