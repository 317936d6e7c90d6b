# SPDX-License-Identifier: Apache-2.0
"""Control's side of dataplane/abi/abi.h, as far as the soak needs it, and the
dataplane's telemetry."""

import itertools
import json
import socket
import struct
import time
from dataclasses import dataclass

MAGIC, VERSION = 0x53414c59, 4
(HELLO, TRANSPORT_ADD, TRANSPORT_CHANGE, TRANSPORT_REMOVE, TRANSPORT_LIST,
 STREAM_ADD, STREAM_CHANGE, STREAM_REMOVE, STREAM_LIST, STREAM_STATS,
 PORT_LIST, VERDICT_LIST) = range(1, 13)
GREETING, DONE = 0x40, 0x41
STRICT, LEARN = 1, 2
RTCP_MUX = 1
MATCH_ANY, PT_KEEP = 1, 0xff
PLAIN = 0
KEY_OCTETS = {0x0001: (16, 14), 0x0007: (16, 12), 0x0008: (32, 12),
              0x0103: (32, 14)}

HEADER = struct.Struct("=IHHII")
ADDR = struct.Struct("=BBH16s")
KEY = struct.Struct("=QQHB5x8s32s14s2x")
TRANSPORT = struct.Struct("=QQBBBBHBB20s20sII80s80sII")
STREAM = struct.Struct("=QQQIIBBBBIIBBBB16s2Q16s")
VERDICT = struct.Struct("=32s16s96sB7xQ")


class Refused(Exception):
    pass


@dataclass(frozen=True)
class Key:
    id: int
    suite: int
    secret: bytes  # master key and salt

    def pack(self):
        n, _ = KEY_OCTETS[self.suite]
        return KEY.pack(self.id, 0, self.suite, 0, b"", self.secret[:n],
                        self.secret[n:])


def pack_addr(host, port):
    six = ":" in host
    octets = socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, host)
    return ADDR.pack(6 if six else 4, 128 if six else 32, port, octets)


class Dataplane:
    """One connection. Requests wait for their reply; events are counted."""

    def __init__(self, path, patience=20):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(patience)
        self.socket.connect(str(path))
        self.seq = itertools.count(1)
        self.events = 0
        self.ask(HELLO, b"soak".ljust(32, b"\0"), GREETING)

    def close(self):
        self.socket.close()

    def ask(self, kind, body=b"", last=DONE):
        """@return the bodies of the items that came before the last."""
        seq = next(self.seq)
        self.socket.sendall(HEADER.pack(MAGIC, VERSION, kind, seq, len(body)) +
                            body)
        items = []
        while True:
            got = self.socket.recv(4096)
            _, _, said, of, _ = HEADER.unpack_from(got)
            if of != seq:
                self.events += 1
            elif said != last:
                items.append(got[HEADER.size:])
            else:
                break
        if last == DONE:
            status, _, text = struct.unpack_from("=II96s", got, HEADER.size)
            if status:
                raise Refused(text.rstrip(b"\0").decode())
        return items

    def transport(self, id, media, port, peer, rx=None, tx=None, change=False,
                  source=STRICT, pps=0):
        nobody = bytes(ADDR.size)
        plain = bytes(KEY.size)
        self.ask(TRANSPORT_CHANGE if change else TRANSPORT_ADD, TRANSPORT.pack(
            id, id, media, RTCP_MUX, source, 46, port, 0, 0, pack_addr(*peer),
            nobody, pps, 0, rx.pack() if rx else plain,
            tx.pack() if tx else plain, 0, 1000))

    def stream(self, id, source, to, blocked=False, change=False):
        self.ask(STREAM_CHANGE if change else STREAM_ADD, STREAM.pack(
            id, source, to, 0, 0, MATCH_ANY, 0, PT_KEEP, blocked, 8000,
            0, 0, 0, 0, 0, b"", 0, 0, b""))

    def remove(self, kind, id):
        self.ask(kind, struct.pack("=Q", id))

    def verdicts(self):
        counts = (VERDICT.unpack_from(v) for v in self.ask(VERDICT_LIST))
        return {name.rstrip(b"\0").decode(): n
                for name, _, _, _, n in counts}


class Telemetry:
    """DPDK's: packets and flows."""

    def __init__(self, tag):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(20)
        self.socket.connect(f"/var/run/dpdk/{tag}/dpdk_telemetry.v2")
        self.socket.recv(1024)  # who answers

    def close(self):
        self.socket.close()

    def ask(self, command):
        self.socket.send(command.encode())
        return json.loads(self.socket.recv(16384))[command]

    def packets_in_use(self):
        pool = self.ask("/sallyport/buffers")
        return pool["size"] - pool["free"]

    def packets_at_rest(self):
        """The fewest of some looks: a worker may just have one in its hands."""
        seen = []
        for _ in range(25):
            seen.append(self.packets_in_use())
            time.sleep(0.02)
        return min(seen)

    def flows(self):
        """@return transports, streams, octets that they take."""
        return self.ask("/sallyport/flows")
