# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the files of a recording are called: one place, for who writes, deletes, hands out and inspects."""

from __future__ import annotations

import re

from hardware.ports import Track

TRACKS: tuple[Track, ...] = ("audio", "video")
ID = re.compile(r"[0-9a-f]{32}\Z")
"""A recording's name; a directory with another one is none of ours."""
SEGMENT = re.compile(r"([0-9]{6}|[1-9][0-9]{6,})\.ts\.age\Z")
ENVELOPE = re.compile(r"(audio|video)\.(0|[1-9][0-9]*)\.key\.age\Z")
"""A number has one spelling: with two, a second file could pass for one that the chain names."""
RECORDS = ("begin.json.sig", "chain.jsonl", "end.json", "SHA256SUMS", "SHA256SUMS.sig", "begin.json")
"""Removed in this order: as long as begin.json is there, the directory is a recording, and found again."""
