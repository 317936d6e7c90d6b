# SPDX-License-Identifier: Apache-2.0
"""Park: by REFER to an orbit, taken by dialling it, recalled, and after a
restart."""

import pytest

from conftest import make
from course import (A_SDP, B_SDP, C_SDP, end, refer, reinvited, set_up, sync,
                    told)
from phone import Dialog, sdp

CALLS = ("  calls:\n    orbits: 700-701\n    conferences: \"800\"\n"
         "    music: hold.wav\n    park_timeout: {}\n")


@pytest.fixture(scope="module")
def parks(tmp_path_factory):
    g = make(tmp_path_factory.mktemp("parks"), 25090,
             options=CALLS.format(60))
    yield g
    g.close()


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    g = make(tmp_path_factory.mktemp("hasty"), 25100, options=CALLS.format(1))
    yield g
    g.close()


@pytest.fixture(autouse=True)
def clean(request):
    used = [request.getfixturevalue(n) for n in ("parks", "hasty")
            if n in request.fixturenames]
    for g in used:
        g.mark()
    yield
    for g in used:
        g.clean()


def park(gw, phones, orbit="park"):
    """b parks a. @return: a's dialog, and the orbit."""
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d, e = set_up(a, b)
    refer(e, f"sip:{orbit}@sip.test")
    told(e, 100)
    reinvited(d, A_SDP.replace("- 1 1", "- 1 2"), want_offer=False)
    ack = a.expect("ACK")
    assert ack.media()[1] == "127.0.0.21" and ack.media()[0]
    m = told(e, 200, final=True)
    e.reply(b.expect("BYE"), 200)
    where = m.body.split("sip:")[1].split("@")[0]
    return d, where, e


def alone(gw, n):
    """So many phones are alone: a transport and a stream each."""
    import time
    for _ in range(100):
        if gw.flows() == (n, n) and gw.saved_calls() == n:
            return
        time.sleep(0.02)
    assert (gw.flows(), gw.saved_calls()) == ((n, n), n)


@pytest.mark.parametrize("orbit", ["park", "701"])
def test_park_and_retrieve(parks, phones, orbit):
    d, where, _ = park(parks, phones, orbit)
    assert where == ("700" if orbit == "park" else orbit)
    alone(parks, 1)
    parked = parks.api("GET", "/api/v1/parked")[1]
    assert [(p["orbit"], p["parked"], p["by"]) for p in parked] == [
        (where, "sip:alice@sip.test", "sip:bob@sip.test")]
    c = phones(parks, "carol")
    f = Dialog(c, where)
    f.call(C_SDP)
    i = reinvited(d, A_SDP.replace("- 1 1", "- 1 3"))
    assert i.media()[1] == "127.0.0.21"
    d.phone.expect("ACK")
    f.answered()
    parks.settle(1)
    assert not parks.api("GET", "/api/v1/parked")[1]
    sync(d)
    end(f, d)
    parks.record(**{"to": f"sip:{where}@sip.test", "status": 200,
                    "reason": "taken from its orbit"})
    parks.record(**{"from": "sip:carol@sip.test", "to": "sip:alice@sip.test"})


def test_nobody_there(parks, phones):
    f = Dialog(phones(parks, "carol"), "701")
    f.call(C_SDP)
    f.refused(404)


def test_orbit_taken(parks, phones):
    d, where, _ = park(parks, phones, "700")
    c, t = phones(parks, "carol"), phones(parks, "dora", side="B")
    f, h = set_up(c, t, answer=sdp("10.9.0.4", profile="RTP/SAVP",
                                   crypto="d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"))
    refer(f, "sip:700@sip.test")
    told(f, 100)
    told(f, 486, final=True)
    t.silent(0.1)
    end(f, h)
    d.bye()
    alone(parks, 0)


def test_parked_phone_changes_its_media(parks, phones):
    """Hold, another codec, an offer that is asked for, UPDATE: answered by the
    gateway, as nobody is at the other end."""
    d, _, _ = park(parks, phones)
    d.request("INVITE", sdp("10.9.0.1", 40000, "sendonly", version=3))
    assert "a=recvonly" in d.answered().body
    d.request("INVITE", sdp("10.9.0.1", 40000, codecs="9 8", version=4))
    assert "m=audio" in d.answered().body
    d.request("INVITE")
    m = d.answered(body=sdp("10.9.0.1", 40000, codecs="0", version=5))
    assert "PCMU" in m.body
    d.request("UPDATE", sdp("10.9.0.1", 40002, version=6))
    assert d.phone.expect(200, method="UPDATE").media()[0]
    d.request("INFO", "Signal=5\r\n", "application/dtmf-relay")
    d.phone.expect(200, method="INFO")
    d.request("INVITE", "v=0\r\nnonsense\r\n")
    d.refused(400)
    alone(parks, 1)
    d.bye()
    alone(parks, 0)


def test_refuses_to_be_parked(parks, phones):
    """Its offer has no codec of the gateway's: it stays where it is."""
    a, b = phones(parks, "alice"), phones(parks, "bob", side="B")
    d, e = set_up(a, b)
    refer(e, "sip:700@sip.test")
    told(e, 100)
    odd = A_SDP.replace("RTP/AVP 0 8", "RTP/AVP 97").replace(
        "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000", "a=rtpmap:97 L16/8000")
    reinvited(d, odd, want_offer=False)
    assert "m=audio 0 " in a.expect("ACK").body
    told(e, 488, final=True)
    # and the call's media are agreed anew
    i = b.expect("INVITE")
    e.reply(i, 200, B_SDP.replace("- 1 1", "- 1 2"))
    reinvited(d, A_SDP.replace("- 1 1", "- 1 4"))
    a.expect("ACK")
    b.expect("ACK")
    parks.settle(1)
    end(d, e)


def test_recall(hasty, phones):
    """Nobody takes it: who has parked it is rung, twice."""
    d, _, e = park(hasty, phones)
    bob = e.phone
    i = bob.expect("INVITE", 6)
    e = Dialog.of(bob, i)
    assert "alice" in i["from"]
    e.reply(i, 486)
    bob.expect("ACK")
    i = bob.expect("INVITE", 6)
    e = Dialog.of(bob, i)
    e.reply(i, 180)
    e.reply(i, 200, B_SDP)
    reinvited(d, A_SDP.replace("- 1 1", "- 1 3"))
    d.phone.expect("ACK")
    bob.expect("ACK")
    hasty.settle(1)
    end(e, d)


def test_taken_while_the_recall_rings(hasty, phones):
    d, where, e = park(hasty, phones)
    bob = e.phone
    i = bob.expect("INVITE", 6)
    e = Dialog.of(bob, i)
    e.reply(i, 180)
    c = phones(hasty, "carol")
    f = Dialog(c, where)
    f.call(C_SDP)
    m = bob.expect("CANCEL")
    e.reply(m, 200)
    e.reply(i, 487)
    bob.expect("ACK")
    reinvited(d, A_SDP.replace("- 1 1", "- 1 3"))
    d.phone.expect("ACK")
    f.answered()
    end(f, d)


def test_parked_through_a_restart(parks, phones):
    d, where, _ = park(parks, phones)
    alone(parks, 1)
    parks.kill()
    parks.start()
    alone(parks, 1)
    assert parks.api("GET", "/api/v1/parked")[1][0]["orbit"] == where
    c = phones(parks, "carol")
    f = Dialog(c, where)
    f.call(C_SDP)
    reinvited(d, A_SDP.replace("- 1 1", "- 1 3"))
    d.phone.expect("ACK")
    f.answered()
    parks.settle(1)
    end(d, f)
