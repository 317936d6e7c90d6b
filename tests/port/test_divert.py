# SPDX-License-Identifier: Apache-2.0
"""A sallyport-media of a few lines against the real dataplane, through real
ports: what it is sent, what it sends, and what becomes of it."""

import array
import fcntl
import mmap
import os
import select
import socket
import struct
import time

import pytest

from rig import eventually
from test_media import ACCESS4, TRUNK4, Control, Phone

GREETING = struct.Struct("=IIIIIIQ")
ITEM = struct.Struct("=QQIHBBQ")
PAGE, SLOT = 4096, 2048
COPY, TAKE = 1, 2
RTP = 1
GENERATION = 5
F_GET_SEALS, SEALED = 1034, 0x0007  # SEAL, SHRINK, GROW


class Media:
    """As abi/divert.h has it."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        fds = array.array("i")
        said, rest, _, _ = self.socket.recvmsg(
            GREETING.size, socket.CMSG_SPACE(2 * fds.itemsize))
        fds.frombytes(rest[0][2])
        (self.magic, self.version, self.workers, self.slots, slot, _,
         size) = GREETING.unpack(said)
        assert (self.magic, self.version, slot) == (0x56494453, 1, SLOT)
        memory, self.event = fds
        assert fcntl.fcntl(memory, F_GET_SEALS) == SEALED
        assert os.fstat(memory).st_size == size
        self.memory = mmap.mmap(memory, size)
        os.close(memory)
        self.got = self.put = 0

    def ring(self, way):
        stride = -(-(128 + self.slots * SLOT) // PAGE) * PAGE
        return PAGE + way * stride  # the one worker's

    def take(self):
        """The next packet, or None."""
        base = self.ring(0)
        put, = struct.unpack_from("=I", self.memory, base)
        if put == self.got:
            return None
        at = base + 128 + (self.got % self.slots) * SLOT
        item = ITEM.unpack_from(self.memory, at)
        data = bytes(self.memory[at + 32:at + 32 + item[3]])
        self.got += 1
        struct.pack_into("=I", self.memory, base + 64, self.got)
        return item, data

    def give(self, stream, generation, data, kind=RTP):
        base = self.ring(1)
        at = base + 128 + (self.put % self.slots) * SLOT
        ITEM.pack_into(self.memory, at, stream, 0, generation, len(data), kind,
                       0, 0)
        self.memory[at + 32:at + 32 + len(data)] = data
        self.put += 1
        struct.pack_into("=I", self.memory, base, self.put)

    def woken(self, seconds):
        ready, _, _ = select.select([self.event], [], [], seconds)
        if ready:
            os.read(self.event, 8)
        return bool(ready)

    def close(self):
        self.memory.close()
        os.close(self.event)
        self.socket.close()


@pytest.fixture
def way(rig):
    """One worker, two phones; alice's transport is 1, bob's is 2."""
    rig.config.write_text(rig.config.read_text().replace(
        "  media_ports:", f"  divert: {rig.folder}/divert.sock\n"
        "  divert_slots: 64\n  media_ports:"))
    rig.up()
    way = Way(rig)
    yield way
    way.close()


class Way:
    def __init__(self, rig):
        self.rig = rig
        self.control = Control(rig.folder / "dataplane.sock")
        self.alice = Phone(rig.access, "10.1.0.2", 4000)
        self.bob = Phone(rig.trunk, "10.2.0.2", 4002)
        self.control.transport(ACCESS4, 20000, ("10.1.0.2", 4000))
        self.control.transport(TRUNK4, 20002, ("10.2.0.2", 4002))
        self.media = Media(rig.folder / "divert.sock")
        self.spoken = []  # by alice

    def close(self):
        for x in (self.media, self.alice, self.bob, self.control.socket):
            x.close()

    def stream(self, source, to, how):
        self.id = self.control.stream(source, to, how, GENERATION)

    def give(self, data, generation=None):
        self.media.give(self.id, generation or GENERATION, data)

    def speak(self):
        self.spoken.append(self.alice.send(("10.1.0.1", 20000)))

    def says(self, data, phone):
        """What the phone hears of what sallyport-media says."""
        def once():
            self.give(data)
            try:
                return phone.socket.recv(4096)
            except TimeoutError: # its neighbour was still being looked for
                return None
        return eventually(once, "something from sallyport-media")

    def heard(self):
        """What sallyport-media gets of what alice says."""
        def once():
            self.speak()
            return self.media.woken(0.1) and self.media.take()
        item, data = eventually(once, "a packet for sallyport-media")
        assert data in self.spoken
        return item, data


def test_copy(way):
    way.stream(1, 2, COPY)
    item, data = way.heard()
    assert (item[0], item[2], item[4]) == (way.id, GENERATION, RTP)
    assert len(data) == 172

    def arrives():  # the first go while the neighbour is being looked for
        way.speak()
        try:
            return way.bob.socket.recv(4096) in way.spoken
        except TimeoutError:
            return False
    eventually(arrives, "the packet itself arrives")


def test_take(way):
    way.stream(1, 2, TAKE)
    way.heard()
    with pytest.raises(TimeoutError):
        way.bob.socket.recv(4096)
    said = struct.pack(">BBHII", 0x80, 8, 7, 160, 0xabcdef) + bytes(80)
    assert way.says(said, way.bob) == said
    way.give(said, GENERATION - 1)  # of an earlier use
    with pytest.raises(TimeoutError):
        way.bob.socket.recv(4096)


def test_loop(way):
    """A parked caller hears music."""
    way.stream(1, 1, TAKE)
    way.heard()
    said = struct.pack(">BBHII", 0x80, 0, 7, 160, 0xabcdef) + bytes(160)
    assert way.says(said, way.alice) == said


def test_another_comes(way):
    """A crash and a restart; then one that takes the place of another."""
    way.stream(1, 2, TAKE)
    way.heard()
    way.media.close()
    way.speak()
    for _ in range(2):
        before, way.media = way.media, Media(way.rig.folder / "divert.sock")
        way.heard()
    assert before.socket.recv(1) == b""
    before.close()


def test_it_is_woken_at_once(way):
    """From the phone's socket to the eventfd, the naps of an idle worker and the
    main lcore's turns included."""
    way.stream(1, 2, COPY)
    way.heard()
    delays = []
    for _ in range(50):
        time.sleep(0.02)
        before = time.monotonic()
        way.alice.send(("10.1.0.1", 20000))
        assert way.media.woken(5)
        delays.append(time.monotonic() - before)
        while way.media.take():
            pass
    delays.sort()
    print(f"ms: median {1000 * delays[25]:.2f}, most {1000 * delays[-1]:.2f}")
