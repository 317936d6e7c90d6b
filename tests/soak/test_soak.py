# SPDX-License-Identifier: Apache-2.0
"""Calls come and go through the real dataplane while media flows, keys change
and control comes and goes; in the end no packet buffer and no flow is left.

SOAK_SECONDS says for how long (`make soak`: minutes). Each call goes through
the gateway twice, so that the phones need no SRTP: plain from one phone, sealed
to a far end that sends it straight back to another port, opened there, plain
to the other phone:

    phone -> a [seal] b -> far end -> c [open] d -> phone

What comes out is compared with what went in."""

import os
import random
import select
import socket
import struct
import sys
import time
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "port"),
                str(Path(__file__).resolve().parent)]

import abi  # noqa: E402
from abi import Dataplane, Key, Telemetry  # noqa: E402
from rig import Rig, eventually  # noqa: E402

SECONDS = float(os.environ.get("SOAK_SECONDS", 15))
CALLS = 20  # at a time
ACCESS4, TRUNK4 = 0, 2  # media addresses in the rig's configuration
ACCESS, TRUNK = ("10.1.0.1", "10.2.0.1")
PHONE, FAR = ("10.1.0.2", 4000), ("10.2.0.2", 6000)
FIRST_PORT, LAST_PORT = 20000, 20999
GROWTH = 8 << 20  # octets that the dataplane may grow after its first third
RTP = struct.Struct(">BBHII")


def udp(space, address):
    with space.inside():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    s.bind(address)
    s.setblocking(False)
    return s


class Call:
    """Four transports on the same two ports of both sides, two streams."""

    def __init__(self, number, ports, dice):
        self.number, self.ports, self.dice = number, ports, dice
        self.ids = range(10 * number + 1, 10 * number + 7)
        self.sent = self.heard = self.seq = 0
        self.blocked = False
        self.ends = time.monotonic() + dice.uniform(0.5, 4)
        self.suite = dice.choice(list(abi.KEY_OCTETS))
        self.keys = 10 * number
        self.new_key()

    def new_key(self):
        self.keys += 1
        n = sum(abi.KEY_OCTETS[self.suite])
        self.key = Key(self.keys, self.suite, self.dice.randbytes(n))

    def program(self, dp, change=False):
        a, b, c, d = self.ids[:4]
        near, far = self.ports
        dp.transport(b, TRUNK4, near, FAR, tx=self.key, change=change)
        dp.transport(c, TRUNK4, far, FAR, rx=self.key, change=change,
                     source=abi.LEARN)
        if change:
            return
        dp.transport(a, ACCESS4, near, PHONE, pps=1000)
        dp.transport(d, ACCESS4, far, PHONE)
        dp.stream(self.ids[4], a, b)
        dp.stream(self.ids[5], c, d)

    def remove(self, dp):
        for stream in self.ids[4:]:
            dp.remove(abi.STREAM_REMOVE, stream)
        for transport in self.ids[:4]:
            dp.remove(abi.TRANSPORT_REMOVE, transport)

    def hold(self, dp):
        self.blocked = not self.blocked
        dp.stream(self.ids[4], self.ids[0], self.ids[1], self.blocked,
                  change=True)

    def packet(self):
        self.seq += 1
        self.sent += 1
        octets = 12 + 20 * self.dice.randint(0, 50)
        head = RTP.pack(0x80, 0, self.seq & 0xffff, 160 * self.seq,
                        self.number)
        return (head + bytes([self.seq & 0xff])
                * octets)[:octets]


def intact(packet):
    seq = RTP.unpack_from(packet)[2]
    return packet[12:] == bytes([seq & 0xff]) * (len(packet) - 12)


class Soak:
    def __init__(self, rig):
        self.rig = rig
        self.dice = random.Random(f"soak {SECONDS}")
        self.socket = rig.folder / "dataplane.sock"
        self.phone = udp(rig.access, PHONE)
        self.far = udp(rig.trunk, FAR)
        self.calls, self.ended = {}, []
        self.free = list(range(FIRST_PORT, LAST_PORT, 4))
        self.numbers = 0
        self.alien = 0  # packets that no call of now sent
        self.damaged = 0
        self.dp = Dataplane(self.socket)

    def resident(self):
        for line in Path(f"/proc/{self.process()}/status").open():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) << 10
        raise AssertionError("no VmRSS")

    def process(self):
        return self.rig.process.pid

    def begin(self):
        self.numbers += 1
        port = self.free.pop(0)
        call = Call(self.numbers, (port, port + 2), self.dice)
        call.program(self.dp)
        self.calls[call.number] = call

    def end(self, call):
        call.remove(self.dp)
        self.free.append(call.ports[0])
        self.ended.append(self.calls.pop(call.number))

    def speak(self):
        for call in self.calls.values():
            for _ in range(3):
                self.phone.sendto(call.packet(), (ACCESS, call.ports[0]))

    def mischief(self):
        """What strangers send: all of it is dropped by some verdict."""
        call = self.dice.choice(list(self.calls.values()))
        for port in (*call.ports, self.dice.randrange(FIRST_PORT, LAST_PORT)):
            noise = self.dice.randbytes(self.dice.randint(0, 300))
            self.far.sendto(noise, (TRUNK, port))
            self.far.sendto(b"\x80" + noise, (TRUNK, port))

    def listen(self, seconds):
        """The far end sends back, the phone hears."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([self.far, self.phone], [], [], left)
            for s in ready:
                for _ in range(64):
                    try:
                        packet, source = s.recvfrom(2048)
                    except BlockingIOError:
                        break
                    self.far_end(packet, source) if s is self.far \
                        else self.hear(packet)

    def far_end(self, packet, source):
        self.far.sendto(packet, (TRUNK, source[1] + 2))

    def hear(self, packet):
        call = self.calls.get(RTP.unpack_from(packet)[4])
        if not call:
            self.alien += 1
            return
        call.heard += 1
        self.damaged += not intact(packet)

    def turn(self):
        now = time.monotonic()
        for call in [c for c in self.calls.values() if c.ends < now]:
            self.end(call)
        while len(self.calls) < CALLS:
            self.begin()
        self.speak()
        call = self.dice.choice(list(self.calls.values()))
        what = self.dice.random()
        if what < 0.1:  # a re-offer with new keys
            call.new_key()
            call.program(self.dp, change=True)
        elif what < 0.2:
            call.hold(self.dp)
        elif what < 0.3:
            self.mischief()
        elif what < 0.32:  # control restarts; media doesn't mind
            self.dp.close()
            self.dp = Dataplane(self.socket)
        self.listen(0.01)

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.turn()

    def finish(self):
        for call in list(self.calls.values()):
            self.end(call)
        self.listen(0.2)  # what is still under way


@pytest.fixture
def rig(tmp_path):
    r = Rig(tmp_path)
    yield r
    r.close()


def test_calls_come_and_go(rig):
    rig.up()
    telemetry = Telemetry(rig.tag)
    at_first = telemetry.flows()
    soak = Soak(rig)
    soak.run(0.5)  # neighbours are found, caches are filled
    soak.finish()
    in_use = telemetry.packets_at_rest()

    soak.run(SECONDS / 3)
    resident = soak.resident()
    soak.run(SECONDS * 2 / 3)
    grown = soak.resident() - resident
    soak.finish()

    calls = soak.ended
    sent, heard = sum(c.sent for c in calls), sum(c.heard for c in calls)
    print(f"{len(calls)} calls, {sent} packets sent, {heard} heard, "
          f"{soak.alien} late, grown by {grown >> 10} KiB")
    print({k: v for k, v in soak.dp.verdicts().items() if v})
    assert soak.damaged == 0
    assert soak.alien <= heard / 10
    # Some were on hold; none that wasn't is without media.
    assert heard > sent / 3
    assert all(c.heard for c in calls if c.sent > 300 and not c.blocked)

    assert soak.dp.ask(abi.TRANSPORT_LIST) == []
    assert soak.dp.ask(abi.STREAM_LIST) == []
    eventually(lambda: telemetry.flows() == at_first,
               f"as much memory in flows and keys as at first: {at_first}")
    assert grown < GROWTH
    eventually(lambda: telemetry.packets_in_use() == in_use,
               f"as many packets in use as before, {in_use}")
    telemetry.close()
    assert rig.stop() == 0
