# SPDX-License-Identifier: Apache-2.0
"""Calls of two real phones through a real Kamailio, whose rtpengine module has
the gateway for a media proxy: judged by what each of them heard, through the
real dataplane."""

import os
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from lab import audio  # noqa: E402
from lab.process import run, wait_until  # noqa: E402
from lab.topology import Gateway  # noqa: E402
from kamailio import Kamailio, settings  # noqa: E402

SHA1_80, GCM256 = "AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"


@pytest.fixture(scope="module")
def gateway():
    with Gateway(os.environ.get("B", ROOT / "build"),
                 settings=settings()) as g:
        yield g


def heard(speaker, listener, seconds):
    like = audio.compare(speaker.played, listener.heard())
    assert like.similarity > 0.9, \
        f"{listener.user} did not hear what {speaker.user} played"
    assert like.seconds > 0.7 * seconds and like.missing < 0.1
    other = audio.compare(listener.played, listener.heard())
    assert other.similarity < 0.5, f"{listener.user} heard itself"


class Pair:
    """alice at the branch, bob at headquarters, Kamailio between."""

    def __init__(self, gateway, sounds, out="", back="", alice=None, bob=None,
                 answer="", more=()):
        self.gateway = gateway
        self.kamailio = Kamailio(gateway, out, back, answer, more=more)
        self.options = {"alice": alice or {}, "bob": bob or {}}
        self.sounds = sounds

    def __enter__(self):
        self.kamailio.__enter__()
        self.alice, self.bob = (
            self.kamailio.phone(user, side, self.sounds / f"{user}.wav",
                                index=i, **self.options[user])
            for i, (user, side) in enumerate((("alice", "branch"),
                                              ("bob", "hq"))))
        return self

    def __exit__(self, kind, *_):
        for phone in (self.alice, self.bob):
            phone.stop()
            self.gateway.phones.remove(phone)
            run("rm", "-rf", phone.folder)
        if kind:
            print(self.kamailio.process.tail(40))
            print(self.gateway.control.tail(40))
        self.kamailio.__exit__()


def talk(pair, caller, callee, seconds=3):
    caller.call(callee)
    wait_until("sound", 20, lambda: all(
        len(phone.heard()) > seconds * audio.RATE
        for phone in (caller, callee)), every=0.2)
    shown = pair.gateway.ctl_json("calls")
    caller.hang_up()
    callee.wait_end()
    heard(pair.alice, pair.bob, seconds)
    heard(pair.bob, pair.alice, seconds)
    assert pair.kamailio.said() == []
    assert pair.gateway.ctl_json("calls") == []
    assert pair.gateway.flows() == []
    return shown


SRTP = {"encryption": "srtp-mand"}
DTLS = {"encryption": "dtls_srtp"}
ANY = "any"  # whatever the two agree on in the handshake
# who calls, flags towards headquarters, towards the branch, phones' options,
# suites of alice's leg and bob's
CALLS = {
    "RTP to SDES": ("alice", "RTP/SAVP SDES-only-" + SHA1_80, "RTP/AVP",
                    {}, SRTP, None, SHA1_80),
    "SDES to RTP": ("bob", "RTP/SAVP", "RTP/AVP", {}, SRTP, None, None),
    "SDES with AES-256-GCM": (
        "alice", "RTP/SAVP SDES-only-" + GCM256, "RTP/AVP",
        {}, SRTP, None, GCM256),
    "SDES to SDES": ("alice", "RTP/SAVP SDES-only-" + GCM256, "RTP/SAVP",
                     SRTP, SRTP, SHA1_80, GCM256),
    "DTLS to SDES": ("alice", "RTP/SAVP SDES-only-" + GCM256,
                     "UDP/TLS/RTP/SAVP", DTLS, SRTP, ANY, GCM256),
    "SDES to DTLS": ("bob", "RTP/SAVP", "UDP/TLS/RTP/SAVP", DTLS, SRTP,
                     ANY, SHA1_80),
    "DTLS to RTP": ("bob", "UDP/TLS/RTP/SAVP", "RTP/AVP", {}, DTLS,
                    None, ANY),
    "RTP to DTLS": ("alice", "UDP/TLS/RTP/SAVPF ICE=remove rtcp-mux-offer",
                    "RTP/AVP", {}, DTLS, None, ANY),
    "RTP to RTP": ("bob", "replace-origin replace-session-connection "
                   "ICE=remove", "trust-address", {}, {}, None, None),
}


@pytest.mark.parametrize("name", CALLS)
def test_call(gateway, sounds, name):
    caller, out, back, alice, bob, suite_a, suite_b = CALLS[name]
    with Pair(gateway, sounds, out, back, alice, bob) as pair:
        a, b = (pair.alice, pair.bob) if caller == "alice" else \
            (pair.bob, pair.alice)
        shown, = talk(pair, a, b)
    assert shown["door"] == "ng" and shown["state"] == "up"
    assert shown["call_id"] and all(shown["tags"])
    record = gateway.last_record()
    assert record["ended_by"] == "caller"
    assert record["call_id"] == shown["call_id"]
    legs = {"alice": 0, "bob": 1}
    if caller == "bob":
        legs = {"bob": 0, "alice": 1}
    media = record["media"][0]
    for user, suite in (("alice", suite_a), ("bob", suite_b)):
        found = media["legs"][legs[user]]["suite_rx"]
        if suite == ANY:
            assert found != "plain"
        else:
            assert found == suite or suite is None
    for stream in media["streams"]:
        assert stream["packets_in"] > 100 and stream["lost"] == 0


def blocked(gateway):
    return sorted(s["blocked"] for t in gateway.flows() for s in t["streams"])


def test_hold_restart_and_cancel(gateway, sounds):
    """Control is killed in the middle of a call: media goes on, re-offers and
    the end are still understood. Then a call that is never answered."""
    with Pair(gateway, sounds, "RTP/SAVP SDES-only-" + SHA1_80, "RTP/AVP",
              bob=SRTP) as pair:
        alice, bob = pair.alice, pair.bob
        alice.call(bob)
        time.sleep(1.5)
        gateway.kill(gateway.control)
        time.sleep(0.5)
        gateway.start_control()
        time.sleep(1)
        assert [c["state"] for c in gateway.ctl_json("calls")] == ["up"]
        # baresip answers before its re-INVITE has gone anywhere
        alice.command("hold")
        wait_until("the hold", 10, lambda: blocked(gateway) == [False, True])
        alice.command("resume")
        wait_until("its end", 10, lambda: blocked(gateway) == [False, False])
        time.sleep(0.5)
        bob.hang_up()
        alice.wait_end()
        # the recorder stops at the hold
        heard(alice, bob, 2)
        heard(bob, alice, 2)
        assert pair.kamailio.said() == []
        assert gateway.flows() == []
        assert gateway.last_record()["ended_by"] == "callee"
    with Pair(gateway, sounds, bob={"answer": "manual"}) as pair:
        pair.alice.dial(pair.bob.aor)
        pair.bob.wait_for("CALL_INCOMING")
        assert [c["state"] for c in gateway.ctl_json("calls")] == ["new"]
        pair.alice.hang_up()
        pair.bob.wait_end()
        assert gateway.ctl_json("calls") == []
        assert gateway.last_record()["status"] == 487
