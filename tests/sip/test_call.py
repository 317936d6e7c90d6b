# SPDX-License-Identifier: Apache-2.0
"""Calls, from INVITE to BYE, and those that never come about."""

import os

import pytest

from course import A_SDP, B_SDP, KEY, end, set_up
from phone import Dialog, sdp


@pytest.mark.parametrize("ta", ["udp", "tcp"])
@pytest.mark.parametrize("tb", ["udp", "tcp"])
def test_call(gw, phones, ta, tb):
    a = phones(gw, "alice", tp=ta)
    b = phones(gw, "bob", tp=tb, side="B")
    d, e = set_up(a, b)
    i = e.invite
    assert i.uri == b.contact
    assert "sip:alice@sip.test" in i["from"] and "bob@sip.test" in i["to"]
    assert i["call-id"] != d.callid and i.tag("from") != d.local_tag
    assert f"127.0.0.22:{gw.PORT}" in i["contact"]
    assert i["max-forwards"] == "69"
    assert "10.9.0" not in i.body, "the caller's address must not leak"
    assert i.media()[1] == "127.0.0.22" and d.ok.media()[1] == "127.0.0.21"
    gw.settle(1)
    end(d, e)
    r = gw.record(ended_by="caller", status=200)
    assert r["from"] == "sip:alice@sip.test" and r["to"] == "sip:bob@sip.test"
    m = r["media"][0]
    assert m["kind"] == "audio" and m["legs"][0]["codec"].startswith("PCMU")
    assert m["streams"][0]["packets_in"] == 50
    assert m["streams"][1]["jitter_ms"] == 0.125
    gw.settle(0)


def test_call_sdes(gw, phones):
    """Plain on one side, SDES on the other; keys stay out of log and store."""
    a, b = phones(gw, "alice"), phones(gw, "dora", side="B")
    d, e = set_up(a, b, answer=sdp("10.9.0.2", profile="RTP/SAVP", crypto=KEY))
    assert "RTP/SAVP" in e.invite.body and "a=crypto:" in e.invite.body
    assert "RTP/AVP" in d.ok.body and "crypto" not in d.ok.body
    ours = e.invite.body.split("inline:")[1].split()[0]
    end(d, e)
    r = gw.record(to="sip:dora@sip.test")
    assert r["media"][0]["legs"][1]["suite_rx"] == "AES_CM_128_HMAC_SHA1_80"
    assert r["media"][0]["legs"][0]["suite_rx"] == "plain"
    for name in os.listdir(gw.folder):
        path = os.path.join(gw.folder, name)
        if os.path.isfile(path):
            with open(path, "rb") as f:
                text = f.read()
            assert KEY.encode() not in text and ours.encode() not in text, name


def test_display_name(gw, phones):
    a = phones(gw, "dora")
    b = phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(sdp("10.9.0.1", profile="RTP/SAVP", crypto=KEY))
    i = b.expect("INVITE")
    assert i["from"].startswith('"Dora \\"D\\" Due" <sip:dora@sip.test>')
    e = Dialog.of(b, i)
    e.reply(i, 603)
    b.expect("ACK")
    d.refused(603)


def test_callee_hangs_up(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d, e = set_up(a, b)
    e.seq = 0
    e.request("BYE", lines=['Reason: Q.850;cause=16;text="done"'])
    b.expect(200)
    m = a.expect("BYE")
    assert "done" in m["reason"]
    d.reply(m, 200)
    assert gw.record(ended_by="callee")["reason"] == "hung up: done"


def test_early_media(gw, phones):
    """183 with SDP, then 200 without: the caller has the answer both times."""
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    i = b.expect("INVITE")
    e = Dialog.of(b, i)
    e.reply(i, 183, B_SDP)
    early = a.expect(183)
    assert early.media()[1] == "127.0.0.21"
    assert gw.flows() == (2, 2)
    e.reply(i, 200)
    ok = d.answered()
    assert ok.body == early.body and ok.tag("to") == early.tag("to")
    b.expect("ACK")
    end(d, e)


def test_cancel(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    i = b.expect("INVITE")
    e = Dialog.of(b, i)
    e.reply(i, 180)
    a.expect(180)
    d.cancel()
    a.expect(200, method="CANCEL")
    d.refused(487)
    c = b.expect("CANCEL")
    assert c["via"] == i["via"]
    e.reply(c, 200)
    e.reply(i, 487)
    b.expect("ACK")
    assert gw.record(status=487)["ended_by"] == "caller"
    gw.settle(0)


def test_cancel_before_anything(gw, phones):
    """The phone has said nothing yet: its CANCEL waits for a 1xx."""
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    i = b.expect("INVITE")
    d.cancel()
    a.expect(200, method="CANCEL")
    d.refused(487)
    b.silent()
    e = Dialog.of(b, i)
    e.reply(i, 180)
    c = b.expect("CANCEL")
    e.reply(c, 200)
    e.reply(i, 487)
    b.expect("ACK")


def test_cancel_crosses_answer(gw, phones):
    """The phone answers while its CANCEL is under way: ACK and BYE."""
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    i = b.expect("INVITE")
    e = Dialog.of(b, i)
    e.reply(i, 180)
    a.expect(180)
    d.cancel()
    b.expect("CANCEL")
    e.reply(i, 200, B_SDP)
    a.expect(200, method="CANCEL")
    d.refused(487)
    b.expect("ACK")
    m = b.expect("BYE")
    e.reply(m, 200)
    gw.settle(0)


def test_early_bye(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    i = b.expect("INVITE")
    e = Dialog.of(b, i)
    e.reply(i, 180)
    d.learn(a.expect(180))
    d.request("BYE")
    got = {a.recv().status, a.recv().status}
    assert got == {200, 487}
    e.reply(b.expect("CANCEL"), 200)
    e.reply(i, 487)
    b.expect("ACK")


@pytest.mark.parametrize("said,heard", [
    (486, 486), (603, 603), (404, 404), (302, 480), (401, 480), (503, 480)])
def test_refused(gw, phones, said, heard):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    i = b.expect("INVITE")
    Dialog.of(b, i).reply(i, said, lines=["Contact: <sip:x@10.0.0.1>"])
    b.expect("ACK")
    m = d.refused(heard)
    assert "10.0.0.1" not in m.text
    assert gw.record(status=heard)["answered"] == 0


@pytest.mark.parametrize("to,status,text", [
    ("nobody", 404, "no such user"), ("carol", 480, "registered"),
    ("%61lic", 404, "no such user")])
def test_nobody_to_ring(gw, phones, to, status, text):
    a = phones(gw, "alice")
    d = Dialog(a, to)
    d.call(A_SDP)
    m = d.refused(status)
    assert text in m["reason"] and text in m["warning"]
    assert text in gw.record(status=status)["reason"]


def test_no_answer(short, phones):
    a, b = phones(short, "alice"), phones(short, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    i = b.expect("INVITE")
    e = Dialog.of(b, i)
    e.reply(i, 180)
    a.expect(180)
    d.refused(480)
    e.reply(b.expect("CANCEL"), 200)
    e.reply(i, 487)
    b.expect("ACK")
    assert short.record(reason="nobody answered")["status"] == 480


def test_not_in_anothers_name(gw, phones):
    a = phones(gw, "alice")
    d = Dialog(a, "bob")
    d.me = "<sip:bob@sip.test>"
    d.call(A_SDP)
    assert "another user" in d.refused(403)["reason"]


def test_wrong_password(gw, phones):
    a = phones(gw, "alice")
    d = Dialog(a, "bob")
    d.call(A_SDP, password="guess")
    d.refused(403)


def test_fork(gw, phones):
    """Both ring, with a To tag each; the first to answer has the call."""
    a = phones(gw, "alice")
    b1, b2 = phones(gw, "bob", side="B"), phones(gw, "bob", side="A", tp="tcp")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    i1, i2 = b1.expect("INVITE"), b2.expect("INVITE")
    e1, e2 = Dialog.of(b1, i1), Dialog.of(b2, i2)
    assert i1["call-id"] != i2["call-id"] and i1.media() != i2.media()
    e1.reply(i1, 180)
    t1 = a.expect(180).tag("to")
    e2.reply(i2, 180)
    t2 = a.expect(180).tag("to")
    assert t1 != t2
    e2.reply(i2, 200, B_SDP)
    assert d.answered().tag("to") == t2
    b2.expect("ACK")
    e1.reply(b1.expect("CANCEL"), 200)
    e1.reply(i1, 487)
    b1.expect("ACK")
    end(d, e2)
    gw.settle(0)


def test_fork_both_answer(gw, phones):
    a = phones(gw, "alice")
    b1, b2 = phones(gw, "bob", side="B"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    i1, i2 = b1.expect("INVITE"), b2.expect("INVITE")
    e1, e2 = Dialog.of(b1, i1), Dialog.of(b2, i2)
    e1.reply(i1, 200, B_SDP)
    e2.reply(i2, 200, B_SDP)
    d.answered()
    b1.expect("ACK")
    b2.expect("ACK")
    m = b2.expect("BYE")
    assert "elsewhere" in m["reason"]
    e2.reply(m, 200)
    end(d, e1)


@pytest.mark.parametrize("one,two,heard", [
    (480, 486, 486), (486, 603, 603), (408, 404, 404)])
def test_fork_all_refuse(gw, phones, one, two, heard):
    a = phones(gw, "alice")
    b1, b2 = phones(gw, "bob", side="B"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    for b, status in ((b1, one), (b2, two)):
        i = b.expect("INVITE")
        Dialog.of(b, i).reply(i, status)
        b.expect("ACK")
    d.refused(heard)
