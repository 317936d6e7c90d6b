# SPDX-License-Identifier: Apache-2.0
"""A branch, a gateway and headquarters on one machine.

    branch 10.1.0.10 -- access0 [gateway] trunk0 -- 10.2.0.10 headquarters

Three network namespaces. The gateway's two DPDK ports are TAP devices whose
kernel ends are moved into the other two, so a frame that a phone sends is read
by the dataplane and by nobody else. The gateway's kernel does not forward:
media passes through the dataplane, or not at all.

    with Gateway(build) as gateway:
        gateway.add_user("alice", "plain")
        alice = gateway.phone("alice", "branch", wav)

Everything is taken down at the end of the block, also after an exception or a
signal. Names carry the process id, so runs do not meet."""

import itertools
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import yaml

from .endpoint import Endpoint
from .phone import Phone
from .process import LabError, Process, quietly, run, udp_socket, wait_until
from .wire import Capture

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "scripts" / "sallyport.example.yaml"
PREFIX = "sally"


class Side:
    """One client network: its address, the gateway's, and the interface."""

    def __init__(self, name, network, interface, mac):
        self.name, self.interface, self.mac = name, interface, mac
        self.gateway = f"{network}.1"
        self.host = f"{network}.10"
        self.namespace = None  # filled in by Gateway


def sides():
    return {"branch": Side("branch", "10.1.0", "sp-branch",
                           "02:53:50:00:01:10"),
            "hq": Side("hq", "10.2.0", "sp-hq", "02:53:50:00:02:10")}


def _sysctl(namespace, name, value):
    run("ip", "netns", "exec", namespace, "sysctl", "-qw", f"{name}={value}")


def sweep():
    """Remove namespaces that a killed run left: their maker is gone and no
    process is in any of them."""
    left = {}
    for line in run("ip", "netns", "list").stdout.splitlines():
        name = line.split()[0]
        found = re.fullmatch(rf"{PREFIX}(\d+)-\d+-\w+", name)
        if found and not os.path.exists(f"/proc/{found[1]}"):
            left.setdefault(found[1], []).append(name)
    for names in left.values():
        if not any(run("ip", "netns", "pids", name, check=False).stdout
                   for name in names):
            remove_namespaces(names)


class Gateway:
    _count = itertools.count()

    def __init__(self, build=ROOT / "build", keep=False, settings=None,
                 media=False, seal_to=None):
        """settings: {"dataplane": {...}, "control": {...}, "media": {...}}, put
        over the example configuration. media: with sallyport-media, which
        transcodes, mixes and records; without it nothing of that is had.
        seal_to: public keys; recordings lie in the folder "recordings"."""
        self.bin = Path(build).resolve() / "bin"
        self.keep = keep  # leave dataplane and control up at the end
        self.keep_logs = keep
        self.settings = settings or {}
        self.with_media, self.seal_to = media, seal_to
        self.sides = sides()
        self.prefix = f"{PREFIX}{os.getpid()}-{next(self._count)}"
        self.namespace = f"{self.prefix}-gw"
        self.phones, self.captures, self._made = [], [], []
        self.dataplane = self.control = self.media = None

    # --- up and down ---

    def __enter__(self):
        if os.geteuid() != 0:
            raise LabError("network namespaces and TAP devices need root")
        for program in ("sallyport-dataplane", "sallyport-control", "sallyctl"):
            if not (self.bin / program).exists():
                raise LabError(f"{self.bin / program} is not built: run make")
        sweep()
        self.folder = Path(tempfile.mkdtemp(prefix="sallyport-"))
        self.config = self.folder / "sallyport.yaml"
        self.api = self.folder / "control.sock"
        self.socket = self.folder / "dataplane.sock"
        self.media_socket = self.folder / "media.sock"
        self.divert = self.folder / "divert.sock"
        try:
            self._make_namespaces()
            self._write_config()
            self.start_dataplane()
            if self.with_media:
                self.start_media()
            self.start_control()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, value, trace):
        with quietly():
            for phone in self.phones:
                phone.stop()
            for capture in self.captures:
                capture.process.stop()
            if self.keep and kind is None:
                self._save_state()
                return
            for program in (self.control, self.media, self.dataplane):
                if program:
                    program.stop()
            remove_namespaces(self._made)
            # What a dataplane that was killed, as tests do, left of itself.
            shutil.rmtree(f"/run/dpdk/{self.prefix}", ignore_errors=True)
            if kind is not None and kind is not SystemExit or self.keep_logs:
                print(f"logs and captures: {self.folder}", file=sys.stderr)
            else:
                shutil.rmtree(self.folder, ignore_errors=True)

    def _make_namespaces(self):
        for name, side in self.sides.items():
            side.namespace = f"{self.prefix}-{name}"
        for namespace in (self.namespace,
                          *(s.namespace for s in self.sides.values())):
            run("ip", "netns", "add", namespace)
            self._made.append(namespace)
            run("ip", "-n", namespace, "link", "set", "lo", "up")
            _sysctl(namespace, "net.ipv4.ip_forward", 0)
            _sysctl(namespace, "net.ipv6.conf.all.forwarding", 0)
        for s in self.sides.values():
            # what FFmpeg is told to listen on (wire.py) is given to nobody else
            _sysctl(s.namespace, "net.ipv4.ip_local_reserved_ports",
                    "47000-47199")

    def _write_config(self):
        with open(EXAMPLE) as f:
            config = yaml.safe_load(f)
        cpus = sorted(os.sched_getaffinity(0))
        config["dataplane"].update(
            socket=str(self.socket), file_prefix=self.prefix,
            lcores=",".join(map(str, (cpus * 2)[:2])))
        config["control"].update(
            dataplane=str(self.socket), api=str(self.api),
            database=str(self.folder / "sallyport.db"))
        config["dataplane"]["divert"] = str(self.divert)
        config["media"] = {"socket": str(self.media_socket),
                           "divert": str(self.divert)}
        if self.seal_to:
            recordings = self.folder / "recordings"
            recordings.mkdir()
            config["media"]["recording"] = {"folder": str(recordings),
                                            "keys": self.seal_to}
        if self.with_media:
            config["control"]["media"] = {"socket": str(self.media_socket)}
        else:
            del config["control"]["media"]
        for part, values in self.settings.items():
            config[part].update(values)
        self.domain = config["control"]["domain"]
        with open(self.config, "w") as f:
            yaml.safe_dump(config, f, sort_keys=False)

    def _save_state(self):
        with open(self.folder / "state.json", "w") as f:
            json.dump({"namespaces": self._made,
                       "pids": [p.pid for p in (self.control, self.media,
                                                self.dataplane) if p]}, f)

    # --- the programs ---

    def start_dataplane(self):
        """Start it, then give each port's kernel end to its network."""
        self.dataplane = Process(
            "sallyport-dataplane",
            [self.bin / "sallyport-dataplane", "-c", self.config],
            self.namespace, self.folder / "dataplane.log", detached=self.keep)
        wait_until("the dataplane to be ready", 30, self._dataplane_ready)
        for side in self.sides.values():
            run("ip", "-n", self.namespace, "link", "set", side.interface,
                "netns", side.namespace)
            for words in (
                    f"link set {side.interface} address {side.mac}",
                    f"addr add {side.host}/24 dev {side.interface}",
                    f"link set {side.interface} up",
                    f"route replace default via {side.gateway}"):
                run("ip", "-n", side.namespace, *words.split())

    def _dataplane_ready(self):
        self.dataplane.check()
        shown = run("ip", "-n", self.namespace, "-br", "addr").stdout
        return self.socket.is_socket() and all(
            side.interface in shown and side.gateway + "/" in shown
            for side in self.sides.values())

    def start_control(self):
        self.control = Process(
            "sallyport-control",
            [self.bin / "sallyport-control", "-c", self.config],
            self.namespace, self.folder / "control.log", detached=self.keep)
        wait_until("control to answer", 15, self._control_ready)

    def _control_ready(self):
        self.control.check()
        return self.sallyctl("ports", "--json", check=False).returncode == 0 \
            and self.ctl_json("ports")

    def start_media(self):
        """In a network namespace of its own it would do as well: it has no
        use for any network."""
        self.media = Process(
            "sallyport-media",
            [self.bin / "sallyport-media", "-c", self.config],
            self.namespace, self.folder / "media.log", detached=self.keep)
        wait_until("sallyport-media to be ready", 15, self._media_ready)

    def _media_ready(self):
        self.media.check()
        return self.media_socket.is_socket()

    def kill(self, program):
        """SIGKILL one of them, as a crash would."""
        program.stop(signal.SIGKILL)
        if program is self.dataplane:
            self.socket.unlink(missing_ok=True)
            self.divert.unlink(missing_ok=True)

    # --- what an operator does ---

    def sallyctl(self, *arguments, check=True, **options):
        return run(self.bin / "sallyctl", "--socket", self.api, *arguments,
                   check=check, **options)

    def ctl_json(self, *arguments):
        return json.loads(self.sallyctl(*arguments, "--json").stdout)

    def flows(self):
        return self.ctl_json("flows")

    def last_record(self):
        return self.ctl_json("records")[0]

    def add_user(self, name, profile, password=None, suites=None):
        words = ["users", "add", name, "--profile", profile,
                 "--password-stdin"]
        if suites:
            words += ["--suites", suites]
        self.sallyctl(*words, input=(password or f"{name}-secret") + "\n")

    # --- what a user has ---

    def phone(self, user, side, play, transport="udp", **options):
        """A phone on one side, registered. options: Phone's."""
        s = self.sides[side]
        phone = Phone(user, s.namespace, s.host, self.folder, play,
                      domain=self.domain,
                      proxy=f"sip:{s.gateway};transport={transport}",
                      password=options.pop("password", f"{user}-secret"),
                      **options)
        self.phones.append(phone)
        return phone.start()

    def endpoint(self, user, side, *options, host=None, outbound=None, **rest):
        """A sallyport-endpoint on one side, registered, in a folder of its
        own. host: another address of that side than its first; outbound:
        another way to the gateway."""
        s = self.sides[side]
        folder = self.folder / (f"{user}-{host}" if host else user)
        folder.mkdir(exist_ok=True)
        secret = folder / "password"
        secret.write_text(f"{user}-secret\n")
        if "--registrar" not in options:
            options += ("--registrar", f"sip:{self.domain}")
        endpoint = Endpoint(
            self.bin / "sallyport-endpoint", folder, user, host or s.host,
            outbound or s.gateway, "--password-file", secret, *options,
            domain=self.domain, namespace=s.namespace, **rest)
        self.phones.append(endpoint)
        if "none" not in options[options.index("--registrar"):][:2]:
            endpoint.wait("registered")
        return endpoint

    def capture(self, side):
        s = self.sides[side]
        capture = Capture(s.namespace, s.interface,
                          self.folder / f"{side}-{len(self.captures)}.pcap")
        self.captures.append(capture)
        return capture

    def forwards(self, seconds=0.3):
        """Does the kernel carry a datagram from the branch to headquarters?"""
        branch, hq = self.sides["branch"], self.sides["hq"]
        with udp_socket(hq.namespace, (hq.host, 40000)) as receiver, \
                udp_socket(branch.namespace) as sender:
            receiver.settimeout(seconds)
            sender.sendto(b"sallyport", (hq.host, 40000))
            try:
                return bool(receiver.recv(64))
            except TimeoutError:
                return False


def remove_namespaces(namespaces):
    for namespace in namespaces:
        run("ip", "netns", "delete", namespace, check=False)


def take_down(folder):
    """End what a run with keep left up: folder is the one that it printed."""
    folder = Path(folder)
    with open(folder / "state.json") as f:
        state = json.load(f)
    for pid in state["pids"]:
        if _is_ours(pid):
            os.kill(pid, signal.SIGTERM)
            try:
                wait_until("it to end", 5, lambda: not _is_ours(pid))
            except LabError:
                os.kill(pid, signal.SIGKILL)
    remove_namespaces(state["namespaces"])
    shutil.rmtree(folder)


def _is_ours(pid):
    """The process id still names a program of the gateway."""
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().startswith("sallyport-")
    except FileNotFoundError:
        return False
