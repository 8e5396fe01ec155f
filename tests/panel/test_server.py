# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The page's server: who may come, what may be asked, and that nothing else does anything."""

from __future__ import annotations

import http.client
import json
import random
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from simulators.panel.server import BODY_BYTES_MAX
from tests.panel.conftest import Shown
from tests.waiting import wait_for

BUSY_S = 120.0
"""A power cut is answered when three processes have started again; where others want the machine too, in a minute."""


def ask(
    room: Shown, method: str = "GET", path: str = "", *, body: bytes | None = None, token: str | None = None,
    **headers: str,
) -> tuple[int, dict[str, str], bytes]:  # fmt: skip
    """One request, by default as the page itself would make it."""
    at = urlsplit(room.address)
    own = token if token is not None else at.path.strip("/")
    given = {"Host": at.netloc, "Origin": f"http://{at.netloc}", "Content-Type": "application/json"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    line = http.client.HTTPConnection("127.0.0.1", at.port or 0, timeout=BUSY_S)
    try:
        line.putrequest(method, f"/{own}/{path}", skip_host=True, skip_accept_encoding=True)
        for name, value in given.items():
            if value:
                line.putheader(name, value)
        if body is not None:
            line.putheader("Content-Length", str(len(body)))
        line.endheaders(body)
        answer = line.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        line.close()


def act(room: Shown, **body: Any) -> tuple[int, dict[str, Any]]:
    """An act of the page, and what it is told."""
    status, _, said = ask(room, "POST", "act", body=json.dumps(body).encode())
    return status, json.loads(said)


def test_the_page_and_its_parts_are_there_and_may_load_nothing_from_elsewhere(quiet_room: Shown) -> None:
    """H3: what the page is made of comes from the room's own server, with a policy that lets it ask nobody else."""
    status, headers, body = ask(quiet_room)
    assert status == 200
    assert b"Spreekkamer" in body
    assert "default-src 'none'" in headers["content-security-policy"]
    for part in ("main.mjs", "draw.mjs", "words.mjs", "scenario.mjs", "room.css", "icon.svg"):
        status, headers, body = ask(quiet_room, path=part)
        assert (status, headers["x-content-type-options"]) == (200, "nosniff"), part
        assert b"https://" not in body, part
    status, headers, body = ask(quiet_room, path="faults.md")
    assert (status, headers["content-type"], body[:2]) == (200, "text/plain; charset=utf-8", b"# ")
    status, headers, body = ask(quiet_room, path="picture")
    assert (status, headers["content-type"], body[:2]) == (200, "image/jpeg", b"\xff\xd8")


@pytest.mark.parametrize(
    ("case", "status"),
    [
        ({"token": "x" * 22}, 404), ({"token": ""}, 404), ({"Host": "spreekkamer.example"}, 404),
        ({"path": "..%2f..%2fserver.py"}, 404), ({"path": "../server.py"}, 404), ({"path": "server.py"}, 404),
        ({"path": "open/..%2f..%2fetc"}, 409), ({"path": "open/" + "0" * 32}, 409),
    ],
)  # fmt: skip
def test_who_does_not_know_the_token_or_asks_for_something_else_gets_nothing(
    quiet_room: Shown, case: dict[str, str], status: int
) -> None:
    """H3: a wrong token, another host's name (DNS rebinding) and a path out of the page's files are refused."""
    assert ask(quiet_room, **case)[0] == status  # type: ignore[arg-type]  # each case's own words


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"act":"press","button":"alarm"}', {"Origin": ""}, 403),
        (b'{"act":"press","button":"alarm"}', {"Origin": "http://evil.example"}, 403),
        (b'{"act":"press","button":"alarm"}', {"Origin": "null"}, 403),
        (b'{"act":"press","button":"alarm"}', {"Content_Type": "text/plain"}, 415),
        (b'{"act":"press","button":"alarm","more":1}', {}, 400), (b'{"act":"explode"}', {}, 400),
        (b'{"act":"press","button":"alarm","hold_s":1e9}', {}, 400), (b'{"act":"pass","seconds":-5}', {}, 400),
        (b'{"act":"press","button":"siren"}', {}, 409), (b'{"act":"fault","name":"moon.full","on":true}', {}, 409),
        (b'{"act":"policy","name":"nowhere"}', {}, 409), (b'{"act":"policy","name":"..passwd"}', {}, 400),
        (b"\xff\xfe", {}, 400), (b"[" * 2000, {}, 400), (b" " * (BODY_BYTES_MAX + 1), {}, 413),
    ],
)  # fmt: skip
def test_what_is_refused_says_why_and_does_nothing(
    quiet_room: Shown, body: bytes, headers: dict[str, str], status: int
) -> None:
    """H3: another page's acts, acts that are none, and values outside their bounds."""
    found, _, said = ask(quiet_room, "POST", "act", body=body, **headers)
    assert found == status, said
    assert said
    assert b"Traceback" not in said


def test_a_thousand_random_requests_change_nothing(quiet_room: Shown) -> None:
    """H3: whatever is sent to the server, no button moves, no fault begins, and the clock goes on as it did."""
    source = random.Random(20)
    room, before = quiet_room.unit, len(quiet_room.unit.room.heard)
    offset_ns = room.room.clock.boot_ns() - _host_ns()
    words = [
        b'{"act":',
        b'"press"',
        b'"alarm"',
        b'"button":',
        b"}",
        b"{",
        b"null",
        b"1e400",
        b'"hold_s":',
        b"\x00",
        b"[",
        b",",
    ]
    for n in range(1000):
        body = b"".join(source.choice(words) for _ in range(source.randrange(12))) if n % 2 else source.randbytes(40)
        if body.startswith(b'{"act":"press","button":"alarm"}'):
            continue
        status, _, _ = ask(
            quiet_room, source.choice(("POST", "PUT", "DELETE")), source.choice(("act", "open/x", "events", "")),
            body=body,
        )  # fmt: skip
        assert 400 <= status < 500, body
    assert len(room.room.heard) == before
    assert room.health()["phase"] == "ready"
    assert abs(room.room.clock.boot_ns() - _host_ns() - offset_ns) < 1_000_000_000
    assert not [fault for fault in act_faults(quiet_room) if fault["on"]]


def test_events_say_what_changes_and_a_press_is_on_the_page(quiet_room: Shown) -> None:
    """H1: the page hears the room's state, and after a press what became of it, with its milliseconds."""
    assert act(quiet_room, act="press", button="alarm") == (200, {"ok": True, "text": "alarm: pressed"})
    stored = wait_for("the alarm on the page", lambda: _stored(quiet_room))
    assert stored["stored_by"] == "balie"
    assert stored["kept_ms"] >= 0
    assert act(quiet_room, act="reset")[0] == 200
    quiet_room.unit.phase("ready")


def test_a_power_cut_is_another_boot_and_the_page_goes_on(quiet_room: Shown) -> None:
    """A1: all three processes are killed at once; the machine has another boot id, and the alarm works again."""
    boot_id = quiet_room.unit.health()["boot_id"]
    assert act(quiet_room, act="power", off_s=60)[0] == 200
    wait_for("another boot", lambda: quiet_room.unit.health().get("boot_id", boot_id) != boot_id)
    assert act(quiet_room, act="press", button="alarm")[0] == 200
    # The embedded broker may hold the connection of before the cut against the new one, until the unit makes another.
    heard = quiet_room.unit.room.heard
    wait_for("the alarm", lambda: [event for event in heard if event["data"]["boot_id"] != boot_id], 60)
    assert act(quiet_room, act="reset")[0] == 200
    quiet_room.unit.phase("ready")


def test_wireless_buttons_raise_what_their_settings_say(quiet_room: Shown) -> None:
    """A1: the room's wireless button raises an alarm of the room, the outside worker's one that is not of the room."""
    for name, in_room in (("balie-knop", True), ("buiten-1", False)):
        assert act(quiet_room, act="wireless", name=name)[0] == 200

        def raised(name: str = name) -> list[dict[str, Any]]:
            return [e["data"] for e in quiet_room.unit.room.heard if name in e["data"]["source"]]

        assert wait_for(f"{name}'s alarm", raised)[0]["in_room"] is in_room
    assert act(quiet_room, act="reset")[0] == 200
    assert act(quiet_room, act="wireless", name="nobody")[0] == 409


def act_faults(room: Shown) -> list[dict[str, Any]]:
    """The faults as the page shows them."""
    found: list[dict[str, Any]] = _sections(room)["room"]["faults"]
    return found


def _stored(room: Shown) -> dict[str, Any] | None:
    alarm: dict[str, Any] | None = _sections(room).get("alarm")
    known = alarm is not None and alarm["stored_ms"] is not None and alarm["kept_ms"] is not None  # two threads tell
    return alarm if known else None


def _sections(room: Shown) -> dict[str, Any]:
    """The first words of the event stream: everything that is known."""
    at = urlsplit(room.address)
    line = http.client.HTTPConnection("127.0.0.1", at.port or 0, timeout=BUSY_S)
    try:
        line.request("GET", f"{at.path}events")
        for raw in line.getresponse():
            if raw.startswith(b"data: ") and b'"room":' in raw:
                found: dict[str, Any] = json.loads(raw[6:])
                return found
    finally:
        line.close()
    raise AssertionError("the stream ended")


def _host_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
