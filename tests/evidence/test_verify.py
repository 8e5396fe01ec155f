# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A copy on a custodian's computer: whole or not, from the unit or not, whatever its bytes are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import records, sign
from daemon.errors import StoreError
from daemon.evidence.export import README
from daemon.evidence.source import sources
from daemon.evidence.verify import Verdict, verify
from daemon.inspection import files
from daemon.inspection.files import SEALED, Seen
from daemon.inspection.judge import Expected, Found, judge
from daemon.loglines import Line
from daemon.texts import shown
from tests.evidence.made import NS, Holders, Unit
from tests.keeper.planted import PLANTED

A, B = "a" * 32, "b" * 32


class Made:
    """Two recordings of one unit."""

    def __init__(self, home: Path) -> None:
        self.unit, self.holders = Unit(home / "unit"), Holders(home / "holders")
        for name in (A, B):
            self.unit.record(name, self.holders, seconds=4, holes={2: "unplugged"})
        self.keys = sign.public_keys(self.unit.signers, sign.RECORDINGS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Made once."""
    return Made(tmp_path_factory.mktemp("made"))


@pytest.fixture
def copy(made: Made, tmp_path: Path) -> Path:
    """A copy of the second recording, with the other beside it."""
    shutil.copytree(made.unit.store, tmp_path / "stick")
    return tmp_path / "stick" / B


def one(copy: Path, keys: tuple[str, ...] = ()) -> Verdict:
    """The verdict over the only recording there."""
    (source,) = sources(copy)
    return verify(source, keys).verdict


def as_zip(path: Path, to: Path) -> Path:
    """An uncompressed zip, as `evidence export` makes it."""
    with zipfile.ZipFile(to, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(path.rglob("*")):
            if file.is_file():
                archive.write(file, f"{path.name}/{file.relative_to(path)}")
    return to


def test_two_answers_apart(made: Made, copy: Path, tmp_path: Path) -> None:
    """K5: without a key that opens: whole, and from the unit by the keys that were given; without any, the fingerprint
    of the key that signed, as ssh-keygen prints it; signed by another unit, it is whole and not from this one.
    """
    verdict = one(copy, made.keys)
    assert (verdict.whole, verdict.unit, verdict.faults, verdict.simulated) == (True, "yes", (), False)
    assert [(gap.track, gap.from_s, gap.to_s, gap.reason) for gap in verdict.gaps] == [("video", -1, 0, "unplugged")]
    assert verdict.frames == {"video": 75, "audio": 186}
    printed = subprocess.run(["ssh-keygen", "-lf", f"{made.unit.key}.pub"], capture_output=True, text=True, check=True)
    assert one(copy).unit == "unknown"
    assert one(copy).fingerprint == printed.stdout.split()[1]
    other = Unit(tmp_path / "other")
    assert one(copy, sign.public_keys(other.signers, sign.RECORDINGS)).unit == "no"
    assert one(copy, sign.public_keys(other.signers, sign.RECORDINGS)).whole


def test_without_files_in_memory(made: Made, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K5: a system that has no memory files and none of Linux's flags gives the same two answers."""
    wanted = one(copy, made.keys)
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.delattr(os, "posix_fadvise")
    monkeypatch.setattr(files, "NO_MARK", 0)
    assert one(copy, made.keys) == wanted
    (copy / "SHA256SUMS.sig").unlink()
    shutil.copy(copy / "begin.json.sig", copy / "SHA256SUMS.sig")
    assert one(copy, made.keys).unit == "no"


def test_a_zip_says_what_its_directory_says(made: Made, copy: Path, tmp_path: Path) -> None:
    """K5: the same verdict from a zip, for the whole and for the damaged."""
    assert one(as_zip(copy, tmp_path / "whole.zip"), made.keys) == one(copy, made.keys)
    (copy / "video/000001.ts.age").unlink()
    verdict = one(as_zip(copy, tmp_path / "damaged.zip"), made.keys)
    assert verdict == one(copy, made.keys)
    assert (verdict.whole, verdict.unit) == (False, "yes")


HERE = [name for name, (_, where, _) in PLANTED.items() if where.startswith(f"{B}/")]
BENEATH = {"changed begin.json", "segment of a clear film", "absurd name"}
"""Planted for recordings of another length, or not fit for a file system of today."""


@pytest.mark.parametrize("what", sorted(set(HERE) - BENEATH))
def test_every_planted_damage_is_said(made: Made, copy: Path, what: str) -> None:
    """K5, K7: what the unit's own walk over its store names is named on any other computer, in the same words."""
    plant, where, words = PLANTED[what]
    plant(copy, copy.parent)
    verdict = one(copy, made.keys)
    named = {finding.path: finding.what for finding in (*verdict.faults, *verdict.doubts)}
    place = where.removeprefix(f"{B}/")
    assert words in named[place]
    assert not verdict.whole or verdict.unit == "no"


def test_what_was_deleted_on_time_is_no_fault_with_its_receipt(made: Made, copy: Path) -> None:
    """K3, K5: sound whose deletion the sheet tells is not missed; without the sheet it is; a receipt for what is there
    is a fault too, and one for another recording is none.
    """
    receipt = {"n": 7, "at_wall_ns": NS, "event": "deleted", "recording_id": B, "track": "audio"}
    sheet = copy.parent / f"{B}.json"
    sheet.write_text(json.dumps({"recording_id": B, "audit_lines": [json.dumps(receipt), "{", "7"]}))
    assert "is there although the audio" in one(copy, made.keys).faults[0].what
    shutil.rmtree(copy / "audio")
    (copy / "audio.0.key.age").unlink()
    verdict = one(copy, made.keys)
    assert (verdict.whole, verdict.unit, verdict.deleted["audio"].line) == (True, "yes", 7)
    sheet.write_text(json.dumps({"recording_id": A, "audit_lines": [json.dumps(receipt)]}))
    assert not one(copy, made.keys).whole


def test_a_simulated_recording_says_so(made: Made, tmp_path: Path) -> None:
    """H3: what simulated devices made is named as no evidence, by its signed begin."""
    unit = Unit(tmp_path / "sim")
    unit.record(A, made.holders, seconds=2, simulated=True)
    assert one(unit.store / A).simulated


Spoil = Callable[[zipfile.ZipFile], object]


def _link(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo(f"{B}/end.json")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    archive.writestr(info, "/etc/passwd")


REFUSED: dict[str, tuple[Spoil, str]] = {
    "a way out": (lambda z: z.writestr("../../etc/cron.d/x", "x"), "leads out of it"),
    "an absolute name": (lambda z: z.writestr("/etc/passwd", "x"), "leads out of it"),
    "a backslash": (lambda z: z.writestr("..\\x", "x"), "leads out of it"),
    "a dot": (lambda z: z.writestr(f"{B}/./begin.json", "x"), "leads out of it"),
    "a link": (_link, "is a link"),
    "a bomb": (lambda z: z.writestr(f"{B}/x", bytes(10_000_000), zipfile.ZIP_DEFLATED), "is compressed"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_hostile_zip_is_refused_as_a_whole(what: str, copy: Path, tmp_path: Path) -> None:
    """K5: names that lead out, links, bombs: one sentence, nothing read, nothing written."""
    spoil, words = REFUSED[what]
    if what == "a link":
        (copy / "end.json").unlink()
    path = as_zip(copy, tmp_path / "x.zip")
    with zipfile.ZipFile(path, "a") as archive:
        spoil(archive)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StoreError, match=words):
        sources(path)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(copy: Path, tmp_path: Path) -> None:
    """K5: two programs could see two recordings in such a zip."""
    path = as_zip(copy, tmp_path / "x.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{B}/end.json", "{}")
    with pytest.raises(StoreError, match="is in it twice"):
        sources(path)


def test_what_a_zip_says_of_its_files_decides_nothing(made: Made, copy: Path, tmp_path: Path) -> None:
    """K5: a checksum of the zip's own that was changed changes no answer, SHA-256 decides; a name that stands otherwise
    before its file is refused, and an encryption that nobody knows is one sentence. Found by fuzzing.
    """
    path = as_zip(copy, tmp_path / "x.zip")
    data, name = path.read_bytes(), f"{B}/begin.json".encode()
    central, local = data.rfind(b"PK\1\2", 0, data.rfind(name)), data.find(b"PK\3\4")

    def changed(at: int, value: int) -> Path:
        path.write_bytes(data[:at] + bytes([value]) + data[at + 1 :])
        return path

    assert one(changed(central + 16, data[central + 16] ^ 1), made.keys).whole
    with pytest.raises(StoreError, match="is not where its directory says"):
        sources(changed(local + 30, ord("x")))
    with pytest.raises(StoreError, match="is locked with a password"):
        sources(changed(central + 8, 0x41))


@pytest.mark.parametrize("name", ["audio/0000000.ts.age", "audio/\u0660\u0660\u0660\u0660\u0660\u0660.ts.age",
                                  "audio.00.key.age", "begin.json\nend.json"])  # fmt: skip
def test_a_name_has_one_spelling(name: str, copy: Path) -> None:
    """K5: a number with one nought more or in other digits, a line end in a name: foreign, whatever sums a stranger
    wrote over it, for LEESMIJ's own commands too.
    """
    (copy / name).write_bytes((copy / "audio/000000.ts.age").read_bytes())
    paths = sorted(str(file.relative_to(copy)) for file in copy.rglob("*") if file.is_file())
    sums = "".join(
        f"{records.sha256((copy / one).read_bytes())}  {one}\n" for one in paths if not one.startswith("SHA256SUMS")
    )
    (copy / "SHA256SUMS").unlink()
    (copy / "SHA256SUMS").write_text(sums)
    assert "is foreign" in {fault.path: fault.what for fault in one(copy).faults}[shown(name)]
    script = README.read_text(encoding="utf-8").split("---- check.sh ----\n")[1].split("---- end of")[0]
    done = subprocess.run(["sh", "-s", str(copy)], input=script, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("foreign: "), done.stdout


def test_what_is_no_recording_is_said(tmp_path: Path) -> None:
    """K5: nothing, an empty directory, half a zip: a sentence that names the file."""
    (tmp_path / "half.zip").write_bytes(b"PK\3\4" * 20)
    with pytest.raises(StoreError, match=r"half\.zip: is no zip"):
        sources(tmp_path / "half.zip")
    with pytest.raises(StoreError, match="holds no recording"):
        sources(tmp_path)
    with pytest.raises(StoreError, match="is not there"):
        sources(tmp_path / "nothing")


@pytest.mark.skipif(os.geteuid() != 0, reason="a pipe among the files")
def test_a_link_beside_is_not_followed(made: Made, copy: Path, tmp_path: Path) -> None:
    """K5: a sheet that is a link to somewhere else gives no receipt."""
    (tmp_path / "elsewhere").write_text("{}")
    (copy.parent / f"{B}.json").symlink_to(tmp_path / "elsewhere")
    assert one(copy, made.keys).deleted == {}


# --- the pure reader ------------------------------------------------------------------------------------------------

NAMES = ("begin.json", "begin.json.sig", "chain.jsonl", "end.json", "SHA256SUMS", "SHA256SUMS.sig",
         "video.0.key.age", "video/000000.ts.age", "audio/000000.ts.age")  # fmt: skip


def seen(data: bytes) -> Seen:
    """As a reader would."""
    return Seen(len(data), records.sha256(data), data.startswith(SEALED))


def found_in(files: dict[str, bytes]) -> Found:
    """A recording out of bytes alone."""
    raw = files.get("chain.jsonl", b"").splitlines(keepends=True)
    lines = [Line(line, records.sha256(line), "", len(line), line.endswith(b"\n")) for line in raw]
    whole = {name: data for name, data in files.items() if "/" not in name and not name.endswith(".age")}
    return Found(B, {name: seen(data) for name, data in files.items()}, whole, lines)


@pytest.fixture(scope="module")
def contents(made: Made) -> dict[str, bytes]:
    """The files of the second recording."""
    path = made.unit.store / B
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


@given(data=st.data())
def test_noise_is_never_whole(data: st.DataObject) -> None:
    """K5: any bytes under any of the names: findings, never an error, never whole."""
    files = data.draw(st.dictionaries(st.sampled_from(NAMES), st.binary(max_size=200)))
    assert judge(found_in(files), Expected(), None).findings


@given(data=st.data())
def test_no_change_of_any_byte_stays_whole(contents: dict[str, bytes], data: st.DataObject) -> None:
    """K5: a bit, a cut, an exchange of two files, a doubled line, a foreign name in any file of a real recording."""
    files = dict(contents)
    name = data.draw(st.sampled_from(sorted(set(files) - {"SHA256SUMS.sig"})))
    kind = data.draw(st.sampled_from(["bit", "cut", "add", "drop", "swap", "line"]))
    at = data.draw(st.integers(0, len(files[name]) - 1))
    if kind == "bit":
        files[name] = files[name][:at] + bytes([files[name][at] ^ 1 << at % 8]) + files[name][at + 1 :]
    elif kind == "cut":
        files[name] = files[name][:at]
    elif kind == "add":
        files[name] += data.draw(st.binary(min_size=1, max_size=9))
    elif kind == "drop":
        del files[name]
    elif kind == "line":
        lines = files[name].splitlines(keepends=True)
        files[name] = b"".join([*lines, lines[at % len(lines)]])
    else:
        other = data.draw(st.sampled_from(sorted(set(files) - {name, "SHA256SUMS.sig"})))
        files[name], files[other] = files[other], files[name]
    assert not judge(found_in(contents), Expected(), None).findings
    assert judge(found_in(files), Expected(), None).findings


def test_a_verdict_can_be_written(made: Made, copy: Path) -> None:
    """H2: a machine reads what a person reads."""
    assert json.loads(msgspec.json.encode(one(copy, made.keys)))["unit"] == "yes"
