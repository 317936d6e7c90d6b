# SPDX-License-Identifier: Apache-2.0
"""The mirror beside a real call: two phones that talk through the dataplane. What
arrives at the collector is of that call, and says of its media what the phones
really sent."""

import json
import os
import signal
import socket
import struct
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in ("scripts", "tests/hep", "tests/calls"):
    sys.path.insert(0, str(ROOT / folder))
import collector as hep  # noqa: E402
from lab import audio, wire  # noqa: E402
from lab.process import udp_socket, wait_until  # noqa: E402
from lab.topology import Gateway  # noqa: E402

signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended", 143))
OURS, SNGREP = ("127.0.0.1", 9060), ("127.0.0.1", 9061)


class Collector:
    """What has come, parsed; each datagram goes on to sngrep as well."""

    def __init__(self, namespace):
        self.socket = udp_socket(namespace, OURS)
        self.socket.setblocking(False)
        self.packets = []

    def look(self):
        try:
            while True:
                data = self.socket.recv(65536)
                self.socket.sendto(data, SNGREP)
                self.packets.append(hep.parse(data))
        except BlockingIOError:
            return self.packets

    def of(self, kind):
        return [p for p in self.look() if p[hep.KIND] == kind]

    def reports(self):
        """(address, port) of who sent the media -> its latest report: packet,
        body"""
        return {(socket.inet_ntoa(p[hep.SOURCE]),
                 struct.unpack("!H", p[hep.SOURCE_PORT])[0]):
                (p, json.loads(p[hep.PAYLOAD]))
                for p in self.of(hep.RTCP_JSON)}


def sip_of(packets, method, to):
    """The first such request towards that host."""
    return next(p[hep.PAYLOAD].decode() for p in packets
                if p[hep.PAYLOAD].startswith(method.encode()) and
                socket.inet_ntoa(p[hep.TO]) == to)


def call_id(message):
    return next(line.partition(":")[2].strip()
                for line in message.splitlines()
                if line.lower().startswith("call-id:"))


@pytest.fixture
def gateway():
    settings = {"control": {"hep": {"collector": "%s:%d" % OURS, "id": 7}}}
    with Gateway(os.environ.get("B", ROOT / "build"), settings=settings) as g:
        yield g


def talk(gateway, tmp_path):
    """@return two phones, plain and SRTP, in a call."""
    phones = []
    for i, (user, side, suite) in enumerate((
            ("alice", "branch", None),
            ("bob", "hq", "AES_CM_128_HMAC_SHA1_80"))):
        audio.melody(tmp_path / f"{user}.wav", 40, i)
        gateway.add_user(user, "sdes" if suite else "plain", suites=suite)
        phones.append(gateway.phone(
            user, side, tmp_path / f"{user}.wav",
            encryption="srtp-mand" if suite else None))
    phones[0].call(phones[1])
    return phones


def test_of_a_call(gateway, tmp_path):
    captures = {side: gateway.capture(side) for side in gateway.sides}
    with hep.Sngrep(SNGREP, tmp_path / "seen.pcap",
                    gateway.namespace) as sngrep:
        collector = Collector(gateway.namespace)
        alice, bob = talk(gateway, tmp_path)
        # a second report of each leg: counters have gone on
        first = wait_until("reports", 30, lambda: len(
            collector.reports()) == 2 and collector.reports())
        wait_until("later reports", 30, lambda: all(
            collector.reports()[at][1]["sender_information"]["packets"] >
            body["sender_information"]["packets"]
            for at, (_, body) in first.items()))
        (call,) = gateway.ctl_json("calls")
        alice.hang_up()
        bob.wait_end()
        gateway_ids = [call_id(sip_of(collector.of(hep.SIP), "INVITE", host))
                       for host in (gateway.sides["branch"].gateway,
                                    gateway.sides["hq"].host)]
        sngrep.wait(*(i.encode() for i in gateway_ids), b"BYE sip:")
        assert sngrep.running(), "sngrep minds the reports"
        assert b"inline:x" in sngrep.seen()

    assert call["call_ids"] == gateway_ids
    reports = collector.reports()
    assert len(reports) == 2
    medium, = call["media"]
    for leg, side in enumerate(("branch", "hq")):
        s = gateway.sides[side]
        at, = [a for a in reports if a[0] == s.host]
        packet, body = reports[at]
        # which call, which leg of it, from where to where
        assert packet[hep.CORRELATION].decode() == gateway_ids[leg]
        assert packet[hep.ID] == struct.pack("!I", 7)
        assert "%s:%d" % at == medium["legs"][leg]["peer"]
        assert "%s:%d" % (socket.inet_ntoa(packet[hep.TO]), struct.unpack(
            "!H", packet[hep.TO_PORT])[0]) == medium["legs"][leg]["local"]
        # what it says, against the wire
        sent = wire.rtp_from(captures[side].stop(), s.host)
        told = body["sender_information"]
        assert {p.ssrc for p in sent} == {body["ssrc"]}
        assert told["octets"] == 160 * told["packets"]  # G.711, 20 ms
        block, = body["report_blocks"]
        assert block["source_ssrc"] == body["ssrc"]
        lost = block["packets_lost"]  # a busy machine may lose some
        assert 0 <= lost and 0 < told["packets"] <= len(sent) - lost
        assert block["fraction_lost"] == 256 * lost // (lost +
                                                        told["packets"])
        assert 1 <= body["mos"] <= 5
    # and of nobody's key
    for p in collector.packets:
        assert not [k for k in p[hep.PAYLOAD].split(b"inline:")[1:]
                    if not k.startswith(b"xxxx")]


def test_of_a_calls_end(gateway, tmp_path):
    """The last report has all that came, as the record does; a call need not
    last until there is one."""
    collector = Collector(gateway.namespace)
    alice, bob = talk(gateway, tmp_path)
    wait_until("media", 20, lambda: all(
        s["packets_in"] > 20 for c in gateway.ctl_json("calls")
        for s in c["media"][0]["streams"]))
    alice.hang_up()
    bob.wait_end()
    (record,) = wait_until("the record", 10,
                           lambda: gateway.ctl_json("records"))
    medium, = record["media"]
    counted = {leg["peer"]: s["packets_in"] for leg, s in zip(
        medium["legs"], medium["streams"])}
    assert min(counted.values()) > 20
    wait_until("last reports", 10, lambda: counted == {
        "%s:%d" % at: body["sender_information"]["packets"]
        for at, (_, body) in collector.reports().items()})
