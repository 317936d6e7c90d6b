# SPDX-License-Identifier: Apache-2.0
"""What the tests of units share: the installed tree, and a gateway whose two
programs are services of a systemd of its own."""

import os
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in ("scripts", "tests/calls", "tests/units"):
    sys.path.insert(0, str(ROOT / folder))

import manager  # noqa: E402
from lab import audio  # noqa: E402
from lab.process import LabError, run, wait_until  # noqa: E402
from lab.topology import Gateway  # noqa: E402

# The runner ends a suite by SIGTERM; fixtures then have to be torn down.
signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended", 143))

BUILD = Path(os.environ.get("B", ROOT / "build")).resolve()

# A call that the filter denies ends the program, so that a test sees it, but
# for iopl, which DPDK asks for and does without.
DROP_IN = """\
[Service]
SystemCallErrorNumber=kill
SystemCallFilter=~iopl:EPERM
"""
# What the programs say goes to a file, where there is no journal.
TO_FILE = """\
StandardOutput=append:/var/log/{unit}
StandardError=append:/var/log/{unit}
"""


@pytest.fixture(scope="session")
def stage(tmp_path_factory):
    """What make install lays out."""
    folder = tmp_path_factory.mktemp("units") / "stage"
    manager.install(BUILD, folder)
    return folder


class ServiceGateway(Gateway):
    """The lab's gateway, its two programs as services. journal: what they say
    goes to a journald of theirs, else to files."""

    def __init__(self, stage, journal=False):
        super().__init__(BUILD)
        self.stage, self.journal = stage, journal
        self.manager = None
        self.users = set()

    def __exit__(self, kind, value, trace):
        if self.manager:
            for unit in ("sallyport-dataplane", "sallyport-control"):
                (self.folder / f"{unit}.log").write_text(
                    self.manager.said(unit))
            self.manager.stop()
        self.dataplane = self.control = None
        super().__exit__(kind, value, trace)

    def _make_namespaces(self):
        super()._make_namespaces()
        run("ip", "netns", "exec", self.namespace, "nft", "-f", self.stage /
            "usr/local/share/doc/sallyport/examples/companions.nft")

    def _write_config(self):
        # Paths are the example's own: those that the units grant.
        super()._write_config()
        text = self.config.read_text()
        text = text.replace(str(self.socket), "/run/sallyport/dataplane.sock")
        text = text.replace(str(self.api), "/run/sallyport/control.sock")
        text = text.replace(str(self.folder / "divert.sock"),
                            "/run/sallyport/divert.sock")
        text = text.replace(str(self.folder), "/var/lib/sallyport")
        (self.folder / "stage").symlink_to(self.stage)
        self.manager = manager.Manager(self.folder, self.prefix,
                                       self.namespace)
        self.manager.write("/etc/sallyport/sallyport.yaml", text)
        for unit in ("sallyport-dataplane", "sallyport-control"):
            self.manager.drop_in(unit, DROP_IN + (
                "" if self.journal else TO_FILE.format(unit=unit)))
        if self.journal:
            self.manager.add_journald()
        self.manager.start()
        if self.journal:
            self.start_unit("systemd-journald")
        self.socket = self.manager.path("/run/sallyport/dataplane.sock")
        self.api = self.manager.path("/run/sallyport/control.sock")

    def start_dataplane(self):
        self.start_unit("sallyport-dataplane")
        self.plug_in()

    def start_control(self):
        self.start_unit("sallyport-control")

    def start_unit(self, unit):
        done = self.manager.ctl("start", unit, check=False)
        if done.returncode:
            raise LabError(f"{done.stderr} {self.manager.said(unit)} "
                           f"{self.manager.log.read_text()[-2000:]}")

    def add_user(self, name, *rest, **more):
        """Once: the tests of a module share the gateway."""
        if name not in self.users:
            super().add_user(name, *rest, **more)
            self.users.add(name)

    def plug_in(self):
        """Give each port's kernel end to its network, once it is there."""
        for side in self.sides.values():
            wait_until(side.interface, 20, lambda s=side: run(
                "ip", "-n", self.namespace, "link", "show", s.interface,
                check=False).returncode == 0)
            run("ip", "-n", self.namespace, "link", "set", side.interface,
                "netns", side.namespace)
            for words in (
                    f"link set {side.interface} address {side.mac}",
                    f"addr add {side.host}/24 dev {side.interface}",
                    f"link set {side.interface} up",
                    f"route replace default via {side.gateway}"):
                run("ip", "-n", side.namespace, *words.split())

    def crash(self, unit):
        """SIGKILL its main process; wait until systemd has another. @return
        its process id."""
        old = self.manager.main_pid(unit)
        os.kill(old, signal.SIGKILL)
        return wait_until(f"another {unit}", 20, lambda: self._other(unit, old))

    def _other(self, unit, old):
        state = self.manager.show(unit, "ActiveState")
        pid = self.manager.main_pid(unit)
        return pid if state == "active" and pid not in (None, old) else None


@pytest.fixture(scope="session")
def users():
    if run("unshare", "--user", "true", check=False).returncode:
        pytest.skip("no user namespaces here (a chroot?), and PrivateUsers= "
                    "of control's unit needs one")


@pytest.fixture(scope="module")
def services(users, stage):
    with ServiceGateway(stage) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def with_journal(users, stage):
    with ServiceGateway(stage, journal=True) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def sounds(tmp_path_factory):
    """Two sounds that are never silent, and where they lie: by user."""
    return audio.melodies(tmp_path_factory.mktemp("sounds"))
