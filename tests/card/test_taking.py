# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A card with a settings file: taken whole or not at all, with an answer in either case."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import cardstate, config
from daemon.card import sheet
from daemon.card.place import WIPED
from daemon.card.sheet import ANSWER, NAME
from daemon.config import load
from tests.card.sheets import Bench, Files, good, policy
from tests.certificates import UNIT as UNIT_NAME
from tests.disks import fill, small_disk

UTF16 = good().encode("utf-16")
WHOLE = good()


def test_a_good_file_is_taken_and_each_line_of_it_told(bench: Bench) -> None:
    """H2, issue 14: settings and policy as they stand in the file, the policy byte for byte; certificates by name; the
    answer has each setting with its line.
    """
    bench.put()
    state = bench.start()
    settings = load(bench.paths.etc)
    assert (state.refused, settings.unit.name()) == ("", UNIT_NAME)
    assert settings.policy_sha256 == hashlib.sha256(policy().encode()).hexdigest()
    assert settings.unit.broker.tls is not None
    assert Path(settings.unit.broker.tls.key).read_bytes() == bench.files.unit.key.read_bytes()
    assert [mobile.name for mobile in settings.unit.mobile] == ["hal-1", "hal-2"]
    said = bench.answer()
    assert "OVERGENOMEN" in said
    lines = WHOLE.splitlines()
    for key, value in (("room", '"spreekkamer-1"'), ("buttons.record.pin", "6"), ("mobile[1].name", '"hal-2"')):
        found = re.search(rf"regel (\d+): {re.escape(key)} = {re.escape(value)}$", said, re.MULTILINE)
        assert found is not None, key
        assert lines[int(found[1]) - 1] == f"{re.split(r'[.]', key)[-1]} = {value}"
    assert settings.policy_sha256 in said


def test_a_key_is_wiped_from_the_card_and_in_no_answer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """K5, issue 14: once the unit has it, a private key is overwritten and removed; certificates stay. The answer says
    what flash does not promise.
    """
    bench.put()
    (bench.boot / "unit.key").rename(bench.boot / "UNIT.KEY")  # as a camera or an old PC writes names
    at_the_end: list[bytes] = []
    unlink = os.unlink

    def watched(path: str, *args: object, **kwargs: object) -> None:
        if Path(path).name == f"UNIT.KEY{WIPED}":
            at_the_end.append(Path(path).read_bytes())
        unlink(path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "unlink", watched)
    bench.start()
    key = bench.files.unit.key.read_bytes()
    assert len(at_the_end) == 1
    assert len(at_the_end[0]) == len(key)
    assert not set(key.splitlines()[1:-1]) & set(at_the_end[0].splitlines()), "it was overwritten before it went"
    assert {path.name for path in bench.boot.iterdir()} == {ANSWER, NAME, "ca.crt", "unit.crt"}
    said = bench.answer()
    assert "UNIT.KEY: op de kaart overschreven en verwijderd" in said
    assert "flashkaart" in said
    assert all(line not in said for line in key.decode().splitlines())


def test_twice_the_same_changes_nothing(works: Bench) -> None:
    """Issue 14: the same file at the next start, its key wiped by now, is no change and no fault."""
    before = works.everything()
    assert works.start().refused == ""
    assert "ONVERANDERD" in works.answer()
    assert works.everything() == before


def test_what_an_engineer_edited_since_is_not_undone(works: Bench) -> None:
    """Issue 14: a file that was taken once is not taken again over what was edited on the unit."""
    edited = (works.paths.etc / "unit.toml").read_text().replace("pin = 6", "pin = 22")
    (works.paths.etc / "unit.toml").write_text(edited)
    works.start()
    assert (works.paths.etc / "unit.toml").read_text() == edited
    (works.paths.etc / "unit.toml").unlink()
    works.start()
    assert load(works.paths.etc).unit.buttons.record is not None, "what is gone is taken again"


def test_a_renewed_certificate_comes_by_the_same_file(works: Bench) -> None:
    """A7: new certificates beside an unchanged settings file are taken, and their key is wiped."""
    works.put_pair(works.files.renewed)
    works.start()
    assert "OVERGENOMEN" in works.answer()
    assert works.settings()["tls/unit.key"] == works.files.renewed.key.read_bytes()
    assert not (works.boot / "unit.key").exists()


def test_a_change_needs_no_key_again(works: Bench) -> None:
    """Issue 14: a changed settings file names certificates that the unit has by now: they stay."""
    works.put(WHOLE.replace("pin = 6", "pin = 22"), files=False)
    assert works.start().refused == ""
    button = load(works.paths.etc).unit.buttons.record
    assert button is not None
    assert button.pin == 22


def test_without_a_file_the_card_says_so(bench: Bench) -> None:
    """Issue 14: after every start there is an answer, also on a bare card: nothing works yet, and it says so."""
    bench.start()
    said = bench.answer()
    assert "GEEN NIEUWE INSTELLINGEN" in said
    assert "de alarmknop werkt nog NIET" in said
    assert bench.everything() == {}, "no key without a unit's name"


REFUSED = {
    "empty": (b"", "leeg of half gekopieerd"),
    "zeros, as FAT leaves a copy that was cut off": (bytes(4096), "leeg of half gekopieerd"),
    "half": (WHOLE[: len(WHOLE) // 2].encode(), "half gekopieerd"),
    "half, then zeros": (WHOLE.encode()[:2000] + bytes(2096), "zero byte"),
    "cut between two tables": (WHOLE.partition("[[mobile]]")[0].encode(), "half gekopieerd"),
    "doubled": ((WHOLE + WHOLE).encode(), "twice"),
    "doubled, but for its tables": (f'{WHOLE}room = "spreekkamer-1"\n'.encode(), "[end]"),
    "a picture": (b"\xff\xd8\xff\xe0\x00\x10JFIF" * 40, "UTF-8"),
    "another program's": (b'[package]\nname = "x"\n[end]\n', "policy"),
    "an earlier unit.toml": ((config.shipped() / "unit.toml").read_bytes(), "[end]"),
    "Windows-1252": (WHOLE.replace("begane grond", "café").encode("cp1252"), "UTF-8"),
    "UTF-16, half": (UTF16[: len(UTF16) // 2 + 1], "half gekopieerd"),
    "too large": (WHOLE.encode() + b"# " * 200_000, "ten hoogste 262144 bytes"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_is_none_is_refused_in_one_sentence(works: Bench, what: str) -> None:
    """Issue 14, bad input: half-copied, doubled, foreign and badly encoded files change nothing; the answer says why,
    with the line; the alarm process will show that it works by what it had.
    """
    data, wanted = REFUSED[what]
    before = works.everything()
    works.put(data)
    state = works.start()
    said = works.answer()
    assert works.everything() == before
    assert "GEWEIGERD: er is niets overgenomen.\nDe unit werkt met de instellingen die zij had.\n" in said
    reasons = re.findall(r"^- (.*)$", said.partition("GEREED")[0], re.MULTILINE)
    assert len(reasons) == 1, reasons
    assert wanted in reasons[0]
    assert reasons[0].startswith("regel ") or what == "too large"
    assert state.refused.startswith(reasons[0])
    assert (works.boot / "unit.key").exists(), "what was not taken is not wiped"


@pytest.mark.parametrize("encode", ["crlf", "bom", "utf-16", "utf-16-be", "crlf utf-16"])
def test_what_windows_makes_of_a_good_file_is_taken(bench: Bench, encode: str) -> None:
    """Issue 14: Notepad's marks, ends of lines and UTF-16 are read as what they mean; the policy's hash stays."""
    text = WHOLE.replace("\n", "\r\n") if "crlf" in encode else WHOLE
    marks = {"bom": "utf-8-sig", "crlf": "utf-8", "utf-16-be": "utf-16-be"}
    data = text.encode(marks.get(encode, "utf-16"))
    bench.put((b"\xfe\xff" if encode == "utf-16-be" else b"") + data)
    assert bench.start().refused == ""
    assert load(bench.paths.etc).policy_sha256 == hashlib.sha256(policy().encode()).hexdigest()


@given(st.integers(0, len(WHOLE.rstrip()) - 1), st.booleans())
def test_no_part_of_a_file_passes_for_the_whole(at: int, zeros: bool) -> None:  # noqa: FBT001 - hypothesis' own way
    """Issue 14: cut anywhere, with the room that FAT had kept for the rest or without it, a file is refused."""
    found, wrong = sheet.read(WHOLE[:at].encode() + bytes(512 * zeros))
    assert found is None
    assert len(wrong) == 1
    assert "regel" in wrong[0]


JUNK = st.binary(max_size=40) | st.sampled_from([b"[", b"'''", b'"""', b"\r", b"\x1a"])


@given(st.integers(0, len(WHOLE)), st.integers(0, 40), JUNK)
def test_no_bytes_are_more_than_an_answer(at: int, gone: int, instead: bytes) -> None:
    """A2: whatever has become of a file, reading it ends in a sheet, or in sentences of one line each."""
    whole = WHOLE.encode()
    for data in (whole[:at] + instead + whole[at + gone :], instead, instead * 20 + b"\n[end]"):
        found, wrong = sheet.read(data)
        assert (found is None) == bool(wrong)
        assert all("regel" in line and line.isprintable() for line in wrong)
        assert found is None or found.taken()


NAMES = {
    "spreekkamer (1).toml": "2 bestanden",
    "Spreekkamer - kopie.toml": "2 bestanden",
    "spreekkamer.toml.txt": "2 bestanden",
    "spreekamer.toml": "2 bestanden",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_second_file_is_not_chosen_from(works: Bench, name: str) -> None:
    """Issue 14, doubled: two files that may be meant are named, and neither is taken; a name that is nearly right is
    named too, where it stands alone.
    """
    before = works.everything()
    works.put(WHOLE.replace("pin = 6", "pin = 22"))
    (works.boot / name).write_text(WHOLE)
    assert NAMES[name] in works.start().refused
    (works.boot / NAME).unlink()
    assert f"het bestand heet {name}: verwacht {NAME}" in works.start().refused
    assert works.everything() == before
    for noise in ("custom.toml", "config.txt", f"._{NAME}", f"{NAME}~", f".{NAME}.swp", "~$spreekkamer.toml"):
        (works.boot / noise).write_bytes(b"\0\5\26\7")
    (works.boot / name).rename(works.boot / "SPREEKKAMER.TOML")
    assert works.start().refused == "", "what a Mac or an editor leaves is no second file; FAT knows no case"


def test_a_certificate_that_is_named_and_not_there(works: Bench, files: Files) -> None:
    """Issue 14: the answer has the line that names it; the other way round, what does not fit together is refused."""
    before = works.everything()
    works.put(WHOLE.replace('"unit.crt"', '"kamer-1.crt"'))
    assert "dit bestand staat niet op de kaart" in works.start().refused
    line = WHOLE[: WHOLE.index('"unit.crt"')].count("\n") + 1
    assert f'regel {line}: broker.tls.certificate = "kamer-1.crt"' in works.answer()
    works.put()
    (works.boot / "unit.key").write_bytes(files.renewed.key.read_bytes())
    assert "key values mismatch" in works.start().refused
    (works.boot / "unit.crt").write_bytes(files.unit.certificate.read_bytes()[:200])
    assert "expected a certificate in PEM" in works.start().refused
    assert works.everything() == before


@pytest.mark.parametrize("name", ["/boot/firmware/unit.key", "../unit.key", "tls/unit.key", "C:\\\\unit.key"])
def test_a_certificate_is_a_name_and_no_path(works: Bench, name: str) -> None:
    """Design §2: a settings file can lead to no other place of the unit or of the card."""
    before = works.everything()
    works.put(WHOLE.replace('"unit.key"', f'"{name}"'))
    assert "broker.tls.key" in works.start().refused
    assert works.everything() == before


def test_what_is_no_file_is_not_read(works: Bench, tmp_path: Path) -> None:
    """Design §2: a link, a directory, a pipe or 4 GB in a file's place are named, and nobody waits for them."""
    before = works.everything()
    (tmp_path / "other").write_text(WHOLE)
    place = works.boot / NAME
    place.unlink()
    place.symlink_to(tmp_path / "other")
    assert "verwijzing" in works.start().refused
    place.unlink()
    place.mkdir()
    assert "ten hoogste" in works.start().refused
    place.rmdir()
    os.mkfifo(place)
    assert "ten hoogste" in works.start().refused
    place.unlink()
    with place.open("wb") as file:
        file.truncate(4 << 30)
    assert "ten hoogste" in works.start().refused
    works.put(WHOLE.replace("pin = 6", "pin = 22"))
    (works.boot / "ca.crt").unlink()
    (works.boot / "ca.crt").mkdir()
    assert "ca.crt kan niet worden gelezen" in works.start().refused
    assert works.everything() == before


def test_what_stands_in_the_answers_place_stops_nothing(works: Bench, tmp_path: Path) -> None:
    """A2: a directory or a link where the answer belongs keeps no settings from being taken, and is not followed."""
    (works.boot / ANSWER).unlink()
    (works.boot / ANSWER).symlink_to(tmp_path / "elsewhere")
    works.put(WHOLE.replace("pin = 6", "pin = 22"))
    assert works.start().refused == ""
    assert not (tmp_path / "elsewhere").exists()
    (works.boot / ANSWER).unlink()
    (works.boot / ANSWER).mkdir()
    assert works.start().refused == ""


def test_a_card_that_is_gone_is_no_end(works: Bench) -> None:
    """A2: without a boot partition, or with one that went under the unit's hands, the unit works by what it had."""
    before = works.everything()
    for path in works.boot.iterdir():
        path.unlink()
    works.boot.rmdir()
    assert "de kaart" in works.start().refused
    assert works.everything() == before


@pytest.mark.parametrize("name", [NAME, "unit.crt"])
def test_a_card_that_breaks_while_it_is_read(works: Bench, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A2: pulled, or worn out, in the middle of a file: nothing of it is taken."""
    before, read = works.everything(), os.read

    def breaks(fd: int, count: int) -> bytes:
        if Path(f"/proc/self/fd/{fd}").readlink() == works.boot / name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(fd, count)

    works.put(WHOLE.replace("pin = 6", "pin = 22"))
    monkeypatch.setattr(os, "read", breaks)
    assert "stuk, of eruit gehaald" in works.start().refused
    assert works.everything() == before


def test_the_units_own_disk_is_full(works: Bench, tmp_path: Path) -> None:
    """A3: settings for which the unit has no room are refused, and those that it has stay whole; when there is room
    again the same file is taken.
    """
    with small_disk(tmp_path / "disk", 2) as disk:
        works.paths = works.paths._replace(etc=shutil.copytree(works.paths.etc, disk / "etc"))
        before = works.everything()
        works.put(WHOLE.replace("pin = 6", "pin = 22"))
        ballast = fill(disk)
        assert "passen niet op de unit (vol)" in works.start().refused
        assert works.everything() == before
        assert load(works.paths.etc).unit.name() == UNIT_NAME
        ballast.unlink()
        assert works.start().refused == ""


def test_the_units_own_place_is_taken_by_something_else(works: Bench) -> None:
    """A2: what the unit cannot keep is not taken."""
    etc = works.paths.etc
    (etc / "policy.toml").unlink()
    (etc / "policy.toml").mkdir()
    before = works.everything()
    works.put(WHOLE.replace("pin = 6", "pin = 22"))
    assert "een map" in works.start().refused
    assert works.everything() == before


def test_policies_to_come_are_judged_with_it(works: Bench) -> None:
    """H4: what stands in policy.d stays, and a policy of the card that collides with it is refused by name."""
    later = works.paths.etc / "policy.d" / "later.toml"
    later.parent.mkdir()
    later.write_text(policy())
    works.put(WHOLE.replace("pin = 6", "pin = 22"))
    assert "a day of its own" in works.start().refused
    later.write_text(policy().replace("2020-05-04", "2030-05-04"))
    assert works.start().refused == ""
    assert len(load(works.paths.etc).policies) == 2


SECRETS = (
    ('host = "10.0.0.2"', 'host = "10.0.0.2"\npassword = "Z0mer2026!"', "Z0mer2026!"),
    ('host = "10.0.0.2"', 'host = "mqtt://unit:Z0mer2026!@10.0.0.2"', "Z0mer2026!"),
    ('key = "unit.key"', 'key = """-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n"""', "MIGHAgEA"),
    ('label = "manager-1"', 'label = "manager-1"\nkey = "AGE-SECRET-KEY-1QQQ"', "1QQQ"),
    ('host = "10.0.0.2"', 'host = "10.0.0.2"\nwachtwoord_broker = "Z0mer2026!"', "Z0mer2026!"),
)


@pytest.mark.parametrize(("stands", "instead", "secret"), SECRETS)
def test_no_secret_is_told(works: Bench, stands: str, instead: str, secret: str) -> None:
    """K5, issue 14: what somebody put there that was no business of the file's is named by its line, without its value:
    in the answer, in what the alarm process shows, in what is remembered.
    """
    works.put(WHOLE.replace(stands, instead, 1))
    state = works.start()
    assert state.refused
    assert "regel" in works.answer()
    for text in (works.answer(), state.refused, works.paths.card.read_text()):
        assert secret not in text


def test_what_is_remembered_cannot_be_understood(works: Bench) -> None:
    """A2: a spoilt card.json costs one more look at the card, and no start."""
    works.paths.card.write_bytes(b"\0" * 100)
    assert cardstate.read(works.paths.card) == cardstate.CardState()
    works.put(files=False)
    assert works.start().refused == ""
    assert tomllib.loads((works.paths.etc / "unit.toml").read_text())["room"] == "spreekkamer-1"


def test_the_example_of_the_guide_is_taken(bench: Bench) -> None:
    """H2: the file that docs/guide/card.md shows, with the certificates that it names."""
    page = (Path(__file__).resolve().parent.parent.parent / "docs/guide/card.md").read_text(encoding="utf-8")
    text = page.partition("```toml\n")[2].partition("```")[0]
    bench.put(text.replace("spreekkamer-12.crt", "unit.crt").replace("spreekkamer-12.key", "unit.key"))
    assert bench.start().refused == ""
    assert load(bench.paths.etc).policy.name == "dronten-2022"
