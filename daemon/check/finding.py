# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Findings of a check, one per thing examined, and the report of all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct

from daemon.model.fitted import BUTTONS, OUTPUTS

Verdict = Literal["ok", "warning", "fault", "skipped"]
"""skipped: not examined, because nobody was there or the policy switches it off."""


NONE_FITTED = "none is fitted"


class Finding(Struct, frozen=True):
    """One thing, and its state."""

    name: str
    """What was examined: `power`, `lamp recording`. The same at every check, for a table of all units."""
    verdict: Verdict
    found: str
    """For a person, in one line."""
    todo: str = ""
    """What to do about it; empty: nothing."""
    figures: dict[str, Any] = {}
    """Measurements, for machines; no content (promise H1)."""


class Report(Struct, frozen=True):
    """The whole check, as printed, signed and kept."""

    unit: str
    policy: str
    policy_sha256: str
    board: str
    at: str
    """UTC when the check ended."""
    took_s: int
    by_hand: bool
    """Whether a person was in the room; otherwise lamps and buttons were judged by what the unit reads back."""
    findings: tuple[Finding, ...]
    format: str = "spreekkamer-check/1"

    @property
    def faults(self) -> tuple[Finding, ...]:
        """What has to be mended before the room is used."""
        return tuple(finding for finding in self.findings if finding.verdict == "fault")

    @property
    def unproven(self) -> tuple[str, ...]:
        """Parts for staff that nobody has tried: nothing is known to be wrong with them."""
        return tuple(finding.name for finding in self.findings if _is_unproven(finding))

    @property
    def sentence(self) -> str:
        """The verdict, for a person."""
        if self.faults:
            return "not ready for use"
        if self.unproven:
            return f"no fault found; not tried: {', '.join(self.unproven)}"
        return "ready for use"


def _is_unproven(finding: Finding) -> bool:
    of_a_button = finding.name in (button.line for button in BUTTONS.values())
    of_an_output = finding.name in (output.line for output in OUTPUTS.values())
    if not (of_a_button or of_an_output) or finding.found == NONE_FITTED:
        return False
    seen = [finding.figures[key] for key in ("seen_lit", "seen_dark") if key in finding.figures]
    return finding.verdict in {"skipped", "warning"} or None in seen


def count(findings: Iterable[Finding]) -> dict[Verdict, int]:
    """How many of each."""
    counted: dict[Verdict, int] = {"ok": 0, "warning": 0, "fault": 0, "skipped": 0}
    for finding in findings:
        counted[finding.verdict] += 1
    return counted
