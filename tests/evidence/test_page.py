# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The page that opens recordings, in a real browser with its network off: what a manager does, and what must not go."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from daemon import records
from daemon.__main__ import app
from daemon.errors import StoreError
from daemon.evidence.source import sources
from daemon.evidence.verify import verify
from daemon.keeper.holders import seal_in_child
from daemon.model.holders import SEALED
from daemon.recorder.bundle import Bundle
from daemon.recorder.closing import WHY
from daemon.recorder.ring import Sealed
from daemon.recorder.seal import make_key, seal
from daemon.recorder.track import KEYLESS, PRIVACY, SPOILED
from daemon.sign import RECORDINGS, public_keys, sign
from tests.browser.browser import ROOT
from tests.evidence.browser import FIREFOX, MODULES, PAGE, Browser
from tests.evidence.made import NS, TONES_HZ, TURN_NS, Holders, Unit
from tests.evidence.test_verify import REFUSED, as_zip
from tests.keeper.planted import PLANTED
from tests.keeper.stores import Clock

A, B, C, D = "a" * 32, "b" * 32, "c" * 32, "d" * 32
SECONDS = 6
FACTS = """(() => { const v = document.querySelector('video'), q = v.getVideoPlaybackQuality();
  return {at: v.currentTime, seconds: v.duration, width: v.videoWidth, frames: q.totalVideoFrames,
          sound: v.webkitAudioDecodedByteCount ?? Number(v.mozHasAudio), ranges: v.buffered.length,
          error: v.error && v.error.message}; })()"""


class Desk:
    """A stick with recordings, their holders' keys, a browser."""

    def __init__(self, home: Path) -> None:
        self.home, self.unit, self.browser = home, Unit(home / "unit"), Browser()
        self.one = Holders(home / "one")
        self.two = Holders(home / "two", (("custodian-1", "custodian-2"), ("secretary-1", "secretary-2")))
        self.unit.record(A, self.one, seconds=SECONDS, holes={4: "unplugged"}, rekeyed_s=3)
        self.unit.record(B, self.two, seconds=SECONDS, start_ns=5 * TURN_NS - 3 * NS, rekeyed_s=3)
        self.unit.record(
            C, self.one, seconds=3, start_ns=1_010 * NS, at_wall_ns=1_800_000_010 * NS, continues=A, simulated=True
        )
        for name in (A, B):
            as_zip(self.unit.store / name, home / f"{name[0]}.zip")

    def judged(self, *zips: Path) -> Browser:
        """A fresh page that was given a recording."""
        self.browser.open()
        self.browser.give("#zip", *zips)
        self.browser.state("judged", "refused", "failed")
        return self.browser


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Made once; every test opens a page of its own."""
    made = Desk(tmp_path_factory.mktemp("desk"))
    yield made
    made.browser.close()


def plays(browser: Browser, until_s: float = 1.0) -> dict[str, Any]:
    """Waits until it has played so far; figures of the player."""
    browser.do("wait", js=f"document.querySelector('video').currentTime > {until_s}")
    facts: dict[str, Any] = browser.do("eval", js=FACTS)
    assert facts["error"] is None
    return facts


def test_the_page_is_what_its_sources_build(tmp_path: Path) -> None:
    """H2: the committed page, byte for byte, comes out of reader/src and the lock file."""
    subprocess.run(["node", str(ROOT / "reader/build.mjs"), str(MODULES), str(tmp_path / "x.html")], check=True)
    assert (tmp_path / "x.html").read_bytes() == PAGE.read_bytes(), "run `make reader`, and commit what it made"
    page = (ROOT / "docs/ref/opening-page.md").read_text()
    assert f"SHA-256 of the page: `{hashlib.sha256(PAGE.read_bytes()).hexdigest()}`" in page


@pytest.mark.case("people 9")
def test_from_stick_to_picture_to_film(desk: Desk, tmp_path: Path) -> None:
    """K5: two choices in a dialog from the open page to the first picture; sound and image play, across the hole in the
    image; the MP4 has every frame; no request was made, nothing was written to the console, axe finds nothing.
    """
    browser = desk.judged(desk.home / "a.zip")
    (verdict,) = browser.verdicts()
    assert (verdict["id"], verdict["whole"], verdict["unit"], verdict["faults"]) == (A, "yes", "unknown", [])
    assert "Beeld: van 0:01.0 tot 0:02.0 na de knop. Reden: niet aangesloten" in browser.text("#verdicts")
    assert browser.do("axe") == []
    browser.give("#key", desk.one.file("manager-2"))
    assert browser.state("open", "closed", "failed") == "open", browser.text("#opening")
    facts = plays(browser, 4.5)
    assert facts["seconds"] == pytest.approx(SECONDS, abs=0.1)
    assert (facts["width"], facts["frames"] > 50, facts["sound"] > 0, facts["ranges"]) == (640, True, True, 1)
    assert re.match(r"2027-01-15 08:00:0\d UTC", browser.text("#clock"))
    assert browser.do("axe") == []
    assert browser.do("save", at="#mp4", path=str(tmp_path / "x.mp4")) == "opname-aaaaaaaa.mp4"
    probe = subprocess.run(["ffprobe", "-v", "warning", str(tmp_path / "x.mp4")], capture_output=True, check=True)
    assert probe.stderr == b""
    with av.open(tmp_path / "x.mp4") as film:
        assert {s.type: s.frames for s in film.streams} == {"video": 125, "audio": 280}
    with av.open(tmp_path / "x.mp4") as film:
        times = [frame.time or 0 for frame in film.decode(video=0)]
    assert len(times) == 125
    assert max(b - a for a, b in pairwise(times)) == pytest.approx(1.04, abs=0.01)
    assert browser.do("errors") == []
    assert browser.do("requests") == [PAGE.as_uri()]


def test_a_gap_has_its_reason_in_dutch() -> None:
    """K5: every reason that the recorder itself gives for a gap has its Dutch words on the page."""
    words = (ROOT / "reader/src/words.js").read_text(encoding="utf-8").partition("export const REASONS")[2]
    known = re.findall(r'\["([^"]+)", "[^"]+"\]', words)
    said = [
        *WHY.values(),
        PRIVACY,
        KEYLESS,
        SPOILED,
        "frames are missing",
        "samples are missing",
        "the microphone's buffer overflowed",
    ]
    assert [reason for reason in said if not any(one in reason for one in known)] == []


def test_seeking_and_one_track(desk: Desk) -> None:
    """K5: a click on the time line goes there, back and forth; sound only and image only play as well."""
    browser = desk.judged(desk.home / "a.zip")
    browser.give("#key", desk.one.file("manager-1"))
    browser.state("open")
    plays(browser, 0.3)
    browser.do("click", at="#to-press")
    plays(browser, 3.0)
    browser.do("eval", js="void (document.querySelector('video').currentTime = 0.5)")
    browser.do("wait", js="document.querySelector('video').currentTime < 2 && !document.querySelector('video').seeking")
    for kind, wide in (("only-video", 640), ("only-audio", 0)):
        browser.do("choose", at="#tracks", value=kind)
        browser.do("wait", js=f"document.querySelector('video').videoWidth === {wide}")
        plays(browser, 0.5)
    assert browser.do("errors") == []


@pytest.mark.case("people 9")
def test_two_groups_at_one_computer_and_at_two(desk: Desk, tmp_path: Path) -> None:
    """R6: one holder after the other on one page; or a half of the first that alone opens nothing, on a second page,
    also that of the command; time stamps that begin again in the middle do not stop it.
    """
    browser = desk.judged(desk.home / "b.zip")
    browser.give("#key", desk.two.file("custodian-2"))
    assert browser.state("half", "open", "closed", "failed") == "half"
    assert "Groep 1 van 2 is akkoord" in browser.text("#opening")
    browser.do("save", at="#save-half", path=str(tmp_path / "b.half"))
    browser.give("#key", desk.two.file("secretary-1"))
    assert browser.state("open", "closed", "failed") == "open", browser.text("#opening")
    assert plays(browser, 3.5)["seconds"] == pytest.approx(SECONDS, abs=0.1)
    assert "AGE-SECRET-KEY" not in (tmp_path / "b.half").read_text()

    browser = desk.judged(desk.home / "b.zip")
    browser.give("#half", tmp_path / "b.half")
    browser.give("#key", desk.two.file("custodian-1"))
    assert browser.state("open", "closed", "failed") == "closed"
    assert "Groep 1 is al akkoord" in browser.text("#opening")
    browser.give("#key", desk.two.file("secretary-2"))
    assert browser.state("open", "failed") == "open", browser.text("#opening")
    plays(browser)


@pytest.mark.parametrize(("zip_", "key", "words"), [
    ("b.zip", "secretary-1", "Deze sleutel is van groep 2. Eerst moet een houder van groep 1 openen."),
    ("b.zip", "manager-1", "Deze sleutel hoort niet bij deze opname."),
    ("a.zip", "custodian-1", "Deze sleutel hoort niet bij deze opname."),
])  # fmt: skip
def test_the_wrong_key_is_one_sentence(desk: Desk, zip_: str, key: str, words: str) -> None:
    """R6: wrong order, a stranger: one sentence, nothing is shown, and the right one still opens."""
    browser = desk.judged(desk.home / zip_)
    browser.give("#key", (desk.one if key.startswith("manager") else desk.two).file(key))
    assert browser.state("closed", "open", "failed") == "closed"
    assert browser.text("#opening") == words
    assert browser.do("eval", js="document.querySelector('#watch').hidden")


def test_what_is_no_key_is_one_sentence(desk: Desk, tmp_path: Path) -> None:
    """K5: a letter, a typing error, a half of another recording."""
    text = desk.one.file("manager-1").read_text().strip()
    cases = {"Beste": "Dit is geen sleutel.", text[:-2] + ("QP" if text[-2:] != "QP" else "PQ"): "typefout"}
    browser = desk.judged(desk.home / "a.zip")
    for number, (content, words) in enumerate(cases.items()):
        (tmp_path / f"{number}.key").write_text(content)
        browser.give("#key", tmp_path / f"{number}.key")
        assert browser.state("closed", "open", "failed") == "closed"
        assert words in browser.text("#opening")
    half = {"format": "spreekkamer-half/1", "recording_id": B, "layers_open": 1, "envelopes": {}}
    (tmp_path / "x.half").write_text(json.dumps(half))
    browser.give("#half", tmp_path / "x.half")
    assert browser.state("closed") == "closed", "the key before is tried again"
    browser.give("#key", desk.one.file("manager-1"))
    assert browser.state("closed", "open", "failed") == "closed"
    assert browser.text("#opening") == "Dit half geopende bestand hoort bij een andere opname."


def test_a_key_is_made_locked_and_opens(desk: Desk, tmp_path: Path) -> None:
    """R6: a holder makes a key on the page, never without a passphrase; with it, and not without, a recording opens."""
    browser, words = desk.browser, "paard batterij nietje goed"
    browser.open()
    browser.do("click", at="#keymaking summary")
    for first, second, said in (("kort", "kort", "te kort"), (words, words + "x", "niet gelijk")):
        browser.do("fill", at="#new1", words=first)
        browser.do("fill", at="#new2", words=second)
        browser.do("click", at="#make")
        assert said in browser.text("#making")
    browser.do("fill", at="#new2", words=words)
    browser.do("click", at="#make")
    browser.do("wait", js="!document.querySelector('#made').hidden", ms=90_000)
    browser.do("save", at="#save-key", path=str(tmp_path / "my.key"))
    recipient = browser.text("#public")
    assert "BEGIN AGE ENCRYPTED FILE" in (tmp_path / "my.key").read_text()
    mine = Holders(tmp_path / "mine", (("me",),))
    mine.groups = ((recipient,),)
    unit = Unit(tmp_path / "unit")
    unit.record(A, mine, seconds=2)
    desk.judged(as_zip(unit.store / A, tmp_path / "x.zip"))
    browser.give("#key", tmp_path / "my.key")
    assert browser.state("closed", "open", "failed") == "closed"
    assert browser.text("#opening") == "Deze sleutel zit op slot. Vul de wachtwoordzin in."
    browser.do("fill", at="#passphrase", words=words)
    browser.do("eval", js="void (document.body.dataset.state = '')")
    browser.do("click", at="#open")
    assert browser.state("open", "failed", ms=90_000) == "open", browser.text("#opening")


def test_a_key_is_shown_with_a_word(desk: Desk, tmp_path: Path) -> None:
    """K6, R6: the answer to a unit's word, of several units at once, as the command gives it; the envelope of a
    recording passed off as a word is not read out; no request is made.
    """
    said = {}
    for unit in ("een/twee/drie", "een/twee/vier"):
        pairs = [(str(key.to_public()), f"{SEALED}abcd-{unit[-4:]}-ijkm-npqr-stuv") for key in desk.one.keys.values()]
        words = [{"label": "x", "sealed": sealed} for sealed in seal_in_child(pairs)]
        said[unit] = f"abcd-{unit[-4:]}-ijkm-npqr-stuv"
        (tmp_path / f"{unit[-4:]}.json").write_text(
            json.dumps({"format": "spreekkamer-words/1", "unit": unit, "words": words})
        )
    browser = desk.browser
    browser.open()
    browser.do("click", at="#proving summary")

    def answer(label: str, *files: Path) -> str:
        browser.do("files", at="#words", paths=[str(file) for file in files])
        browser.do("files", at="#prove-key", paths=[str(desk.one.file(label))])
        browser.do("eval", js="void (document.querySelector('#answering').textContent = '')")
        browser.do("click", at="#answer")
        browser.do("wait", js="document.querySelector('#answering').textContent")
        return browser.text("#answering")

    sealed_for_us = [tmp_path / "drie.json", tmp_path / "vier.json"]
    assert "Geef dit aan beheer" in answer("manager-2", *sealed_for_us)
    told = browser.text("#answers").split()
    assert dict(zip(told[0::3], told[2::3], strict=True)) == said
    envelope = base64.b64encode((desk.unit.store / A / "audio.0.key.age").read_bytes()).decode()
    trap = {"format": "spreekkamer-words/1", "unit": "u", "words": [{"label": "x", "sealed": envelope}]}
    (tmp_path / "trap.json").write_text(json.dumps(trap))
    assert answer("manager-1", tmp_path / "trap.json").startswith("STOP. In trap.json staat iets anders")
    assert "AGE-SECRET" not in str(browser.do("eval", js="document.body.innerText"))
    assert browser.text("#answers") == ""
    for name, text, sentence in (
        ("no.json", "[]", "geen bestand met woorden"), ("null.json", "null", "geen bestand met woorden"),
        ("junk.json", json.dumps({**trap, "words": [None, 7, {"sealed": "%%"}]}), "geen woord voor deze sleutel"),
    ):  # fmt: skip
        (tmp_path / name).write_text(text)
        assert sentence in answer("manager-1", tmp_path / name)
    assert browser.do("axe") == []
    assert browser.do("errors") == []
    assert browser.do("requests") == [PAGE.as_uri()]


def test_parts_of_an_event_and_a_deleted_track(desk: Desk, tmp_path: Path) -> None:
    """K3, R8, H3: a folder with two parts of one event and their sheets: the sound that was deleted is told with its
    receipt and is no fault; a simulated part is named as no evidence; both parts play, one after the other.
    """
    stick = tmp_path / "stick"
    for name in (A, C):
        shutil.copytree(desk.unit.store / name, stick / name)
    shutil.rmtree(stick / A / "audio")
    for envelope in (stick / A).glob("audio.*.key.age"):
        envelope.unlink()
    receipt = {"n": 7, "at_wall_ns": NS, "event": "deleted", "recording_id": A, "track": "audio"}
    (stick / f"{A}.json").write_text(json.dumps({"recording_id": A, "audit_lines": [json.dumps(receipt)]}))
    browser = desk.browser
    browser.open()
    if FIREFOX:  # WebDriver BiDi gives it no directory
        with zipfile.ZipFile(tmp_path / "stick.zip", "w") as archive:
            for file in sorted(stick.rglob("*")):
                archive.write(file, file.relative_to(stick))
        browser.give("#zip", tmp_path / "stick.zip")
    else:
        browser.give("#folder", stick)
    browser.state("judged", "refused")
    assert [(one["id"], one["whole"]) for one in browser.verdicts()] == [(A, "yes"), (C, "yes")]
    told = browser.text("#verdicts")
    assert "Geluid: gewist op zijn tijd, zegt regel 7 van het logboek die meekwam." in told
    assert told.count("NAGEBOOTST") == 1
    browser.give("#key", desk.one.file("manager-1"))
    assert browser.state("open", "closed") == "open"
    plays(browser)
    browser.do("wait", js="document.querySelector('#part').value === '1'")
    plays(browser)
    browser.do("click", at="#language")
    assert "SIMULATED" in browser.text("#verdicts")
    assert browser.do("axe") == []


def test_an_event_in_parts_opens_at_two_computers(desk: Desk, tmp_path: Path) -> None:
    """R6, R8, K5: one half of all its parts; the second holder finds no passphrase of the first. Of what does not open
    (an envelope that was changed, a part without any) each is named, and the rest plays; a begin.json that is none
    leaves no clock, and no error in the console.
    """
    unit, stick = Unit(tmp_path / "unit"), tmp_path / "stick.zip"
    unit.record(B, desk.two, seconds=2)
    unit.record(A, desk.two, seconds=2, start_ns=1_010 * NS, at_wall_ns=1_800_000_010 * NS, continues=B)
    unit.record(C, desk.one, seconds=2, start_ns=1_020 * NS, at_wall_ns=1_800_000_020 * NS, continues=A)
    for broken in (*(unit.store / C).glob("*.key.age"), unit.store / B / "begin.json"):
        broken.unlink()
    (unit.store / B / "begin.json").write_text("{}\n")
    data = bytearray((unit.store / A / "audio.0.key.age").read_bytes())
    (unit.store / A / "audio.0.key.age").unlink()
    (unit.store / A / "audio.0.key.age").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    as_zip(unit.store, stick)
    browser = desk.judged(stick)
    browser.do("fill", at="#passphrase", words="iets van de eerste")
    browser.give("#key", desk.two.file("custodian-1"))
    assert browser.state("half", "open", "closed", "failed") == "half", browser.text("#opening")
    assert browser.do("eval", js="document.querySelector('#passphrase').value") == ""
    browser.do("save", at="#save-half", path=str(tmp_path / "x.half"))
    browser = desk.judged(stick)
    browser.give("#half", tmp_path / "x.half")
    browser.give("#key", desk.two.file("secretary-1"))
    assert browser.state("open", "half", "closed", "failed") == "open", browser.text("#opening")
    told = browser.text("#opening")
    assert "Deel 3 van 3: De envelop met de sleutel ontbreekt." in told
    assert "audio.0.key.age is veranderd" in told
    plays(browser, 0.5)
    browser.do("click", at="#to-press")
    browser.do("wait", js="document.querySelector('#part').value === '1'")
    plays(browser, 0.5)
    assert browser.do("eval", js="document.querySelectorAll('#part option').length") == 2
    assert browser.text("#mp4") == "Bewaar deel 2 van 3 als MP4"
    browser.do("width", px=320)
    browser.do("wait", js="innerWidth === 320")
    browser.do("eval", js="document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert browser.do("eval", js="document.documentElement.scrollWidth <= innerWidth")
    wide = "[...document.querySelectorAll('main *, footer *')].filter((one) => one.getBoundingClientRect().right > 321)"
    assert browser.do("eval", js=f"{wide}.map((one) => one.id || one.tagName)") == [], "on a phone"
    assert browser.do("errors") == []


def test_signers_that_come_later(desk: Desk, tmp_path: Path) -> None:
    """K5: a file without a unit's key is no reason to call the recording a stranger's; the right one, as Notepad saves
    it, answers while the recording stays open.
    """
    browser = desk.judged(desk.home / "a.zip")
    (tmp_path / "brief.txt").write_text("Beste")
    browser.give("#signers", tmp_path / "brief.txt")
    assert browser.state("failed", "judged") == "failed"
    assert "In brief.txt staat geen sleutel van een kastje." in browser.text("#giving")
    assert [one["unit"] for one in browser.verdicts()] == ["unknown"]
    browser.give("#key", desk.one.file("manager-1"))
    browser.state("open")
    key = desk.unit.key.with_suffix(".pub").read_text().split()[1]
    line = f"\ufeffvoorbeeldstad/stadhuis/spreekkamer-1 ssh-ed25519 {key}\r\n"
    (tmp_path / "allowed_signers").write_bytes(line.encode("utf-16-le"))
    browser.give("#signers", tmp_path / "allowed_signers")
    assert browser.state("open", "judged", "failed") == "open"
    assert [one["unit"] for one in browser.verdicts()] == ["yes"]
    assert browser.text("#giving") == ""
    plays(browser, 0.3)


@pytest.mark.parametrize("what", REFUSED)
def test_a_hostile_zip_is_refused_in_a_sentence(desk: Desk, tmp_path: Path, what: str) -> None:
    """K5: names that lead out, links, bombs: refused as a whole, as the command does."""
    spoil, _ = REFUSED[what]
    shutil.copytree(desk.unit.store / A, tmp_path / A)
    if what == "a link":
        (tmp_path / A / "end.json").unlink()
    path = as_zip(tmp_path / A, tmp_path / "x.zip")
    with zipfile.ZipFile(path, "a") as archive:
        spoil(archive)
    browser = desk.judged(path)
    assert browser.state("refused", "judged", "failed") == "refused"
    assert len(browser.text("#giving")) > 20


DAMAGED = ("truncated segment", "missing segment", "foreign file", "changed chain line", "torn end of a chain",
           "missing envelope", "bad signature of the sums", "another unit's signature", "missing sums")  # fmt: skip


def test_the_page_and_the_command_name_the_same_damage(desk: Desk, tmp_path: Path) -> None:
    """K5: the same recording with the same damage: the same files named, in the same words, the same two answers."""
    keys = public_keys(desk.unit.signers, RECORDINGS)
    browser = desk.browser
    browser.open()
    browser.give("#signers", desk.unit.signers)
    for what in DAMAGED:
        stick = tmp_path / what.replace(" ", "-").replace("'", "")
        shutil.copytree(desk.unit.store / A, stick / "recordings" / A)
        PLANTED[what][0](stick / "recordings" / A, stick)
        path = as_zip(stick / "recordings" / A, stick / "x.zip")
        browser.give("#zip", path)
        browser.state("judged", "refused")
        (mine,), (source,) = browser.verdicts(), sources(path)
        verdict = verify(source, keys).verdict
        theirs = [{"path": fault.path, "what": fault.what} for fault in verdict.faults]
        assert (mine["whole"] == "yes", mine["unit"], mine["faults"]) == (verdict.whole, verdict.unit, theirs), what


def test_who_may_sign_and_when(desk: Desk, tmp_path: Path) -> None:
    """K5: names and dates of an allowed_signers count in the page as in the command: another unit's line, a key that is
    revoked or not valid yet, a line for something else.
    """
    key, mine = (desk.unit.key.with_suffix(".pub")).read_text().split()[1], "voorbeeldstad/stadhuis/spreekkamer-1"
    lines = {
        f"{mine} ": "yes", "room-1 ": "yes", f"x/y/z,{mine} ": "yes", "x/y/z ": "no", "": "yes",
        f'{mine} valid-before="20200101" ': "no", f'{mine} valid-after="20990101" ': "no",
        f'{mine} valid-after="20200101Z",valid-before="209901010000Z" ': "yes",
        f'{mine} namespaces="spreekkamer" ': "yes",
    }  # fmt: skip
    browser = desk.judged(desk.home / "a.zip")
    (source,) = sources(desk.home / "a.zip")
    for number, (start, wanted) in enumerate(lines.items()):
        signers = tmp_path / f"signers-{number}"
        signers.write_text(f"{start}ssh-ed25519 {key}\n")
        browser.give("#signers", signers)
        browser.state("judged")
        answers = (browser.verdicts()[0]["unit"], verify(source, public_keys(signers, RECORDINGS)).verdict.unit)
        assert answers == (wanted, wanted), start


def test_no_script_runs_out_of_data(desk: Desk, tmp_path: Path) -> None:
    """K5: names and reasons that look like markup are shown as text; nothing of them runs."""
    evil = "<img src=x onerror=alert(1)><script>document.title='x'</script>"
    unit = Unit(tmp_path / "unit")
    unit.record(A, desk.one, seconds=3, holes={1: evil}, unit=evil, policy=evil)
    (unit.store / A / "x<img src=x onerror=alert(1)>").write_text("x")
    browser = desk.judged(as_zip(unit.store / A, tmp_path / "x.zip"))
    assert "<img src=x onerror=alert(1)>" in browser.text("#verdicts")
    assert browser.do("eval", js="document.querySelectorAll('#verdicts img, #verdicts script').length") == 0
    assert browser.do("eval", js="document.title") == "Een opname bekijken"
    assert browser.do("requests") == [PAGE.as_uri()]


def test_the_custody_sheet_on_paper(desk: Desk, tmp_path: Path) -> None:
    """K5: one sheet to print: recording, unit, answers, hashes, ground and places to sign."""
    browser = desk.judged(desk.home / "a.zip")
    browser.give("#key", desk.one.file("manager-1"))
    browser.state("open")
    for at, words in {"#incident": "2026-0417", "#role": "manager", "#officer": "bsg X, PL0600"}.items():
        browser.do("fill", at=at, words=words)
    browser.do("eval", js="void (window.print = () => {})")
    browser.do("click", at="#print")
    browser.do("pdf", path=str(tmp_path / "x.pdf"))
    paper = str(browser.do("eval", js="document.querySelector('#paper').textContent"))
    for words in (A, "2026-0417", "bsg X, PL0600", "Ontvangen door", "Kop van de keten"):
        assert words in paper
    assert (tmp_path / "x.pdf").read_bytes().startswith(b"%PDF")


def test_media_that_is_no_media(desk: Desk, tmp_path: Path) -> None:
    """K5: sealed and signed as it should be, and noise inside, with times beyond all bounds: whole, open, and one
    sentence each from page and command; no film, nothing half-made, no error in the console.
    """
    unit, home = Unit(tmp_path / "unit"), tmp_path / "out"
    home.mkdir()
    begin = records.Begin(
        A, "u", "p", "0" * 64, "one", "synchronised", NS, NS, NS, 1.0, alarm=True, continues=None,
        tracks={"video": records.TrackBegin(NS, NS, 672)}, groups=desk.one.groups, previous_head="",
    )  # fmt: skip
    bundle, key = Bundle(unit.store, begin, lambda data: sign(data, unit.key)), make_key(desk.one.groups)
    for n, noise in enumerate((b"", b"G" * 188 * 40, os.urandom(5_000))):
        bundle.add([Sealed("video", n * 10**18, -5, NS, "synchronised", 25, seal(noise, key), key)])
    bundle.end("asked", "", Clock(NS, NS))
    browser = desk.judged(as_zip(unit.store / A, tmp_path / "x.zip"))
    assert [one["whole"] for one in browser.verdicts()] == ["yes"]
    browser.give("#key", desk.one.file("manager-1"))
    assert browser.state("open", "closed", "failed") == "open"
    assert browser.text("#opening") == "Open, maar hier is geen beeld of geluid dat te tonen is."
    browser.do("click", at="#mp4")
    browser.do("wait", js="document.querySelector('#mp4-status').classList.contains('wrong')")
    assert browser.do("errors") == []
    words = ["evidence", "open", str(tmp_path / "x.zip"), "--identity", str(desk.one.file("manager-1"))]
    done = CliRunner().invoke(app, [*words, "--out", str(home / "x.mp4")])
    assert isinstance(done.exception, StoreError), done.output
    assert list(home.iterdir()) == []


def test_the_sides_of_a_call_are_heard_apart(desk: Desk, tmp_path: Path) -> None:
    """K5, issue 16: a desk's recording has its sides by name: each is heard alone on both ears, and together as they
    were recorded; by the keyboard, in both languages; the film keeps both channels, and the sheet says which is whose.
    """
    names, (staff, caller) = ("medewerker", "beller"), TONES_HZ
    path = desk.unit.record(D, desk.one, seconds=60, tracks=("audio",), channel_names=names)
    browser = desk.judged(as_zip(path, tmp_path / "call.zip"))
    assert [one["whole"] for one in browser.verdicts()] == ["yes"]
    browser.give("#key", desk.one.file("manager-1"))
    assert browser.state("open", "closed", "failed") == "open", browser.text("#opening")
    plays(browser)
    options = "[...document.querySelectorAll('#sides option')].map((one) => one.textContent)"
    said = ["beide kanten: links medewerker, rechts beller", "alleen medewerker", "alleen beller"]
    assert browser.do("eval", js=options) == said
    assert "Luisteren naar" in browser.text("#watch")
    assert browser.do("axe") == []
    browser.do("eval", js=(ROOT / "tests/browser/ears.js").read_text())
    for _ in range(60):
        browser.do("type", key="Tab")
        if browser.do("eval", js="document.activeElement.id") == "sides":
            break
    assert browser.do("eval", js="document.activeElement.id") == "sides"
    for key, heard in (
        ("ArrowDown", [[staff], [staff]]),
        ("ArrowDown", [[caller], [caller]]),
        ("Home", [[staff], [caller]]),
    ):
        browser.do("type", key=key)
        expected = json.dumps(heard, separators=(",", ":"))
        browser.do("wait", js=f"JSON.stringify(heard({json.dumps(TONES_HZ)})) === '{expected}'")
    browser.do("click", at="#language")
    assert browser.do("eval", js=options)[0] == "both sides: medewerker left, beller right"
    browser.do("save", at="#mp4", path=str(tmp_path / "x.mp4"))
    with av.open(tmp_path / "x.mp4") as film:
        sound = np.concatenate([frame.to_ndarray() for frame in film.decode(audio=0)], axis=1)
    assert [tone(side) for side in sound] == [pytest.approx(hz, abs=2) for hz in TONES_HZ]
    browser.do("eval", js="void (window.print = () => {})")
    browser.do("click", at="#print")
    assert "medewerker left, beller right" in browser.do("eval", js="document.querySelector('#paper').textContent")
    assert browser.do("errors") == []


def tone(side: Any) -> float:
    """The loudest frequency."""
    bins = np.abs(np.fft.rfft(side[24_000:72_000]))
    return float(np.argmax(bins))


@pytest.mark.parametrize("names", [("a",), ("<img src=x>", "b"), ("a", "b", "c"), ("a" * 33, "b")])
def test_names_that_no_unit_has_are_not_shown(desk: Desk, tmp_path: Path, names: tuple[str, ...]) -> None:
    """K5: sides whose names are none of a unit's settings are not offered; the sound plays as it is."""
    path = Unit(tmp_path / "unit").record(D, desk.one, seconds=3, tracks=("audio",), channel_names=names)
    browser = desk.judged(as_zip(path, tmp_path / "call.zip"))
    browser.give("#key", desk.one.file("manager-1"))
    assert browser.state("open", "closed", "failed") == "open"
    assert browser.do("eval", js="document.querySelector('#listen').hidden")
    assert browser.do("errors") == []
