# SPDX-License-Identifier: Apache-2.0
"""sallyport-media as installed, run by a systemd, between a dataplane and a
control of the tests' own: what it needs is granted (a system call that the
filter denies kills), and nothing else is."""

import json
import os
import stat
import sys
import time

import pytest

from conftest import BUILD, DROP_IN, ROOT
from lab.process import run, wait_until
from manager import Manager, status
from test_services import PROBE

sys.path.append(str(ROOT / "tests/sound"))
from feeder import RTP, Control, Dataplane  # noqa: E402

UNIT = "sallyport-media"
RECORDINGS = "/var/lib/sallyport-media"
PCMU = {"pt": 0, "codec": "PCMU", "clock": 8000}
OPUS = {"pt": 96, "codec": "opus", "clock": 48000, "channels": 2}


@pytest.fixture(scope="module")
def service(stage, tmp_path_factory):
    if run("unshare", "--user", "true", check=False).returncode:
        pytest.skip("no user namespaces here, and PrivateUsers= needs one")
    folder = tmp_path_factory.mktemp("media")
    (folder / "stage").symlink_to(stage)
    name = f"spm{os.getpid() % 100000}"
    run("ip", "netns", "add", name)
    m = Manager(folder, name, name)
    try:
        key = folder / "admin.key"
        public = json.loads(run(BUILD / "bin/sallyctl", "recordings", "keygen",
                                key, "--json").stdout)["public"]
        m.write("/etc/sallyport/sallyport.yaml", f"""\
media:
  socket: /run/sallyport-media/media.sock
  divert: /run/sallyport/divert.sock
  recording:
    folder: {RECORDINGS}
    keys: ["{public}"]
    sync: 1
""")
        m.drop_in(UNIT, DROP_IN.format(unit=UNIT))
        m.start()
        yield m
    finally:
        m.stop()
        run("ip", "netns", "delete", name, check=False)


@pytest.fixture(scope="module")
def neighbours(service):
    """The dataplane's socket is its own, given to media's group."""
    path = service.path("/run/sallyport/divert.sock")
    dataplane = Dataplane(path)
    gid = int(service.inside("sh", "-c", "getent group sallyport-media | "
                             "cut -d: -f3").stdout)
    os.chown(path, 0, gid)
    os.chmod(path, 0o660)
    service.ctl("start", UNIT)
    dataplane.accept()
    control = Control(service.path("/run/sallyport-media/media.sock"))
    assert control.do("hello", version=1)["recording"]["ready"]
    yield dataplane, control
    control.close()
    dataplane.close()


def test_who_it_is(service, neighbours):
    pid = service.main_pid(UNIT)
    got = status(pid)
    for kind in ("CapPrm", "CapEff", "CapBnd", "CapAmb", "CapInh"):
        assert int(got[kind], 16) == 0, kind
    assert got["NoNewPrivs"] == "1" and got["Seccomp"] == "2"
    assert "0" not in got["Uid"].split() + got["Gid"].split()
    # One group, and no others.
    assert set(got["Groups"].split()) <= {got["Gid"].split()[0]}
    links = run("nsenter", "-t", pid, "--net", "ip", "-o", "link").stdout
    assert len(links.splitlines()) == 1 and " lo" in links
    mode = os.stat(service.path("/run/sallyport-media/media.sock")).st_mode
    assert stat.S_IMODE(mode) == 0o660
    assert stat.S_IMODE(os.stat(service.path(RECORDINGS)).st_mode) == 0o700


def test_it_works_with_what_it_has(service, neighbours):
    """Transcoding, a conference, a recording; nothing that the filter kills."""
    dataplane, control = neighbours
    pid = service.main_pid(UNIT)
    control.do("room.set", room="r")
    for stream, source in (("1", {"port": "1"}), ("2", {"room": "r"})):
        control.do("port.set", port=stream, generation=1, **{
            "in": [PCMU], "out": OPUS, "source": source})
    control.do("record.start", recording="rec", call="1",
               tracks=[{"port": "1"}, {"room": "r"}])
    for i in range(75):
        for stream in (1, 2):
            dataplane.put(stream, 1, bytes([0x80, 0, 0, i]) +
                          (i * 160).to_bytes(4, "big") +
                          stream.to_bytes(4, "big") + bytes(range(160)))
        time.sleep(0.02)
    back = [b for b in dataplane.get() if b[2] == RTP]
    assert {b[0] for b in back} == {1, 2} and len(back) > 100
    control.do("record.stop", recording="rec")
    assert control.event("recording-closed")["reason"] == "stopped"
    sealed = service.path(f"{RECORDINGS}/rec.sealed")
    assert os.stat(sealed).st_mode & 0o777 == 0o600
    control.do("store.delete", recording="rec")
    wait_until("the file to be gone", 10, lambda: not os.path.exists(sealed))
    assert service.main_pid(UNIT) == pid
    said = service.said(UNIT).lower()
    assert not [w for w in ("denied", "permitted", "warn", "error")
                if w in said], said


def test_it_tells_the_watchdog(service, neighbours):
    assert service.show(UNIT, "WatchdogUSec") == "10s"
    first = service.show(UNIT, "WatchdogTimestampMonotonic")
    wait_until("it to tell", 20, lambda: service.show(
        UNIT, "WatchdogTimestampMonotonic") != first)


def test_what_it_may_not_do(service, neighbours):
    """The same lines around a program that tries."""
    text = service.path("/usr/local/lib/systemd/system/sallyport-media.service"
                        ).read_text()
    lines = [line for line in text.splitlines()
             if not line.startswith(("ExecStart=", "Type=", "Watchdog",
                                     "Restart", "After=", "Wants=",
                                     "RuntimeDirectory", "StateDirectory"))]
    # Python stands for the program that was taken over.
    lines = [line + " -/usr/bin" if line.startswith("ExecPaths=") else line
             for line in lines]
    out = f"/var/log/probe-{UNIT}"
    at = lines.index("[Service]")
    lines[at + 1:at + 1] = [
        "Type=oneshot", "ExecStart=/usr/bin/python3 -I -c \"import os; "
        "exec(os.environ['PROBE'])\"",
        "PassEnvironment=PROBE", f"StandardOutput=append:{out}",
        f"StandardError=append:{out}"]
    service.write(f"/etc/sallyport-units/probe-{UNIT}.service",
                  "\n".join(lines) + "\n")
    service.ctl("daemon-reload")
    service.ctl("set-environment", f"PROBE={PROBE}")
    service.ctl("start", f"probe-{UNIT}", check=False)
    said = service.said(f"probe-{UNIT}")
    assert {what for what, done in json.loads(said).items() if done} <= {
        "write /tmp", "open /dev/full", "open /dev/ptmx"}, said


def test_a_crash_and_a_tidy_stop(service, neighbours):
    dataplane, control = neighbours
    old = service.main_pid(UNIT)
    os.kill(old, 9)
    dataplane.leave()
    dataplane.accept(20)
    wait_until("another", 20, lambda: service.main_pid(UNIT) not in (None, old)
               and service.show(UNIT, "ActiveState") == "active")
    again = Control(service.path("/run/sallyport-media/media.sock"))
    assert again.do("hello", version=1)["dataplane"] in (True, False)
    assert again.do("list", what="ports")["items"] == []
    again.close()
    service.ctl("stop", UNIT)
    assert service.show(UNIT, "ActiveState", "Result") == {
        "ActiveState": "inactive", "Result": "success"}
    assert not os.path.exists(service.path("/run/sallyport-media"))
