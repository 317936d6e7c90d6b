# SPDX-License-Identifier: Apache-2.0
"""Calls to and from trunks, as SIP sees them. Long: a short test for each setting,
on one gateway."""

import re
import subprocess
import time

import pytest

from carrier import Dialog, sdp

A_SDP, C_SDP = sdp("10.9.0.1", 40000), sdp("10.9.0.9", 42000)
NATIONAL = "sip:030123456@sip.test"


def dial(phone, target=NATIONAL, lines=(), body=A_SDP):
    d = Dialog(phone, "x")
    d.target = target
    d.call(body, lines=lines)
    return d


def reason(m):
    return re.search(r'text="([^"]*)"(?:;error=(\S+))?', m["reason"]).groups()


@pytest.fixture
def alice(gw, phones):
    gw.ctl("user", "dial", "international", "alice")
    gw.ctl("number", "add", "+4930555100", "user=alice")
    return phones("alice")


def answer(c, invite, d):
    e = Dialog.of(c, invite)
    e.reply(invite, 200, C_SDP)
    c.expect("ACK")
    d.answered()
    return e


@pytest.mark.parametrize("status", [401, 407])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_call_out_with_a_challenge(gw, alice, carriers, status, algorithm):
    c = carriers()
    gw.trunk(c, "user=acme", "domain=carrier.test")
    d = dial(alice)
    first = c.expect("INVITE")
    assert first.uri == "sip:+4930123456@carrier.test;user=phone"
    assert first["from"].startswith(
        "<sip:+4930555100@carrier.test;user=phone>")
    assert first["p-asserted-identity"] == \
        "<sip:+4930555100@carrier.test;user=phone>"
    assert first["privacy"] == "none"
    c.challenge(first, status, algorithm=algorithm)
    invite = c.expect("INVITE")
    assert c.right(invite, status=status)
    assert invite.cseq == first.cseq + 1
    assert invite["call-id"] == first["call-id"]
    assert invite.body == first.body
    e = Dialog.of(c, invite)
    e.reply(invite, 183, C_SDP)
    m = d.learn(alice.expect(183))
    assert m.media()[1] == gw.A  # early media comes from us
    e.reply(invite, 200, C_SDP)
    assert c.expect("ACK").cseq == invite.cseq
    d.answered()
    assert gw.state("carrier")["calls_now"] == 1
    assert gw.ctl_json("calls")[0]["trunk"] == "carrier"
    d.request("BYE")  # and its BYE is challenged as well, the nonce too old
    bye = c.expect("BYE")
    assert c.right(bye, status=status) and bye.cseq == invite.cseq + 1
    c.challenge(bye, status, "n2", algorithm, ", stale=true")
    bye = c.expect("BYE")
    assert c.right(bye, status=status)
    assert c.credentials(bye, status)["nonce"] == "n2"
    e.reply(bye, 200)
    alice.expect(200)
    assert gw.state("carrier")["calls_now"] == 0
    record = gw.record(status=200)
    assert record["trunk"] == "carrier"
    assert record["to"] == "sip:030123456@sip.test"


def test_a_wrong_password_is_tried_once(gw, alice, carriers):
    c = carriers()
    gw.trunk(c, "user=acme")
    d = dial(alice)
    c.challenge(c.expect("INVITE"))
    c.challenge(c.expect("INVITE"), nonce="n2")
    text, _ = reason(d.refused(503))
    assert "carrier: 407" in text
    c.silent()


def test_passwords_are_told_to_nobody(gw, alice, carriers):
    c = carriers()
    gw.ctl("trunk", "add", "carrier", f"address={c.ip}:{c.port}", "user=acme",
           "keepalive=0", f"local={gw.B}:{gw.PORT}", stdin="hunter2seven\n")
    gw.ctl("route", "add", "+", "carrier")
    d = dial(alice)
    c.challenge(c.expect("INVITE"))
    invite = c.expect("INVITE")
    assert c.right(invite, password="hunter2seven")
    c.reply(invite, 486)
    d.refused(486)
    told = gw.ctl("trunk", "show", "carrier") + gw.log_text() + str(
        gw.api("GET", "/api/v1/trunks")) + str(gw.audit("trunk-added"))
    assert "password_set" in told and "hunter2seven" not in told


@pytest.mark.parametrize("status,next_one", [
    (503, True), (500, True), (408, True), (502, True),
    (486, False), (404, False), (603, False), (403, False)])
def test_fall_back(gw, alice, carriers, status, next_one):
    a, b = carriers("a"), carriers("b")
    gw.trunk(a, priority=1)
    gw.trunk(b, priority=2)
    d = dial(alice)
    a.reply(a.expect("INVITE"), status)
    a.expect("ACK")
    if not next_one:
        d.refused(status)
        b.silent(0.2)
        return
    answer(b, b.expect("INVITE"), d)
    d.request("BYE")
    b.reply(b.expect("BYE"), 200)
    assert gw.state("a")["calls_now"] == gw.state("b")["calls_now"] == 0


def test_the_last_word_of_the_second(gw, alice, carriers):
    a, b = carriers("a"), carriers("b")
    gw.trunk(a, priority=1)
    gw.trunk(b, priority=2)
    d = dial(alice)
    a.reply(a.expect("INVITE"), 503)
    b.reply(b.expect("INVITE"), 486)
    d.refused(486)


@pytest.mark.parametrize("trying", [False, True])
def test_silence(gw, alice, carriers, trying):
    """Nothing at all, or 100 and nothing more; then it answers after all."""
    a, b = carriers("a"), carriers("b")
    gw.trunk(a, "timeout=1", "progress=1", priority=1)
    gw.trunk(b, priority=2)
    d = dial(alice)
    invite = a.expect("INVITE")
    if trying:
        a.reply(invite, 100)
    e = answer(b, b.expect("INVITE"), d)
    if trying:  # only who has said something can be sent a CANCEL
        cancel = a.expect("CANCEL")
        a.reply(cancel, 200)
    late = Dialog.of(a, invite)
    late.reply(invite, 200, C_SDP)
    a.expect("ACK")
    a.reply(a.expect("BYE"), 200)
    assert gw.state("a")["calls_now"] == 0
    assert gw.state("b")["calls_now"] == 1
    e.request("BYE")
    alice.expect("BYE")


def test_all_have_failed(gw, alice, carriers):
    a, b = carriers("a"), carriers("b")
    gw.trunk(a, priority=1)
    gw.trunk(b, priority=2)
    d = dial(alice)
    a.reply(a.expect("INVITE"), 503)
    b.reply(b.expect("INVITE"), 500)
    text, _ = reason(d.refused(503))
    assert "a: 503" in text and "b: 500" in text


def test_the_caller_gives_up_while_the_second_rings(gw, alice, carriers):
    a, b = carriers("a"), carriers("b")
    gw.trunk(a, priority=1)
    gw.trunk(b, priority=2)
    d = dial(alice)
    a.reply(a.expect("INVITE"), 503)
    invite = b.expect("INVITE")
    b.reply(invite, 180)
    alice.expect(180)
    d.cancel()
    alice.expect(200, method="CANCEL")
    d.refused(487)
    b.reply(b.expect("CANCEL"), 200)
    b.reply(invite, 487)
    assert gw.state("b")["calls_now"] == 0
    gw.settle(0)


def test_limits_and_an_emergency(gw, alice, phones, carriers):
    c = carriers()
    gw.trunk(c, "calls=2", "reserve=1")
    gw.ctl("route", "add", "112", "carrier", "kind=emergency")
    gw.ctl("route", "add", "+4911", "kind=block")
    d = dial(alice)
    e = answer(c, c.expect("INVITE"), d)
    text, _ = reason(dial(alice).refused(503))
    assert "limit" in text
    bob = phones("bob")  # who may dial nothing
    for target in ("sip:112@sip.test", "tel:112;phone-context=+49"):
        f = dial(bob, target)
        invite = c.expect("INVITE")
        assert invite.uri.startswith("sip:112@")
        assert invite["geolocation"] == "<https://lis.example/branch-7>"
        assert invite["geolocation-routing"] == "yes"
        assert invite["priority"] == "emergency"
        answer(c, invite, f)
    assert gw.state("carrier")["calls_now"] == 3
    e.request("BYE")
    told = gw.ctl_json("route", "test", "112", "bob")
    assert told["emergency"] and told["allowed"]
    assert not told["trunks"][0]["full"]


def test_an_emergency_goes_wherever_it_can(gw, phones, carriers):
    """Its own trunk is dead: any other will do."""
    a, b = carriers("a"), carriers("b")
    gw.trunk(a, "timeout=1", route=None)
    gw.trunk(b, route=None)
    gw.ctl("route", "add", "112", "a", "kind=emergency")
    bob = phones("bob")
    d = dial(bob, "sip:112@sip.test")
    a.reply(a.expect("INVITE"), 503)
    answer(b, b.expect("INVITE"), d)


@pytest.mark.parametrize("has,target,status,error", [
    (None, NATIONAL, 403, "dial-not-permitted"),
    ("national", NATIONAL, 0, None),
    ("national", "sip:0033123456789@sip.test", 403, "dial-not-permitted"),
    ("international", "tel:+33-1-23-45-67-89", 0, None),
    ("international", "sip:0900123456@sip.test", 403, "number-blocked"),
    ("international", "sip:+1@sip.test", 484, "number-incomplete"),
    ("international", "sip:123@sip.test", 404, None),
])
def test_who_may_dial_what(gw, phones, carriers, has, target, status, error):
    c, bob = carriers(), phones("bob")
    gw.trunk(c)
    gw.ctl("route", "add", "+49900", "kind=block")
    if has:
        gw.ctl("user", "dial", has, "bob")
    d = dial(bob, target)
    if status:
        assert reason(d.refused(status))[1] == error
        c.silent(0.2)
    else:
        answer(c, c.expect("INVITE"), d)


def test_no_route(gw, alice):
    assert reason(dial(alice).refused(404))[1] == "no-route"


def test_privacy_and_preferred_identity(gw, alice, carriers):
    c = carriers()
    gw.trunk(c, "domain=carrier.test", "format=plain")
    gw.ctl("number", "add", "+4930555199", "user=alice")
    d = dial(alice, lines=["Privacy: id",
                           "P-Preferred-Identity: <tel:+4930555199>"])
    m = c.expect("INVITE")
    assert m["from"].startswith(
        '"Anonymous" <sip:anonymous@anonymous.invalid>')
    assert m["p-asserted-identity"] == \
        "<sip:4930555199@carrier.test;user=phone>"
    assert m["privacy"] == "id"
    assert m.uri.startswith("sip:4930123456@")
    c.reply(m, 486)
    c.expect("ACK")
    d.refused(486)
    # another's number isn't shown
    gw.ctl("number", "add", "+4930555200", "user=bob")
    d = dial(alice, lines=["P-Preferred-Identity: <tel:+4930555200>"])
    m = c.expect("INVITE")
    assert "4930555100@" in m["p-asserted-identity"]
    c.reply(m, 486)
    d.refused(486)


def test_a_number_of_ours_stays_here(gw, alice, phones, carriers):
    c, bob = carriers(), phones("bob", side="B")
    gw.trunk(c)
    gw.ctl("number", "add", "+4930555200", "user=bob")
    d = dial(alice, "sip:555200@sip.test")
    e = Dialog.of(bob, bob.expect("INVITE"))
    e.reply(e.invite, 486)
    d.refused(486)
    c.silent(0.1)


# ------------------------------------------------------------------ coming in

def call_in(c, number="+4930555100", frm=None, lines=(), gw=None):
    d = Dialog(c, "x")
    d.me = frm or "<sip:+4989777@carrier.test>"
    d.target = f"sip:{number}@{gw.B}:{gw.PORT};user=phone"
    d.other = f"<{d.target}>"
    d.request("INVITE", C_SDP, lines=lines)
    d.invite_branch = d.branch
    return d


def test_a_call_comes_in(gw, alice, carriers):
    c = carriers()
    gw.trunk(c)
    d = call_in(c, gw=gw)
    invite = alice.expect("INVITE")
    assert invite["from"].startswith("<sip:+4989777@sip.test;user=phone>")
    e = Dialog.of(alice, invite)
    e.reply(invite, 180)
    c.expect(180)
    assert gw.state("carrier")["calls_now"] == 1
    e.reply(invite, 200, A_SDP)
    alice.expect("ACK")
    d.answered()
    assert gw.ctl_json("calls")[0]["trunk"] == "carrier"
    d.request("BYE")
    alice.expect("BYE")
    assert gw.state("carrier")["calls_now"] == 0
    assert gw.record(status=200)["from"] == "sip:+4989777@sip.test"


def test_who_calls_is_asserted_or_withheld(gw, alice, carriers):
    c = carriers()
    gw.trunk(c)
    for lines, shown in (
            (["P-Asserted-Identity: <tel:+4989888>"], "sip:+4989888@"),
            (["P-Asserted-Identity: <tel:+4989888>", "Privacy: user;id"],
             "anonymous@anonymous.invalid")):
        d = call_in(c, lines=lines, gw=gw)
        invite = alice.expect("INVITE")
        assert shown in invite["from"]
        if "anonymous" in shown:
            assert "+49898" not in invite.text
        e = Dialog.of(alice, invite)
        e.reply(invite, 486)
        alice.expect("ACK")
        d.refused(486)


def test_a_group_rings(gw, alice, phones, carriers):
    c, bob = carriers(), phones("bob", side="B")
    gw.trunk(c)
    gw.ctl("group", "add", "sales")
    for user in ("alice", "bob", "carol"):
        gw.ctl("group", "join", "sales", user)
    gw.ctl("number", "add", "+4930555000", "group=sales")
    d = call_in(c, "+4930555000", gw=gw)
    one = Dialog.of(alice, alice.expect("INVITE"))
    two = Dialog.of(bob, bob.expect("INVITE"))
    two.reply(two.invite, 200, A_SDP)
    bob.expect("ACK")
    d.answered()
    one.reply(one.invite, 180)
    alice.expect("CANCEL")
    assert gw.state("carrier")["calls_now"] == 1


@pytest.mark.parametrize("number", ["+4930999999", "alice", "112"])
def test_nothing_else_can_be_reached(gw, alice, carriers, number):
    """Neither users by name nor, through us, another number outside."""
    c, other = carriers(), carriers("other")
    gw.trunk(other)
    gw.trunk(c, route=None)
    gw.ctl("route", "add", "112", "other", "kind=emergency")
    d = call_in(c, number, gw=gw)
    d.refused(404)
    other.silent(0.1)
    alice.silent(0.1)


def test_strangers_and_limits(gw, alice, carriers):
    c, stranger = carriers(), carriers("stranger")
    gw.trunk(c, "calls=1")
    d = call_in(stranger, gw=gw)
    assert stranger.expect(407)["proxy-authenticate"]
    d = call_in(c, gw=gw)
    alice.expect("INVITE")
    text, _ = reason(call_in(c, gw=gw).refused(486))
    assert "limit" in text
    assert d


def test_a_trunk_that_has_to_say_who_it_is(gw, alice, carriers):
    c = carriers()
    gw.trunk(c, "inbound=digest", "user=acme")
    d = call_in(c, gw=gw)
    m = c.expect(407)
    d.ack_refusal(m)
    for password, status in (("wrong", 403), ("pass", 0)):
        auth = c.digest(m["proxy-authenticate"], "INVITE", d.target,
                        user="acme", password=password)
        d.request("INVITE", C_SDP, lines=[f"Proxy-Authorization: {auth}"])
        if status:
            d.refused(status)
            d.request("INVITE", C_SDP)
            m = c.expect(407)
            d.ack_refusal(m)
    alice.expect("INVITE")


# ---------------------------------------------------------------- the trunks

def test_registration(gw, carriers):
    c = carriers()
    gw.trunk(c, "register=yes", "user=acme", "domain=carrier.test",
             "expires=10", route=None)
    m = c.expect("REGISTER")
    assert m.uri == "sip:carrier.test" and m["expires"] == "10"
    assert "<sip:acme@carrier.test>" in m["to"]
    c.challenge(m, 401, algorithm="SHA-256")
    m = c.expect("REGISTER")
    assert c.right(m, status=401)
    c.reply(m, 423, ["Min-Expires: 20"])
    again = c.expect("REGISTER")
    assert again["expires"] == "20" and again.cseq > m.cseq
    c.reply(again, 200, [f"Contact: {again['contact']};expires=2"])
    gw.wait_state("carrier", "up", registered=True)
    refresh = c.expect("REGISTER", timeout=3)
    assert refresh["call-id"] == m["call-id"]
    assert refresh.cseq == again.cseq + 1
    c.challenge(refresh, 401, nonce="fresh", more=", stale=true")
    refresh = c.expect("REGISTER")
    assert c.credentials(refresh, 401)["nonce"] == "fresh"
    assert c.right(refresh, status=401)
    c.reply(refresh, 200, [f"Contact: {refresh['contact']};expires=60"])
    # given back when it isn't wanted any more
    end = time.monotonic() + 3
    while gw.state("carrier")["registered_for"] < 50:
        assert time.monotonic() < end
    gw.ctl("trunk", "remove", "carrier")
    gone = c.expect("REGISTER")
    assert gone["expires"] == "0"
    c.reply(gone, 200)


def test_a_registration_that_is_refused(gw, alice, carriers):
    c = carriers()
    gw.trunk(c, "register=yes", "user=acme")
    c.reply(c.expect("REGISTER"), 403, phrase="Go away")
    got = gw.wait_state("carrier", "down")
    assert got["why"] == "the registrar answers 403 Go away"
    assert gw.audit("trunk-down")[-1]["trunk"] == "carrier"
    # a call tries it all the same, where there is no other
    d = dial(alice)
    c.reply(c.expect("INVITE"), 486)
    c.expect("ACK")
    d.refused(486)
    m = c.expect("REGISTER", timeout=8)  # after a while
    c.reply(m, 200, [f"Contact: {m['contact']};expires=60"])
    gw.wait_state("carrier", "up")


def test_keep_alive(gw, alice, carriers):
    a, b = carriers("a"), carriers("b")
    gw.trunk(a, priority=1, keepalive=1)
    gw.trunk(b, priority=2)
    a.reply(a.expect("OPTIONS"), 404)  # anything is an answer
    gw.wait_state("a", "up")
    got = gw.wait_state("a", "down", timeout=12)
    assert got["why"] == "it doesn't answer OPTIONS"
    assert gw.audit("trunk-down")[-1]["trunk"] == "a"
    d = dial(alice)  # not even tried: b is up, or may be
    b.reply(b.expect("INVITE"), 486)
    d.refused(486)
    while (m := a.recv(4)) and m.method == "OPTIONS" and \
            gw.state("a")["state"] == "down":
        a.reply(m, 200)
    gw.wait_state("a", "up")
    assert gw.audit("trunk-up")[-1]["trunk"] == "a"


def wait_alarms(gw, trunk, n):
    """Of this trunk: until there are n."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        got = [a for a in gw.ctl_json("alarms")
               if (a["name"], a["about"]) == ("trunk-down", trunk)]
        if len(got) == n:
            return got
        time.sleep(0.1)
    raise AssertionError(got)


def test_a_route_that_comes_later(gw):
    way = ["192.0.2.10/32", "dev", "lo", "src", gw.A]
    gw.ctl("trunk", "add", "far", "address=192.0.2.10:5060", stdin="pass\n")
    try:
        got = gw.state("far")
        assert (got["state"], got["why"]) == (
            "off", "no listener of ours reaches it")
        alarm = wait_alarms(gw, "far", 1)[0]
        assert "off: no listener of ours reaches it" in alarm["message"]
        subprocess.run(["ip", "route", "add", *way], check=True)
        gw.wait_state("far", "trying", timeout=30)
        wait_alarms(gw, "far", 0)
    finally:
        subprocess.run(["ip", "route", "del", *way], check=False)
        gw.ctl("trunk", "remove", "far")


def test_after_a_crash(gw, alice, carriers):
    c = carriers()
    gw.trunk(c, "user=acme")
    d = dial(alice)
    c.challenge(c.expect("INVITE"))
    e = answer(c, c.expect("INVITE"), d)
    gw.settle(1)
    gw.kill()
    gw.start()
    assert gw.state("carrier")["calls_now"] == 1
    assert gw.ctl_json("calls")[0]["trunk"] == "carrier"
    d.request("BYE")
    bye = c.expect("BYE")
    c.challenge(bye, nonce="after")
    bye = c.expect("BYE")
    assert c.right(bye)
    e.reply(bye, 200)
    alice.expect(200)
    assert gw.state("carrier")["calls_now"] == 0


def test_a_transfer_to_a_number(gw, alice, phones, carriers):
    """By the user who asks for it, who has to be allowed to dial it."""
    c, bob = carriers(), phones("bob", side="B")
    gw.trunk(c)
    for who, allowed in ((bob, False), (alice, True)):
        d = Dialog(alice, "bob")
        d.call(A_SDP)
        invite = bob.expect("INVITE")
        e = Dialog.of(bob, invite)
        e.reply(invite, 200, A_SDP)
        bob.expect("ACK")
        d.answered()
        asks = d if who is alice else e
        asks.request("REFER", lines=["Refer-To: <tel:+4930123456>"])
        who.expect(202)
        if allowed:
            m = c.expect("INVITE")
            assert "4930555100@" in m["p-asserted-identity"]
            c.reply(m, 486)
            c.expect("ACK")
        seen = ""
        while not re.search(r"SIP/2.0 [3-6]", seen):
            notify = who.expect("NOTIFY")
            Dialog.reply(asks, notify, 200)
            seen = notify.body
        assert ("486" if allowed else "403") in seen
        c.silent(0.1)
        asks.request("BYE")
        (bob if who is alice else alice).expect("BYE")
        while who.recv(0.2):
            pass
        while (bob if who is alice else alice).recv(0.2):
            pass


def test_route_test(gw, alice, carriers):
    a, b = carriers("a"), carriers("b")
    gw.trunk(a, "calls=5", priority=2, route="+49")
    gw.trunk(b, "format=dialled", priority=1, route="+49")
    told = gw.ctl_json("route", "test", "(030) 123-456", "alice")
    assert (told["number"], told["kind"], told["prefix"]) == \
        ("+4930123456", "national", "+49")
    assert told["allowed"] and told["dial"] == "international"
    assert [t["trunk"] for t in told["trunks"]] == ["b", "a"]
    assert told["trunks"][0]["uri"].startswith("sip:030123456@")
    assert told["trunks"][1]["calls"] == 5
    text = gw.ctl("route", "test", "+33123456789", "bob")
    assert "No trunk is tried. No route has a prefix of it.\n" in text
    assert "bob may dial: internal; this number: no. The caller may" in text
    gw.ctl("trunk", "set", "a", "enabled=no")
    gw.ctl("trunk", "set", "b", "enabled=no")
    assert "The trunks of its route are off." in \
        gw.ctl("route", "test", "030123456")
    a.silent(0.1)


def test_route_test_without_a_country(gw, carriers):
    """What leads nowhere isn't the user's fault: what is missing is said."""
    gw.trunk(carriers())
    with open(gw.config) as f:
        whole = f.read()
    try:
        for missing, dialled in ((("country", "area"), "030123456"),
                                 (("area",), "123456")):
            gw.stop()
            with open(gw.config, "w") as f:
                f.writelines(line for line in whole.splitlines(True)
                             if line.split(":")[0].strip() not in missing)
            gw.start()
            told = gw.ctl_json("route", "test", dialled, "bob")
            assert told["kind"] == "incomplete" and not told["trunks"]
            assert f"pstn.{missing[0]} isn't set" in told["why"]
            assert "allowed" not in told and told["dial"] == "internal"
            text = gw.ctl("route", "test", dialled, "bob")
            assert "may not dial" not in text and told["why"] in text
    finally:
        gw.stop()
        with open(gw.config, "w") as f:
            f.write(whole)
        gw.start()


def test_a_trunk_with_routes_stays(gw, carriers):
    c = carriers()
    gw.trunk(c)
    assert "Routes lead to" in gw.ctl("trunk", "remove", "carrier", ok=False)
    gw.ctl("route", "remove", "+", "carrier")
    gw.ctl("trunk", "remove", "carrier")
    assert "There is no trunk" in gw.ctl("trunk", "show", "carrier", ok=False)
