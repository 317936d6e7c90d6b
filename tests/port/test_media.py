# SPDX-License-Identifier: Apache-2.0
"""Plain RTP from one port to another, by the way that the kernel's routes and
neighbours say. The test is control: it says so over the dataplane's socket, in
the words of dataplane/abi/abi.h."""

import signal
import socket
import struct
import time

import pytest

from rig import PATIENCE, eventually

VERSION = 4
HELLO, TRANSPORT_ADD, STREAM_ADD, PORT_LIST = 1, 2, 6, 11
GREETING, DONE, PORT_ITEM = 0x40, 0x41, 0x45
STRICT, RTCP_MUX, MATCH_ANY, PT_KEEP = 1, 1, 1, 0xff
HEADER = struct.Struct("=IHHII")
ADDR = struct.Struct("=BB2s16s")
TRANSPORT = struct.Struct("=QQBBBBHBB20s20sII80s80sII")
STREAM = struct.Struct("=QQQIIBBBBIIBBBB16s2Q16s")
PORT = struct.Struct("=16s16s32s6sBBHHQQQQQQQQ")


def pack_addr(host, port):
    six = ":" in host
    octets = socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, host)
    # The port in host byte order, as all of the abi.
    return ADDR.pack(6 if six else 4, 128 if six else 32,
                     struct.pack("=H", port), octets)


class Control:
    """One connection to the dataplane."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self.seq = self.last = 0
        self.ask(HELLO, b"test_media.py".ljust(32, b"\0"), GREETING)

    def ask(self, kind, body, answer=DONE):
        self.seq += 1
        self.socket.sendall(HEADER.pack(0x53414c59, VERSION, kind, self.seq,
                                        len(body)) + body)
        while True:
            got = self.socket.recv(4096)
            _, _, said, seq, _ = HEADER.unpack_from(got)
            if seq == self.seq:
                break
        assert said == answer
        if answer == DONE:
            status, _, text = struct.unpack_from("=II96s", got, HEADER.size)
            assert status == 0, text.rstrip(b"\0").decode()

    def transport(self, media, port, peer, pps=0):
        self.last += 1
        nobody = bytes(ADDR.size)
        self.ask(TRANSPORT_ADD, TRANSPORT.pack(
            self.last, 1, media, RTCP_MUX, STRICT, 46, port, 0, 0,
            pack_addr(*peer), nobody, pps, 0, bytes(80), bytes(80), 0, 0))
        return self.last

    def stream(self, source, to, divert=0, generation=0):
        self.last += 1
        self.ask(STREAM_ADD, STREAM.pack(
            self.last, source, to, 0, 0, MATCH_ANY, 0, PT_KEEP, 0, 8000,
            generation, divert, 0, 0, 0, b"", 0, 0, b""))
        return self.last

    def bridge(self, a, b, pps=0):
        first, second = (self.transport(*x, pps=pps) for x in (a, b))
        self.stream(first, second)
        self.stream(second, first)


# Media addresses in the order of the rig's configuration.
ACCESS4, ACCESS6, TRUNK4, TRUNK6 = range(4)
GATEWAY = ("10.1.0.1", "fd00:1::1", "10.2.0.1", "fd00:2::1")


class Phone:
    def __init__(self, space, host, port):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with space.inside():
            self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.socket.settimeout(0.1)
        self.count = 0

    def send(self, to):
        self.count += 1
        packet = struct.pack(">BBHII", 0x80, 0, self.count & 0xffff,
                             160 * self.count, 0x5a11) + bytes(160)
        self.socket.sendto(packet, to)
        return packet

    def close(self):
        self.socket.close()


def carries_one(sender, to, receiver):
    sent = sender.send(to)
    try:
        return receiver.socket.recv(4096) == sent
    except TimeoutError:
        return False


def carries(sender, to, receiver, source):
    """Send until one arrives as it was sent, from where it should."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        sent = sender.send(to)
        try:
            heard, peer = receiver.socket.recvfrom(4096)
        except TimeoutError:
            continue
        if heard == sent:
            assert peer[:2] == source
            return True
    return False


@pytest.fixture
def control(rig):
    rig.up()
    c = Control(rig.folder / "dataplane.sock")
    yield c
    c.socket.close()


def both_ways(control, a, b, a_media, b_media):
    """Bridge phones a and b by a port on each media address."""
    control.bridge((a_media, 20000, a.socket.getsockname()[:2]),
                   (b_media, 20002, b.socket.getsockname()[:2]))
    at_a, at_b = (GATEWAY[a_media], 20000), (GATEWAY[b_media], 20002)
    assert carries(a, at_a, b, at_b)
    assert carries(b, at_b, a, at_a)


def test_held_up(rig, control):
    """A machine that gives the dataplane no time for most of a second costs no
    packet, at the limit that control sets for a voice of 50 packets a second."""
    a, b = Phone(rig.access, "10.1.0.2", 4000), Phone(rig.trunk, "10.2.0.2",
                                                      4002)
    control.bridge((ACCESS4, 20000, ("10.1.0.2", 4000)),
                   (TRUNK4, 20002, ("10.2.0.2", 4002)), pps=150)
    at_gateway = (GATEWAY[ACCESS4], 20000)
    assert carries(a, at_gateway, b, (GATEWAY[TRUNK4], 20002))
    rig.process.send_signal(signal.SIGSTOP)
    try:
        sent = [a.send(at_gateway) for _ in range(45)]
    finally:
        rig.process.send_signal(signal.SIGCONT)
    b.socket.settimeout(PATIENCE)
    heard = []
    while len(heard) < len(sent):
        packet = b.socket.recv(4096)
        heard += [packet] if packet in sent else []
    assert heard == sent


@pytest.mark.parametrize("near, far, near_media, far_media", (
    ("10.1.0.2", "10.2.0.2", ACCESS4, TRUNK4),
    ("fd00:1::2", "fd00:2::2", ACCESS6, TRUNK6),
    ("10.1.0.2", "fd00:2::2", ACCESS4, TRUNK6),
))
def test_from_port_to_port(rig, control, near, far, near_media, far_media):
    both_ways(control, Phone(rig.access, near, 4000),
              Phone(rig.trunk, far, 4002), near_media, far_media)


def test_from_access_to_access(rig, control):
    rig.access.ip("addr", "add", "10.1.0.3/24", "dev", rig.access.name)
    both_ways(control, Phone(rig.access, "10.1.0.2", 4000),
              Phone(rig.access, "10.1.0.3", 4002), ACCESS4, ACCESS4)


def test_behind_a_router_that_changes(rig, control):
    rig.trunk.ip("addr", "add", "192.0.2.9/32", "dev", rig.trunk.name)
    rig.trunk.ip("addr", "add", "10.2.0.3/24", "dev", rig.trunk.name)
    rig.gateway.ip("route", "add", "192.0.2.0/24", "via", "10.2.0.2")
    near = Phone(rig.access, "10.1.0.2", 4000)
    far = Phone(rig.trunk, "192.0.2.9", 4002)
    both_ways(control, near, far, ACCESS4, TRUNK4)
    rig.gateway.ip("route", "replace", "192.0.2.0/24", "via", "10.2.0.3")
    assert carries(near, ("10.1.0.1", 20000), far, ("10.2.0.1", 20002))
    rig.gateway.ip("route", "replace", "unreachable", "192.0.2.0/24")
    eventually(lambda: not carries_one(near, ("10.1.0.1", 20000), far),
               "nothing arrives any more")
    rig.gateway.ip("route", "replace", "192.0.2.0/24", "via", "10.2.0.2")
    assert carries(near, ("10.1.0.1", 20000), far, ("10.2.0.1", 20002))


def test_to_a_phone_whose_mac_address_changes(rig, control):
    near = Phone(rig.access, "10.1.0.2", 4000)
    far = Phone(rig.trunk, "10.2.0.2", 4002)
    both_ways(control, near, far, ACCESS4, TRUNK4)
    rig.trunk.ip("link", "set", rig.trunk.name, "address",
                 "02:00:00:00:00:77")
    # A phone says so, as it does when it starts (RFC 5227 section 3).
    hello = bytes.fromhex("ffffffffffff" "020000000077" "0806" "0001080006040001"
                          "020000000077" "0a020002" "000000000000" "0a020002")
    with rig.trunk.inside():
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with wire:
        wire.bind((rig.trunk.name, 0))
        wire.send(hello)
    assert carries(near, ("10.1.0.1", 20000), far, ("10.2.0.1", 20002))


def test_a_control_that_goes_and_comes_back(rig, control):
    near = Phone(rig.access, "10.1.0.2", 4000)
    far = Phone(rig.trunk, "10.2.0.2", 4002)
    both_ways(control, near, far, ACCESS4, TRUNK4)
    control.socket.close()
    assert carries(near, ("10.1.0.1", 20000), far, ("10.2.0.1", 20002))
    Control(rig.folder / "dataplane.sock").socket.close()
    assert carries(near, ("10.1.0.1", 20000), far, ("10.2.0.1", 20002))
    assert rig.stop() == 0


def test_ports_are_described(rig, control):
    before = rig.log.read_text()
    control.seq += 1
    control.socket.sendall(
        HEADER.pack(0x53414c59, VERSION, PORT_LIST, control.seq, 0))
    ports = []
    while True:
        got = control.socket.recv(4096)
        _, _, said, seq, _ = HEADER.unpack_from(got)
        if seq == control.seq and said == PORT_ITEM:
            ports.append(PORT.unpack_from(got, HEADER.size))
        elif seq == control.seq:
            break
    texts = [[t.rstrip(b"\0").decode() for t in p[:3]] for p in ports]
    assert texts == [["access0", "access", "net_tap"],
                     ["trunk0", "trunk", "net_tap"]]
    mac, link_up, _, queues, mtu = ports[1][3:8]
    assert mac == bytes.fromhex("025350000102")
    assert (link_up, queues, mtu) == (1, 1, 1400)
    # Asking about an interface that has moved away must not fill the log.
    assert rig.log.read_text() == before
