# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Hostile zips at both readers of a copy."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evidence import fuzz, fuzz_records
from tests.evidence.test_verify import B


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[fuzz.Bench]:
    """Made once."""
    made = fuzz.Bench(tmp_path_factory.mktemp("fuzz"))
    yield made
    made.close()


def test_both_readers_see_one_recording(bench: fuzz.Bench) -> None:
    """K5: 200 mutations of a zip: no reader fails, neither sees what the other does not, nothing changed is whole;
    `make evidence-fuzz` makes twenty thousand. The judge survives 300 sets of changed files.
    """
    assert bench.wrong(bench.data) == ""
    wrong, seen = fuzz.run(bench, 200, seed=15)
    assert wrong == []
    assert {"refused", "not whole"} <= seen.keys()
    assert fuzz.judged(bench, 300, seed=15) == []


def test_both_judges_read_the_same_json(tmp_path: Path) -> None:
    """K5: 60 records whose JSON two programs could read in two ways, with half surrogates, whole numbers with a point,
    depths that exhaust a stack, in a chain that fits: command and page have the same findings, word for word.
    """
    assert fuzz_records.run(tmp_path / "records", 60, seed=15) == []


def test_a_zip_is_no_more_than_its_bytes(bench: fuzz.Bench) -> None:
    """K5: files that lie over each other, a thousand times the zip's own size: refused by both before they are read."""
    path = bench.home / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{B}/begin.json", bytes(100_000))
        for n in range(20):
            archive.writestr(f"{B}/video/{n:06d}.ts.age", b"x")
    data = bytearray(path.read_bytes())
    at = data.find(fuzz.ENTRY)
    for _ in range(20):
        at = data.find(fuzz.ENTRY, at + 1)
        (local,) = struct.unpack_from("<I", data, at + 42)
        size = len(data) - local - 100
        struct.pack_into("<II", data, at + 20, size, size)
    path.write_bytes(data)
    assert "overlap" in str(bench.command(path)["refused"])
    assert bench.page.read(path) == {"refused": "zip-overlap"}


def test_two_ends_are_refused(bench: fuzz.Bench) -> None:
    """K5: a comment that holds another end, more files in the directory than its end says: two programs could see two
    recordings in it, and both refuse.
    """
    end = bench.data.rfind(fuzz.END)
    comment = bench.data[:end] + bench.data[end : end + 20] + (22).to_bytes(2, "little") + bench.data[end:]
    fewer = bytearray(bench.data)
    count = int.from_bytes(fewer[end + 10 : end + 12], "little") - 1
    fewer[end + 8 : end + 12] = count.to_bytes(2, "little") * 2
    for data in (comment, bytes(fewer), bench.data + b"x"):
        path = bench.home / "ends.zip"
        path.write_bytes(data)
        assert "refused" in bench.command(path)
        assert "refused" in bench.page.read(path)
