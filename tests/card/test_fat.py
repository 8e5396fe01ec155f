# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The same on a real boot partition: FAT, which knows no case, no rights and no links, and fills up."""

from __future__ import annotations

from pathlib import Path

from daemon import cardstate
from daemon.card.sheet import ANSWER, NAME
from daemon.config import load
from tests.card.fat import Partition
from tests.card.sheets import Bench, Files, good
from tests.certificates import UNIT as UNIT_NAME


def test_starts_from_fat(tmp_path: Path, files: Files) -> None:
    """Issue 14: taken by names in whatever case, the key gone from every block, the answer there; then a faulty file on
    a full card, and a good one on a card that is read-only. After each the partition is sound, and a computer reads it.
    """
    card, at = Partition(tmp_path / "boot.img"), tmp_path / "card" / "boot"
    unit = Bench(tmp_path / "unit", files, at)
    key = files.unit.key.read_bytes()
    contents = {NAME.upper(): good().encode(), "ca.crt": files.ca.read_bytes(), "Unit.Key": key}
    for name, data in {**contents, "unit.crt": files.unit.certificate.read_bytes()}.items():
        card.put(name, data)
    with card.mounted(at):
        assert unit.start().refused == ""
    assert load(unit.paths.etc).unit.name() == UNIT_NAME
    assert "OVERGENOMEN" in card.get(ANSWER)
    assert card.names() >= {NAME.upper(), ANSWER, "ca.crt", "unit.crt"}
    assert not [name for name in card.names() if "key" in name.lower()]
    assert key.splitlines()[1] not in card.image.read_bytes(), "not one block has it"
    assert card.is_sound()

    before = unit.everything()
    card.put(NAME.upper(), good().replace("pin = 5", "pin = 55").encode())
    card.fill()
    with card.mounted(at):
        assert "from 0 to 27" in unit.start().refused
    assert "GEWEIGERD: er is niets overgenomen." in card.get(ANSWER), "in its old place"
    assert unit.everything() == before
    assert card.is_sound()

    card.remove(ANSWER)
    card.put("more", b"x")
    card.fill("ballast-2")
    with card.mounted(at):
        assert "from 0 to 27" in unit.start().refused, "and no room for an answer at all"
    assert unit.everything() == before

    card.remove("ballast")
    card.put(NAME.upper(), good().replace("pin = 6", "pin = 22").encode())
    card.put("unit.key", key)
    with card.mounted(at, writable=False):
        assert unit.start().refused == "", "what can be read is taken"
    record = load(unit.paths.etc).unit.buttons.record
    assert record is not None
    assert record.pin == 22
    told = "\n".join(cardstate.read(unit.paths.card).told).lower()
    assert "unit.key staat nog op de kaart (alleen te lezen)" in told
    assert card.is_sound()
