# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The systemd units: checked by systemd's own tools, read for the walls of design §2, the filter tried for real."""

from __future__ import annotations

import ctypes.util
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from daemon.recorder import memory
from tests.waiting import PATIENCE_S

Unit = dict[str, list[str]]

SYSTEMD = Path(__file__).resolve().parent.parent / "systemd"
SERVICES = ("alarm", "recorder", "keeper")
STORE = "/var/lib/spreekkamer/store"
RECORDINGS = f"{STORE}/recordings"

# Measured with systemd 252 and 262, in tenths. A figure may fall; a rise is a directive lost.
EXPOSURE_MAX = {"alarm": 16, "recorder": 6, "keeper": 5, "card": 8, "answer": 5}

# What destroys or replaces a file by name, and what would make a published segment writable again.
DESTROYERS = {
    *("unlink", "unlinkat", "rmdir", "rename", "renameat", "renameat2", "truncate", "truncate64"),
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "symlink", "symlinkat", "mknod", "mknodat"),
    *("io_uring_setup", "io_uring_enter", "chown", "fchown", "lchown", "fchownat", "umask"),
    *("setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"),
}

COMMON = {"/run/systemd/notify", "/run/systemd/timesync", "/run/spreekkamer/alarm"}
SEEN = {
    "alarm": COMMON,
    "recorder": {*COMMON, "/run/spreekkamer-keeper", RECORDINGS, "/var/lib/spreekkamer/policy"},
    "keeper": {*COMMON, "/run/spreekkamer/keeper"},
}
"""What a service sees of the places that are empty for it: /run, and for the recorder all that the unit keeps."""
RESOLVERS = {"/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf", "/run/avahi-daemon"}
"""Where names are resolved, for the process that speaks."""

# Debian package of each tool, for the message when one is missing.
PACKAGES = {"ssh-keygen": "openssh-client"}


def tool(name: str) -> str:
    """Return the path of a system tool; a missing one fails the test and says what to install."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is missing: apt-get install {PACKAGES.get(name, 'systemd')}")
    return path


def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return what it printed, both streams together."""
    return subprocess.run(
        [str(arg) for arg in args],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


def read_unit(name: str) -> Unit:
    """Return every directive of a unit file with its values in order; the sections' keys do not overlap."""
    found: Unit = {}
    for line in (SYSTEMD / name).read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def service(name: str) -> Unit:
    """Return the directives of one of the three services."""
    return read_unit(f"spreekkamer-{name}.service")


def words(unit: Unit, key: str) -> list[str]:
    """Return the words of all values of a directive, in order."""
    return " ".join(unit.get(key, [])).split()


def syscall_groups() -> dict[str, list[str]]:
    """Return systemd's own table of syscall groups, as this machine's systemd has it."""
    groups: dict[str, list[str]] = {}
    members: list[str] = []
    for line in run(tool("systemd-analyze"), "syscall-filter", "--no-pager").stdout.splitlines():
        if line.startswith("@"):
            members = groups.setdefault(line.strip(), [])
        elif line.startswith("    ") and not line.strip().startswith("#"):
            members.append(line.strip())
    return groups


def allowed_syscalls(unit: Unit) -> set[str]:
    """Return the calls that a service may make: lists in order, "~" takes away, the first list is the base."""
    groups = syscall_groups()

    def expand(name: str) -> set[str]:
        return set().union(*(expand(member) for member in groups[name])) if name.startswith("@") else {name}

    allowed: set[str] = set()
    for value in unit["SystemCallFilter"]:
        names = set().union(*(expand(name) for name in value.removeprefix("~").split()))
        allowed = allowed - names if value.startswith("~") else allowed | names
    return allowed


@pytest.fixture
def runnable_units(tmp_path: Path) -> Path:
    """Copy the units, with an interpreter that exists here: verify complains about one that does not."""
    for unit in SYSTEMD.glob("spreekkamer*.*"):
        text = unit.read_text(encoding="utf-8")
        (tmp_path / unit.name).write_text(text.replace("/opt/spreekkamer/venv/bin/python", sys.executable), "utf-8")
    return tmp_path


def test_systemd_has_nothing_to_say_about_the_units(runnable_units: Path) -> None:
    """H2: the unit files are right by systemd's own verifier, which prints nothing."""
    done = run(tool("systemd-analyze"), "verify", *sorted(runnable_units.glob("spreekkamer*")))
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", EXPOSURE_MAX)
def test_exposure_stays_below_its_measured_bound(name: str, runnable_units: Path) -> None:
    """H2: systemd's exposure figure of each service stays at or below the one that the README states."""
    unit = runnable_units / f"spreekkamer-{name}.service"
    threshold = f"--threshold={EXPOSURE_MAX[name]}"
    done = run(tool("systemd-analyze"), "security", "--offline=true", "--no-pager", threshold, unit)
    assert done.returncode == 0, done.stdout
    figure = EXPOSURE_MAX[name] / 10
    assert f"| `spreekkamer-{name}.service` | {figure} |" in (SYSTEMD / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", EXPOSURE_MAX)
def test_every_directive_has_its_reason(name: str) -> None:
    """H2: no directive stands in a unit without a word in the README on why."""
    readme = (SYSTEMD / "README.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([A-Z][A-Za-z]+)=", readme))
    assert sorted(set(service(name)) - told) == []


def test_the_target_pulls_and_never_binds() -> None:
    """A2: a process that fails takes neither the target nor another process down."""
    target = read_unit("spreekkamer.target")
    assert words(target, "Wants") == [f"spreekkamer-{name}.service" for name in ("alarm", "recorder", "keeper")]
    for name in SERVICES:
        assert not {"Requires", "BindsTo", "Requisite", "Upholds"} & set(service(name))


def test_the_alarm_waits_for_nobody_and_always_returns() -> None:
    """A2: the alarm process starts without the others, is restarted without limit, and is noticed when it hangs."""
    alarm = service("alarm")
    assert words(alarm, "After") == ["network.target"]
    assert "Wants" not in alarm
    assert alarm["Restart"] == ["always"]
    assert alarm["StartLimitIntervalSec"] == ["0"]
    assert alarm["WatchdogSec"] == ["10"]
    directives = ("BindPaths", "BindReadOnlyPaths", "ReadWritePaths", "InaccessiblePaths")
    paths = [path for directive in directives for path in words(alarm, directive)]
    assert all(path.startswith("-") for path in paths), "a path that is missing would keep the alarm from starting"


def test_the_alarm_reaches_buttons_only() -> None:
    """A2: no camera, no microphone, no recording and no signing key is within the alarm process's reach."""
    alarm = service("alarm")
    assert alarm["DevicePolicy"] == ["closed"]
    assert alarm["DeviceAllow"] == ["char-gpiochip rw"]
    assert {f"-{STORE}", "-/dev/snd", "-/etc/spreekkamer/unit_ed25519"} <= set(words(alarm, "InaccessiblePaths"))
    assert words(alarm, "SupplementaryGroups") == ["gpio", "spreekkamer", "spreekkamer-operators"]
    assert words(alarm, "RestrictAddressFamilies") == ["AF_INET", "AF_INET6", "AF_UNIX"]


def test_the_recorder_has_no_network() -> None:
    """Design §2: what hears cannot speak."""
    recorder = service("recorder")
    assert recorder["PrivateNetwork"] == ["yes"]
    assert recorder["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert recorder["IPAddressDeny"] == ["any"]
    devices = {line.split()[0] for line in recorder["DeviceAllow"]}
    assert devices == {"char-video4linux", "char-media", "char-dma_heap", "char-alsa"}


def test_the_recorder_can_write_in_one_place_only() -> None:
    """R1: no disk but the recordings' directory is writable; no swap, no core dump, no clear media left in the heap."""
    recorder = service("recorder")
    assert recorder["ProtectSystem"] == ["strict"]
    assert (recorder["BindPaths"], "ReadWritePaths" in recorder) == ([RECORDINGS], False)
    assert recorder["ReadOnlyPaths"] == ["/tmp /var/tmp"]  # noqa: S108 - closed, not used
    assert not {"StateDirectory", "CacheDirectory", "LogsDirectory", "RuntimeDirectory"} & set(recorder)
    assert recorder["LimitCORE"] == ["0"]
    assert recorder["MemorySwapMax"] == ["0"]
    assert recorder["LimitMEMLOCK"] == ["infinity"]
    assert {f"{name}={value}" for name, value in memory.WIPE.items()} <= set(words(recorder, "Environment"))


@pytest.mark.case("machine 2")
@pytest.mark.case("security 3")
@pytest.mark.parametrize("name", SERVICES)
def test_nothing_below_run_and_dev_is_shared_but_what_is_named(name: str) -> None:
    """Design §2: /run is empty but for what a service needs, and no place for shared memory or messages is in sight.
    For the recorder so is all that the unit keeps: a list of what is hidden would not have the next year's log.
    """
    unit = service(name)
    empty = ["/run:ro", "/var/lib/spreekkamer:ro"] if name == "recorder" else ["/run:ro"]
    assert words(unit, "TemporaryFileSystem") == empty
    bound = {path.removeprefix("-") for path in words(unit, "BindPaths") + words(unit, "BindReadOnlyPaths")}
    assert bound - RESOLVERS == SEEN[name]
    assert (bound & RESOLVERS == RESOLVERS) == (name == "alarm")
    closed = {"-/dev/shm", "-/dev/mqueue", "-/dev/hugepages", "-/dev/pts", "-/dev/ptmx"}
    assert closed <= set(words(unit, "InaccessiblePaths"))
    assert unit["PrivateIPC"] == unit["PrivateTmp"] == ["yes"]


def test_what_of_run_is_seen_is_there_before_a_service_starts() -> None:
    """A2: a path that is missing when a service starts is never seen in its sandbox: tmpfiles makes each directory, and
    the mark of a synchronised clock stays in the one that it made.
    """
    made = {
        line.split()[1]
        for line in (SYSTEMD / "tmpfiles.d/spreekkamer.conf").read_text("utf-8").splitlines()[1:]
        if line.startswith("d ")
    }
    kept = {f"/run/{service(name)['RuntimeDirectory'][0]}" for name in SERVICES if "RuntimeDirectory" in service(name)}
    for name in SERVICES:
        bound = {
            path.removeprefix("-")
            for path in words(service(name), "BindPaths") + words(service(name), "BindReadOnlyPaths")
        }
        assert bound - made - kept == {"/run/systemd/notify"}, name
    drop_in = (SYSTEMD / "systemd-timesyncd.service.d/spreekkamer.conf").read_text(encoding="utf-8")
    assert "\nRuntimeDirectoryPreserve=yes\n" in drop_in


def test_the_recorder_may_not_call_what_destroys() -> None:
    """Design §2: the recorder can publish a segment, and can neither delete, replace nor reopen one."""
    allowed = allowed_syscalls(service("recorder"))
    assert not DESTROYERS & allowed
    assert {"openat", "linkat", "fsync", "mkdirat", "ftruncate", "execve"} <= allowed


def test_the_keeper_has_no_device_and_no_network() -> None:
    """Design §2: what deletes can neither hear nor speak."""
    keeper = service("keeper")
    assert keeper["PrivateDevices"] == ["yes"]
    assert "DeviceAllow" not in keeper
    assert keeper["PrivateNetwork"] == ["yes"]
    assert keeper["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert {"unlink", "unlinkat", "rmdir"} <= allowed_syscalls(keeper)


def test_the_recorder_starts_after_the_first_sweep() -> None:
    """K1: the recorder starts only after the keeper's first sweep of this boot, and outlives a keeper's crash."""
    recorder, keeper = service("recorder"), service("keeper")
    assert "spreekkamer-keeper.service" in words(recorder, "After")
    mark = keeper["ExecStartPost"][0].split()[-1]
    assert recorder["ExecStartPre"] == [f"/usr/bin/test -e {mark}"]
    assert mark == f"%t/{keeper['RuntimeDirectory'][0]}/swept"
    assert keeper["RuntimeDirectoryPreserve"] == ["yes"], "a restarted keeper must not stop the recorder's restart"
    assert recorder["Restart"] == keeper["Restart"] == ["always"]


SECCOMP = """
import ctypes, os, subprocess, sys
lib = ctypes.CDLL(sys.argv[1])
lib.seccomp_init.restype = ctypes.c_void_p
filter_ = ctypes.c_void_p(lib.seccomp_init(0x00050001))  # by default: the call fails with EPERM
for name in sys.argv[3].split(","):
    number = lib.seccomp_syscall_resolve_name(name.encode())
    if number >= 0:
        lib.seccomp_rule_add(filter_, 0x7fff0000, number, 0)
directory = os.open(sys.argv[2], os.O_DIRECTORY)
os.chdir(sys.argv[2])
if lib.seccomp_load(filter_):
    sys.exit("no filter loaded")

def publish(name):
    fd = os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o440)
    os.write(fd, b"sealed")
    os.fsync(fd)
    link = f"/proc/self/fd/{fd}"
    os.link(link, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=True)
    os.fsync(directory)

def tried(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "done"

print("publish", tried(lambda: publish("000000.ts.age")))
print("publish-over", tried(lambda: publish("000000.ts.age")))
fd = os.open("chain.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
print("append", os.write(fd, b"{}"))
print("sign", subprocess.run(sys.argv[4:], input=b"hash", capture_output=True).stdout[:29].decode())
print("unlink", tried(lambda: os.unlink("000000.ts.age")))
print("rename", tried(lambda: os.rename("000000.ts.age", "other")))
print("replace", tried(lambda: os.replace("chain.jsonl", "000000.ts.age")))
print("truncate", tried(lambda: os.truncate("000000.ts.age", 0)))
print("chmod", tried(lambda: os.chmod("000000.ts.age", 0o640)))
print("rmdir", tried(lambda: os.rmdir("empty")))
print("access list", tried(lambda: os.setxattr("000000.ts.age", "user.x", b"x")))
print("child", subprocess.run(["rm", "-f", "000000.ts.age"], capture_output=True).returncode)
"""


def test_the_filter_lets_the_recorder_publish_and_nothing_more(tmp_path: Path) -> None:
    """Design §2: under the unit's own filter, loaded for real, publishing and signing work; destroying fails."""
    library = ctypes.util.find_library("seccomp")
    if library is None:
        pytest.fail("libseccomp is missing: apt-get install libseccomp2")
    key = tmp_path / "unit_ed25519"
    made = run(tool("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", key)
    assert made.returncode == 0, made.stdout
    store = tmp_path / "recording"
    (store / "empty").mkdir(parents=True)

    allowed = ",".join(sorted(allowed_syscalls(service("recorder"))))
    sign = (tool("ssh-keygen"), "-Y", "sign", "-n", "spreekkamer", "-f", str(key))
    done = run(sys.executable, "-c", SECCOMP, library, store, allowed, *sign)

    expected = """\
        publish done
        publish-over FileExistsError
        append 2
        sign -----BEGIN SSH SIGNATURE-----
        unlink PermissionError
        rename PermissionError
        replace PermissionError
        truncate PermissionError
        chmod PermissionError
        rmdir PermissionError
        access list PermissionError
        child 1
        """
    assert done.stdout == textwrap.dedent(expected)
    assert (store / "000000.ts.age").read_bytes() == b"sealed"
