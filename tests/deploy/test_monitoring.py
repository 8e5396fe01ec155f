# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a site's monitoring is set to, against the unit's own lists; with a real exporter: `make fleet-test`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.model.faults import FAULTS, NOT_FOR_STAFF, NOT_HEARD
from deploy.deb.targets import ROOT
from tests.tools import draw_monitoring as drawn

SCHEMA = json.loads((ROOT / "docs" / "ref" / "schemas" / "health.json").read_text(encoding="utf-8"))
METRIC = re.compile(r"\bspreekkamer_\w+")
OF_THE_TABLE = {"spreekkamer_room"}
"""Made from the site's table of rooms."""


def field(path: str) -> dict[str, Any]:
    """What the schema says of a field of health, by its path."""
    found: dict[str, Any] = SCHEMA
    for step in path.split("."):
        while "$ref" in found or "anyOf" in found:
            if "$ref" in found:
                found = SCHEMA["$defs"][found["$ref"].rpartition("/")[2]]
            else:
                (found,) = (one for one in found["anyOf"] if one.get("type") != "null")
        if step in found.get("properties", {}):
            found = found["properties"][step]
        else:
            names = found["propertyNames"]["enum"] if "propertyNames" in found else [step]
            assert step in names, f"{path}: {step}"
            found = found["additionalProperties"]
    while "anyOf" in found:
        (found,) = (one for one in found["anyOf"] if one.get("type") != "null")
    return found


@pytest.mark.parametrize("path", drawn.files(), ids=lambda path: path.name)
def test_what_is_drawn_is_current(path: Path) -> None:
    """H5: rules, exporter and dashboard follow the unit's lists of faults and fields."""
    assert path.read_text(encoding="utf-8") == drawn.files()[path], "run `make docs`"


@pytest.mark.parametrize("metric", drawn.METRICS, ids=lambda metric: metric.field)
def test_each_metric_is_a_field_of_health(metric: drawn.Metric) -> None:
    """H5: a field that is renamed, or becomes something that the exporter cannot read, fails here."""
    found = field(metric.field)
    if metric.words is None:
        assert found["type"] in {"number", "integer", "boolean"}
        return
    words = found.get("enum")
    assert words is not None or found["type"] == "string"
    assert set(metric.words) <= set(words or metric.words), "words that the unit does not say"


def test_a_field_that_is_not_there_is_found() -> None:
    """H5: the check above can fail."""
    for path in ("uptime", "faults.none", "keeper.filled", "paths.broker.days"):
        with pytest.raises((AssertionError, KeyError, ValueError)):
            field(path)["type"]


def test_every_fault_has_its_metric_and_its_alert() -> None:
    """H1, H5: each fault of the list, with what to do about it; critical where a press may reach nobody."""
    config = yaml.safe_load(drawn.EXPORTER.read_text(encoding="utf-8"))
    measured = {m["const_labels"]["fault"] for m in config["metrics"] if m["prom_name"] == "spreekkamer_fault"}
    assert measured == set(FAULTS)
    rules = [
        rule for group in drawn.alerts()["groups"] for rule in group["rules"] if rule["alert"] == "SpreekkamerFault"
    ]
    found = {rule["labels"]["fault"]: rule for rule in rules}
    assert set(found) == set(FAULTS)
    assert len(rules) == len(FAULTS)
    for name, fault in FAULTS.items():
        assert found[name]["annotations"]["todo"] == fault.todo
    critical = {name for name, rule in found.items() if rule["labels"]["severity"] == "critical"}
    assert critical >= NOT_HEARD
    assert {"broker", "refused_by_broker"} <= critical
    assert not critical & NOT_FOR_STAFF


def test_rules_and_dashboard_ask_for_metrics_that_are_there() -> None:
    """H5: each metric that an alert or a panel names is exported, or made from the table of rooms."""
    exported = {metric.name for metric in drawn.METRICS} | OF_THE_TABLE
    asked = METRIC.findall(drawn.ALERTS.read_text(encoding="utf-8")) + METRIC.findall(
        drawn.BOARD.read_text(encoding="utf-8")
    )
    assert len(set(asked)) > 5
    assert set(asked) <= exported | {"spreekkamer_room"}
    rooms = (drawn.MONITORING / "rooms.rules.yml.j2").read_text(encoding="utf-8")
    assert "record: spreekkamer_room\n" in rooms


def test_nothing_that_is_kept_says_when_people_were_in_a_room() -> None:
    """K1, H1: figures stay in Prometheus for weeks: neither phase nor recording nor press nor lamp is among them."""
    for metric in drawn.METRICS:
        first = metric.field.partition(".")[0]
        assert first not in {"phase", "recording_id", "alarms", "lamps", "buttons", "consoles", "counters"}
        assert not metric.field.endswith(("level_dbfs", "peak_dbfs", "recordings"))
