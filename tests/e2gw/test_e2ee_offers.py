# SPDX-License-Identifier: Apache-2.0
"""a=e2ee in offers and answers, the first and all later ones, and the
handshake's INFO."""

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from e2ee_sip import (A_SDP, B_SDP, HANDSHAKE, M1, M2, M3, M4, M5,  # noqa
                      acknowledged, call, e2ee, gw, message, phones, reason,
                      running, set_up, still_up)
from phone import Dialog, sdp  # noqa: E402


# Offer and answer


def test_both_messages_pass(gw, phones):
    a, b = phones("alice"), phones("bob", side="B")
    d = Dialog(a, "bob")
    d.call(e2ee(A_SDP, M1))
    invite = b.expect("INVITE")
    assert f"\r\na=e2ee:{M1}\r\n" in invite.body
    assert invite.body.index("a=e2ee") < invite.body.index("m=")
    e = Dialog.of(b, invite)
    e.reply(invite, 200, e2ee(B_SDP, M2))
    assert f"\r\na=e2ee:{M2}\r\n" in d.answered().body
    b.expect("ACK")
    started = gw.audit("call-started")
    assert started["call"] == gw.the_call()["id"]
    assert started["from"] == {"aor": "sip:alice@sip.test",
                               "policy": "Global", "by": "global"}
    assert "end to end" in gw.ctl("calls").stdout
    assert "e2ee" in gw.ctl("flows").stdout
    d.bye()
    b.expect("BYE")
    ended = gw.audit("call-ended", call=started["call"])
    assert ended["ended_by"] == "caller" and ended["refused"] == 0


@pytest.mark.parametrize("change,rule", [
    (["user", "e2ee", "off", "alice"], "The caller hasn't turned"),
    (["user", "e2ee", "off", "bob"], "The called user hasn't turned"),
    (["user", "compliance", "on", "alice"], "applies to the caller"),
    (["user", "compliance", "on", "bob"], "applies to the called user"),
])
def test_not_allowed(gw, phones, change, rule):
    """An ordinary call where it isn't required; none where it is."""
    assert gw.ctl(*change).returncode == 0
    a, b = phones("alice"), phones("bob", side="B")
    d, e = set_up(a, b)
    assert "e2ee" not in e.invite.body and "e2ee" not in d.ok.body
    assert not gw.the_call()["e2ee"] and gw.marks() == [False, False]
    d.bye()
    e.reply(b.expect("BYE"), 200)
    d = Dialog(a, "bob")
    d.call(e2ee(A_SDP, message(1, flags=1)))
    assert rule in reason(d.refused(403))
    b.silent(0.1)
    assert not [r for r in gw.audit_all() if r["event"].startswith("call-")]


def test_policy_by_group(gw, phones):
    """As an administrator would: nobody but the board may."""
    assert gw.ctl("policy", "remove", "Global").returncode == 0
    try:
        for words in (["policy", "new", "May", "--calling",
                       "DisabledUserOverride"],
                      ["group", "add", "board"],
                      ["group", "join", "board", "alice"],
                      ["policy", "grant", "May", "--group", "board"]):
            assert gw.ctl(*words).returncode == 0
        a, b = phones("alice"), phones("bob", side="B")
        d, e = set_up(a, b)
        assert "e2ee" not in e.invite.body
        d.bye()
        e.reply(b.expect("BYE"), 200)
        assert gw.ctl("group", "join", "board", "bob").returncode == 0
        d, e = set_up(a, b)
        assert "e2ee" in e.invite.body and gw.the_call()["e2ee"]
        assert gw.audit("call-started")["to"]["policy"] == "May"
    finally:
        gw.ctl("policy", "set", "Global", "--calling", "DisabledUserOverride")
        for words in (["group", "remove", "board"], ["policy", "remove",
                                                     "May"]):
            assert gw.ctl(*words).returncode == 0


@pytest.mark.parametrize("body", [
    e2ee(A_SDP, M1, M1), e2ee(A_SDP, M1, M2), A_SDP + f"a=e2ee:{M1}\r\n",
    e2ee(A_SDP, M1 + "="), e2ee(A_SDP, M2), e2ee(A_SDP, "AQ"),
    e2ee(A_SDP, message(1, more=bytes(4090)))])
def test_odd_offers(gw, phones, body):
    a, b = phones("alice"), phones("bob", side="B")
    d = Dialog(a, "bob")
    d.call(body)
    assert "e2ee" in reason(d.refused(488))
    b.silent(0.1)


def test_four_kib_pass(gw, phones):
    a, b = phones("alice"), phones("bob", side="B")
    big = message(1, more=bytes(4096 - 7))
    d, e = set_up(a, b, body=e2ee(A_SDP, big))
    assert f"a=e2ee:{big}\r\n" in e.invite.body


def test_no_m2(gw, phones):
    """The phone that answers doesn't take part: an ordinary call."""
    d, e = set_up(phones("alice"), phones("bob", side="B"), answer=B_SDP)
    assert "a=e2ee" in e.invite.body and "a=e2ee" not in d.ok.body
    assert not gw.the_call()["e2ee"] and gw.marks() == [False, False]


def test_a_bad_m2_ends_it(gw, phones):
    a, b = phones("alice"), phones("bob", side="B")
    d = Dialog(a, "bob")
    d.call(e2ee(A_SDP, M1))
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    e.reply(invite, 200, e2ee(B_SDP, M2, M2))
    b.expect("ACK")
    e.reply(b.expect("BYE"), 200)
    assert "second" in reason(d.refused(488))


def test_early_media_is_left_out(gw, phones):
    """SDP in 18x is ignored, and no M2 may stand there: nothing flows before
    it is known whether the flows are to bear the mark."""
    a, b = phones("alice"), phones("bob", side="B")
    d = Dialog(a, "bob")
    d.call(e2ee(A_SDP, M1), lines=["Supported: 100rel"])
    invite = b.expect("INVITE")
    # nor can one hold the answer
    assert "100rel" not in ", ".join(invite.all("supported"))
    e = Dialog.of(b, invite)
    e.reply(invite, 183, e2ee(B_SDP, message(2, more=b"early")))
    assert a.expect(183).body == ""
    assert gw.marks() == []
    e.reply(invite, 200, e2ee(B_SDP, M2))
    assert f"a=e2ee:{M2}" in d.answered().body
    b.expect("ACK")
    assert gw.marks() == [True, True]


def test_two_phones_ring_and_one_is_it(gw, phones):
    """A user's own phones all ring: whoever answers first has the call."""
    a, b, c = phones("alice"), phones("bob", side="B"), phones("bob", side="B")
    d = Dialog(a, "bob")
    d.call(e2ee(A_SDP, M1))
    invites = [p.expect("INVITE") for p in (b, c)]
    assert all(f"a=e2ee:{M1}" in i.body for i in invites)
    f = Dialog.of(b, invites[0])
    f.reply(invites[0], 180)
    a.expect(180)
    e = Dialog.of(c, invites[1])
    e.reply(invites[1], 200, e2ee(B_SDP, M2))
    d.answered()
    c.expect("ACK")
    f.reply(b.expect("CANCEL"), 200)
    f.reply(invites[0], 487)
    b.expect("ACK")
    assert gw.the_call()["e2ee"] and gw.marks() == [True, True]


@pytest.mark.parametrize("target", ["sip:bob@127.0.0.21:25080",
                                    "sip:%62ob@sip.test"])
def test_an_alias_is_redirected(gw, phones, target):
    """Who dials it end-to-end encrypted has to dial the AOR."""
    a, b = phones("alice"), phones("bob", side="B")
    d = Dialog(a, "bob")
    d.target = target
    d.call(e2ee(A_SDP, M1))
    assert d.refused(302)["contact"] == "<sip:bob@sip.test>"
    b.silent(0.1)
    d = Dialog(a, "bob")
    d.target = target
    d.call(A_SDP)  # ordinary phones dial as they like
    b.expect("INVITE")
    d.cancel()


# What comes later


BAD = [sdp("10.9.0.1", 40000, version=2),
       e2ee(sdp("10.9.0.1", 40000, version=2), message(1, more=b"other")),
       e2ee(sdp("10.9.0.1", 40000, version=2), M1, M1),
       e2ee(sdp("10.9.0.1", 40000, version=2), M2)]


@pytest.mark.parametrize("body", BAD)
def test_reinvite_without_it(gw, call, body):
    d, e = call
    d.request("INVITE", body)
    assert "a=e2ee" in reason(d.refused(488))
    e.phone.silent(0.1)
    still_up(gw, d, e)


def test_update_without_it(gw, call):
    d, e = call
    e.request("UPDATE", sdp("10.9.0.2", 41000, version=2))
    assert "a=e2ee" in reason(e.phone.expect(488, method="UPDATE"))
    d.phone.silent(0.1)
    still_up(gw, d, e)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_answer_without_it(gw, call, method):
    """The other side agrees without its M2: not to be had, and no harm."""
    d, e = call
    hold = e2ee(sdp("10.9.0.1", 40000, "sendonly", version=2), M1)
    d.request(method, hold)
    e.reply(e.phone.expect(method), 200, sdp("10.9.0.2", 41000, "recvonly"))
    if method == "INVITE":
        e.phone.expect("ACK")
        m = d.refused(488)
    else:
        m = d.phone.expect(488)
    assert "a=e2ee" in reason(m)
    still_up(gw, d, e)


def test_hold_and_video(gw, call):
    """What repeats it passes, and new media are marked as well."""
    d, e = call
    d.request("INVITE", e2ee(sdp("10.9.0.1", 40000, "sendonly", version=2),
                             M1))
    e.reply(e.phone.expect("INVITE"), 200,
            e2ee(sdp("10.9.0.2", 41000, "recvonly"), M2))
    assert f"a=e2ee:{M2}" in d.answered().body
    e.phone.expect("ACK")
    acknowledged(d)
    video = "m=video {} RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n" \
            "a=content:slides\r\n"
    e.request("INVITE", e2ee(sdp("10.9.0.2", 41000, version=3), M2)
              + video.format(41010))
    invite = d.phone.expect("INVITE")
    assert f"a=e2ee:{M2}" in invite.body and "a=content:slides" in invite.body
    d.reply(invite, 200, e2ee(sdp("10.9.0.1", 40000, version=3), M1)
            + video.format(40010))
    e.answered()
    d.phone.expect("ACK")
    assert gw.marks() == [True] * 4


def test_after_a_crash_of_control(gw, call):
    d, e = call
    d.request("INFO", M3, HANDSHAKE)
    e.reply(e.phone.expect("INFO"), 200)
    d.phone.expect(200)
    time.sleep(0.2)  # a crash may take what isn't written yet
    gw.kill()
    gw.start()
    assert gw.the_call()["e2ee"] and gw.marks() == [True, True]
    d.request("INFO", "\3other", HANDSHAKE)
    d.phone.expect(400)
    e.request("INFO", M4, HANDSHAKE)
    d.reply(d.phone.expect("INFO"), 200)
    e.phone.expect(200)
    d.request("INVITE", BAD[0])
    d.refused(488)
    still_up(gw, d, e)
    assert len([r for r in gw.audit_all()
                if r["event"] == "call-started"]) == 1


# The handshake's INFO


def info(d, e, body):
    """Sent by d; passed, e answers 200. @return what d gets."""
    d.request("INFO", body, HANDSHAKE)
    return d.phone.expect(200, method="INFO") if e is None else passed(d, e,
                                                                       body)


def passed(d, e, body):
    m = e.phone.expect("INFO")
    assert m.body == body and m["content-type"] == HANDSHAKE
    e.reply(m, 200)
    return d.phone.expect(200, method="INFO")


def test_info_in_order(gw, call):
    d, e = call
    info(d, e, M3)
    info(e, d, M4)
    info(d, e, M3)  # a copy
    info(d, e, M5)


@pytest.mark.parametrize("who,body,status", [
    ("d", M4, 400), ("d", M5, 400), ("e", M3, 400), ("e", M4, 400),
    ("d", "\1one", 400), ("d", "\x7f", 400), ("d", "\3" + "x" * 4096, 413)])
def test_info_that_isnt_due(gw, call, who, body, status):
    d, e = call if who == "d" else reversed(call)
    d.request("INFO", body, HANDSHAKE)
    reason(d.phone.expect(status))
    e.phone.silent(0.1)
    if who == "d":
        info(d, e, M3)  # no harm done


def test_info_that_differs_or_repeats(gw, call):
    d, e = call
    for _ in range(4):
        info(d, e, M3)
    d.request("INFO", M3, HANDSHAKE)
    assert "too often" in reason(d.phone.expect(503))
    d.request("INFO", M3 + "!", HANDSHAKE)
    assert "differs" in reason(d.phone.expect(400))
    e.phone.silent(0.1)


def test_info_failures_come_back(gw, call):
    d, e = call
    d.request("INFO", M3, HANDSHAKE)
    e.reply(e.phone.expect("INFO"), 488)
    d.phone.expect(488)


def test_info_on_an_ordinary_call(gw, phones):
    d, e = set_up(phones("alice"), phones("bob", side="B"), A_SDP, B_SDP)
    d.request("INFO", M3, HANDSHAKE)
    assert "isn't end-to-end encrypted" in reason(d.phone.expect(488))
    d.request("INFO", "Signal=5", "application/dtmf-relay")
    e.reply(e.phone.expect("INFO"), 200)
    d.phone.expect(200)
