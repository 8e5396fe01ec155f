# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The package's scripts, cut off at each command that they run: a whole version works, with its own units.

The scripts are the package's, with their directories moved below one of the test's own; their shell, their commands and
their files are real. Of systemd and of our command there are stand-ins that know which version is bad. On a booted
system: `make machine-test`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy.deb.targets import HERE

SYSTEMCTL = """\
for name; do unit=$name; done
process=${unit#spreekkamer-}; process=${process%.service}
works=$(readlink $TOP/opt/spreekkamer/venv)
case $1 in
is-active) state=$(cat $TOP/state/$process 2>/dev/null || echo inactive)
  [ "$2" = --quiet ] || echo $state; [ $state = active ] ;;
restart) case $process in
  judge) exit 0 ;;
  esac
  echo $process >>$TOP/restarts
  unit=$TOP/usr/local/lib/systemd/system/spreekkamer-$process.service
  [ -e $unit ] || unit=$TOP/usr/lib/systemd/system/spreekkamer-$process.service
  bad=$(cat $TOP/opt/spreekkamer/$works/bad)
  [ -e $TOP/etc/spreekkamer/unit.toml ] || bad=$process
  if [ "$bad" = $process ] || [ "$(cat $unit)" = bad ]; then echo activating >$TOP/state/$process; exit 1; fi
  cat $TOP/opt/spreekkamer/$works/version >$TOP/state/$process.version
  echo active >$TOP/state/$process ;;
list-jobs) [ ! -e $TOP/waits ] || echo 80 $unit start waiting ;;
start) case $process in
  renew) [ ! -e $TOP/opt/spreekkamer/pending ] || sh $TOP/opt/spreekkamer/packaged/renew ;;
  judge) [ ! -e $TOP/no-judge ] ;;
  esac ;;
esac
"""
SPREEKKAMER = """\
#!/bin/sh
case $1 in
judge) [ "$(cat $TOP/opt/spreekkamer/venv/bad)" != camera ] || { echo no video; exit 10; }
  ! grep -q activating $TOP/state/alarm || { echo the alarm process does not answer; exit 20; }
  ! grep -q activating $TOP/state/* || { echo no word from one; exit 10; }
  echo it can do what it could ;;
idle) [ ! -e $TOP/pressed ] || { echo an alarm is open; exit 10; } ;;
status) [ ! -e $TOP/deaf ] || exit 7
  [ ! -e $TOP/finger ] || mv $TOP/finger $TOP/pressed
  [ ! -e $TOP/stops ] || echo inactive >$TOP/state/alarm
  if [ -e $TOP/queued ]; then rm $TOP/queued; sh $TOP/opt/spreekkamer/packaged/renew; fi
  said=right
  if [ -e $TOP/says ]; then
    read -r said <$TOP/says
    [ "$(wc -l <$TOP/says)" = 1 ] || sed -i 1d $TOP/says
  fi
  case $said in
  right) echo '{"faults": {}}' ;;
  half) echo '{"faults": {"disk": "nea' ;;
  *) echo '{"faults": {"'$said'": "wrong"}}'; exit 10 ;;
  esac ;;
esac
"""
CUT = """\
#!/bin/sh
if [ "$CUT" ]; then
  n=$(($(cat $TOP/steps) + 1)); echo $n >$TOP/steps
  [ $n != $CUT ] || {{ kill -9 -$GROUP $PPID; exit 1; }}  # timeout has a group of its own
fi
exec {real} "$@"
"""
COMMANDS = ("ln", "mv", "rm", "cp", "mkdir", "touch", "sync", "sed", "timeout")
"""What changes something, or takes time: a cut comes before each, and before each call of systemctl."""
MOVED = (
    "/opt/spreekkamer", "/var/lib/spreekkamer", "/usr/lib/systemd", "/usr/local/lib/systemd", "/etc/spreekkamer",
    "/run/systemd",
)  # fmt: skip
NOTHING = (
    "deb-systemd-helper", "deb-systemd-invoke", "systemd-sysusers", "systemd-tmpfiles", "py3clean", "py3compile",
    "sleep",
)  # fmt: skip
"""Not the subject here."""
PROCESSES = ("alarm", "recorder", "keeper")


class Outcome(NamedTuple):
    """What works in the end."""

    venv: str
    version: str
    leftovers: set[str]


class System:
    """A unit's files, and what runs."""

    def __init__(self, top: Path) -> None:
        self.top, self.home = top, top / "opt/spreekkamer"
        for name in (
            *MOVED,
            "/usr/lib/systemd/system",
            "/var/lib/spreekkamer/card",
            "/run/systemd/system",
            "/state",
            "/bin",
        ):
            (top / name[1:]).mkdir(parents=True, exist_ok=True)
        (top / "etc/spreekkamer/unit.toml").touch()
        (top / "steps").write_text("0")
        for name in COMMANDS:
            self._put(f"bin/{name}", CUT.format(real=shutil.which(name)))
        self._put("bin/.systemctl", f"#!/bin/sh\n{SYSTEMCTL}")
        self._put("bin/systemctl", CUT.format(real=top / "bin/.systemctl"))
        for name in NOTHING:
            self._put(f"bin/{name}", "#!/bin/sh\n")
        self.unpack("1", "")
        (self.home / "venv").symlink_to("packaged")
        for process in PROCESSES:
            self._systemctl("restart", process)

    def _put(self, name: str, text: str) -> Path:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def unpack(self, version: str, bad: str) -> None:
        """As dpkg: each file is replaced, by another one."""
        for name in ("renew", "prerm", "postinst"):
            text = (HERE / "scripts" / name).read_text().replace("@VERSION@", version)
            for place in MOVED:
                text = text.replace(place, f"{self.top}{place}")
            self._put(f"opt/spreekkamer/packaged/{name}", text)
        self._put("opt/spreekkamer/packaged/version", version)
        self._put("opt/spreekkamer/packaged/bad", bad)
        self._put("opt/spreekkamer/packaged/bin/python", "#!/bin/sh\n")
        self._put("opt/spreekkamer/packaged/bin/spreekkamer", SPREEKKAMER)
        about = f'{{"version": "{version}"}}'
        self._put("opt/spreekkamer/packaged/share/spreekkamer/package.json", about)
        for process in PROCESSES:
            name = f"usr/lib/systemd/system/spreekkamer-{process}.service"
            self._put(name, "bad" if bad == "unit" and process == "alarm" else version)
        self._put("usr/lib/systemd/system/spreekkamer.target", version)

    def run(self, script: str, *words: str, cut: int = 0) -> int:
        """Runs a script of the package's in a group of its own, which is killed at the step `cut`."""
        shell = f'GROUP=$$ exec sh "{self.home}/packaged/{script}" "$@"'
        environment = {"TOP": str(self.top), "CUT": str(cut or ""), "PATH": f"{self.top}/bin:{os.environ['PATH']}"}
        done = subprocess.run(["sh", "-c", f"export GROUP; {shell}", script, *words], env=environment, check=False,
                              capture_output=True, text=True, process_group=0)  # fmt: skip
        self.said = done.stderr
        return done.returncode

    def _systemctl(self, *words: str) -> None:
        subprocess.run([self.top / "bin/.systemctl", *words], env={"TOP": str(self.top), "PATH": os.environ["PATH"]},
                       check=False)  # fmt: skip

    def boot(self) -> None:
        """All three start, then what is pending is taken up, and judged."""
        for process in PROCESSES:
            self._systemctl("restart", f"spreekkamer-{process}.service")
        for mark, words in (("pending", ()), ("judging", ("judge",))):
            if (self.home / mark).exists():
                self.run("renew", *words)

    def upgrade(self, bad: str, cut: int = 0) -> bool:
        """As dpkg and systemd do it, to version 2; whether it came to its end, or to the step `cut`."""
        if self.run("prerm", "upgrade", "2", cut=cut) < 0:
            return False
        self.unpack("2", bad)
        if self.run("postinst", "configure", "1", cut=cut) < 0:
            return False
        return not (self.home / "judging").exists() or self.run("renew", "judge", cut=cut) >= 0

    def outcome(self) -> Outcome:
        """What works."""
        assert {(self.top / f"state/{process}").read_text() for process in PROCESSES} == {"active\n"}
        versions = {(self.top / f"state/{process}.version").read_text() for process in PROCESSES}
        assert len(versions) == 1, "all three by one version"
        version = versions.pop()
        venv = str((self.home / "venv").readlink())
        assert (self.home / venv / "version").read_text() == version
        for process in PROCESSES:
            places = (self.top / f"usr/{place}systemd/system" for place in ("local/lib/", "lib/"))
            unit = next(path for place in places if (path := place / f"spreekkamer-{process}.service").exists())
            assert unit.read_text() == version, "a version's units are its own"
        left = {path.name for path in self.home.iterdir()} - {"packaged", "before", "venv", "baseline", "venv.part"}
        return Outcome(venv, version, left)


BAD = ("", "alarm", "recorder", "keeper", "unit", "camera")


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_version_gives_way_and_a_good_one_stays(bad: str, tmp_path: Path) -> None:
    """A2: whatever does not come up, a service that systemd cannot start and a camera that is not found among it."""
    system = System(tmp_path)
    assert system.upgrade(bad)
    assert system.outcome() == (("packaged", "2", set()) if not bad else ("before", "1", set()))
    told = tmp_path / "var/lib/spreekkamer/card/upgrade"
    assert told.exists() == bool(bad)
    assert not bad or told.read_text().startswith("version 2 was taken back: ")
    system.boot()
    assert system.outcome().version == ("2" if not bad else "1"), "for good"


@pytest.mark.parametrize(("bad", "every"), [
    ("", 7), ("alarm", 7), *(pytest.param(bad, 1, marks=pytest.mark.slow) for bad in BAD),
])  # fmt: skip
def test_cut_off_at_any_step_it_works_at_the_next_start(bad: str, every: int, tmp_path: Path) -> None:
    """A2, issue 14: at each command of the upgrade, of its judgement and of the way back, the power is cut; the unit
    starts by a whole version, and "install once more" ends as an upgrade that was not cut. Each step: `make
    test-long`.
    """
    cut, was_cut = 0, True
    while was_cut:
        cut += every
        system = System(tmp_path / str(cut))
        was_cut = not system.upgrade(bad, cut)
        system.boot()
        assert system.outcome().version in ({"1", "2"} if not bad else {"1"}), cut
        assert system.upgrade(bad), "install once more"
        system.boot()
        assert system.outcome() == (("packaged", "2", set()) if not bad else ("before", "1", set())), cut
        shutil.rmtree(system.top)
    assert cut > 30, "it was cut off indeed"


@pytest.mark.parametrize("before", ["", "camera"])
def test_a_package_that_dpkg_gives_up_leaves_it_as_it_was(before: str, tmp_path: Path) -> None:
    """A2, bad input: for another system, or with no room on the disk: the version that works is the one that worked,
    and one that was taken back does not come back by it.
    """
    system = System(tmp_path)
    assert system.upgrade(before)
    works = system.outcome()
    assert system.run("prerm", "upgrade", "3") == 0
    assert system.run("postinst", "abort-upgrade", "3") == 0
    assert system.outcome() == works
    system.boot()
    assert system.outcome() == works


def test_a_version_that_could_not_be_judged_is_refused(tmp_path: Path) -> None:
    """A2, full disk: what the unit says of itself cannot be kept; the upgrade ends before anything has changed, with a
    sentence, and half a baseline goes.
    """
    system = System(tmp_path)
    (tmp_path / "bin/sync").write_text("#!/bin/sh\nexit 1\n")
    assert system.run("prerm", "upgrade", "2") == 1
    assert system.said.startswith("spreekkamer: what the unit says of itself cannot be kept, so version 2 could not be")
    assert system.said.endswith("; nothing was changed\n")
    assert system.run("postinst", "abort-upgrade", "2") == 0
    assert {path.name for path in system.home.iterdir()} == {"packaged", "venv"}
    assert system.outcome() == ("packaged", "1", set())


def test_a_refusal_leaves_every_mark_of_earlier_versions(tmp_path: Path) -> None:
    """A2, two faults: a full disk, and a version that waits for its renewal or for a judge that cannot start."""
    system = System(tmp_path)
    assert system.run("prerm", "upgrade", "2") == 0
    marks = {"pending": "", "baseline": "older\n", "judging": "older still\n"}
    for name, text in marks.items():
        (system.home / name).write_text(text)
    (tmp_path / "no-judge").touch()
    (tmp_path / "bin/sync").write_text("#!/bin/sh\nexit 1\n")
    assert system.run("prerm", "upgrade", "3") == 1
    assert {name: (system.home / name).read_text() for name in marks} == marks
    (tmp_path / "bin/sync").write_text("#!/bin/sh\n")
    assert system.run("prerm", "upgrade", "3") == 0
    assert not (system.home / "judging").exists()
    assert (system.home / "baseline").read_text() == '{"faults": {}}\n'


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_refusal_does_not_lead_back_to_where_an_upgrade_that_was_cut_off_began(cut: int, tmp_path: Path) -> None:
    """A2, two faults at once: the power went while version 2 was configured, and version 1 works from its copy. Version
    2, which is bad, is installed once more and refused, for the disk is full: version 1 works on.
    """
    system = System(tmp_path)
    assert system.run("prerm", "upgrade", "2") == 0
    system.unpack("2", "alarm")
    (tmp_path / "steps").write_text("0")
    assert system.run("postinst", "configure", "1", cut=cut) < 0
    system.boot()
    (tmp_path / "bin/sync").write_text("#!/bin/sh\nexit 1\n")
    if system.run("prerm", "upgrade", "2"):
        assert system.run("postinst", "abort-upgrade", "2") == 0
    system.boot()
    assert system.outcome()[:2] == ("before", "1")


def test_an_alarm_process_that_did_not_answer_is_no_reason_to_judge_nothing(tmp_path: Path) -> None:
    """A2: it fell in the very second in which its state was asked for; a bad version is taken back all the same, and
    one whose predecessor was dead gives way to that, once.
    """
    system = System(tmp_path / "fell")
    (system.top / "deaf").touch()
    assert system.upgrade("alarm")
    assert system.outcome() == ("before", "1", set())
    system = System(tmp_path / "asked")
    (system.top / "deaf").touch()
    assert system.run("prerm", "upgrade", "2") == 0
    assert (system.home / "baseline").read_text() == "{}\n"
    system = System(tmp_path / "dead")
    (system.top / "deaf").touch()
    (system.top / "state/alarm").write_text("activating\n")
    assert system.upgrade("alarm")
    assert system.outcome() == ("before", "1", set())


@pytest.mark.parametrize(("says", "was"), [
    ([*["camera"] * 14, "right"], '{"faults": {}}'),
    (["camera"], '{"faults": {"camera": "wrong"}}'),
    (["broker", "right", "nobody_listening"], '{"faults": {"nobody_listening": "wrong"}}'),
    (["right", "right", "nobody_listening"], '{"faults": {"nobody_listening": "wrong"}}'),
    (["half"], "{}"),
    (["half", "camera", *["half"] * 13], '{"faults": {"camera": "wrong"}}'),
])  # fmt: skip
def test_a_unit_that_has_just_started_is_asked_again(tmp_path: Path, says: list[str], was: str) -> None:
    """A2, R1: the recorder had just been started when the upgrade began, and its camera was not open. What comes right
    within half a minute is what the new version is held to; what does not was broken before. That nobody listens shows
    seconds after the broker's fault has ended. Half an answer is none.
    """
    system = System(tmp_path)
    (tmp_path / "says").write_text("\n".join(says) + "\n")
    assert system.run("prerm", "upgrade", "2") == 0
    assert (system.home / "baseline").read_text() == f"{was}\n"


def test_a_unit_that_somebody_stops_while_it_is_asked_is_not_judged(tmp_path: Path) -> None:
    """A2: an alarm process that does not answer because somebody stopped it says nothing against a version."""
    system = System(tmp_path)
    (tmp_path / "says").write_text("camera\n")
    (tmp_path / "stops").touch()
    (system.home / "baseline").write_text("older\n")
    assert system.run("prerm", "upgrade", "2") == 0
    assert not (system.home / "baseline").exists()


def test_a_press_while_the_unit_is_asked_refuses_the_upgrade(tmp_path: Path) -> None:
    """A2: an alarm that is raised in the half minute in which a unit with a fault is asked; nothing is changed."""
    system = System(tmp_path)
    (tmp_path / "finger").touch()
    assert system.run("prerm", "upgrade", "2") == 1
    assert {path.name for path in system.home.iterdir()} == {"packaged", "venv"}
    assert system.outcome() == ("packaged", "1", set())


@pytest.mark.parametrize("mark", ["queued", "waits"])
def test_a_renewal_that_is_due_after_a_restart_comes_before_another_version(tmp_path: Path, mark: str) -> None:
    """A2: version 2 waited for the end of an alarm, the power was cut, and version 3 is installed while the renewal
    waits for the three processes to start, or takes its turn while a unit with a fault is asked. Version 2 is judged,
    by what version 1 could, and gives way to that.
    """
    system = System(tmp_path)
    assert system.run("prerm", "upgrade", "2") == 0
    system.unpack("2", "camera")
    (system.home / "was").unlink()
    (system.home / "pending").touch()
    (tmp_path / mark).touch()
    (tmp_path / "says").write_text("recorder\n")
    assert system.run("prerm", "upgrade", "3") == 1
    (tmp_path / "waits").unlink(missing_ok=True)
    assert system.run("postinst", "abort-upgrade", "3") == 0
    assert (system.home / "judging").read_text() == '{"faults": {}}\n'
    assert system.run("renew", "judge") == 0
    assert system.outcome() == ("before", "1", set())


def test_a_unit_that_no_version_starts_takes_the_new_one(tmp_path: Path) -> None:
    """A2, bad input: a card that was started before it got its settings, or has faulty ones: no version is at fault."""
    system = System(tmp_path)
    (tmp_path / "deaf").touch()
    (tmp_path / "etc/spreekkamer/unit.toml").unlink()
    for process in PROCESSES:
        (tmp_path / f"state/{process}").write_text("activating\n")
    assert system.run("prerm", "upgrade", "2") == 0
    system.unpack("2", "")
    assert system.run("postinst", "configure", "1") == 0
    assert not (tmp_path / "var/lib/spreekkamer/card/upgrade").exists(), "nothing was taken back"
    (tmp_path / "etc/spreekkamer/unit.toml").touch()
    system.boot()
    assert system.outcome() == ("packaged", "2", set())


def test_a_renewal_that_was_killed_while_the_alarm_hung_puts_that_right_first(tmp_path: Path) -> None:
    """A2, two faults at once: it goes on with what reads the buttons, before anything else."""
    system = System(tmp_path)
    assert system.run("prerm", "upgrade", "2") == 0
    system.unpack("2", "alarm")
    (system.home / "was").unlink()
    (system.home / "pending").touch()
    assert system.run("renew", "point", "packaged") == 0
    (tmp_path / "state/alarm").write_text("activating\n")
    (tmp_path / "restarts").unlink()
    system.run("renew")
    assert (tmp_path / "restarts").read_text().split() == ["alarm", "alarm", "keeper", "recorder"]
    assert system.outcome() == ("before", "1", set())


def test_a_version_whose_predecessor_is_lost_works_on_and_dpkg_hears_so(tmp_path: Path) -> None:
    """A2: its keeper does not start, and the alarm process of the version before does not any more."""
    system = System(tmp_path)
    assert system.run("prerm", "upgrade", "2") == 0
    (system.home / "before/bad").unlink()  # a link: `packaged` has its own
    (system.home / "before/bad").write_text("alarm")
    system.unpack("2", "keeper")
    assert system.run("postinst", "configure", "1") == 0
    assert ((system.home / "venv").readlink(), (tmp_path / "state/alarm").read_text()) == (Path("packaged"), "active\n")
    assert not (tmp_path / "var/lib/spreekkamer/card/upgrade").exists()


def test_a_first_installation_that_failed_does_not_refuse_the_next_version(tmp_path: Path) -> None:
    """Bad input: it did not start on this system, so nothing was ever put into service; dpkg asks it all the same."""
    system = System(tmp_path)
    (system.home / "venv").unlink()
    for process in PROCESSES:
        (tmp_path / f"state/{process}").write_text("inactive\n")
    assert system.run("prerm", "upgrade", "2") == 0
    system.unpack("2", "")
    assert system.run("postinst", "configure", "1") == 0
    assert (system.home / "venv").readlink() == Path("packaged")


def test_no_other_version_comes_while_one_is_judged(tmp_path: Path) -> None:
    """A2: else the way back would lead to a version that nobody has judged."""
    system = System(tmp_path)
    assert system.run("prerm", "upgrade", "2") == 0
    system.unpack("2", "camera")
    assert system.run("postinst", "configure", "1") == 0
    assert system.run("prerm", "upgrade", "3") == 1
    assert system.run("postinst", "abort-upgrade", "3") == 0
    assert system.outcome() == ("packaged", "2", {"judging"})
    assert system.run("renew", "judge") == 0
    assert system.outcome() == ("before", "1", set())
