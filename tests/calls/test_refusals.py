# SPDX-License-Identifier: Apache-2.0
"""What must not work: each ends in the right status, with a reason, and leaves
nothing behind."""

import base64
import random
import struct
import time

import pytest

from lab import audio, wire
from lab.process import run, udp_socket
from sip_client import SipClient, sdp

SUITE = "AES_CM_128_HMAC_SHA1_80"
KEY = base64.b64encode(bytes(range(30))).decode()


@pytest.fixture
def bob(gateway, sounds):
    """A phone with SDES at headquarters, and its user."""
    gateway.add_user("bob", "sdes", suites=SUITE)
    return gateway.phone("bob", "hq", sounds / "bob.wav",
                         encryption="srtp-mand")


def client(gateway, user, side="branch", password=None, port=5070):
    s = gateway.sides[side]
    return SipClient(s.namespace, s.host, s.gateway, user, gateway.domain,
                     password or f"{user}-secret", port)


def invite(c, to, body):
    return c.request("INVITE", f"sip:{to}@{c.domain}", body)


def plain_offer(c, port=30000):
    return sdp(c.address, port, "a=rtpmap:0 PCMU/8000")


def assert_clean(gateway):
    assert gateway.ctl_json("calls") == []
    assert gateway.flows() == []


def test_wrong_password(gateway):
    gateway.add_user("alice", "plain")
    with client(gateway, "alice", password="wrong") as alice:
        assert alice.register().status in (401, 403)
    with client(gateway, "nobody") as nobody:
        assert nobody.register().status in (401, 403, 404)


def test_nobody_there(gateway):
    """A user who is not registered: 480; one who does not exist: 404."""
    gateway.add_user("alice", "plain")
    gateway.add_user("bob", "sdes")
    with client(gateway, "alice") as alice:
        assert alice.register().status == 200
        assert invite(alice, "bob", plain_offer(alice)).status == 480
        assert invite(alice, "nobody", plain_offer(alice)).status == 404
    assert_clean(gateway)


def crypto(*lines):
    return lambda c: sdp(c.address, 30000, "a=rtpmap:0 PCMU/8000", *(
        f"a=crypto:{i + 1} {line}" for i, line in enumerate(lines)),
        profile="RTP/SAVP")


# what carol, whose profile is SDES, offers; what she is answered
BAD_OFFERS = {
    "not SDP": (lambda c: "these are not the lines you look for", (400, 488)),
    "empty media": (lambda c: "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\n"
                    "t=0 0\r\n", (400, 488)),
    "unknown suite": (crypto(f"ROT_13 inline:{KEY}"), (488,)),
    "NULL cipher": (crypto(f"NULL_HMAC_SHA1_80 inline:{KEY}"), (488,)),
    "F8": (crypto(f"F8_128_HMAC_SHA1_80 inline:{KEY}"), (488,)),
    "unencrypted by parameter": (
        crypto(f"{SUITE} inline:{KEY} UNENCRYPTED_SRTP"), (488,)),
    "short key": (crypto(f"{SUITE} inline:{KEY[:20]}"), (400, 488)),
    "not base64": (crypto(f"{SUITE} inline:{'%' * 40}"), (400, 488)),
    "no key at all": (crypto(), (488,)),
    "plain where SDES is due": (plain_offer, (488,)),
    "no common codec": (lambda c: sdp(
        c.address, 30000, "a=rtpmap:96 opus/48000/2",
        f"a=crypto:1 {SUITE} inline:{KEY}", profile="RTP/SAVP",
        formats="96"), (488,)),
}


@pytest.mark.parametrize("case", BAD_OFFERS)
def test_bad_offer(gateway, bob, case):
    offer, statuses = BAD_OFFERS[case]
    gateway.add_user("carol", "sdes")
    with client(gateway, "carol") as carol:
        assert carol.register().status == 200
        answer = invite(carol, "bob", offer(carol))
        assert answer.status in statuses, answer.start
        assert answer.reason
    assert_clean(gateway)


# ways to write a good key that phones use
GOOD_KEYS = {
    "lifetime": f"{KEY}|2^31",
    "lifetime and MKI": f"{KEY}|2^31|1:4",
}


def rtp(sequence, payload=b"\xff" * 160, ssrc=0x5a11):
    return struct.pack(">BBHII", 0x80, 0, sequence & 0xffff, sequence * 160,
                       ssrc) + payload


def send_rtp(gateway, c, answer, make, packets=100, source_port=30000):
    """From the client's address to where its answer says."""
    port = int(answer.body.split("m=audio ")[1].split()[0])
    s = gateway.sides["branch"]
    with udp_socket(s.namespace, (c.address, source_port)) as out:
        for n in range(packets):
            out.sendto(make(n), (s.gateway, port))
            time.sleep(0.01)


def dropped(gateway):
    return {v["name"]: v["count"] for v in gateway.ctl_json("stats")
            ["verdicts"]}


def test_srtp_leg_sent_plain_rtp(gateway, bob):
    """Not one packet without a valid tag passes, and the counters say why."""
    gateway.add_user("carol", "sdes", suites=SUITE)
    with client(gateway, "carol") as carol:
        assert carol.register().status == 200
        answer = invite(carol, "bob", crypto(f"{SUITE} inline:{KEY}")(carol))
        assert answer.status == 200
        capture = gateway.capture("hq")
        before = dropped(gateway)
        send_rtp(gateway, carol, answer, rtp)
        random.seed(1)
        send_rtp(gateway, carol, answer,
                 lambda n: rtp(n, random.randbytes(170)))
        passed = wire.rtp_from(capture.stop(), gateway.sides["hq"].gateway)
        assert passed == []
        after = dropped(gateway)
        assert after["bad-tag"] - before["bad-tag"] >= 190
        assert len(bob.heard()) < audio.RATE / 10
        assert carol.bye(f"sip:bob@{carol.domain}", answer).status == 200
    assert_clean(gateway)


def test_plain_leg_from_elsewhere(gateway, bob):
    """Media from another address than the one that signalled does not pass."""
    gateway.add_user("alice", "plain")
    with client(gateway, "alice") as alice:
        assert alice.register().status == 200
        answer = invite(alice, "bob", plain_offer(alice))
        assert answer.status == 200
        s = gateway.sides["branch"]
        run("ip", "-n", s.namespace, "addr", "add", "10.1.0.66/24", "dev",
            s.interface)
        capture = gateway.capture("hq")
        port = int(answer.body.split("m=audio ")[1].split()[0])
        with udp_socket(s.namespace, ("10.1.0.66", 30000)) as forger:
            for n in range(50):
                forger.sendto(rtp(n), (s.gateway, port))
                time.sleep(0.01)
        assert wire.rtp_from(capture.stop(),
                             gateway.sides["hq"].gateway) == []
        send_rtp(gateway, alice, answer, rtp, packets=20)
        assert dropped(gateway)["source"] >= 40
        assert alice.bye(f"sip:bob@{alice.domain}", answer).status == 200
    assert_clean(gateway)


@pytest.mark.parametrize("key", GOOD_KEYS)
def test_good_keys(gateway, bob, key):
    gateway.add_user("carol", "sdes", suites=SUITE)
    with client(gateway, "carol") as carol:
        assert carol.register().status == 200
        answer = invite(carol, "bob",
                        crypto(f"{SUITE} inline:{GOOD_KEYS[key]}")(carol))
        assert answer.status == 200
        assert f"a=crypto:1 {SUITE} inline:" in answer.body
        assert carol.bye(f"sip:bob@{carol.domain}", answer).status == 200
    assert_clean(gateway)


def test_no_dataplane(gateway, bob):
    """The companion interfaces go with the dataplane; whoever still reaches
    control, here from the gateway itself, hears 503."""
    gateway.add_user("alice", "plain")
    with client(gateway, "alice") as alice:
        assert alice.register().status == 200
    gateway.kill(gateway.dataplane)
    address = gateway.sides["branch"].gateway
    run("ip", "-n", gateway.namespace, "addr", "add", f"{address}/32", "dev",
        "lo")
    with SipClient(gateway.namespace, address, address, "alice",
                   gateway.domain, "alice-secret") as alice:
        assert invite(alice, "bob", plain_offer(alice)).status == 503
    assert gateway.ctl_json("calls") == []
