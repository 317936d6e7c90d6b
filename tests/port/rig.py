# SPDX-License-Identifier: Apache-2.0
"""A dataplane in namespaces of its own: one for the gateway, one for a client
on each side, into which the kernel ends of its TAP ports are moved."""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("B", "build")
PROGRAM = BUILD / "bin" / "sallyport-dataplane"
PATIENCE = 20  # seconds until what must come counts as missing
CLONE_NEWNET = 0x40000000

CONFIG = """\
dataplane:
  socket: {folder}/dataplane.sock
  file_prefix: {tag}
  lcores: "{lcores}"
  memory: 128
  hugepages: {hugepages}
  media_ports: 20000-20999
  transports: 100
  ports:
    - name: access0
      role: access
      device: net_tap0
      args: "iface={tag}a"
      mac: 02:53:50:00:01:01
      addresses: [10.1.0.1/24, "fd00:1::1/64"]
    - name: trunk0
      role: trunk
      device: net_tap1
      args: "iface={tag}t"
      companion: outside
      mac: 02:53:50:00:01:02
      mtu: 1400
      addresses: [10.2.0.1/24, "fd00:2::1/64"]
control:
  is: not the dataplane's
"""


def ip(*words):
    return subprocess.run(["ip", *words], check=True, capture_output=True,
                          text=True).stdout


def eventually(question, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        answer = question()
        if answer:
            return answer
        time.sleep(0.02)
    pytest.fail(f"never: {what}")


class Namespace:
    """A network namespace; inside() runs Python in it, in this thread."""

    def __init__(self, name):
        self.name = name
        ip("netns", "add", name)

    def delete(self):
        subprocess.run(["ip", "netns", "del", self.name], check=False)

    @contextlib.contextmanager
    def inside(self):
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as home, \
                open(f"/var/run/netns/{self.name}") as there:
            assert libc.setns(there.fileno(), CLONE_NEWNET) == 0
            try:
                yield
            finally:
                assert libc.setns(home.fileno(), CLONE_NEWNET) == 0

    def sysctl(self, name, value=None):
        path = Path("/proc/sys") / name
        with self.inside():
            if value is not None:
                path.write_text(value)
            return path.read_text().strip()

    def ip(self, *words):
        return ip("-n", self.name, *words)

    def links(self):
        return {i["ifname"]: i
                for i in json.loads(self.ip("-json", "addr", "show"))}

    def ping(self, host, size=56):
        """@return whether the host echoes."""
        six = ":" in host
        self.sysctl("net/ipv4/ping_group_range", "0 0")
        with self.inside():
            s = socket.socket(socket.AF_INET6 if six else socket.AF_INET,
                              socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6
                              if six else socket.IPPROTO_ICMP)
        payload = os.urandom(size)
        with s:
            s.settimeout(1)
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                try:
                    s.sendto(bytes([128 if six else 8]) + bytes(7) + payload,
                             (host, 0))
                    if s.recv(4096)[8:] == payload:
                        return True
                except (TimeoutError, ConnectionRefusedError, OSError):
                    time.sleep(0.05)
        return False


class Rig:
    """A gateway's namespace with the dataplane in it, and two clients."""

    def __init__(self, folder, lcores="0,1", hugepages="auto"):
        self.tag = f"spp{os.getpid() % 100000}"
        self.folder = folder
        self.config = folder / "sallyport.yaml"
        self.config.write_text(CONFIG.format(
            folder=folder, tag=self.tag, lcores=lcores, hugepages=hugepages))
        self.log = folder / "log"
        self.process = None
        self.gateway = Namespace(f"{self.tag}g")
        self.access = Namespace(f"{self.tag}a")
        self.trunk = Namespace(f"{self.tag}t")

    def start(self, *options, before=(), **environment):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.gateway.name, *before, PROGRAM,
                 "--config", self.config, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(os.environ, **environment))

    def up(self, before=(), **environment):
        self.start(before=before, **environment)
        eventually(lambda: self.process.poll() is not None or
                   " up: " in self.log.read_text(), "the dataplane is up")
        assert self.process.poll() is None, self.log.read_text()
        for side, net in ((self.access, 1), (self.trunk, 2)):
            self.gateway.ip("link", "set", side.name, "netns", side.name)
            side.ip("addr", "add", f"10.{net}.0.2/24", "dev", side.name)
            side.ip("addr", "add", f"fd00:{net}::2/64", "dev", side.name,
                    "nodad")
            side.ip("link", "set", side.name, "up")

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def close(self):
        if self.process and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.stop(signal.SIGKILL)
        # What one that was killed, as some tests do, left of itself.
        shutil.rmtree(f"/var/run/dpdk/{self.tag}", ignore_errors=True)
        for n in (self.gateway, self.access, self.trunk):
            n.delete()
