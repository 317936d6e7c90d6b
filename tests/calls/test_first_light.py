# SPDX-License-Identifier: Apache-2.0
"""Ordinary calls of two real phones through the real gateway, judged by what
each of them heard and by what was on the wires."""

import time

import pytest

from lab import audio, wire

SHA1_80, GCM = "AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"
PLAIN = None


def two_phones(gateway, sounds, suites, transport="udp", callee_side="hq"):
    """alice at the branch and bob at headquarters, with the suite of each."""
    phones = []
    for user, side in (("alice", "branch"), ("bob", callee_side)):
        suite = suites[user]
        gateway.add_user(user, "sdes" if suite else "plain", suites=suite)
        phones.append(gateway.phone(
            user, side, sounds / f"{user}.wav", transport=transport,
            encryption="srtp-mand" if suite else None,
            index=len(phones)))
    return phones


def assert_heard(speaker, listener, seconds):
    heard = audio.compare(speaker.played, listener.heard())
    assert heard.similarity > 0.9, \
        f"{listener.user} did not hear what {speaker.user} played"
    assert heard.seconds > 0.7 * seconds
    assert heard.missing < 0.1
    other = audio.compare(listener.played, listener.heard())
    assert other.similarity < 0.5, f"{listener.user} heard itself"


def assert_wire(gateway, side, captured, suite, phones):
    """A plain leg carries the sounds; a protected one carries noise."""
    s = gateway.sides[side]
    for host, speaker in zip((s.host, s.gateway), phones):
        packets = wire.rtp_from(captured, host)
        payload = wire.payload_octets(packets)
        like = audio.compare(speaker.played, audio.decode_g711(payload))
        if suite:
            assert like.similarity < 0.5 and audio.entropy(payload) > 7.9
        else:
            assert like.similarity > 0.9
            continue
        key = wire.hop_keys(captured, s.gateway)[host == s.host]
        assert key.suite == suite
        if suite == SHA1_80:  # FFmpeg knows no other of ours
            opened = wire.decrypt_with_ffmpeg(packets, key, s.namespace,
                                              gateway.folder)
            assert audio.compare(speaker.played, opened).similarity > 0.9


# who calls, the suite of alice's leg, of bob's leg
CALLS = [
    ("alice", PLAIN, SHA1_80),
    ("bob", PLAIN, SHA1_80),
    ("alice", PLAIN, GCM),
    ("bob", GCM, SHA1_80),
    ("alice", SHA1_80, PLAIN),
    ("alice", SHA1_80, SHA1_80),
    ("alice", SHA1_80, GCM),
    ("alice", PLAIN, PLAIN),
]


@pytest.mark.parametrize("caller,alice_suite,bob_suite", CALLS)
def test_call(gateway, sounds, caller, alice_suite, bob_suite):
    suites = {"alice": alice_suite, "bob": bob_suite}
    captures = {side: gateway.capture(side) for side in ("branch", "hq")}
    alice, bob = two_phones(gateway, sounds, suites)
    a, b = (alice, bob) if caller == "alice" else (bob, alice)
    a.call(b)
    time.sleep(4)
    b.hang_up()
    a.wait_end()
    assert_heard(alice, bob, 4)
    assert_heard(bob, alice, 4)
    assert_wire(gateway, "branch", captures["branch"].stop(), alice_suite,
                (alice, bob))
    assert_wire(gateway, "hq", captures["hq"].stop(), bob_suite, (bob, alice))

    record = gateway.last_record()
    assert (record["from"], record["to"]) == (a.aor, b.aor)
    assert record["ended_by"] == "callee"
    legs = record["media"][0]["legs"]
    for leg, user in zip(legs, (a.user, b.user)):
        assert leg["suite_rx"] == leg["suite_tx"] == (suites[user] or "plain")
    for stream in record["media"][0]["streams"]:
        assert 180 < stream["packets_in"] < 230
        assert stream["packets_in"] - stream["packets_out"] < 5
        assert stream["lost"] == 0
        assert stream["octets_in"] == 160 * stream["packets_in"]
    assert gateway.ctl_json("calls") == []
    assert gateway.flows() == []


def test_over_tcp(gateway, sounds):
    alice, bob = two_phones(gateway, sounds, {"alice": PLAIN, "bob": SHA1_80},
                            transport="tcp")
    alice.call(bob)
    time.sleep(3)
    alice.hang_up()
    bob.wait_end()
    assert_heard(alice, bob, 3)
    assert_heard(bob, alice, 3)


def test_two_calls_at_once(gateway, sounds):
    """Each pair hears its own: flows do not mix."""
    users = ("alice", "bob", "carol", "dave")
    phones = {}
    for i, user in enumerate(users):
        protected = user in ("bob", "dave")
        audio.melody(gateway.folder / f"{user}.wav", 30, 10 + i)
        gateway.add_user(user, "sdes" if protected else "plain")
        phones[user] = gateway.phone(
            user, "hq" if protected else "branch",
            gateway.folder / f"{user}.wav", index=i, sip_port=5060 + i,
            encryption="srtp-mand" if protected else None)
    for a, b in (("alice", "bob"), ("dave", "carol")):
        phones[a].call(phones[b])
    time.sleep(4)
    assert len(gateway.ctl_json("calls")) == 2
    for a, b in (("alice", "bob"), ("dave", "carol")):
        phones[a].hang_up()
        phones[b].wait_end()
        assert_heard(phones[a], phones[b], 4)
        assert_heard(phones[b], phones[a], 4)


def test_hold_and_resume(gateway, sounds):
    """Judged on the wires: after a hold baresip goes on sending, receiving and
    playing, but its recorder does not go on writing."""
    captures = {side: gateway.capture(side) for side in ("branch", "hq")}
    alice, bob = two_phones(gateway, sounds, {"alice": PLAIN, "bob": SHA1_80})
    alice.call(bob)
    time.sleep(2)
    alice.command("hold")
    time.sleep(2)
    flows = [s for f in gateway.flows() for s in f["streams"]]
    assert sorted(s["blocked"] for s in flows) == [False, True]
    alice.command("resume")
    time.sleep(3)
    alice.hang_up()
    bob.wait_end()
    assert gateway.flows() == []

    to_alice, to_bob = (
        wire.rtp_from(captures[side].stop(), gateway.sides[side].gateway)
        for side in ("branch", "hq"))
    key, _ = wire.hop_keys(wire.datagrams(captures["hq"].path),
                           gateway.sides["hq"].gateway)
    heard = {
        alice: audio.decode_g711(wire.payload_octets(to_alice)),
        bob: wire.decrypt_with_ffmpeg(to_bob, key, bob.namespace,
                                      gateway.folder)}
    for speaker, listener, packets in ((bob, alice, to_alice),
                                       (alice, bob, to_bob)):
        assert 1.8 < wire.longest_pause(packets) < 3
        match = audio.compare(speaker.played, heard[listener])
        assert match.similarity > 0.85  # the windows across the hold differ
        assert match.within(0, 1.4).similarity > 0.9
        assert match.within(2.5, 4).similarity > 0.9
        assert match.seconds > 3.5
