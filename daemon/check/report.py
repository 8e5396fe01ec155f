# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The commissioning report: JSON for machines, PDF for the binder, and the unit's signature over the JSON.

The keeper signs: it logs that a check was made, and the engineer never holds a key.

    check-<room>-<time>.json       the report; what is signed is this file, byte by byte
    check-<room>-<time>.json.sig   SSHSIG: ssh-keygen -Y verify -n spreekkamer-check -f allowed_signers -I UNIT -s …
    check-<room>-<time>.pdf        the same for people, with the SHA-256 of the JSON in its foot
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from daemon.check.finding import Finding, Report, Verdict, count
from daemon.errors import StoreError, UnitError
from daemon.link import ask
from daemon.paths import Paths

if TYPE_CHECKING:
    from fpdf import FPDF

COLOURS: dict[Verdict, tuple[int, int, int]] = {
    "ok": (0, 110, 50), "warning": (170, 100, 0), "fault": (180, 0, 0), "skipped": (110, 110, 110),
}  # fmt: skip
MARGIN_MM = 18
LINE_MM = 5.2


def write(report: Report, paths: Paths, directory: Path) -> tuple[Path, ...]:
    """Write the files and return their paths. Without a keeper there is no signature.

    Raises StoreError if the directory takes no file.
    """
    data = msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
    stem = "check-" + re.sub(r"[^a-z0-9]+", "-", f"{report.unit or 'unit'}-{report.at[:19]}".lower())
    files = {".json": data, ".pdf": pdf(report, hashlib.sha256(data).hexdigest())}
    signature = _signature(paths, data)
    if signature:
        files[".json.sig"] = signature.encode()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for suffix, content in files.items():
            (directory / (stem + suffix)).write_bytes(content)
    except OSError as error:
        raise StoreError(f"{directory}: {error.strerror or error}; expected a directory for the report") from error
    return tuple(directory / (stem + suffix) for suffix in files)


def _signature(paths: Paths, data: bytes) -> str:
    try:
        return str(ask(paths.keeper_socket, "sign_check", report=data.decode()))
    except UnitError:
        return ""  # the keeper is absent, or has no key: both are faults in the report


def pdf(report: Report, sha256: str) -> bytes:
    """The report on paper, A4; characters that the built-in font does not have become question marks."""
    from fpdf import FPDF  # noqa: PLC0415 - half a second, only for a report on paper

    page = FPDF(format="A4")
    page.set_margin(MARGIN_MM)
    page.set_title(f"Check of {report.unit}")
    page.add_page()
    _line(page, f"Unit {report.unit}", size=16, bold=True)
    colour: Verdict = "fault" if report.faults else "warning" if report.unproven else "ok"
    verdict = "NOT ready for use" if report.faults else report.sentence[0].upper() + report.sentence[1:]
    _line(page, verdict, size=13, bold=True, colour=COLOURS[colour])
    counted = ", ".join(f"{number} {name}" for name, number in count(report.findings).items() if number)
    where = "somebody was there" if report.by_hand else "nobody was there"
    _line(page, f"{report.at}, {report.took_s} s, {where}; {counted}")
    _line(page, f"{report.board}; policy {report.policy} ({report.policy_sha256[:16]})")
    page.ln(LINE_MM)
    for finding in report.findings:
        _finding(page, finding)
    page.ln(LINE_MM * 2)
    _line(page, "Engineer: ______________________________    Date: ____________________")
    page.ln(LINE_MM)
    _line(page, f"No sound, no image. SHA-256 of the signed JSON: {sha256}", size=7)
    return bytes(page.output())


def _finding(page: FPDF, finding: Finding) -> None:
    _line(page, f"{finding.verdict.upper():8} {finding.name}", bold=True, colour=COLOURS[finding.verdict])
    _line(page, f"    {finding.found}")
    if finding.todo:
        _line(page, f"    To do: {finding.todo}", bold=True)


def _line(
    page: FPDF, text: str, *, size: int = 10, bold: bool = False, colour: tuple[int, int, int] = (0, 0, 0)
) -> None:  # fmt: skip
    page.set_font("Helvetica", style="B" if bold else "", size=size)
    page.set_text_color(*colour)
    shown = text.encode("latin-1", "replace").decode("latin-1")
    page.multi_cell(0, LINE_MM * size / 10, shown, new_x="LMARGIN", new_y="NEXT")
