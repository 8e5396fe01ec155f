# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a witness takes of a message, and why it takes another not."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from daemon.model.witness import Message, message_of, unit_of
from daemon.witness.store import UNREADABLE, Name

BODY_BYTES_MAX = 16_384
"""A unit's longest line has 4 kB."""


class Came(msgspec.Struct, frozen=True):
    """A message; `receipt` acknowledges it, None where nothing is to be acknowledged."""

    topic: str
    payload: bytes
    retained: bool
    receipt: Callable[[], None] | None

    def outlived(self) -> Came:
        """The same after its connection: its receipt is worth nothing."""
        return self if self.receipt is None else Came(self.topic, self.payload, self.retained, _nobody)

    def also(self, earlier: Came | None) -> Came:
        """The same, whose receipt answers an earlier one with this text as well."""
        first, second = earlier.receipt if earlier else None, self.receipt
        if first is None or second is None or first is _nobody:
            return self

        def both() -> None:
            first()
            second()

        return Came(self.topic, self.payload, self.retained, both)

    def acknowledge(self) -> None:
        """It is kept, or it never will be."""
        if self.receipt is not None:
            self.receipt()


def _nobody() -> None:
    """Receipt of a message whose connection has ended."""


class NotTakenError(Exception):
    """A message that a witness does not take: `why` is counted, the text is for a person."""

    def __init__(self, why: str, detail: str) -> None:
        super().__init__(detail)
        self.why = why


def read(came: Came) -> tuple[Name, Message]:
    """The unit of a message by its topic, and what it says. Raises NotTakenError."""
    names = unit_of(came.topic)
    if names is None:
        raise NotTakenError("no_unit", "no unit's topic")
    if came.retained:
        raise NotTakenError("retained", "a unit retains no message of these topics; somebody else did")
    if len(came.payload) > BODY_BYTES_MAX:
        raise NotTakenError("too_large", f"{len(came.payload)} bytes; expected at most {BODY_BYTES_MAX}")
    try:
        came.payload.decode()  # what it says beyond our fields is kept as well: it has to be text
        said = message_of(came.payload)
    except UNREADABLE as error:
        raise NotTakenError("unreadable", str(error)) from error
    if said.unit not in {"", "/".join(names)}:
        raise NotTakenError("impostor", f"it says that it is {said.unit}'s")
    return names, said


def line_of(came: Came, at: str) -> bytes:
    """The line that is kept of a message: when it came, where, and what it says, unchanged.

    Line feeds in JSON are space between its values, so that another kind of space means the same.
    """
    topic, text = msgspec.json.encode(came.topic), came.payload.replace(b"\n", b" ").replace(b"\r", b" ")
    return b'{"at":"%s","topic":%s,"message":%s}\n' % (at.encode(), topic, text)
