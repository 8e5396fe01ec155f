# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The content of spreekkamer.toml: the room's settings, the policy in it, the names of files beside it. Pure.

    organisation = "voorbeeldstad"     as in unit.toml; a certificate by its name on the card
    …
    policy = '''                       the municipality's policy.toml, byte for byte
    …
    '''
    [end]                              the last line: without it the file is a part of one

Where the policy is signed, `[[policy.signers]]` stands in place of its text, as in unit.toml; policy.toml and its
signature are files beside it, because an editor that saves them again makes another text of them.

Invariant: text is taken unchanged, never written anew. So the policy's hash is that of the municipality's own file,
and a fault has the line that an editor shows.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable

from msgspec import Struct

from daemon import config
from daemon.config import Fault, lines
from daemon.model.unit import TLS_NAME

NAME = "spreekkamer.toml"
SIGNED = ("policy.toml", "policy.toml.sig")
"""The files of a signed policy."""
ANSWER = "spreekkamer-antwoord.txt"
POLICY, END = "policy", "end"
HEAD = f"[{END}]"
BROKERS = ("broker", "second_broker")
AT_LINE = re.compile(r"at line (\d+)|\bline (\d+)\b|\bat end of document")
"""How a fault names a line: by `tomllib`, and by `text_of`."""
TEXT = re.compile(r"^[ \t]*policy[ \t]*=", re.MULTILINE)
OWNER = re.compile(r"^[ \t]*\[+[ \t]*policy\b", re.MULTILINE)
BOTH = f"met [[policy.signers]] staat het beleid niet in dit bestand, maar ernaast: {' en '.join(SIGNED)}"
NEAR = 0.8
"""Similarity to our name that suggests a typing error: a few letters. The answer's has 0.65, and `custom.toml`, which
Raspberry Pi Imager writes, 0.52."""
KEY_MARK = b"PRIVATE KEY-----"
"""In PEM; a certificate may be in the same file as its key."""


class Sheet(Struct, frozen=True):
    """A complete spreekkamer.toml in valid TOML. The loader decides whether its settings are valid."""

    text: str
    unit: str
    """unit.toml, as it will be on the unit."""
    policy: str
    """policy.toml, as it will be on the unit; of a signed one, what was read of its file."""
    policy_line: int
    """The line before the policy's first; 0: it is a file of its own."""
    is_signed: bool
    """It names who may sign the policy."""
    files: tuple[tuple[str, str], ...]
    """Key and name of each file that it names."""

    def line_of(self, key: str) -> int:
        """The line of a setting of the room."""
        return lines.line_of(lines.statements(self.text), key)

    def fault(self, fault: Fault) -> str:
        """A fault from the loader, with its line on the card."""
        if fault.file == "unit.toml":
            return said(fault, self.line_of(fault.key))
        if fault.file != "policy.toml" or fault.key == "signature":
            value = f" = {fault.shown()}" if fault.value else ""
            return config.safe(f"{fault.file}: {fault.key}{value}: {fault.expected}")
        where = "policy.toml, " if self.is_signed else ""
        line = _line_named(fault.expected, self.policy)
        if line:
            rest = AT_LINE.sub(f"at line {self.policy_line + line}", fault.expected, count=1)
            return where + said(fault._replace(key="policy", expected=rest), self.policy_line + line)
        try:
            line = lines.line_of(lines.statements(self.policy), fault.key)
        except tomllib.TOMLDecodeError:
            line = 1
        return where + said(fault._replace(key=f"policy: {fault.key}"), self.policy_line + line)

    def taken(self) -> tuple[str, ...]:
        """Each setting, with its line."""
        found = tomllib.loads(self.text)
        told = []
        for one in lines.statements(self.text):
            if one.is_head or one.path == (POLICY,):
                continue
            value = found
            for step in one.path:
                value = value[step]  # type: ignore[index]  # the path of a statement is a path of its value
            key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in one.path)[1:]
            shown = Fault("", key, config.show(value), "").shown()
            told.append(config.safe(f"regel {one.first}: {key} = {shown}"))
        return tuple(told)


def said(fault: Fault, line: int) -> str:
    """A line of the answer about a fault."""
    value = f" = {fault.shown()}" if fault.value else ""
    key = "" if fault.key == "the file" else f"{fault.key}{value}: "
    return config.safe(f"regel {line}: {key}{fault.expected}")


def stray(name: str) -> str:
    """Why a signature of a policy is no use."""
    return f"{name} staat naast {NAME}, en dat noemt geen [[policy.signers]]"


def candidates(names: Iterable[str]) -> tuple[str, ...]:
    """Names on a card that may have been meant as ours, including ours: copies, other endings, typing errors."""
    seen = {name: name.lower() for name in names if not name.startswith((".", "~")) and not name.endswith("~")}
    near = difflib.get_close_matches(NAME, seen.values(), n=len(seen) or 1, cutoff=NEAR)
    meant = (name for name, low in seen.items() if low in near or ("spreekkamer" in low and ".toml" in low))
    return tuple(sorted(meant))


def read(data: bytes) -> tuple[Sheet | None, tuple[str, ...]]:
    """The sheet, or what is wrong with it, one sentence each."""
    faults: list[Fault] = []
    raw = config.parse(data, NAME, faults) if data.strip(b"\0 \t\r\n") else {}
    if faults:
        text = data.decode(errors="replace")
        hint = "" if _is_ended(data) else f"; het bestand eindigt niet met {HEAD}: het is half gekopieerd"
        hint += f"; {BOTH}" if OWNER.search(text) and TEXT.search(text) else ""
        return None, tuple(said(fault, _line_named(fault.expected, text) or 1) + hint for fault in faults)
    if not _is_ended(data):
        last = data.decode(errors="replace").rstrip().count("\n") + 1
        return None, (f"regel {last}: het bestand eindigt niet met {HEAD}: het is leeg of half gekopieerd",)
    text = config.text_of(data).replace("\r\n", "\n")
    found = lines.statements(text)
    wrong = tuple(_wrong(raw, found))
    if wrong:
        return None, wrong
    is_signed = isinstance(raw[POLICY], dict)
    try:
        unit = lines.without(text, {END} if is_signed else {POLICY, END})
    except ValueError:
        return None, ("regel 1: policy en [end] staan niet elk op een regel van zichzelf",)
    named = ((f"{table}.tls.{part}", name) for table in BROKERS for part, name in _named(raw, table))
    files = tuple((key, name) for key, name in named if re.match(TLS_NAME, name))  # the loader judges other names
    if is_signed:
        return Sheet(text, unit, "", 0, is_signed, files), ()
    head = next(one for one in found if one.path == (POLICY,))
    quoted = text.split("\n")[head.first - 1].rstrip().endswith(("'''", '"""'))
    return Sheet(text, unit, raw[POLICY], head.first - 1 + quoted, is_signed, files), ()


def _wrong(raw: dict[str, object], found: tuple[lines.Statement, ...]) -> Iterable[str]:
    if raw.get(END) != {} or found[-1].path != (END,):
        yield f"regel {lines.line_of(found, END)}: na {HEAD} staat nog iets, of het staat er twee keer"
    policy = raw.get(POLICY)
    if not isinstance(policy, str) and not (isinstance(policy, dict) and policy.get("signers")):
        where = lines.line_of(found, POLICY)
        yield (
            f"regel {where}: policy: verwacht de tekst van policy.toml, tussen twee regels met '''; is het beleid "
            f"ondertekend, dan [[policy.signers]], met {' en '.join(SIGNED)} naast dit bestand"
        )
    for table in BROKERS:
        for part, name in _named(raw, table):
            if name.startswith("/"):
                key = f"{table}.tls.{part}"
                yield f"regel {lines.line_of(found, key)}: {key}: verwacht alleen de naam van een bestand op deze kaart"


def _named(raw: dict[str, object], table: str) -> tuple[tuple[str, str], ...]:
    """The files named in a broker's table, if it is one."""
    broker = raw.get(table)
    tls = broker.get("tls") if isinstance(broker, dict) else None
    items = tls.items() if isinstance(tls, dict) else ()
    return tuple((part, name) for part, name in items if isinstance(name, str))


def _is_ended(data: bytes) -> bool:
    """Whether the last non-empty line is the end mark."""
    try:
        text = config.text_of(data)
    except config.EncodingError:
        text = data.decode("cp1252", errors="replace")
    said_lines = [line for line in (raw.partition("#")[0].strip() for raw in text.split("\n")) if line]
    return bool(said_lines) and said_lines[-1].replace(" ", "") == HEAD


def _line_named(words: str, text: str) -> int:
    """The line number in a fault's text; 0: none."""
    found = AT_LINE.search(words)
    if found is None:
        return 0
    return int(found[1] or found[2] or text.rstrip().count("\n") + 1)
