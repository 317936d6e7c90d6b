# SPDX-License-Identifier: Apache-2.0
"""The two neighbours of sallyport-media, as its tests need them: a dataplane
that is nothing but rings (dataplane/abi/divert.h, in its own words), and a
control that is nothing but a socket (control/media/protocol.h)."""

import json
import mmap
import os
import select
import socket
import struct
import time

MAGIC, VERSION, SLOT, SLOTS, PAGE = 0x56494453, 1, 2048, 1024, 4096
RING = 128  # put and got, a cache line each
ITEM = struct.Struct("=QQIHBBQ")
RTP, RTCP = 1, 2

# fcntl's, which Python has names for only in part.
F_ADD_SEALS, SEALS = 1033, 1 | 2 | 4


class Dataplane:
    """One worker's rings."""

    def __init__(self, path):
        self.path = str(path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.peer = None

    def accept(self, timeout=10):
        import fcntl
        self.listener.settimeout(timeout)
        self.peer, _ = self.listener.accept()
        stride = (RING + SLOTS * SLOT + PAGE - 1) // PAGE * PAGE
        size = PAGE + 2 * stride
        fd = os.memfd_create("rings", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, size)
        fcntl.fcntl(fd, F_ADD_SEALS, SEALS)
        self.memory = mmap.mmap(fd, size)
        self.wake = os.eventfd(0)
        self.out, self.back = PAGE, PAGE + stride
        self.sent = self.got = 0
        greeting = struct.pack("=IIIIIIQ", MAGIC, VERSION, 1, SLOTS, SLOT, 0,
                               size)
        socket.send_fds(self.peer, [greeting], [fd, self.wake])
        os.close(fd)

    def leave(self):
        self.peer.close()
        self.peer = None

    def close(self):
        if self.peer:
            self.leave()
        self.listener.close()
        os.unlink(self.path)

    def put(self, stream, generation, packet, kind=RTP):
        at = self.out + RING + self.sent % SLOTS * SLOT
        self.memory[at:at + ITEM.size] = ITEM.pack(
            stream, time.monotonic_ns(), generation, len(packet), kind, 0, 0)
        self.memory[at + ITEM.size:at + ITEM.size + len(packet)] = packet
        self.sent += 1
        struct.pack_into("=I", self.memory, self.out, self.sent & 0xffffffff)
        os.eventfd_write(self.wake, 1)

    def get(self):
        """All that came back: (stream, generation, kind, packet)."""
        items = []
        put, = struct.unpack_from("=I", self.memory, self.back)
        while self.got != put:
            at = self.back + RING + self.got % SLOTS * SLOT
            stream, _, generation, n, kind, _, _ = ITEM.unpack(
                self.memory[at:at + ITEM.size])
            items.append((stream, generation, kind,
                          self.memory[at + ITEM.size:at + ITEM.size + n]))
            self.got += 1
        struct.pack_into("=I", self.memory, self.back + 64,
                         self.got & 0xffffffff)
        return items


class Control:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(str(path))
        self.socket.settimeout(10)
        self.seq = 0
        self.events = []
        self.fds = []

    def close(self):
        self.socket.close()

    def receive(self):
        data, fds, _, _ = socket.recv_fds(self.socket, 1 << 17, 1)
        self.fds += fds
        if not data:
            raise EOFError
        return json.loads(data)

    def raw(self, text):
        self.socket.send(text)
        while True:
            j = self.receive()
            if "event" not in j:
                return j
            self.events.append(j)

    def ask(self, do, **fields):
        self.seq += 1
        j = self.raw(json.dumps({"seq": self.seq, "do": do,
                                 **fields}).encode())
        assert j["seq"] == self.seq
        return j

    def do(self, do, **fields):
        j = self.ask(do, **fields)
        assert j["ok"], j
        return j

    def event(self, name, timeout=10):
        """The next of that name."""
        end = time.monotonic() + timeout
        while True:
            for i, e in enumerate(self.events):
                if e["event"] == name:
                    return self.events.pop(i)
            left = end - time.monotonic()
            assert left > 0, f"no event {name}; there were {self.events}"
            if select.select([self.socket], [], [], left)[0]:
                self.events.append(self.receive())
