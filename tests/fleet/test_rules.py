# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The alert rules in promtool's own clock: what fires when, and what must not."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.model.faults import FAULTS
from tests.tools import draw_monitoring as drawn

pytestmark = [pytest.mark.fleet, pytest.mark.xdist_group("prometheus")]

UP = {"series": 'up{job="spreekkamer"}', "values": "1x80"}
LISTED = {"series": 'spreekkamer_room{sensor="a/b/c"}', "values": "1x80"}
ALIVE = {"series": 'spreekkamer_uptime_seconds{sensor="a/b/c"}', "values": "100+15x80"}


def judged(tmp_path: Path, series: list[dict[str, str]], at: str, name: str, **labels: str | None) -> str:
    """What promtool has against an alert of this name with these labels, and no other, at that time; none without."""
    expected: list[dict[str, Any]] = []
    if labels:
        labels = {key: value for key, value in labels.items() if value is not None}
        rules = [rule for group in drawn.alerts()["groups"] for rule in group["rules"] if rule["alert"] == name]
        (rule,) = (one for one in rules if one["labels"].get("fault") == labels.get("fault"))
        notes = {
            k: v.replace("{{ $labels.sensor }}", labels.get("sensor") or "") for k, v in rule["annotations"].items()
        }
        expected = [{"exp_labels": {**rule["labels"], **labels}, "exp_annotations": notes}]
    case = {
        "rule_files": [str(drawn.ALERTS)], "evaluation_interval": "15s",
        "tests": [{"interval": "15s", "input_series": series,
                   "alert_rule_test": [{"eval_time": at, "alertname": name, "exp_alerts": expected}]}],
    }  # fmt: skip
    file = tmp_path / "case.yml"
    file.write_text(yaml.safe_dump(case))
    done = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_rules_fire_when_they_should(tmp_path: Path) -> None:
    """A5, H1: silence within four minutes whatever it looks like, and no alarm for a machine that starts again; each
    fault after a minute; an exporter or a table that is missing is told as well.
    """
    dead = {"series": ALIVE["series"], "values": "100+15x20 400x60"}
    gone = {"series": ALIVE["series"], "values": "100+15x20 _x60"}
    restarted = {"series": ALIVE["series"], "values": "100+15x20 _x4 10+15x55"}
    assert judged(tmp_path, [UP, LISTED, ALIVE], "15m", "SpreekkamerSilent") == ""
    assert judged(tmp_path, [UP, LISTED, ALIVE], "15m", "SpreekkamerSilent", sensor="a/b/c") != "", "this can fail"
    for never_or_no_more in ([UP, LISTED], [UP, LISTED, dead], [UP, LISTED, gone]):
        assert judged(tmp_path, never_or_no_more, "9m", "SpreekkamerSilent", sensor="a/b/c") == ""
    for at in ("5m15s", "6m", "7m", "8m", "9m"):
        assert judged(tmp_path, [UP, LISTED, restarted], at, "SpreekkamerSilent") == ""
    assert judged(tmp_path, [UP, ALIVE, LISTED], "9m", "SpreekkamerNoTable") == ""
    assert judged(tmp_path, [UP, ALIVE], "9m", "SpreekkamerNoTable", sensor=None) == ""
    assert judged(tmp_path, [UP, ALIVE], "9m", "SpreekkamerUnlisted", sensor="a/b/c") == ""
    down = {"series": UP["series"], "values": "1x10 0x70"}
    assert judged(tmp_path, [down, LISTED], "9m", "SpreekkamerWatchless", sensor=None) == ""
    kept = {"series": 'spreekkamer_undelivered{sensor="a/b/c"}', "values": "0x10 1x70"}
    assert judged(tmp_path, [UP, LISTED, ALIVE, kept], "9m", "SpreekkamerUndelivered", sensor="a/b/c") == ""


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_told(tmp_path: Path, name: str) -> None:
    """H5: with its own words on what to do."""
    series = {"series": f'spreekkamer_fault{{sensor="a/b/c", fault="{name}"}}', "values": "_x10 1x30"}
    assert judged(tmp_path, [UP, LISTED, ALIVE, series], "9m", "SpreekkamerFault", sensor="a/b/c", fault=name) == ""
