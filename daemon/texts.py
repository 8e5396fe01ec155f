# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Texts from elsewhere: as saved by Windows, and made fit for a line on a terminal. Pure."""

from __future__ import annotations


def plain(data: bytes) -> bytes:
    """A text in UTF-8 without a byte order mark: Windows' Notepad also saves UTF-16, and marks both."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace").encode(errors="replace")
    return data.removeprefix(b"\xef\xbb\xbf")


def shown(name: str) -> str:
    """A foreign name, fit for a line of text: unprintable characters are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
