# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A real Home Assistant in a directory: set up as docs/guide/home-assistant.md says, at a broker with TLS.

What a person does in its dialogs stands here as the file that the dialogs write.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from daemon.model.unit import Broker
from simulators.link import free_port
from tests.homeassistant import page
from tests.rooms import wait_for
from tests.sites import Site

SETTINGS = """
homeassistant:
  packages: !include_dir_named packages
http:
  server_host: 127.0.0.1
  server_port: PORT
persistent_notification:
logger:
  default: info
"""
PERSON = """
automation:
  - id: person_looks
    trigger: [{platform: mqtt, topic: person/asks}]
    action:
      - service: mqtt.publish
        data:
          topic: person/sees
          payload: >-
            {% set ns = namespace(found={}) %}
            {% for s in states if s.domain in ['binary_sensor', 'sensor', 'event'] %}
            {% set ns.found = dict(ns.found, **{s.entity_id: dict(s.attributes, state=s.state)}) %}
            {% endfor %}{{ ns.found | tojson }}
  - id: person_touches
    trigger: [{platform: mqtt, topic: person/touches}]
    action:
      - service: "{{ trigger.payload_json.service }}"
        data: "{{ trigger.payload_json.data }}"
  - id: person_is_called
    mode: queued
    trigger: [{platform: persistent_notification, update_type: [added]}]
    action:
      - service: mqtt.publish
        data:
          topic: person/hears
          payload: "{{ {'title': trigger.notification.title, 'message': trigger.notification.message} | tojson }}"
"""
"""Stands in for a person at the dashboard: says what the entities show and what calls, and touches cards."""
ACCESS = "user voorbeeldstad.console.home-assistant\ntopic readwrite person/#\n"


class Home:
    """One Home Assistant; `python` is the one of the environment that it is installed in."""

    def __init__(self, python: Path, config: Path, site: Site) -> None:
        self.stored, self.config = config / "spreekkamer", config
        self._python, self._site, self._asked = python, site, 0
        self._process: subprocess.Popen[bytes] | None = None
        for directory in ("packages", "spreekkamer", ".storage"):
            (config / directory).mkdir(parents=True)
        (config / "configuration.yaml").write_text(SETTINGS.replace("PORT", str(free_port())))
        (config / "packages" / "spreekkamer.yaml").write_text(page.package())
        (config / "packages" / "witness.yaml").write_text(page.witness())
        (config / "packages" / "person.yaml").write_text(PERSON)
        (config / "spreekkamer_store.py").write_text(page.block("python"))
        seen = site.broker.seen_by(site.authority.client("voorbeeldstad.console.home-assistant"))
        entries = json.dumps(_entries(seen, self.version()))
        (config / ".storage" / "core.config_entries").write_text(entries)

    def version(self) -> tuple[int, int]:
        """Year and month of the release."""
        command = [str(self._python), "-c", "from homeassistant.const import __version__; print(__version__)"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        year, month, *_ = done.stdout.strip().split(".")
        return int(year), int(month)

    def start(self) -> None:
        """Starts it; it is there when it says so."""
        command = [str(self._python), "-m", "homeassistant", "--config", str(self.config), "--skip-pip"]
        with (self.config / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.config, stdout=log, stderr=log)

    def kill(self) -> None:
        """As a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        """What it has said."""
        return (self.config / "log").read_text()

    def files(self) -> list[bytes]:
        """What it has stored."""
        return [file.read_bytes() for file in self.stored.glob("*.json")]

    def sees_all(self) -> dict[str, dict[str, Any]]:
        """Every entity by its id: its attributes, and its state as `state`."""
        self._asked += 1
        self._site.say("person/asks", b"?")
        seen: dict[str, dict[str, Any]] = wait_for(
            "an answer", lambda: self._site.bodies("person/sees")[self._asked - 1 :]
        )[0]
        return seen

    def sees(self) -> dict[str, dict[str, Any]]:
        """The unit's, by their short names."""
        ours = "spreekkamer_1_stadhuis_"
        return {name.partition(ours)[2]: values for name, values in self.sees_all().items() if ours in name}

    def shows(self, **wanted: str) -> bool:
        """Whether the entities have these states."""
        seen = self.sees()
        return all(seen.get(name, {}).get("state") == state for name, state in wanted.items())

    def touch(self, action: dict[str, Any]) -> None:
        """A person touches a card."""
        assert action["action"] == "call-service"
        self._site.say("person/touches", json.dumps({"service": action["service"], "data": action["data"]}).encode())

    def calls(self) -> list[dict[str, str]]:
        """Every notification, in order."""
        return self._site.bodies("person/hears")


def _entries(broker: Broker, version: tuple[int, int]) -> dict[str, Any]:
    """What the dialog of the MQTT integration keeps."""
    assert broker.tls is not None
    files = {"certificate": broker.tls.ca, "client_cert": broker.tls.certificate, "client_key": broker.tls.key}
    options = {"discovery": True, "discovery_prefix": "homeassistant", **page.messages()}
    texts = {name: Path(file).read_text() for name, file in files.items()}
    entry: dict[str, Any] = {
        "entry_id": "mqtt", "version": 1, "minor_version": 2, "domain": "mqtt", "title": "mqtt",
        "data": {"broker": broker.host, "port": broker.port, **texts}, "options": options,
        "pref_disable_new_entities": False, "pref_disable_polling": False, "source": "user", "unique_id": None,
        "disabled_by": None, "created_at": "2026-01-01T00:00:00+00:00", "modified_at": "2026-01-01T00:00:00+00:00",
        "discovery_keys": {}, "subentries": [],
    }  # fmt: skip
    minor = 5
    if version < (2025, 1):  # older stores have no dates and no minor steps, and all is data
        minor = entry["minor_version"] = 1
        entry = {
            key: entry[key] for key in entry if key not in {"created_at", "modified_at", "discovery_keys", "subentries"}
        }
        entry["data"] = {**entry["data"], **options}
    return {"version": 1, "minor_version": minor, "key": "core.config_entries", "data": {"entries": [entry]}}
