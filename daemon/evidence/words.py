# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A holder's answer to the words that units sealed: opens the one that is theirs, and nothing else.

Invariant: the output is an answer or nothing. A file of words that contains something else, such as the envelope of a
recording, cannot be used to have a holder open it and read it out.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from daemon.errors import RequestError, SealError
from daemon.evidence.opening import Identity, open_one
from daemon.inspection.chain import UNREADABLE
from daemon.model.holders import SEALED

FORMAT = "spreekkamer-words/1"
FILE_BYTES_MAX = 200_000
"""Sixty-four words take forty thousand."""
WORDS_MAX = 64
ANSWER = re.compile(re.escape(SEALED) + r"([a-km-np-z2-9]{4}(?:-[a-km-np-z2-9]{4}){4})\n")


class Word(msgspec.Struct, frozen=True):
    """One sealed word. Its other fields are only claims of the file."""

    sealed: Annotated[str, Meta(max_length=2000)]
    label: Annotated[str, Meta(max_length=64)] = ""


class Letter(msgspec.Struct, frozen=True):
    """A unit's words, as written by `holders ask`."""

    unit: Annotated[str, Meta(max_length=200)]
    words: Annotated[tuple[Word, ...], Meta(max_length=WORDS_MAX)]
    format: str = FORMAT


class Answer(NamedTuple):
    """A holder's answer."""

    unit: str
    label: str
    answer: str


def letter(data: bytes, name: str) -> Letter:
    """The words in a file. Raises RequestError if there are none."""
    try:
        found = msgspec.json.decode(data[: FILE_BYTES_MAX + 1], type=Letter)
    except UNREADABLE as error:
        raise RequestError(f"{name}: is no file of words; expected what `spreekkamer holders ask` wrote") from error
    if found.format != FORMAT:
        raise RequestError(f"{name}: is no file of words; expected {FORMAT}")
    return found


def answers(found: Letter, keys: Sequence[Identity], name: str) -> list[Answer]:
    """The answers to the words that these keys open. Raises SealError if they open none, or open something else."""
    said = []
    for word in found.words:
        clear = _opened(word.sealed, keys)
        if clear is None:
            continue
        match = ANSWER.fullmatch(clear.decode("latin-1"))
        if match is None:
            raise SealError(
                f"{name}: what is sealed for this key is no word. Somebody may want it opened for another end: do not "
                "go on, and tell who manages the units"
            )
        said.append(Answer(found.unit, word.label, match[1]))
    if not said:
        raise SealError(f"{name}: no word in it is for this key")
    return said


def _opened(sealed: str, keys: Sequence[Identity]) -> bytes | None:
    try:
        return open_one(base64.b64decode(sealed, validate=True), keys)
    except ValueError:
        return None
