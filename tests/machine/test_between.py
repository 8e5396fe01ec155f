# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What lies between the walls: every place that two of the three can both reach, tried in the shipped sandboxes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.driven import PYTHON, SOURCES
from tests.machine.house import House
from tests.machine.places import BOTH, NAMES, TAKES, TALKS, place_of

pytestmark = [pytest.mark.machine, pytest.mark.xdist_group("house"), pytest.mark.timeout(600)]

FOR_ALL = re.compile(r"/run/systemd/notify$|/srv/sound/|/run/spreekkamer-alarm/bench\.sock$")
"""The service manager's; and what the test put there in place of a sound card and a header."""
RESOLVERS = re.compile(r"/run/(systemd/resolve|avahi-daemon)/")
"""The alarm process speaks to the network by right, and finds names for that."""


@pytest.fixture(scope="module")
def marks(house: House) -> dict[str, Any]:
    """What an attacker's program in each of the three found, all at the same time, while the real ones run."""
    house.start()
    house.machine.shell("rm -f /srv/trial/go")
    for name in NAMES:
        command = (PYTHON, f"{SOURCES}/tests/hostile/marks.py", name, "/srv/trial/go")
        house.machine.trial(name, *command, background=True)
    for name in NAMES:
        house.machine.wait(f"the marks of {name}", f"grep -q left /srv/trial/{name}.log")
    house.machine.run("touch", "/srv/trial/go")
    found = {name: json.loads(house.machine.said(name)) for name in NAMES}
    house.machine.shell("find / -xdev -name 'mark-*' -delete; rm -f /run/spreekkamer*/mark-* /run/spreekkamer/*/mark-*")
    print(json.dumps(found, indent=1))  # noqa: T201 - the list that docs/design/overview.md has
    return found


@pytest.mark.case("machine 2")
@pytest.mark.case("security 6")
@pytest.mark.parametrize("name", NAMES)
def test_each_can_leave_a_file_in_its_own_places_only(marks: dict[str, Any], name: str) -> None:
    """Design §2: a file of mode 0666 was tried in every directory that can be walked to, and System V shared memory."""
    assert {place_of(path) for path in marks[name]["left"]} - {"System V shared memory"} == TAKES[name]


@pytest.mark.case("machine 2")
@pytest.mark.parametrize("name", NAMES)
def test_no_file_of_one_is_read_by_another_but_where_that_is_meant(marks: dict[str, Any], name: str) -> None:
    """Design §2: what one leaves another cannot read: no shared memory, no temporary directory, nothing below /dev or
    /run; the keeper reads what the recorder records.
    """
    assert {place_of(path) for path in marks[name]["found"]} == BOTH[name]


@pytest.mark.case("security 3")
@pytest.mark.parametrize("name", NAMES)
def test_no_daemon_of_the_host_is_within_reach(marks: dict[str, Any], name: str) -> None:
    """Design §2: what hears cannot speak through avahi, resolved or D-Bus: every socket in sight was tried."""
    spoke = {path for path in marks[name]["spoke"] if not FOR_ALL.match(path)}
    if name == "alarm":
        spoke = {path for path in spoke if not RESOLVERS.match(path)}
    assert spoke == TALKS[name]
    assert marks[name]["processes"] == [], "processes of others are in sight"
