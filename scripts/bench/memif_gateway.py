# SPDX-License-Identifier: Apache-2.0
"""A gateway on memif ports, on one machine: sallyport-dataplane, and where it
is asked for sallyport-control, in a network namespace of their own."""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab.process import (Process, quietly, run, wait_until)  # noqa: E402

ADDRESSES = 4  # of each side: 100,000 streams need more ports than one has
PEER = "10.{net}.0.100"
PEER_MAC = "02:00:00:00:0{net}:64"
MACS = {"access": "02:53:50:00:00:01", "trunk": "02:53:50:00:00:02"}
CONFIG = """\
dataplane:
  socket: {folder}/dataplane.sock
  file_prefix: {name}
  lcores: "{main},{worker}"
  memory: 512
  rest: never
  media_ports: 1024-65535
  transports: 200000
  streams: 200000
  ports:
    - name: access0
      role: access
      device: net_memif0
      args: "role=server,socket-abstract=no,socket={folder}/access.memif"
      mac: {macs[access]}
      addresses: [{access}]
    - name: trunk0
      role: trunk
      device: net_memif1
      args: "role=server,socket-abstract=no,socket={folder}/trunk.memif"
      mac: {macs[trunk]}
      addresses: [{trunk}]
control:
  dataplane: {folder}/dataplane.sock
  api: {folder}/control.sock
  database: {folder}/sallyport.db
  domain: bench.example
  sip:
    listen: ["udp:10.1.0.1:5060"]
"""


def addresses(net):
    return ", ".join(f"10.{net}.0.{i + 1}/24" for i in range(ADDRESSES))


def why_not():
    """@return why this machine can't, or None."""
    if os.geteuid():
        return "needs root (a network namespace, companion interfaces)"
    if len(os.sched_getaffinity(0)) < 2:
        return "needs two CPUs"
    return None


class Gateway:
    def __init__(self, build, control=False):
        self.bin = build / "bin"
        self.with_control = control
        self.name = f"spmemif{os.getpid()}"
        self.folder = Path(tempfile.mkdtemp(prefix="sallyport-memif-"))
        self.processes = []

    def __enter__(self):
        cpus = sorted(os.sched_getaffinity(0))
        self.sender_cpu, self.worker_cpu = cpus[0], cpus[1]
        self.config = self.folder / "sallyport.yaml"
        self.config.write_text(CONFIG.format(
            folder=self.folder, name=self.name, main=cpus[0], worker=cpus[1],
            macs=MACS, access=addresses(1), trunk=addresses(2)))
        try:
            run("ip", "netns", "add", self.name)
            run("ip", "-n", self.name, "link", "set", "lo", "up")
            self.start("sallyport-dataplane", " up: ")
            for net, port in ((1, "access0"), (2, "trunk0")):
                run("ip", "-n", self.name, "neigh", "replace",
                    PEER.format(net=net), "lladdr", PEER_MAC.format(net=net),
                    "dev", port, "nud", "permanent")
            if self.with_control:
                self.start("sallyport-control")
                wait_until("control", 15, lambda: self.sallyctl(
                    "ports", "--json", check=False).returncode == 0)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def start(self, program, ready=""):
        log = self.folder / f"{program}.log"
        process = Process(program, [self.bin / program, "-c", self.config],
                          self.name, log)
        self.processes.append(process)

        def is_ready():
            process.check()
            return ready in log.read_text()
        wait_until(program, 30, is_ready)

    def sallyctl(self, *words, check=True):
        return run(self.bin / "sallyctl", "--socket",
                   self.folder / "control.sock", *words, check=check)

    def ports(self):
        """@return counters of each port by its role."""
        shown = json.loads(self.sallyctl("ports", "--json").stdout)
        return {p["role"]: p for p in shown}

    def __exit__(self, kind, value, trace):
        with quietly():
            for process in reversed(self.processes):
                process.stop()
            run("ip", "netns", "del", self.name, check=False)
            # DPDK leaves the folders of its sockets.
            for name in (self.name, f"{self.name}-testpmd", "memif_bench"):
                shutil.rmtree(f"/var/run/dpdk/{name}", ignore_errors=True)
            if kind is None:
                shutil.rmtree(self.folder, ignore_errors=True)
            else:
                print(f"logs: {self.folder}", file=sys.stderr)
