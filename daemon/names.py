# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""File names of a recording, in one place for all who write, delete, hand out and inspect them."""

from __future__ import annotations

import re

from hardware.ports import Track

TRACKS: tuple[Track, ...] = ("audio", "video")
ID = re.compile(r"[0-9a-f]{32}\Z")
"""A recording's name; a directory with any other name is not ours."""
SEGMENT = re.compile(r"([0-9]{6}|[1-9][0-9]{6,})\.ts\.age\Z")
ENVELOPE = re.compile(r"(audio|video)\.(0|[1-9][0-9]*)\.key\.age\Z")
"""A number has one spelling: otherwise a second file could pass for one named in the chain."""
RECORDS = ("begin.json.sig", "chain.jsonl", "end.json", "SHA256SUMS", "SHA256SUMS.sig", "begin.json")
"""Deleted in this order: as long as begin.json exists, the directory is a recording, and is found again."""
