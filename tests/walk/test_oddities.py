# SPDX-License-Identifier: Apache-2.0
"""Odd packets, made by scapy, through a real port of the real program: each one
goes to the kernel, or is dropped with the verdict that it ought to get, or goes
on as it ought to. Nothing else ever comes out at the other side."""

import pytest
from scapy.all import (ARP, LLC, TCP, UDP, Dot1AD, Dot1Q, Ether, ICMP, IP,
                       IPOption_Router_Alert, IPOption_NOP, IPv6,
                       IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                       IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN, Raw,
                       fragment, fragment6, raw)

import abi
from gate import (ACCESS4, ACCESS6, FAR, MAC, NEAR, OURS, TRUNK4, TRUNK_MAC,
                  TRUNK_OURS, Gate, Wire, carries, rtp)
from rig import eventually

PHONE_MAC = "02:00:00:00:00:99"
MARK = b"this one is odd, and it is the only one that says so."
ODD = rtp(7, MARK + bytes(107))
# Counted for what the kernels of both ends say of their own accord, too.
NOISE = {"kernel", "not-for-us"}


def ether(dst=MAC):
    return Ether(src=PHONE_MAC, dst=dst)


def udp(**fields):
    return UDP(sport=4000, dport=20000, **fields)


def four(payload=ODD, src=NEAR[4], dst=OURS[4], frame=None, u=None, **fields):
    return (frame or ether()) / IP(src=src, dst=dst, **fields) / \
        (u or udp()) / Raw(payload)


def six(payload=ODD, src=NEAR[6], extension=None, u=None, **fields):
    net = IPv6(src=src, dst=OURS[6], **fields)
    return ether() / (net / extension if extension else net) / (u or udp()) / \
        Raw(payload)


def piece(packet, which, cut):
    """One fragment of a frame."""
    parts = cut(packet)
    assert len(parts) > 2
    return parts[which]


def bad_sum(packet, layer):
    """The same with its checksum off by one."""
    packet = Ether(raw(packet))
    packet[layer].chksum ^= 1
    return packet


def long_six():
    return ether() / IPv6(src=NEAR[6], dst=OURS[6]) / \
        IPv6ExtHdrFragment(id=5) / udp() / Raw(ODD + bytes(3000))


# Name, frame, the verdict that it gets.
DROPPED = (
    ("first fragment", piece(four(ODD + bytes(3000)), 0,
                             lambda p: fragment(p, 1000)), "fragment"),
    ("first fragment, IPv6",
     piece(long_six(), 0, lambda p: fragment6(p, 1300)), "fragment"),
    ("atomic fragment, IPv6", six(extension=IPv6ExtHdrFragment()), "fragment"),
    ("UDP longer than IP", four(u=udp(len=400)), "malformed"),
    ("UDP length 7", four(u=udp(len=7)), "malformed"),
    ("UDP length 0", four(u=udp(len=0)), "malformed"),
    ("UDP length 0, IPv6", six(u=udp(len=0)), "malformed"),
    ("UDP longer than IPv6", six(u=udp(len=400)), "malformed"),
    ("IP longer than the frame", four(len=1400), "malformed"),
    ("IP shorter than its header", four(len=19), "malformed"),
    ("IPv6 longer than the frame", six(plen=1400), "malformed"),
    ("IPv6 of 7 octets", six(plen=7), "malformed"),
    ("header length 4", four(ihl=4), "malformed"),
    ("header length 15, none there", four(ihl=15, len=40), "malformed"),
    ("version 5", four(version=5), "malformed"),
    ("IPv6 that says 4", six(version=4), "malformed"),
    ("cut in the IP header", raw(four())[:24], "malformed"),
    ("cut in the UDP header", raw(four(len=24))[:38], "malformed"),
    ("cut in the IPv6 header", raw(six())[:40], "malformed"),
    ("cut in the VLAN tag", raw(ether())[:12] + b"\x81\x00\x00", "malformed"),
    ("bad IP checksum", bad_sum(four(), IP), "checksum"),
    ("bad UDP checksum", bad_sum(four(), UDP), "checksum"),
    ("bad UDP checksum, IPv6", bad_sum(six(), UDP), "checksum"),
    ("no UDP checksum, IPv6", six(u=udp(chksum=0)), "checksum"),
    ("another's MAC address", four(frame=ether("02:53:50:00:01:77")),
     "not-for-us"),
    ("everybody's MAC address", four(frame=ether("ff:ff:ff:ff:ff:ff")),
     "not-for-us"),
    ("a group's MAC address", four(frame=ether("01:00:5e:01:00:01")),
     "not-for-us"),
    ("from loopback", four(src="127.0.0.1"), "source"),
    ("from ourselves", four(src=OURS[4]), "source"),
    ("from nowhere", four(src="0.0.0.0"), "source"),
    ("from everybody", four(src="255.255.255.255"), "source"),
    ("from a group", four(src="224.0.0.5"), "source"),
    ("from the other side", four(src=FAR[4]), "source"),
    ("from a neighbour", four(src="10.1.0.9"), "source"),
    ("from loopback, IPv6", six(src="::1"), "source"),
    ("from nowhere, IPv6", six(src="::"), "source"),
    ("from a group, IPv6", six(src="ff02::1"), "source"),
    ("from IPv4 in IPv6", six(src="::ffff:10.1.0.2"), "source"),
    ("from another port", four(u=UDP(sport=4001, dport=20000)), "source"),
    ("empty", four(b""), "not-rtp"),
    ("RTP version 1", four(b"\x40" + ODD[1:]), "not-rtp"),
    ("RTP version 3", four(b"\xc0" + ODD[1:]), "not-rtp"),
    ("ZRTP", four(b"\x10" + ODD[1:]), "not-rtp"),
    ("STUN, not asked for", four(b"\x00\x01" + ODD[2:]), "not-rtp"),
    ("DTLS, not asked for", four(b"\x16\xfe\xfd" + ODD[3:]), "not-rtp"),
    ("one octet", four(b"\x80"), "srtp-short"),
    ("RTP of 11 octets", four(ODD[:11]), "srtp-short"),
    ("CSRCs that are not there", four(b"\x8f" + ODD[1:60]), "srtp-short"),
    ("extension that is not there", four(b"\x90" + ODD[1:14]), "srtp-short"),
    ("extension beyond the end",
     four(b"\x90" + ODD[1:12] + b"\xbe\xde\xff\xff" + MARK), "srtp-short"),
    ("port of no transport", four(u=UDP(sport=4000, dport=20100)), "no-flow"),
    ("odd port of a shared one", four(u=UDP(sport=4000, dport=20001)),
     "no-flow"),
)

# Name and frame: it has to reach the companion as it is.
TO_THE_KERNEL = (
    ("IP options", four(options=[IPOption_Router_Alert()])),
    ("an option that says nothing", four(options=[IPOption_NOP()])),
    ("later fragment", piece(four(ODD + bytes(3000)), 1,
                             lambda p: fragment(p, 1000))),
    ("last fragment", piece(four(ODD + bytes(3000)), -1,
                            lambda p: fragment(p, 1000))),
    ("later fragment, IPv6",
     piece(long_six(), 1, lambda p: fragment6(p, 1300))),
    ("hop-by-hop options", six(extension=IPv6ExtHdrHopByHop(
        options=[PadN(optdata=bytes(4))]))),
    ("destination options", six(extension=IPv6ExtHdrDestOpt(
        options=[PadN(optdata=bytes(4))]))),
    ("routing header", six(extension=IPv6ExtHdrRouting())),
    ("QinQ (802.1ad)", ether() / Dot1AD(vlan=5) / Dot1Q(vlan=7) /
     IP(src=NEAR[4], dst=OURS[4]) / udp() / Raw(ODD)),
    ("two 802.1Q tags", ether() / Dot1Q(vlan=5) / Dot1Q(vlan=7) /
     IP(src=NEAR[4], dst=OURS[4]) / udp() / Raw(ODD)),
    ("TCP to a media port", ether() / IP(src=NEAR[4], dst=OURS[4]) /
     TCP(sport=4000, dport=20000) / Raw(ODD)),
    ("ICMP that quotes media", ether() / IP(src=NEAR[4], dst=OURS[4]) /
     ICMP(type=3, code=3) / IP(src=OURS[4], dst=NEAR[4]) /
     UDP(sport=20000, dport=4000) / Raw(MARK)),
    ("below the media ports", four(u=UDP(sport=4000, dport=19999))),
    ("above the media ports", four(u=UDP(sport=4000, dport=21000))),
    ("another's IP address", four(dst="10.1.0.77")),
    ("a group's IP address", four(dst="224.0.0.251",
                                  frame=ether("01:00:5e:00:00:fb"))),
    ("LLC", ether() / LLC() / Raw(MARK)),
    ("ARP", ether("ff:ff:ff:ff:ff:ff") / ARP(psrc=NEAR[4], pdst="10.1.0.77")),
    ("unknown type", ether() / Raw(MARK)),
)

# Name, frame, what the far end gets.
PASSES = (
    ("plain", four(), ODD),
    ("plain, IPv6", six(), ODD),
    ("no UDP checksum", four(u=udp(chksum=0)), ODD),
    ("one VLAN tag", four(frame=ether() / Dot1Q(vlan=7, prio=6)), ODD),
    ("a priority only", four(frame=ether() / Dot1Q(vlan=0, prio=6)), ODD),
    ("octets behind UDP", ether() / IP(src=NEAR[4], dst=OURS[4], proto=17) /
     Raw(raw(four())[34:] + b"behind"), ODD),
    ("octets behind IP", raw(four()) + bytes(18), ODD),
    ("TTL 0", four(ttl=0), ODD),
    ("hop limit 0", six(hlim=0), ODD),
    ("odd length", four(ODD[:-1]), ODD[:-1]),
    ("header only", four(ODD[:12]), ODD[:12]),
    ("congestion was experienced", four(tos=3), ODD),
    ("reserved bit of IP", four(flags="evil"), ODD),
    ("flow label", six(fl=0xfffff, tc=255), ODD),
)


@pytest.fixture(scope="module")
def open_gate(tmp_path_factory):
    g = Gate(tmp_path_factory.mktemp("gate"))
    try:
        g.up()
        far = g.phone(g.rig.trunk, FAR[4], 6000)
        near = g.phone(g.rig.access, NEAR[4], 4000)
        near6 = g.phone(g.rig.access, NEAR[6], 4000)
        # One media port of both families leads to the far end.
        g.bridge(1, (ACCESS4, 20000, (NEAR[4], 4000)),
                 (TRUNK4, 20002, (FAR[4], 6000)))
        g.control.transport(3, ACCESS6, 20000, (NEAR[6], 4000))
        g.control.stream(3, 3, 2)
        carries(near, (OURS[4], 20000), far, rtp(1))
        carries(near6, (OURS[6], 20000), far, rtp(1))
        g.access = Wire(g.rig.access, g.rig.access.name)
        g.companion = Wire(g.rig.gateway, "access0")
        g.trunk = Wire(g.rig.trunk, g.rig.trunk.name)
        g.near, g.far, g.seq = near, far, 100
        yield g
    finally:
        g.close()


def media_out(g):
    """UDP payloads that the gateway has sent on, up to a packet that was sent
    last, by the same way."""
    g.seq += 1
    last = rtp(g.seq, b"the last one")
    g.near.sendto(last, (OURS[4], 20000))
    heard = []
    for frame in g.trunk.heard(patience=10):
        packet = Ether(frame)
        if packet.src != TRUNK_MAC or UDP not in packet or \
                packet[UDP].sport != 20002:
            continue
        payload = raw(packet[UDP].payload)
        if payload[:len(last)] == last:
            return heard
        # What leaves is right in itself: scapy computes it anew.
        again = Ether(frame)
        del again[IP].chksum, again[IP].len, again[UDP].chksum, again[UDP].len
        assert raw(again) == frame
        assert (packet[IP].src, packet[IP].dst) == (TRUNK_OURS[4], FAR[4])
        heard.append(payload)
    pytest.fail("the last one never came")


def changes(g, before):
    return {name: n - before[name] for name, n in g.control.verdicts().items()
            if n != before[name]}


def names(table):
    return [pytest.param(*row[1:], id=row[0]) for row in table]


@pytest.mark.parametrize("frame, verdict", names(DROPPED))
def test_dropped(open_gate, frame, verdict):
    g = open_gate
    before = g.control.verdicts()
    g.access.send(raw(frame))
    eventually(lambda: changes(g, before).get(verdict), verdict)
    assert media_out(g) == []
    got = changes(g, before)
    assert got.pop(verdict) == 1 or verdict in NOISE
    assert set(got) <= NOISE


@pytest.mark.parametrize("frame", names(TO_THE_KERNEL))
def test_to_the_kernel(open_gate, frame):
    g = open_gate
    sent = raw(frame)
    before = g.control.verdicts()
    list(g.companion.heard())
    g.access.send(sent)
    assert any(f == sent for f in g.companion.heard(patience=2))
    assert media_out(g) == []
    got = changes(g, before)
    assert got.pop("kernel") >= 1
    assert set(got) <= NOISE


@pytest.mark.parametrize("frame, payload", names(PASSES))
def test_passes(open_gate, frame, payload):
    g = open_gate
    before = g.control.verdicts()
    g.access.send(raw(frame))
    assert media_out(g) == [payload]
    assert set(changes(g, before)) <= NOISE


@pytest.mark.parametrize("octets", (1600, 2040, 2300, 4000, 9000))
def test_jumbo(open_gate, octets):
    """Longer than the port's MTU: never on, and never in part."""
    g = open_gate
    name = g.rig.access.name
    g.rig.access.ip("link", "set", name, "mtu", "9100")
    try:
        g.access.send(raw(four(rtp(5, bytes(octets)))))
        g.access.send(raw(six(rtp(5, bytes(octets)))))
        assert media_out(g) == []
    finally:
        g.rig.access.ip("link", "set", name, "mtu", "1500")


def test_nothing_is_kept_of_all_this(open_gate):
    g = open_gate
    telemetry = abi.Telemetry(g.rig.tag)
    with telemetry.socket:
        used = telemetry.packets_in_use()
        for _ in range(50):
            for _, frame, _ in DROPPED:
                g.access.send(raw(frame))
        media_out(g)
        eventually(lambda: telemetry.packets_in_use() <= used + 32,
                   "buffers come back")
