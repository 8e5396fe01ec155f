# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Home Assistant's own word on our payloads and our guide: `make home-assistant`, in a virtual environment of its own.

Takes a JSON file that maps discovery topics to payloads, and Home Assistant's configuration directory with the guide's
package in it. Each payload goes through the platform's own discovery schema, once as it is and twice with a fault
planted; the package through the schemas of automations, scripts and shell commands.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import voluptuous  # type: ignore[import-not-found]  # comes with Home Assistant, which is not in our own environment
import yaml
from homeassistant import core, loader  # type: ignore[import-not-found]  # as above
from homeassistant.components import automation, script, shell_command  # type: ignore[import-not-found]  # as above
from homeassistant.components.automation import config as automation_config  # type: ignore[import-not-found]  # as above
from homeassistant.components.script import config as script_config  # type: ignore[import-not-found]  # as above
from homeassistant.const import MAJOR_VERSION as YEAR  # type: ignore[import-not-found]  # as above
from homeassistant.helpers import frame  # type: ignore[import-not-found]  # as above

LATER = {"options"}
"""Words that Home Assistant passed over before 2025."""
PLANTED = {"qos": 7, "device": {"name": "no identifier"}}


def say(text: str) -> None:
    """A line for who runs it."""
    sys.stdout.write(f"{text}\n")


def discovery(payloads: dict[str, dict[str, Any]]) -> None:
    """Every payload is taken, with QoS 1; a planted fault is refused by the same schema."""
    assert payloads, "no payloads"
    for topic, body in payloads.items():
        _, component, *_ = topic.split("/")
        schema = importlib.import_module(f"homeassistant.components.mqtt.{component}").DISCOVERY_SCHEMA
        taken = schema(body)
        assert taken["qos"] == 1, topic
        lost = set(body) - set(taken) - (LATER if YEAR < 2025 else set())
        assert not lost, f"{topic}: Home Assistant does not know {lost}"
        for key, wrong in PLANTED.items():
            try:
                schema({**body, key: wrong})
            except voluptuous.Invalid:
                continue
            raise AssertionError(f"{topic}: a planted {key} was taken")
        say(f"accepted: {component} {body['name']}; refused with a fault planted")


async def package(hass: core.HomeAssistant, home: Path) -> None:
    """The guide's package is what Home Assistant takes."""
    found = yaml.safe_load((home / "packages" / "spreekkamer.yaml").read_text())
    shell_command.CONFIG_SCHEMA({"shell_command": found["shell_command"]})
    for item in found["automation"]:
        await automation_config.async_validate_config_item(hass, item["id"], item)
        say(f"accepted: automation {item['alias']}")
    for name, item in found["script"].items():
        await script_config.async_validate_config_item(hass, name, item)
        say(f"accepted: script {item['alias']}")


async def check(payloads: dict[str, dict[str, Any]], home: Path) -> None:
    """Both, within a Home Assistant that is not started: schemas of templates ask for one."""
    hass = core.HomeAssistant(str(home))
    if hasattr(frame, "async_setup"):
        frame.async_setup(hass)
    loader.async_setup(hass)
    discovery(payloads)
    await package(hass, home)
    await hass.async_stop(force=True)


if __name__ == "__main__":
    assert automation.DOMAIN == "automation"
    assert script.DOMAIN == "script"
    asyncio.run(check(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])))
