# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A hand-over: the recording's keys sealed anew to the receiver, and a sheet that both sign.

Invariant: the recording itself is handed over byte for byte, so that its signatures stay valid. Only its envelopes are
made anew, as the half-opened file with every layer removed, sealed to the receiver alone.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec
import pyrage

from daemon.config import show
from daemon.errors import RequestError
from daemon.evidence.opening import Envelopes, Half
from daemon.evidence.verify import Verdict
from daemon.model.policy import fingerprint
from daemon.model.recipients import recipient_fault
from daemon.texts import shown
from daemon.times import local, local_of

if TYPE_CHECKING:
    from fpdf import FPDF

Ground = Literal["report", "demand"]
MARGIN_MM = 18
LINE_MM = 5.4
ROWS_MAX = 40
"""Gaps and findings listed on a sheet; the rest are counted."""


class Sheet(msgspec.Struct, frozen=True):
    """What was handed over, to whom, on which ground."""

    recording_id: str
    ground: Ground
    """report: the municipality's own report of a crime; demand: the police demanded it."""
    number: str
    officer: str
    at: str
    recipients: tuple[str, ...]
    """Public keys of the receiver; empty: a clear MP4."""
    files: dict[str, str]
    """Name -> SHA-256 of the files made for the receiver."""
    verdict: Verdict
    version: str


def rewrap(opened: Envelopes, recipients: Sequence[str]) -> bytes:
    """The file with which a receiver opens the recording by their own key. Raises RequestError for an invalid key."""
    for recipient in recipients:
        if wrong := recipient_fault(recipient):
            raise RequestError(f"a receiver's key is no age recipient: {shown(show(recipient))}; expected {wrong}")
    keys = [pyrage.x25519.Recipient.from_str(recipient) for recipient in recipients]
    sealed = {
        f"{name}.key.age": base64.b64encode(pyrage.encrypt(f"{key}\n".encode(), keys)).decode()
        for name, key in opened.keys.items()
    }
    return msgspec.json.encode(Half(opened.recording_id, opened.layers_open, sealed)) + b"\n"


def pdf(sheet: Sheet) -> bytes:
    """The sheet on paper, A4, in Dutch; characters that the built-in font does not have become question marks."""
    from fpdf import FPDF  # noqa: PLC0415 - half a second, only for a sheet on paper

    page, verdict = FPDF(format="A4"), sheet.verdict
    page.set_margin(MARGIN_MM)
    page.set_title(f"Overdracht {sheet.recording_id}")
    page.add_page()
    _line(page, "Overdracht van een opname", size=16, bold=True)
    if verdict.simulated:
        _line(page, "NAGEBOOTST: deze opname is geen bewijs.", size=13, bold=True)
    for name, value in _rows(sheet):
        _line(page, f"{name}: {value}")
    _line(page, "Wat ontbreekt", size=12, bold=True)
    missing = [f"{gap.track}, {gap.from_s} s tot {gap.to_s} s na de knop: {gap.reason}" for gap in verdict.gaps]
    missing += [
        f"{track}: gewist op zijn tijd, volgens regel {told.line} van het logboek"
        for track, told in verdict.deleted.items()
    ]
    missing += [f"{fault.path}: {fault.what}" for fault in verdict.faults]
    for text in missing[:ROWS_MAX] or ["niets"]:
        _line(page, f"- {text}")
    if len(missing) > ROWS_MAX:
        _line(page, f"- en nog {len(missing) - ROWS_MAX}")
    _line(page, "Bestanden voor de ontvanger", size=12, bold=True)
    for name, sha256 in sheet.files.items():
        _line(page, f"{name}  SHA-256 {sha256}", size=8)
    page.ln(LINE_MM * 2)
    for who in ("Namens de gemeente", "Ontvangen door"):
        _line(page, f"{who}: ______________________________    Datum: ________________")
        page.ln(LINE_MM * 2)
    _line(page, f"spreekkamer evidence {sheet.version}", size=7)
    return bytes(page.output())


def _rows(sheet: Sheet) -> list[tuple[str, str]]:
    verdict, begin, end = sheet.verdict, sheet.verdict.begin, sheet.verdict.end
    unit = {"yes": "ja", "no": "NEE", "unknown": "onbekend, vergelijk de vingerafdruk"}[verdict.unit]
    ground = {"report": "eigen aangifte", "demand": "vordering"}[sheet.ground]
    return [
        ("Opname", sheet.recording_id),
        ("Kastje", begin.unit if begin else "?"),
        ("Begonnen", f"{local(begin.at_wall_ns, None, 'seconds')} (klok: {begin.clock})" if begin else "?"),
        ("Geëindigd", f"{local(end.at_wall_ns, None, 'seconds')} ({end.why})" if end else "?"),
        ("Beleid", f"{begin.policy} {begin.policy_sha256[:16]}" if begin else "?"),
        ("Compleet en onveranderd", "ja" if verdict.whole else "NEE, zie hieronder"),
        ("Van het kastje", f"{unit}; {verdict.fingerprint}"),
        ("SHA-256 van SHA256SUMS", verdict.sums_sha256),
        ("Kop van de keten", end.head if end else "?"),
        ("Grond", f"{ground}, nummer {sheet.number}"),
        ("Aan", sheet.officer),
        ("Sleutels van de ontvanger", ", ".join(fingerprint(key) for key in sheet.recipients) or "geen: een open MP4"),
        ("Overgedragen", local_of(sheet.at, None)),
    ]


def _line(page: FPDF, text: str, *, size: int = 10, bold: bool = False) -> None:
    page.set_font("Helvetica", style="B" if bold else "", size=size)
    printed = shown(text).encode("latin-1", "replace").decode("latin-1")
    page.multi_cell(0, LINE_MM * size / 10, printed, new_x="LMARGIN", new_y="NEXT")
