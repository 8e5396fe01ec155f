# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Opens a recording with the keys of its holders: the envelopes layer by layer, then one segment after the other.

Invariant: this runs on a custodian's computer, never on a unit: no unit has a key that opens. One holder of EVERY group
must agree, in the order of the layers; the first can pass on a half, which opens nothing by itself. Secret keys stay in
memory and are never printed. A segment that does not open costs only itself.
"""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec
import pyrage

from daemon.errors import RequestError, SealError, StoreError
from daemon.evidence.source import Source
from daemon.evidence.verify import Segment
from daemon.inspection.chain import UNREADABLE
from daemon.model.policy import fingerprint
from daemon.names import ENVELOPE
from hardware.ports import Track

HALF = "spreekkamer-half/1"
LAYERS_MAX = 3
"""Groups that a policy may have."""
KEY_BYTES_MAX = 100_000
"""A key file has 200 bytes; the largest with a plug-in's identities is far below this."""
_SECRET = re.compile(r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}")
_AGE = (b"age-encryption.org/v1", b"-----BEGIN AGE ENCRYPTED FILE-----")
Identity: TypeAlias = Any
"""A pyrage.x25519.Identity; pyrage has no types."""


class Half(msgspec.Struct, frozen=True):
    """Envelopes from which the first groups have removed their layers; still sealed to the others."""

    recording_id: str
    layers_open: int
    envelopes: dict[str, str]
    """Name of the envelope -> its remaining layers, in base64."""
    format: str = HALF


class Envelopes(NamedTuple):
    """The envelopes of a recording, as far as they are open."""

    recording_id: str
    groups: tuple[tuple[str, ...], ...]
    layers_open: int
    sealed: Mapping[str, bytes]
    keys: Mapping[str, Identity]
    """Name of the envelope without its suffix -> the key of its segments; empty until all layers are open."""
    spoilt: tuple[str, ...]
    """Envelopes that do not open with the others' keys; they cost only their own segments."""


def identities(data: bytes, name: str, passphrase: Callable[[str], str]) -> list[Identity]:
    """The keys in a key file; `passphrase` is called for a locked one. Raises SealError."""
    if len(data) > KEY_BYTES_MAX:
        raise SealError(f"{name}: is no key file: it has {len(data)} bytes")
    if data.lstrip().startswith(_AGE):
        try:
            data = pyrage.passphrase.decrypt(
                data.strip() if data.lstrip().startswith(_AGE[1]) else data, passphrase(name)
            )
        except pyrage.DecryptError as error:
            raise SealError(f"{name}: the passphrase does not fit, or the file is no locked key") from error
    found = _SECRET.findall(data.decode(errors="replace").upper())
    if not found:
        raise SealError(f"{name}: holds no key; expected a line that begins with AGE-SECRET-KEY-1")
    try:
        return [pyrage.x25519.Identity.from_str(line) for line in found]
    except pyrage.IdentityError as error:
        raise SealError(f"{name}: the key has a typing error in it: {error}") from error


def envelopes(
    source: Source, recording_id: str, groups: tuple[tuple[str, ...], ...], names: Sequence[str]
) -> Envelopes:
    """The envelopes of a recording, closed. Raises StoreError if there are none."""
    sealed = {}
    for name in names:
        if ENVELOPE.match(name):
            with contextlib.suppress(StoreError):  # a missing one costs its own segments; the verdict names it
                sealed[name] = source.file(name)
    if not sealed:
        raise StoreError("no envelope is there: nothing in this recording can be opened")
    return Envelopes(recording_id, groups, 0, sealed, {}, ())


def take_half(closed: Envelopes, data: bytes, name: str) -> Envelopes:
    """The envelopes as the previous holder left them, for the tracks that still exist.

    A file has one line per part of an event. Raises RequestError for a half of another recording.
    """
    try:
        halves = msgspec.json.Decoder(Half).decode_lines(data)
        half = next((one for one in halves if one.recording_id == closed.recording_id), None)
        envelopes = half.envelopes if half else {}
        sealed = {key: base64.b64decode(envelopes[key], validate=True) for key in closed.sealed if key in envelopes}
    except (*UNREADABLE, ValueError) as error:
        raise RequestError(f"{name}: is no half-opened recording") from error
    if not halves or any(one.format != HALF for one in halves):
        raise RequestError(f"{name}: is no half-opened recording")
    if half is None:
        theirs = ", ".join(one.recording_id[:8] for one in halves[:8])
        raise RequestError(f"{name}: belongs to recording {theirs}; expected one of {closed.recording_id[:8]}")
    if not sealed or not 1 <= half.layers_open <= LAYERS_MAX:
        raise RequestError(f"{name}: has nothing of the envelopes of recording {closed.recording_id[:8]}")
    spoilt = tuple(sorted(closed.sealed.keys() - sealed.keys()))
    return closed._replace(layers_open=half.layers_open, sealed=sealed, spoilt=spoilt)


def give_half(opened: Envelopes) -> bytes:
    """The file for the next holder. Raises RequestError if nothing, or everything, is open."""
    if opened.keys:
        raise RequestError("every group has agreed already: `open` it; a half of this would be the whole")
    sealed = {name: base64.b64encode(data).decode() for name, data in opened.sealed.items()}
    return msgspec.json.encode(Half(opened.recording_id, opened.layers_open, sealed)) + b"\n"


def unlock(closed: Envelopes, keys: Sequence[Identity]) -> Envelopes:
    """Remove the layers that these keys open. Raises SealError, with a text for a person, if they open none."""
    sealed, layers, spoilt = dict(closed.sealed), closed.layers_open, closed.spoilt
    while layers < LAYERS_MAX and not _all_open(sealed):
        opened = {name: clear for name, data in sealed.items() if (clear := open_one(data, keys)) is not None}
        if not opened:
            break
        spoilt += tuple(sorted(sealed.keys() - opened.keys()))
        sealed, layers = opened, layers + 1
    if _all_open(sealed):
        return closed._replace(layers_open=layers, sealed={}, keys=_keys(sealed), spoilt=spoilt)
    if layers == closed.layers_open:
        raise SealError(_why_closed(closed, keys))
    return closed._replace(layers_open=layers, sealed=sealed, spoilt=spoilt)


def still_needed(opened: Envelopes) -> str:
    """Whose key is still needed, for a person."""
    return f"a holder of group {opened.layers_open + 1} of {len(opened.groups)} still has to agree: {_holders(opened)}"


def check_open(opened: Envelopes) -> None:
    """Raise SealError, naming whose key is still needed, if a layer is closed."""
    if not opened.keys:
        raise SealError(f"{still_needed(opened)}; make a `half` for them, or give their key as well")


def opened_segments(
    source: Source, segments: Sequence[Segment], keys: Mapping[str, Identity], trouble: Callable[[str], None]
) -> Iterator[tuple[Segment, bytes]]:
    """Each segment in clear, in order; `trouble` gets a sentence for each that does not open."""
    for segment in segments:
        mine = [key for name, key in keys.items() if name == segment.key or name.startswith(f"{segment.track}.")]
        try:
            yield segment, bytes(pyrage.decrypt(source.file(segment.file), mine))
        except pyrage.DecryptError:
            trouble(f"{segment.file}: does not open; it was changed, or sealed to another key")
        except StoreError as error:
            trouble(str(error))


def tracks_of(keys: Mapping[str, Identity]) -> set[Track]:
    """The tracks that these keys open."""
    return {"audio" if name.startswith("audio.") else "video" for name in keys}


def open_one(data: bytes, keys: Sequence[Identity]) -> bytes | None:
    """The content that these keys open; None: they do not."""
    try:
        return bytes(pyrage.decrypt(data, list(keys)))
    except pyrage.DecryptError:
        return None


def _all_open(sealed: Mapping[str, bytes]) -> bool:
    return all(data.startswith(b"AGE-SECRET-KEY-1") for data in sealed.values())


def _keys(opened: Mapping[str, bytes]) -> dict[str, Identity]:
    try:
        return {
            name.removesuffix(".key.age"): pyrage.x25519.Identity.from_str(data.decode().strip())
            for name, data in opened.items()
        }
    except (UnicodeDecodeError, pyrage.IdentityError) as error:
        raise SealError("an envelope holds no key of a recording: it was not made by a unit") from error


def _why_closed(closed: Envelopes, keys: Sequence[Identity]) -> str:
    mine = {str(key.to_public()) for key in keys}
    groups = [number for number, group in enumerate(closed.groups, 1) if mine & set(group)]
    needed = closed.layers_open + 1
    if not groups:
        return f"this key opens no part of this recording; it opens for: {_holders(closed)}"
    if needed in groups:
        return "the envelopes do not open with the key that they name: they were changed"
    if max(groups) < needed:
        return f"group {groups[0]} has agreed already; {still_needed(closed)}"
    return f"this key is of group {groups[0]}; the layer of group {needed} comes first: {_holders(closed)}"


def _holders(closed: Envelopes) -> str:
    """The next group, by the fingerprints that its holders can compare with their own."""
    if closed.layers_open >= len(closed.groups):
        return "nobody that begin.json names"
    return "one of " + ", ".join(fingerprint(key) for key in closed.groups[closed.layers_open][:8])
