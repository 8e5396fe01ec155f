# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A slip for the unit: this recording was opened. The page makes the same (`reader/src/slip.js`; decision 29)."""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple

import msgspec

from daemon import sign, slipkey
from daemon.errors import RequestError
from daemon.evidence.opening import Envelopes
from daemon.evidence.verify import Verdict
from daemon.model.holds import NUMBER_IS
from daemon.model.register import SignedSlip, Slip


class About(NamedTuple):
    """What a recording is opened for."""

    purpose: Any
    number: Any
    on_behalf_of: Any


def checked(about: About, *, wanted: bool) -> About | None:
    """The same, as a unit takes it; None: no slip is wanted. Raises RequestError."""
    if not wanted and any(about):
        raise RequestError("--purpose, --number and --role are a slip's; expected --slip FILE with them")
    if not wanted:
        return None
    expected = {
        "purpose": "--purpose, what for", "number": f"--number: {NUMBER_IS}; no name",
        "on_behalf_of": "--role, a role of the policy in small letters; no name",
    }  # fmt: skip
    try:
        _slip("0" * 32, about, datetime.datetime.now(tz=datetime.UTC))
    except msgspec.ValidationError as error:
        missing = next((words for name, words in expected.items() if f"$.{name}" in str(error)), str(error))
        raise RequestError(f"--slip: expected {missing}") from error
    return about


def made(opened: Envelopes, verdict: Verdict, about: About, now: datetime.datetime) -> bytes | None:
    """A line of the file for the unit; None: the recording names no key for slips. Raises SealError."""
    known = (verdict.begin.slip_keys if verdict.begin else ()) or ()
    seeds = (slipkey.seed(str(key)) for key in opened.keys.values())
    seed = next((seed for seed in seeds if slipkey.public(seed) in known), None)
    if seed is None:
        return None
    text = msgspec.json.encode(_slip(opened.recording_id, about, now))
    signature = sign.sign_with(text, slipkey.private(seed), sign.SLIPS)
    return msgspec.json.encode(SignedSlip(text.decode(), signature.decode())) + b"\n"


def _slip(recording_id: str, about: About, now: datetime.datetime) -> Slip:
    told = {"recording_id": recording_id, "use": "opened", **about._asdict(), "format": "spreekkamer-slip/1"}
    return msgspec.convert({**told, "opened_at": f"{now:%Y-%m-%dT%H:%M:%SZ}"}, Slip)
