# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The AsyncAPI project's own parser on docs/ref/asyncapi.json, and on what it must refuse."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract import wire
from tests.contract.node import HERE, INSTALLED, run

ERROR, WARNING = 0, 1
Finding = dict[str, Any]


def _no_channel(document: Any) -> None:
    document["operations"]["sendAlarmEvent"]["channel"]["$ref"] = "#/channels/nowhere"


def _unknown_action(document: Any) -> None:
    document["operations"]["sendHealth"]["action"] = "shout"


def _level_without_a_parameter(document: Any) -> None:
    del document["channels"]["alarmAck"]["parameters"]["room"]


def _foreign_message(document: Any) -> None:
    document["operations"]["sendHealth"]["messages"] = [{"$ref": "#/channels/alarmAck/messages/Ack"}]


def _unknown_qos(document: Any) -> None:
    document["operations"]["sendAlarmEvent"]["bindings"]["mqtt"]["qos"] = 3


def _no_schema(document: Any) -> None:
    document["components"]["messages"]["Ack"]["payload"]["$ref"] = "#/components/schemas/Nothing"


PLANTED: tuple[Callable[[Any], None], ...] = (
    _no_channel, _unknown_action, _level_without_a_parameter, _foreign_message,
    _unknown_qos, _no_schema,
)  # fmt: skip


@pytest.fixture(scope="module")
def findings() -> list[list[Finding]]:
    """What the parser says of the document, and then of each spoilt copy; one process for all."""
    documents = [wire.document(), *(copy.deepcopy(wire.document()) for _ in PLANTED)]
    for plant, document in zip(PLANTED, documents[1:], strict=True):
        plant(document)
    found: list[list[Finding]] = run("parse.cjs", documents)
    return found


def test_the_parser_takes_the_document(findings: list[list[Finding]]) -> None:
    """A5, H2: the AsyncAPI parser finds no error and no warning in the published document."""
    assert [finding for finding in findings[0] if finding["severity"] in {ERROR, WARNING}] == []


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_the_parser_refuses_a_planted_fault(plant: Callable[[Any], None], findings: list[list[Finding]]) -> None:
    """H2: a document with one fault gets an error from the same parser: its silence means something."""
    found = findings[1 + PLANTED.index(plant)]
    assert [finding for finding in found if finding["severity"] == ERROR] != []


def test_the_parser_is_the_one_that_is_pinned() -> None:
    """H2: one version, each package by its hash, and no address of where it came from."""
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]["@asyncapi/parser"]
    assert re.fullmatch(r"3\.\d+\.\d+", wanted)
    assert json.loads((INSTALLED / "@asyncapi/parser/package.json").read_text())["version"] == wanted
    locked = json.loads((HERE / "package-lock.json").read_text())["packages"]
    assert locked["node_modules/@asyncapi/parser"]["version"] == wanted
    packages = {name: package for name, package in locked.items() if name}
    assert [name for name, package in packages.items() if "integrity" not in package or "resolved" in package] == []
