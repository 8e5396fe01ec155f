# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The audit log's schema: what units wrote fits, what fits is read, and a stranger checks a log with it alone."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from daemon.model.acts import KINDS
from daemon.model.ledger import Foreign, encode, parse
from tests.auditlog import LOGS, sample, written
from tests.auditlog import encode as line_of
from tests.model.test_logyears import years_of
from tests.tools import draw_acts
from tests.tools.contract_schemas import text

SCHEMA: Any = json.loads(draw_acts.SCHEMA.read_text(encoding="utf-8"))
FITS = Draft202012Validator(SCHEMA)
OLD = sorted(LOGS.glob("*.jsonl"))
PROGRAM = draw_acts.PAGE.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]


def is_read(fields: dict[str, Any]) -> bool:
    """Whether the keeper takes it for what it calls itself."""
    line = parse(line_of(fields))
    return line is not None and not isinstance(line.act, Foreign)


def audited(log: Path, monkeypatch: pytest.MonkeyPatch, *more: Path) -> str:
    """What the auditor's program on the page says of a log."""
    monkeypatch.setattr(sys, "argv", ["audit", str(draw_acts.SCHEMA), str(log), *map(str, more)])
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(PROGRAM, {})  # noqa: S102 - the page's own words, as a reader runs them
    return said.getvalue()


def test_the_schema_is_current() -> None:
    """H5: docs/ref/audit-log.schema.json is what the structs say today, and its examples are lines that fit."""
    assert draw_acts.SCHEMA.read_text(encoding="utf-8") == text(draw_acts.schema()), "run `make docs`"
    Draft202012Validator.check_schema(SCHEMA)
    assert [line["event"] for line in SCHEMA["examples"]] == list(KINDS)
    for line in SCHEMA["examples"]:
        FITS.validate(line)


@pytest.mark.parametrize("log", OLD, ids=lambda path: path.stem)
def test_an_auditor_checks_a_log_with_the_schema_alone(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K3, K5: the program on the page, which knows nothing of ours but the schema, finds nothing wrong with logs that
    units wrote, torn lines and those of earlier releases included; what is changed, taken out or put in it names.
    """
    assert audited(log, monkeypatch) == ""
    lines = log.read_bytes().splitlines(keepends=True)[:5]
    foreign = {**json.loads(lines[1]), "event": "deleted_nothing"}
    spoilt = {
        "line 2 does not follow": [lines[0], lines[1].replace(b'"event"', b'"note":1,"event"'), *lines[2:]],
        "line 1 does not follow": [lines[0], *lines[2:]],
        "line 2 is no line": [*lines[:1], b"noise\n", b"noise\n", *lines[1:]],
        "line 1: $.event": [lines[0], line_of(foreign), *lines[2:]],
        "line 1: $": [lines[0], line_of({key: foreign[key] for key in ("n", "event", "prev")}), *lines[2:]],
    }
    for words, changed in spoilt.items():
        copy = tmp_path / "copy.jsonl"
        copy.write_bytes(b"".join(changed))
        assert words in audited(copy, monkeypatch)


def test_an_auditor_checks_the_years_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K3, K5: the same program takes closed years and the newest in their order; it begins behind years that have gone,
    and names where one between them is not there.
    """
    paths = [tmp_path / name for name in ("audit-2026.jsonl", "audit-2027.jsonl", "audit.jsonl")]
    for path, lines in zip(paths, years_of([3, 3, 3], {0: 2}), strict=True):
        path.write_bytes(b"".join(lines))
    assert audited(paths[0], monkeypatch, *paths[1:]) == ""
    assert audited(paths[1], monkeypatch, paths[2]) == ""
    assert "line 3 does not follow" in audited(paths[0], monkeypatch, paths[2])


@pytest.mark.parametrize("event", KINDS)
def test_a_field_that_is_missing_or_of_another_type_makes_a_line_foreign(event: str) -> None:
    """K7: a line of a kind has that kind's fields; without one, or with one that is nothing of the sort, it has no
    force, and an auditor's program says so too.
    """
    line = written()[event]
    assert is_read(line)
    FITS.validate(line)
    for name in sample(event).keys() - {"event"}:
        wrong = {**line, name: {"of": "another type"}}
        assert not is_read(wrong), name
        assert not FITS.is_valid(wrong), name
    for field in SCHEMA["$defs"][KINDS[event].__name__]["required"]:
        less = {key: value for key, value in line.items() if key != field}
        assert not is_read(less), field
        assert not FITS.is_valid(less), field


anything: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=3)
anything |= st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: not value.is_integer())
anything |= st.lists(st.sampled_from(["audio", "sound"])) | st.dictionaries(
    st.sampled_from(["audio", "n"]), st.floats(0, 9)
)


@given(st.sampled_from(sorted(KINDS)), st.data())
def test_what_fits_the_schema_is_read(event: str, data: st.DataObject) -> None:
    """H5: whatever value stands in a field, a line that the schema lets through is one that the keeper reads."""
    line = dict(written()[event])
    for name in data.draw(st.lists(st.sampled_from(sorted(line)), max_size=2)):
        line[name] = data.draw(anything)
    if FITS.is_valid(line):
        assert is_read(line)


@given(st.sampled_from(sorted(KINDS)), st.data())
def test_no_line_is_too_strange_to_be_judged(event: str, data: st.DataObject) -> None:
    """K3: bytes of any kind in any place of a line end in a line, a foreign line or none, never in an error; one that
    is read can be written again.
    """
    raw = bytearray(line_of(written()[event]))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 2))] = data.draw(st.integers(0, 255))
    line = parse(bytes(raw))
    if line is not None and not isinstance(line.act, Foreign):
        assert parse(encode(line)) == line
