# SPDX-License-Identifier: Apache-2.0
"""The SIP door from outside: real sallyport-control, phones on loopback, and a
dataplane that only says yes (packets are other tests' matter)."""

import os
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gateway import Gateway, isolate  # noqa: E402
from phone import Dialog, Phone, sdp  # noqa: E402

isolate()
HERE = os.path.dirname(os.path.abspath(__file__))
A_SDP = sdp("10.9.0.1", 40000)
B_SDP = sdp("10.9.0.2", 41000)
KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
SHORT = ("    ring_timeout: 1\n    nonce_lifetime: 1\n"
         "    min_expires: 30\n    default_expires: 40\n"
         "    max_expires: 50\n")


def make(tmp, port, **kw):
    g = Gateway(tmp, port, **kw)
    g.start_dataplane()
    g.start()
    for name in ("alice", "bob", "carol"):
        g.add_user(name, security=0)
    g.add_user("dora", security=1, display='Dora "D" Due')
    return g


@pytest.fixture(scope="module")
def gw(tmp_path_factory):
    g = make(tmp_path_factory.mktemp("gw"), 25060)
    yield g
    assert g.stop() == 0, "control must stop cleanly"
    g.close()


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """One whose timers are short."""
    g = make(tmp_path_factory.mktemp("short"), 25070, options=SHORT,
             media_timeout=1)
    yield g
    g.close()


@pytest.fixture(autouse=True)
def only_own_records(request):
    used = [request.getfixturevalue(name) for name in ("gw", "short")
            if name in request.fixturenames]
    for g in used:
        g.mark()
    yield
    for g in used:
        g.clean()


@pytest.fixture
def phones():
    made = []

    def phone(g, user, tp="udp", register=True, side="A", **kw):
        p = Phone(g.at if side == "A" else g.at_b, user, tp=tp,
                  ip=f"127.0.0.{10 + len(made)}", **kw)
        made.append(p)
        if register:
            assert p.register().status == 200
        return p

    yield phone
    for p in made:
        try:
            p.register(contact="*", expires=0)
        except (AssertionError, AttributeError, OSError):
            pass  # it never could, or its gateway has gone
        p.close()


def set_up(a, b, body=A_SDP, answer=B_SDP, lines=()):
    """A call from a to b, as far as the ACK. @return: both dialogs, and what
    was seen on the way."""
    d = Dialog(a, b.user)
    d.call(body, lines=lines)
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    e.reply(invite, 180)
    d.ringing = a.expect(180)
    e.reply(invite, 200, answer)
    d.ok = d.answered()
    e.ack = b.expect("ACK")
    sync(d)
    return d, e


def sync(d):
    """What d sent before has arrived when this has been answered."""
    d.request("OPTIONS")
    d.phone.expect(200, method="OPTIONS")


def end(d, e):
    d.bye()
    m = e.phone.expect("BYE")
    e.reply(m, 200)
    return m


# Registration


def test_register(gw, phones):
    a = phones(gw, "alice", register=False)
    m = a.register()
    assert m.status == 200
    assert a.contact in m["contact"] and "expires=3600" in m["contact"]


@pytest.mark.parametrize("user,password", [("alice", "wrong"),
                                           ("nobody", "secret")])
def test_register_refused(gw, phones, user, password):
    """Unknown and wrong look the same."""
    a = phones(gw, user, register=False, password=password)
    m = a.register()
    assert m.status == 403
    assert 'text="wrong user name or password"' in m["reason"]
    assert m["www-authenticate"] is None


def test_register_nonce_counts(gw, phones):
    """A response that was overheard can't be used again."""
    a = phones(gw, "alice", register=False)
    chal = a.register_once()["www-authenticate"]
    uri = f"sip:{a.domain}"
    auth = a.digest(chal, "REGISTER", uri, nc=1)
    assert a.register_once(auth=auth).status == 200
    m = a.register_once(auth=auth)
    assert m.status == 401 and "stale=true" in m["www-authenticate"]
    assert a.register_once(
        auth=a.digest(chal, "REGISTER", uri, nc=2)).status == 200
    assert a.register_once(
        auth=a.digest(chal, "INVITE", uri, nc=3)).status == 403


def test_register_stale(short, phones):
    a = phones(short, "alice", register=False)
    chal = a.register_once()["www-authenticate"]
    assert "stale" not in chal
    time.sleep(2.1)
    m = a.register_once(auth=a.digest(chal, "REGISTER", f"sip:{a.domain}"))
    assert m.status == 401 and "stale=true" in m["www-authenticate"]
    auth = a.digest(m["www-authenticate"], "REGISTER", f"sip:{a.domain}")
    assert a.register_once(auth=auth).status == 200


def test_register_forged_nonce(gw, phones):
    a = phones(gw, "alice", register=False)
    chal = a.register_once()["www-authenticate"]
    nonce = chal.split('nonce="')[1][:48]
    forged = chal.replace(nonce, "0" * 48)
    m = a.register_once(auth=a.digest(forged, "REGISTER", f"sip:{a.domain}"))
    assert m.status == 401 and "stale=true" in m["www-authenticate"]


def test_register_expiry_limits(short, phones):
    a = phones(short, "alice", register=False)
    m = a.register(expires=10)
    assert m.status == 423 and m["min-expires"] == "30"
    assert "expires=50" in a.register(expires=1000)["contact"]
    assert "expires=40" in a.register(expires=None)["contact"]


def test_register_remove(gw, phones):
    a = phones(gw, "alice", register=False)
    two = f"<sip:alice@127.0.0.10:7001>, <{a.contact}>;q=0.5"
    m = a.register(contact=two)
    assert len(m.all("contact")) == 2
    m = a.register(contact="<sip:alice@127.0.0.10:7001>;expires=0")
    assert m.all("contact") == [f"<{a.contact}>;expires=3600"] or \
        m["contact"].startswith(f"<{a.contact}>;expires=35")
    assert a.register(contact="*", expires=3600).status == 400
    m = a.register(contact="*", expires=0)
    assert m.status == 200 and not m.all("contact")


def test_register_query_and_order(gw, phones):
    a = phones(gw, "alice")
    m = a.register(contact="")
    assert m.status == 200 and a.contact in m["contact"]
    chal = a.register_once()["www-authenticate"]
    auth = a.digest(chal, "REGISTER", f"sip:{a.domain}")
    assert a.register_once(auth=auth, seq=1).status == 500
    a.seq += 10


def test_register_not_another(gw, phones):
    a = phones(gw, "alice", register=False)
    m = a.register(to="bob")
    assert m.status == 403 and "another user" in m["reason"]


def test_register_not_the_gateway(gw, phones):
    a = phones(gw, "alice", register=False)
    assert a.register(contact="<sip:x@127.0.0.22:25060>").status == 403


def test_phone_started_anew_leaves_nothing(gw, phones):
    a = phones(gw, "alice", register=False)
    a.register(contact="<sip:old@10.0.0.1:5060>")
    a.callid = "another-life"
    m = a.register()
    assert len(m.all("contact")) == 1 and a.contact in m["contact"]


# Calls


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


# Within a call


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
    m = a.expect(500)
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


# Loss


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


# Refusals


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
    d.request("REFER", lines=["Refer-To: <sip:carol@sip.test>"])
    m = a.expect(501)
    assert m["reason"]
    d.request("OPTIONS")
    m = a.expect(200)
    assert "PRACK" in m["allow"] and "application/sdp" in m["accept"]
    b.silent(0.1)
    end(d, e)


def test_replaces_refused(gw, phones):
    a = phones(gw, "alice")
    d = Dialog(a, "bob")
    d.call(A_SDP, lines=["Replaces: x;to-tag=1;from-tag=2"])
    d.refused(501)


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
    (("Max-Forwards: 70", "Max-Forwards: 70\r\nRequire: timer, foo"), 420),
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
        assert m["unsupported"] == "timer, foo"
    if status == 415:
        assert m["accept"] == "application/sdp"


def test_junk(gw, phones):
    """What isn't SIP changes nothing."""
    a = phones(gw, "alice", register=False)
    with open(os.path.join(HERE, "torture.txt"), "rb") as f:
        cases = f.read().split(b"\n====\n")
    assert len(cases) > 10
    for case in cases:
        data = case.replace(b"\n", b"\r\n")
        a.send(data)
        a.send(data[:len(data) // 2])
    with Phone(gw.at, "alice", tp="tcp", ip="127.0.0.19") as t:
        t.send(b"\r\n\r\n" + b"x" * 70000)
    a.recv(0.2)
    while a.recv(0.05):
        pass
    assert gw.control.poll() is None
    assert a.register().status == 200
    a.register(contact="*", expires=0)


def test_dataplane_away(tmp_path, phones):
    g = make(tmp_path, 25080)
    try:
        a, b = phones(g, "alice"), phones(g, "bob", side="B")
        g.dataplane.kill()
        g.dataplane.wait()
        d = Dialog(a, "bob")
        d.call(A_SDP)
        m = d.refused(503)
        assert m["retry-after"] and "ataplane" in m["reason"]
        b.silent(0.1)
    finally:
        g.close()


# Restarts


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


# SIPp


def sipp(gw, tmp_path, scenario, *args, ip="127.0.0.40", port=6000, to=None,
         user="alice", password="secret", wait=True):
    csv = tmp_path / f"{user}.csv"
    csv.write_text(f"SEQUENTIAL\n{user};[authentication username={user} "
                   f"password={password}];{to}\n")
    p = subprocess.Popen(
        ["sipp", f"{gw.A}:{gw.PORT}", "-sf",
         os.path.join(HERE, "sipp", scenario), "-i", ip, "-p", str(port),
         "-inf", str(csv), "-nostdin", "-timeout", "30", "-timeout_error",
         "-mp", str(port + 2000), *args],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return p.wait(40) if wait else p


@pytest.mark.parametrize("tp", ["u1", "t1"])
def test_sipp_register(gw, tmp_path, tp):
    assert sipp(gw, tmp_path, "register.xml", "-m", "1", "-t", tp) == 0
    assert sipp(gw, tmp_path, "register.xml", "-m", "1", "-t", tp,
                password="wrong") == 1


@pytest.mark.parametrize("ta,tb", [("u1", "u1"), ("u1", "t1"), ("t1", "u1")])
def test_sipp_call(gw, tmp_path, ta, tb):
    b = dict(user="bob", ip="127.0.0.41", port=6010)
    if tb == "t1":  # for the next test nobody will listen there
        b = dict(user="carol", ip="127.0.0.42", port=6020)
    assert sipp(gw, tmp_path, "register.xml", "-m", "1", "-t", tb, **b) == 0
    uas = sipp(gw, tmp_path, "uas.xml", "-m", "2", "-t", tb, wait=False, **b)
    time.sleep(0.3)
    assert sipp(gw, tmp_path, "uac.xml", "-m", "2", "-t", ta,
                to=b["user"]) == 0
    assert uas.wait(10) == 0


@pytest.mark.parametrize("caller,phone", [
    ("uac_busy.xml", "uas_busy.xml"), ("uac_cancel.xml", "uas_cancelled.xml")])
def test_sipp_not_answered(gw, tmp_path, caller, phone):
    b = dict(user="bob", ip="127.0.0.41", port=6010)
    assert sipp(gw, tmp_path, "register.xml", "-m", "1", **b) == 0
    uas = sipp(gw, tmp_path, phone, "-m", "1", wait=False, **b)
    time.sleep(0.3)
    assert sipp(gw, tmp_path, caller, "-m", "1", to="bob") == 0
    assert uas.wait(10) == 0


def test_sipp_fifty_calls(gw, tmp_path):
    b = dict(user="bob", ip="127.0.0.41", port=6010)
    assert sipp(gw, tmp_path, "register.xml", "-m", "1", **b) == 0
    uas = sipp(gw, tmp_path, "uas.xml", "-m", "50", wait=False, **b)
    time.sleep(0.3)
    assert sipp(gw, tmp_path, "uac.xml", "-m", "50", "-r", "10",
                to="bob") == 0
    assert uas.wait(10) == 0
    end_at = time.monotonic() + 3
    while len(gw.records()) < 50 and time.monotonic() < end_at:
        time.sleep(0.05)
    made = gw.records()
    assert len(made) == 50 and all(r["status"] == 200 for r in made)
    gw.settle(0)
