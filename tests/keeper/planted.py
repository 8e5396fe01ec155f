# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Forty things that can be wrong with a store, each planted in one place, with where and in which words it is found."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from daemon import records
from daemon.keeper.store import H_NS
from daemon.sign import make_key, sign
from tests.keeper.vaults import rewrite

A, B = "a" * 32, "b" * 32
"""Recordings of a vault: everything is planted in B."""


def flip(path: Path, at: int = -1) -> None:
    """Changes one bit; the file's mode and time stay."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.chmod(0o640)
    path.write_bytes(bytes(data))


def cut(path: Path, count: int) -> None:
    path.chmod(0o640)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - count)


def change_chain(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    lines = (path / "chain.jsonl").read_bytes().splitlines(keepends=True)
    (path / "chain.jsonl").write_bytes(b"".join(change(lines)))


def no_file(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def as_link(path: Path) -> None:
    elsewhere = path.parents[5] / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def as_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def resign(path: Path, store: Path) -> None:
    """Signed again, properly, by a key that is not this unit's."""
    make_key(store / "other", "another unit")
    (path / "SHA256SUMS.sig").unlink()
    (path / "SHA256SUMS.sig").write_bytes(sign((path / "SHA256SUMS").read_bytes(), store / "other"))
    for name in ("other", "other.pub", "allowed_signers"):
        (store / name).unlink()


SEG = "video/000002.ts.age"
PLANTED: dict[str, tuple[Callable[[Path, Path], object], str, str]] = {
    # name: what is planted (recording, store), where it is found, in which words
    "truncated segment": (lambda r, _: cut(r / SEG, 10), f"{B}/{SEG}", "changed or cut off"),
    "changed segment": (lambda r, _: flip(r / SEG), f"{B}/{SEG}", "changed or cut off"),
    "empty segment": (lambda r, _: cut(r / SEG, (r / SEG).stat().st_size), f"{B}/{SEG}", "changed or cut off"),
    "missing segment": (lambda r, _: (r / SEG).unlink(), f"{B}/{SEG}", "is missing"),
    "extra segment": (lambda r, _: shutil.copy(r / SEG, r / "video/000009.ts.age"),
        f"{B}/video/000009.ts.age", "in no line"),
    "segment that is a link": (lambda r, _: as_link(r / SEG), f"{B}/{SEG}", "is a link"),
    "segment that is a directory": (lambda r, _: as_directory(r / SEG), f"{B}/{SEG}", "is no file"),
    "segment that is a pipe": (lambda r, _: no_file(r / SEG), f"{B}/{SEG}", "is no file"),
    "segment of a clear film": (lambda r, _: (r / "audio/000004.ts.age").write_bytes(b"G" * 188),
        f"{B}/audio/000004.ts.age", "not sealed"),
    "foreign file": (lambda r, _: (r / "notes.txt").write_text("x"), f"{B}/notes.txt", "is foreign"),
    "foreign file in a track": (lambda r, _: (r / "audio/holiday.jpg").write_text("x"),
        f"{B}/audio/holiday.jpg", "is foreign"),
    "foreign directory": (lambda r, _: (r / "thumbnails").mkdir(), f"{B}/thumbnails", "is foreign"),
    "absurd name": (lambda r, _: (r / "video/\udcff\n;rm -rf.ts.age").write_text("x"),
        f"{B}/video/\\udcff\\n;rm -rf.ts.age", "is foreign"),
    "left over from a write": (lambda r, _: (r / "video/000009.ts.age.tmp").write_text("x"),
        f"{B}/video/000009.ts.age.tmp", "is foreign"),
    "missing envelope": (lambda r, _: (r / "audio.0.key.age").unlink(), f"{B}/audio.0.key.age", "is missing"),
    "changed envelope": (lambda r, _: flip(r / "audio.0.key.age"), f"{B}/audio.0.key.age", "SHA256SUMS says"),
    "extra envelope": (lambda r, _: shutil.copy(r / "audio.0.key.age", r / "audio.1.key.age"),
        f"{B}/audio.1.key.age", "is not in SHA256SUMS"),
    "changed chain line": (lambda r, _: change_chain(r, lambda lines: [lines[0].replace(b"25,", b"24,"), *lines[1:]]),
        f"{B}/chain.jsonl", "line 1 does not follow"),
    "chain without a line": (lambda r, _: change_chain(r, lambda lines: [*lines[:3], *lines[4:]]),
        f"{B}/chain.jsonl", "line 3 does not follow"),
    "chain with lines swapped": (lambda r, _: change_chain(r, lambda lines: [lines[1], lines[0], *lines[2:]]),
        f"{B}/chain.jsonl", "line 0 does not follow"),
    "chain without its end": (lambda r, _: change_chain(r, lambda lines: lines[:-1]),
        f"{B}/chain.jsonl", "does not end as end.json says"),
    "torn end of a chain": (lambda r, _: cut(r / "chain.jsonl", 5), f"{B}/chain.jsonl", "is cut off"),
    "chain that is noise": (lambda r, _: (r / "chain.jsonl").write_bytes(b"\xff[[[\n" * 20),
        f"{B}/chain.jsonl", "is no line of a chain"),
    "missing chain": (lambda r, _: (r / "chain.jsonl").unlink(), f"{B}/chain.jsonl", "is missing"),
    "changed begin.json": (lambda r, _: rewrite(r, pre_event_s=9.0), f"{B}/begin.json", ""),
    "bad signature of begin.json": (lambda r, _: flip(r / "begin.json.sig", 60),
        f"{B}/begin.json.sig", "SHA256SUMS says"),
    "bad signature of the sums": (lambda r, _: flip(r / "SHA256SUMS.sig", 60),
        f"{B}/SHA256SUMS.sig", "no signature of this unit"),
    "another unit's signature": (resign, f"{B}/SHA256SUMS.sig", "no signature of this unit"),
    "missing signature": (lambda r, _: (r / "SHA256SUMS.sig").unlink(), f"{B}/SHA256SUMS.sig", "is missing"),
    "missing sums": (lambda r, _: (r / "SHA256SUMS").unlink(), f"{B}/SHA256SUMS", "never closed"),
    "missing end.json": (lambda r, _: (r / "end.json").unlink(), f"{B}/end.json", ""),
    "end.json of another": (lambda r, _: shutil.copy(r.parent / A / "end.json", r / "end.json"),
        f"{B}/end.json", "another recording's"),
    "no begin.json": (lambda r, _: (r / "begin.json").unlink(), B, "no begin.json"),
    "begin.json of another": (lambda r, _: shutil.copy(r.parent / A / "begin.json", r / "begin.json"),
        B, "no begin.json"),
    "begin.json from the future": (lambda r, _: rewrite(r, at_boot_ns=9_000 * H_NS),
        B, "ahead of the unit's clock"),
    "begin.json with a term of years": (lambda r, _: rewrite(r, tracks={"audio": records.TrackBegin(0, 0, 99_999)}),
        B, "a term of 99999 hours"),
    "foreign file among recordings": (lambda r, _: (r.parent / "holiday.jpg").write_text("x"),
        "holiday.jpg", "no begin.json"),
    "recording that is a link": (lambda r, _: (r.parent / ("e" * 32)).symlink_to(r), "e" * 32, "no begin.json"),
    "directory without a recording": (lambda r, _: (r.parent / ("e" * 32)).mkdir(), "e" * 32, "no begin.json"),
    "foreign file in the store": (lambda _, s: (s / "backup.zip").write_text("x"),
        "../backup.zip", "is foreign"),
    "foreign file among holds": (lambda _, s: (s / "holds/notes.txt").write_text("x"),
        "../holds/notes.txt", "is foreign"),
}  # fmt: skip
"""Each with the one place where it is found; a place that begins with ../ lies beside the recordings."""
