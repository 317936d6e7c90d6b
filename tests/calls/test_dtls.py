# SPDX-License-Identifier: Apache-2.0
"""Calls of real phones that key their media by DTLS, with ICE and without,
judged by what each of them heard and by what was on the wires."""

import signal
import time

import pytest

from lab import audio, wire

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
    ("bob", "dtls", "plain"),
    ("alice", "dtls", "sdes"),
    ("bob", "plain", "dtls-passive"),
    ("alice", "dtls-passive", "dtls"),
    ("alice", "dtls-ice", "plain"),
    ("bob", "dtls-ice", "sdes"),
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
    time.sleep(4)
    b.hang_up()
    a.wait_end()
    assert_heard(alice, bob, 3.5)
    assert_heard(bob, alice, 3.5)
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
