# SPDX-License-Identifier: Apache-2.0
"""Many calls by SIPp, with speech both ways, through the real dataplane; and
real phones over TLS."""

import os
import time

import pytest
import yaml
from lab.process import run, wait_until
from lab.sipp import sipp
from lab.topology import EXAMPLE, Gateway
from conftest import ROOT
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


V6 = ("2001:db8:2::10", "2001:db8:2::1")  # headquarters, and the gateway there


@pytest.fixture
def dual_stack(request):
    """A gateway with both families at headquarters."""
    with open(EXAMPLE) as f:
        ports = yaml.safe_load(f)["dataplane"]["ports"]
    ports[1]["addresses"].append(V6[1] + "/64")
    listen = [f"{tp}:{door}:5060" for door in ("10.1.0.1", "10.2.0.1",
                                               f"[{V6[1]}]")
              for tp in ("udp", "tcp")]
    settings = {"dataplane": {"ports": ports},
                "control": {"sip": {"listen": listen}}}
    with Gateway(os.environ.get("B", ROOT / "build"), settings=settings) as g:
        hq = g.sides["hq"]
        run("ip", "-n", hq.namespace, "addr", "add", V6[0] + "/64", "dev",
            hq.interface, "nodad")
        yield g
        g.keep_logs = getattr(request.node, "test_failed", False)


@pytest.mark.parametrize("tp,caller", [("u1", "branch"), ("t1", "branch"),
                                       ("u1", "hq")])
def test_between_families(dual_stack, tp, caller):
    """IPv4 at the branch, IPv6 at headquarters: signalling and speech."""
    g, speech = dual_stack, os.urandom(160 * 50 * SECONDS)
    for user in ("alice", "bob"):
        g.add_user(user, "plain")
    sides = {"branch": None, "hq": V6}
    callee = "hq" if caller == "branch" else "branch"
    assert ended(sipp(g, callee, "register.xml", "bob", "-m", "1", "-t", tp,
                      at=sides[callee]), 20) == 0
    uas = sipp(g, callee, "uas.xml", "bob", "-m", "3", "-t", tp,
               speech=speech, at=sides[callee])
    time.sleep(0.5)
    uac = sipp(g, caller, "uac.xml", "alice", "-m", "3", "-r", "3", "-t", tp,
               to="bob", speech=speech, at=sides[caller])
    assert ended(uac, 40) == 0, uac.tail()
    assert ended(uas, 20) == 0, uas.tail()
    wait_until("the last call to be over", 10,
               lambda: not g.ctl_json("calls"))
    streams = [s for r in g.ctl_json("records")
               for s in r["media"][0]["streams"]]
    assert len(streams) == 6
    for s in streams:
        assert s["packets_in"] > 40 * SECONDS, s
        assert s["packets_in"] == s["packets_out"] and s["lost"] == 0, s
