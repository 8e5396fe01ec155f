"""What the files of a recording are called: one place, for who writes, deletes, hands out and inspects."""

from __future__ import annotations

import re

from hardware.ports import Track

TRACKS: tuple[Track, ...] = ("audio", "video")
ID = re.compile(r"[0-9a-f]{32}\Z")
"""A recording's name; a directory with another one is none of ours."""
SEGMENT = re.compile(r"\d{6,}\.ts\.age\Z")
ENVELOPE = re.compile(r"(audio|video)\.\d+\.key\.age\Z")
RECORDS = ("begin.json.sig", "chain.jsonl", "end.json", "SHA256SUMS", "SHA256SUMS.sig", "begin.json")
"""Removed in this order: as long as begin.json is there, the directory is a recording, and found again."""


def shown(name: str) -> str:
    """A name that somebody else gave, fit for a line of text: what does not print is written as its escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
