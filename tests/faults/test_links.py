# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One fault of the link each: what the unit says meanwhile, and that every press arrives, once, when it is mended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulators.link import Link
from tests.faults.house import House, house


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all of them: each fault leaves no trace, and that is checked."""
    with house(tmp_path_factory.mktemp("house"), witness=True) as it:
        yield it


def test_a_black_hole(it: House) -> None:
    """A1, A5: a link that swallows everything is noticed by the answer that a press does not get; the lamp stays at
    `kept`, the fault is told, and what was pressed meanwhile arrives when the link is back.
    """
    it.link.becomes(Link.BLACK_HOLE)
    first = it.unit.press()
    it.unit.has_level(first, "kept")
    it.unit.has_fault("broker", "an alarm got no answer from the broker")
    it.unit.press()
    it.unit.shows("kept")
    it.unit.has_fault("broker", "the broker did not answer")
    assert it.receiver.arrived() == []
    assert it.link.swallowed > 0
    it.link.becomes(Link.WHOLE)
    it.settles()


def test_a_half_open_link(it: House) -> None:
    """A1, A5: a link that hangs loose closes nothing and answers nothing: the unit makes a new connection by itself,
    and what came through late on the old one as well is one event at the receiver.
    """
    it.link.becomes(Link.HALF_OPEN)
    it.unit.press(2)
    it.unit.has_fault("broker", "an alarm got no answer from the broker")
    it.unit.shows("kept")
    it.link.becomes(Link.WHOLE)
    it.settles()


def test_a_broker_that_never_answers_a_publish(it: House) -> None:
    """A1, A5: without PUBACKs alarms still arrive and are shown as stored, for a receiver's word is what counts; the
    connection on which the broker owes an answer is replaced after five seconds.
    """
    swallowed = it.link.swallowed
    it.link.becomes(Link.NO_PUBACK)
    it.unit.has_level(it.unit.press(), "stored")
    it.unit.has_fault("broker", "an alarm got no answer from the broker on this connection; a new one is made")
    it.unit.well()
    it.unit.has_level(it.unit.press(), "stored")
    assert it.link.swallowed >= swallowed + 2


def test_nobody_at_the_brokers_port(it: House) -> None:
    """A1, A5: a refused connection is told as what it is, with address and port, and presses wait for its end."""
    it.link.becomes(Link.REFUSE)
    it.unit.has_fault("broker", f"127.0.0.1:{it.link.port}: Connection refused")
    it.unit.shows("fault")
    it.unit.press(3)
    it.unit.shows("kept")
    it.link.becomes(Link.WHOLE)
    it.settles()
