"""The simulated room as a thing of its own: one in a directory, faults that are listed, processes that go down."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.errors import SettingsError, UnitError
from daemon.paths import Paths
from simulators import __main__ as sim
from simulators import board, stuck
from simulators.faults import PLUGS, Staged
from simulators.occupied import Occupied, check_runs
from simulators.room import Child, Room
from simulators.timeline import Timeline, short
from tests.brokers import ShippedMosquitto
from tests.certificates import CONSOLE, UNIT, Authority
from tests.rooms import running, wait_for


def test_a_second_room_in_a_directory_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    """A1: a second `make run` beside the first says who runs there, and takes neither its sockets nor its settings; a
    room that was killed is taken over, because the kernel frees its lock.
    """
    first = Occupied(Paths.below(tmp_path))
    (tmp_path / "run" / "bench.sock").touch()
    with pytest.raises(UnitError, match=rf"a room runs there already \(process {os.getpid()}\)"):
        Room(tmp_path)
    assert (tmp_path / "run" / "bench.sock").exists()
    assert not (tmp_path / "etc").exists()
    first.leave()
    Occupied(Paths.below(tmp_path)).leave()


def test_a_directory_whose_sockets_would_have_no_name_is_refused(tmp_path: Path) -> None:
    """H1: a path of a socket has 107 bytes at most; a room in a deeper directory says so before anything is made."""
    deep = tmp_path / "gemeente" / ("x" * 107)
    with pytest.raises(SettingsError, match=r"too long a path.*expected at most \d+ bytes"):
        Room(deep, broker="127.0.0.1:1")
    assert not deep.parent.exists()


def test_a_process_that_ends_before_it_is_ready_has_its_last_words_told() -> None:
    """H1: who starts a room reads why it does not start."""
    child = Child("keeper", [sys.executable, "-c", "raise SystemExit('keeper: no key')"], lambda *_: None)
    with pytest.raises(UnitError, match="keeper: ended before it was ready; what it said last: keeper: no key"):
        child.start()


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
