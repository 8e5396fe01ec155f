# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The event log: one line of JSON an event, by a thread of its own (promise A2, decision 22)."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from daemon import log

WORDS = st.text(max_size=8)
FIELDS = st.dictionaries(
    WORDS.filter(lambda name: name not in {"event", "level"}),
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | WORDS
    | st.binary(max_size=4)
    | st.lists(WORDS, max_size=2),
    max_size=4,
)
SAYS = """
import sys
from daemon import log
log.start("alarm")
log.event("ready", buttons={"alarm"})
log.event("kapot", level="error", name="knop \\ud800")
log.stop()
print([name for name in ("structlog", "asyncio", "ssl", "rich") if name in sys.modules])
"""


@given(WORDS, FIELDS)
def test_a_line_is_what_structlogs_renderer_makes(name: str, fields: dict[str, object]) -> None:
    """Decision 22: whoever reads the journal's lines reads what structlog wrote there."""
    rendered = structlog.processors.JSONRenderer()(None, "info", {**fields, "event": name, "level": "info"})
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        log._line("info", name, dict(fields))
    assert out.getvalue() == f"{rendered!s}\n"


def test_a_service_says_its_events_in_order_and_loads_no_library_for_it() -> None:
    """A2, design 8: no structlog, asyncio or ssl for a line of JSON; what is no JSON is told as it is."""
    done = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True, check=True)
    *lines, loaded = done.stdout.splitlines()
    assert [(line["event"], line["level"], line["process"]) for line in map(json.loads, lines)] == [
        ("ready", "info", "alarm"), ("kapot", "error", "alarm")
    ]  # fmt: skip
    assert json.loads(lines[0])["buttons"] == "{'alarm'}"
    assert loaded == "[]"
