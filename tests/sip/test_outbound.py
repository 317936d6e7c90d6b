# SPDX-License-Identifier: Apache-2.0
"""Phones that keep a connection, or a way through a translator, open: RFC 5626
(outbound), STUN and line ends as keep-alive."""

import os
import struct
import time

import pytest
from course import A_SDP, end, set_up
from phone import Dialog, Phone

UUID = "urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF"
KNOWS = ["Supported: path, outbound"]


def contact(p, reg_id, instance=UUID):
    return (f'<{p.contact};ob>;reg-id={reg_id}'
            f';+sip.instance="<{instance}>"')


def registered(gw, user="bob"):
    return [r for r in gw.api("GET", "/api/v1/registrations")[1]
            if r["user"] == user]


@pytest.mark.parametrize("tp", ["udp", "tcp", "tls", "wss"])
def test_flow_is_replaced(gw, phones, tp):
    """A phone that comes back from elsewhere, under the same reg-id."""
    b1 = phones(gw, "bob", tp=tp, register=False)
    m = b1.register(contact=contact(b1, 1), lines=KNOWS)
    assert m.status == 200 and m["require"] == "outbound"
    assert f'+sip.instance="<{UUID}>"' in m["contact"]
    assert "reg-id=1" in m["contact"]
    b2 = phones(gw, "bob", tp=tp, register=False)
    m = b2.register(contact=contact(b2, 1), lines=KNOWS)
    assert len(m.all("contact")) == 1
    a = phones(gw, "alice")
    end(*set_up(a, b2))
    b1.silent()


def test_two_flows_of_one_device(gw, phones):
    """It rings by one of them; when that has gone, by the other."""
    b1 = phones(gw, "bob", tp="tcp", register=False)
    b2 = phones(gw, "bob", tp="tls", register=False)
    a = phones(gw, "alice")
    assert b1.register(contact=contact(b1, 1), lines=KNOWS,
                       expires=1000).status == 200
    m = b2.register(contact=contact(b2, 2), lines=KNOWS, expires=2000)
    assert len(m.all("contact")) == 2
    end(*set_up(a, b2))
    b1.silent()
    b2.listener.close()
    b2.listener = None
    b2.sock.close()
    for _ in range(100):
        if any(r["lost"] and r["reg_id"] == 2 for r in registered(gw)):
            break
        time.sleep(0.02)
    end(*set_up(a, b1))


def test_lost_flow_isnt_tried(gw, phones):
    """Behind a translator nobody could be connected to anyway."""
    a, b = phones(gw, "alice"), phones(gw, "bob", tp="tcp", register=False)
    b.register(contact=contact(b, 1), lines=KNOWS)
    b.sock.close()
    for _ in range(100):
        if registered(gw)[0]["lost"]:
            break
        time.sleep(0.02)
    d = Dialog(a, "bob")
    d.call(A_SDP)
    d.refused(480)
    b.sock = b.dial()
    b.buffer = ""
    b.register(contact=contact(b, 1), lines=KNOWS)
    end(*set_up(a, b))


def test_needs_both(gw, phones):
    """reg-id without the option tag, or without an instance, says nothing."""
    b = phones(gw, "bob", register=False)
    m = b.register(contact=contact(b, 1))
    assert m["require"] is None and "reg-id" not in m["contact"]
    m = b.register(contact=f"<{b.contact}>;reg-id=1", lines=KNOWS)
    assert m["require"] is None


def test_proxy_without_outbound(gw, phones):
    b = phones(gw, "bob", register=False)
    lines = [*KNOWS, "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"]
    m = b.register(contact=contact(b, 1), lines=lines)
    assert m.status == 439


def test_device_moves(gw, phones):
    """One that names itself, and knows nothing of outbound."""
    b1 = phones(gw, "bob", register=False)
    b1.register(contact=f'<{b1.contact}>;+sip.instance="<{UUID}>"')
    b2 = phones(gw, "bob", register=False)
    m = b2.register(contact=f'<{b2.contact}>;+sip.instance="<{UUID}>"')
    assert len(m.all("contact")) == 1 and b2.contact in m["contact"]


def test_survives_restart(own, phones):
    b = phones(own, "bob", register=False)
    b.register(contact=contact(b, 3), lines=KNOWS)
    assert own.stop() == 0
    own.start()
    r = registered(own)[0]
    assert r["instance"] == UUID and r["reg_id"] == 3 and not r["lost"]


def test_stun(gw):
    """On the SIP port: what a phone behind a translator looks like."""
    with Phone(gw.at) as p:
        tid = os.urandom(12)
        p.send(struct.pack("!HHI", 1, 0, 0x2112a442) + tid)
        data = p.sock.recv(500)
        kind, _, cookie = struct.unpack("!HHI", data[:8])
        assert (kind, cookie, data[8:20]) == (0x101, 0x2112a442, tid)
        attr, size, _, family, port = struct.unpack("!HHBBH", data[20:28])
        assert (attr, size, family) == (0x20, 8, 1)
        assert port ^ 0x2112 == p.port
        p.send(struct.pack("!HHI", 0x11, 0, 0x2112a442) + tid)  # indication
        p.send(struct.pack("!HHI", 1, 8, 0x2112a442) + tid)  # cut off
        p.silent()


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"\r\n", b"\0\0\0\0", b"jaK",
                                  b"\0", b"hello"])
def test_keep_alive_over_udp(gw, phones, data):
    """Nothing is answered, nothing is disturbed."""
    a = phones(gw, "alice")
    a.send(data)
    a.silent(0.1)
    assert a.register().status == 200
