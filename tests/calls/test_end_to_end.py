# SPDX-License-Identifier: Apache-2.0
"""End-to-end encrypted calls with sound and pictures through the real gateway,
and what may happen to them on the way. Policy, gate and evidence have tests of
their own in tests/e2gw; the endpoint's course of a handshake in tests/endpoint.
"""

import time

import pytest

from acts import end_to_end
from lab import audio, picture, sframe, wire
from lab.process import run, wait_until
from lab.relay import Relay

RELAY = "10.2.0.66"
KINDS = {"audio": sframe.AUDIO, "video": sframe.VIDEO}


@pytest.fixture
def pair(gateway):
    """alice at the branch, plain RTP; bob at headquarters, SRTP; both may."""
    end_to_end.make_sounds(gateway.folder)
    gateway.sallyctl("policy", "set", "Global", "--calling",
                     "DisabledUserOverride")
    for user, profile in (("alice", "plain"), ("bob", "sdes")):
        gateway.add_user(user, profile)
        gateway.sallyctl("user", "e2ee", "on", user)

    def start(*options, **bob):
        return (end_to_end.endpoint(gateway, "alice"),
                end_to_end.endpoint(gateway, "bob", *options, **bob))
    return start


def locked(caller, called, seconds):
    caller.call(called.user)
    code = caller.locked()
    assert called.locked() == code
    time.sleep(seconds)


def end(one, other):
    one.say("hangup")
    one.wait("closed", reason="hangup")
    other.wait("closed", reason="bye")


def counts(*endpoints):
    return [one.stats(kind) for one in endpoints for kind in KINDS]


def assert_goes_on(alice, bob, seconds=1.0):
    """Both kinds arrive on both sides, under the first lock, and none was
    refused."""
    before = counts(alice, bob)
    time.sleep(seconds)
    for old, new in zip(before, counts(alice, bob)):
        assert new["received"] - old["received"] > 10 * seconds, new
        assert new["refused"] == 0
    for one in (alice, bob):
        assert [e["state"] for e in one.told("shield")] == ["locked"]
        one.never("closed")


def assert_heard_and_seen(gateway, speaker, listener, like, pictures):
    heard = audio.compare(end_to_end.played(gateway, speaker.user),
                          audio.load(listener.wav))
    assert heard.similarity > like and heard.seconds > 1
    seen = picture.compare(speaker.user, picture.load("-i", listener.mkv))
    assert seen.likeness > 0.8 and seen.pictures >= pictures


def assert_sframe(packets_by_kind):
    for kind, packets in packets_by_kind.items():
        assert sframe.read(packets).is_sframe(KINDS[kind]), kind


def hold_and_resume(one):
    """Two re-INVITEs; nothing arrives in between."""
    one.say("hold")
    one.wait("held")
    time.sleep(0.3)
    before = counts(one)
    time.sleep(0.5)
    for old, new in zip(before, counts(one)):
        assert new["received"] - old["received"] < 5, "held"
    one.say("resume")
    one.wait("resumed")


def test_hold_and_resume(gateway, pair):
    """From each side; the lock stays, and both kinds come back."""
    alice, bob = pair()
    capture = gateway.capture("branch")
    locked(alice, bob, 1.5)
    for one in (alice, bob):
        hold_and_resume(one)
        assert_goes_on(alice, bob)
    assert all(t["e2ee"] for t in gateway.flows())
    end(alice, bob)
    captured = capture.stop()
    for host in (gateway.sides["branch"].host, gateway.sides["branch"].gateway):
        assert_sframe(end_to_end.streams(captured, host))
    assert gateway.last_record()["e2ee"] and gateway.flows() == []


def impair(relay):
    """One in twenty packets is lost, one in seven comes after its successor."""
    number, held = {}, {}

    def on_rtp(to, packet):
        number[to] = n = number.get(to, 0) + 1
        if n > 20 and n % 20 == 0:
            return []
        if n % 7 == 0:
            held[to] = packet
            return []
        late = held.pop(to, None)
        return [packet] if late is None else [packet, late]

    relay.on_rtp = on_rtp


def test_loss_and_reordering(gateway, pair):
    """Between the gateway and bob, in both directions, outside SRTP."""
    side = gateway.sides["hq"]
    run("ip", "-n", side.namespace, "addr", "add", f"{RELAY}/24", "dev",
        side.interface)
    relay = Relay(RELAY, {None: (side.gateway, 5060)}, namespace=side.namespace)
    try:
        alice, bob = pair(outbound=RELAY)
        impair(relay)
        locked(alice, bob, 4)
        for seen in counts(alice, bob):
            sent = seen["received"] + seen["lost"]
            assert 0.02 * sent < seen["lost"] < 0.1 * sent, seen
            assert seen["refused"] == 0 and seen["late"] < 0.1 * sent, seen
        streams = [s for line in gateway.ctl_json("calls")[0]["media"]
                   for s in line["streams"]]
        for s in streams:
            lost = s["lost"] > 0 and s["packets_in"] == s["packets_out"]
            assert lost if s["from"] == "b" else s["lost"] == 0, s
            assert s["dropped"] == 0, "nothing was taken for a replay"
        assert_goes_on(alice, bob)
        end(alice, bob)
    finally:
        relay.close()
    # Where a packet is missing, sound is patched and pictures wait.
    assert_heard_and_seen(gateway, alice, bob, 0.5, 4)
    assert_heard_and_seen(gateway, bob, alice, 0.5, 4)


def test_control_dies(gateway, pair):
    """SIGKILL in the middle: sound and pictures flow on, and the control that
    comes back still knows what the call is."""
    alice, bob = pair()
    captures = {side: gateway.capture(side) for side in ("branch", "hq")}
    locked(alice, bob, 1)
    gateway.kill(gateway.control)
    assert_goes_on(alice, bob)
    gateway.start_control()
    call, = gateway.ctl_json("calls")
    assert call["e2ee"] and all(t["e2ee"] for t in gateway.flows())
    refused = gateway.sallyctl("calls", "feature", str(call["id"]),
                               "recording", check=False)
    assert refused.returncode == 1 and "can't be recorded" in refused.stderr
    restarted = time.time()
    hold_and_resume(bob)
    assert_goes_on(alice, bob)
    end(alice, bob)
    wires = {side: capture.stop() for side, capture in captures.items()}
    for host in (gateway.sides["branch"].host, gateway.sides["branch"].gateway):
        assert_sframe(end_to_end.streams(wires["branch"], host))
    heard = end_to_end.streams(wires["hq"], gateway.sides["hq"].gateway)
    for packets in heard.values():
        assert wire.missing(
            [p for p in packets if p.time < restarted]) < 10
    assert gateway.sallyctl("audit", "verify",
                            gateway.folder / "audit.log").returncode == 0


def test_dataplane_dies(gateway, pair):
    """It is programmed anew, with the mark, and SFrame goes on where it was."""
    alice, bob = pair()
    locked(alice, bob, 1)
    gateway.kill(gateway.dataplane)
    time.sleep(0.3)
    gateway.start_dataplane()
    wait_until("control to find it", 10, lambda: gateway.sallyctl(
        "flows", check=False).returncode == 0)
    flows = wait_until("its flows", 10, gateway.flows)
    assert len(flows) == 4 and all(t["e2ee"] for t in flows)
    before = counts(alice, bob)
    wait_until("media to come back", 10, lambda: all(
        new["received"] > old["received"] + 20
        for old, new in zip(before, counts(alice, bob))))
    assert_goes_on(alice, bob)
    end(alice, bob)
    assert gateway.flows() == []


def test_over_tcp(gateway, pair):
    """SIP over TCP at headquarters, over UDP at the branch; bob calls."""
    alice, bob = pair("--transport", "tcp",
                      outbound="10.2.0.1;transport=tcp")
    locked(bob, alice, 2.5)
    assert_goes_on(alice, bob)
    end(bob, alice)
    assert_heard_and_seen(gateway, alice, bob, 0.8, 30)
    assert_heard_and_seen(gateway, bob, alice, 0.8, 30)
