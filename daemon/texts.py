# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Texts that somebody else wrote: read as Windows saved them, and fit for a line on a terminal. Pure."""

from __future__ import annotations


def plain(data: bytes) -> bytes:
    """A text that somebody handed in, in UTF-8 without a mark: Windows' Notepad saves UTF-16 too, and marks both."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace").encode(errors="replace")
    return data.removeprefix(b"\xef\xbb\xbf")


def shown(name: str) -> str:
    """A name that somebody else gave, fit for a line of text: what does not print is written as its escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
