# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The register of use: what alarms were and what became of copies, each a line, the newest counting, nobody named."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec import UNSET

from daemon import durable, sign
from daemon.errors import NotFoundError, RequestError, SealError, StoreError
from daemon.keeper.audit import AuditLog
from daemon.keeper.custody import Asked
from daemon.keeper.register import ALARMS_MAX, SHOWN_MAX, SLIPS_MAX, Register, handing
from daemon.link import MESSAGE_BYTES_MAX
from daemon.model import acts, register
from daemon.model.acts import Place
from daemon.model.holds import By
from daemon.model.ledger import Acted, Line
from tests.keeper.stores import WALL_NS, Clock, audit_lines, name
from tests.waiting import PATIENCE_S

ROLES = frozenset({"manager", "secretary"})
OPENED = "2026-11-30T09:00:00Z"


@dataclasses.dataclass
class Book:
    """A register on a log of its own, and the one who asks it."""

    store: Path
    book: Register
    audit: AuditLog

    def raised(self, alarm_id: str, n: int = 1) -> None:
        """An alarm of the room, as the alarm process tells it."""
        self.audit.add(raised(alarm_id), Acted(WALL_NS - n, 0, "one", "synchronised", Place("j", n)))

    def handed_out(self, recording_id: str, *slip_keys: str) -> None:
        """A copy of a recording."""
        self.audit.add(acts.HandedOut(
            recording_id=recording_id, tracks=("audio",), files=1, bytes=1, sums_sha256="0" * 64, holds=(), uid=7,
            role="custodian", slip_keys=slip_keys or UNSET,
        ))  # fmt: skip

    def close(self, alarm: str, **more: Any) -> Any:
        """Somebody says what it was."""
        return self.book.close(asked(alarm=alarm, **{"kind": "verbal", **more}), self.audit)

    def used(self, recording: str, **more: Any) -> Any:
        """Somebody says what became of a copy."""
        about = {"use": "opened", "purpose": "demand", "number": "2026-1", "on_behalf_of": "manager", **more}
        return self.book.used(asked(recording=recording, **about), self.audit)

    def slip(self, key: Path, recording_id: str, *, namespace: str = sign.SLIPS, **more: Any) -> dict[str, str]:
        """A slip as the page makes it, signed with this key."""
        told = {
            "recording_id": recording_id, "use": "opened", "purpose": "demand", "number": "2026-1",
            "on_behalf_of": "manager", "opened_at": OPENED, "format": "spreekkamer-slip/1", **more,
        }  # fmt: skip
        text = json.dumps(told)
        return {"slip": text, "signature": sign.sign(text.encode(), key, namespace).decode()}

    def bring(self, **slip: str) -> Any:
        """Somebody brings it."""
        return self.book.slip(asked(**slip), self.audit)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What stands in the log."""
        return [line for line in audit_lines(self.store) if line["event"] == event]


def raised(alarm_id: str) -> acts.AlarmRaised:
    return acts.AlarmRaised(alarm_id, alarm_id, "alarm", "wired", True, False, None, "")


def asked(**args: Any) -> Asked:
    return Asked(None, By(7, "custodian"), args)  # type: ignore[arg-type]  # nobody answers through it


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    found = Register(ROLES)
    audit = AuditLog(tmp_path / "audit.jsonl", Clock()).open(found.follow)
    yield Book(tmp_path, found, audit)
    audit.close()


def test_an_alarm_is_what_was_said_last(book: Book) -> None:
    """K3: each closing is a line with who and by which role; a later one takes its place, and a restart knows it."""
    book.raised("a1b2")
    assert book.book.page(asked()) == [{"alarm_id": "a1b2", "at_wall_ns": WALL_NS - 1, "kind": None}]
    book.close("a1", measures=["warning", "talk"])
    book.close("a1b2", kind="physical", measures=["ban"], police_report="PL2026/77")
    first, second = book.lines("incident_closed")
    assert (first["kind"], first["measures"], first["police_report"]) == ("verbal", ["talk", "warning"], None)
    assert (second["uid"], second["role"]) == (7, "custodian")
    expected = {"alarm_id": "a1b2", "at_wall_ns": WALL_NS - 1, "kind": "physical", "measures": ("ban",),
                "police_report": "PL2026/77"}  # fmt: skip
    assert book.book.page(asked()) == [expected]
    again = Register(ROLES)
    shutil.copy(book.store / "audit.jsonl", book.store / "copy.jsonl")
    AuditLog(book.store / "copy.jsonl", Clock()).open(again.follow).close()
    assert again.page(asked()) == [expected]


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"kind": "rude"}, "kind: expected verbal"), ({"measures": ["shout"]}, "measures: expected"),
        ({"measures": ["ban", "ban"]}, "each once"), ({"measures": ["ban"] * 7}, "measures: expected"),
        ({"police_report": "=1+1"}, "police_report: expected"), ({"police_report": "a\u202eb"}, "police_report"),
        ({"police_report": "J. de Vries, Dorpsstraat 1"}, "police_report: expected"), ({"who": "me"}, "who"),
        ({"police_report": "Janssen"}, "police_report: expected .*a digit.* 4 letters in a row: leave .* out; no name"),
    ],
)  # fmt: skip
def test_what_is_no_closing_is_refused(book: Book, args: dict[str, Any], why: str) -> None:
    """K3: a word that is not of the closed sets, a number that is none: refused by name, and no line is written."""
    book.raised("a1b2")
    with pytest.raises(RequestError, match=why):
        book.close("a1", **args)
    assert book.lines("incident_closed") == []


def test_an_alarm_that_nobody_raised_is_not_closed(book: Book) -> None:
    """K3: an id that the log does not know, or that fits two alarms, closes nothing; a whole id that begins another
    one's is taken.
    """
    for n, alarm_id in enumerate(("ab12", "ab13", "ab"), 1):
        book.raised(alarm_id, n)
    with pytest.raises(NotFoundError, match="begins with `ff`"):
        book.close("ff")
    with pytest.raises(RequestError, match="begins 2 ids"):
        book.close("ab1")
    assert book.close("ab")["alarm_id"] == "ab"


def test_a_use_is_of_a_copy_that_was_handed_out(book: Book) -> None:
    """K3: what became of a copy is a line with purpose, number and role; of a recording that nobody was ever handed
    nothing can have been opened, and a role that the policy does not know is a name.
    """
    with pytest.raises(NotFoundError, match=r"no recording with a copy handed out .*evidence export"):
        book.used("aaaa")
    book.handed_out(name("a"))
    assert book.used("aaaa")["recording_id"] == name("a")
    book.used("aaaa", use="accessed", purpose="access_request")
    assert [(line["use"], line["purpose"], line["on_behalf_of"]) for line in book.lines("copy_used")] == [
        ("opened", "demand", "manager"), ("accessed", "access_request", "manager"),
    ]  # fmt: skip
    for wrong in (
        {"on_behalf_of": "janssen"},
        {"number": ""},
        {"number": "1" * 65},
        {"number": "Janssen"},
        {"use": "seen"},
        {"purpose": "fun"},
    ):
        with pytest.raises(RequestError, match=next(iter(wrong))):
            book.used("aaaa", **wrong)
    assert len(book.lines("copy_used")) == 2


@pytest.fixture
def keys(tmp_path: Path) -> list[Path]:
    """Two keys, of two recordings."""
    made = [tmp_path / "keys" / which for which in "ab"]
    made[0].parent.mkdir()
    for key in made:
        sign.make_key(key, key.name, sign.SLIPS)
    return made


def public(key: Path) -> str:
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])


def test_a_slip_notes_an_opening_once(book: Book, keys: list[Path]) -> None:
    """K3: whoever opened a copy signed for it; the log has purpose, number, role and when. The same slip again, also
    after a restart and with its signature written otherwise, is refused; another opening has another slip.
    """
    book.handed_out(name("a"), public(keys[1]), public(keys[0]))
    one = book.slip(keys[0], name("a"))
    assert book.bring(**one)["purpose"] == "demand"
    (line,) = book.lines("copy_used")
    expected = {
        "use": "opened",
        "number": "2026-1",
        "on_behalf_of": "manager",
        "uid": 7,
        "opened_at": "2026-11-30T09:00:00Z",
    }
    assert {key: line[key] for key in expected} == expected
    for again in (one, {**one, "signature": one["signature"].replace("\n", "\r\n")}):
        with pytest.raises(RequestError, match="noted before"):
            book.bring(**again)
    shutil.copy(book.store / "audit.jsonl", book.store / "copy.jsonl")
    restarted = Register(ROLES)
    log = AuditLog(book.store / "copy.jsonl", Clock()).open(restarted.follow)
    with pytest.raises(RequestError, match="noted before"):
        restarted.slip(asked(**one), log)
    log.close()
    book.bring(**book.slip(keys[0], name("a"), opened_at="2026-12-01T09:00:00Z"))
    assert len(book.lines("copy_used")) == 2


def test_a_forged_slip_is_refused(book: Book, keys: list[Path]) -> None:
    """K3, K7: signed with another recording's key, for another purpose or as something else, changed since, of a
    recording without such a key, of one that nobody was handed, or no slip at all: each says why; no line is written.
    """
    book.handed_out(name("a"), public(keys[0]))
    book.handed_out(name("b"), public(keys[1]))
    book.handed_out(name("c"))
    mine = book.slip(keys[0], name("a"))
    other = book.slip(keys[0], name("a"), purpose="complaint")
    for wrong, why in (
        (book.slip(keys[1], name("a")), "not signed with this recording's key"),
        (book.slip(keys[0], name("b")), "not signed with this recording's key"),
        (book.slip(keys[0], name("a"), namespace="spreekkamer"), "not signed with this recording's key"),
        ({**mine, "signature": other["signature"]}, "changed after it was signed"),
        ({**mine, "slip": mine["slip"].replace("manager", "secretary")}, "changed after it was signed"),
        ({**mine, "signature": "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----"}, "not signed"),
        (book.slip(keys[0], name("c")), "no key for slips; note its opening with `evidence used`"),
        (book.slip(keys[0], name("a").upper()), "slip: recording_id: expected a recording's id"),
        (book.slip(keys[0], name("a"), use="destroyed"), "slip: use: expected"),
        (book.slip(keys[0], name("a"), on_behalf_of="janssen"), "expected a role of the policy"),
        (book.slip(keys[0], name("a"), opened_at="yesterday"), "slip: opened_at: expected"),
        (book.slip(keys[0], name("a"), opened_at="2026-11-30T99:00:00Z"), "slip: opened_at: expected"),
        (book.slip(keys[0], name("a"), opened_at="\u0662026-11-30T09:00:00Z"), "slip: opened_at: expected"),
        (book.slip(keys[0], name("a"), who="J. Janssen"), "slip: .*who"),
        ({**mine, "slip": "[" * 1999}, "slip: "), ({"slip": mine["slip"]}, "signature: expected"),
        ({**mine, "signature": "x" * 2001}, "signature: expected"),
    ):  # fmt: skip
        with pytest.raises(RequestError, match=why):
            book.bring(**wrong)
    with pytest.raises(NotFoundError, match="no copy of recording dddddddd"):
        book.bring(**book.slip(keys[0], name("d")))
    assert book.lines("copy_used") == []
    book.bring(**mine)


def test_a_key_for_slips_that_no_keeper_wrote_counts_for_nothing(book: Book, keys: list[Path]) -> None:
    """K7: a hand-out that stands behind the newest signed head brings no key."""
    forged = acts.HandedOut(
        recording_id=name("a"), tracks=(), files=1, bytes=1, sums_sha256="", holds=(), uid=0, role="custodian",
        slip_keys=(public(keys[0]),),
    )  # fmt: skip
    book.book.follow(Line(1, "0" * 64, act=forged, is_signed=False))
    with pytest.raises(RequestError, match="no key for slips"):
        book.bring(**book.slip(keys[0], name("a")))


def test_a_recording_gets_no_other_key_for_slips(book: Book, keys: list[Path]) -> None:
    """K3, K7: a `begin.json` that was altered after a first copy brings no key of its own when a second is handed out,
    and takes none away.
    """
    book.handed_out(name("a"), public(keys[0]))
    book.handed_out(name("a"), public(keys[1]))
    with pytest.raises(RequestError, match="not signed with this recording's key"):
        book.bring(**book.slip(keys[1], name("a")))
    book.bring(**book.slip(keys[0], name("a")))


def test_a_slip_whose_line_the_disk_took_without_saying_so_counts_once(
    book: Book, keys: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """K3: the line was written and its sync failed. Whoever brings the slip again hears that it was noted."""
    book.handed_out(name("a"), public(keys[0]))
    one, append = book.slip(keys[0], name("a")), durable.append

    def written_all_the_same(log: int, data: bytes) -> None:
        append(log, data)
        raise StoreError("no answer from the disk")

    with monkeypatch.context() as disk:
        disk.setattr(durable, "append", written_all_the_same)
        with pytest.raises(StoreError):
            book.bring(**one)
    with pytest.raises(RequestError, match="noted before"):
        book.bring(**one)
    assert len(book.lines("copy_used")) == 1


def test_a_slip_counts_once_also_where_its_hand_out_went_with_its_year(book: Book, keys: list[Path]) -> None:
    """K3: after a restart the log begins with the opening; a second copy is handed out, and the slip is refused."""
    one = book.slip(keys[0], name("a"))
    noted = hashlib.sha256(one["slip"].encode()).hexdigest()
    used = acts.CopyUsed(name("a"), "opened", "demand", "2026-1", "manager", 7, "custodian", slip_sha256=noted)
    book.audit.add(used)
    book.handed_out(name("a"), public(keys[0]))
    with pytest.raises(RequestError, match="noted before"):
        book.bring(**one)


def test_a_slip_whose_line_no_keeper_signed_is_noted(book: Book, keys: list[Path]) -> None:
    """K7: a keeper was killed between the line and its signature, or somebody put it there: it has no force, and the
    slip is noted when it is brought again.
    """
    book.handed_out(name("a"), public(keys[0]))
    one = book.slip(keys[0], name("a"))
    noted = hashlib.sha256(one["slip"].encode()).hexdigest()
    used = acts.CopyUsed(name("a"), "opened", "demand", "2026-1", "manager", 7, "custodian", slip_sha256=noted)
    book.book.follow(Line(1, "0" * 64, act=used, is_signed=False))
    assert book.bring(**one)["number"] == "2026-1"


@pytest.mark.parametrize("does", ["exec sleep 60", "echo no such thing; exit 127", "kill -9 $$"])
def test_an_ssh_keygen_that_fails_costs_no_slip(
    book: Book, keys: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str
) -> None:
    """K1, K3: it hangs, is not there, or dies: within the bound there is an error that blames no slip, and no line; the
    slip is taken afterwards.
    """
    book.handed_out(name("a"), public(keys[0]))
    one = book.slip(keys[0], name("a"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ssh-keygen").write_text(f"#!/bin/sh\n{does}\n")
    (tmp_path / "bin" / "ssh-keygen").chmod(0o755)
    with monkeypatch.context() as away:
        away.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        away.setattr("daemon.keeper.register.VERIFY_S", 0.5)
        began = time.monotonic()
        with pytest.raises(SealError, match="ssh-keygen could not verify"):
            book.bring(**one)
        assert time.monotonic() - began < PATIENCE_S
    assert book.lines("copy_used") == []
    assert book.bring(**one)["number"] == "2026-1"


def test_slips_of_one_recording_have_a_bound(book: Book, keys: list[Path]) -> None:
    """K3: what is remembered of a recording's slips does not grow without end; the refusal says what to do."""
    book.handed_out(name("a"), public(keys[0]))
    for n in range(SLIPS_MAX):
        used = acts.CopyUsed(name("a"), "opened", "demand", "1", "manager", 7, "custodian", slip_sha256=f"{n:064x}")
        book.book.follow(Line(n, "0" * 64, act=used))
    with pytest.raises(RequestError, match="note this one with `evidence used`"):
        book.bring(**book.slip(keys[0], name("a")))


def test_what_was_put_in_behind_the_signed_lines_closes_nothing(book: Book) -> None:
    """K7: a closing that no keeper wrote, found at a start behind the newest signed head, has no force."""
    book.raised("a1b2")
    forged = acts.IncidentClosed("a1b2", "false", (), None, 0, "custodian")
    book.book.follow(Line(1, "0" * 64, act=forged, is_signed=False))
    assert book.book.page(asked())[0]["kind"] is None


def test_years_of_alarms_fit_memory_and_an_answer(book: Book) -> None:
    """K3: of more alarms than are remembered the newest are; the longest answer goes through the socket."""
    for n in range(ALARMS_MAX + 10):
        book.book.follow(Line(n, "0" * 64, act=raised(f"{n:064d}")))
        every = get_args(register.Measure)
        closed = acts.IncidentClosed(f"{n:064d}", "intimidation", every, "9" * 64, 7, "custodian")
        book.book.follow(Line(n, "0" * 64, act=closed))
    page = book.book.page(asked())
    assert len(page) == SHOWN_MAX
    assert page[-1]["alarm_id"] == f"{ALARMS_MAX + 9:064d}"
    assert len(json.dumps(page)) < MESSAGE_BYTES_MAX


@pytest.mark.parametrize("field", ["purpose", "number", "on_behalf_of"])
def test_no_copy_without_its_purpose(field: str) -> None:
    """K3: nothing is handed out of which it is not said what for, under which number and on behalf of which role: what
    is missing, and what is none, is refused by its name with what was expected.
    """
    whole = {"purpose": "demand", "number": "2026-1", "on_behalf_of": "manager"}
    assert handing(whole, ROLES) == handing(whole, frozenset()) == register.Handing("demand", "2026-1", "manager")
    for wrong in ({}, {field: None}, {field: ""}, {field: "J. Janssen, 1"}, {field: "Janssen"}):
        with pytest.raises(RequestError, match=f"^{field}: expected ") as told:
            handing({key: value for key, value in whole.items() if key != field} | wrong, ROLES)
        assert field != "purpose" or all(purpose in str(told.value) for purpose in get_args(register.Purpose))
    with pytest.raises(RequestError, match="on_behalf_of: expected a role of the policy: manager, secretary"):
        handing({**whole, "on_behalf_of": "janssen"}, ROLES)
