# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The unit's keys: made on the unit, kept, and made anew where a card was copied."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import sign
from daemon.errors import SealError
from tests.card.sheets import BOARD, OTHER_BOARD, Bench
from tests.certificates import UNIT as UNIT_NAME

WORDS = b"a recording's sums"


def signed(bench: Bench) -> list[bytes]:
    """What each key signs, by ssh-keygen."""
    return [sign.sign(WORDS, bench.paths.signing_key), sign.sign(WORDS, bench.paths.audit_key, sign.AUDIT)]


def holds(bench: Bench, signatures: list[bytes]) -> bool:
    """Whether both hold, by the keys beside the unit's own and by the `allowed_signers`."""
    keys = ((bench.paths.signing_key, sign.RECORDINGS), (bench.paths.audit_key, sign.AUDIT))
    signers = bench.paths.etc / "allowed_signers"
    return all(
        sign.is_signed(WORDS, signature, sign.public_keys(path, namespace), namespace, UNIT_NAME)
        for (key, namespace), signature in zip(keys, signatures, strict=True)
        for path in (key.with_suffix(".pub"), signers)
    )


def test_the_first_start_makes_both_keys_and_the_next_keeps_them(bench: Bench) -> None:
    """K3, issue 14: keys come with the first settings and stay; the answer has their lines and marks, never a key."""
    bench.put()
    bench.start()
    assert holds(bench, signed(bench))
    said, keys = bench.answer(), {path.name: path.read_bytes() for path in bench.paths.etc.glob("*_ed25519")}
    assert set(keys) == {"unit_ed25519", "keeper_ed25519"}
    for line in (bench.paths.etc / "allowed_signers").read_text().splitlines():
        assert line in said
    for path in (bench.paths.signing_key, bench.paths.audit_key):
        shown = subprocess.run(["ssh-keygen", "-l", "-f", f"{path}.pub"], capture_output=True, text=True, check=True)
        assert shown.stdout.split()[1] in said
        assert path.stat().st_mode & 0o077 == 0
    bench.start()
    assert keys == {path.name: path.read_bytes() for path in bench.paths.etc.glob("*_ed25519")}
    assert not list(bench.paths.etc.glob(".*")), "nothing is left of making them"


@pytest.mark.case("security 14")
def test_a_copied_card_makes_its_own(works: Bench) -> None:
    """K3, issue 14: on another board both keys are new, the copies are overwritten, what they signed can be checked,
    and the answer says so; the board that it was copied from goes on as before.
    """
    before, old = signed(works), works.paths.signing_key.read_bytes()
    with works.paths.signing_key.open("rb") as held:
        state = works.start(OTHER_BOARD)
        held.seek(0)
        assert not set(old.split(b"\n")[1:-2]) & set(held.read().split(b"\n")), "the copy was overwritten"
    assert state.board == OTHER_BOARD
    assert "deze kaart komt van een ander bord" in works.answer()
    assert f"spreekkamer-{OTHER_BOARD}" in works.answer(), "another client at the broker"
    after = signed(works)
    assert holds(works, after)
    assert holds(works, before), "what was signed before"
    assert sign.public_of(works.paths.signing_key.read_bytes()) != sign.public_of(old)
    made = works.paths.signing_key.read_bytes()
    works.start(OTHER_BOARD)
    assert works.paths.signing_key.read_bytes() == made


@pytest.mark.parametrize("board", ["unknown-machine0", BOARD])
def test_a_board_that_is_not_known_changes_nothing(works: Bench, board: str) -> None:
    """K3: a serial number that cannot be read is no reason for another key."""
    before = works.everything()
    assert works.start(board).board in {BOARD, board}
    works.start(BOARD)
    assert works.everything() == before


def test_what_is_no_key_is_replaced(works: Bench) -> None:
    """R6: a key file that a power cut left empty, or a public half that is gone, is made whole at the next start."""
    works.paths.signing_key.write_bytes(b"")
    public = works.paths.audit_key.with_suffix(".pub")
    kept = public.read_text().split()[1]
    public.unlink()
    works.start()
    assert holds(works, signed(works))
    assert public.read_text().split()[1] == kept


def test_a_room_with_another_name_keeps_its_keys(works: Bench) -> None:
    """K3: its public lines bear both names."""
    before = works.paths.signing_key.read_bytes()
    text = (works.boot / "spreekkamer.toml").read_text()
    works.put(text.replace('"spreekkamer-1"', '"spreekkamer-2"'), files=False)
    works.start()
    assert works.paths.signing_key.read_bytes() == before
    lines = (works.paths.etc / "allowed_signers").read_text().splitlines()
    assert len([line for line in lines if sign.public_of(before) in line]) == 2


def test_a_public_half_is_ssh_keygens(tmp_path: Path) -> None:
    """K5: read from the key file itself, as ssh-keygen would; a key with a password has one too."""
    for password in ("", "geheim"):
        key = tmp_path / f"key{password}"
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", password, "-C", "x", "-f", str(key)]
        subprocess.run(command, check=True)
        assert key.with_suffix(".pub").read_text().startswith(sign.public_of(key.read_bytes()))


@given(st.binary(max_size=200), st.integers(0, 400))
def test_what_is_no_key_has_no_public_half(data: bytes, at: int) -> None:
    """K5: any bytes, and any beginning of a key file, are an error in words."""
    head = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMw=="
    for junk in (data, (head + b"\n-----END OPENSSH PRIVATE KEY-----")[at:], head[:at] + data):
        with pytest.raises(SealError):
            sign.public_of(junk)
