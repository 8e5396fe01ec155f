# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The notice commands: files that open, on paper and on screen, and a verdict on those that hang already."""

from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from daemon.__main__ import app
from daemon.commands import sticker
from daemon.config import load
from daemon.errors import RequestError
from daemon.model.notice import make
from daemon.model.signers import SIGNERS_MAX, codes
from daemon.model.wording import Notice
from simulators.robot.worlds import FITTED
from simulators.state import prepare
from tests.browser.browser import story
from tests.commandline import spreekkamer
from tests.tools.draw_notices import SENDER

SVG = "{http://www.w3.org/2000/svg}"
TALK = '[notice]\norganisation = "Gemeente Voorbeeldstad"\ncontact = "bel 14 0416"\n'


def unit(tmp_path: Path, name: str = "heusden-2020") -> Path:
    """A unit's directory under a shipped policy, with a sender."""
    state = tmp_path / "unit"
    prepare(state, name, FITTED, ("localhost", 1883))
    policy = state / "etc" / "policy.toml"
    policy.write_text(policy.read_text().replace("[audio]", f"{TALK}\n[audio]", 1))
    return state


def words_of(pdf: bytes) -> str:
    """What a PDF of ours sets, as its page's stream has it."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return b"\n".join(zlib.decompress(stream) for stream in streams if stream[:1] == b"x").decode("latin-1")


def test_the_sticker_is_one_in_both_formats(tmp_path: Path) -> None:
    """H2: SVG and PDF say the same words, in the same places, with the code; both are A5."""
    state = unit(tmp_path)
    for suffix in (".svg", ".pdf"):
        done = spreekkamer("notice", "sticker", "--state", str(state), "--out", str(tmp_path / f"sticker{suffix}"))
        assert done.returncode == 0, done.stderr
    drawn = ET.parse(tmp_path / "sticker.svg").getroot()  # noqa: S314 - our own drawing
    assert (drawn.get("width"), drawn.get("height")) == ("148mm", "210mm")
    lines = [text.text or "" for text in drawn.iter(f"{SVG}text")]
    pdf = (tmp_path / "sticker.pdf").read_bytes()
    assert re.search(rb"/MediaBox \[0 0 419\.53 595\.28\]", pdf)
    said = words_of(pdf)
    assert lines[0] == "Hier kan worden"
    for line in lines:
        assert f"({line}) Tj" in said, line
    code = make("sticker", load(state / "etc").policy).code
    assert lines[-1] == f"Versie {code}"


@pytest.mark.parametrize(
    "name",
    ["heusden-2020", "heusden-2020-kcc", "dronten-2014", "dronten-2021-11-10", "dronten-2021-11-16", "dronten-2022"],
)
@pytest.mark.parametrize("signers", [0, 2, SIGNERS_MAX])
def test_no_line_leaves_the_sticker(tmp_path: Path, name: str, signers: int) -> None:
    """H2: under each policy, and with as many signers as there can be, all words stay on the sticker, below the signs
    and apart from the foot.
    """
    policy = replace(load(unit(tmp_path, name) / "etc").policy, notice=SENDER)
    notice = make("sticker", policy, signers=codes(bytes([n]) for n in range(signers)))
    marks = sticker.draw(notice, policy.tracks())
    lines = [mark for mark in marks if isinstance(mark, sticker.Words)]
    assert all(line.x + line.width <= sticker.WIDTH_MM - sticker.EDGE_MM for line in lines)
    assert all(50 < line.y <= sticker.HEIGHT_MM - sticker.EDGE_MM for line in lines)
    heights = [line.y for line in lines]
    assert heights == sorted(heights)
    assert len(set(heights)) == len(heights), "no line is set over another"
    body, foot = ([line for line in lines if line.fill == fill] for fill in (sticker.BLACK, sticker.GREY))
    assert foot[0].y - body[-1].y > body[-1].size * 1.5, "the sender is no line of the text"
    assert sum(line.text.count("-") for line in foot) >= 3 * signers


def test_what_does_not_fit_is_refused_in_words() -> None:
    """H2: a text too long, a word longer than a line and a letter that the font lacks each say what was expected."""

    def drawn(*paragraphs: str) -> list[sticker.Mark]:
        return sticker.draw(Notice("sticker", "Titel", paragraphs, ()), ("video",))

    with pytest.raises(RequestError, match="does not fit on A5"):
        drawn(*["een heel lange alinea " * 10] * 10)
    with pytest.raises(RequestError, match="too long for a line"):
        drawn("w" * 100)
    with pytest.raises(RequestError, match="Western Europe"):
        drawn("Gemeente Łódź")
    assert len(drawn("een lange alinea " * 14)) > 5, "a long text is set smaller"


def test_texts_come_by_the_policy_of_the_day(tmp_path: Path) -> None:
    """R7: the notice of a day is that of the policy in force on it, and can be made before it is needed."""
    state = unit(tmp_path, "dronten-2014")
    (state / "etc" / "policy.d").mkdir()
    prepare(tmp_path / "later", "dronten-2021-11-16", None, ("localhost", 1883))
    (state / "etc" / "policy.d" / "off.toml").write_text((tmp_path / "later" / "etc" / "policy.toml").read_text())
    before = spreekkamer("notice", "spoken", "--state", str(state), "--on", "2021-11-15").stdout
    after = spreekkamer("notice", "spoken", "--state", str(state), "--on", "2021-11-16").stdout
    assert ("een camera en een microfoon" in before, "geen beeld en geen geluid" in after) == (True, True)
    refused = spreekkamer("notice", "spoken", "--state", str(state), "--on", "tomorrow")
    assert (refused.returncode, "expected a date such as" in refused.stderr) == (12, True)
    refused = spreekkamer("notice", "sticker", "--state", str(state), "--out", str(tmp_path / "sticker.doc"))
    assert (refused.returncode, "expected a name that ends in" in refused.stderr) == (12, True)


def test_callers_are_told_before_the_call(tmp_path: Path) -> None:
    """H4: the sentence for the menu and the one for a letter come by the policy of the desk; a room has none."""
    said = spreekkamer("notice", "call", "--state", str(unit(tmp_path, "heusden-2020-kcc"))).stdout
    menu, letter = said.split("\n\n")[1:3]
    assert menu.startswith("In het keuzemenu: Wij kunnen dit gesprek opnemen. Dat gebeurt alleen als een medewerker")
    assert "De 30 seconden voor de druk horen daarbij. Wilt u geen opname? Zeg dat aan de medewerker." in menu
    assert letter.startswith("In een brief: Belt u ons?")
    assert "1 week" in letter
    (tmp_path / "room").mkdir()
    assert (
        "Voor wie belt is er geen tekst."
        in spreekkamer("notice", "call", "--state", str(unit(tmp_path / "room"))).stdout
    )


def test_a_changed_policy_says_what_to_replace(tmp_path: Path) -> None:
    """H2: codes in use are held against the policy: what fits, what is outdated now, and from which day it will be."""
    state = unit(tmp_path)
    code = make("sticker", load(state / "etc").policy).code
    policy = state / "etc" / "policy.toml"
    policy.write_text(
        policy.read_text().replace(TALK, f'{TALK}[notice.in_use]\nsticker = "{code}"\nletter = "0000-0000"\n')
    )
    (state / "etc" / "policy.d").mkdir()
    later = policy.read_text().replace("2020-05-04", "2090-01-01").replace("term_h = 672", "term_h = 336")
    (state / "etc" / "policy.d" / "shorter.toml").write_text(later)
    done = spreekkamer("notice", "check", "--state", str(state), "--json")
    found = json.loads(done.stdout)
    verdicts = {row["notice"]: row["verdict"] for row in found["notices"]}
    assert done.returncode == 10
    assert verdicts == {"sticker": "fits", "letter": "outdated", "spoken": "not in use", "page": "not in use",
                        "dpia": "not in use", "staff": "not in use", "call": "not in use"}  # fmt: skip
    assert [(row["from"], row["notice"]) for row in found["to_come"]] == [
        ("2090-01-01", "sticker"),
        ("2090-01-01", "letter"),
    ]
    told = spreekkamer("settings", "check", "--state", str(state)).stdout.replace("\n", " ")
    assert "policy.toml: the letter in use is outdated" in told
    assert "policy.d/shorter.toml: the sticker in use is outdated" in told


@pytest.mark.case("people 4")
@pytest.mark.parametrize("which", ["letter", "spoken", "dpia", "sticker", "page"])
@pytest.mark.parametrize("name", ["x.pdf", "x.PDF", "x.docx", "x.svg", "x.html", "x.txt"])
def test_no_file_is_called_what_it_is_not(
    tmp_path: Path, which: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H4: a text goes into no file whose name says PDF, SVG or a word processor's."""
    monkeypatch.setenv("COLUMNS", "200")
    state, to = unit(tmp_path), tmp_path / name
    done = CliRunner().invoke(app, ["notice", which, "--state", str(state), "--out", str(to)])
    drawn = (which, name) in {("sticker", "x.pdf"), ("sticker", "x.svg"), ("page", "x.html")}
    assert to.exists() is (drawn or name == "x.txt")
    if drawn:
        assert to.read_bytes().lstrip().startswith(b"%PDF" if name == "x.pdf" else b"<")
    elif not to.exists():
        assert isinstance(done.exception, RequestError)
        assert "expected a name" in str(done.exception)


def test_the_page_can_be_used_by_everybody_and_asks_nothing(tmp_path: Path) -> None:
    """H4: in a real browser the page of a room that records, and of one that does not, has the notice's words and no
    others, on a phone and a desktop, in light, dark and print; axe-core finds nothing, the keyboard reaches every link
    and sees where it is, nothing is loaded, and what a policy has in it is text.
    """
    pages = {}
    for name in ("heusden-2020", "dronten-2022"):
        state = unit(tmp_path / name, name)
        policy = state / "etc" / "policy.toml"
        policy.write_text(policy.read_text().replace("Gemeente Voor", "<img src=//x.example/p onerror=alert(1)> Voor"))
        file = tmp_path / f"{name}.html"
        done = spreekkamer("notice", "page", "--state", str(state), "--out", str(file))
        assert done.returncode == 0, done.stderr
        pages[name] = (file, make("page", load(state / "etc").policy))
    addresses = {name: file.as_uri() for name, (file, _) in pages.items()}
    pictures = os.environ.get("SPREEKKAMER_PICTURES", "")  # to be looked at
    found = story(Path(__file__).parent / "site.js", {"pages": addresses, "pictures": pictures}, within_s=120)
    assert (found["asked"], found["wrong"]) == (["null"], []), "the files themselves, and nothing else"
    for name, (file, notice) in pages.items():
        seen = found["seen"][name]
        assert {look: wrong for look, wrong in seen["axe"].items() if wrong} == {}
        assert {look: wide for look, wide in seen["wide"].items() if wide > 0} == {}
        headings = [part for part in notice.paragraphs if part.endswith("?")]
        assert (len(headings), seen["reached"]) == (8 if name == "heusden-2020" else 0, headings)
        assert seen["led"] == (headings[-1] if headings else "")
        said = [line for line in seen["text"].splitlines() if line.strip()]
        whole = [notice.title, *notice.paragraphs, *notice.sender, f"Versie {notice.code}"]
        assert sorted(said) == sorted([*whole, *headings]), "each question is a link as well"
        assert not re.search("<(script|img|link|iframe)|https?:|url\\(", file.read_text())
