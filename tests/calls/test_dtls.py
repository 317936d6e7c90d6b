# SPDX-License-Identifier: Apache-2.0
"""Calls of real phones that key their media by DTLS, with ICE and without,
judged by what each of them heard and by what was on the wires."""

import time

import pytest

from lab import audio, wire
from lab.process import run

SHA1_80 = "AES_CM_128_HMAC_SHA1_80"

# how a leg is keyed: its user's profile, and its phone
KINDS = {
    "plain": (["--security", "plain"], {}),
    "sdes": (["--security", "sdes", "--suites", SHA1_80],
             {"encryption": "srtp-mand"}),
    "dtls": (["--security", "dtls"], {"encryption": "dtls_srtp", "mux": True}),
    "dtls-passive": (["--security", "dtls", "--setup", "passive"],
                     {"encryption": "dtls_srtp", "mux": True}),
    "dtls-ice": (["--security", "dtls", "--ice", "on", "--avpf", "on"],
                 {"encryption": "dtls_srtp", "mux": True, "ice": True}),
    "auto-dtls": (["--security", "auto"],
                  {"encryption": "dtls_srtp", "mux": True, "ice": True}),
    "relay": (["--security", "passthrough"],
              {"encryption": "dtls_srtp", "mux": True}),
    "plain-ice": (["--security", "plain", "--ice", "on"],
                  {"mux": True, "ice": True}),
}


def phones(gateway, sounds, alice, bob):
    made = []
    for user, side, kind in (("alice", "branch", alice), ("bob", "hq", bob)):
        profile, options = KINDS[kind]
        gateway.add_user(user, "auto")
        gateway.sallyctl("users", "profile", user, *profile)
        made.append(gateway.phone(user, side, sounds / f"{user}.wav",
                                  index=len(made), **options))
    return made


def assert_heard(speaker, listener, seconds):
    heard = audio.compare(speaker.played, listener.heard())
    assert heard.similarity > 0.9, \
        f"{listener.user} did not hear what {speaker.user} played"
    assert heard.seconds > 0.7 * seconds
    assert heard.missing < 0.1
    other = audio.compare(listener.played, listener.heard())
    assert other.similarity < 0.5, f"{listener.user} heard itself"


def assert_wire(gateway, side, captured, protected, both):
    s = gateway.sides[side]
    for host, speaker in zip((s.host, s.gateway), both):
        payload = wire.payload_octets(wire.rtp_from(captured, host))
        assert len(payload) > 1000
        like = audio.compare(speaker.played, audio.decode_g711(payload))
        if protected:
            assert like.similarity < 0.5 and audio.entropy(payload) > 7.9
        else:
            assert like.similarity > 0.9


CALLS = [
    ("alice", "dtls", "plain"),
    ("bob", "dtls", "sdes"),
    ("bob", "plain", "dtls-passive"),
    ("bob", "dtls-ice", "plain"),
    ("alice", "auto-dtls", "dtls-ice"),
    ("alice", "plain-ice", "plain"),
    ("alice", "relay", "relay"),
]


@pytest.mark.parametrize("caller,alice_kind,bob_kind", CALLS)
def test_call(gateway, sounds, caller, alice_kind, bob_kind):
    captures = {side: gateway.capture(side) for side in ("branch", "hq")}
    alice, bob = phones(gateway, sounds, alice_kind, bob_kind)
    a, b = (alice, bob) if caller == "alice" else (bob, alice)
    a.call(b)
    # a relayed first flight is lost, as it is faster than the answer, and the
    # phone says it again after a second
    time.sleep(4 if alice_kind == "relay" else 2.5)
    b.hang_up()
    a.wait_end()
    assert_heard(alice, bob, 2)
    assert_heard(bob, alice, 2)
    assert_wire(gateway, "branch", captures["branch"].stop(),
                not alice_kind.startswith("plain"), (alice, bob))
    assert_wire(gateway, "hq", captures["hq"].stop(),
                not bob_kind.startswith("plain"), (bob, alice))
    record = gateway.last_record()
    for leg, kind in zip(record["media"][0]["legs"],
                         (alice_kind, bob_kind) if a is alice
                         else (bob_kind, alice_kind)):
        # what is relayed is the phones' own
        open_to_us = kind == "relay" or kind.startswith("plain")
        for way in ("suite_rx", "suite_tx"):
            assert (leg[way] == "plain") == open_to_us
    assert gateway.ctl_json("calls") == []
    assert gateway.flows() == []


FORGER = """
import os, socket, struct, sys, time
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind((sys.argv[1], 0))
stun = struct.pack("!HHI", 1, 0, 0x2112a442) + os.urandom(12)
hello = bytes((22, 254, 255)) + bytes(9) + bytes((64,)) + os.urandom(64)
for i in range(50):
    rtp = struct.pack("!BBHII", 0x80, 0, i, 160 * i, 7) + bytes(160)
    for p in (rtp, stun, hello):
        u.sendto(p, (sys.argv[2], int(sys.argv[3])))
    time.sleep(0.01)
"""


def media_port(gateway, side):
    """Our port towards the phone on that side."""
    s = gateway.sides[side]
    local, = [f["local"] for f in gateway.flows()
              if f["local"].startswith(s.gateway + ":")]
    return int(local.rsplit(":", 1)[1])


def test_strangers_at_a_dtls_port(gateway, sounds):
    """Plain RTP from the very phone's address, STUN and DTLS from others: none
    of it is heard, and the call goes on."""
    alice, bob = phones(gateway, sounds, "dtls-ice", "plain")
    alice.call(bob)
    time.sleep(1)
    s = gateway.sides["branch"]
    port = media_port(gateway, "branch")
    run("ip", "netns", "exec", s.namespace, "/usr/bin/python3", "-c", FORGER,
        s.host, s.gateway, port)
    time.sleep(2)
    alice.hang_up()
    bob.wait_end()
    assert_heard(alice, bob, 2.5)
    assert_heard(bob, alice, 2.5)
    assert verdict(gateway, "source") >= 50
    stream, _ = gateway.last_record()["media"][0]["streams"]
    assert stream["packets_in"] < 300


def verdict(gateway, name):
    return {v["name"]: v["count"]
            for v in gateway.ctl_json("stats")["verdicts"]}[name]


def test_control_dies(gateway, sounds):
    """Media flows on with the keys that the dataplane has; the control that
    comes back goes on answering the checks of ICE, so that they go on
    flowing for longer than a peer would send without an answer."""
    alice, bob = phones(gateway, sounds, "dtls-ice", "sdes")
    capture = gateway.capture("branch")
    alice.call(bob)
    time.sleep(1.5)
    gateway.kill(gateway.control)
    time.sleep(1)
    gateway.start_control()
    time.sleep(2)
    assert len(gateway.ctl_json("calls")) == 1
    alice.hang_up()
    bob.wait_end()
    assert_heard(alice, bob, 4)
    assert_heard(bob, alice, 4)
    packets = wire.rtp_from(capture.stop(), gateway.sides["branch"].gateway)
    assert wire.missing(packets) < 10
    assert gateway.flows() == []


def test_dataplane_dies(gateway, sounds):
    """Control has the keys still, and makes them again."""
    alice, bob = phones(gateway, sounds, "dtls", "plain")
    alice.call(bob)
    time.sleep(1)
    gateway.kill(gateway.dataplane)
    time.sleep(0.3)
    gateway.start_dataplane()
    time.sleep(2)
    mark = {p: len(p.heard()) for p in (alice, bob)}
    time.sleep(2)
    assert len(gateway.ctl_json("calls")) == 1
    for listener in (alice, bob):
        assert len(listener.heard()) - mark[listener] > 1.2 * audio.RATE
    bob.hang_up()
    alice.wait_end()
