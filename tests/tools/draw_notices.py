# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Draws the pictures of the guide's page on notices, the sticker and the page of a site, in a browser: `make docs`.

Of `heusden-2020`, as shipped, with a sender. The letter is text for a word processor and has no picture.
"""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path

import msgspec
from msgspec.structs import replace

from daemon.commands import site, sticker
from daemon.model.notice import make
from daemon.model.policy import NoticePolicy, Policy
from daemon.model.site import answers, lead
from tests.browser.browser import story
from tests.tools.draw_page import PICTURES, ROOT, small

NAMES = ("notice-sticker", "notice-page")
SENDER = NoticePolicy(
    "Gemeente Voorbeeldstad", "Vragen? Bel 14 0416", "fg@voorbeeldstad.nl", page="voorbeeldstad.nl/spreekkamer",
    ground="een taak van algemeen belang (AVG, artikel 6, lid 1, onder e)",
)  # fmt: skip


def draw(to: Path) -> list[Path]:
    """Both pictures."""
    shipped = tomllib.loads((ROOT / "config" / "policies" / "heusden-2020.toml").read_text(encoding="utf-8"))
    policy = replace(msgspec.convert(shipped, Policy), notice=SENDER)
    with tempfile.TemporaryDirectory(prefix="notices-") as home:
        files = {NAMES[0]: Path(home) / "sticker.html", NAMES[1]: Path(home) / "page.html"}
        drawing = sticker.svg(sticker.draw(make("sticker", policy), policy.tracks()))
        files[NAMES[0]].write_bytes(b"<!DOCTYPE html><body style='margin:0;line-height:0'>" + drawing)
        files[NAMES[1]].write_bytes(site.html(make("page", policy), lead(policy), answers(policy)))
        said = {"to": home, "files": {name: file.as_uri() for name, file in files.items()}}
        story(ROOT / "tests" / "commands" / "notices.js", said, within_s=120)
        return [small(Path(home) / f"{name}.png", to / f"{name}.png") for name in NAMES]


if __name__ == "__main__":
    for drawn in draw(PICTURES):
        print(drawn)  # noqa: T201 - a tool says what it wrote
