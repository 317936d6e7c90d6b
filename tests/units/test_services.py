# SPDX-License-Identifier: Apache-2.0
"""The units as installed, run by a systemd: who the programs are there, what
they may not do, and calls that go on while one of them crashes. The example
firewall is loaded all the while."""

import json
import os
import signal
import stat
import time

import pytest

from lab import audio, wire
from lab.process import run, wait_until
from manager import status
from test_first_light import PLAIN, SHA1_80, assert_heard, two_phones

DATAPLANE, CONTROL = "sallyport-dataplane", "sallyport-control"
BOTH = (DATAPLANE, CONTROL)
NET_ADMIN = 1 << 12

# What a program that was taken over would try, as a unit of its own that has
# all of a unit's lines but for what it runs. It prints what it could do.
PROBE = r"""
import ctypes, json, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def file(path, flags):
    try:
        os.close(os.open(path, flags, 0o600))
        return True
    except OSError:
        return False
def family(number, protocol=0):
    try:
        socket.socket(number, socket.SOCK_RAW, protocol).close()
        return True
    except OSError:
        return False
def call(number, *arguments):
    return libc.syscall(number, *arguments) >= 0
NEW = os.O_WRONLY | os.O_CREAT
print(json.dumps({
    "write /etc": file("/etc/x", NEW),
    "write /etc/sallyport": file("/etc/sallyport/x", NEW),
    "write /usr": file("/usr/local/x", NEW),
    "write /var": file("/var/log/x", NEW),
    "write /run": file("/run/x", NEW),
    "write /run/sallyport": file("/run/sallyport/x", NEW),
    "write /tmp": file("/tmp/x", NEW),
    "read /root": file("/root/secret", os.O_RDONLY),
    "set kernel.": file("/proc/sys/kernel/panic", os.O_WRONLY),
    "set net.": file("/proc/sys/net/ipv4/ip_local_reserved_ports",
                     os.O_WRONLY),
    "open /dev/net/tun": file("/dev/net/tun", os.O_RDWR),
    "open /dev/ptmx": file("/dev/ptmx", os.O_RDWR),
    "open /dev/full": file("/dev/full", os.O_WRONLY),
    "see others": os.path.exists("/proc/1/status"),
    "packet sockets": family(socket.AF_PACKET),
    "raw sockets": family(socket.AF_INET, 1),
    "new namespaces": call(272, 0x10000000),
    "keyrings": call(250, 0, -3, 1),
    "chroot": call(161, b"/"),
    "writable code": libc.mmap(None, 4096, 7, 0x22, -1, 0) not in (-1,),
}))
"""

HARMLESS = {"write /run/sallyport", "write /tmp", "open /dev/full",
            "open /dev/ptmx"}
MAY = {DATAPLANE: HARMLESS | {"set net.", "open /dev/net/tun"},
       # where it puts the configuration, in a sticky folder
       CONTROL: HARMLESS | {"write /etc/sallyport"}}


def test_both_are_ready(services):
    for unit in BOTH:
        got = services.manager.show(unit, "ActiveState", "SubState",
                                    "NRestarts")
        assert got == {"ActiveState": "active", "SubState": "running",
                       "NRestarts": "0"}
    assert services.ctl_json("ports")


@pytest.mark.parametrize("unit,capabilities", [(DATAPLANE, NET_ADMIN),
                                               (CONTROL, 0)])
def test_who_it_is(services, unit, capabilities):
    got = status(services.manager.main_pid(unit))
    for kind in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(got[kind], 16) == capabilities, kind
    assert got["NoNewPrivs"] == "1"
    assert got["Seccomp"] == "2"
    assert "0" not in got["Uid"].split() + got["Gid"].split()
    assert int(got["VmLck"].split()[0]) > 0, "keys are locked into memory"


def test_they_complain_of_nothing(services):
    """Each of its warnings would be a privilege that it lacks."""
    for unit, words in ((DATAPLANE, ("reserving", "noting", "RLIMIT", "swap",
                                     "switching", "setting", "denied",
                                     "permitted")),
                        (CONTROL, ("WARN", "ERROR", "denied", "permitted"))):
        said = services.manager.said(unit)
        assert not [w for w in words if w.lower() in said.lower()], said


def test_the_dataplane_could_set_what_it_must(services):
    shown = services.manager.inside(
        "cat", "/proc/sys/net/ipv4/ip_local_reserved_ports").stdout
    assert shown.strip() == "20000-29999"
    assert services.manager.inside(
        "cat", "/proc/sys/net/ipv6/conf/access0/accept_ra").stdout == "0\n"


def owner(services, path):
    kind, user, group, mode = services.manager.inside(
        "stat", "-c", "%F:%U:%G:%a", path).stdout.strip().split(":")
    return kind, user, group, mode


def test_files(services):
    assert owner(services, "/run/sallyport") == (
        "directory", "root", DATAPLANE, "1775")
    assert owner(services, "/run/sallyport/dataplane.sock") == (
        "socket", DATAPLANE, DATAPLANE, "660")
    assert owner(services, "/run/sallyport/control.sock") == (
        "socket", CONTROL, "sallyport", "660")
    assert owner(services, "/var/lib/sallyport")[1:] == (
        CONTROL, "sallyport", "700")
    for name in ("sallyport.db", "audit.log"):
        _, user, _, mode = owner(services, f"/var/lib/sallyport/{name}")
        assert (user, mode) == (CONTROL, "600")
    assert owner(services, f"/run/{DATAPLANE}")[1:] == (
        DATAPLANE, DATAPLANE, "700")


def by(services, user, groups, *command):
    """Run a command inside as a user in groups; @return its status."""
    return services.manager.inside(
        "setpriv", f"--reuid={user}", "--regid=nogroup",
        f"--groups={groups}" if groups else "--clear-groups", *command,
        check=False).returncode


def test_who_may_operate(services):
    ports = ("/usr/local/bin/sallyctl", "ports")
    assert by(services, "nobody", "sallyport", *ports) == 0
    assert by(services, "nobody", "", *ports) != 0
    assert by(services, "nobody", DATAPLANE, *ports) != 0


CONNECT = ("import socket; "
           "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); "
           "s.connect('/run/sallyport/dataplane.sock')")


def test_who_may_program_the_dataplane(services):
    """Operators may not; control may. (Whoever connects takes control's place
    for a moment, so this asks what is denied, and the rest of these tests use
    what is allowed.)"""
    assert by(services, "nobody", "sallyport",
              "/usr/bin/python3", "-c", CONNECT) != 0
    assert by(services, "nobody", "", "/usr/bin/python3", "-c", CONNECT) != 0


def test_neither_removes_the_other_s_socket(services):
    for user, sock in ((CONTROL, "dataplane"), (DATAPLANE, "control")):
        assert by(services, user, DATAPLANE,
                  "rm", "-f", f"/run/sallyport/{sock}.sock") != 0
    assert services.ctl_json("ports")


@pytest.mark.parametrize("unit", BOTH)
def test_what_it_may_not_do(services, unit):
    text = (services.stage / "usr/local/lib/systemd/system"
            / f"{unit}.service").read_text()
    lines = [line for line in text.splitlines()
             if not line.startswith(("ExecStart=", "Type=", "Watchdog",
                                     "Restart", "After=", "Wants=",
                                     # those are made and removed at each end
                                     "RuntimeDirectory"))]
    at = lines.index("[Service]")
    out = f"/var/log/probe-{unit}"
    lines[at + 1:at + 1] = [
        "Type=oneshot", "ExecStart=/usr/bin/python3 -I -c \"import os; "
        "exec(os.environ['PROBE'])\"",
        "PassEnvironment=PROBE", f"StandardOutput=append:{out}",
        f"StandardError=append:{out}"]
    services.manager.write("/root/secret", "x")
    os.chmod(services.manager.root / "root", 0o755)
    services.manager.write(f"/etc/sallyport-units/probe-{unit}.service",
                           "\n".join(lines) + "\n")
    services.manager.ctl("daemon-reload")
    services.manager.ctl("set-environment", f"PROBE={PROBE}")
    try:
        services.manager.ctl("start", f"probe-{unit}")
    finally:
        said = services.manager.said(f"probe-{unit}")
        for path in ("/run/sallyport/x", "/etc/sallyport/x"):
            run("rm", "-f", services.manager.path(path))
    could = {what for what, done in json.loads(said).items() if done}
    assert could == MAY[unit]


def test_the_probe_can_tell(services):
    """Without a unit's lines, root can do all of it."""
    said = services.manager.inside("python3", "-I", "-c", PROBE).stdout
    for path in ("/etc/sallyport/x", "/etc/x", "/usr/local/x", "/var/log/x", "/run/x",
                 "/run/sallyport/x", "/tmp/x"):
        services.manager.inside("rm", "-f", path)
    assert [w for w, done in json.loads(said).items() if not done] == []


def test_control_crashes(services, sounds):
    """Media flows on, systemd starts another, and it knows the call."""
    dataplane = services.manager.main_pid(DATAPLANE)
    alice, bob = two_phones(services, sounds, {"alice": PLAIN, "bob": SHA1_80})
    capture = services.capture("hq")
    alice.call(bob)
    time.sleep(2)
    before = {f["id"] for f in services.flows()}
    services.crash(CONTROL)
    call, = services.ctl_json("calls")
    assert (call["from"], call["to"]) == (alice.aor, bob.aor)
    time.sleep(3)
    assert {f["id"] for f in services.flows()} == before
    alice.hang_up()
    for phone in (alice, bob):
        phone.wait_end()
        phone.stop()
    assert_heard(alice, bob, 4)
    assert_heard(bob, alice, 4)
    packets = wire.rtp_from(capture.stop(), services.sides["hq"].gateway)
    assert wire.missing(packets) < 10
    assert services.manager.main_pid(DATAPLANE) == dataplane
    assert services.manager.show(CONTROL, "NRestarts") == "1"


def test_the_dataplane_crashes(services, sounds):
    """systemd starts another, control stays and programs it, sound is back."""
    control = services.manager.main_pid(CONTROL)
    alice, bob = two_phones(services, sounds, {"alice": PLAIN, "bob": SHA1_80})
    alice.call(bob)
    time.sleep(2)
    services.crash(DATAPLANE)
    services.plug_in()
    time.sleep(2)  # for control to connect, and ARP
    mark = {p: len(p.heard()) / audio.RATE for p in (alice, bob)}
    time.sleep(3)
    assert len(services.ctl_json("calls")) == 1
    for phone in (alice, bob):
        assert len(phone.heard()) / audio.RATE > mark[phone] + 2
    alice.hang_up()
    for phone in (alice, bob):
        phone.wait_end()
        phone.stop()
    assert services.manager.main_pid(CONTROL) == control
    assert services.manager.show(DATAPLANE, "NRestarts") == "1"


def test_the_watchdog_ends_a_dataplane_that_hangs(services):
    services.manager.write(
        f"/etc/sallyport-units/{DATAPLANE}.service.d/watchdog.conf",
        "[Service]\nTimeoutAbortSec=1\n")
    services.manager.ctl("daemon-reload")
    old = services.manager.main_pid(DATAPLANE)
    os.kill(old, signal.SIGSTOP)
    wait_until("another dataplane", 60, lambda: services.manager.show(
        DATAPLANE, "ActiveState") == "active" and
        services.manager.main_pid(DATAPLANE) not in (None, old))
    services.plug_in()
    wait_until("control to find it", 20, lambda: services.sallyctl(
        "ports", "--json", check=False).returncode == 0)


def test_the_watchdog_ends_a_control_that_hangs(services):
    services.manager.write(
        f"/etc/sallyport-units/{CONTROL}.service.d/watchdog.conf",
        "[Service]\nTimeoutAbortSec=1\nWatchdogSec=3\n")
    services.manager.ctl("daemon-reload")
    services.manager.ctl("restart", CONTROL)
    old = services.manager.main_pid(CONTROL)
    time.sleep(5)  # it reports, so it lives on
    assert services.manager.main_pid(CONTROL) == old
    os.kill(old, signal.SIGSTOP)
    wait_until("another control", 60, lambda: services.manager.show(
        CONTROL, "ActiveState") == "active" and
        services.manager.main_pid(CONTROL) not in (None, old))
    assert services.sallyctl("ports", "--json").returncode == 0


def test_configuration_is_checked_and_applied(services):
    """Under the unit's own lines: every program checks its section, the file is
    replaced, and nothing else in that folder can be."""
    file = services.manager.path("/etc/sallyport/sallyport.yaml")
    before = file.read_text()
    new = services.folder / "new.yaml"
    new.write_text(before.replace("media_timeout: ", "media_timeout: 1", 1)
                   .replace("lcores:", "lcores: none #", 1))
    bad = services.sallyctl("config", "check", new, "--json", check=False)
    errors = json.loads(bad.stdout)["errors"]
    assert len(errors) == 1, errors
    e, = errors
    assert e["program"] == DATAPLANE and e["line"] and "lcores" in e["message"]
    new.write_text(before.replace("media_timeout: ", "media_timeout: 1", 1))
    assert new.read_text() != before
    done = json.loads(services.sallyctl("config", "apply", new,
                                        "--json").stdout)
    assert [c["option"] for c in done["changes"]] == ["control.media_timeout"]
    assert done["restart"] == []
    assert file.read_text() == new.read_text()
    assert file.stat().st_uid != 0
    new.write_text(before)
    assert services.sallyctl("config", "apply", new).returncode == 0
    assert file.read_text() == before


def test_both_stop_tidily(services):
    for unit in reversed(BOTH):
        services.manager.ctl("stop", unit)
        got = services.manager.show(unit, "ActiveState", "Result")
        assert got == {"ActiveState": "inactive", "Result": "success"}
    left = services.manager.inside("ls", "/run/sallyport", "/run").stdout
    assert ".sock" not in left
    assert DATAPLANE not in left
    assert services.manager.inside(
        "cat", "/proc/sys/net/ipv4/ip_local_reserved_ports"
    ).stdout.strip() == ""


def test_a_wrong_configuration_is_not_tried_again(services):
    services.manager.write("/etc/sallyport/sallyport.yaml",
                           "control: none\ndataplane: none\n")
    for unit in BOTH:
        assert services.manager.ctl("start", unit, check=False).returncode
    time.sleep(1.5)
    for unit in BOTH:
        assert services.manager.show(
            unit, "ActiveState", "ExecMainStatus", "NRestarts") == {
                "ActiveState": "failed", "ExecMainStatus": "2",
                "NRestarts": "0"}


def test_no_configuration_is_no_failure(services):
    (services.manager.root / "etc/sallyport/sallyport.yaml").unlink()
    for unit in BOTH:
        services.manager.ctl("reset-failed", unit, check=False)
        services.manager.ctl("start", unit)
        assert services.manager.show(unit, "ActiveState") == "inactive"
    assert stat.S_ISDIR(os.stat(services.manager.root / "etc/sallyport")
                        .st_mode)
