# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A number of the municipality's own register is no name: one pattern, on the unit and on the page."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from daemon.model.holds import NUMBER_IS, Number, Reference

ROOT = Path(__file__).resolve().parent.parent.parent


def taken(text: str, kind: object = Number) -> bool:
    """Whether a text is one."""
    try:
        return bool(msgspec.convert(text, kind))
    except msgspec.ValidationError:
        return False


@pytest.mark.parametrize("number", [
    "2026-0417", "PL2026-114", "PL0600-2026123456-1", "PL2000-2026123456", "PV PL0600-2026123456", "BVH 2026123456",
    "05/123456-26", "Z/26/012345", "2026-ZK-00123", "ZAAK 2026.12", "ZAAK-2026-0000123", "JOIN-Z/26/12345",
    "D2026-04-000123", "AVG-2026-12", "INC0012345", "RITM0012345", "M2611 0123", "1234 5678", "7", "0" * 64,
])  # fmt: skip
def test_what_registers_print_is_a_number(number: str) -> None:
    """K3: numbers as the police and case systems have them are taken."""
    assert taken(number)


@pytest.mark.parametrize("name", [
    "Janssen", "Smit", "J. Janssen", "Jan de Vries", "Janssen 2", "J. de Vries 1", "2026 Bakker", "mevrouw-2026",
    "AANGIFTE-2026-1", "KLANT-123", "", " 1", "-1", "1" * 65, "2026\n1", "2026\n", "José1", "\uff11", "\u0663",
    "2026;1", "=1+1",
])  # fmt: skip
def test_a_name_is_no_number(name: str) -> None:
    """K3, H4: a name, with a digit behind it or without, and whatever is no plain text, is none."""
    assert not taken(name)


def test_a_hold_from_before_keeps_its_number() -> None:
    """K2: the file of a hold that an earlier release placed is read as before; the rule is for what is asked now."""
    assert taken("incident balie", Reference)
    assert not taken("incident balie")


def test_the_page_and_the_unit_have_one_pattern() -> None:
    """H5: what the page lets through the unit takes, and the other way round; both say what is expected."""
    found = re.search(r"const NUMBER = /(.+?)/, ROLE", (ROOT / "reader/src/main.js").read_text(encoding="utf-8"))
    pattern = Number.__metadata__[0].pattern  # type: ignore[attr-defined]  # typing's own
    assert found is not None
    assert found[1].removesuffix("$") == pattern.removesuffix(r"\Z")
    assert "no more than 4 letters in a row" in NUMBER_IS
    assert "hooguit vier letters achter elkaar" in (ROOT / "reader/src/words.js").read_text(encoding="utf-8")
