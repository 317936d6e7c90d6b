# SPDX-License-Identifier: Apache-2.0
"""Sees what suites leave behind: processes, network namespaces, TAP devices,
DPDK's folders.

Whatever else the machine does meanwhile is not taken for theirs: suites get a
mark in their environment that all of their processes inherit, and folders of
their own for the names of namespaces and for DPDK, as a mount namespace of the
runner has them. When the runner ends, what is mounted there goes with it."""

import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

VARIABLE = "SALLYPORT_RUN"
CLONE_NEWNS = 0x00020000
PATIENCE = 3  # seconds in which what is going may go
FOLDERS = {"/run/netns": "network namespace", "/run/dpdk": "DPDK folder"}


def taps():
    return {path.parent.name for path in
            Path("/sys/class/net").glob("*/tun_flags")}


def read(path):
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def tap_is_held(name):
    """By a process, whose end will be its end."""
    line = f"\niff:\t{name}\n".encode()
    return any(line in read(path)
               for path in Path("/proc").glob("[0-9]*/fdinfo/*"))


class Watch:
    """Made before the first suite, and asked after the last."""

    def __init__(self):
        outer = os.environ.get(VARIABLE, "")
        self.mark = f"{outer}/{os.getpid()}.{time.time_ns()}"
        self.taps = taps()
        self.folders = FOLDERS if self._separate() else {}

    @staticmethod
    def _separate():
        """@return False without the right to; then nor has a suite."""
        libc = ctypes.CDLL(None, use_errno=True)
        if os.geteuid() != 0 or libc.unshare(CLONE_NEWNS) != 0:
            return False
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        for folder in FOLDERS:
            Path(folder).mkdir(exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755",
                            "sallyport-tests", folder], check=True)
        return True

    def environment(self):
        return {VARIABLE: self.mark}

    def processes(self):
        """Those of the suites that live."""
        mark = f"{VARIABLE}={self.mark}".encode()
        return {int(path.parent.name): read(path.parent / "comm").decode(
                    "utf-8", "replace").strip()
                for path in Path("/proc").glob("[0-9]*/environ")
                if mark in read(path)}

    def _look(self):
        found = [f"process {pid} ({name})"
                 for pid, name in self.processes().items()]
        found += [f"{what} {path.name}" for folder, what in self.folders.items()
                  for path in Path(folder).iterdir()]
        found += [f"TAP device {name}" for name in taps() - self.taps
                  if not tap_is_held(name)]
        return found

    def left(self):
        """@return what is left, one line each."""
        end = time.monotonic() + PATIENCE
        while (found := self._look()) and time.monotonic() < end:
            time.sleep(0.2)
        return found

    def end_processes(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
