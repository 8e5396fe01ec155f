# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The board's own figures, read from the files by which a Pi's kernel shows them."""

from __future__ import annotations

from pathlib import Path

from daemon.paths import Paths
from hardware import board, machine
from simulators import board as simulated


def laid_out(state: Path) -> Paths:
    paths = Paths.below(state)
    simulated.lay_out(paths)
    return paths


def test_a_board_that_is_well(tmp_path: Path) -> None:
    """H1: power, temperature and wear are what the kernel shows."""
    found = board.read(simulated.board_path(laid_out(tmp_path)))
    assert found == board.Board("Raspberry Pi 5 Model B Rev 1.0 (simulated)", (), (), 48.3, "")


def test_each_trouble_is_named_and_mended(tmp_path: Path) -> None:
    """H1: under-voltage now and earlier, heat and a worn card are each told, and gone when they are over."""
    paths = laid_out(tmp_path)
    root = simulated.board_path(paths)
    for name in simulated.FAULTS:
        simulated.fault(paths, name, on=True)
    found = board.read(root)
    assert found.power_now == ("under-voltage", "throttled")
    assert found.power_before == ("under-voltage, since it started", "throttled, since it started")
    assert found.celsius == 84.2
    assert found.card_worn == "more than nine tenths of its life is used"
    for name in simulated.FAULTS:
        simulated.fault(paths, name, on=False)
    assert board.read(root).power_now == ()


def test_the_voltage_sensor_alone_tells_as_well(tmp_path: Path) -> None:
    """H1: a kernel without the firmware's file still shows under-voltage by its sensor."""
    sensor = tmp_path / "sys/class/hwmon/hwmon1"
    sensor.mkdir(parents=True)
    (sensor / "name").write_text("rpi_volt\n")
    (sensor / "in0_lcrit_alarm").write_text("1\n")
    assert board.read(tmp_path).power_now == ("under-voltage",)


def test_a_board_that_tells_nothing_is_not_called_well(tmp_path: Path) -> None:
    """H1: what is not shown, or is something else, is None and no verdict."""
    (tmp_path / "sys/class/thermal/thermal_zone0").mkdir(parents=True)
    (tmp_path / board.TEMPERATURE).write_text("warm\n")
    assert board.read(tmp_path) == board.Board(None, None, (), None, None)


def test_the_machines_zone_is_read_where_systemd_keeps_it(tmp_path: Path) -> None:
    """H1: the machine's own time zone is named; where there is none to read, none is guessed."""
    assert machine.time_zone(tmp_path) is None
    (tmp_path / "etc").mkdir()
    link = tmp_path / "etc" / "localtime"
    link.write_bytes(b"TZif")
    assert machine.time_zone(tmp_path) is None, "a copy of a zone's file has no name"
    link.unlink()
    link.symlink_to("/usr/share/zoneinfo/Europe/London")
    assert machine.time_zone(tmp_path) == "Europe/London"
