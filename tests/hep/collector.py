# SPDX-License-Identifier: Apache-2.0
"""Collectors: a HEP3 parser of our own, and sngrep."""

import struct
import subprocess
from pathlib import Path

from lab.process import run, wait_until

# chunk types of vendor 0
SOURCE, TO, SOURCE_PORT, TO_PORT, SECONDS, KIND, ID, PASSWORD, PAYLOAD, \
    CORRELATION = 3, 4, 7, 8, 9, 11, 12, 14, 15, 17
SIP, RTCP_JSON = b"\x01", b"\x05"


def parse(data):
    """A packet's chunks, by type."""
    assert data[:4] == b"HEP3"
    assert struct.unpack("!H", data[4:6])[0] == len(data)
    chunks, at = {}, 6
    while at < len(data):
        vendor, kind, size = struct.unpack("!HHH", data[at:at + 6])
        assert vendor == 0 and size >= 6 and kind not in chunks
        chunks[kind] = data[at + 6:at + size]
        at += size
    assert at == len(data)
    return chunks


class Sngrep:
    """The real collector, without its screen: it listens at address and writes
    the calls that it finds into a file."""

    def __init__(self, address, pcap, namespace=None):
        self.address, self.pcap = address, Path(pcap)
        self.inside = ["ip", "netns", "exec", namespace] if namespace else []
        self.process = None

    def __enter__(self):
        host, port = self.address
        self.process = subprocess.Popen(
            [*self.inside, "sngrep", "-N", "-q", "-L", f"udp:{host}:{port}",
             "-O", str(self.pcap)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until("sngrep to listen", 10, self._listens)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _listens(self):
        assert self.running()
        where = f":{self.address[1]:04X}"
        table = run(*self.inside, "cat", "/proc/net/udp").stdout
        return any(line.split()[1].endswith(where)
                   for line in table.splitlines()[1:])

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)

    def running(self):
        return self.process.poll() is None

    def wait(self, *words):
        """Until it has written them all."""
        wait_until(f"sngrep to write {words}", 10, lambda: all(
            w in self.seen() for w in words))

    def seen(self):
        return self.pcap.read_bytes() if self.pcap.exists() else b""
