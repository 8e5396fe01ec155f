# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""docs/ref/licences.md against pyproject.toml and the installed packages; LICENSE against its own text."""

from __future__ import annotations

import hashlib
import re
import tomllib
from importlib import metadata
from pathlib import Path

import av._core
import pytest

ROOT = Path(__file__).resolve().parent.parent
EUPL_1_2_SHA256 = "57fb42fbcd0b037ce528ed8f72f1ec095d67bc6825ecf1448ff39be1fe68a4b4"


def normal(name: str) -> str:
    """Return a distribution's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    """Return all dependencies of pyproject.toml, the optional ones too; the project's own extras are no dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    names = {normal(re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0]) for line in lines}
    return names - {normal(project["name"])}


def table() -> dict[str, str]:
    """Return the licence of each package that stands in the first table."""
    text = (ROOT / "docs/ref/licences.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)`[^|]*\| ([^|]+) \|", text, re.MULTILINE)
    return {normal(name): licence for name, licence in rows}


def test_every_dependency_is_in_the_table() -> None:
    """H2: no dependency is declared whose licence nobody has looked at."""
    assert sorted(declared() - set(table())) == []


@pytest.mark.parametrize("name", sorted(declared()))
def test_the_table_says_what_the_package_says(name: str) -> None:
    """H2: the licence in the table is the one that the installed package states, where it states one as SPDX."""
    try:
        stated = metadata.metadata(name).get_all("License-Expression") or []
    except metadata.PackageNotFoundError:
        return  # the extra "unit" installs on a Pi only
    for licence in re.split(r" AND | OR ", " AND ".join(stated)):
        assert licence in table()[name]


def test_the_wheel_of_pyav_is_what_the_page_says() -> None:
    """H2: the installed PyAV encodes with x264, and FFmpeg says of its own licence what the page quotes."""
    text = (ROOT / "docs/ref/licences.md").read_text(encoding="utf-8")
    assert "libx264" in av.codecs_available
    assert f'"{av._core.library_meta["libavcodec"]["license"]}"' in text


def test_the_licence_is_the_eupl_word_for_word() -> None:
    """H2: LICENSE is the text that SPDX lists as EUPL-1.2, unchanged."""
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == EUPL_1_2_SHA256
