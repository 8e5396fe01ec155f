# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Foreign payloads: any bytes to text or JSON, and paths into that JSON. Pure.

Invariant: no payload raises anything but `NotUnderstoodError`, and none takes longer than LOOKS_MAX steps. Whatever can
be read is read: a byte order mark, zero bytes, another encoding or a NaN in one field must not hide a press in another.

A path is written with dots: `params.events.0.event`. A step is the name of a member, the index of a list's item (from
0), or `*`: any item of a list, any member of an object. Names that contain dots are found too, and a string that is
itself JSON is searched like an object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

ANY = "*"
DEPTH_MAX = 8
"""Steps of a path; the deepest known, a gateway's list of events, has five."""
LOOKS_MAX = 20_000
"""Members and items examined per message; 64 kB of JSON has fewer. Two lists searched for each other's items could be
examined a thousand million times."""
LETTERS_A_LOOK = 20
"""Characters of an embedded JSON string that cost as much as one step."""
_DIRT = "".join(map(chr, range(33))) + "\x7f\ufeff\ufffd"
"""Stripped at both ends: control characters, white space, a byte order mark."""
_TOKEN = re.compile(
    r""""(?:[^"\\]|\\.)*+(?:"|\\?\Z)|'(?:[^'\\]|\\.)*+(?:'|\\?\Z)|[^\s"{}\[\],:]+|,(?=\s*+[}\]])""", re.DOTALL
)
"""A string in either kind of quotes, perhaps without its end; a bare word; a trailing comma.

Nothing is examined twice: otherwise one message could hold the interpreter, and with it an alarm, for a minute.
"""
_BARE = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?|true|false|null")
"""JSON values without quotes."""
_PYTHON = {"True": "true", "False": "false"}
_NO_NUMBER = re.compile(r"[-+]?(?:nan(?:\(\w*\))?|inf(?:inity)?)|none|undefined|null", re.IGNORECASE)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?")
"""A number as in JSON; `007` is a string."""
_INDEX = re.compile("[0-9]{1,5}")
_LENIENT = json.JSONDecoder(strict=False)

Bound = Mapping[int, Any]
"""The item or member that each `*` of a path matched, by the position of its step."""


class NotUnderstoodError(ValueError):
    """A payload does not match the settings."""


def is_clean(payload: bytes) -> bool:
    """Whether a payload is UTF-8 without control characters other than white space."""
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter.isspace() for letter in text)


def text_of(payload: bytes) -> str:
    """Return the text of a payload, without invisible characters at its ends. Never raises."""
    if payload.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = payload.decode("utf-16", "replace")
    else:
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            text = payload.decode("latin-1")  # every byte is a character in it
    return text.replace("\x00", "").strip(_DIRT)


def json_of(payload: bytes) -> Any:
    """Return the JSON of a payload as Python values, ignoring what follows it. Raises NotUnderstoodError."""
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        found = _LENIENT.raw_decode(_TOKEN.sub(_mended, text_of(payload)))[0]
    except (ValueError, RecursionError) as error:
        raise NotUnderstoodError("not JSON") from error
    if not isinstance(found, dict | list):
        raise NotUnderstoodError("not JSON")
    return found


def _mended(found: re.Match[str]) -> str:
    """A piece of a message as valid JSON: literals that C, Python and JavaScript print get their meaning."""
    word = found[0]
    if word[0] == '"' or _BARE.fullmatch(word):
        return word
    if word == ",":
        return ""
    if word in _PYTHON:
        return _PYTHON[word]
    if _NO_NUMBER.fullmatch(word):
        return "null"
    return json.dumps(word[1:-1].replace("\\'", "'") if word[0] == "'" == word[-1] else word)


class Reader:
    """Looks up paths in the JSON of one message. One thread."""

    def __init__(self, body: Any) -> None:
        self._body, self._looks = body, 0

    def all(self, path: str, like: str = "", bound: Bound | None = None) -> Iterator[tuple[Any, Bound]]:
        """Yield every value at a path, and what each `*` matched; an empty path is nowhere.

        As far as the path begins like `like`, its `*` match the same items: those in `bound`. Raises NotUnderstoodError
        when LOOKS_MAX is reached.
        """
        steps, fixed = path.split("."), {}
        for place, (step, other) in enumerate(zip(steps, like.split("."), strict=False)):
            if step != other:
                break
            if step == ANY and bound is not None and place in bound:
                fixed[place] = bound[place]
        return self._walk(self._body, steps, 0, fixed) if path else iter(())

    def first(self, path: str, like: str, bound: Bound) -> Any:
        """Return the first value at a path, as `all` finds it; None: there is none."""
        return next((value for value, _ in self.all(path, like, bound)), None)

    def _walk(self, node: Any, steps: list[str], place: int, bound: dict[int, Any]) -> Iterator[tuple[Any, Bound]]:
        self._looks += 1
        if self._looks > LOOKS_MAX:
            raise NotUnderstoodError(f"its lists are too long: more than {LOOKS_MAX} values to look at")
        if place == len(steps):
            yield node, bound
            return
        step = steps[place]
        if isinstance(node, str) and node.lstrip()[:1] in {"{", "["}:
            node = self._packed(node)
        if step == ANY:
            for key in self._keys(node, place, bound):
                yield from self._walk(node[key], steps, place + 1, {**bound, place: key})
        elif isinstance(node, dict):
            for end in range(place + 1, len(steps) + 1):
                name = ".".join(steps[place:end])
                if name in node:
                    yield from self._walk(node[name], steps, end, bound)
        elif isinstance(node, list) and _INDEX.fullmatch(step) and int(step) < len(node):
            yield from self._walk(node[int(step)], steps, place + 1, bound)

    def _packed(self, text: str) -> Any:
        """The content of a string that is itself JSON, such as ChirpStack 3's `objectJSON`."""
        self._looks += len(text) // LETTERS_A_LOOK
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None

    def _keys(self, node: Any, place: int, bound: Bound) -> Iterator[Any]:
        if not isinstance(node, dict | list):
            return
        keys = node if isinstance(node, dict) else range(len(node))
        if place not in bound:
            yield from keys
        elif bound[place] in keys:
            yield bound[place]


def scalar(value: Any) -> str | None:
    """Return a single value as in JSON, a string without its quotes; None for an object, a list and null."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def same(value: str, wanted: str) -> bool:
    """Whether a value is the configured one: identical, or the same number (1 and 1.0)."""
    if value == wanted or value.strip(_DIRT) == wanted:
        return True
    return bool(_NUMBER.fullmatch(value) and _NUMBER.fullmatch(wanted)) and float(value) == float(wanted)
