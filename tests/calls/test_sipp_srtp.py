# SPDX-License-Identifier: Apache-2.0
"""SIPp plays captures of SRTP into calls through the SIP door: what arrives at
the other side is, octet for octet, what was sealed; and nothing else is."""

import base64
import os
import struct

import pytest
from lab import audio, wire
from lab.process import wait_until
from lab.sipp import sipp
from lab.srtp import SUITE, Srtp

PACKETS, OCTETS = 120, 160  # of 20 ms


class Speech:
    """What one side says, as SRTP in a capture. sealed_with: another key than
    the one that its SDP has."""

    def __init__(self, sounds, user, sealed_with=None, again=()):
        self.key = base64.b64encode(os.urandom(30)).decode()
        octets = audio.encode_ulaw(audio.read_wav(sounds / f"{user}.wav")[
            :PACKETS * OCTETS])
        self.said = [octets[i:i + OCTETS]
                     for i in range(0, len(octets), OCTETS)]
        srtp = Srtp(wire.Crypto("1", SUITE, sealed_with or self.key))
        ssrc, first = os.urandom(4), int.from_bytes(os.urandom(2), "big") // 2
        sealed = [srtp.seal(struct.pack(">BBHI", 128, 0, first + i,
                                        i * OCTETS) + ssrc, payload)
                  for i, payload in enumerate(self.said)]
        # what has been on the wire before comes once more, a second later
        for i in again:
            sealed.insert(i + 50, sealed[i])
        self.pcap = wire.pcap(sealed, 0.02)

    def options(self):
        return ["-key", "key", self.key, "-m", "1"]


def ended(process):
    wait_until(f"{process.name} to end", 60,
               lambda: process.popen.poll() is not None)
    return process.popen.returncode


def call(gateway, alice, bob):
    """@return what was on the wires, by side."""
    for user in ("alice", "bob"):
        gateway.add_user(user, "sdes", suites=SUITE)
    register = sipp(gateway, "hq", "register.xml", "bob", "-m", "1")
    assert ended(register) == 0
    captures = {side: gateway.capture(side) for side in ("branch", "hq")}
    uas = sipp(gateway, "hq", "uas_srtp.xml", "bob", *bob.options(),
               pcap=bob.pcap)
    wait_until("SIPp to listen", 10, lambda: wire.listens_on(uas, 5060))
    uac = sipp(gateway, "branch", "uac_srtp.xml", "alice", *alice.options(),
               to="bob", pcap=alice.pcap)
    assert ended(uac) == 0, uac.tail()
    assert ended(uas) == 0, uas.tail()
    wait_until("the end of the call", 10, lambda: gateway.flows() == [])
    return {side: capture.stop() for side, capture in captures.items()}


def arrived(gateway, captured, side):
    """The payloads that the gateway sent to that side, opened with the key
    that its SDP had."""
    at = gateway.sides[side]
    _, key = wire.hop_keys(captured[side], at.host)
    srtp = Srtp(key)
    return [srtp.open(p) for p in wire.rtp_from(captured[side], at.gateway)]


def test_both_ways(gateway, sounds):
    """Another key on each leg and each way; what is repeated comes once."""
    alice = Speech(sounds, "alice", again=(3, 4, 40))
    bob = Speech(sounds, "bob")
    captured = call(gateway, alice, bob)
    assert arrived(gateway, captured, "hq") == alice.said
    assert arrived(gateway, captured, "branch") == bob.said
    keys = {key.inline for side in captured
            for key in wire.hop_keys(captured[side],
                                     gateway.sides[side].host)}
    assert len(keys) == 4 and {alice.key, bob.key} < keys
    # nobody sees the one's speech on the other's wire as it was sealed
    mine = {p.payload for p in wire.rtp_from(captured["branch"],
                                             gateway.sides["branch"].host)}
    assert len(mine) == PACKETS
    assert not mine & {p.payload for p in wire.rtp_from(
        captured["hq"], gateway.sides["hq"].gateway)}
    streams = gateway.last_record()["media"][0]["streams"]
    assert [s["packets_out"] for s in streams] == [PACKETS, PACKETS]
    assert streams[0]["dropped"] == 3 and streams[1]["dropped"] == 0


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_another_key(gateway, sounds, who):
    """What isn't sealed with the key of its SDP goes nowhere."""
    wrong = base64.b64encode(os.urandom(30)).decode()
    alice, bob = (Speech(sounds, user, wrong if user == who else None)
                  for user in ("alice", "bob"))
    captured = call(gateway, alice, bob)
    heard = {"alice": arrived(gateway, captured, "hq"),
             "bob": arrived(gateway, captured, "branch")}
    assert heard[who] == []
    other = bob if who == "alice" else alice
    assert heard["bob" if who == "alice" else "alice"] == other.said
