# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Wireless buttons as gateways publish them: each payload with the settings that the guide shows for it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from daemon.model.mobile import NS, Button, heard, wrong
from daemon.model.unit import Mobile

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "mobile-buttons.md"
T0 = 1000 * NS


class Shape(NamedTuple):
    """One button's messages, each with the seconds before it, and how many alarms they are."""

    name: str
    right: int
    messages: tuple[tuple[float, bytes], ...]


def shapes() -> list[Shape]:
    """All of mobile_shapes.txt."""
    found = []
    for part in re.split(r"\n\[", Path(__file__).with_name("mobile_shapes.txt").read_text(encoding="utf-8"))[1:]:
        head, *lines = part.splitlines()
        name, _, right = head.partition("] ")
        messages = ((float(line.split(" ")[0]), line.partition(" ")[2].encode()) for line in lines if line)
        found.append(Shape(name, int(right.split()[0]), tuple(messages)))
    return found


def settings() -> dict[str, Mobile]:
    """By name, every `[[mobile]]` of the guide."""
    blocks = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    tables = [table for block in blocks for table in tomllib.loads(block)["mobile"]]
    return {table["name"]: msgspec.convert(table, Mobile) for table in tables}


def case(shape: Shape) -> Any:
    marks = [pytest.mark.case(f"buttons {shape.name}")] if re.fullmatch(r"p\d\d[a-z]?", shape.name) else []
    return pytest.param(shape, id=shape.name, marks=marks)


@pytest.mark.parametrize("shape", [case(shape) for shape in shapes()])
def test_a_shape_is_as_many_alarms_as_presses(shape: Shape) -> None:
    """A1: what a gateway publishes is one alarm a press, with the settings of the guide: none lost, none doubled."""
    button, now_ns, pressed = Button(settings()[shape.name], T0), T0, 0
    for wait_s, payload in shape.messages:
        now_ns += round(wait_s * NS)
        button, said = heard(button, payload, retained=False, now_ns=now_ns)
        assert not said.refused
        pressed += said.pressed
    assert pressed == shape.right
    assert "not understood" not in wrong(button, now_ns)


@pytest.mark.parametrize("shape", [shape for shape in shapes() if shape.name.startswith("p")], ids=lambda one: one.name)
def test_a_shape_that_is_retained_raises_nothing(shape: Shape) -> None:
    """A1: the same messages as the broker keeps them for whoever subscribes are no press."""
    button = Button(settings()[shape.name], T0)
    for _, payload in shape.messages:
        button, said = heard(button, payload, retained=True, now_ns=T0)
        assert not said.pressed


def test_the_guide_shows_settings_for_every_shape() -> None:
    """H5: no payload is tried that the guide does not tell how to set up, and the other way round."""
    examples = {"hall-1", "hall-2"}
    assert {shape.name for shape in shapes()} == settings().keys() - examples
