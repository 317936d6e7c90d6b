# SPDX-License-Identifier: Apache-2.0
"""A systemd of a test's own: in namespaces, with its own users, cgroups and
/run, beside whatever runs this machine. It knows the units that `make install`
laid out and those of the test, no other, and starts what it is told to.

It lives in a network namespace that others can reach, so that phones can call
through services."""

import json
import os
import shutil
import signal
import subprocess
import uuid
from pathlib import Path

from lab.process import LabError, run, wait_until

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "/usr/local"
CGROUPS = Path("/sys/fs/cgroup")
UNITS = "/etc/sallyport-units"  # the test's own; before those installed
# What the programs and systemd read of /etc, besides users and the ABI of
# libraries.
ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives",
       "nsswitch.conf", "ssl/openssl.cnf")
LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")

# Process 1 of its namespaces: make the tree, then become systemd. Mounts go
# with the namespace.
INSIDE = r"""
set -eu
root=$1 units=$2
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mount --rbind /usr usr
mount --bind "$root/../stage/usr/local" usr/local
mount --rbind /dev dev
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
shift 2
for pair; do
	mkdir -p "sys/fs/cgroup/${pair%%=*}"
	mount -t "${pair#*=}" "sys/fs/cgroup/${pair%%=*}"
done
mkdir -p old
pivot_root . old
umount -l /old
systemd-sysusers /usr/local/lib/sysusers.d/sallyport.conf
systemd-tmpfiles --create /usr/local/lib/tmpfiles.d/sallyport.conf
export container=test SYSTEMD_UNIT_PATH=$units
exec /lib/systemd/systemd --system --unit=default.target \
	--log-target=console --show-status=no
"""


def hierarchies():
    """The cgroup hierarchies that systemd uses: where each is mounted below
    /sys/fs/cgroup, and what mounts it."""
    if (CGROUPS / "cgroup.controllers").exists():
        return {".": "cgroup2 cgroup2"}
    found = {"systemd": "cgroup -o none,name=systemd cgroup",
             "unified": "cgroup2 cgroup2", "devices": "cgroup -o devices cgroup"}
    return {k: v for k, v in found.items() if (CGROUPS / k).is_dir()}


def install(build, stage):
    """make install, of what is built."""
    run("make", "-s", "-C", ROOT, f"B={build}", f"DESTDIR={stage}",
        f"PREFIX={PREFIX}", "install",
        env={k: v for k, v in os.environ.items()
             if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")})


class Manager:
    def __init__(self, folder, name, netns):
        """folder: holds `stage`, which make install filled."""
        self.folder, self.name, self.netns = Path(folder), name, netns
        self.root = self.folder / "root"
        self.log = self.folder / "systemd.log"
        self.process = None
        self._make_root()

    def _make_root(self):
        for d in ("usr", "dev", "proc", "sys", "run", "tmp", "root",
                  "var/lib", "var/log", "etc/sallyport", "etc/ssl",
                  UNITS.lstrip("/")):
            (self.root / d).mkdir(parents=True)
        (self.root / "var/run").symlink_to("/run")
        for link in LINKS:
            if Path("/", link).is_symlink():
                (self.root / link).symlink_to(os.readlink(Path("/", link)))
        for name in ETC:
            source, to = Path("/etc", name), self.root / "etc" / name
            if source.is_dir():
                shutil.copytree(source, to, symlinks=True)
            elif source.exists():
                shutil.copy(source, to)
        self.write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
                   "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n")
        self.write("/etc/group", "root:x:0:\nnogroup:x:65534:\n")
        # The targets that units lean on; here they pull nothing in.
        for target in ("default", "sysinit", "basic", "shutdown", "network",
                       "network-pre", "multi-user", "time-sync", "emergency"):
            self.write(f"{UNITS}/{target}.target",
                       "[Unit]\nDefaultDependencies=no\n")

    def write(self, path, text):
        path = self.root / path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def drop_in(self, unit, text):
        self.write(f"{UNITS}/{unit}.service.d/test.conf", text)

    def add_journald(self):
        """The machine's own, in memory and without the kernel's log."""
        self.write("/etc/machine-id", f"{uuid.uuid4().hex}\n")
        self.write("/etc/systemd/journald.conf",
                   "[Journal]\nStorage=volatile\nAudit=no\nReadKMsg=no\n"
                   "ForwardToWall=no\nRateLimitBurst=0\n")
        self.write(f"{UNITS}/systemd-journald.service",
                   "[Unit]\nDefaultDependencies=no\n[Service]\nType=notify\n"
                   "StandardOutput=null\n"
                   "ExecStart=/lib/systemd/systemd-journald\n")

    # --- up and down ---

    def start(self):
        pairs = []
        for where, how in hierarchies().items():
            (CGROUPS / where / self.name).mkdir()
            pairs.append(f"{where}={how}")
        inside = INSIDE.replace('mount -t "${pair#*=}"',
                                "mount -t ${pair#*=}")
        units = f"{UNITS}:{PREFIX}/lib/systemd/system"

        def join():
            for where in hierarchies():
                (CGROUPS / where / self.name / "cgroup.procs").write_text("0")

        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.netns, "unshare", "--pid",
                 "--fork", "--kill-child", "--mount", "--uts", "--ipc",
                 "--cgroup", "--propagation", "private",
                 "sh", "-c", inside, "sh", self.root, units, *pairs],
                preexec_fn=join, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)
        try:
            wait_until("systemd to be up", 30, self._is_up)
        except LabError as error:
            self.stop()
            raise LabError(f"{error}: {self.log.read_text()}") from None

    def _is_up(self):
        if self.process.poll() is not None:
            raise LabError("systemd ended")
        return self.pid and self.ctl("is-active", "default.target",
                                     check=False).returncode == 0

    @property
    def pid(self):
        """systemd's, as seen from here: unshare's child; None: not yet."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}"
                        "/children").read_text().split()
        return int(children[0]) if children else None

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(20)
        for where in hierarchies():
            mine = CGROUPS / where / self.name
            if not mine.exists():
                continue
            wait_until("its processes to be gone", 20,
                       lambda m=mine: not _processes(m))
            for path in sorted((p for p in mine.rglob("*") if p.is_dir()),
                               reverse=True):
                path.rmdir()
            mine.rmdir()

    # --- what it is asked ---

    def inside(self, *command, **options):
        return run("nsenter", "-t", self.pid, "--mount", "--pid", "--net",
                   "--root", "--wd=/", *command, **options)

    def ctl(self, *words, **options):
        return self.inside("systemctl", "--no-pager", *words, **options)

    def show(self, unit, *names):
        """Properties of a unit, as text."""
        out = self.ctl("show", unit, *(f"--property={n}" for n in names)).stdout
        got = dict(line.split("=", 1) for line in out.splitlines())
        return got[names[0]] if len(names) == 1 else got

    def main_pid(self, unit):
        """Of a unit's main process, as seen from here; None: none."""
        inner = self.show(unit, "MainPID")
        if inner == "0":
            return None
        for where in hierarchies():
            for pid in _processes(CGROUPS / where / self.name):
                numbers = status(pid).get("NSpid", "").split()
                if numbers[1:] == [inner]:
                    return pid
        return None

    def said(self, unit):
        try:
            return (self.root / f"var/log/{unit}").read_text()
        except FileNotFoundError:
            return ""

    def journal(self, *matches):
        """What journald has kept of that, as journalctl -o json says it."""
        out = self.inside("journalctl", "--no-pager", "-o", "json",
                          *matches).stdout
        return [json.loads(line) for line in out.splitlines()]

    def path(self, path):
        """A path of its tree, mounts included, as seen from here."""
        return Path(f"/proc/{self.pid}/root{path}")


def _processes(cgroup):
    found = []
    for path in cgroup.rglob("cgroup.procs"):
        try:
            found += [int(p) for p in path.read_text().split()]
        except OSError:
            pass
    try:
        found += [int(p) for p in
                  (cgroup / "cgroup.procs").read_text().split()]
    except OSError:
        pass
    return sorted(set(found))


def status(pid):
    """/proc/PID/status; {} once it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return {}
    return {k: v.strip() for k, v in
            (line.split(":", 1) for line in text.splitlines())}
