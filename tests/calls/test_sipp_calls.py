# SPDX-License-Identifier: Apache-2.0
"""Many calls by SIPp, with speech both ways, through the real dataplane; and
real phones over TLS."""

import os
import time

from lab.process import wait_until
from lab.sipp import sipp
from test_first_light import SHA1_80, assert_heard, two_phones

CALLS, RATE, SECONDS = 200, 20, 2


def ended(process, seconds):
    wait_until(f"{process.name} to end", seconds,
               lambda: process.popen.poll() is not None)
    return process.popen.returncode


def test_two_hundred_calls(gateway):
    """20 a second; every one comes about, and nothing of what is said gets
    lost."""
    speech = os.urandom(160 * 50 * SECONDS)
    for user in ("alice", "bob"):
        gateway.add_user(user, "plain")
    assert ended(sipp(gateway, "hq", "register.xml", "bob", "-m", "1"), 20) == 0
    uas = sipp(gateway, "hq", "uas.xml", "bob", "-m", str(CALLS),
               speech=speech)
    time.sleep(0.5)
    uac = sipp(gateway, "branch", "uac.xml", "alice", "-m", str(CALLS), "-r",
               str(RATE), to="bob", speech=speech)
    assert ended(uac, 90) == 0, uac.tail()
    assert ended(uas, 30) == 0, uas.tail()
    wait_until("the last call to be over", 10,
               lambda: not gateway.ctl_json("calls"))
    records = gateway.ctl_json("records", "--max", "1000")
    assert len(records) == CALLS
    assert all(r["status"] == 200 for r in records)
    streams = [s for r in records for s in r["media"][0]["streams"]]
    assert len(streams) == 2 * CALLS
    for s in streams:
        assert s["packets_in"] > 40 * SECONDS, s
        assert s["packets_in"] == s["packets_out"] and s["lost"] == 0, s
    assert gateway.flows() == []


def test_over_tls(gateway, sounds):
    """Keys in the SDP, and the SDP inside TLS: on the wire, noise."""
    listen = [f"{tp}:{s.gateway}:{port}" for s in gateway.sides.values()
              for tp, port in (("udp", 5060), ("tls", 5061))]
    gateway.control.stop()
    gateway.settings = {"control": {"sip": {"listen": listen}}}
    gateway._write_config()
    gateway.start_control()
    captures = {side: gateway.capture(side) for side in ("branch", "hq")}
    alice, bob = two_phones(gateway, sounds,
                            {"alice": SHA1_80, "bob": SHA1_80},
                            transport="tls")
    alice.call(bob)
    time.sleep(3)
    alice.hang_up()
    bob.wait_end()
    assert_heard(alice, bob, 3)
    assert_heard(bob, alice, 3)
    for capture in captures.values():
        capture.stop()
        octets = capture.path.read_bytes()
        assert len(octets) > 50000
        assert b"SIP/2.0" not in octets and b"inline:" not in octets
