# SPDX-License-Identifier: Apache-2.0
"""The walk against scapy: it makes each frame, and what ought to leave is made
by it as well, to the last octet, checksums included."""
import os
import pathlib
import random
import subprocess

import pytest
from scapy.all import (Dot1Q, Ether, IP, IPOption_Router_Alert, IPv6, Raw, UDP,
                       IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                       IPv6ExtHdrHopByHop, PadN, TCP, fragment, fragment6, raw)

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("B", ROOT / "build")) / "tests/walk-tool"
SEED = int(os.environ.get("SEED", "3550"))

MAC = "02:53:50:00:00:00"
PHONE = "02:00:00:00:00:99"
OURS = {4: "10.1.0.1", 6: "fd01::1"}
NEAR = {4: "10.1.0.7", 6: "fd01::7"}
GATE = {4: "10.2.0.1", 6: "fd02::1"}
FAR = {4: "10.2.0.7", 6: "fd02::7"}


def walk(frames):
    """What became of each frame."""
    text = "".join(f"0 {raw(f).hex()}\n" for f in frames)
    done = subprocess.run([TOOL], input=text, capture_output=True, text=True,
                          check=True, timeout=60)
    answers = done.stdout.split("\n")[:-1]
    assert len(answers) == len(frames)
    return answers


def rtp(rng, size=None):
    head = bytes([0x80, rng.randrange(64)]) + rng.randbytes(10)
    return head + rng.randbytes(rng.randrange(1300) if size is None else size)


def ip(version, **fields):
    kind = IP if version == 4 else IPv6
    return kind(src=NEAR[version], dst=OURS[version], **fields)


def arrives(version, port, payload, vlan=False, **fields):
    ether = Ether(src=PHONE, dst=MAC)
    if vlan:
        ether /= Dot1Q(vlan=7, prio=5)
    return ether / ip(version, **fields) / UDP(sport=4000, dport=port) / \
        Raw(payload)


def leaves(version, port, payload):
    """The same packet as the gateway ought to send it."""
    if version == 4:
        net = IP(src=GATE[4], dst=FAR[4], ttl=64, tos=46 << 2, flags="DF", id=0)
    else:
        net = IPv6(src=GATE[6], dst=FAR[6], hlim=64, tc=46 << 2)
    frame = Ether(src="02:53:50:00:00:01", dst="02:00:00:00:00:07") / net / \
        UDP(sport=port, dport=6000) / Raw(payload)
    return "1 " + raw(frame).hex()


def test_every_octet_of_what_leaves():
    rng = random.Random(SEED)
    print("seed", SEED)
    frames, want = [], []
    for _ in range(1500):
        version, port = rng.choice([4, 6]), rng.choice([20000, 20004])
        payload = rtp(rng)
        fields = {4: {"tos": rng.randrange(256), "ttl": rng.randrange(1, 256),
                      "id": rng.randrange(65536),
                      "flags": rng.choice(["", "DF"])},
                  6: {"tc": rng.randrange(256), "hlim": rng.randrange(1, 256),
                      "fl": rng.randrange(1 << 20)}}[version]
        frame = arrives(version, port, payload, rng.random() < 0.3, **fields)
        if rng.random() < 0.2:
            frame = Raw(raw(frame) + rng.randbytes(rng.randrange(1, 40)))
        frames.append(frame)
        want.append(leaves(version if port == 20000 else 10 - version, port,
                           payload))
    assert walk(frames) == want


def oddities():
    rng = random.Random(SEED)
    packet = rtp(rng, 160)
    four, six = ip(4), ip(6)
    udp = UDP(sport=4000, dport=20000) / Raw(packet)
    ether = Ether(src=PHONE, dst=MAC)
    big = UDP(sport=4000, dport=20000) / Raw(rtp(rng, 3000))
    yield "router alert", ether / ip(4, options=[IPOption_Router_Alert()]) / \
        udp, "kernel"
    pieces = fragment(four / big, 1000)
    yield "IPv4, first fragment", ether / pieces[0], "fragment"
    yield "IPv4, second fragment", ether / pieces[1], "kernel"
    yield "IPv4, last fragment", ether / pieces[-1], "kernel"
    pieces = fragment6(six / IPv6ExtHdrFragment(id=5) / big, 1000)
    yield "IPv6, first fragment", ether / pieces[0], "fragment"
    yield "IPv6, second fragment", ether / pieces[1], "kernel"
    yield "IPv6, hop by hop", ether / six / \
        IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0\0")]) / udp, "kernel"
    yield "IPv6, destination options", ether / six / \
        IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0\0")]) / udp, "kernel"
    yield "TCP to a media port", ether / four / TCP(dport=20000), "kernel"
    yield "two tags", ether / Dot1Q(vlan=1) / Dot1Q(vlan=2) / four / udp, \
        "kernel"
    yield "UDP checksum", ether / four / UDP(sport=4000, dport=20000,
                                             chksum=0x1234) / Raw(packet), \
        "checksum"
    yield "IP checksum", ether / ip(4, chksum=0x1234) / udp, "checksum"
    yield "UDP length short of a header", ether / four / \
        UDP(sport=4000, dport=20000, len=7) / Raw(packet), "malformed"
    yield "UDP length beyond", ether / four / \
        UDP(sport=4000, dport=20000, len=400) / Raw(packet), "malformed"
    yield "IPv6 length beyond", ether / ip(6, plen=400) / udp, "malformed"
    yield "IPv4 length beyond", ether / ip(4, len=400) / udp, "malformed"
    yield "no UDP checksum in IPv6", ether / six / \
        UDP(sport=4000, dport=20000, chksum=0) / Raw(packet), "checksum"
    yield "no UDP checksum in IPv4", ether / four / \
        UDP(sport=4000, dport=20000, chksum=0) / Raw(packet), \
        leaves(4, 20000, packet)
    yield "another port of the phone's host", ether / IP(
        src="10.1.0.8", dst=OURS[4]) / udp, "source"


@pytest.mark.parametrize("name,frame,want", list(oddities()),
                         ids=[name for name, _, _ in oddities()])
def test_oddities(name, frame, want):
    assert walk([frame]) == [want], name
