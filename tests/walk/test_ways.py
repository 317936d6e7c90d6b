# SPDX-License-Identifier: Apache-2.0
"""Ways through real ports, with the kernel of the other end as the judge: it
puts fragments together, believes answers, takes tags off."""

import errno
import functools
import socket
import time

import pytest
from scapy.all import ARP, ICMP, IP, UDP, Dot1Q, Ether, IPv6, raw

from abi import Refused
from gate import (ACCESS4, ACCESS6, FAR, MAC, NEAR, OURS, TRUNK4, TRUNK6, TRUNK_OURS,
                  Wire, carries, rtp)
from rig import eventually

MEDIA = {("access", 4): ACCESS4, ("access", 6): ACCESS6, ("trunk", 4): TRUNK4,
         ("trunk", 6): TRUNK6}
IP_MTU_DISCOVER, IP_MTU, IP_PMTUDISC_DO = 10, 14, 2
IPV6_MTU_DISCOVER, IPV6_MTU = 23, 24


def pair(gate, near_version, far_version):
    """Phones on both sides, bridged; @return them and where each sends to."""
    near = gate.phone(gate.rig.access, NEAR[near_version], 4000)
    far = gate.phone(gate.rig.trunk, FAR[far_version], 6000)
    gate.bridge(1, (MEDIA["access", near_version], 20000,
                    (NEAR[near_version], 4000)),
                (MEDIA["trunk", far_version], 20002, (FAR[far_version], 6000)))
    return near, (OURS[near_version], 20000), far, (TRUNK_OURS[far_version],
                                                    20002)


@pytest.mark.parametrize("near_version", (4, 6))
@pytest.mark.parametrize("far_version", (4, 6))
def test_families_both_ways(gate, near_version, far_version):
    gate.up()
    near, at_near, far, at_far = pair(gate, near_version, far_version)
    for size in 0, 1, 160, 1201:
        carries(near, at_near, far, rtp(size + 1, bytes(size)))
        carries(far, at_far, near, rtp(size + 1, bytes(size)))
    for s, peer in (near, at_near), (far, at_far):
        s.setblocking(False)
        with pytest.raises(BlockingIOError):
            s.recv(100)  # once each
        s.settimeout(0.2)
        name = near if s is near else far
        other, to = (far, at_far) if s is near else (near, at_near)
        other.sendto(rtp(9), to)
        assert name.recvfrom(2000)[1][:2] == peer


@pytest.mark.parametrize("version", (4, 6))
def test_fragments_that_the_far_kernel_puts_together(gate, version):
    """Access takes 1,500 octets, the trunk 1,400."""
    gate.option("trunk0", "too_big: fragment")
    gate.up()
    near, at_near, far, _ = pair(gate, version, version)
    wire = Wire(gate.rig.trunk, gate.rig.trunk.name)
    head = 28 if version == 4 else 48
    for i, size in enumerate((1400 - head - 12, 1400 - head - 11,
                              1500 - head - 12)):
        carries(near, at_near, far, rtp(i, bytes(size)))
    longest = max(len(f) for f in wire.heard() if Ether(f).haslayer(
        IP if version == 4 else IPv6))
    assert 1400 - 8 < longest - 14 <= 1400
    assert gate.control.verdicts()["too-big"] == 0


@pytest.mark.parametrize("version", (4, 6))
def test_the_near_kernel_hears_what_fits(gate, version):
    gate.up()
    near, at_near, far, _ = pair(gate, version, version)
    level, discover, mtu = (socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_MTU) \
        if version == 4 else (socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_MTU)
    carries(near, at_near, far, rtp(1))
    near.setsockopt(level, discover, IP_PMTUDISC_DO)
    near.connect(at_near)
    assert near.getsockopt(level, mtu) == 1500
    head = 28 if version == 4 else 48

    def told():
        try:
            near.send(rtp(2, bytes(1500 - head - 12)))
        except OSError as e:
            assert e.errno == errno.EMSGSIZE
        return near.getsockopt(level, mtu) == 1400
    eventually(told, "the kernel knows of 1,400 octets")
    near.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    near.send(rtp(3, bytes(1400 - head - 12)))
    assert len(far.recv(2000)) == 1400 - head
    assert gate.control.verdicts()["too-big"] >= 1


def test_drop_tells_nobody(gate):
    gate.option("trunk0", "too_big: drop")
    gate.up()
    near, at_near, far, _ = pair(gate, 4, 4)
    carries(near, at_near, far, rtp(1))
    wire = Wire(gate.rig.access, gate.rig.access.name)
    near.sendto(rtp(2, bytes(1450)), at_near)
    eventually(lambda: gate.control.verdicts()["too-big"] == 1, "too-big")
    carries(near, at_near, far, rtp(3))
    assert not any(ICMP in Ether(f) for f in wire.heard())


def test_a_port_on_a_tagged_network(gate):
    """The test is the switch and the phone of VLAN 7."""
    gate.option("access0", "vlan: 7")
    gate.up()
    rig, mac = gate.rig, "02:00:00:00:00:99"
    wire = Wire(rig.access, rig.access.name)

    def frame(vlan, packet, dst=MAC):
        tag = [] if vlan is None else [Dot1Q(vlan=vlan)]
        return raw(functools.reduce(lambda a, b: a / b,
                                    [Ether(src=mac, dst=dst), *tag, packet]))

    def answers(match):
        return [f for f in map(Ether, wire.heard(0.2)) if match(f)]

    # The kernel's own packets come and go with the tag, whole MTUs of them.
    question = ARP(hwsrc=mac, psrc=NEAR[4], pdst=OURS[4])
    wire.send(frame(7, question, "ff:ff:ff:ff:ff:ff"))
    reply = eventually(lambda: answers(lambda f: ARP in f and f.dst == mac),
                       "an answer to ARP")[0]
    assert reply[Dot1Q].vlan == 7 and reply[ARP].hwsrc == MAC
    ping = IP(src=NEAR[4], dst=OURS[4]) / ICMP() / bytes(1500 - 28)
    wire.send(frame(7, ping))
    echo = eventually(lambda: answers(lambda f: ICMP in f), "an echo")[0]
    assert echo[Dot1Q].vlan == 7 and echo[IP].len == 1500

    # Media, both ways.
    rig.gateway.ip("neigh", "replace", NEAR[4], "lladdr", mac, "dev",
                   "access0", "nud", "permanent")
    far = gate.phone(rig.trunk, FAR[6], 6000)
    gate.bridge(1, (ACCESS4, 20000, (NEAR[4], 4000)),
                (TRUNK6, 20002, (FAR[6], 6000)))
    media = IP(src=NEAR[4], dst=OURS[4]) / UDP(sport=4000, dport=20000) / \
        rtp(5)

    def passes():
        wire.send(frame(7, media))
        try:
            return far.recv(2000) == rtp(5)
        except TimeoutError:
            return False
    eventually(passes, "media with the tag")
    far.sendto(rtp(6), (TRUNK_OURS[6], 20002))
    came = eventually(lambda: answers(lambda f: UDP in f and
                                      f[UDP].sport == 20000), "media back")[0]
    assert (came[Dot1Q].vlan, came.dst) == (7, mac)
    assert raw(came[UDP].payload) == rtp(6)

    # What is not of VLAN 7 is not the port's, the kernel's question neither.
    before = gate.control.verdicts()
    for other in None, 8:
        wire.send(frame(other, media))
        wire.send(frame(other, question, "ff:ff:ff:ff:ff:ff"))
    eventually(lambda: gate.control.verdicts()["not-for-us"] >=
               before["not-for-us"] + 4, "not for us")
    assert not answers(lambda f: ARP in f and f[ARP].op == 2)
    with pytest.raises(TimeoutError):
        far.recv(2000)


@pytest.mark.parametrize("line, says", (
    ("rest: never", ""), ("rest: always", ""), ("rest: power", "rest: power"),
    ("rx_burst: 4", ""), ("rx_burst: 31", "")))
def test_ways_to_poll(gate, line, says):
    """However a worker polls and rests, media passes, bursts of it too."""
    gate.change("  memory: 128\n", f"  memory: 128\n  {line}\n")
    gate.option("trunk0", "queues: 1")
    gate.up()
    near, at_near, far, at_far = pair(gate, 4, 4)
    for n in range(3):
        carries(near, at_near, far, rtp(1000 * n))
        carries(far, at_far, near, rtp(1000 * n))
        time.sleep(0.2)  # idle enough to rest
        for i in range(60):
            near.sendto(rtp(1000 * n + 1 + i), at_near)
        got = [far.recv(2000) for _ in range(60)]
        assert got == [rtp(1000 * n + 1 + i) for i in range(60)]
    # A CPU that can't wait for a moment is named, and sleeps.
    log = gate.rig.log.read_text()
    assert ("rest: power" in log) <= (says != "")


def test_what_may_not_be(gate):
    """Unicast peers of the address's family only."""
    gate.up()
    for media, peer in ((ACCESS4, (NEAR[6], 1)), (ACCESS6, (NEAR[4], 1)),
                        (ACCESS4, ("224.0.0.1", 1)), (ACCESS6, ("ff02::1", 1)),
                        (ACCESS4, ("127.0.0.1", 1))):
        with pytest.raises(Refused, match="peer_rtp"):
            gate.control.transport(9, media, 20000, peer)


def test_the_configuration_says_what_is_wrong(gate):
    gate.option("trunk0", "too_big: perhaps")
    gate.rig.start("--check")
    assert gate.rig.process.wait(20) == 2
    said = gate.rig.log.read_text()
    assert "too_big: expected icmp, fragment or drop" in said, said
