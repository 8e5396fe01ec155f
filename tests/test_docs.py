# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""README.md and docs/ against what they speak of: links, commands, settings, names in the code, words of the unit."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import msgspec
import pytest
import typer
from typer.core import TyperArgument, TyperGroup, TyperOption
from typer.main import get_command

import daemon
import hardware
import simulators.__main__ as sim
from daemon import __main__ as operator
from daemon import errors, records, wire
from daemon.alarm import messages
from daemon.model.faults import FAULTS
from daemon.model.panel import PATTERNS
from daemon.model.policy import Policy
from daemon.model.unit import Unit
from simulators import board
from simulators.faults import PLUGS
from tests.tools import draw_acts, draw_notices, draw_page, draw_settings, draw_sockets

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
APPS: dict[str, typer.Typer] = {"spreekkamer": operator.app, "spreekkamer-sim": sim.app}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")
NAME = re.compile(r"[A-Za-z_]\w*\.[A-Za-z_]\w*")
FILE_ENDS = {"py", "md", "toml", "json", "jsonl", "sig", "age", "sock", "key", "ts", "mts", "mkv", "sqlite3", "conf"}
REPOSITORY_PATH = re.compile(r"(?<!/etc/)(?:daemon|hardware|simulators|config|systemd|tests|docs)/[\w./*-]+")


def text(page: str) -> str:
    """A page below docs/."""
    return (DOCS / page).read_text(encoding="utf-8")


def is_code(page: Path) -> Iterator[tuple[bool, str]]:
    """Every line of a page, and whether it stands in a code block, fenced or indented."""
    fenced, before = False, ""
    for line in page.read_text(encoding="utf-8").splitlines():
        fence = line.startswith("```")
        fenced = fenced is not fence
        indented = line.startswith("    ") and (not before.strip() or before.startswith("    "))
        yield fenced or fence or indented, line
        before = line


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return "\n".join(line for code, line in is_code(page) if not code)


def spans(page: Path) -> list[str]:
    """What stands in backticks in a page's text."""
    return CODE.findall(prose(page))


def commands() -> list[tuple[str, str]]:
    """Every line of a code block that runs one of our two commands, with the page's name."""
    found = []
    for page in PAGES:
        for code, line in is_code(page):
            command = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
            if code and command.split(" ")[0] in APPS:
                found.append((page.name, command))
    return found


@cache
def modules() -> dict[str, list[ModuleType]]:
    """Every module of the daemon and the hardware package, by the last part of its name."""
    found: dict[str, list[ModuleType]] = {}
    for package in (daemon, hardware):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            found.setdefault(info.name.rpartition(".")[2], []).append(importlib.import_module(info.name))
    return found


def owners(name: str) -> Iterator[Any]:
    """The modules with this name, and the classes of that name in any module of ours."""
    yield from modules().get(name, [])
    for module in (module for several in modules().values() for module in several):
        found = getattr(module, name, None)
        if inspect.isclass(found) and found.__module__ == module.__name__:
            yield found


def has(owner: Any, name: str) -> bool:
    """Whether an owner has a function, or a class sets such an attribute of its own objects."""
    return hasattr(owner, name) or (inspect.isclass(owner) and f"self.{name}" in inspect.getsource(owner))


@cache
def names_of_tests() -> set[str]:
    """The names of all tests."""
    sources = [file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py")]
    return {name for source in sources for name in re.findall(r"def (test_\w+)\(", source)}


@cache
def parser(name: str) -> Any:
    """Of all that one of our programs takes: it takes a tenth of a second to make."""
    return get_command(APPS[name])


@cache
def words_of_the_unit() -> str:
    """Every literal text in the code, placeholders of f-strings as `…`, a line each."""
    found = []
    for package in ("daemon", "hardware", "simulators"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                    found.append("".join(map(str, parts)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    return "\n".join(found)


def keys_of(table: type[msgspec.Struct], before: str = "") -> Iterator[str]:
    """Every key of a settings file, as the report of settings names it."""
    for field in msgspec.structs.fields(table):
        inner = [part for part in (field.type, *get_args(field.type)) if inspect.isclass(part)]
        nested = [part for part in inner if issubclass(part, msgspec.Struct)]
        if field.name == "holders":
            yield from (f"holders[].{key}" for key in ("role", "label", "recipient"))
        elif nested:
            yield from keys_of(nested[0], f"{before}{field.name}.")
        else:
            yield before + field.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """H2: a relative link of a page leads to a file or directory of this repository."""
    links = [link.partition("#")[0] for link in LINK.findall(prose(page)) if "://" not in link]
    assert [link for link in links if link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_and_test_that_is_named_is_there(page: Path) -> None:
    """H2: a file of this repository, or a test, that a page names in backticks exists."""
    paths = [path for span in spans(page) for path in REPOSITORY_PATH.findall(span) if "*" not in path]
    assert [path for path in paths if not (ROOT / path.rstrip("/")).exists()] == []
    named = [span for span in spans(page) if re.fullmatch(r"test_\w+", span)]
    assert [name for name in named if name not in names_of_tests()] == []


def test_no_page_says_a_thing_twice() -> None:
    """H2: a heading that stands twice in a page is a part that was merged twice; a link leads to the first."""
    twice = {
        path.name: found
        for path in PAGES
        for headings in [re.findall(r"^(?:##+) (.+)$", path.read_text(), re.MULTILINE)]
        if (found := {heading for heading in headings if headings.count(heading) > 1})
    }
    assert twice == {}


def test_make_targets_are_those_of_the_makefile() -> None:
    """H2: README names every make target that `make help` prints, and no other."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    helped = set(re.findall(r"^([a-z0-9-]+):.*##", makefile, re.MULTILINE))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^ *)make ([a-z0-9-]+)", readme, re.MULTILINE))
    assert helped <= named <= targets


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_line_parses(page: str, line: str) -> None:
    """H2: a command line of ours in a page names a command, options and arguments that are there."""
    name, *rest = shlex.split(line, comments=True)
    command = parser(name)
    while isinstance(command, TyperGroup):
        assert rest, f"{page}: {line}: a command is missing"
        assert rest[0] in command.commands, f"{page}: {line}"
        command = command.commands[rest.pop(0)]
    options = {
        opt: param
        for param in command.params
        if isinstance(param, TyperOption)
        for opt in (*param.opts, *param.secondary_opts)
    }
    arguments = 0
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            arguments += 1
            continue
        assert word in options, f"{page}: {line}: no option {word}"
        if not options[word].is_flag:
            assert rest, f"{page}: {line}: {word} without a value"
            rest.pop(0)
    assert arguments == sum(isinstance(param, TyperArgument) for param in command.params), f"{page}: {line}"


def test_every_command_option_and_exit_code_is_documented() -> None:
    """H2: docs/ref/commands.md has a row for each command with all its options, each fault and each exit code."""
    page = text("ref/commands.md")

    def leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
        for name, inner in command.commands.items():
            yield from leaves(inner, f"{path}{name} ") if isinstance(inner, TyperGroup) else [(path + name, inner)]

    for path, command in (leaf for app in APPS.values() for leaf in leaves(get_command(app), "")):
        row = re.search(rf"^\| `{path}(?: [^`]*)?` \| ([^|]*) \|", page, re.MULTILINE)
        assert row, path
        told = set(CODE.findall(row.group(1)))
        assert told == {opt for param in command.params if isinstance(param, TyperOption) for opt in param.opts}, path
    assert all(f"`{fault}`" in page for fault in (*PLUGS, *board.FAULTS))
    for kind in vars(errors).values():
        if inspect.isclass(kind) and issubclass(kind, errors.UnitError) and kind is not errors.RefusedError:
            assert f"| {kind.exit_code} | `{kind.__name__}` |" in page


@pytest.mark.parametrize("page", ["one-press.md", "one-second.md"])
def test_every_function_on_the_way_exists(page: str) -> None:
    """H2: a function that the walk through the code names, as `module.function` or `Class.method`, is there."""
    names = [name for name in spans(DOCS / "design" / page) if NAME.fullmatch(name)]
    names = [name for name in names if name.rpartition(".")[2] not in FILE_ENDS]
    assert len(names) > 30
    missing = [n for n in names if not any(has(owner, n.partition(".")[2]) for owner in owners(n.partition(".")[0]))]
    assert missing == []


def test_the_overview_names_every_contract_and_real_directives() -> None:
    """H2: docs/design/overview.md names each import contract and draws its floors; a directive that it gives as a wall
    is in a service.
    """
    page = text("design/overview.md")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in project["tool"]["importlinter"]["contracts"]:
        assert f"`{contract['name']}`" in page
        if contract["type"] == "layers" and "containers" in contract:
            assert "```\n" + "\n".join(contract["layers"]) + "\n```" in page, contract["name"]
    units = "\n".join(unit.read_text(encoding="utf-8") for unit in (ROOT / "systemd").glob("*.service"))
    given = set(re.findall(r"`([A-Z][A-Za-z]+=)`", page)) - {"Requires="}  # a wall by its absence
    assert [directive for directive in sorted(given) if f"\n{directive}" not in units] == []


@pytest.mark.parametrize("process", ["alarm", "recorder", "keeper"])
def test_the_overview_names_the_threads_of_each_process(process: str) -> None:
    """H5: docs/design/overview.md has each thread that a process starts by itself, under its own name."""
    (row,) = re.findall(rf"^\| {process} \| (the .*|`.*) \|$", text("design/overview.md"), re.MULTILINE)
    code = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "daemon" / process).glob("*.py"))
    names = re.findall(r'OrderThread\("([\w ]+)"|\bThread\([^()]*name="([\w ]+)"', code)
    assert len(names) > 1
    assert [name for found in names for name in found if name and f"`{name}`" not in row] == []


def test_every_driver_is_protected() -> None:
    """H5: what stands on the drivers' floor may be imported by composition roots alone."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (floors,) = (found["layers"] for found in contracts if found.get("containers") == ["hardware"])
    (kept,) = (
        found["protected_modules"] for found in contracts if "hardware.gpio" in found.get("protected_modules", [])
    )
    assert {f"hardware.{driver}" for driver in floors[0].split(" | ")} <= set(kept)


def test_every_staged_fault_has_its_row() -> None:
    """H2: docs/guide/faults.md names each test of tests/faults and no other, and faults and signs that exist."""
    page = text("guide/faults.md")
    files = (ROOT / "tests" / "faults").glob("test_*.py")
    staged = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)}
    assert set(re.findall(r"`(test_\w+)`", page)) == staged
    names = set(FAULTS) | set(PATTERNS)
    shown = {"broker", "client_id", "journal", "kept", "nobody", "nobody_listening", "refused_by_broker", "unanswered"}
    assert shown <= names
    assert [name for name in shown if f"`{name}`" not in page] == []


def test_every_setting_is_explained() -> None:
    """H2: docs/guide/settings.md names every key of both files, and every shipped policy."""
    page = text("guide/settings.md")
    assert [key for table in (Unit, Policy) for key in keys_of(table) if f"`{key}`" not in page] == []
    for policy in (ROOT / "config" / "policies").glob("*.toml"):
        assert f"| `{policy.stem}`" in page


@pytest.mark.parametrize(
    "drawer", [draw_acts, draw_settings, draw_sockets], ids=["audit-log.md", "settings.md", "sockets.md"]
)
def test_settings_and_messages_are_drawn_from_their_structs(drawer: Any) -> None:
    """H5: a bound, a default or a meaning that changes in a struct changes its page."""
    assert drawer.PAGE.read_text(encoding="utf-8") == drawer.page(), "run `make docs`"


@pytest.mark.parametrize(
    ("page", "kinds"),
    [
        ("recording-format.md", (records.Begin, records.SegmentLine, records.GapLine, records.MarkLine, records.End)),
        ("sockets.md", get_args(wire.Message)),
        ("mqtt.md", (messages.AlarmData, messages.AlarmState, messages.Availability)),
    ],
)
def test_every_field_is_in_the_reference(page: str, kinds: tuple[type[msgspec.Struct], ...]) -> None:
    """H2: a page that describes a format names every field of it."""
    told = text(f"ref/{page}")
    for kind in kinds:
        names = [field.encode_name for field in msgspec.structs.fields(kind)]
        assert [name for name in names if f"`{name}`" not in told and f'"{name}"' not in told] == [], kind.__name__


def test_troubleshooting_speaks_the_units_words() -> None:
    """H2: the headings of docs/guide/troubleshooting.md are texts that the code says, and every fault has one."""
    page = DOCS / "guide" / "troubleshooting.md"
    headings = "\n".join(line for line in prose(page).splitlines() if line.startswith("### "))
    said = words_of_the_unit()
    told = CODE.findall(headings)
    foreign = ("Connection refused", "disk I/O error", "unable to open database file", "database or disk is full")
    pieces = [piece.strip() for words in told for piece in words.split("…") if re.search(r"\w\w", piece)]
    assert len(pieces) > 30
    assert [piece for piece in pieces if piece not in said and not piece.endswith(foreign)] == []
    sections = prose(page).split("\n### ")[1:]
    assert [fault for fault in FAULTS if not any(_is_about(section, fault) for section in sections)] == []


def _is_about(section: str, fault: str) -> bool:
    """Whether a section names a fault in its heading, or begins with it: "Fault `broker`"."""
    heading, _, body = section.partition("\n")
    return f"`{fault}`" in heading or bool(re.match(rf"Faults? (`\w+`, )*`{fault}`", body.lstrip()))


@pytest.mark.parametrize("driver", sorted(path.name for path in (ROOT / "hardware").glob("*.py")))
def test_every_refusal_of_a_driver_is_a_heading(driver: str) -> None:
    """H2: what a driver can say to a person is found in docs/guide/troubleshooting.md, as a heading."""
    page = text("guide/troubleshooting.md")
    headings = "\n".join(line for line in page.splitlines() if line.startswith("### "))
    said = []
    for node in ast.walk(ast.parse((ROOT / "hardware" / driver).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "DeviceError":
            literal = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
            said += [piece.strip() for piece in literal if isinstance(piece, str) and re.search(r"\w\w", piece)]
    assert len(said) > 5 or driver not in {"gpio.py", "chip.py", "microphone.py", "inputs.py", "camera.py"}
    twice = {f"{device}: started already; expected one start before a stop" for device in ("camera", "microphone")}
    no_refusals = {"low", "high", *twice}  # a second start is a bug
    assert [piece for piece in said if piece not in headings and piece not in no_refusals] == []


def test_each_decision_has_a_number_of_its_own() -> None:
    """A page is named by its number elsewhere: two with one number were written at the same time."""
    pages = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    numbers = [int(page.name[:4]) for page in pages]
    assert len(set(numbers)) == len(numbers)
    titled = [int(page.read_text(encoding="utf-8").removeprefix("# ").partition(".")[0]) for page in pages]
    assert titled == numbers


def test_the_version_stands_once() -> None:
    """H5: the version is pyproject's, and what changed in it has a heading."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    headings = re.findall(r"^## (\S+?)[, \n]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == project["version"]
    assert "softwareVersion" not in (ROOT / "publiccode.yml").read_text(encoding="utf-8"), "no release says one yet"


def test_the_staff_card_has_every_sign_that_staff_can_see() -> None:
    """A5: docs/nl/knoppen-en-lamp.md gives the meaning of each pattern of the status lamp, in the panel's own words."""
    card = text("nl/knoppen-en-lamp.md")
    for sign, pattern in PATTERNS.items():
        assert f"| {pattern.means} |" in card, sign


def test_no_page_names_the_machine_that_it_was_written_on() -> None:
    """H2: what a page shows can be repeated elsewhere: no path of a workshop, no home directory."""
    for page in PAGES:
        assert re.findall(r"(?<![\w.…])/(?:work|tmp|home|root)/", page.read_text(encoding="utf-8")) == [], page.name


def test_the_pictures_of_the_page_are_there_small_and_used() -> None:
    """H2: README begins with one picture of the page, the guide has the others; each is made by `make docs`,
    stands in a page, and is small enough for a telephone.
    """
    used = set()
    for page in (ROOT / "README.md", *(ROOT / "docs" / "guide").glob("*.md")):
        for path in re.findall(r"!\[[^\]]+\]\(([^)]*pictures/[^)]+)\)", page.read_text(encoding="utf-8")):
            used.add((page.parent / path).resolve())
    assert used == {draw_page.PICTURES / f"{name}.png" for name in (*draw_page.NAMES, *draw_notices.NAMES)}
    assert all(0 < path.stat().st_size < 100_000 for path in used)
    assert (ROOT / "README.md").read_text(encoding="utf-8").split("\n")[2].startswith("![")
