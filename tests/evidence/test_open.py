"""Opening: every frame, in step, for the right holders alone; nothing half-made is left, and nothing tells a key."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import av
import pytest
from typer.testing import CliRunner

from daemon.__main__ import app
from daemon.errors import UnitError
from daemon.evidence.film import TURN, unturned
from simulators.testcard import read_frame_number
from tests.evidence.made import NS, TURN_NS, Holders, Unit
from tests.model.test_recipients import bech32

A, B = "a" * 32, "b" * 32
SECONDS = 6


class Desk:
    """A custodian's computer: two recordings, their holders' keys, the unit's public key."""

    def __init__(self, home: Path) -> None:
        self.home, self.unit = home, Unit(home / "unit")
        self.one = Holders(home / "one")
        self.two = Holders(home / "two", (("custodian-1", "custodian-2"), ("secretary-1", "secretary-2")))
        self.unit.record(A, self.one, seconds=SECONDS, holes={4: "unplugged"}, rekeyed_s=3)
        self.unit.record(B, self.two, seconds=SECONDS, start_ns=5 * TURN_NS - 3 * NS, rekeyed_s=3)

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
