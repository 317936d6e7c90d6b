# SPDX-License-Identifier: Apache-2.0
"""Transfer: REFER, blind and with Replaces. Who is where in the end, what every
phone is told on the way, and that nothing changes where it fails."""

import re

import pytest

from course import (A_SDP, B_SDP, C_SDP, end, refer, reinvited, set_up, sync,
                    three, told)
from phone import Dialog, sdp


def origin(m):
    """(session id, version) of the o= line."""
    return tuple(int(n) for n in re.search(
        r"^o=\S+ (\d+) (\d+)", m.body, re.M).groups())


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_blind(gw, phones, who):
    """The transferor is told, then hung up; the two others have a call, each in
    a dialog of its own, with media between them."""
    a, b, c = three(gw, phones)
    d, e = set_up(a, b)
    t, x = (e, d) if who == "callee" else (d, e)  # transferor, transferee
    before = origin(x.ok if who == "callee" else x.invite)
    refer(t, "sip:carol@sip.test")
    told(t, 100)
    i = c.expect("INVITE")
    assert not i.body  # its 2xx has the offer
    assert f"<sip:{x.phone.user}@sip.test>" in i["from"]
    assert i["referred-by"] == f"<sip:{t.phone.user}@sip.test>"
    f = Dialog.of(c, i)
    f.reply(i, 180)
    told(t, 180)
    f.reply(i, 200, C_SDP)
    r = reinvited(x, A_SDP.replace("- 1 1", "- 1 2"))
    after = origin(r)
    assert after[0] == before[0] and after[1] > before[1]
    x.phone.expect("ACK")
    ack = c.expect("ACK")
    assert ack.media()[1] == "127.0.0.21"
    told(t, 200, final=True)
    t.reply(t.phone.expect("BYE"), 200)
    gw.settle(1)
    sync(x)
    # and the new call is one like any other: hold, INFO, BYE
    x.request("INVITE", sdp("10.9.0.1", 40000, "sendonly", version=4))
    i = c.expect("INVITE")
    assert "a=sendonly" in i.body
    f.reply(i, 200, sdp("10.9.0.3", 42000, "recvonly", version=2))
    x.answered()
    c.expect("ACK")
    end(f, x)
    gw.settle(0)
    name = {"caller": ("alice", "bob"), "callee": ("bob", "alice")}[who]
    gw.record(**{"from": "sip:alice@sip.test", "to": "sip:bob@sip.test",
                 "reason": "transferred to sip:carol@sip.test"})
    gw.record(**{"from": f"sip:{name[1]}@sip.test",
                 "to": "sip:carol@sip.test", "status": 200})


def consult(gw, phones):
    """b has a call with a, and another with c."""
    a, b, c = three(gw, phones)
    d, e = set_up(a, b)
    g, f = set_up(b, c, body=B_SDP, answer=C_SDP)
    return d, e, g, f


def replaces(g):
    return (f"sip:carol@sip.test?Replaces={g.callid}%3Bto-tag%3D{g.remote_tag}"
            f"%3Bfrom-tag%3D{g.local_tag}")


def test_consultative(gw, phones):
    d, e, g, f = consult(gw, phones)
    gw.settle(2)
    refer(e, replaces(g))
    told(e, 100)
    reinvited(f, C_SDP, want_offer=False)
    r = reinvited(d, A_SDP)
    assert r.media()[1] == "127.0.0.21"
    ack = f.phone.expect("ACK")
    assert ack.media()[1] == "127.0.0.21"
    d.phone.expect("ACK")
    told(e, 200, final=True)
    byes = {e.phone.expect("BYE")["call-id"] for _ in range(2)}
    assert byes == {e.callid, g.callid}
    gw.settle(1)
    sync(d)
    end(d, f)
    gw.record(**{"from": "sip:alice@sip.test", "to": "sip:carol@sip.test",
                 "status": 200})


@pytest.mark.parametrize("to,status,text", [
    ("sip:nobody@sip.test", 404, None),
    ("sip:dora@sip.test", 480, None),  # not registered
    ("sip:someone@elsewhere.test", 404, None),
    ("sip:carol@sip.test?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2", 481, None),
])
def test_target_unreachable(gw, phones, to, status, text):
    """NOTIFY says why, and the call is as it was."""
    a, b, c = three(gw, phones)
    d, e = set_up(a, b)
    refer(e, to)
    told(e, 100)
    told(e, status, final=True)
    a.silent(0.1)
    c.silent(0.1)
    sync(e)
    gw.settle(1)
    end(d, e)


def test_target_rejects_after_ringing(gw, phones):
    a, b, c = three(gw, phones)
    d, e = set_up(a, b)
    refer(e, "sip:carol@sip.test")
    told(e, 100)
    i = c.expect("INVITE")
    f = Dialog.of(c, i)
    f.reply(i, 180)
    told(e, 180)
    f.reply(i, 603)
    c.expect("ACK")
    told(e, 603, final=True)
    a.silent(0.1)
    # and it may be tried again
    refer(e, "sip:nobody@sip.test")
    told(e, 100)
    told(e, 404, final=True)
    gw.settle(1)
    end(d, e)


def test_transferor_hangs_up_early(gw, phones):
    """After 202 it may go; the transfer goes on, the other isn't hung up."""
    a, b, c = three(gw, phones)
    d, e = set_up(a, b)
    refer(e, "sip:carol@sip.test")
    told(e, 100)
    i = c.expect("INVITE")
    e.bye()
    a.silent(0.2)
    f = Dialog.of(c, i)
    f.reply(i, 200, C_SDP)
    reinvited(d, A_SDP)
    a.expect("ACK")
    c.expect("ACK")
    b.silent(0.1)
    gw.settle(1)
    end(d, f)


def test_transferor_gone_and_target_refuses(gw, phones):
    """Nobody is left for the other phone: it is hung up."""
    a, b, c = three(gw, phones)
    d, e = set_up(a, b)
    refer(e, "sip:carol@sip.test")
    told(e, 100)
    i = c.expect("INVITE")
    e.bye()
    f = Dialog.of(c, i)
    f.reply(i, 486)
    c.expect("ACK")
    d.reply(a.expect("BYE"), 200)
    gw.settle(0)


def test_transferee_hangs_up(gw, phones):
    a, b, c = three(gw, phones)
    d, e = set_up(a, b)
    refer(e, "sip:carol@sip.test")
    told(e, 100)
    i = c.expect("INVITE")
    f = Dialog.of(c, i)
    f.reply(i, 180)
    told(e, 180)
    d.bye()
    m = c.expect("CANCEL")
    f.reply(m, 200)
    f.reply(i, 487)
    c.expect("ACK")
    told(e, 487, final=True)
    e.reply(b.expect("BYE"), 200)
    gw.settle(0)


def test_no_subscription(gw, phones):
    """Refer-Sub: false, RFC 4488: no NOTIFY."""
    a, b, c = three(gw, phones)
    d, e = set_up(a, b)
    m = refer(e, "sip:carol@sip.test",
              lines=["Require: norefersub", "Refer-Sub: false"])
    assert m["refer-sub"] == "false"
    i = c.expect("INVITE")
    f = Dialog.of(c, i)
    f.reply(i, 200, C_SDP)
    reinvited(d, A_SDP)
    a.expect("ACK")
    c.expect("ACK")
    e.reply(b.expect("BYE"), 200)
    end(d, f)


@pytest.mark.parametrize("lines", [
    [], ["Refer-To: <sip:carol@sip.test>", "Refer-To: <sip:alice@sip.test>"],
    ["Refer-To: nonsense"], ["Refer-To: <sip:carol@sip.test;method=BYE>"]])
def test_bad_refer(gw, phones, lines):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d, e = set_up(a, b)
    e.request("REFER", lines=lines)
    b.expect(400)
    end(d, e)


def test_second_refer(gw, phones):
    a, b, c = three(gw, phones)
    d, e = set_up(a, b)
    refer(e, "sip:carol@sip.test")
    told(e, 100)
    i = c.expect("INVITE")
    refer(e, "sip:alice@sip.test", status=491)
    refer(d, "sip:alice@sip.test", status=491)
    f = Dialog.of(c, i)
    f.reply(i, 486)
    c.expect("ACK")
    told(e, 486, final=True)
    end(d, e)


def test_glare(gw, phones):
    """The other phone offers at the same moment: 491, and it is asked again; its
    own offer has been taken meanwhile."""
    a, b, c = three(gw, phones)
    d, e = set_up(a, b)
    refer(e, "sip:carol@sip.test")
    told(e, 100)
    i = c.expect("INVITE")
    f = Dialog.of(c, i)
    f.reply(i, 200, C_SDP)
    r = a.expect("INVITE")
    d.request("INVITE", sdp("10.9.0.1", 40000, version=2))
    d.refused(491)
    d.reply(r, 491)
    a.expect("ACK")
    d.request("INVITE", sdp("10.9.0.1", 40000, version=3))
    i2 = b.expect("INVITE")  # still the old call
    e.reply(i2, 200, sdp("10.9.0.2", 41000, version=2))
    d.answered()
    b.expect("ACK")
    reinvited(d, sdp("10.9.0.1", 40000, version=4))
    a.expect("ACK")
    c.expect("ACK")
    told(e, 200, final=True)
    e.reply(b.expect("BYE"), 200)
    end(d, f)


def test_transferee_refuses_the_offer(gw, phones):
    """The target has answered, but the other phone can't have its codecs: the
    target is hung up, and the old call goes on."""
    a, b, c = three(gw, phones)
    d, e = set_up(a, b)
    refer(e, "sip:carol@sip.test")
    told(e, 100)
    i = c.expect("INVITE")
    f = Dialog.of(c, i)
    f.reply(i, 200, sdp("10.9.0.3", 42000, codecs="9"))
    r = a.expect("INVITE")
    d.reply(r, 488)
    a.expect("ACK")
    ack = c.expect("ACK")
    assert "m=audio 0 " in ack.body  # its offer is answered all the same
    f.reply(c.expect("BYE"), 200)
    told(e, 488, final=True)
    gw.settle(1)
    sync(e)
    end(d, e)


def test_consultative_refused_is_mended(gw, phones):
    """The second phone has been asked for an offer already: its call with the
    transferor gets its media back, by a new negotiation."""
    d, e, g, f = consult(gw, phones)
    refer(e, replaces(g))
    told(e, 100)
    reinvited(f, C_SDP, want_offer=False)
    r = d.phone.expect("INVITE")
    d.reply(r, 488)
    d.phone.expect("ACK")
    assert "m=audio 0 " in f.phone.expect("ACK").body
    told(e, 488, final=True)
    reinvited(f, C_SDP.replace("- 1 1", "- 1 3"), want_offer=False)
    i = e.phone.expect("INVITE")
    assert i["call-id"] == g.callid
    g.reply(i, 200, B_SDP)
    e.phone.expect("ACK")
    assert f.phone.expect("ACK").media()[0]
    gw.settle(2)
    end(d, e)
    end(g, f)


def test_target_still_rings(gw, phones):
    """REFER with the Replaces of a call that isn't answered yet."""
    a, b, c = three(gw, phones)
    d, e = set_up(a, b)
    g = Dialog(b, "carol")
    g.call(B_SDP)
    i = c.expect("INVITE")
    f = Dialog.of(c, i)
    f.reply(i, 180)
    g.learn(b.expect(180))
    refer(e, replaces(g))
    told(e, 100)
    g.refused(487)
    m = c.expect("CANCEL")
    f.reply(m, 200)
    f.reply(i, 487)
    i = next(m for m in (c.recv(), c.recv()) if m.method == "INVITE")
    f = Dialog.of(c, i)
    f.reply(i, 200, C_SDP)
    reinvited(d, A_SDP)
    a.expect("ACK")
    c.expect("ACK")
    told(e, 200, final=True)
    e.reply(b.expect("BYE"), 200)
    end(d, f)


def test_other_m_lines(gw, phones):
    """A phone that had audio and video, put through to one with audio only:
    towards it the video stays, switched off (RFC 3264 section 8)."""
    video = "m=video 40010 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
    a, b, c = three(gw, phones)
    d, e = set_up(a, b, body=A_SDP + video,
                  answer=B_SDP + video.replace("40010", "41010"))
    refer(e, "sip:carol@sip.test")
    told(e, 100)
    i = c.expect("INVITE")
    f = Dialog.of(c, i)
    f.reply(i, 200, C_SDP)
    r = reinvited(d, A_SDP + video.replace("40010", "0"))
    assert "m=video 0 " in r.body and r.body.count("m=") == 2
    a.expect("ACK")
    assert c.expect("ACK").body.count("m=") == 1
    told(e, 200, final=True)
    e.reply(b.expect("BYE"), 200)
    # both may offer anew, each with as many m-lines as it had
    f.request("INVITE", C_SDP.replace("- 1 1", "- 1 2"))
    r = reinvited(d, A_SDP + video.replace("40010", "0"))
    assert r.body.count("m=") == 2
    assert f.answered().body.count("m=") == 1
    a.expect("ACK")
    d.request("INVITE", A_SDP + video)
    i = reinvited(f, C_SDP + video.replace("40010", "0"))
    assert i.body.count("m=") == 2
    assert d.answered().body.count("m=") == 2
    c.expect("ACK")
    end(d, f)


def test_after_a_restart(gw, phones):
    """A call that was put through is one that outlives a crash, and can be put
    through again."""
    a, b, c = three(gw, phones)
    d, e = set_up(a, b)
    refer(e, "sip:carol@sip.test")
    told(e, 100)
    i = c.expect("INVITE")
    f = Dialog.of(c, i)
    f.reply(i, 200, C_SDP)
    reinvited(d, A_SDP)
    a.expect("ACK")
    c.expect("ACK")
    told(e, 200, final=True)
    e.reply(b.expect("BYE"), 200)
    gw.settle(1)
    gw.kill()
    gw.start()
    gw.settle(1)
    refer(d, "sip:bob@sip.test")
    told(d, 100)
    i = b.expect("INVITE")
    e = Dialog.of(b, i)
    e.reply(i, 200, B_SDP)
    reinvited(f, C_SDP)
    b.expect("ACK")
    c.expect("ACK")
    told(d, 200, final=True)
    d.reply(a.expect("BYE"), 200)
    end(e, f)


def invite_replacing(phone, of, body=C_SDP, lines=()):
    d = Dialog(phone, "whoever")
    d.call(body, lines=[
        f"Replaces: {of.callid};to-tag={of.remote_tag};"
        f"from-tag={of.local_tag}", *lines])
    return d


@pytest.mark.parametrize("delayed", [False, True])
def test_invite_with_replaces(gw, phones, delayed):
    """RFC 3891: another phone takes the place of one."""
    a, b, c = three(gw, phones)
    d, e = set_up(a, b)
    f = invite_replacing(c, e, "" if delayed else C_SDP)
    i = reinvited(d, A_SDP.replace("- 1 1", "- 1 2"), want_offer=not delayed)
    if not delayed:
        assert i.media()[1] == "127.0.0.21"
        a.expect("ACK")
    m = f.answered(body=C_SDP if delayed else "")
    assert m.media()[1] == "127.0.0.21"
    if delayed:
        assert a.expect("ACK").media()[1] == "127.0.0.21"
    e.reply(b.expect("BYE"), 200)
    gw.settle(1)
    end(f, d)


def test_invite_with_replaces_refused(gw, phones):
    """The other phone refuses: the call is as it was."""
    a, b, c = three(gw, phones)
    d, e = set_up(a, b)
    f = invite_replacing(c, e, lines=[])
    i = a.expect("INVITE")
    d.reply(i, 488)
    a.expect("ACK")
    f.refused(488)
    b.silent(0.1)
    f = Dialog(c, "whoever")
    f.call(C_SDP, lines=[f"Replaces: {e.callid};to-tag={e.remote_tag};"
                         f"from-tag={e.local_tag};early-only"])
    f.refused(486)
    gw.settle(1)
    end(d, e)


def test_target_never_answers_the_invite(short, phones):
    """Not a word from it, until the gateway gives up."""
    a, b, c = three(short, phones)
    d, e = set_up(a, b)
    refer(e, "sip:carol@sip.test")
    told(e, 100)
    c.expect("INVITE")
    told(e, 480, final=True)
    short.record(**{"to": "sip:carol@sip.test", "status": 480})
    end(d, e)
