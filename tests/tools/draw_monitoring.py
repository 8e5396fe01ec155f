# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Draws what a site's monitoring is set to from the lists of the unit: `make docs`.

    deploy/monitoring/mqtt-exporter.yaml   health, as metrics of Debian's prometheus-mqtt-exporter (mqtt2prometheus)
    deploy/monitoring/alerts.rules.yml     absence, undelivered alarms, and every fault of daemon/model/faults.py
    deploy/monitoring/dashboard.json       the same for Grafana

Invariant: no figure leaves the unit's health that says when people were in a room: no phase, no recording, no press.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

from daemon.model.faults import FAULTS, Fault, spoiling
from tests.tools.draw_contract import ORGANISATION, ROOM

ROOT = Path(__file__).resolve().parent.parent.parent
MONITORING = ROOT / "deploy" / "monitoring"
EXPORTER, ALERTS, BOARD = (MONITORING / name for name in ("mqtt-exporter.yaml", "alerts.rules.yml", "dashboard.json"))
MADE = "# Drawn by `make docs` (tests/tools/draw_monitoring.py): change it there.\n"
FORGET = "60s"
"""A room's figures are forgotten after four messages that did not come (one each 15 s): so is a fault that is over."""
SILENT, SILENT_FOR = "2m", "1m"
"""Eight messages, and a minute more: a restart of the machine is no silence."""


class Metric(NamedTuple):
    """One field of health, as a metric."""

    name: str
    field: str
    help: str
    unit: str = "short"
    labels: dict[str, str] = {}  # noqa: RUF012 - a value that nobody changes
    words: dict[str, float] | None = None
    """The number of each word; None: the field is a number, or true or false."""
    other: float = 0.0
    """The number of any other word."""


METRICS = (
    Metric("spreekkamer_uptime_seconds", "uptime_s", "Seconds since the machine's boot.", "s"),
    Metric("spreekkamer_clock_synchronised", "clock", "1: the wall clock is synchronised.", "bool",
           words={"synchronised": 1.0}),
    Metric("spreekkamer_simulated", "simulated", "1: a room on simulated devices.", "bool"),
    Metric("spreekkamer_undelivered", "undelivered", "Alarm events that no receiver has stored yet."),
    *(Metric("spreekkamer_certificate_days", f"paths.{path}.certificate_days",
             "Days until the first certificate of a path expires.", "d", {"path": path})
      for path in ("broker", "second_broker")),
    Metric("spreekkamer_free_bytes", "recorder.free_bytes", "Free bytes on the store's disk.", "bytes"),
    Metric("spreekkamer_filled_percent", "keeper.filled_pct", "How full the store is.", "percent"),
    Metric("spreekkamer_unaccounted", "keeper.unaccounted", "Files in the store that belong to nothing."),
    *(Metric("spreekkamer_fault", f"faults.{name}", "1: the fault is active.", "bool", {"fault": name}, {}, 1.0)
      for name in FAULTS),
)  # fmt: skip


def exporter() -> dict[str, Any]:
    """The exporter's configuration."""
    room = ROOM.removesuffix("/")
    subscribed = room.replace("{organisation}", "+").replace("{site}", "+").replace("{room}", "+")
    return {
        "mqtt": {
            "server": "ssl://broker.voorbeeldstad.example:8883",
            "ca_cert": "/etc/prometheus/tls/ca.crt",
            "client_cert": "/etc/prometheus/tls/prometheus.crt",
            "client_key": "/etc/prometheus/tls/prometheus.key",
            "topic_path": f"{subscribed}/health",
            "device_id_regex": f"{ORGANISATION.partition('{')[0]}(?P<deviceid>.+)/health",
            "qos": 0,
        },
        "cache": {"timeout": FORGET},
        "json_parsing": {"separator": "."},
        "metrics": [_exported(metric) for metric in METRICS],
    }


def _exported(metric: Metric) -> dict[str, Any]:
    found: dict[str, Any] = {
        "prom_name": metric.name, "mqtt_name": metric.field, "help": metric.help, "type": "gauge",
    }  # fmt: skip
    if metric.labels:
        found["const_labels"] = metric.labels
    if metric.words is not None:
        found["string_value_mapping"] = {"error_value": metric.other, "map": metric.words}
    return found


def severity(fault: Fault, name: str) -> Literal["critical", "warning", "info"]:
    """How soon somebody has to look: critical where an alarm may reach nobody."""
    if name in spoiling("test alarm") or fault.sign == "nobody":
        return "critical"
    return "warning" if fault.sign else "info"


def alerts() -> dict[str, Any]:
    """The alert rules."""
    heard = f"changes(spreekkamer_uptime_seconds[{SILENT}]) > 0"
    absence = [
        _alert("SpreekkamerSilent", f"spreekkamer_room unless on (sensor) ({heard})", SILENT_FOR, "critical",
               "{{ $labels.sensor }} says nothing: whether a press there is an alarm, nobody knows",
               "Is it powered, is the network there? Go and look; until it is heard again no press there counts."),
        _alert("SpreekkamerWatchless", 'absent(up{job="spreekkamer"} == 1)', SILENT_FOR, "critical",
               "The exporter does not answer: silence of every room is unseen",
               "systemctl status prometheus-mqtt-exporter, and its log."),
        _alert("SpreekkamerNoTable", "absent(spreekkamer_room)", SILENT_FOR, "critical",
               "No room is expected: silence of every room is unseen",
               "Copy rooms.rules.yml of the site's directory to Prometheus: docs/guide/fleet.md."),
        _alert("SpreekkamerUnlisted", f"({heard}) unless on (sensor) spreekkamer_room", "5m", "warning",
               "{{ $labels.sensor }} is heard and stands in no table: if it went silent, nobody would be told",
               "Add it to the table of rooms, or take it off the broker."),
        _alert("SpreekkamerSimulated", "spreekkamer_simulated == 1", "0m", "info",
               "{{ $labels.sensor }} is a simulated room: nothing of it is a fact about a real one",
               "Give it a broker of its own."),
    ]  # fmt: skip
    alarms = [
        _alert("SpreekkamerUndelivered", "spreekkamer_undelivered > 0", "1m", "critical",
               "An alarm of {{ $labels.sensor }} has not been stored by a receiver",
               "Go there. Then: spreekkamer status --alarms on the unit, and the log of the receiver."),
    ]  # fmt: skip
    faults = [
        _alert("SpreekkamerFault", f'spreekkamer_fault{{fault="{name}"}} == 1', "1m", severity(fault, name),
               f"{{{{ $labels.sensor }}}} names the fault {name}", fault.todo, {"fault": name})
        for name, fault in FAULTS.items()
    ]  # fmt: skip
    return {
        "groups": [
            {"name": "spreekkamer absence", "rules": absence},
            {"name": "spreekkamer alarms", "rules": alarms},
            {"name": "spreekkamer faults", "rules": faults},
        ]
    }


def _alert(
    name: str, expr: str, lasting: str, level: str, summary: str, todo: str, labels: dict[str, str] | None = None
) -> dict[str, Any]:
    return {
        "alert": name, "expr": expr, "for": lasting, "labels": {"severity": level, **(labels or {})},
        "annotations": {"summary": summary, "todo": todo},
    }  # fmt: skip


QUERIES = {
    "Rooms that say nothing": 'count(ALERTS{alertname="SpreekkamerSilent", alertstate="firing"}) or vector(0)',
    "Rooms with a fault": "count(count by (sensor) (spreekkamer_fault == 1)) or vector(0)",
    "Alarm events undelivered": "sum(spreekkamer_undelivered) or vector(0)",
    "Rooms heard": f"count(changes(spreekkamer_uptime_seconds[{SILENT}]) > 0) or vector(0)",
}
TABLES = {
    "Silent": 'ALERTS{alertname="SpreekkamerSilent", alertstate="firing"}',
    "Faults": "spreekkamer_fault == 1",
}


def board() -> dict[str, Any]:
    """The Grafana dashboard: what is wrong first, then each figure by room."""
    panels: list[dict[str, Any]] = []
    for n, (title, query) in enumerate(QUERIES.items()):
        panels.append(_panel("stat", title, query, (6 * n, 0, 6, 4)))
    for n, (title, query) in enumerate(TABLES.items()):
        panels.append(_panel("table", title, query, (12 * n, 4, 12, 8), instant=True))
    figures = {metric.name: metric for metric in METRICS if metric.unit != "bool"}
    for n, metric in enumerate(figures.values()):
        panels.append(
            _panel("timeseries", metric.help, metric.name, (12 * (n % 2), 12 + 8 * (n // 2), 12, 8), unit=metric.unit)
        )
    return {
        "uid": "spreekkamer", "title": "Spreekkamer", "schemaVersion": 38, "version": 1, "editable": True,
        "tags": ["spreekkamer"], "refresh": "30s", "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": [{
            "name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0,
        }]},
        "panels": [{"id": n, **panel} for n, panel in enumerate(panels, 1)],
    }  # fmt: skip


def _panel(
    kind: str, title: str, query: str, place: tuple[int, int, int, int], unit: str = "short", *, instant: bool = False
) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${source}"}
    target: dict[str, Any] = {"refId": "A", "datasource": source, "expr": query, "legendFormat": "{{sensor}} {{path}}"}
    if instant:
        target |= {"instant": True, "range": False, "format": "table"}
    return {
        "type": kind, "title": title, "datasource": source, "targets": [target],
        "gridPos": dict(zip("xywh", place, strict=True)), "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
    }  # fmt: skip


def files() -> dict[Path, str]:
    """Every drawn file, with its text."""
    as_yaml = {EXPORTER: exporter(), ALERTS: alerts()}
    drawn = {
        path: MADE + yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=120)
        for path, body in as_yaml.items()
    }
    return {**drawn, BOARD: json.dumps(board(), indent=1) + "\n"}


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path)  # noqa: T201 - a tool says what it wrote
