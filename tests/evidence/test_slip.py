# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A slip from end to end: a copy that a keeper handed out, opened on the page, its slip brought back to that keeper."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from daemon import link, sign
from daemon.__main__ import app
from daemon.commands import evidence
from daemon.errors import RequestError
from daemon.evidence.export import to_medium
from daemon.link import Conversation
from daemon.model.register import Handing
from tests.evidence.browser import Browser
from tests.evidence.made import Holders, Unit
from tests.evidence.test_export import A, B, record
from tests.keeper.desks import NOW_NS, RunningKeeper, open_desk

TWO = (("custodian-1",), ("secretary-1",))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One; every test opens a page of its own."""
    made = Browser()
    yield made
    made.close()


def handed_out(keeper: RunningKeeper, to: Path, name: str = A, role: str = "manager") -> Path:
    """The zip of a copy."""
    with Conversation(keeper.paths.keeper_socket) as said:
        path = to_medium(said, name, to, lambda _: None, Handing("report_to_police", "PL-114", role)).path
    assert path is not None
    return path


LATER = "class extends Date { constructor(...at) { super(...(at.length ? at : [Date.now() + 3_600_000])); } }"
"""A computer's clock an hour later."""


def opened(browser: Browser, copy: Path, *keys: Path, later: bool = False) -> None:
    """A fresh page on which these keys have opened the copy."""
    browser.open()
    if later:
        browser.do("eval", js=f"void (window.Date = {LATER})")
    browser.give("#zip", copy)
    assert browser.state("judged", "refused", "failed") == "judged"
    browser.give("#key", *keys)
    assert browser.state("open", "half", "closed", "failed") == "open", browser.text("#opening")


def saved(browser: Browser, to: Path, number: str = "PL-114", role: str = "manager") -> Path:
    """The slip that the page saves."""
    for at, words in (("#incident", number), ("#role", role)):
        browser.do("eval", js=f"void (document.querySelector({at!r}).value = {words!r})")
    assert browser.do("save", at="#save-slip", path=str(to)) == "melding-aaaaaaaa.json"
    return to


def bring(keeper: RunningKeeper, *slips: Path) -> Result:
    """Somebody brings slips to the unit."""
    return CliRunner().invoke(app, ["evidence", "slip", *map(str, slips), "--state", str(keeper.paths.etc.parent)])


def test_the_pages_slip_is_noted_once(browser: Browser, tmp_path: Path) -> None:
    """K3: the slip of whoever opened an event is noted for each of its parts, with what it was for; brought again, it
    is refused and says why; a part of it that was changed costs itself alone. ssh-keygen finds the signature good.
    """
    holders = Holders(tmp_path / "holders")
    with open_desk("heusden-2020", NOW_NS) as keeper:
        record(keeper, A, holders)
        record(keeper, B, holders, continues=A)
        opened(browser, handed_out(keeper, tmp_path), holders.file("manager-1"))
        assert browser.do("axe") == []
        slip = saved(browser, tmp_path / "melding.json")
        lines = slip.read_text().splitlines()
        (key,) = {key for line in keeper.told("handed_out") if line["recording_id"] == A for key in line["slip_keys"]
                  if _is_good(key, json.loads(lines[0]), tmp_path)}  # fmt: skip
        assert key.startswith("ssh-ed25519 ")
        changed = tmp_path / "changed.json"
        changed.write_text(f"{lines[0]}\n{lines[1].replace('PL-114', 'PL-115')}\n")
        done = bring(keeper, changed)
        assert (done.exit_code, "changed after it was signed" in done.output) == (10, True)
        done = bring(keeper, slip)
        assert (done.exit_code, "noted before" in done.output) == (10, True)
        done = bring(keeper, slip)
        assert done.exit_code not in {0, 10}
        noted = keeper.told("copy_used")
        assert [(line["recording_id"], line["use"], line["purpose"], line["number"]) for line in noted] == [
            (A, "opened", "report_to_police", "PL-114"), (B, "opened", "report_to_police", "PL-114"),
        ]  # fmt: skip


def _is_good(key: str, line: dict[str, str], home: Path) -> bool:
    (home / "who").write_text(f"slip {key}\n")
    (home / "sig").write_text(line["signature"])
    about = ["-f", str(home / "who"), "-I", "slip", "-n", "spreekkamer-slip", "-s", str(home / "sig")]
    command = ["ssh-keygen", "-Y", "verify", *about]
    return subprocess.run(command, input=line["slip"].encode(), capture_output=True, check=False).returncode == 0


def test_a_slip_that_is_saved_twice_is_one(browser: Browser, tmp_path: Path) -> None:
    """K3: a person who saves the slip again, an hour later, has the same one: it says when the recording was opened."""
    holders = Holders(tmp_path / "holders")
    with open_desk("heusden-2020", NOW_NS) as keeper:
        record(keeper, A, holders)
        opened(browser, handed_out(keeper, tmp_path), holders.file("manager-1"))
        first = saved(browser, tmp_path / "first.json").read_text()
        browser.do("eval", js=f"void (window.Date = {LATER})")
        assert saved(browser, tmp_path / "second.json").read_text() == first
        opened(browser, tmp_path / "opname-aaaaaaaa.zip", holders.file("manager-1"), later=True)
        assert saved(browser, tmp_path / "third.json").read_text() != first


def test_a_part_that_can_have_no_slip_is_named(browser: Browser, tmp_path: Path) -> None:
    """K3: one of two parts of an event names no key: page and command make the other's slip, and name it."""
    holders = Holders(tmp_path / "holders")
    with open_desk("heusden-2020", NOW_NS) as keeper:
        record(keeper, A, holders)
        record(keeper, B, holders, continues=A, slip_keys=msgspec.UNSET)
        copy = handed_out(keeper, tmp_path)
        opened(browser, copy, holders.file("manager-1"))
        assert len(saved(browser, tmp_path / "melding.json").read_text().splitlines()) == 1
        told = browser.text("#slipping")
        assert "melding-aaaaaaaa.json" in told
        assert "ook die hebt geopend: bbbbbbbb" in told
        slip = tmp_path / "slip"
        said = ["--slip", str(slip), "--purpose", "demand", "--number", "1", "--role", "manager"]
        done = opens(copy, tmp_path / "film.mp4", "--identity", str(holders.file("manager-1")), *said)
        assert (done.exit_code, "bbbbbbbb: names no key for a slip" in done.output) == (10, True)
        assert len(slip.read_text().splitlines()) == 1


def test_two_groups_at_two_computers_make_one_slip(browser: Browser, tmp_path: Path) -> None:
    """K3, K5: one group alone has nothing to sign with; whoever opens with its half can sign for it."""
    holders = Holders(tmp_path / "holders", TWO)
    with open_desk("dronten-2014", NOW_NS) as keeper:
        record(keeper, A, holders)
        copy = handed_out(keeper, tmp_path, role="custodian")
        browser.open()
        browser.give("#zip", copy)
        browser.state("judged")
        browser.give("#key", holders.file("custodian-1"))
        assert browser.state("open", "half", "closed") == "half"
        assert browser.do("eval", js="document.querySelector('#take').hidden") is True
        browser.do("save", at="#save-half", path=str(tmp_path / "half"))
        browser.open()
        browser.give("#zip", copy)
        browser.state("judged")
        browser.do("files", at="#half", paths=[str(tmp_path / "half")])
        browser.give("#key", holders.file("secretary-1"))
        assert browser.state("open", "half", "closed") == "open", browser.text("#opening")
        done = bring(keeper, saved(browser, tmp_path / "melding.json", role="secretary"))
        assert done.exit_code == 0, done.output
        assert [line["on_behalf_of"] for line in keeper.told("copy_used")] == ["secretary"]


def test_what_the_unit_would_refuse_is_said_on_the_page(browser: Browser, tmp_path: Path) -> None:
    """K3: no number, a name where a role belongs: a sentence while the recording is open, and nothing is saved. A
    recording of an earlier release has no key for slips: the page says so, and so does the unit.
    """
    holders = Holders(tmp_path / "holders")
    with open_desk("heusden-2020", NOW_NS) as keeper:
        record(keeper, A, holders)
        copy = handed_out(keeper, tmp_path)
        opened(browser, copy, holders.file("manager-1"))
        for number, role, words in (
            ("", "manager", "het nummer"),
            ("2026-1", "J. Janssen", "een rol uit het protocol"),
        ):
            for at, value in (("#incident", number), ("#role", role)):
                browser.do("eval", js=f"void (document.querySelector({at!r}).value = {value!r})")
            browser.do("eval", js="void document.querySelector('#save-slip').click()")
            browser.do("wait", js=f"document.querySelector('#slipping').innerText.includes({words!r})")
        record(keeper, B, holders, slip_keys=msgspec.UNSET)
        (tmp_path / "old").mkdir()
        opened(browser, handed_out(keeper, tmp_path / "old", B), holders.file("manager-1"))
        for at, value in (("#incident", "2026-1"), ("#role", "manager")):
            browser.do("eval", js=f"void (document.querySelector({at!r}).value = {value!r})")
        browser.do("eval", js="void document.querySelector('#save-slip').click()")
        browser.do("wait", js="document.querySelector('#slipping').innerText.includes('oudere versie')")
        assert "slip_keys" not in keeper.told("handed_out")[-1]


def test_the_command_that_opens_makes_a_slip_too(tmp_path: Path) -> None:
    """K3: `evidence open --slip` makes one a part, before the film; the unit takes each once, with what it was for."""
    holders = Holders(tmp_path / "holders", TWO)
    with open_desk("dronten-2014", NOW_NS) as keeper:
        record(keeper, A, holders)
        record(keeper, B, holders, continues=A)
        copy = handed_out(keeper, tmp_path, role="custodian")
        by = [part for name in ("custodian-1", "secretary-1") for part in ("--identity", str(holders.file(name)))]
        slip = tmp_path / "melding.json"
        said = ["--slip", str(slip), "--purpose", "complaint", "--number", "2026-7", "--role", "secretary"]
        done = opens(copy, tmp_path / "film.mp4", *by, *said)
        assert (done.exit_code, "bring it to the unit" in done.output) == (0, True), done.output
        done = bring(keeper, slip)
        assert done.exit_code == 0, done.output
        fields = ("recording_id", "purpose", "number", "on_behalf_of")
        noted = [tuple(line[field] for field in fields) for line in keeper.told("copy_used")]
        assert noted == [(name, "complaint", "2026-7", "secretary") for name in (A, B)]
        done = opens(copy, tmp_path / "other.mp4", *by, *said)
        assert "melding.json: is there already" in str(done.exception)
        assert not (tmp_path / "other.mp4").exists()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (("--slip", "x", "--number", "2026-1", "--role", "manager"), "--slip: expected --purpose"),
        (("--slip", "x", "--purpose", "demand", "--number", "Janssen", "--role", "manager"), "--number: .*no name"),
        (("--slip", "x", "--purpose", "demand", "--number", "1", "--role", "J. Jansen"), "--role, .*no name"),
        (("--number", "2026-1"), "expected --slip FILE"),
    ],
)  # fmt: skip
def test_a_slip_that_the_unit_would_refuse_is_not_made(tmp_path: Path, said: tuple[str, ...], why: str) -> None:
    """K3: it is said before anything is opened."""
    done = opens(tmp_path / "none.zip", tmp_path / "film.mp4", *said)
    assert isinstance(done.exception, RequestError)
    assert re.search(why, str(done.exception))
    assert list(tmp_path.iterdir()) == []


def test_a_recording_without_a_key_for_slips_is_opened_all_the_same(tmp_path: Path) -> None:
    """K3: of an earlier release: the film is there, no slip is, and what to do instead is said. Exit code 10."""
    holders, unit = Holders(tmp_path / "holders"), Unit(tmp_path / "unit")
    copy = unit.record(A, holders, seconds=2, slip_keys=msgspec.UNSET)
    said = ["--slip", str(tmp_path / "slip"), "--purpose", "demand", "--number", "1", "--role", "manager"]
    done = opens(copy, tmp_path / "film.mp4", "--identity", str(holders.file("manager-1")), *said)
    assert (done.exit_code, "note its opening with `evidence used`" in done.output) == (10, True)
    assert (tmp_path / "film.mp4").stat().st_size > 0
    assert not (tmp_path / "slip").exists()


def opens(copy: Path, film: Path, *said: str) -> Result:
    """A custodian opens by command."""
    return CliRunner().invoke(app, ["evidence", "open", str(copy), "--out", str(film), *said])


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A key for slips, as opening gives it."""
    made = tmp_path / "key"
    sign.make_key(made, "slip", sign.SLIPS)
    return made


def handed_with(keeper: RunningKeeper, key: Path, to: Path) -> None:
    """A copy of a recording with this key for its slips."""
    public = " ".join(key.with_suffix(".pub").read_text().split()[:2])
    record(keeper, A, Holders(to / "holders"), slip_keys=(public,))
    handed_out(keeper, to)


def slip_of(key: Path, to: Path, number: int = 1) -> Path:
    """A slip without a page."""
    told = {"recording_id": A, "use": "opened", "purpose": "demand", "number": f"{number}", "on_behalf_of": "manager"}
    words = json.dumps({**told, "opened_at": "2026-11-30T09:00:00Z", "format": "spreekkamer-slip/1"})
    to.write_text(json.dumps({"slip": words, "signature": sign.sign(words.encode(), key, sign.SLIPS).decode()}))
    return to


def test_a_file_that_is_none_costs_itself_alone(tmp_path: Path, key: Path) -> None:
    """K3: of several files one is no slip, one is a directory, one is not there, one never ends: each is named, and the
    others are noted and told. Windows' Notepad may have saved one.
    """
    with open_desk("heusden-2020", NOW_NS) as keeper:
        handed_with(keeper, key, tmp_path)
        first, second = (slip_of(key, tmp_path / f"good{n}", n) for n in (1, 2))
        second.write_text(second.read_text(), encoding="utf-16")
        (tmp_path / "wrong").write_text("{}")
        done = bring(keeper, tmp_path / "wrong", first, tmp_path, tmp_path / "none", Path("/dev/zero"), second)
        assert done.exit_code == 10
        assert [line["number"] for line in keeper.told("copy_used")] == ["1", "2"]
        assert done.output.count("noted as opened") == 2
        for why in (
            "wrong: is no slip", "Is a directory", "none: No such file", "/dev/zero: is no slip",
        ):  # fmt: skip
            assert why in done.output


def test_a_unit_that_goes_costs_no_word_about_what_was_noted(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K3: the keeper stops between two slips: the first was noted, and is told; where none was, all reasons are."""
    with open_desk("heusden-2020", NOW_NS) as keeper:
        handed_with(keeper, key, tmp_path)
        slips = [slip_of(key, tmp_path / f"slip{n}", n) for n in range(3)]
        ask = link.ask

        def once(path: Path, verb: str, **args: str) -> object:
            monkeypatch.setattr(evidence, "ask", lambda _, *__, **___: ask(tmp_path / "gone", verb, **args))
            return ask(path, verb, **args)

        monkeypatch.setattr(evidence, "ask", once)
        done = bring(keeper, *slips)
        assert (done.exit_code, done.output.count("noted as opened"), done.output.count("running?")) == (10, 1, 1)
        monkeypatch.setattr(evidence, "ask", ask)
        (tmp_path / "wrong").write_text("{}")
        done = bring(keeper, slips[0], tmp_path / "wrong")
        assert "noted before" in str(done.exception)
        assert "wrong: is no slip" in done.output


def test_what_is_no_slip_is_named(tmp_path: Path) -> None:
    """K3: a file that is no slip, an empty one, none at all: its name and what was expected; no unit is asked."""
    for data in (b"\x00\xff", b"{}", b"", b"[1]" * 50_000):
        (tmp_path / "x").write_bytes(data)
        done = CliRunner().invoke(app, ["evidence", "slip", str(tmp_path / "x"), "--state", str(tmp_path)])
        assert done.exit_code != 0
        assert "expected a slip as the page" in str(done.output) + str(done.exception)
    done = CliRunner().invoke(app, ["evidence", "slip", str(tmp_path / "none"), "--state", str(tmp_path)])
    assert "No such file" in str(done.output) + str(done.exception)
