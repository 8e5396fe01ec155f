# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Who may do what at the keeper, tried by real users over the real socket; and holds through the whole process."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from daemon import records, wire
from daemon.__main__ import app
from daemon.config import load
from daemon.errors import RefusedError, SealError
from daemon.keeper.audit import AuditLog
from daemon.keeper.custody import Asked
from daemon.keeper.export import STALLED_NS
from daemon.keeper.process import FromOperator, KeeperProcess
from daemon.keeper.register import VERIFY_S
from daemon.link import Conversation, Peer
from daemon.model.holds import By, Hold, Wish, place
from daemon.model.rights import KEEPER_VERBS
from daemon.model.timeline import LOOK_NS, STABLE_DAY_NS
from daemon.people import Door
from hardware.disk import FileSystemDisk
from simulators.state import prepare
from tests.keeper.desks import (
    ANNA,
    DAY_NS,
    NOBODY,
    NOW_NS,
    NS,
    PIET,
    ROOT,
    STRANGER,
    Hands,
    RunningKeeper,
    open_desk,
    recorded,
)
from tests.keeper.stores import audit_lines
from tests.rooms import wait_for
from tests.waiting import PATIENCE_S

A = "a" * 32
WHY = {"purpose": "demand", "number": "2026-1", "on_behalf_of": "manager"}
WISH = {"recording": "aaaa", "incident": "2026-0417", "on_behalf_of": "manager", "reason": "a threat",
        "review": "2026-12-20"}  # fmt: skip


@pytest.fixture
def keeper() -> Iterator[RunningKeeper]:
    """A keeper of a week's sound and four weeks' image; its own user is nobody here."""
    with open_desk("heusden-2020", NOW_NS, own=False) as found:
        yield found


def record(keeper: RunningKeeper, name: str = A, age_ns: int = 0) -> Path:
    """A closed recording of this age that the keeper knows."""
    path = recorded(keeper.paths, keeper.clock, name, age_ns)
    wait_for("the keeper knows it", lambda: keeper.said_to(ROOT, ("recording", {"recording_id": name}))[0][1] != 9)
    return path


def test_each_role_has_its_acts(keeper: RunningKeeper) -> None:
    """Issue 5, who may: an engineer looks and cannot hold or hand out; a custodian can; somebody without a role hears
    no verb at all, and root is an engineer.
    """
    record(keeper)
    args: dict[str, dict[str, Any]] = {
        "hold_place": WISH,
        "export": {"recording_id": A, **WHY},
        "recording": {"recording_id": A},
    }
    custodians = {
        "hold_place",
        "hold_extend",
        "hold_release",
        "export",
        "export_files",
        "used",
        "incident_close",
        "signers_confirm",
    }
    for verb in KEEPER_VERBS.keys() - {"disk_speed", "sign_check"}:
        refused = f"`{verb}` is not for you"
        asked = (verb, args.get(verb, {}))
        assert str(keeper.said_to(NOBODY, asked)[0][0]).startswith(refused), verb
        for engineer in (PIET, ROOT):
            said = keeper.said_to(engineer, asked)[0]
            assert (str(said[0]).startswith(refused)) is (verb in custodians), (verb, engineer)
            assert (said[1] == 13) is (verb in custodians), (verb, engineer)
        assert not str(keeper.said_to(ANNA, asked)[0][0]).startswith(refused), verb


def test_a_stranger_does_not_get_in(keeper: RunningKeeper) -> None:
    """Issue 5, who may: whoever is not in the operators' group cannot open the socket."""
    assert "may you use this socket" in keeper.said_to(STRANGER, ("state", {}))[0][0]


def test_acts_and_refusals_are_lines(keeper: RunningKeeper) -> None:
    """K3: an act is a line with the user's number and the role; so is a refusal, and a flood of them is a number."""
    record(keeper)
    keeper.said_to(ANNA, ("hold_place", WISH))
    (line,) = keeper.told("hold_placed")
    assert (line["uid"], line["role"], line["on_behalf_of"]) == (ANNA.uid, "custodian", "manager")
    for _ in range(3):
        keeper.said_to(PIET, ("hold_place", WISH))
    assert [(line["uid"], line["verb"], line["count"]) for line in keeper.told("refused")] == [
        (PIET.uid, "hold_place", 1)
    ]
    keeper.clock.passed_ns += DAY_NS
    closing = wait_for("the day is closed", lambda: keeper.told("refused")[1:])
    assert [(line["uid"], line["verb"], line["count"]) for line in closing] == [(PIET.uid, "hold_place", 2)]


def test_a_hold_a_second_before_the_end_wins(keeper: RunningKeeper) -> None:
    """K1, K2: of two recordings a second before the end of their term the one that is held then stays; the other goes.
    Released past its term it is gone before the answer is there.
    """
    week_ns = 7 * DAY_NS
    first, second = record(keeper, A, week_ns - NS), record(keeper, "b" * 32, week_ns - NS)
    said = keeper.said_to(ANNA, ("hold_place", WISH))[0][0]
    assert said["tracks"] == ["audio", "video"]
    keeper.clock.passed_ns += 2 * NS
    wait_for("the other's sound goes", lambda: not (second / "audio").exists())
    assert (first / "audio").is_dir()
    done = keeper.said_to(
        ANNA, ("hold_release", {"hold": said["hold_id"], "on_behalf_of": "manager", "reason": "closed"})
    )[0][0]
    assert done["deleted"] == [{"recording_id": A, "track": "audio"}]
    assert not (first / "audio").exists()
    assert (first / "video").is_dir()


def test_a_hold_and_the_end_in_one_turn(tmp_path: Path) -> None:
    """K2: a hold that has reached the keeper when a term ends is heard before anything goes, also behind others."""
    paths, clock = prepare(tmp_path, "heusden-2020", None, ("127.0.0.1", 1)), Hands(NOW_NS)
    process = KeeperProcess(load(paths.etc), paths, clock, FileSystemDisk(paths.store), Door({}))
    path = recorded(paths, clock, A, 7 * DAY_NS - NS)
    process.begin()
    process._store.refresh()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer = Peer(ours)
    for verb, args in (("state", {}), ("recordings", {}), ("hold_place", WISH)):
        process._queue.put(FromOperator(peer, wire.Request(verb, dict(args))))
    clock.passed_ns += 2 * NS
    process._turn()
    assert (path / "audio").is_dir()
    assert [b'"error":""' in theirs.recv(65_536) for _ in range(3)] == [True] * 3
    theirs.close()
    peer.release()
    process.close()


def test_words_that_wait_for_ssh_keygen_delay_no_deletion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K1: ssh-keygen hangs, and somebody sends slips without waiting for answers: a deletion has its minute."""
    paths, clock = prepare(tmp_path, "heusden-2020", None, ("127.0.0.1", 1)), Hands(NOW_NS)
    process = KeeperProcess(load(paths.etc), paths, clock, FileSystemDisk(paths.store), Door({}))
    path = recorded(paths, clock, A, 7 * DAY_NS - NS)
    process.begin()

    def hangs(_: Asked, __: AuditLog) -> None:
        clock.passed_ns += round(VERIFY_S * NS)
        raise SealError("ssh-keygen could not verify")

    monkeypatch.setattr(process._register, "slip", hangs)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer = Peer(ours)
    for _ in range(90):
        process._queue.put(FromOperator(peer, wire.Request("slip", {})))
    process._turn()
    assert not (path / "audio").exists()
    late_s = [line["late_s"] for line in audit_lines(paths.store) if line["event"] == "deleting"]
    assert late_s
    assert max(late_s) <= 60
    theirs.close()
    peer.release()
    process.close()


def test_a_hold_lapses_by_the_policy_and_by_a_utc_that_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K2, K4: where the policy says `lapse`, a hold that nobody reviewed ends days after its date, not before, and not
    while UTC is in doubt; what it held goes, and the log says why.
    """
    monkeypatch.setattr("daemon.keeper.process.WAIT_MAX_S", 0.0)
    paths, clock = prepare(tmp_path, "heusden-2020", None, ("127.0.0.1", 1)), Hands(NOW_NS)
    policy = paths.etc / "policy.toml"
    policy.write_text(policy.read_text() + '\n[holds]\nafter_review = "lapse"\nlapse_after_d = 3\n')
    process = KeeperProcess(load(paths.etc), paths, clock, FileSystemDisk(paths.store), Door({}))
    path = recorded(paths, clock, A, 0)
    process.begin()
    hold = place_by_hand(process, clock)
    clock.passed_ns += 60 * DAY_NS  # far past the review and three days more; UTC is not believed yet
    process._turn()
    assert "hold_review" in process._state().faults
    assert (path / "audio").is_dir()
    for _ in range(STABLE_DAY_NS // LOOK_NS + 3):
        clock.passed_ns += LOOK_NS
        process._turn()
    assert process._state().holds == 0
    assert not path.exists()
    told = [line for line in audit_lines(paths.store) if line["event"] in {"hold_review_due", "hold_releasing"}]
    assert [line["hold_id"] for line in told] == [hold.hold_id] * 2
    assert told[1]["lapsed"] is True
    assert "nobody reviewed it within 3 days" in str(told[1]["reason"])
    process.close()


def place_by_hand(process: KeeperProcess, clock: Hands) -> Hold:
    """A hold on the one recording, without a socket."""
    wish = msgspec.convert(WISH, Wish)
    hold = place(wish, ("c" * 32, A), ("audio", "video"), clock.read(), By(1000, "custodian"))
    process._holds.place(hold, process._audit)
    return hold


def test_what_is_asked_badly_is_answered_clearly(keeper: RunningKeeper) -> None:
    """K2: what cannot be done is refused in words that say what was expected, and nothing comes of it."""
    record(keeper)
    wrong: list[tuple[dict[str, Any], str, int]] = [
        ({"review": "2026-12-32"}, "review: expected a date such as", 12),
        ({"review": "2026-01-01"}, "review 2026-01-01: expected a date after today and up to", 12),
        ({"review": "2027-12-01"}, "90 days ahead", 12),
        ({"reason": "x" * 201}, "reason: expected one line of 1 to 200 characters; no name", 12),
        ({"incident": "../../etc"}, "incident: expected the incident's or the request's number", 12),
        ({"on_behalf_of": "Anna de Vries"}, "on_behalf_of: expected a role", 12),
        ({"recording": "ffff"}, "no recordings have an id that begins with", 9),
        ({"tracks": ["smell"]}, "tracks: expected audio, video or both", 12),
        ({"colour": "red"}, "colour", 12),
    ]
    for change, words, code in wrong:
        said = keeper.said_to(ANNA, ("hold_place", {**WISH, **change}))[0]
        assert words in said[0], said
        assert said[1] == code
    assert keeper.said_to(ANNA, ("holds", {}))[0][0] == {"holds": [], "unknown": [], "fault": ""}
    assert keeper.told("hold_placed") == []


def test_what_has_gone_cannot_be_held(keeper: RunningKeeper) -> None:
    """K2: a hold on a track that is gone is refused and says what is left; without naming one, what is left is held."""
    path = record(keeper, A, 8 * DAY_NS)
    wait_for("its sound goes", lambda: not (path / "audio").exists())
    said = keeper.said_to(ANNA, ("hold_place", {**WISH, "tracks": ["audio"]}))[0]
    assert said == [f"recording {A} has no audio any more; there is video", 12]
    assert keeper.said_to(ANNA, ("hold_place", WISH))[0][0]["tracks"] == ["video"]


def test_who_holds_a_part_is_told_of_the_others(keeper: RunningKeeper) -> None:
    """K2: the answer to a hold names the other recordings of the event; each of them is handed out as held."""
    record(keeper)
    other = recorded(keeper.paths, keeper.clock, "b" * 32, 0, continues=A).name
    wait_for("the keeper knows it", lambda: keeper.said_to(ROOT, ("recording", {"recording_id": other}))[0][1] != 9)
    hold = keeper.said_to(ANNA, ("hold_place", WISH))[0][0]
    assert hold["kept_with_it"] == [other]
    keeper.said_to(ANNA, ("export", {"recording_id": other, **WHY}))
    assert keeper.told("handed_out")[-1]["holds"] == [hold["hold_id"]]


def test_the_log_is_handed_out_as_it_is(keeper: RunningKeeper) -> None:
    """K3: an engineer reads the audit log itself, as far as it goes at that moment."""
    record(keeper)
    keeper.said_to(ANNA, ("hold_place", WISH))
    body, (text,) = keeper.said_to(PIET, ("audit", {}))[0]
    assert len(text.encode()) == body["bytes"]
    assert body["head"] == records.sha256(text.splitlines(keepends=True)[-1].encode())


def test_a_sealed_copy_is_handed_out_file_by_file(keeper: RunningKeeper) -> None:
    """K3, K5: whoever may gets every file of a closed recording to read, on the connection on which it was asked for,
    and the log says so before the first; an open one is not handed out.
    """
    path = record(keeper)
    body, files = keeper.said_to(ANNA, ("export", {"recording_id": "aaaa", **WHY}), ("export_files", {}))[0:2]
    names, contents = files
    assert body[0]["files"] == 11
    assert dict(zip(names["names"], contents, strict=True)) == {
        str(file.relative_to(path)): file.read_text() for file in path.rglob("*") if file.is_file()
    }
    (line,) = keeper.told("handed_out")
    assert (line["uid"], line["recording_id"], line["files"]) == (ANNA.uid, A, 11)
    assert line.items() >= WHY.items()
    assert line["sums_sha256"] == records.sha256((path / "SHA256SUMS").read_bytes())
    assert "comes after `export`" in keeper.said_to(ANNA, ("export_files", {}))[0][0]
    (path / "SHA256SUMS.sig").unlink()
    assert "is not closed yet" in keeper.said_to(ANNA, ("export", {"recording_id": A, **WHY}))[0][0]
    assert len(keeper.told("handed_out")) == 1


def test_an_export_runs_until_who_asked_for_it_is_gone() -> None:
    """A2: an upgrade is told of a copy that is being made, between its parts too, and is not kept waiting for ever by
    one that was stopped.
    """
    with open_desk("heusden-2020", NOW_NS) as keeper:
        record(keeper)
        assert keeper.ask("exports") == []
        with Conversation(keeper.paths.keeper_socket) as anna:
            anna.ask("export", recording_id=A, **WHY)
            assert keeper.ask("exports") == [A]
            while anna.ask("export_files")["names"]:
                pass
            keeper.clock.passed_ns += STALLED_NS
            assert keeper.ask("exports") == [A]
            keeper.clock.passed_ns += 1
            assert keeper.ask("exports") == []
            anna.ask("export", recording_id=A, **WHY)
            assert keeper.ask("exports") == [A]
        wait_for("she is gone", lambda: keeper.ask("exports") == [])


def test_every_verb_is_in_the_table(keeper: RunningKeeper) -> None:
    """Issue 5, who may: a verb that is answered stands in the table, and the other way round."""
    assert keeper.process._desk._verbs.keys() == KEEPER_VERBS.keys()


def test_in_a_simulated_room_the_owner_may_do_everything() -> None:
    """Issue 5, who may: where everything runs as one user, that user has every role, and the log says `owner`."""
    with open_desk("heusden-2020", NOW_NS) as keeper:
        record(keeper)
        keeper.ask("hold_place", **WISH)
        assert keeper.told("hold_placed")[0]["role"] == "owner"
        with pytest.raises(RefusedError, match="unknown request `shutdown`"):
            keeper.ask("shutdown")
        assert json.dumps(keeper.ask("holds"))


@pytest.fixture
def own_keeper() -> Iterator[RunningKeeper]:
    """The same, and its own user may do everything."""
    with open_desk("heusden-2020", NOW_NS) as found:
        yield found


def record_own(keeper: RunningKeeper, name: str = A, continues: str | None = None) -> Path:
    """A closed recording of an hour that the keeper knows."""
    path = recorded(keeper.paths, keeper.clock, name, 3600 * NS, continues=continues)
    wait_for("the keeper knows it", lambda: any(one["recording_id"] == name for one in keeper.ask("recordings")))
    return path


@pytest.mark.case("keeper 8")
@pytest.mark.parametrize("role", ["janssen", "custodian", "managers"])
def test_a_hold_is_for_a_role_of_the_policy(keeper: RunningKeeper, role: str) -> None:
    """K2: a hold is placed, reviewed and released on behalf of a role that the policy names, and of nobody else: the
    answer offers the roles, and nothing has changed.
    """
    record(keeper)
    wish = {**WISH, "on_behalf_of": role}
    offered = "expected a role of the policy: hr-manager, manager, secretary"
    assert offered in keeper.said_to(ANNA, ("hold_place", wish))[0][0]
    hold = keeper.said_to(ANNA, ("hold_place", WISH))[0][0]["hold_id"]
    later = {"hold": hold, "on_behalf_of": role, "reason": "x", "review": WISH["review"]}
    assert offered in keeper.said_to(ANNA, ("hold_extend", later))[0][0]
    assert offered in keeper.said_to(ANNA, ("hold_release", {n: later[n] for n in later if n != "review"}))[0][0]
    assert keeper.told("hold_releasing") == []


@pytest.mark.case("keeper 8")
def test_a_release_asks_on_a_terminal(own_keeper: RunningKeeper) -> None:
    """K2: whoever releases a hold at a terminal is asked first, and says no by pressing Return; with --yes, or without
    a terminal, nobody is asked.
    """
    keeper = own_keeper
    record_own(keeper)
    state = ["--role", "manager", "--reason", "closed", "--state", str(keeper.paths.etc.parent)]

    def release(hold: str, typed: bytes | None, *words: str) -> subprocess.CompletedProcess[bytes]:
        ours, theirs = os.openpty()
        try:
            os.write(ours, typed or b"")
            command = [sys.executable, "-m", "daemon", "hold", "release", hold, *words, *state]
            at = subprocess.DEVNULL if typed is None else theirs
            return subprocess.run(command, stdin=at, capture_output=True, check=False, timeout=PATIENCE_S)
        finally:
            os.close(ours)
            os.close(theirs)

    for n, (typed, words, goes) in enumerate(
        [(b"\n", (), False), (b"n\n", (), False), (b"y\n", (), True), (b"", ("--yes",), True), (None, (), True)]
    ):
        hold = keeper.ask("hold_place", **{**WISH, "incident": f"2026-{n}"})["hold_id"]
        done = release(hold[:8], typed, *words)
        assert (done.returncode == 0) is goes, done.stderr
        assert (hold in [line["hold_id"] for line in keeper.told("hold_released")]) is goes
        assert (b"does not come back" in done.stderr) is (typed is not None and not words)


@pytest.mark.case("keeper 8")
def test_a_hold_is_released_by_its_id_and_what_still_keeps_is_said(own_keeper: RunningKeeper) -> None:
    """K2: a few characters of an id end nothing; a second hold for the same incident is refused and names the first;
    where the term is over and another hold keeps it, the answer says which one, and the last release deletes.
    """
    keeper = own_keeper
    path = record_own(keeper)
    first = keeper.ask("hold_place", **WISH)["hold_id"]
    with pytest.raises(RefusedError, match=f"hold {first} keeps it for {WISH['incident']} already; extend that one"):
        keeper.ask("hold_place", **WISH)
    second = keeper.ask("hold_place", **{**WISH, "incident": "2026-0418"})["hold_id"]
    assert len(keeper.told("hold_placed")) == 2
    why = {"on_behalf_of": "manager", "reason": "closed"}
    for length in (1, 7):
        with pytest.raises(RefusedError, match="expected 8 characters of its id at the least"):
            keeper.ask("hold_release", hold=first[:length], **why)
    assert keeper.told("hold_releasing") == []
    keeper.clock.passed_ns += 30 * DAY_NS
    command = ["hold", "release", first[:8], "--role", "manager", "--reason", "closed"]
    done = CliRunner().invoke(app, [*command, "--state", str(keeper.paths.etc.parent)], env={"COLUMNS": "250"})
    assert done.exit_code == 0, done.output
    assert "deleted: nothing, another hold keeps it" in done.output
    assert f"still kept by hold {second}" in done.output
    assert (path / "audio").exists()
    with Conversation(keeper.paths.keeper_socket, PATIENCE_S) as own:
        last = own.ask("hold_release", hold=second[:8], **why)
    assert last["still_held_by"] == []
    assert sorted(gone["track"] for gone in last["deleted"]) == ["audio", "video"]


@pytest.mark.case("keeper 7")
def test_the_other_parts_of_an_event_are_named(own_keeper: RunningKeeper) -> None:
    """K2: a hold on one part, without a track, is on every track of every part; `show` names the other parts."""
    keeper, other = own_keeper, "b" * 32
    record_own(keeper)
    path = record_own(keeper, other, continues=A)
    shutil.rmtree(path / "audio")
    (path / "audio.0.key.age").unlink()
    hold = keeper.ask("hold_place", **{**WISH, "recording": other})
    assert (sorted(hold["tracks"]), hold["kept_with_it"]) == (["audio", "video"], [A])
    assert all(track["held"] for track in keeper.ask("recording", recording_id=A)["tracks"].values())
    for one, told in ((A, other), (other, A)):
        where = ["--state", str(keeper.paths.etc.parent)]
        said = CliRunner().invoke(app, ["recordings", "show", one, *where], env={"COLUMNS": "250"}).output
        assert told in said
