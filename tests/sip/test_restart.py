# SPDX-License-Identifier: Apache-2.0
"""Calls outlive the program."""

from course import A_SDP, KEY, end, set_up
from phone import Dialog, sdp


def test_kill_in_call(gw, phones):
    """kill -9 in the middle of calls: each goes on after a restart."""
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    c, t = phones(gw, "carol"), phones(gw, "dora", tp="tcp", side="B")
    d, e = set_up(a, b)
    f, h = set_up(c, t, answer=sdp("10.9.0.2", profile="RTP/SAVP", crypto=KEY))
    gw.settle(2)
    gw.kill()
    gw.settle(2)  # media go on
    gw.start()
    gw.settle(2)  # and are left alone

    d.request("INVITE", sdp("10.9.0.1", 40000, "sendonly", version=2))
    i = b.expect("INVITE")
    assert i["call-id"] == e.callid and i.cseq > e.invite.cseq
    e.reply(i, 200, sdp("10.9.0.2", 41000, "recvonly", version=2))
    d.answered()
    b.expect("ACK")
    e.request("BYE")  # from the side that was called
    b.expect(200)
    d.reply(a.expect("BYE"), 200)
    # the TCP phone's connection went with the gateway: it is called anew
    f.bye()
    h.reply(t.expect("BYE"), 200)
    gw.settle(0)


def test_stop_leaves_calls_up(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    c = phones(gw, "carol")
    d, e = set_up(a, b)
    r = Dialog(c, "alice")
    r.call(A_SDP)
    a.expect("INVITE")
    assert gw.stop() == 0
    assert c.expect(503)["retry-after"]
    gw.settle(1)
    gw.start()
    gw.settle(1)
    end(d, e)


def test_operator_hangs_up(gw, phones):
    """By the control API, a call that was taken up again."""
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d, e = set_up(a, b)
    gw.settle(1)
    gw.kill()
    gw.start()
    status, calls = gw.api("GET", "/api/v1/calls")
    assert status == 200 and len(calls) == 1
    call = calls[0]
    assert call["state"] == "up" and call["from"] == "sip:alice@sip.test"
    status, _ = gw.api("DELETE", f"/api/v1/calls/{call['id']}")
    assert status // 100 == 2
    d.reply(a.expect("BYE"), 200)
    e.reply(b.expect("BYE"), 200)
    assert gw.record(id=call["id"])["ended_by"] == "gateway"
    gw.settle(0)


def test_both_restarted(short, phones):
    """Keys are kept nowhere but in the two programs: without either, a call
    with SRTP can't go on; a plain one does."""
    a, b = phones(short, "alice"), phones(short, "bob", side="B")
    c, s = phones(short, "carol"), phones(short, "dora", side="B")
    d, e = set_up(a, b)
    f, h = set_up(c, s,
                  answer=sdp("10.9.0.2", profile="RTP/SAVP", crypto=KEY))
    short.settle(2)
    short.kill()
    short.dataplane.kill()
    short.dataplane.wait()
    short.start_dataplane()
    short.start()
    m = c.expect("BYE")
    assert "keys were lost" in m["reason"]
    f.reply(m, 200)
    h.reply(s.expect("BYE"), 200)
    short.settle(1)
    end(d, e)


def test_silent_media_ends_call(short, phones):
    """Also for a call that was taken up again."""
    a, b = phones(short, "alice"), phones(short, "bob", side="B")
    d, e = set_up(a, b)
    short.settle(1)
    short.kill()
    short.start()
    short.silence()
    m = a.expect("BYE", 6)
    assert "no media" in m["reason"]
    d.reply(m, 200)
    e.reply(b.expect("BYE"), 200)
    r = short.record(reason="no media from either side")
    assert r["ended_by"] == "gateway"
