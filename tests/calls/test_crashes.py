# SPDX-License-Identifier: Apache-2.0
"""One of the two programs dies in the middle of a call; and both end tidily."""

import signal
import time

import pytest

from lab import audio, wire
from lab.process import run, wait_until
from test_first_light import PLAIN, SHA1_80, assert_heard, two_phones


@pytest.mark.parametrize("bob_suite", [SHA1_80, PLAIN])
def test_control_dies(gateway, sounds, bob_suite):
    """Media flows on as if nothing had happened, and the control that comes
    back knows the call, lists it and can be told to end it."""
    alice, bob = two_phones(gateway, sounds, {"alice": PLAIN, "bob": bob_suite})
    captures = [gateway.capture(side) for side in ("branch", "hq")]
    alice.call(bob)
    time.sleep(2)
    before = gateway.flows()
    gateway.kill(gateway.control)
    time.sleep(3)
    gateway.start_control()
    time.sleep(2)
    call, = gateway.ctl_json("calls")
    assert (call["from"], call["to"]) == (alice.aor, bob.aor)
    assert {f["id"] for f in gateway.flows()} == {f["id"] for f in before}
    alice.hang_up()
    alice.wait_end()
    bob.wait_end()
    assert_heard(alice, bob, 7)
    assert_heard(bob, alice, 7)
    for side, capture in zip(("branch", "hq"), captures):
        packets = wire.rtp_from(capture.stop(), gateway.sides[side].gateway)
        assert wire.missing(packets) < 10
    assert gateway.ctl_json("calls") == []
    assert gateway.flows() == []
    assert gateway.last_record()["ended_by"] == "caller"


def test_control_dies_callee_hangs_up(gateway, sounds):
    alice, bob = two_phones(gateway, sounds, {"alice": PLAIN, "bob": SHA1_80})
    alice.call(bob)
    time.sleep(1)
    gateway.kill(gateway.control)
    gateway.start_control()
    bob.hang_up()
    alice.wait_end()
    assert gateway.flows() == []


def test_hung_up_while_control_is_away(gateway, sounds):
    """The BYE is repeated by the phone until control is back to take it."""
    alice, bob = two_phones(gateway, sounds, {"alice": PLAIN, "bob": SHA1_80})
    alice.call(bob)
    time.sleep(1)
    gateway.kill(gateway.control)
    alice.hang_up()
    time.sleep(1)
    gateway.start_control()
    bob.wait_end(10)
    wait_until("flows to go", 5, lambda: gateway.flows() == [])


@pytest.mark.parametrize("suites", [(PLAIN, SHA1_80), (SHA1_80, PLAIN)])
def test_dataplane_dies(gateway, sounds, suites):
    """Control programs the one that comes back, and sound comes back."""
    alice, bob = two_phones(gateway, sounds, dict(zip(("alice", "bob"),
                                                      suites)))
    alice.call(bob)
    time.sleep(2)
    gateway.kill(gateway.dataplane)
    time.sleep(0.5)
    gateway.start_dataplane()
    time.sleep(2)  # for control to connect, and ARP
    mark = {p: len(p.heard()) / audio.RATE for p in (alice, bob)}
    time.sleep(3)
    assert len(gateway.ctl_json("calls")) == 1
    alice.hang_up()
    bob.wait_end()
    for speaker, listener in ((alice, bob), (bob, alice)):
        after = audio.compare(speaker.played, listener.heard()).within(
            mark[listener], 1e9)
        assert after.seconds > 2, f"{listener.user} heard no more"
        assert after.similarity > 0.9
    assert gateway.flows() == []


@pytest.mark.parametrize("bob_suite", [SHA1_80, PLAIN])
def test_both_die(gateway, sounds, bob_suite):
    """Hop keys are in no file: a call that had some is ended towards both
    phones; a plain one goes on."""
    alice, bob = two_phones(gateway, sounds, {"alice": PLAIN, "bob": bob_suite})
    alice.call(bob)
    time.sleep(1)
    gateway.kill(gateway.control)
    gateway.kill(gateway.dataplane)
    gateway.start_dataplane()
    gateway.start_control()
    if bob_suite:
        alice.wait_end(10)
        bob.wait_end(10)
        assert "keys" in gateway.last_record()["reason"]
    else:
        time.sleep(2)
        mark = len(bob.heard()) / audio.RATE
        time.sleep(2)
        alice.hang_up()
        bob.wait_end()
        after = audio.compare(alice.played, bob.heard()).within(mark, 1e9)
        assert after.seconds > 1 and after.similarity > 0.9
    assert gateway.flows() == []


def interfaces(gateway):
    return run("ip", "-n", gateway.namespace, "-br", "link").stdout


def test_leaves_nothing(gateway, sounds):
    """SIGTERM, in the middle of a call: interfaces, sockets and reserved ports
    are as before, and the exit status says that all went well."""
    alice, bob = two_phones(gateway, sounds, {"alice": PLAIN, "bob": SHA1_80})
    alice.call(bob)
    time.sleep(0.5)
    assert gateway.control.stop() == 0
    assert not gateway.api.exists()
    assert gateway.dataplane.stop() == 0
    assert not gateway.socket.exists()
    assert interfaces(gateway).split()[0] == "lo"
    assert len(interfaces(gateway).splitlines()) == 1
    reserved = run("ip", "netns", "exec", gateway.namespace, "sysctl", "-n",
                   "net.ipv4.ip_local_reserved_ports").stdout.strip()
    assert reserved == ""


def test_second_start(gateway):
    """Everything comes up again in the same place after SIGINT."""
    assert gateway.control.stop(signal.SIGINT) == 0
    assert gateway.dataplane.stop(signal.SIGINT) == 0
    gateway.start_dataplane()
    gateway.start_control()
    assert {p["name"] for p in gateway.ctl_json("ports")} == \
        {"access0", "trunk0"}
