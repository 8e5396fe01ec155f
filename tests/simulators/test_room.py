# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The simulated room as a thing of its own: one in a directory, faults that are listed, processes that go down."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.config import load
from daemon.errors import SettingsError, UnitError
from daemon.paths import Paths
from simulators import __main__ as sim
from simulators import board, stuck
from simulators.broker import EmbeddedBroker
from simulators.faults import PLUGS, WHY_NOT, Staged
from simulators.occupied import Occupied, check_runs
from simulators.places import faults_path
from simulators.robot.worlds import SMALL_CAMERA
from simulators.room import Child, SimulatedRoom
from simulators.state import prepare, put_back
from simulators.timeline import Timeline, short
from tests.brokers import ShippedMosquitto
from tests.certificates import CONSOLE, UNIT, Authority
from tests.rooms import policy_with, running, wait_for
from tests.waiting import PATIENCE_S


def test_a_second_room_in_a_directory_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    """A1: a second `make run` beside the first says who runs there, and takes neither its sockets nor its settings; a
    room that was killed is taken over, because the kernel frees its lock.
    """
    first = Occupied(Paths.below(tmp_path))
    (tmp_path / "run" / "bench.sock").touch()
    with pytest.raises(UnitError, match=rf"a room runs there already \(process {os.getpid()}\)"):
        SimulatedRoom(tmp_path)
    assert (tmp_path / "run" / "bench.sock").exists()
    assert not (tmp_path / "etc").exists()
    first.leave()
    Occupied(Paths.below(tmp_path)).leave()


def test_a_directory_whose_sockets_would_have_no_name_is_refused(tmp_path: Path) -> None:
    """H1: a path of a socket has 107 bytes at most; a room in a deeper directory says so before anything is made."""
    deep = tmp_path / "gemeente" / ("x" * 107)
    with pytest.raises(SettingsError, match=r"too long a path.*expected at most \d+ bytes"):
        SimulatedRoom(deep, broker="127.0.0.1:1")
    assert not deep.parent.exists()


def test_a_process_that_ends_before_it_is_ready_has_its_last_words_told() -> None:
    """H1: who starts a room reads why it does not start."""
    child = Child("keeper", [sys.executable, "-c", "raise SystemExit('keeper: no key')"], lambda *_: None)
    with pytest.raises(UnitError, match="keeper: ended before it was ready; what it said last: keeper: no key"):
        child.start()


def test_a_plug_that_goes_in_starts_nothing_while_the_power_is_off() -> None:
    """H1: what a fault held down stays down while the room is stopped, is killed as often as it is switched off, and
    runs when the last reason is over, however soon that is.
    """
    program = 'import time; print(\'{"event": "ready"}\', flush=True); time.sleep(99)'
    said: list[str] = []
    child = Child("keeper", [sys.executable, "-c", program], lambda _, line: said.append(line))
    child.start()
    child.power(on=False, why="plug")
    child.gone()
    child.power(on=False)
    child.power(on=True, why="plug")
    wait_for("it is known to be down", lambda: '{"event": "down", "code": -9}' in said)
    assert child.state == "down"
    for _ in range(5):  # before it can be ready
        child.power(on=True)
        child.power(on=False)
    child.power(on=True)
    assert child.ready.wait(PATIENCE_S)
    assert child.state == "runs"
    child.stop()


def test_a_process_that_hangs_can_be_asked_where() -> None:
    """H1: a start that hangs on a machine that nobody can look at tells its threads and their Python stacks."""
    program = (
        "import time\nfrom simulators import stuck\nstuck.answers()\n"
        "def hung():\n    print('up', flush=True)\n    time.sleep(99)\nhung()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as hangs:
        assert hangs.stdout is not None
        assert hangs.stderr is not None
        hangs.stdout.readline()
        assert any(line.startswith(f"thread {hangs.pid} ") for line in stuck.ask(hangs.pid))
        assert any(b"in hung" in line for line in hangs.stderr)
        hangs.kill()


@pytest.mark.case("people 7")
def test_nothing_is_staged_where_no_room_runs(tmp_path: Path) -> None:
    """H3: faults and the clock of a room that is not there are refused, and no directory is made for them."""
    nowhere = Paths.below(tmp_path / "nowhere")
    for name in ("board.hot", "camera.gone", "alarm.stuck", "recorder-process.down"):
        with pytest.raises(UnitError, match="no simulated room runs there"):
            Staged(nowhere).switch(name, on=True)
    with pytest.raises(UnitError, match="no simulated room runs there"):
        sim.clock("+1h", state=tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    ended = Paths.below(tmp_path / "ended")
    Occupied(ended).leave()
    with pytest.raises(UnitError, match="no simulated room runs there"):
        check_runs(ended)


def test_a_line_fits_the_terminal_and_the_file_has_it_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """H1: a person reads lines of at most the terminal's width; nothing of them is lost."""
    line = (
        "2026-11-28 22:52:24.926     17.349 s  alarm    alarm_acknowledged  event_id=0829b064  reached=stored  by=balie"
    )
    cut = short(line, 60)
    assert cut.startswith("22:52:24 alarm    alarm_acknowledged")
    assert (len(cut), cut[-1]) == (60, "…")
    assert short(line, None).endswith("by=balie")
    with Timeline(tmp_path / "timeline.log") as timeline:
        timeline.write(line + "\n")
    assert capsys.readouterr().out == short(line, None) + "\n"
    assert (tmp_path / "timeline.log").read_text() == line + "\n"
    assert len(sim.KEYS) < 80  # as narrow as a terminal is


def test_every_fault_can_be_staged_listed_and_mended(tmp_path: Path) -> None:
    """H1: each fault of a running room is on when it was made, and none is when all were mended; a process that is
    down stays down until then, and comes back.
    """
    with running(tmp_path / "unit", policy="dronten-2022") as unit:
        unit.ready(0.0)
        staged = Staged(unit.paths)
        names = [fault.name for fault in staged.all()]
        assert {*PLUGS, *board.FAULTS, "alarm.stuck", "record.cut", "status.broken"} <= set(names)
        for name in ("board.hot", "alarm.stuck", "recording.broken", "keeper-process.down"):
            staged.switch(name, on=True)
            assert [fault.name for fault in staged.all() if fault.on] == [name]
            assert staged.mend() == f"mended: {name}"
        staged.switch("keeper-process.down", on=True)
        child = unit.room.children["keeper"]
        wait_for("the keeper is down", lambda: child.state == "down")
        wait_for("that is a fault", lambda: "keeper" in unit.health()["faults"])
        staged.mend()
        wait_for("the keeper is back", lambda: "keeper" not in unit.health()["faults"])


def test_a_link_that_swallows_everything_costs_no_alarm(tmp_path: Path) -> None:
    """A1, A7: between the unit and its broker nothing comes through: the alarm is kept, the desk goes on listening, and
    it arrives when the link is whole again; over a slow one it is stored at once.
    """
    with running(tmp_path / "unit", policy="dronten-2022") as unit:
        unit.ready(0.0)
        staged = Staged(unit.paths)
        wait_for("the desk", lambda: unit.health()["consoles"])
        staged.switch("link.black_hole", on=True)
        wait_for("the link is one", lambda: "link     swallows every byte" in unit.timeline.getvalue())
        unit.press("alarm")
        wait_for("nobody answers", lambda: "broker" in unit.health()["faults"], 60)
        assert unit.health()["undelivered"] == 1
        staged.switch("link.slow", on=True)
        staged.switch("link.black_hole", on=False)
        wait_for("the alarm is stored over a slow link", lambda: not unit.health()["undelivered"], 90)
        staged.mend()
        wait_for("nothing is wrong", lambda: not unit.health()["faults"].keys() - {"disk"}, 60)


def test_what_cannot_be_staged_says_why(tmp_path: Path) -> None:
    """H1: at another program's broker no plug is ours; without a desk there is none to pull; under a policy that opens
    no device none fails. Each is listed with its reason, and refused with it.
    """
    broker = EmbeddedBroker()
    broker.start()
    try:
        address = f"127.0.0.1:{broker.port}"
        with running(tmp_path / "unit", policy="dronten-2022", broker=address, console=False) as unit:
            staged = Staged(unit.paths)
            why = {fault.name: fault.why_not for fault in staged.all() if fault.why_not}
            for name, reason in (
                ("broker.unplugged", "broker_elsewhere"), ("link.slow", "broker_elsewhere"),
                ("console.gone", "no_desk"), ("camera.dark", "no_camera"), ("microphone.gone", "no_microphone"),
            ):  # fmt: skip
                assert why[name] == reason
                with pytest.raises(UnitError, match=re.escape(WHY_NOT[reason])):
                    staged.switch(name, on=True)
            assert not {"disk.full", "alarm.cut", "alarm-process.down"} & why.keys()
    finally:
        broker.stop()


def test_a_room_leaves_the_directory_as_it_found_it(tmp_path: Path) -> None:
    """H3: after a room has ended unit.toml names the broker that its owner wrote there, and nothing is wrong any more;
    the next room finds a killed one's directory the same. What somebody wrote into the file meanwhile stays.
    """
    mine = (
        'organisation = "o"\nsite = "s"\nroom = "r"\n[buttons.alarm]\npin = 5\n[broker]\nhost = "mqtt"\nport = 8883\n'
    )
    path = tmp_path / "etc" / "unit.toml"
    paths = prepare(tmp_path, "dronten-2022", None, ("localhost", 1))
    path.write_text(mine)
    for killed in (False, True):
        prepare(tmp_path, None, None, ("127.0.0.1", 4000))
        assert 'host = "127.0.0.1"\nport = 4000' in path.read_text()
        (faults_path(paths) / "camera.gone").touch()
        if killed:
            prepare(tmp_path, None, None, ("127.0.0.1", 4001))
            assert not list(faults_path(paths).iterdir())
        put_back(paths)
        assert path.read_text() == mine
        assert not faults_path(paths).exists()
    prepare(tmp_path, None, None, ("127.0.0.1", 4002))
    path.write_text(path.read_text().replace("pin = 5", "pin = 6"))
    put_back(paths)
    assert load(paths.etc).unit.buttons.alarm.pin == 6
    assert (load(paths.etc).unit.broker.host, load(paths.etc).unit.broker.port) == ("mqtt", 8883)


def test_a_store_that_refuses_delays_no_alarm_and_a_recording_follows(tmp_path: Path) -> None:
    """A3, R8: on a disk that is full, read-only or slow each press is stored at the desk; it is named; and when it is
    mended there is a recording of the alarm that is open.
    """
    state = tmp_path / "unit"
    fitted = tmp_path / "unit.toml"
    fitted.write_text(sim.FITTED.read_text() + SMALL_CAMERA)
    policy = policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1)
    with running(state, policy=policy, unit=fitted) as unit:
        unit.ready()
        staged = Staged(unit.paths)
        wait_for("the desk", lambda: unit.health()["consoles"])

        def stored() -> int:
            return unit.timeline.getvalue().count("console  SIMULATIE  stored r")

        staged.switch("disk.full", on=True)
        wait_for("a full disk is named", lambda: "full" in unit.health()["faults"], 60)
        unit.press("alarm")
        wait_for("the press is stored", lambda: stored() == 1)
        staged.switch("disk.readonly", on=True)
        wait_for("a read-only one is named", lambda: "store" in unit.health()["faults"], 60)
        unit.press("alarm")
        wait_for("the second is stored", lambda: stored() == 2)
        staged.switch("disk.slow", on=True)
        unit.press("alarm")
        wait_for("the third is stored", lambda: stored() == 3)
        staged.mend()
        wait_for("a recording", lambda: unit.health()["recording_id"], 60)
        wait_for("the lamp", lambda: unit.lamps()["recording"], 60)


def test_a_faulty_disk_answers_as_the_kernel_does(tmp_path: Path) -> None:
    """R8: below the store, and nowhere else, writing fails with the kernel's own numbers; reading, and deleting on a
    full disk, do not; a slow one takes its time.
    """
    paths = prepare(tmp_path / "unit", "dronten-2022", None, ("localhost", 1))
    script = """
import errno, os, sys, time
from pathlib import Path
from daemon import durable
from daemon.paths import Paths
from simulators import disk

disk.SLOW_S = 0.2
paths = Paths.below(Path(sys.argv[1]))
faulty = disk.FaultyDisk(paths).stand_between()
durable.replace(paths.store / "before", b"1")
home = os.open(paths.store, os.O_RDONLY)

def told(act):
    try:
        act()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok"

acts = {
    "make": lambda: os.mkdir(paths.store / "more"), "make_at": lambda: os.mkdir("more2", dir_fd=home),
    "open": lambda: os.close(os.open(paths.store / "x", os.O_WRONLY | os.O_CREAT)),
    "read": lambda: (paths.store / "before").read_bytes(),
    "link": lambda: os.link(paths.store / "before", "link", dst_dir_fd=home),
    "delete": lambda: os.unlink(paths.store / "before"),
    "elsewhere": lambda: (paths.etc / "x").write_text("x") and os.mkdir(paths.etc / "y"),
}
faulty.fault("readonly")
print(*(told(act) for act in acts.values()))
faulty.fault("readonly", on=False)
fd = os.open(paths.store / "y", os.O_WRONLY | os.O_CREAT)
faulty.fault("full")
print(told(lambda: os.write(fd, b"x")), faulty.space().free_bytes, told(acts["delete"]))
faulty.fault("full", on=False)
faulty.fault("slow")
began = time.monotonic()
os.fsync(fd)
print(time.monotonic() - began >= 0.2)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "unit")], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["EROFS EROFS EROFS ok EROFS EROFS ok", "ENOSPC 0 ok", "True"], done.stderr
    assert paths.store.is_dir()


@pytest.mark.case("people 8")
def test_a_room_at_a_broker_with_tls_has_its_desk(tmp_path: Path) -> None:
    """A5: at a broker on the settings that we ship the room's desk comes by a certificate of its own, as the unit does,
    and stores what is pressed.
    """
    authority = Authority(tmp_path / "ca")
    broker = ShippedMosquitto(tmp_path / "broker", authority)
    mine, desk = authority.client(UNIT), authority.client(CONSOLE)
    organisation, site, room = UNIT.split("/")
    settings = tmp_path / "unit.toml"
    settings.write_text(
        f'organisation = "{organisation}"\nsite = "{site}"\nroom = "{room}"\n'
        "[buttons.alarm]\npin = 5\n[lamps]\nstatus = 17\n"
        f'[broker]\nhost = "localhost"\nport = {broker.port}\n[broker.tls]\nca = "{authority.certificate}"\n'
        f'certificate = "{mine.certificate}"\nkey = "{mine.key}"\n'
    )
    broker.start()
    try:
        options = {
            "policy": "dronten-2022",
            "unit": settings,
            "broker": f"localhost:{broker.port}",
            "console_tls": desk,
        }
        with running(tmp_path / "unit", **options) as unit:
            unit.ready(0.0)
            wait_for("the desk", lambda: unit.health()["consoles"])
            unit.press("alarm")
            wait_for("it is stored", lambda: list(unit.health()["alarms"].values()) == ["stored"])
    finally:
        broker.kill()


@pytest.mark.case("people 8")
@pytest.mark.parametrize("which", ["console_certificate", "console_key"])
def test_half_of_a_desks_certificate_is_refused(tmp_path: Path, which: str) -> None:
    """H1: a certificate without its key, or the other way round, is named, and no room is made."""
    with pytest.raises(UnitError, match="--console-certificate, --console-key: expected both"):
        sim.run(state=tmp_path / "unit", **{which: tmp_path / "file"})  # type: ignore[arg-type]  # one of two
    assert not (tmp_path / "unit" / "etc").exists()
