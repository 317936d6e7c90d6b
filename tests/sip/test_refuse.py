# SPDX-License-Identifier: Apache-2.0
"""What is refused, and how."""

import os

import pytest

from course import A_SDP, B_SDP, KEY, end, set_up
from phone import Dialog, Phone



@pytest.mark.parametrize("body,status", [
    ("v=0\r\nthis is no SDP\r\n", 400),
    (A_SDP.replace("m=audio 40000", "m=audio zero"), 400),
    (A_SDP.replace("RTP/AVP", "RTP/SAVP") +
     "a=crypto:1 NULL_HMAC_SHA1_80 inline:" + KEY + "\r\n", 488),
    (A_SDP.replace("10.9.0.1", "some.host"), 488),
    (A_SDP.replace("10.9.0.1", "127.0.0.1"), 488),
])
def test_bad_sdp(gw, phones, body, status):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(body)
    m = d.refused(status)
    assert m["reason"] and m["warning"] and KEY not in m.text
    b.silent(0.1)
    gw.settle(0)
    assert gw.record(status=status)["reason"]


def test_bad_answer(gw, phones):
    """The phone's answer doesn't do: it is hung up, the caller is told."""
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    i = b.expect("INVITE")
    e = Dialog.of(b, i)
    e.reply(i, 200, "v=0\r\nnonsense\r\n")
    b.expect("ACK")
    e.reply(b.expect("BYE"), 200)
    d.refused(400)
    gw.settle(0)


def test_verbs_refused(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d, e = set_up(a, b)
    for verb, status in (("MESSAGE", 405), ("NOTIFY", 405),
                         ("SUBSCRIBE", 405), ("WHATEVER", 501)):
        d.request(verb)
        m = a.expect(status)
        assert status != 405 or "INVITE" in m["allow"]
    d.request("OPTIONS")
    m = a.expect(200)
    assert "PRACK" in m["allow"] and "application/sdp" in m["accept"]
    b.silent(0.1)
    end(d, e)


def test_replaces_of_nothing(gw, phones):
    a = phones(gw, "alice")
    d = Dialog(a, "bob")
    d.call(A_SDP, lines=["Replaces: x;to-tag=1;from-tag=2"])
    d.refused(481)


def test_outside_a_dialog(gw, phones):
    a = phones(gw, "alice", register=False)
    for verb in ("BYE", "INFO", "UPDATE", "PRACK"):
        d = Dialog(a, "bob")
        d.remote_tag = "none"
        d.request(verb)
        a.expect(481)
    d = Dialog(a, "bob")
    d.invite_branch, d.seq = "z9hG4bKnone", 1
    d.cancel()
    a.expect(481)


@pytest.mark.parametrize("change,status", [
    (("Max-Forwards: 70", "Max-Forwards: 0"), 483),
    (("Max-Forwards: 70", "Max-Forwards: many"), 400),
    (("Max-Forwards: 70", "Max-Forwards: 70\r\nRequire: privacy, foo"), 420),
    (("1 INVITE", "1 BYE"), 400),
    ((";tag=", ";nottag="), 400),
    (("1 INVITE", "4294967295 INVITE"), 400),
    (("application/sdp", "application/sdp\r\nContent-Encoding: gzip"), 415),
    (("application/sdp", "multipart/mixed;boundary=x"), 415),
    (("Contact: ", "X-Contact: "), 400),
    (("Call-ID: ", "Call-ID: second\r\nCall-ID: "), 400),
])
def test_odd_invites(gw, phones, change, status):
    a = phones(gw, "alice", register=False)
    d = Dialog(a, "bob")
    text = a.format(f"INVITE {d.target} SIP/2.0", d.headers("INVITE", 1), A_SDP)
    assert change[0] in text
    a.send(text.replace(*change, 1))
    m = a.expect(status)
    if status == 420:
        assert m["unsupported"] == "privacy, foo"
    if status == 415:
        assert m["accept"] == "application/sdp"


def test_junk(gw, phones):
    """What isn't SIP changes nothing (RFC 4475's: test_torture.py)."""
    a = phones(gw, "alice", register=False)
    for n in (0, 1, 5, 100, 8192, 65507):
        a.send(os.urandom(n))
        a.send(b"x" * n)
    with Phone(gw.at, "alice", tp="tcp", ip="127.0.0.19") as t:
        t.send(b"\r\n\r\n" + b"x" * 70000)
    a.recv(0.2)
    while a.recv(0.05):
        pass
    assert gw.control.poll() is None
    assert a.register().status == 200
    a.register(contact="*", expires=0)


def test_dataplane_away(own, phones):
    a, b = phones(own, "alice"), phones(own, "bob", side="B")
    own.dataplane.kill()
    own.dataplane.wait()
    d = Dialog(a, "bob")
    d.call(A_SDP)
    m = d.refused(503)
    assert m["retry-after"] and "ataplane" in m["reason"]
    b.silent(0.1)


MULTIPART = ("preamble\r\n--b1\r\nContent-Type: application/isup;version=x\r\n"
             "Content-Transfer-Encoding: binary\r\n\r\n\x01\x02\r\n"
             "--b1\r\nContent-Type: application/sdp\r\n\r\n%s\r\n"
             "--b1--\r\nepilogue")


def test_multipart(gw, phones):
    """The session description of a body of several parts, in any SDP."""
    a, b = phones(gw, "alice"), phones(gw, "bob")
    d = Dialog(a, "bob")
    kind = 'multipart/mixed;boundary="b1"'
    a.format = lambda start, headers, body="", ctype=kind: type(a).format(
        a, start, headers, MULTIPART % body if body else "", kind)
    d.call(A_SDP)
    invite = b.expect("INVITE")
    assert invite["content-type"] == "application/sdp"
    assert invite.body.startswith("v=0") and "isup" not in invite.text
    e = Dialog.of(b, invite)
    e.reply(invite, 200, MULTIPART % B_SDP, ctype=kind)
    m = d.answered()
    assert m["content-type"] == "application/sdp" and m.media()[0]
    b.expect("ACK")
    d.bye()
    e.reply(b.expect("BYE"), 200)
