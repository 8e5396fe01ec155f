# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a package consists of, as a CycloneDX 1.6 document: each wheel with its version, hash and licence."""

from __future__ import annotations

import datetime
import json
import uuid
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path
from typing import Any

from deploy.deb.targets import Edition
from deploy.deb.wheels import Wheel, normal

FOUND = {"pyrage": "MIT", "av": "BSD-3-Clause AND GPL-3.0-or-later"}
"""What a wheel's own words leave out, as docs/ref/licences.md found it: a licence file; the libraries inside."""
OURS = "EUPL-1.2"


def document(edition: Edition, wheels: list[Wheel], site_packages: Path) -> str:
    """The document, the same for the same package."""
    # The number names the contents, so that two builds of one package have one.
    contents = "\n".join([edition.target.name, edition.upstream, *(f"{wheel.name} {wheel.sha256}" for wheel in wheels)])
    ours = {**_component("spreekkamer", edition.upstream, {"expression": OURS}), "type": "application"}
    found = [_of_wheel(wheel, site_packages) for wheel in wheels]
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, contents)}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.datetime.fromtimestamp(edition.epoch_s, datetime.UTC).isoformat(),
            "component": ours,
        },
        "components": found,
        "dependencies": [{"ref": ours["bom-ref"], "dependsOn": [one["bom-ref"] for one in found]}],
    }
    return json.dumps(bom, indent=1) + "\n"


def _of_wheel(wheel: Wheel, site_packages: Path) -> dict[str, Any]:
    return {
        **_component(wheel.name, wheel.version, licence(distribution(wheel.name, site_packages))),
        "purl": f"pkg:pypi/{wheel.name}@{wheel.version}",
        "hashes": [{"alg": "SHA-256", "content": wheel.sha256}],
    }


def _component(name: str, version: str, said: dict[str, Any]) -> dict[str, Any]:
    return {"type": "library", "bom-ref": f"{name}@{version}", "name": name, "version": version, "licenses": [said]}


def distribution(name: str, site_packages: Path) -> Distribution:
    """A distribution as it is laid out."""
    for path in site_packages.glob("*.dist-info"):
        if normal(path.name.split("-")[0]) == name:
            return PathDistribution(path)
    raise FileNotFoundError(f"{site_packages}: no {name}")


def licence(found: Distribution) -> dict[str, Any]:
    """What is known of a distribution's licence: an SPDX expression, or the words that its maker used."""
    metadata = found.metadata
    if expression := FOUND.get(normal(found.name)) or metadata["License-Expression"]:
        return {"expression": str(expression)}
    lines = metadata.get_all("Classifier") or []
    classified = [line.rpartition(" :: ")[2] for line in lines if line.startswith("License ::")]
    short = (metadata["License"] or "").strip()
    words = short if short and "\n" not in short else " / ".join(classified)
    return {"license": {"name": words or "not said"}}
