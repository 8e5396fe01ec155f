# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Which chip of lines is the header's, on every board and kernel, and what a process without a right is told."""

from __future__ import annotations

import grp
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import cast

import pytest

from daemon.errors import DeviceError
from hardware import chip

BRCMSTB = ("gpio-brcmstb@107d508500", "gpio-brcmstb@107d508520", "gpio-brcmstb@107d517c00", "gpio-brcmstb@107d517c20")


@pytest.mark.parametrize(
    ("labels", "number"),
    [
        ({0: "pinctrl-bcm2711", 1: "raspberrypi-exp-gpio"}, 0),
        ({**dict(enumerate(BRCMSTB)), 4: "pinctrl-rp1"}, 4),
        ({0: "pinctrl-rp1", **dict(enumerate(BRCMSTB, 1))}, 0),
        ({0: "pinctrl-rp1", **dict(enumerate(BRCMSTB, 10))}, 0),
        ({0: "ftdi-cbus", 1: "pinctrl-bcm2711"}, 1),
    ],
    ids=["Pi 4", "Pi 5 before Linux 6.6.45", "Pi 5 between", "Pi 5 since", "Pi 4 with another chip first"],
)
def test_the_headers_chip_is_found_by_its_name(labels: dict[int, str], number: int) -> None:
    """A1: whatever number the kernel gave it, the buttons are looked for on the header's chip and on no other."""
    assert chip.header_chip(labels) == number


@pytest.mark.parametrize(
    ("labels", "seen"),
    [
        ({}, "no /dev/gpiochip"),
        ({0: "ftdi-cbus"}, "gpiochip0 ftdi-cbus"),
        ({0: "pinctrl-rp1", 4: "pinctrl-rp1"}, "gpiochip4 pinctrl-rp1"),
    ],
)
def test_a_machine_without_a_header_is_told_what_was_seen(labels: dict[int, str], seen: str) -> None:
    """A1: no chip of a Pi, or two, is a refusal that names what is there: nothing is guessed."""
    with pytest.raises(DeviceError, match=f"no pins: found .*{seen}.*; expected one chip called pinctrl-bcm2711 or"):
        chip.header_chip(labels)


class Library(SimpleNamespace):
    """lgpio's three calls, over two chips that are not there: what a machine without pins can show of the search."""

    error = type("error", (Exception,), {})
    names = {0: "gpio-brcmstb@107d508500", 4: "pinctrl-rp1"}  # noqa: RUF012 - never changed
    opened: set[int]

    def gpiochip_open(self, number: int) -> int:
        """A handle, which is the number."""
        if number not in self.names:
            raise self.error("can not open gpiochip")
        self.opened.add(number)
        return number

    def gpio_get_chip_info(self, handle: int) -> list[object]:
        """Status, lines, name, label."""
        return [0, 54, f"gpiochip{handle}", self.names[handle]]

    def gpiochip_close(self, handle: int) -> None:
        """Lets go."""
        self.opened.discard(handle)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setattr(chip, "DEV", tmp_path)
    for number in (0, 4):
        (tmp_path / f"gpiochip{number}").touch()
    (tmp_path / "gpiochip-none").touch()
    found = Library(opened=set())
    yield cast("ModuleType", found)
    assert found.opened == set()


def test_every_chip_is_asked_for_its_name_once(library: ModuleType) -> None:
    """A1: the chips are asked and let go; a link under an old number is not a second chip."""
    (chip.DEV / "gpiochip9").symlink_to(chip.DEV / "gpiochip4")
    assert chip.chip_labels(library) == {0: "gpio-brcmstb@107d508500", 4: "pinctrl-rp1"}


def test_a_chip_that_does_not_answer_is_named(library: ModuleType) -> None:
    """A6: what lgpio refuses is told with the chip."""
    (chip.DEV / "gpiochip7").touch()
    with pytest.raises(DeviceError, match=r"no pins: .*gpiochip7: can not open gpiochip; expected a chip that answers"):
        chip.chip_labels(library)


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("gpio", "expected a user in the group gpio"),
        ("users", "expected a device of the group gpio, and it is users's"),
    ],
)
def test_a_user_without_the_right_is_told_which_group(
    library: ModuleType, monkeypatch: pytest.MonkeyPatch, group: str, expected: str
) -> None:
    """A1: who may not open the chip is told so, and by which group he might, before lgpio's own short word."""
    # Root may open anything and owns no group gpio here: the refusal and the name are staged.
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "gpiochip0")
    monkeypatch.setattr(grp, "getgrgid", lambda _: SimpleNamespace(gr_name=group))
    with pytest.raises(DeviceError, match=f"no pins: this process may not open .*gpiochip0; {expected}"):
        chip.chip_labels(library)
