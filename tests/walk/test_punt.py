# SPDX-License-Identifier: Apache-2.0
"""STUN and DTLS of media ports through the real program: to control and back,
in both families, limited; and gone when nobody is there to hear them."""

import os
import socket
import struct
import time

import pytest

import abi
from abi import Refused
from gate import (ACCESS4, ACCESS6, FAR, NEAR, OURS, TRUNK4, carries, rtp)
from rig import eventually

SP_INJECT, SP_PUNTED = 16, 0x49
DROP, CONTROL = 0, 1
DATAGRAM = struct.Struct("=Q20sBBH1500s4s")
STUN = b"\x00\x01\x00\x00\x21\x12\xa4\x42"
DTLS = b"\x16\xfe\xfd"


def transport(control, id, media, port, peer, stun=CONTROL, dtls=CONTROL,
              flags=abi.RTCP_MUX, change=False):
    nobody, plain = bytes(abi.ADDR.size), bytes(abi.KEY.size)
    control.ask(abi.TRANSPORT_CHANGE if change else abi.TRANSPORT_ADD,
                abi.TRANSPORT.pack(id, id, media, flags, abi.STRICT, 46, port,
                                   stun, dtls, abi.pack_addr(*peer), nobody,
                                   0, 0, plain, plain, 0, 0))


def punted(control, patience=2.0):
    """What comes unasked: transport, source, rtcp, octets."""
    control.socket.settimeout(patience)
    try:
        while True:
            got = control.socket.recv(4096)
            _, _, kind, seq, size = abi.HEADER.unpack_from(got)
            if kind == SP_PUNTED:
                break
    except TimeoutError:
        return None
    assert (seq, size) == (0, DATAGRAM.size)
    id, addr, rtcp, spare, n, data, rest = DATAGRAM.unpack_from(
        got, abi.HEADER.size)
    family, _, port, octets = abi.ADDR.unpack(addr)
    host = socket.inet_ntop(socket.AF_INET6, octets) if family == 6 else \
        socket.inet_ntop(socket.AF_INET, octets[:4])
    assert not any(data[n:]) and not any(rest) and spare == 0
    return id, (host, port), rtcp, data[:n]


def inject(control, id, to, data, rtcp=0, **wrong):
    body = DATAGRAM.pack(id, abi.pack_addr(*to), rtcp, wrong.get("spare", 0),
                         wrong.get("len", len(data)), data, bytes(4))
    control.ask(SP_INJECT, body)


@pytest.fixture
def open_gate(gate):
    return gate.up()


@pytest.mark.parametrize("version", (4, 6))
@pytest.mark.parametrize("first", (STUN, DTLS))
@pytest.mark.parametrize("size", (8, 1472 - 20))
def test_there_and_back(open_gate, version, first, size):
    g = open_gate
    transport(g.control, 7, ACCESS4 if version == 4 else ACCESS6, 20000,
              (NEAR[version], 4000))
    # Not the signalled port: ICE finds out where a peer is.
    phone = g.phone(g.rig.access, NEAR[version], 4567)
    asked = first + os.urandom(size - len(first))
    phone.sendto(asked, (OURS[version], 20000))
    assert punted(g.control) == (7, (NEAR[version], 4567), 0, asked)
    answer = first + os.urandom(size)[len(first):]

    def back():
        inject(g.control, 7, (NEAR[version], 4567), answer)
        try:
            return phone.recvfrom(2000)
        except TimeoutError:
            return None
    data, peer = eventually(back, "the answer")
    assert data == answer and peer[:2] == (OURS[version], 20000)
    assert g.control.verdicts()["control"] == 1


def test_the_rtcp_port(open_gate):
    g = open_gate
    transport(g.control, 7, ACCESS4, 20000, (NEAR[4], 4000), flags=0)
    phone = g.phone(g.rig.access, NEAR[4], 4001)
    phone.sendto(STUN, (OURS[4], 20001))
    assert punted(g.control) == (7, (NEAR[4], 4001), 1, STUN)

    def back():
        inject(g.control, 7, (NEAR[4], 4001), DTLS, rtcp=1)
        try:
            return phone.recvfrom(2000)
        except TimeoutError:
            return None
    assert eventually(back, "the answer") == (DTLS, (OURS[4], 20001))


def test_each_by_its_own_rule(open_gate):
    g = open_gate
    transport(g.control, 7, ACCESS4, 20000, (NEAR[4], 4000), dtls=DROP)
    phone = g.phone(g.rig.access, NEAR[4], 4000)
    phone.sendto(DTLS, (OURS[4], 20000))
    phone.sendto(STUN, (OURS[4], 20000))
    assert punted(g.control)[3] == STUN
    transport(g.control, 7, ACCESS4, 20000, (NEAR[4], 4000), stun=DROP,
              change=True)
    phone.sendto(STUN, (OURS[4], 20000))
    phone.sendto(DTLS, (OURS[4], 20000))
    assert punted(g.control)[3] == DTLS
    assert g.control.verdicts()["not-rtp"] == 2


def test_a_flood_of_one_port_takes_nothing_from_another(open_gate):
    g = open_gate
    transport(g.control, 7, ACCESS4, 20000, (NEAR[4], 4000))
    transport(g.control, 8, ACCESS4, 20002, (NEAR[4], 4002))
    flood = g.phone(g.rig.access, NEAR[4], 4000)
    other = g.phone(g.rig.access, NEAR[4], 4002)
    for i in range(400):
        flood.sendto(STUN + bytes([i & 255]), (OURS[4], 20000))
    other.sendto(DTLS, (OURS[4], 20002))
    heard = []
    while (got := punted(g.control, 0.5)) is not None:
        heard.append(got)
    by = [id for id, *_ in heard]
    # Half a second's worth, or the least burst, and what a slow machine adds.
    assert by.count(8) == 1
    assert 33 <= by.count(7) < 200
    verdicts = g.control.verdicts()
    assert verdicts["rate"] == 400 - by.count(7)
    assert verdicts["control"] == len(heard)


def test_without_control_nothing_piles_up(open_gate):
    g = open_gate
    transport(g.control, 7, ACCESS4, 20000, (NEAR[4], 4000))
    g.control.transport(8, TRUNK4, 20000, (FAR[4], 6000))
    g.control.stream(9, 7, 8)
    g.control.close()
    phone = g.phone(g.rig.access, NEAR[4], 4000)
    far = g.phone(g.rig.trunk, FAR[4], 6000)
    telemetry = abi.Telemetry(g.rig.tag)
    with telemetry.socket:
        used = telemetry.packets_in_use()
        end = time.monotonic() + 2
        while time.monotonic() < end:
            phone.sendto(STUN, (OURS[4], 20000))
            time.sleep(0.005)
        carries(phone, (OURS[4], 20000), far, rtp(1))
        eventually(lambda: telemetry.packets_in_use() <= used + 32,
                   "buffers come back")
    g.control = abi.Dataplane(g.rig.folder / "dataplane.sock")
    verdicts = g.control.verdicts()
    assert verdicts["control"] >= 100 and verdicts["control-full"] == 0
    phone.sendto(STUN + b"new", (OURS[4], 20000))
    assert punted(g.control)[3] == STUN + b"new"


def test_what_may_not_be_sent(open_gate):
    g = open_gate
    transport(g.control, 7, ACCESS4, 20000, (NEAR[4], 4000))
    to = (NEAR[4], 4000)
    for says, id, peer, data, more in (
            ("id:", 8, to, STUN, {}),
            ("len:", 7, to, b"", {}),
            ("len:", 7, to, STUN, {"len": 1501}),
            ("addr:", 7, (NEAR[6], 4000), STUN, {}),
            ("addr:", 7, (NEAR[4], 0), STUN, {}),
            ("addr:", 7, ("255.255.255.255", 4000), STUN, {}),
            ("rtcp:", 7, to, STUN, {"rtcp": 2}),
            ("rtcp:", 7, to, STUN, {"spare": 1})):
        with pytest.raises(Refused, match=says):
            inject(g.control, id, peer, data, **more)
