# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Bounds of everything that may cross a socket: each field has a pattern, a length or a range (promise A2).

A peer that was taken over can fill no message, no health report and no journal row with more than that.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

Id = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
"""Id of a recording or a hold."""
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Name = Annotated[str, Meta(pattern=r"^[!-~]{0,64}\Z")]
"""A boot, a journal, a session, a verb: one word of printable ASCII."""
SideName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}\Z", description="small letters, digits, hyphens")]
"""A side of a call, as the engineer named it."""
Ns = Annotated[int, Meta(ge=0, le=2**62)]
"""A moment or a duration in nanoseconds: at most 146 years."""
Count = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""A whole number that JSON carries exactly."""
Figure = Annotated[float, Meta(ge=-1e12, le=1e12)]
"""A measured number."""
TEXT_MAX, LONG_MAX = 200, 400
"""Characters of a text for a person: one of the recorder's, and one of the keeper's, which may name files."""
Text = Annotated[str, Meta(max_length=TEXT_MAX)]
Long = Annotated[str, Meta(max_length=LONG_MAX)]
DEPTH_MAX = 12
"""Nesting of a free value (an operator's arguments, an answer); the deepest known has six levels."""


def line(text: str, longest: int) -> str:
    """A text as one line for a terminal: unprintable characters are escaped, and a long text is cut."""
    shown = text if text.isprintable() else "".join(c if c.isprintable() else _escape(c) for c in text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def plain(value: Any, depth: int = DEPTH_MAX) -> Any:
    """A free value with all texts fit for a terminal; line feeds and tabs stay. Raises ValueError: too deep."""
    if isinstance(value, str):
        return (
            value
            if value.isprintable()
            else "".join(c if c.isprintable() or c in "\n\t" else _escape(c) for c in value)
        )
    if isinstance(value, dict | list | tuple):
        if depth == 0:
            raise ValueError(f"nested more than {DEPTH_MAX} levels deep")
        if isinstance(value, dict):
            return {plain(key): plain(one, depth - 1) for key, one in value.items()}
        return [plain(one, depth - 1) for one in value]
    return value


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode()
