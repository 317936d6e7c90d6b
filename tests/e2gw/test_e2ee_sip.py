# SPDX-License-Identifier: Apache-2.0
"""What SIP may do to a call that is end-to-end encrypted, and what it may not:
the real control, phones that say exactly what a test wants, and a dataplane
that only says yes. The messages of the handshake are made up here, which shows
that the gateway doesn't read them."""

import base64
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "sip"))
from gateway import BUILD, Gateway, isolate  # noqa: E402
from phone import Dialog, Phone, sdp, token  # noqa: E402

isolate()
M3, M4, M5 = (chr(n) + "x" * 60 for n in (3, 4, 5))
HANDSHAKE = "application/sallyport-e2ee"


def message(kind, flags=0, more=b"whatever"):
    body = {1: b"\1\1\0\2\0\1" + bytes([flags]), 2: b"\2\1\0\1"}[kind] + more
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


M1, M2 = message(1), message(2)


def e2ee(body, *values):
    """An SDP with a=e2ee lines in its session."""
    return body.replace("t=0 0\r\n", "t=0 0\r\n" + "".join(
        f"a=e2ee:{v}\r\n" for v in values))


A_SDP, B_SDP = sdp("10.9.0.1", 40000), sdp("10.9.0.2", 41000)


class Lab(Gateway):
    def ctl(self, *words):
        return subprocess.run(
            [os.path.join(BUILD, "bin", "sallyctl"), "--socket",
             self.api_socket, *words], text=True, capture_output=True,
            timeout=30)

    def allow(self, *users, on=True):
        for user in users:
            done = self.ctl("user", "e2ee", "on" if on else "off", user)
            assert done.returncode == 0, done.stderr

    @property
    def audit_log(self):
        return os.path.join(self.folder, "audit.log")

    def audit(self, event, timeout=3, **want):
        """The newest such record since mark()."""
        end = time.monotonic() + timeout
        while True:
            found = [r for r in self.audit_all()
                     if r["event"] == event and want.items() <= r.items()]
            if found:
                return found[-1]
            assert time.monotonic() < end, (event, want, self.audit_all())
            time.sleep(0.02)

    def audit_all(self):
        with open(self.audit_log) as f:
            records = [json.loads(line)["record"] for line in f]
        return [r for r in records if r["seq"] > self.seen]

    def mark(self):
        super().mark()
        self.seen = 0
        self.seen = max([r["seq"] for r in self.audit_all()], default=0)

    def the_call(self):
        (call,) = self.api("GET", "/api/v1/calls")[1]
        return call

    def marks(self):
        return [t["e2ee"] for t in self.api("GET", "/api/v1/flows")[1]]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    g = Lab(tmp_path_factory.mktemp("gw"), 25080)
    g.start_dataplane()
    g.start()
    for name in ("alice", "bob", "carol"):
        g.add_user(name, security=0)
    assert g.ctl("policy", "set", "Global", "--calling",
                 "DisabledUserOverride").returncode == 0
    yield g
    done = g.ctl("audit", "verify", g.audit_log)
    assert done.returncode == 0, done.stderr
    assert g.stop() == 0, "control must stop cleanly"
    done = g.ctl("audit", "verify", g.audit_log)
    assert done.returncode == 0, done.stderr
    g.close()


@pytest.fixture
def gw(running):
    running.allow("alice", "bob")
    for user in ("alice", "bob"):
        running.ctl("user", "compliance", "off", user)
    running.mark()
    yield running
    for call in running.api("GET", "/api/v1/calls")[1]:
        running.api("DELETE", f"/api/v1/calls/{call['id']}")


@pytest.fixture
def phones(gw):
    made = []

    def phone(user, side="A", **kw):
        p = Phone(gw.at if side == "A" else gw.at_b, user,
                  ip=f"127.0.0.{10 + len(made)}", **kw)
        made.append(p)
        assert p.register().status == 200
        return p

    yield phone
    for p in made:
        try:
            p.register(contact="*", expires=0)
        except (AssertionError, OSError):
            pass
        p.close()


def set_up(a, b, body=e2ee(A_SDP, M1), answer=e2ee(B_SDP, M2)):
    d = Dialog(a, b.user)
    d.call(body)
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    e.reply(invite, 180)
    a.expect(180)
    e.reply(invite, 200, answer)
    d.ok = d.answered()
    b.expect("ACK")
    acknowledged(d)
    return d, e


def acknowledged(d):
    """Answered after our ACK, so that one has arrived, too."""
    d.request("OPTIONS")
    d.phone.expect(200, method="OPTIONS")


@pytest.fixture
def call(gw, phones):
    """One between alice and bob, end-to-end encrypted."""
    d, e = set_up(phones("alice"), phones("bob", side="B"))
    assert gw.the_call()["e2ee"] and gw.marks() == [True, True]
    return d, e


def still_up(gw, d, e):
    """Both sides can still change the call, and it is what it was."""
    d.request("INVITE", e2ee(sdp("10.9.0.1", 40000, version=7), M1))
    invite = e.phone.expect("INVITE")
    assert f"a=e2ee:{M1}" in invite.body
    e.reply(invite, 200, e2ee(B_SDP, M2))
    d.answered()
    e.phone.expect("ACK")
    acknowledged(d)
    assert gw.the_call()["e2ee"] and gw.marks() == [True, True]


def reason(m, error=None):
    """The text of a refusal's Reason header, which names its status."""
    found = re.match(r'SIP;cause=(\d+);text="([^"]+)"(?:;error=(\S+))?',
                     m["reason"])
    assert found and int(found[1]) == m.status, m.text
    assert found[3] == error
    return found[2]


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
    assert not invite["supported"]  # nor can one hold the answer
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


# The gate


def ask(gw, d, method, *lines, status=None, error=None, body=""):
    d.request(method, body, "text/plain", lines=lines)
    return reason(d.phone.expect(status), error)


IN_DIALOG = [
    ("REFER", ["Refer-To: <sip:carol@sip.test>"], "transfer-blind", "REFER"),
    ("REFER", ["Refer-To: <tel:+498912345>"], "transfer-blind", "REFER"),
    ("REFER", ["Refer-To: <sip:carol@sip.test?Replaces=x%3Bto-tag%3D1>"],
     "transfer-consultative", "REFER with Replaces"),
    ("REFER", ["Refer-To: <sip:park@sip.test>"], "park", "REFER"),
    ("INFO", ["Record: on"], "recording", "INFO with Record: on"),
    ("INFO", ["Record: ON"], "recording", "INFO with Record: on"),
]


@pytest.mark.parametrize("method,lines,feature,how", IN_DIALOG)
@pytest.mark.parametrize("asks", ["alice", "bob"])
def test_asked_in_the_call(gw, call, method, lines, feature, how, asks):
    d, e = call
    text = ask(gw, d if asks == "alice" else e, method, *lines, status=403,
               error=f"e2ee-{feature}")
    assert text.startswith("An end-to-end encrypted call")
    (e if asks == "alice" else d).phone.silent(0.1)
    record = gw.audit("feature-refused")
    assert record == record | {
        "call": gw.the_call()["id"], "feature": feature, "status": 403,
        "error": f"e2ee-{feature}", "by": f"sip:{asks}@sip.test", "how": how}
    still_up(gw, d, e)


@pytest.mark.parametrize("method,lines,feature,how", IN_DIALOG)
def test_asked_in_an_ordinary_call(gw, phones, method, lines, feature, how):
    d, e = set_up(phones("alice"), phones("bob", side="B"), A_SDP, B_SDP)
    text = ask(gw, d, method, *lines, status=501, error=f"not-built-{feature}")
    assert feature in text
    assert not [r for r in gw.audit_all() if r["event"] == "feature-refused"]


def test_record_off_is_an_info_like_others(gw, call):
    d, e = call
    d.request("INFO", "x", "text/plain", lines=["Record: off"])
    e.reply(e.phone.expect("INFO"), 200)
    d.phone.expect(200)


def third(phone, to, header, of):
    """An INVITE about another's dialog: `of` is that as its phone sees it."""
    d = Dialog(phone, to)
    d.call(A_SDP, lines=[f"{header}: {of.callid};to-tag={of.remote_tag};"
                         f"from-tag={of.local_tag}"])
    return d


@pytest.mark.parametrize("header,asks,feature", [
    ("Replaces", "carol", "transfer-consultative"),
    ("Replaces", "bob", "transfer-device"),
    ("Join", "carol", "add-participant"),
    ("Join", "alice", "companion"),
])
def test_asked_from_outside(gw, call, phones, header, asks, feature):
    d, e = call
    for of in (d, e):
        other = third(phones(asks), "bob" if of is d else "alice", header, of)
        reason(other.refused(403), f"e2ee-{feature}")
        record = gw.audit("feature-refused", feature=feature,
                          by=f"sip:{asks}@sip.test")
        assert record["how"] == f"INVITE with {header}"
    d.phone.silent(0.1)
    still_up(gw, d, e)


def test_asked_from_outside_for_another_call(gw, call, phones):
    """Tags that are no dialog's here, or of an ordinary call."""
    d, e = call
    carol = phones("carol")
    other = Dialog(carol, "bob")
    other.call(A_SDP, lines=[f"Replaces: {d.callid};to-tag=1;from-tag=2"])
    reason(other.refused(501), "not-built-transfer-consultative")
    assert not [r for r in gw.audit_all() if r["event"] == "feature-refused"]


def test_pickup_while_it_rings(gw, phones):
    a, b, c = phones("alice"), phones("bob", side="B"), phones("carol")
    d = Dialog(a, "bob")
    d.call(e2ee(A_SDP, M1))
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    e.reply(invite, 180)
    a.expect(180)
    reason(third(c, "alice", "Replaces", e).refused(403), "e2ee-pickup")
    assert gw.audit("feature-refused")["by"] == "sip:carol@sip.test"
    e.reply(invite, 200, e2ee(B_SDP, M2))
    d.answered()


NUMBERS = ["tel:+498912345", "sip:+498912345@sip.test",
           "sip:0891-2345@sip.test", "sip:whoever@sip.test;user=phone"]


@pytest.mark.parametrize("target", NUMBERS)
def test_to_the_pstn(gw, phones, target):
    a = phones("alice")
    for body, status, error in ((e2ee(A_SDP, M1), 488, "e2ee-pstn"),
                                (A_SDP, 501, "not-built-pstn")):
        d = Dialog(a, "x")
        d.target = target
        d.call(body)
        reason(d.refused(status), error)
        gw.record(status=status)
    assert gw.audit("feature-refused")["feature"] == "pstn"
    assert len([r for r in gw.audit_all()
                if r["event"] == "feature-refused"]) == 1


def test_reinvite_to_the_pstn(gw, call):
    d, e = call
    back, d.target = d.target, "tel:+498912345"
    d.request("INVITE", e2ee(A_SDP, M1))
    reason(d.refused(488), "e2ee-pstn")
    d.target = back
    assert gw.audit("feature-refused")["how"] == "re-INVITE to a number"
    still_up(gw, d, e)


def test_a_phone_that_forwards(gw, phones):
    a, b = phones("alice"), phones("bob", side="B")
    d = Dialog(a, "bob")
    d.call(e2ee(A_SDP, M1))
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    e.reply(invite, 302, lines=["Contact: <sip:carol@sip.test>"])
    b.expect("ACK")
    assert "forwarded" in reason(d.refused(403))
    assert gw.audit("feature-refused")["feature"] == "forward"


def test_every_feature_by_the_api(gw, call):
    d, e = call
    features = gw.api("GET", "/api/v1/features")[1]
    names = {f["name"] for f in features if f["needs_plain"]}
    assert len(names) >= 20
    ident = gw.the_call()["id"]
    for name in sorted(names):
        status, answer = gw.api("POST",
                                f"/api/v1/calls/{ident}/features/{name}")
        assert status in (403, 488) and answer["error"] == f"e2ee-{name}"
        assert gw.audit("feature-refused", feature=name)["by"] == "uid 0"
    assert gw.api("POST", f"/api/v1/calls/{ident}/features/teleport")[0] == 404
    done = gw.ctl("calls", "feature", str(ident), "recording")
    assert done.returncode == 1 and "can't be recorded" in done.stderr
    still_up(gw, d, e)
    d.bye()
    e.reply(e.phone.expect("BYE"), 200)
    assert gw.audit("call-ended")["refused"] == len(names) + 1


def test_who_asks_on_and_on_fills_no_disk(gw, call):
    d, e = call
    for _ in range(20):
        ask(gw, d, "INFO", "Record: on", status=403, error="e2ee-recording")
    d.bye()
    e.reply(e.phone.expect("BYE"), 200)
    assert gw.audit("call-ended")["refused"] == 20
    assert len([r for r in gw.audit_all()
                if r["event"] == "feature-refused"]) == 8


# Evidence


def test_changes_are_on_record(gw):
    gw.ctl("policy", "new", "Short", "--description", "x")
    gw.ctl("policy", "set", "Short", "--calling", "DisabledUserOverride")
    gw.ctl("policy", "grant", "Short", "--user", "carol")
    gw.ctl("user", "e2ee", "on", "carol")
    gw.ctl("policy", "revoke", "--user", "carol")
    gw.ctl("user", "e2ee", "off", "carol")
    gw.ctl("policy", "remove", "Short")
    gw.audit("policy-removed")
    seen = gw.audit_all()
    assert [r["event"] for r in seen] == [
        "policy-new", "policy-set", "policy-granted", "user-e2ee",
        "policy-revoked", "user-e2ee", "policy-removed"]
    assert {r["by"] for r in seen} == {f"uid {os.getuid()}"}
    assert seen[1]["before"]["calling"] == "Disabled"
    assert seen[1]["after"]["calling"] == "DisabledUserOverride"
    # what was refused changed nothing, and says nothing
    gw.mark()
    assert gw.ctl("policy", "new", "Global").returncode == 1
    assert gw.ctl("user", "e2ee", "on", token()).returncode == 1
    assert gw.audit_all() == []


def test_verify_notices(gw, tmp_path):
    """The whole tool, on copies of a real log."""
    gw.ctl("policy", "set", "Global", "--description", "for the log")
    gw.audit("policy-set")
    text = Path(gw.audit_log).read_text()
    copy = tmp_path / "audit.log"
    for suffix in (".pub", ".head"):
        (tmp_path / f"audit.log{suffix}").write_bytes(
            Path(gw.audit_log + suffix).read_bytes())
    lines = text.splitlines(keepends=True)

    def verify(content):
        copy.write_text(content)
        return gw.ctl("audit", "verify", str(copy))

    done = verify(text)
    assert done.returncode == 0 and "whole and in order" in done.stdout
    for wrong in (text.replace('"uid 0"', '"uid 1"', 1), "".join(lines[:-1]),
                  "".join(lines[1:]), "".join(lines[:3] + lines[4:]),
                  "".join(lines[1::-1] + lines[2:]), text + lines[-1]):
        done = verify(wrong)
        assert done.returncode == 1 and done.stderr, wrong
    verify(text)
    done = json.loads(gw.ctl("audit", "verify", "--json", str(copy)).stdout)
    assert done["whole"] is True and done["records"] == len(lines)
    assert gw.ctl("audit", "verify", str(tmp_path / "no")).returncode == 1
