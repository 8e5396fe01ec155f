# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A unit introduces itself at a real broker with our access list, as docs/guide/home-assistant.md sets it up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from daemon.alarm import discovery
from daemon.config import load
from tests.homeassistant import page
from tests.rooms import wait_for
from tests.sites import Site


def introduced(site: Site) -> dict[str, Any]:
    """What stands below the prefix, by topic."""
    return {word.topic: word.payload for word in list(site.heard) if word.topic.startswith("homeassistant/")}


def test_a_unit_introduces_itself_at_each_connection(tmp_path: Path) -> None:
    """A5, H1: without its line in the access list the refusal is counted and told once; with the guide's line it is
    heard; a broker that has forgotten everything hears it again; no alarm hangs on any of it.
    """
    site = Site(tmp_path, "", settings=page.block("toml"))
    wanted = dict(discovery.payloads(load(site.paths.etc).unit, simulated=True))
    try:
        site.start()
        site.start_unit()
        wait_for("the refusals", lambda: site.health()["counters"].get("discovery_refused") == len(wanted))
        wait_for("the log", lambda: "discovery_refused" in site.log())
        assert introduced(site) == {}
        site.press()
        wait_for("its alarm", lambda: any(word.topic.endswith("alarm/event") for word in list(site.heard)))

        site.allow(page.block("acl"))
        for _ in range(2):
            site.heard.clear()
            site.broker.kill()  # it is killed before it saves: nothing that was retained is left
            site.broker.start()
            wait_for("the introductions", lambda: introduced(site) == wanted)
        assert site.log().count("discovery_refused") == 1
    finally:
        site.stop()


def test_a_unit_that_is_not_told_to_says_nothing(tmp_path: Path) -> None:
    """H1: the shipped settings introduce a unit to nobody."""
    site = Site(tmp_path, page.block("acl"))
    try:
        site.start()
        site.start_unit()
        # Health is the last that goes out at a connection.
        wait_for("its health", lambda: any(word.topic.endswith("/health") for word in list(site.heard)))
        assert introduced(site) == {}
        assert "discovery_refused" not in site.health()["counters"]
    finally:
        site.stop()
