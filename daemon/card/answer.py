# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The answer, in Dutch, for an engineer with a card and no network: what became of the settings comes first. Pure.

Invariant: public facts only. Text from a settings file passes `config.safe`; keys appear by their public half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.card.facts import Identity, Result
from daemon.config import safe

HEADS = {
    "taken": "OVERGENOMEN: de unit werkt met de instellingen van deze kaart.",
    "same": "ONVERANDERD: de instellingen op deze kaart had de unit al.",
    "none": "GEEN NIEUWE INSTELLINGEN: er staat geen spreekkamer.toml op deze kaart.",
    "refused": "GEWEIGERD: er is niets overgenomen.",
}
NOT_TAKEN = "De unit werkt met de instellingen die zij had."
NOTHING_YET = "De unit heeft nog geen instellingen: de alarmknop werkt nog NIET."
LINES_MAX = 250
"""Lines about the accepted settings: the longest unit.toml has half of that."""
DETAIL_MAX = 160
"""Characters of a fault: a line on paper."""
WIPED = (
    "Let op: een flashkaart kan oude kopieën bewaren waar geen programma bij kan. Geef een kaart waarop een sleutel",
    "heeft gestaan niet weg: vernietig haar.",
)
"""What overwriting a file on FAT and flash does not guarantee."""


def settings(result: Result, troubles: Sequence[str], *, has_settings: bool) -> tuple[str, ...]:
    """The first part: what became of the file on the card. `troubles`: other problems with card or disk."""
    told = [HEADS[result.kind]]
    if not has_settings:
        told.append(NOTHING_YET)
    elif result.kind in {"none", "refused"}:
        told.append(NOT_TAKEN)
    told += [f"- {line}" for line in result.lines[:LINES_MAX]]
    if len(result.lines) > LINES_MAX:
        told.append(f"- en nog {len(result.lines) - LINES_MAX} regels")
    told += [f"- {safe(line)}" for line in troubles]
    if any("overschreven" in line for line in result.lines):
        told += WIPED
    return tuple(told)


def about(unit: str, client_id: str, identity: Identity | None, versions: Mapping[str, Any]) -> tuple[str, ...]:
    """The last part: the unit's identity and versions."""
    told = ["", "IDENTITEIT"]
    if identity is None:
        told.append("- nog geen: de sleutels worden gemaakt als er instellingen zijn")
    else:
        if identity.is_another_board:
            told.append("- deze kaart komt van een ander bord: de unit heeft eigen, nieuwe sleutels gemaakt")
        elif identity.made:
            told.append(f"- nu gemaakt op deze unit: {', '.join(identity.made)}")
        told += [f"- unit {unit}, naam bij de broker {client_id}", "- voor allowed_signers (publiek):"]
        told += [f"  {line}" for line in identity.signers(unit)]
        told += [f"- vingerafdruk {role}: {mark}" for role, mark in identity.fingerprints()]
    package = versions["package"] or "zonder pakket"
    system = f"{versions['system']}, Linux {versions['kernel']}, {versions['architecture']}"
    return (*told, "", "VERSIES", f"- spreekkamer {versions['spreekkamer']} ({package}), Python {versions['python']}",
            f"- {system}")  # fmt: skip


def readiness(health: Mapping[str, Any] | None, waits: str) -> tuple[str, ...]:
    """The middle part. `health`: the unit's own; None: not asked, or no answer, as `waits` says."""
    if health is None:
        return ("", "GEREED: nee", f"- {safe(waits)}")
    if not health["faults"]:
        return ("", "GEREED: ja", "- alarm, opname en bewaring werken; loop nog de controle: spreekkamer check")
    details = (f"- {name}: {safe(detail)[:DETAIL_MAX]}" for name, detail in health["faults"].items())
    return ("", f"GEREED: nee ({len(health['faults'])})", *details)


def compose(at: str, told: Sequence[str], ready: Sequence[str], who: Sequence[str]) -> str:
    """The whole text."""
    return "\n".join(("Antwoord van de spreekkamer-unit", f"Tijd volgens de unit: {at}", "", *told, *ready, *who, ""))
