# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The blocks of docs/guide/home-assistant.md and witness.md, by language; nothing here imports Home Assistant or us."""

from __future__ import annotations

import json
import re
from pathlib import Path

GUIDE = Path(__file__).resolve().parent.parent.parent / "docs" / "guide"
PAGE, WITNESS = GUIDE / "home-assistant.md", GUIDE / "witness.md"


def block(language: str, nth: int = 0, page: Path = PAGE) -> str:
    """A block of a language, the first if there are several."""
    text = page.read_text(encoding="utf-8")
    return str(re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[nth])


def package() -> str:
    """The package that stores and acknowledges."""
    return block("yaml")


def witness() -> str:
    """The sensor that shows whether a witness has found something."""
    return block("yaml", page=WITNESS)


def witness_says() -> dict[str, object]:
    """What a witness says of itself, as its page shows it."""
    text = WITNESS.read_text(encoding="utf-8")
    found: dict[str, object] = json.loads(re.findall(r"^```\n(\{.*?)^```", text, re.MULTILINE | re.DOTALL)[0])
    return found


def card() -> str:
    """The dashboard's card for a person."""
    return block("yaml", 1)


def messages() -> dict[str, dict[str, object]]:
    """The birth and the will as the page's table gives them, in Home Assistant's own words."""
    rows = re.findall(
        r"^\| (birth|will) \| `([^`]+)` \| `([^`]+)` \| (\d) \| (yes|no) \|$", PAGE.read_text(), re.MULTILINE
    )
    return {
        f"{name}_message": {"topic": topic, "payload": payload, "qos": int(qos), "retain": retain == "yes"}
        for name, topic, payload, qos, retain in rows
    }
