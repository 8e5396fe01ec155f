# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The stick for units without a network, read by the real apt: whole it is taken, changed by a byte it is refused.

On Debian's own archive, and installed on a unit: `make machine-test`.
"""

from __future__ import annotations

import datetime
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.offline.__main__ import KEY_FILE, REPOSITORY, Asked, OfflineError, bring, lay_out, put
from tests.disks import small_disk

NOW = datetime.datetime(2026, 11, 29, 12, tzinfo=datetime.UTC)
NAMES = {"python3-microphone": "libsound", "libsound": ""}
"""Two packages, and on what each depends."""


def package(directory: Path, name: str, needs: str) -> Path:
    """A package with one file in it."""
    root = directory / name
    (root / "DEBIAN").mkdir(parents=True)
    (root / "usr/share" / name).mkdir(parents=True)
    (root / "usr/share" / name / "content").write_text(name * 100)
    depends = f"Depends: {needs}\n" if needs else ""
    (root / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1:2.0\nArchitecture: all\nMaintainer: tests\n{depends}Description: {name}\n"
    )
    file = directory / f"{name}_1%3a2.0_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", root, file], check=True, capture_output=True)
    return file


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stick as it was laid out."""
    work, stick = tmp_path_factory.mktemp("packages"), tmp_path_factory.mktemp("stick")
    home = tmp_path_factory.mktemp("k")  # gpg's agent has a socket there, and a socket's path is short
    lay_out([package(work, name, needs) for name, needs in NAMES.items()], stick / REPOSITORY, home, NOW)
    return stick


@pytest.fixture
def stick(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "stick"))


def apt(stick: Path, home: Path, keys: Path) -> str:
    """A unit's apt with nothing but the stick: what it says when it fails; empty: it has fetched both packages."""
    for directory in ("lists/partial", "cache/archives/partial"):
        (home / directory).mkdir(parents=True)
    (home / "status").touch()
    (home / "list").write_text(f"deb [signed-by={keys}] copy:{stick}/{REPOSITORY} ./\n")
    options = {
        "Dir::State": home, "Dir::State::lists": home / "lists", "Dir::State::status": home / "status",
        "Dir::Cache": home / "cache", "Dir::Etc::sourcelist": home / "list", "Dir::Etc::sourceparts": "-",
        "Dir::Etc::trusted": "-", "Dir::Etc::trustedparts": "-", "Debug::NoLocking": "true",
        "APT::Sandbox::User": "root", "Acquire::Check-Date": "false",
    }  # fmt: skip
    command = ["apt-get", "-q", "-y", *(f"-o={key}={value}" for key, value in options.items())]
    for words in (["update", "--error-on=any"], ["--download-only", "install", "python3-microphone"]):
        done = subprocess.run(
            [*command, *words], capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"}
        )
        if done.returncode:
            return done.stderr + done.stdout
    fetched = {file.name.partition("_")[0] for file in (home / "cache/archives").glob("*.deb")}
    assert fetched == set(NAMES)
    return ""


def change(file: Path, at: int) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(bytes(data))


def test_what_was_laid_out_is_taken(stick: Path, tmp_path: Path) -> None:
    """Issue 14: a package and what it depends on come from the stick, by its key and nothing else."""
    assert apt(stick, tmp_path / "apt", stick / KEY_FILE) == ""
    assert {path.name for path in stick.iterdir()} == {KEY_FILE, REPOSITORY}, "the key's other half stays at home"
    assert b"PRIVATE" not in b"".join(file.read_bytes() for file in stick.rglob("*") if file.is_file())


@pytest.mark.parametrize(("name", "words"), [
    ("libsound_1%3a2.0_all.deb", "Hash Sum mismatch"),
    ("Packages", "Hash Sum mismatch"),
    ("InRelease", "BADSIG"),
])  # fmt: skip
def test_a_byte_that_changed_is_refused(stick: Path, tmp_path: Path, name: str, words: str) -> None:
    """Issue 14, bad input: wherever a byte changed, in a package, the index or what is signed, apt takes nothing."""
    file = stick / REPOSITORY / name.replace("%3a", "~")
    change(file, file.read_bytes().index(b"SHA256") + 70 if name == "InRelease" else file.stat().st_size // 2)
    assert words in apt(stick, tmp_path / "apt", stick / KEY_FILE)


def test_another_ones_key_and_a_half_stick_are_refused(stick: Path, whole: Path, tmp_path: Path) -> None:
    """Bad input: a stick that somebody else signed, and one that was pulled out while it was written."""
    other = tmp_path / "other"
    lay_out(list((whole / REPOSITORY).glob("*.deb")), other / REPOSITORY, tmp_path / "k", NOW)
    assert "NO_PUBKEY" in apt(other, tmp_path / "a", whole / KEY_FILE)
    (stick / REPOSITORY / "libsound_1~2.0_all.deb").unlink()
    assert "No such file" in apt(stick, tmp_path / "b", stick / KEY_FILE)


def test_what_cannot_be_had_is_one_sentence(tmp_path: Path) -> None:
    """Bad input: no such directory, no such package of one's own; nothing is made."""
    asked = Asked("bookworm", "arm64", (), (), None)
    with pytest.raises(OfflineError, match="expected a directory that is there"):
        list(bring(asked, tmp_path / "no", tmp_path, (), NOW))
    with pytest.raises(OfflineError, match="expected a package"):
        list(bring(asked, tmp_path, tmp_path, (tmp_path / "x.deb",), NOW))
    assert list(tmp_path.iterdir()) == []


def test_a_stick_that_is_too_small_keeps_what_it_had(whole: Path, tmp_path: Path) -> None:
    """Bad input: a stick without room is named with what is needed, and the older repository on it still works."""
    larger = tmp_path / "larger" / REPOSITORY
    shutil.copytree(whole / REPOSITORY, larger)
    shutil.copyfile(whole / KEY_FILE, larger.parent / KEY_FILE)
    (larger / "much_1_all.deb").write_bytes(bytes(3_000_000))
    with small_disk(tmp_path / "small", 2) as stick:
        put(whole / REPOSITORY, stick)
        with pytest.raises(OfflineError, match=r"3\.0 MB are needed, there is room for"):
            put(larger, stick)
        assert apt(stick, tmp_path / "apt", stick / KEY_FILE) == ""
        subprocess.run(["mount", "-o", "remount,ro", stick], check=True)
        with pytest.raises(OfflineError, match="Read-only file system"):
            put(whole / REPOSITORY, stick)


def test_a_link_on_the_stick_is_not_followed(whole: Path, tmp_path: Path) -> None:
    """Bad input: a stick that somebody prepared cannot have a file of this computer's overwritten."""
    stick, mine = tmp_path / "stick", tmp_path / "mine"
    stick.mkdir()
    mine.write_text("mine")
    (stick / KEY_FILE).symlink_to(mine)
    with pytest.raises(OfflineError, match="expected no link"):
        put(whole / REPOSITORY, stick)
    assert mine.read_text() == "mine"
    assert [path.name for path in stick.iterdir()] == [KEY_FILE]


def test_a_stick_that_is_filled_again_is_taken(whole: Path, stick: Path, tmp_path: Path) -> None:
    """Issue 14: what an older one left, a half one too, goes."""
    change(stick / REPOSITORY / "Packages", 5)
    (stick / REPOSITORY / "older_1_all.deb").write_text("older")
    put(whole / REPOSITORY, stick)
    assert apt(stick, tmp_path / "apt", stick / KEY_FILE) == ""
    assert {path.name for path in (stick / REPOSITORY).iterdir()} == {
        path.name for path in (whole / REPOSITORY).iterdir()
    }
