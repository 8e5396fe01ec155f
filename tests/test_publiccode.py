# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""publiccode.yml against the standard 0.4: its mandatory keys, its closed lists, its lengths.

No validator of the standard is on a Python or JavaScript registry, so the rules that touch this file stand here.
Source: the standard's "core" schema, version 0.4.0.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent

MANDATORY = (
    *("publiccodeYmlVersion", "name", "url", "platforms", "categories", "developmentStatus", "softwareType"),
    *("description", "legal/license", "maintenance/type"),
    *("localisation/localisationReady", "localisation/availableLanguages"),
)
TOP_LEVEL = {
    *("publiccodeYmlVersion", "name", "applicationSuite", "url", "landingURL", "isBasedOn", "softwareVersion"),
    *("releaseDate", "logo", "platforms", "categories", "usedBy", "roadmap", "developmentStatus", "softwareType"),
    *("intendedAudience", "description", "legal", "maintenance", "localisation", "dependsOn"),
}
CHOICES = {
    "developmentStatus": {"concept", "development", "beta", "stable", "obsolete"},
    "softwareType": {
        *("standalone/mobile", "standalone/iot", "standalone/desktop", "standalone/web", "standalone/backend"),
        *("standalone/other", "addon", "library", "configurationFiles"),
    },
    "maintenance/type": {"internal", "contract", "community", "none"},
}
# The part of the standard's vocabularies that a room unit could choose from.
CATEGORIES = {"compliance-management", "facility-management", "it-security", "communications", "employee-management"}
SCOPES = {"local-authorities", "security", "emergency-services", "employment", "society", "welfare", "justice"}
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
SHORT_CHARS_MAX, LONG_CHARS_MIN, LONG_CHARS_MAX = 150, 150, 10_000


@pytest.fixture(scope="module")
def card() -> dict[str, Any]:
    """Read the file; YAML that repeats a key or is not a mapping has no business here."""
    loaded = yaml.safe_load((ROOT / "publiccode.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def at(card: dict[str, Any], path: str) -> Any:
    """Return the value at "a/b", None where there is none."""
    value: Any = card
    for key in path.split("/"):
        value = value.get(key) if isinstance(value, dict) else None
    return value


@pytest.mark.parametrize("path", MANDATORY)
def test_mandatory_key_is_there(path: str, card: dict[str, Any]) -> None:
    """H2: what the standard demands stands in the file, and is not empty."""
    assert at(card, path) not in (None, "", [], {})


def test_keys_are_the_standard_s_own(card: dict[str, Any]) -> None:
    """H2: a crawler of version 0.4 understands every key; none is misspelt, deprecated or from a later version."""
    assert card["publiccodeYmlVersion"] == "0.4"
    assert set(card) <= TOP_LEVEL
    assert set(card["legal"]) <= {"license", "mainCopyrightOwner", "repoOwner"}
    assert set(card["maintenance"]) <= {"type", "contractors", "contacts"}
    assert set(card["localisation"]) == {"localisationReady", "availableLanguages"}
    for group, entries in card["dependsOn"].items():
        assert group in {"open", "proprietary", "hardware"}
        for entry in entries:
            assert set(entry) <= {"name", "version", "versionMin", "versionMax", "optional"}
            assert all(isinstance(entry.get(key, ""), str) for key in ("name", "version", "versionMin", "versionMax"))


@pytest.mark.parametrize("path", sorted(CHOICES))
def test_choice_is_from_its_list(path: str, card: dict[str, Any]) -> None:
    """H2: a value with a closed list is one of it."""
    assert at(card, path) in CHOICES[path]


def test_vocabularies_are_kept(card: dict[str, Any]) -> None:
    """H2: categories, scope, countries and languages are words of the standard's lists."""
    assert set(card["categories"]) <= CATEGORIES
    assert set(card["intendedAudience"]["scope"]) <= SCOPES
    assert card["intendedAudience"]["countries"] == ["nl"], "0.4 wants lower case"
    assert card["platforms"] == ["linux"]
    assert set(card["localisation"]["availableLanguages"]) == {"nl", "en"}
    assert isinstance(card["localisation"]["localisationReady"], bool)


def test_maintenance_names_who_is_asked(card: dict[str, Any]) -> None:
    """H2: internal maintenance has a contact with a name, and no contractors."""
    assert card["maintenance"]["type"] == "internal"
    assert "contractors" not in card["maintenance"]
    contacts = card["maintenance"]["contacts"]
    assert contacts
    for contact in contacts:
        assert contact["name"]
        assert set(contact) <= {"name", "email", "phone", "affiliation"}


@pytest.mark.parametrize("language", ["en", "nl"])
def test_description_fits(language: str, card: dict[str, Any]) -> None:
    """H2: each language has a short and a long text within the standard's lengths, and the same number of features."""
    assert all(LANGUAGE.fullmatch(key) for key in card["description"])
    text = card["description"][language]
    assert set(text) <= {"localisedName", "shortDescription", "longDescription", "documentation", "features"}
    assert 0 < len(text["shortDescription"]) <= SHORT_CHARS_MAX
    assert "\n" not in text["shortDescription"]
    assert LONG_CHARS_MIN <= len(text["longDescription"]) <= LONG_CHARS_MAX
    assert all(isinstance(feature, str) and feature for feature in text["features"])
    assert len(text["features"]) == len(card["description"]["en"]["features"])


def test_addresses_lead_nowhere_false(card: dict[str, Any]) -> None:
    """H1: an address that is not real yet is on example.org, which is reserved for that."""
    found = re.findall(r"https?://([^/\s\"]+)", (ROOT / "publiccode.yml").read_text(encoding="utf-8"))
    assert set(found) == {"example.org"}
    assert re.fullmatch(r"https://example\.org/\S+", card["url"])


def test_the_licence_is_the_one_of_the_tree(card: dict[str, Any]) -> None:
    """H2: the card and the licence's text say the same."""
    assert card["legal"]["license"] == "EUPL-1.2"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2\n")
