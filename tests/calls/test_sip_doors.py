# SPDX-License-Identifier: Apache-2.0
"""Calls of real phones straight to the SIP door over UDP, TCP and TLS, each leg
keyed in its own way, judged by what was heard and by what was on the wires."""

import time

import pytest

from lab.process import wait_until
from test_dtls import KINDS as OTHERS
from test_dtls import assert_heard, assert_wire

GCM256 = "AEAD_AES_256_GCM"
KINDS = OTHERS | {
    "sdes-256": (["--security", "sdes", "--suites", GCM256],
                 {"encryption": "srtp-mand"}),
}

# SIP over what; how alice's leg is keyed, and bob's
CALLS = [
    ("udp", "plain", "sdes-256"),
    ("tcp", "plain", "sdes"),
    ("tcp", "sdes", "sdes-256"),
    ("tcp", "dtls", "plain"),
    ("tls", "plain", "sdes-256"),
    ("tls", "dtls", "sdes"),
    ("tls", "plain", "dtls"),
]


@pytest.fixture
def gateway(gateway):
    """Also with TLS, at both sides."""
    listen = [f"{tp}:{s.gateway}:{port}" for s in gateway.sides.values()
              for tp, port in (("udp", 5060), ("tcp", 5060), ("tls", 5061))]
    gateway.control.stop()
    gateway.settings = {"control": {"sip": {"listen": listen}}}
    gateway._write_config()
    gateway.start_control()
    return gateway


@pytest.mark.parametrize("transport,alice_kind,bob_kind", CALLS)
def test_call(gateway, sounds, transport, alice_kind, bob_kind):
    captures = {side: gateway.capture(side) for side in ("branch", "hq")}
    made = []
    for user, side, kind in (("alice", "branch", alice_kind),
                             ("bob", "hq", bob_kind)):
        profile, options = KINDS[kind]
        gateway.add_user(user, "auto")
        gateway.sallyctl("users", "profile", user, *profile)
        made.append(gateway.phone(user, side, sounds / f"{user}.wav",
                                  index=len(made), transport=transport,
                                  **options))
    alice, bob = made
    alice.call(bob)
    time.sleep(2.5)
    call, = gateway.ctl_json("calls")
    for leg, kind in zip(call["media"][0]["legs"], (alice_kind, bob_kind)):
        suites = {leg["suite_rx"], leg["suite_tx"]}
        assert suites == {"plain"} if kind == "plain" else \
            "plain" not in suites
        assert kind != "sdes-256" or suites == {GCM256}
    alice.hang_up()
    bob.wait_end()
    assert_heard(alice, bob, 2)
    assert_heard(bob, alice, 2)
    for side, kind in (("branch", alice_kind), ("hq", bob_kind)):
        ends = (alice, bob) if side == "branch" else (bob, alice)
        assert_wire(gateway, side, captures[side].stop(), kind != "plain",
                    ends)
        signalling = b"SIP/2.0" in captures[side].path.read_bytes()
        assert signalling == (transport != "tls")
    wait_until("its flows to go", 5, lambda: gateway.flows() == [])
