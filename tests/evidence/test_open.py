# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Opening: every frame, in step, for the right holders alone; nothing half-made is left, and nothing tells a key."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import pyrage
import pytest
from typer.testing import CliRunner

from daemon.__main__ import app
from daemon.errors import UnitError
from daemon.evidence import film, opening
from daemon.evidence.film import TURN, unturned
from daemon.evidence.source import sources
from daemon.evidence.verify import Segment, verify
from simulators.testcard import read_frame_number
from tests.evidence.made import NS, TURN_NS, Holders, Unit
from tests.model.test_recipients import bech32

A, B = "a" * 32, "b" * 32
SECONDS = 6
WORDS = "paard batterij nietje"


class Desk:
    """A custodian's computer: two recordings, their holders' keys, the unit's public key."""

    def __init__(self, home: Path) -> None:
        self.home, self.unit = home, Unit(home / "unit")
        self.one = Holders(home / "one")
        self.two = Holders(home / "two", (("custodian-1", "custodian-2"), ("secretary-1", "secretary-2")))
        self.unit.record(A, self.one, seconds=SECONDS, holes={4: "unplugged"}, rekeyed_s=3)
        self.unit.record(B, self.two, seconds=SECONDS, start_ns=5 * TURN_NS - 3 * NS, rekeyed_s=3)

    def locked(self, key: Path) -> str:
        """A key file, locked with WORDS."""
        return str(pyrage.passphrase.encrypt(key.read_bytes(), WORDS, armored=True).decode())

    def run(self, *words: object, said: str = "") -> tuple[int, str]:
        """`spreekkamer evidence`; its exit code and what it said."""
        done = CliRunner().invoke(app, ["evidence", *map(str, words)], input=said, env={"COLUMNS": "200"})
        code, told = done.exit_code, done.output
        if isinstance(done.exception, UnitError):  # as `daemon.__main__.main` does
            code, told = done.exception.exit_code, f"{told} {done.exception}"
        elif done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert not any(str(key) in told for holders in (self.one, self.two) for key in holders.keys.values())
        return code, " ".join(told.split())


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Made once."""
    return Desk(tmp_path_factory.mktemp("desk"))


def shown(film: Path) -> tuple[list[int | None], list[float], list[float]]:
    """The numbers of the pictures as decoded, their times, and the times at which the second's click is heard."""
    with av.open(film) as container:
        pictures = [
            (frame.time or 0, read_frame_number(frame.to_ndarray()[: frame.height]))
            for frame in container.decode(video=0)
        ]
    clicks: list[float] = []
    with av.open(film) as container:
        for frame in container.decode(audio=0):
            loud = abs(frame.to_ndarray()[0]).argmax()
            if abs(frame.to_ndarray()[0][loud]) > 0.4:
                at = (frame.time or 0) + float(loud) / frame.sample_rate
                if not clicks or at - clicks[-1] > 0.5:
                    clicks.append(at)
    return [number for _, number in pictures], [at for at, _ in pictures], clicks


@pytest.mark.case("people 9")
def test_every_frame_in_step(desk: Desk, tmp_path: Path) -> None:
    """K5, R5: with the key of one holder: each picture once, in order, at its time; the gap is told and kept; sound is
    within 40 ms of image; ffprobe has nothing to warn of; the file is not there before it is whole.
    """
    film = tmp_path / "a.mp4"
    code, said = desk.run("open", desk.unit.store / A, "--identity", desk.one.file("manager-2"), "--out", film,
                          "--signers", desk.unit.signers)  # fmt: skip
    assert code == 0, said
    assert "Whole: yes. From the unit: yes" in said
    assert "Missing: video from 1.0 s to 2.0 s after the press: unplugged" in said
    numbers, times, clicks = shown(film)
    wanted = [n % 100 for n in range(SECONDS * 25) if not 100 <= n < 125]
    assert numbers == wanted
    assert times[100] - times[99] == pytest.approx(1.04, abs=0.002), "the hole keeps its length"
    seconds = [at for at, number in zip(times, numbers, strict=True) if number is not None and number % 25 == 0]
    for at in seconds:
        assert min(abs(at - click) for click in clicks) < 0.04
    probe = subprocess.run(["ffprobe", "-v", "warning", str(film)], capture_output=True, text=True, check=True)
    assert probe.stderr == ""
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.case("people 9")
def test_two_groups_and_times_that_turn(desk: Desk, tmp_path: Path) -> None:
    """R6, K5: two holders on two computers, by a half that alone opens nothing; the segments' times begin again in the
    middle of it, and the film's do not.
    """
    half, film, recording = tmp_path / "b.half", tmp_path / "b.mp4", desk.unit.store / B
    code, said = desk.run("half", recording, "--identity", desk.two.file("custodian-1"), "--out", half)
    assert code == 0, said
    assert "a holder of group 2 of 2 still has to agree" in said
    assert "AGE-SECRET-KEY" not in half.read_text()
    code, said = desk.run("open", recording, "--half", half, "--identity", desk.two.file("custodian-2"), "--out", film)
    assert (code, "group 1 has agreed already" in said) == (6, True), said
    code, said = desk.run("open", recording, "--half", half, "--identity", desk.two.file("secretary-1"), "--out", film)
    assert code == 0, said
    numbers, times, _ = shown(film)
    assert numbers == [n % 100 for n in range(SECONDS * 25)]
    assert max(b - a for a, b in pairwise(times)) == pytest.approx(0.04, abs=0.001)
    both = ("--identity", desk.two.file("secretary-2"), "--identity", desk.two.file("custodian-2"))
    assert desk.run("open", recording, *both, "--out", tmp_path / "again.mp4")[0] == 0, "in any order at one computer"


@pytest.mark.parametrize(("names", "words"), [
    (("secretary-1",), "this key is of group 2; the layer of group 1 comes first"),
    (("custodian-1", "custodian-2"), "a holder of group 2 of 2 still has to agree"),
    (("custodian-1",), "a holder of group 2 of 2 still has to agree"),
    (("manager-1",), "this key opens no part of this recording"),
])  # fmt: skip
def test_the_wrong_set_is_one_sentence(desk: Desk, tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    """R6: wrong order, two of one group, half a set, a stranger: whose key is needed is said, and nothing is made."""
    files = [part for name in names for part in
             ("--identity", (desk.one if name.startswith("manager") else desk.two).file(name))]  # fmt: skip
    code, said = desk.run("open", desk.unit.store / B, *files, "--out", tmp_path / "x.mp4")
    assert (code, words in said) == (6, True), said
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_key_is_one_sentence(desk: Desk, tmp_path: Path) -> None:
    """K5: another file, a key with a typing error, a key that is not there, none, a half of another recording."""
    out, recording = tmp_path / "x.mp4", desk.unit.store / A
    typed = desk.one.file("manager-1").read_text().strip()
    changed = typed[:-2] + ("QP" if typed[-2:] != "QP" else "PQ")
    for name, text in {"letter.txt": "Beste", "typo.key": changed}.items():
        (tmp_path / name).write_text(text)
        code, said = desk.run("open", recording, "--identity", tmp_path / name, "--out", out)
        assert (code, name in said) == (6, True), said
    assert desk.run("open", recording, "--identity", tmp_path / "none", "--out", out)[0] == 5
    assert desk.run("open", recording, "--out", out)[0] == 12
    desk.run("half", desk.unit.store / B, "--identity", desk.two.file("custodian-1"), "--out", tmp_path / "b.half")
    code, said = desk.run(
        "open", recording, "--half", tmp_path / "b.half", "--identity", desk.one.file("manager-1"), "--out", out
    )
    assert (code, "belongs to recording bbbbbbbb" in said) == (12, True), said
    assert not out.exists()


@pytest.mark.case("people 2")
def test_what_notepad_saved_opens(desk: Desk, tmp_path: Path) -> None:
    """K5: a key, a locked key and an allowed_signers as Windows' Notepad saves them, with its line ends: they count as
    they did before; a mark before a name is no other unit's name.
    """

    def saved(text: str, encoding: str) -> Path:
        path = tmp_path / str(len(list(tmp_path.iterdir())))
        path.write_bytes(("\ufeff" + text.replace("\n", "\r\n")).encode(encoding))
        return path

    key, locked = desk.one.file("manager-1").read_text(), desk.locked(desk.one.file("manager-1"))
    public = desk.unit.key.with_suffix(".pub").read_text().split()[1]
    for number, (text, encoding) in enumerate([(key, "utf-8"), (key, "utf-16-be"), (locked, "utf-16-le")]):
        signers = saved(f"voorbeeldstad/stadhuis/spreekkamer-1 ssh-ed25519 {public}\n", encoding)
        code, said = desk.run("open", desk.unit.store / A, "--identity", saved(text, encoding), "--signers", signers,
                              "--out", tmp_path / f"{number}.mp4", said=f"{WORDS}\n")  # fmt: skip
        assert (code, "From the unit: yes" in said) == (0, True), said


class Event:
    """An event in two parts, both in one directory, to be opened by two groups."""

    def __init__(self, desk: Desk, home: Path) -> None:
        self.unit, self.keys = Unit(home / "unit"), desk.two
        self.copy = self.unit.store
        self.unit.record(B, desk.two, seconds=2)
        self.unit.record(A, desk.two, seconds=2, start_ns=1_010 * NS, at_wall_ns=1_800_000_010 * NS, continues=B)

    def by(self, *names: str) -> list[object]:
        """Options with these holders' keys."""
        return [part for name in names for part in ("--identity", self.keys.file(name))]


@pytest.fixture
def event(desk: Desk, tmp_path: Path) -> Event:
    """One a test: it is damaged."""
    return Event(desk, tmp_path / "event")


def test_an_event_in_parts_opens_at_two_computers(desk: Desk, event: Event, tmp_path: Path) -> None:
    """R6, R8: one half of every part of an event, in one file; the next holder opens all of them, each into its own
    film in the order of their times, and hands all of them over; a locked key asks for its passphrase once.
    """
    half, out = tmp_path / "x.half", tmp_path / "out"
    code, said = desk.run("half", event.copy, *event.by("custodian-1"), "--out", half)
    assert code == 0, said
    (tmp_path / "locked.key").write_text(desk.locked(event.keys.file("secretary-1")))
    theirs = ("--half", half, "--identity", tmp_path / "locked.key")
    (tmp_path / "x-2.mp4").write_text("mine")
    code, said = desk.run("open", event.copy, *theirs, "--out", tmp_path / "x.mp4", said=f"{WORDS}\n")
    assert (code, "x-2.mp4: is there already" in said, (tmp_path / "x.mp4").exists()) == (5, True, False), said
    (tmp_path / "x-2.mp4").unlink()
    code, said = desk.run("open", event.copy, *theirs, "--out", tmp_path / "x.mp4", said=f"{WORDS}\n")
    assert code == 0, said
    assert [av.open(tmp_path / name).metadata["title"][-32:] for name in ("x.mp4", "x-2.mp4")] == [B, A]
    code, said = desk.run("handover", event.copy, *event.by("custodian-1", "secretary-1"), "--ground", "report",
                          "--number", "1", "--officer", "x", "--to", event.keys.groups[0][0], "--out", out)  # fmt: skip
    assert code == 0, said
    assert sorted(file.name for file in out.glob("*.half")) == ["overdracht-aaaaaaaa.half", "overdracht-bbbbbbbb.half"]


def test_what_stays_closed_costs_itself(desk: Desk, event: Event, tmp_path: Path) -> None:
    """K5, R4: a part without envelopes, and an envelope that was changed: named, and everything else is opened."""
    for envelope in (event.copy / B).glob("*.key.age"):
        envelope.unlink()
    spoilt = event.copy / A / "audio.0.key.age"
    data = bytearray(spoilt.read_bytes())
    data[-1] ^= 1
    spoilt.unlink()
    spoilt.write_bytes(data)
    both = event.by("custodian-1", "secretary-1")
    code, said = desk.run("open", event.copy, *both, "--out", tmp_path / "x.mp4")
    assert code == 10, said
    assert "bbbbbbbb stays closed: no envelope is there" in said
    assert "audio.0.key.age: does not open with the keys of the others" in said
    assert "50 frames of video" in said
    spoilt.unlink()
    assert desk.run("open", event.copy, *both, "--out", tmp_path / "y.mp4")[0] == 10
    assert (tmp_path / "y.mp4").exists()


def test_halves_that_do_not_fit(desk: Desk, tmp_path: Path) -> None:
    """K5: a half with nothing in it is none; one that was made before a track was deleted opens what is left; what it
    says of itself is no command to a terminal.
    """
    half, copy = tmp_path / "b.half", tmp_path / B
    desk.run("half", desk.unit.store / B, "--identity", desk.two.file("custodian-1"), "--out", half)
    told = json.loads(half.read_text())
    theirs = ("--half", half, "--identity", desk.two.file("secretary-1"), "--out", tmp_path / "x.mp4")
    for change, words in (({"envelopes": {}}, "has nothing of the envelopes"), ({"format": "x"}, "is no half-opened")):
        half.write_text(json.dumps({**told, **change}))
        code, said = desk.run("open", desk.unit.store / B, *theirs)
        assert (code, words in said) == (12, True), said
    half.write_text(json.dumps(told))
    shutil.copytree(desk.unit.store / B, copy)
    shutil.rmtree(copy / "audio")
    for envelope in copy.glob("audio.*"):
        envelope.unlink()
    receipt = {"n": 7, "at_wall_ns": NS, "event": "deleted", "recording_id": B, "track": "audio"}
    (tmp_path / f"{B}.json").write_text(json.dumps({"recording_id": B, "audit_lines": [json.dumps(receipt)]}))
    assert desk.run("open", copy, *theirs)[0] == 0


def test_nothing_of_a_copy_is_obeyed_by_a_terminal(desk: Desk, tmp_path: Path) -> None:
    """K5: a unit's name, a reason and an id with escapes and line ends in them are written out as such."""
    unit, evil = Unit(tmp_path / "unit"), "\x1b]0;x\x07\nWhole: yes."
    unit.record(A, desk.one, seconds=3, holes={1: evil}, unit=evil)
    half = {"recording_id": "\x1b[2J", "layers_open": 1, "envelopes": {}, "format": "spreekkamer-half/1"}
    (tmp_path / "x.half").write_text(json.dumps(half))
    for words in (("verify", unit.store / A),
                  ("open", unit.store / A, "--half", tmp_path / "x.half", "--out", tmp_path / "x.mp4",
                   "--identity", desk.one.file("manager-1"))):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "daemon", "evidence", *map(str, words)], capture_output=True, text=True, check=False
        )
        assert "\x1b" not in done.stdout + done.stderr
        assert done.stdout.count("\nWhole:") == 1


def _end(number: int, _: object) -> None:
    """As `daemon.__main__` ends on a signal."""
    raise SystemExit(128 + number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_terminal_that_is_closed_leaves_no_film(desk: Desk, tmp_path: Path, number: signal.Signals) -> None:
    """K5: ended in the middle of a segment, inside FFmpeg's call for more: no clear picture stays, under no name, and
    no short film passes for a whole one.
    """
    # Also SIGINT, which a shell lets what it starts with `&` ignore.
    ends = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: _end, signal.SIGHUP: _end}
    before = {one: signal.signal(one, handler) for one, handler in ends.items()}
    (source,) = sources(desk.unit.store / A)
    one = verify(source, ())
    opened = opening.unlock(
        opening.envelopes(source, A, desk.one.groups, ["video.0.key.age", "video.1.key.age"]),
        opening.identities(desk.one.file("manager-1").read_bytes(), "", str),
    )

    def cut() -> Iterator[tuple[Segment, bytes]]:
        for n, segment in enumerate(opening.opened_segments(source, one.segments["video"], opened.keys, print)):
            if n == 3:
                os.kill(os.getpid(), number)
            yield segment

    try:
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            film.make({"video": cut()}, tmp_path / "x.mp4", {})
    finally:
        for one_, handler in before.items():
            signal.signal(one_, handler)
    assert list(tmp_path.iterdir()) == []


def test_what_ends_early_is_no_whole_film(tmp_path: Path, desk: Desk) -> None:
    """R5, K5: whatever goes wrong while a segment is opened is not taken for the end of the recording."""
    (source,) = sources(desk.unit.store / A)
    segment = verify(source, ()).segments["video"][0]

    def broken() -> Iterator[tuple[Segment, bytes]]:
        yield segment, b"G" * 188 * 40
        raise MemoryError

    with pytest.raises(MemoryError):  # and not FFmpeg's "the segments make no film"
        film.make({"video": broken()}, tmp_path / "x.mp4", {})
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_segment_costs_itself(desk: Desk, tmp_path: Path) -> None:
    """K5: one segment that was changed: it is named, the rest is in the film, the exit code says so."""
    copy = tmp_path / "copy"
    shutil.copytree(desk.unit.store / A, copy)
    segment = copy / "video/000001.ts.age"
    segment.chmod(0o640)
    segment.write_bytes(segment.read_bytes()[:-1])
    code, said = desk.run("open", copy, "--identity", desk.one.file("manager-1"), "--out", tmp_path / "x.mp4")
    assert code == 10
    assert "video/000001.ts.age: does not open" in said
    assert [number for number in shown(tmp_path / "x.mp4")[0] if number is not None][20:30] == [
        *range(20, 25),
        *range(50, 55),
    ]


def test_no_partial_film_is_left(desk: Desk, tmp_path: Path) -> None:
    """K5: a full medium, one that is there already, media that is no media: a sentence, and the place as it was."""
    stick = tmp_path / "stick"
    stick.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(stick)], check=True)
    try:
        code, said = desk.run(
            "open", desk.unit.store / A, "--identity", desk.one.file("manager-1"), "--out", stick / "x.mp4"
        )
        assert (code, "nothing was written" in said) == (5, True), said
        assert list(stick.iterdir()) == []
    finally:
        subprocess.run(["umount", str(stick)], check=True)
    (tmp_path / "x.mp4").write_bytes(b"mine")
    assert (
        desk.run("open", desk.unit.store / A, "--identity", desk.one.file("manager-1"), "--out", tmp_path / "x.mp4")[0]
        == 5
    )
    assert (tmp_path / "x.mp4").read_bytes() == b"mine"


def test_keys_are_made_locked(desk: Desk, tmp_path: Path) -> None:
    """R6: a key is locked by a passphrase unless somebody insists; a recording opens with it; a wrong one is told."""
    words = "paard batterij nietje goed"
    code, said = desk.run("keygen", "--out", tmp_path / "my.key", said=f"{words}\n{words}\n")
    assert code == 0, said
    assert "locked with your passphrase" in said
    assert b"BEGIN AGE ENCRYPTED FILE" in (tmp_path / "my.key").read_bytes()
    assert desk.run("keygen", "--out", tmp_path / "two.key", said=f"{words}\nanders dan dat\n")[0] == 12
    assert desk.run("keygen", "--out", tmp_path / "two.key", said="kort\nkort\n")[0] == 12
    assert desk.run("keygen", "--out", tmp_path / "my.key")[0] == 5, "never over another"
    mine = Holders(tmp_path / "mine", (("me",),))
    public = next(word for word in said.replace('"', " ").split() if word.startswith("age1"))
    mine.groups = ((public,),)
    unit = Unit(tmp_path / "unit")
    unit.record(A, mine, seconds=2)
    mine_file = ("--identity", tmp_path / "my.key", "--out", tmp_path / "x.mp4")
    code, said = desk.run("open", unit.store / A, *mine_file, said="fout\n")
    assert (code, "the passphrase does not fit" in said) == (6, True), said
    code, said = desk.run("open", unit.store / A, *mine_file, said=f"{words}\n")
    assert code == 0, said
    assert (tmp_path / "my.key").stat().st_mode & 0o077 == 0


def test_handed_over_to_the_police(desk: Desk, tmp_path: Path) -> None:
    """K5: the police open the untouched recording with their own key; the sheet names ground, number and receiver; a
    key with a typing error hands over nothing.
    """
    police = Holders(tmp_path / "police", (("police",),))
    key = str(police.keys["police"].to_public())
    ground = ("--ground", "demand", "--number", "PL0600-2026", "--officer", "bsg X")
    who = ("--identity", desk.two.file("custodian-1"), "--identity", desk.two.file("secretary-1"))
    typed = key[:-1] + ("q" if key[-1] != "q" else "p")
    code, said = desk.run("handover", desk.unit.store / B, *who, "--to", typed, *ground, "--out", tmp_path / "o")
    assert (code, "is no age recipient" in said) == (12, True), said
    for wrong in (bech32(bytes(32)), str(desk.two.keys["secretary-1"]), "age1yubikey1" + "q" * 60):
        code, said = desk.run("handover", desk.unit.store / B, *who, "--to", wrong, *ground, "--out", tmp_path / "o")
        assert (code, "is no age recipient" in said, "AGE-SECRET-KEY-1" in said) == (12, True, False), said
    assert list((tmp_path / "o").iterdir()) == []
    code, said = desk.run("handover", desk.unit.store / B, *who, "--to", key, *ground, "--out", tmp_path / "o")
    assert code == 0, said
    sheet = json.loads((tmp_path / "o/overdracht-bbbbbbbb.json").read_text())
    assert (sheet["ground"], sheet["number"], sheet["officer"]) == ("demand", "PL0600-2026", "bsg X")
    assert (tmp_path / "o/overdracht-bbbbbbbb.pdf").read_bytes().startswith(b"%PDF")
    code, said = desk.run("open", desk.unit.store / B, "--half", tmp_path / "o/overdracht-bbbbbbbb.half",
                          "--identity", police.file("police"), "--signers", desk.unit.signers,
                          "--out", tmp_path / "p.mp4")  # fmt: skip
    assert (code, "From the unit: yes" in said) == (0, True), said
    code, said = desk.run("handover", desk.unit.store / B, *who, *ground, "--out", tmp_path / "clear")
    assert code == 0, said
    assert (tmp_path / "clear/opname-bbbbbbbb.mp4").stat().st_size > 100_000


def test_a_copy_ends_with_a_receipt(desk: Desk, tmp_path: Path) -> None:
    """K3: a copy that is deleted leaves what it was; what is no copy is not deleted."""
    shutil.copytree(desk.unit.store / A, tmp_path / "copy")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/x.jpg").write_bytes(b"x")
    assert desk.run("destroy", tmp_path / "photos", "--yes")[0] == 5
    assert desk.run("destroy", tmp_path / "copy", said="n\n")[0] == 1
    assert (tmp_path / "copy").is_dir()
    assert desk.run("destroy", tmp_path / "copy", "--yes")[0] == 0
    assert not (tmp_path / "copy").exists()
    assert json.loads((tmp_path / "copy.destroyed.json").read_text())["recordings"][0]["recording_id"] == A
    assert (tmp_path / "photos/x.jpg").exists()


def test_nothing_but_a_copy_is_destroyed(desk: Desk, tmp_path: Path) -> None:
    """K3: a stick with photos beside the recording, a link, and a name that was destroyed before: nothing else goes,
    nothing is said that is not so, and every copy has its receipt.
    """
    stick, copy = tmp_path / "stick", tmp_path / "copy"
    shutil.copytree(desk.unit.store / A, stick / A)
    (stick / "opname.html").write_text("x")
    (stick / "photos").mkdir()
    code, said = desk.run("destroy", stick, "--yes")
    assert (code, "holds photos too" in said, (stick / A / "begin.json").exists()) == (12, True, True), said
    (stick / "photos").rename(stick / A / "photos")
    assert desk.run("destroy", stick, "--yes")[0] == 12
    (stick / A / "photos").rmdir()
    (tmp_path / "link").symlink_to(stick)
    assert desk.run("destroy", tmp_path / "link", "--yes")[0] == 12
    assert desk.run("destroy", stick, "--yes")[0] == 0
    for _ in range(2):
        shutil.copytree(desk.unit.store / A, copy)
        assert desk.run("destroy", copy, "--yes")[0] == 0
    receipts = sorted(file.name for file in tmp_path.glob("*.json"))
    assert receipts == ["copy.destroyed-2.json", "copy.destroyed.json", "stick.destroyed.json"]


def test_verify_tells_a_machine_and_a_person(desk: Desk, tmp_path: Path) -> None:
    """K5: JSON and words; exit code 10 for a copy that is not whole."""
    code, said = desk.run("verify", desk.unit.store / A, "--json", "--signers", desk.unit.signers)
    assert code == 0
    assert [(one["whole"], one["unit"]) for one in json.loads(said)] == [(True, "yes")]
    shutil.copytree(desk.unit.store / A, tmp_path / "copy")
    (tmp_path / "copy/end.json").unlink()
    code, said = desk.run("verify", tmp_path / "copy")
    assert (code, "Whole: NO" in said, "From the unit: unknown" in said) == (10, True, True), said


@pytest.mark.parametrize("turns", [0, 1, 7])
def test_times_keep_their_turn(turns: int) -> None:
    """R5: whichever turn of the 33 bits is meant follows from the time that is near."""
    at = turns * TURN + 5
    assert unturned(at % TURN, at - 100) == at
    assert unturned((at - 50) % TURN, at) == at - 50
