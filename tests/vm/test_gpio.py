# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The contracts of buttons and lamps over the kernel's own lines, with gpiozero and lgpio as PyPI has them."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.vm.machine import PI_4, PI_5, PYTHON, SOURCES, Machine

pytestmark = [pytest.mark.vm, pytest.mark.timeout(3000)]

BRCMSTB = [f"gpio-brcmstb@107d5{n}" for n in ("08500", "08520", "17c00", "17c20")]
CONTRACTS = [f"tests/contracts/test_{part}.py" for part in ("buttons", "lamps", "contacts")]
OPEN = "from hardware.chip import open_factory; print(open_factory('lgpio').chip)"

TRIES = 3
DIES = """
import ctypes, threading
from pathlib import Path
from hardware.chip import open_factory
from hardware.clock import SystemClock
from hardware.gpio import GpioButtons, LineSpec
buttons = GpioButtons(open_factory("lgpio"), {"alarm": LineSpec(5)}, SystemClock())
buttons.start(lambda edge: None)
print(buttons.alive())
thread = next(thread for thread in threading.enumerate() if type(thread).__module__ == "lgpio")
ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
Path("/sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio5/pull").write_text("pull-down")  # it wakes, and dies
thread.join(10)
print(buttons.alive())
"""


def contracts(machine: Machine, *options: str) -> int:
    """Runs the contracts in the machine and returns how many held. What failed is tried again, alone: a machine beside
    other work pauses within a bounce, and the contact has done something else then. What is wrong fails each time.
    """
    command = [PYTHON, "-m", "pytest", "-m", "gpio_sim", "--tb=short", *options, *CONTRACTS]
    held, again = 0, list[str]()
    for _ in range(TRIES):
        said = machine.shell(f"cd {SOURCES} && LG_WD=/run {shlex.join([*command, *again])}", check=False)
        print(said)  # noqa: T201 - the figure that the issue asks for
        closing = said.strip().splitlines()[-1]
        held += sum(map(int, re.findall(r"(\d+) passed", closing)))
        again = ["--last-failed"]
        if " failed" not in closing and " error" not in closing:
            return held
    raise AssertionError(said)


def test_the_contracts_hold_on_the_kernels_lines(machine: Machine) -> None:
    """A1, A6, R3: presses of 50 ms, bounce, cut wires, buttons held at boot, lamps read back: as on the mock pins."""
    assert contracts(machine) > 20


@pytest.mark.parametrize(
    "labels", [[*BRCMSTB, "pinctrl-rp1"], ["pinctrl-rp1", *BRCMSTB]], ids=["before Linux 6.6.45", "since"]
)
def test_a_pi_5_has_its_buttons_under_either_number(machine: Machine, labels: list[str]) -> None:
    """A1: on a Pi 5 the header is gpiochip4 or gpiochip0; the buttons work on it, whatever else is called so."""
    try:
        machine.run("pins", *labels)
        machine.run("board", PI_5)
        said = machine.run("env", "LG_WD=/run", PYTHON, "-c", OPEN)
        assert said.strip() == str(labels.index("pinctrl-rp1"))
        assert contracts(machine, "-k", "first_active or alone or held_at_start_is_a_level") == 3
    finally:
        machine.run("pins", "pinctrl-bcm2711")
        machine.run("board", PI_4)


def test_a_driver_whose_thread_was_killed_knows_it(machine: Machine) -> None:
    """A1: lgpio has one thread for every button; when it has ended the driver says so, and the process ends with it."""
    said = machine.run("env", "LG_WD=/run", PYTHON, "-c", DIES)
    assert said.split() == ["True", "False"]


def test_who_is_not_in_the_group_is_told_so(machine: Machine) -> None:
    """A1: a user outside the group gpio gets one clear sentence, and one in it gets the pins."""
    machine.run("install", "-d", "-o", "nobody", "/run/nobody")
    as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "env", "LG_WD=/run/nobody", PYTHON, "-c", OPEN]
    refused = machine.run(as_nobody[0], "--clear-groups", *as_nobody[1:], check=False)
    expected = "no pins: this process may not open /dev/gpiochip0; expected a user in the group gpio"
    assert refused.strip().splitlines()[-1].endswith(expected)
    assert machine.run(as_nobody[0], "--groups=gpio", *as_nobody[1:]).strip() == "0"


def test_no_header_and_no_board_are_two_clear_refusals(machine: Machine) -> None:
    """A1: chips of another kind, and a board that gpiozero does not know, are named as such."""
    open_it = ["env", "LG_WD=/run", PYTHON, "-c", OPEN]
    try:
        machine.run("pins", "ftdi-cbus")
        said = machine.run(*open_it, check=False)
        assert "no pins: found gpiochip0 ftdi-cbus; expected one chip called pinctrl-bcm2711 or" in said
        machine.run("pins", "pinctrl-bcm2711")
        machine.run("umount", "/proc/cpuinfo")
        said = machine.run(*open_it, check=False)
        assert "no pins: unable to locate Pi revision" in said
        assert said.strip().endswith("expected the board's revision, as a Raspberry Pi gives it")
    finally:
        machine.run("pins", "pinctrl-bcm2711")
        machine.run("board", PI_4)
