# SPDX-License-Identifier: Apache-2.0
"""What happens within a call: offers of either side, INFO, PRACK, and repeats
of what got lost."""

from course import A_SDP, B_SDP, end, set_up, sync
from phone import Dialog, sdp


def test_reinvite_hold(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d, e = set_up(a, b)
    d.request("INVITE", sdp("10.9.0.1", 40000, "sendonly", version=2))
    i = b.expect("INVITE")
    assert "a=sendonly" in i.body and i.tag("to") == e.local_tag
    e.reply(i, 200, sdp("10.9.0.2", 41000, "recvonly", version=2))
    m = d.answered()
    assert "a=recvonly" in m.body
    assert b.expect("ACK").cseq == i.cseq
    sync(d)
    # and the other side resumes
    e.request("INVITE", B_SDP.replace("- 1 1", "- 1 3"))
    i = a.expect("INVITE")
    d.reply(i, 200, A_SDP.replace("- 1 1", "- 1 3"))
    e.answered()
    a.expect("ACK")
    end(d, e)


def test_reinvite_refused_changes_nothing(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d, e = set_up(a, b)
    d.request("INVITE", sdp("10.9.0.1", 40010, version=2))
    i = b.expect("INVITE")
    e.reply(i, 488)
    b.expect("ACK")
    d.refused(488)
    gw.settle(1)
    e.request("INVITE", sdp("10.9.0.2", 41000, "sendonly", version=2))
    i = a.expect("INVITE")  # the other side may offer again
    d.reply(i, 200, sdp("10.9.0.1", 40000, "recvonly", version=2))
    e.answered()
    a.expect("ACK")
    end(d, e)


def test_phone_moves(gw, phones):
    """A re-INVITE from another address: what follows goes there."""
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    moved = phones(gw, "alice", register=False, tp="tcp")
    d, e = set_up(a, b)
    d.phone = moved
    d.request("INVITE", sdp("10.9.0.1", 40000, version=2))
    i = b.expect("INVITE")
    e.reply(i, 200, sdp("10.9.0.2", 41000, version=2))
    d.answered()
    b.expect("ACK")
    e.request("BYE")
    b.expect(200)
    m = moved.expect("BYE")
    assert m.uri == moved.contact
    d.reply(m, 200)
    a.silent(0.1)


def test_no_bye_before_ack(gw, phones):
    """The phone answers and hangs up at once; the caller hears of it after its
    ACK (RFC 3261 section 15)."""
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    i = b.expect("INVITE")
    e = Dialog.of(b, i)
    e.reply(i, 200, B_SDP)
    m = d.learn(a.expect(200))
    b.expect("ACK")
    e.request("BYE")
    b.expect(200)
    a.silent()
    d.request("ACK", seq=m.cseq)
    d.reply(a.expect("BYE"), 200)
    gw.settle(0)


def test_reinvite_cancelled(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d, e = set_up(a, b)
    d.request("INVITE", sdp("10.9.0.1", 40010, version=2))
    d.invite_branch = d.branch
    i = b.expect("INVITE")
    e.reply(i, 100)
    d.cancel()
    a.expect(200, method="CANCEL")
    c = b.expect("CANCEL")
    e.reply(c, 200)
    e.reply(i, 487)
    b.expect("ACK")
    d.refused(487)
    end(d, e)


def test_reinvite_glare(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d, e = set_up(a, b)
    d.request("INVITE", sdp("10.9.0.1", version=2))
    i = b.expect("INVITE")
    e.request("INVITE", sdp("10.9.0.2", version=2))
    e.refused(491)
    e.request("UPDATE", sdp("10.9.0.2", version=2))
    b.expect(491)
    d.request("UPDATE", sdp("10.9.0.1", version=3))
    a.expect(500)
    e.reply(i, 200, sdp("10.9.0.2", version=2))
    d.answered()
    b.expect("ACK")
    end(d, e)


def test_delayed_reinvite(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d, e = set_up(a, b)
    e.request("INVITE")
    i = a.expect("INVITE")
    assert not i.body
    d.reply(i, 200, sdp("10.9.0.1", version=2))
    m = b.expect(200)
    assert m.media()[1] == "127.0.0.22"
    a.silent()
    e.request("ACK", sdp("10.9.0.2", 41000, version=2), seq=m.cseq)
    m = a.expect("ACK")
    assert m.media()[1] == "127.0.0.21"
    end(d, e)


def test_reinvite_lost_dialog_ends_call(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d, e = set_up(a, b)
    d.request("INVITE", sdp("10.9.0.1", version=2))
    i = b.expect("INVITE")
    e.reply(i, 481)
    b.expect("ACK")
    d.refused(481)
    d.reply(a.expect("BYE"), 200)
    e.reply(b.expect("BYE"), 481)
    assert gw.record(status=481)["ended_by"] == "gateway"


def test_update(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d, e = set_up(a, b)
    d.request("UPDATE", sdp("10.9.0.1", 40020, version=2))
    u = b.expect("UPDATE")
    assert u.media()[1] == "127.0.0.22"
    e.reply(u, 200, sdp("10.9.0.2", 41000, version=2))
    assert a.expect(200, method="UPDATE").media()[1] == "127.0.0.21"
    e.request("UPDATE", sdp("10.9.0.2", 41020, version=3))
    u = a.expect("UPDATE")
    d.reply(u, 488)
    b.expect(488)
    d.request("UPDATE")  # a sign of life: answered here
    a.expect(200)
    b.silent()
    end(d, e)


def test_info(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d, e = set_up(a, b)
    body = "Signal=5\r\nDuration=160\r\n"
    d.request("INFO", body, "application/dtmf-relay",
              lines=["Info-Package: test"])
    i = b.expect("INFO")
    assert i.body == body and i["content-type"] == "application/dtmf-relay"
    assert i["info-package"] == "test"
    a.silent(0.2)  # only the far end answers
    e.reply(i, 200, "ok", ctype="text/plain")
    m = a.expect(200)
    assert m.body == "ok" and m["content-type"] == "text/plain"
    e.request("INFO", "x", "application/x-other")
    i = a.expect("INFO")
    d.reply(i, 469)
    b.expect(469)
    end(d, e)


def test_info_too_large(gw, phones):
    """By TCP, since no UDP datagram of more than 8 KiB is taken."""
    a, b = phones(gw, "alice", tp="tcp"), phones(gw, "bob", side="B")
    d, e = set_up(a, b)
    d.request("INFO", "x" * 9000, "text/plain")
    a.expect(413)
    b.silent(0.1)
    end(d, e)


def test_prack(gw, phones):
    """100rel end to end: RSeq goes through, the answer too."""
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(A_SDP, lines=["Supported: 100rel"])
    i = b.expect("INVITE")
    assert "100rel" in i["supported"]
    e = Dialog.of(b, i)
    reliable = ["Require: 100rel", "RSeq: 7001"]
    text = e.reply(i, 183, B_SDP, lines=reliable)
    m = d.learn(a.expect(183))
    assert m["rseq"] == "7001" and m["require"] == "100rel" and m.body
    b.send(text)  # the phone repeats it: the caller hears it again
    assert a.recv(repeats=True)["rseq"] == "7001"
    d.request("PRACK", lines=[f"RAck: 7001 {m.cseq} INVITE"])
    p = b.expect("PRACK")
    assert p["rack"] == f"7001 {i.cseq} INVITE"
    a.silent(0.2)
    e.reply(p, 200)
    a.expect(200, method="PRACK")
    d.request("PRACK", lines=["RAck: 7002 2 INVITE"])
    a.expect(481)
    e.reply(i, 200)
    d.answered()
    b.expect("ACK")
    end(d, e)


def test_prack_and_update_before_answer(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(A_SDP, lines=["Require: 100rel"])
    i = b.expect("INVITE")
    assert i["require"] == "100rel"
    e = Dialog.of(b, i)
    e.reply(i, 183, B_SDP, lines=["Require: 100rel", "RSeq: 1"])
    m = d.learn(a.expect(183))
    # a new offer in the PRACK
    d.request("PRACK", sdp("10.9.0.1", 40002, version=2),
              lines=[f"RAck: 1 {m.cseq} INVITE"])
    p = b.expect("PRACK")
    e.reply(p, 200, sdp("10.9.0.2", 41000, version=2))
    assert a.expect(200, method="PRACK").body
    # and one from the phone in an UPDATE
    e.request("UPDATE", sdp("10.9.0.2", 41004, version=3))
    u = a.expect("UPDATE")
    d.reply(u, 200, sdp("10.9.0.1", 40002, version=3))
    b.expect(200, method="UPDATE")
    e.reply(i, 200)
    assert not d.answered().body
    b.expect("ACK")
    end(d, e)


def test_delayed_offer(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call("")
    i = b.expect("INVITE")
    assert not i.body
    e = Dialog.of(b, i)
    e.reply(i, 180)
    a.expect(180)
    ok = e.reply(i, 200, B_SDP)
    m = d.learn(a.expect(200))
    assert m.media()[1] == "127.0.0.21"
    b.send(ok)
    b.silent()  # no ACK before there is an answer for it
    d.request("ACK", A_SDP, seq=m.cseq)
    ack = b.expect("ACK")
    assert ack.media()[1] == "127.0.0.22"
    b.send(ok)
    assert b.recv(repeats=True).body == ack.body
    gw.settle(1)
    end(d, e)


def test_delayed_offer_never_answered(gw, phones):
    """An ACK without the answer: the call can only be ended."""
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call("")
    i = b.expect("INVITE")
    e = Dialog.of(b, i)
    e.reply(i, 200, B_SDP)
    d.answered()
    assert not b.expect("ACK").body
    e.reply(b.expect("BYE"), 200)
    d.reply(a.expect("BYE"), 200)
    assert gw.record(status=488)["ended_by"] == "gateway"


def test_delayed_offer_in_183(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call("", lines=["Supported: 100rel"])
    i = b.expect("INVITE")
    e = Dialog.of(b, i)
    e.reply(i, 183, B_SDP, lines=["Require: 100rel", "RSeq: 5"])
    m = d.learn(a.expect(183))
    assert m.body
    d.request("PRACK", A_SDP, lines=[f"RAck: 5 {m.cseq} INVITE"])
    p = b.expect("PRACK")
    assert p.media()[1] == "127.0.0.22"
    e.reply(p, 200)
    a.expect(200, method="PRACK")
    e.reply(i, 200)
    d.answered()
    b.expect("ACK")
    end(d, e)


def test_answer_repeated_until_ack(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    i = b.expect("INVITE")
    e = Dialog.of(b, i)
    e.reply(i, 200, B_SDP)
    m = d.learn(a.expect(200))
    for _ in range(2):
        again = a.recv(repeats=True)
        assert again.text == m.text
    d.request("ACK", seq=m.cseq)
    assert a.recv(1.5, repeats=True) is None
    b.expect("ACK")
    end(d, e)


def test_ack_repeated_when_answer_is(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    i = b.expect("INVITE")
    e = Dialog.of(b, i)
    ok = e.reply(i, 200, B_SDP)
    d.answered()
    b.expect("ACK")
    b.send(ok)
    assert b.recv(repeats=True).method == "ACK"
    end(d, e)


def test_requests_repeated(gw, phones):
    """A repeated INVITE is one call; a repeated BYE gets its answer again."""
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    a.send(d.sent)
    i = b.expect("INVITE")
    e = Dialog.of(b, i)
    e.reply(i, 180)
    a.expect(180)
    a.send(d.sent)
    assert a.recv(repeats=True).status == 180
    e.reply(i, 200, B_SDP)
    d.answered()
    b.expect("ACK")
    b.silent()
    d.bye()
    a.send(d.sent)
    assert a.recv(repeats=True).status == 200
    e.reply(b.expect("BYE"), 200)


def test_stray_fork_is_ended(gw, phones):
    """A proxy behind us forked: a second 2xx, with another tag."""
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    d, e = set_up(a, b)
    other = Dialog.of(b, e.invite)
    other.reply(e.invite, 200, B_SDP)
    ack = b.expect("ACK")
    assert ack.tag("to") == other.local_tag
    m = b.expect("BYE")
    assert m.tag("to") == other.local_tag
    other.reply(m, 200)
    end(d, e)
