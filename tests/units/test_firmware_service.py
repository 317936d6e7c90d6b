# SPDX-License-Identifier: Apache-2.0
"""sallyport-firmware as the image runs it, by a systemd, with a real D-Bus and
RAUC beside it: what it needs is granted (a system call that the filter denies
kills), and who may ask it is control alone."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from conftest import DROP_IN, ROOT, TO_FILE
from lab.process import run, wait_until
from manager import UNITS, Manager, status

sys.path.append(str(ROOT / "tests/firmware"))
from appliance import BUS, SYSTEM, bundle, certificate  # noqa: E402

UNIT = "sallyport-firmware"
IMAGE = ROOT / "firmware/image/root"
BOX = "/data/sallyport/box"
SERVICES = {
    "bus": "/usr/bin/dbus-daemon --nofork --config-file=/data/sallyport/box/"
           "bus.conf",
    "rauc": "/usr/bin/rauc -c /data/sallyport/box/system.conf service "
            "--override-boot-slot=A",
}
# Where there is no image around it, and nothing is started again.
HERE = f"""\
[Service]
ExecStart=
ExecStart=/opt/sallyport-firmware --release {BOX}/release \\
    --authorities {BOX}/keys/web.crt --conf {BOX}/system.conf \\
    --env {BOX}/grubenv --efivars {BOX} \\
    --restart "/usr/bin/touch /data/sallyport/restarted"
Environment=DBUS_SYSTEM_BUS_ADDRESS=unix:path={BOX}/bus PYTHONUNBUFFERED=1
"""
# What a process in there says and hears.
ASK = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(60)
s.connect("/run/sallyport-firmware/firmware.sock")
lines = s.makefile()
status = json.loads(lines.readline())["status"]
if len(sys.argv) > 1:
    s.sendall(sys.argv[1].encode() + b"\\n")
    me = json.loads(sys.argv[1])["id"]
    while not status["job"] or status["job"].get("id") != me or \\
            status["job"]["phase"] not in ("done", "failed"):
        status = json.loads(lines.readline())["status"]
print(json.dumps(status))
"""


def make_box(m):
    box = m.root / BOX[1:]
    keys = box / "keys"
    keys.mkdir(parents=True)
    certificate(keys, "bundle", "extendedKeyUsage=codeSigning")
    certificate(keys, "web", "subjectAltName=IP:127.0.0.1")
    for slot in ("boot-a", "root-a", "boot-b", "root-b"):
        (box / slot).write_bytes(bytes(1 << 16))
    (box / "system.conf").write_text(SYSTEM.format(BOX))
    shutil.copy(IMAGE / "etc/dbus-1/system.d/sallyport-rauc.conf", box)
    (box / "bus.conf").write_text(
        BUS.format(BOX, f"{BOX}/sallyport-rauc.conf"))
    (box / "release").write_text("VERSION=2.0\nCOMPATIBLE=sallyport-test\n"
                                 "BUILT=1700000000\n")
    run("grub-editenv", box / "grubenv", "create")
    run("grub-editenv", box / "grubenv", "set", "ORDER=A B", "A_OK=1",
        "B_OK=1", "A_TRY=0", "B_TRY=0")
    (m.root / "opt").mkdir()
    shutil.copy(ROOT / "firmware/update/sallyport-firmware", m.root / "opt")


@pytest.fixture(scope="module")
def service(stage, tmp_path_factory):
    folder = tmp_path_factory.mktemp("firmware")
    (folder / "stage").symlink_to(stage)
    name = f"spf{os.getpid() % 100000}"
    run("ip", "netns", "add", name)
    m = Manager(folder, name, name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        make_box(m)
        for kind in ("service", "socket"):
            shutil.copy(IMAGE / f"usr/lib/systemd/system/{UNIT}.{kind}",
                        m.root / UNITS[1:])
        m.drop_in(UNIT, DROP_IN + TO_FILE.format(unit=UNIT) +
                  HERE.replace("[Service]\n", ""))
        for unit, command in SERVICES.items():
            m.write(f"{UNITS}/{unit}.service", "[Unit]\nDefaultDependencies=no\n"
                    f"[Service]\nExecStart={command}\n"
                    f"Environment=DBUS_SYSTEM_BUS_ADDRESS=unix:path={BOX}/bus\n"
                    + TO_FILE.format(unit=unit))
        m.start()
        m.ctl("start", "bus")
        wait_until("the bus", 20, m.path(f"{BOX}/bus").exists)
        m.ctl("start", "rauc")
        m.ctl("start", f"{UNIT}.socket")
        yield m
    finally:
        m.stop()
        run("ip", "netns", "delete", name, check=False)


def ask(m, message=None, user="sallyport-control"):
    """As somebody in there."""
    words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
             "/usr/bin/python3", "-c", ASK]
    if message:
        words.append(message)
    return m.inside(*words, check=False)


def job(m, **message):
    done = ask(m, json.dumps({"id": time.monotonic_ns(), **message}))
    assert done.returncode == 0, done.stderr + m.said(UNIT)
    return json.loads(done.stdout)["job"]


def test_who_it_is(service):
    done = ask(service)
    assert done.returncode == 0 and '"slot": "A"' in done.stdout, done.stderr
    got = status(service.main_pid(UNIT))
    # CAP_DAC_READ_SEARCH and CAP_SYS_BOOT
    for kind in ("CapPrm", "CapEff", "CapBnd"):
        assert int(got[kind], 16) == 1 << 2 | 1 << 22, kind
    assert got["NoNewPrivs"] == "1" and got["Seccomp"] == "2"


def test_others_do_not_get_in(service):
    for user in ("nobody", "sallyport-media", "sallyport-dataplane"):
        done = service.inside(
            "setpriv", f"--reuid={user}", "--regid=65534", "--clear-groups",
            "/usr/bin/python3", "-c", ASK, check=False)
        assert "PermissionError" in done.stderr, user


def test_what_control_uploaded(service, tmp_path):
    """A file of its own, in a folder that only it opens; as far as RAUC goes
    without device mapper."""
    made = bundle(tmp_path, service.root / f"{BOX[1:]}/keys", "good")
    service.inside("install", "-d", "-m", "700", "-o", "sallyport-control",
                   "/var/lib/sallyport")
    at = service.path("/var/lib/sallyport/firmware.raucb")
    shutil.copy(made, at)
    service.inside("chown", "sallyport-control",
                   "/var/lib/sallyport/firmware.raucb")
    at.chmod(0o600)
    got = job(service, do="install", source="upload")
    assert got["version"] == "3.0"
    assert got["error"] == "write-failed", got
    assert "Failed mounting bundle" in got["message"] or \
        "device" in got["message"], got
    folder = service.path("/data/sallyport/firmware")
    assert folder.stat().st_mode & 0o777 == 0o700 and not list(folder.iterdir())


def test_what_is_fetched(service, tmp_path):
    made = bundle(tmp_path, service.root / f"{BOX[1:]}/keys", "web")
    served = service.path(f"{BOX}/served.py")
    served.write_text(
        "import sys\nsys.path[:0] = [sys.argv[1]]\n"
        "from appliance import Web\nfrom pathlib import Path\n"
        "w = Web(Path(sys.argv[2]))\n"
        "w.files['u'] = Path(sys.argv[3]).read_bytes()\n"
        "print(w.url('u'), flush=True)\nsys.stdin.read()\n")
    with subprocess.Popen(
            ["nsenter", "-t", str(service.pid), "--net", "/usr/bin/python3",
             str(served), str(ROOT / "tests/firmware"),
             str(service.root / f"{BOX[1:]}/keys"), str(made)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as web:
        url = web.stdout.readline().strip()
        got = job(service, do="install", source=url)
        web.stdin.close()
    assert got["version"] == "3.0" and got["error"] == "write-failed", got
    assert not list(service.path("/data/sallyport/firmware").iterdir())


def test_rollback_and_reset(service):
    assert job(service, do="rollback")["phase"] == "done"
    assert "ORDER=B A" in run("grub-editenv", service.path(f"{BOX}/grubenv"),
                              "list").stdout
    got = job(service, do="restart", reset=True)
    assert got["phase"] == "done", got
    assert service.path("/data/sallyport/restarted").exists()
    assert list(service.path(BOX).glob("FactoryReset-*"))


def test_nothing_was_denied(service):
    """It is still the same process, and complains of nothing."""
    assert service.show(UNIT, "NRestarts") == "0"
    assert not [w for w in ("denied", "permitted", "Traceback")
                if w in service.said(UNIT)], service.said(UNIT)
