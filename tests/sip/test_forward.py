# SPDX-License-Identifier: Apache-2.0
"""Calls that go elsewhere: always, busy, no answer, deflected by a phone, and
to those who ring beside; circles; and what an end-to-end encrypted call says."""

import pytest

from conftest import make
from course import (A_SDP, B_SDP, C_SDP, answered, dial, end, refer, reinvited,
                    ringing, three, told)
from phone import Dialog



@pytest.fixture(scope="module")
def fw(tmp_path_factory):
    g = make(tmp_path_factory.mktemp("forward"), 25110,
             options="  calls:\n    voicemail: sip:carol@sip.test\n")
    yield g
    g.close()


@pytest.fixture(autouse=True)
def clean(fw):
    fw.mark()
    yield
    fw.clean()
    for user in ("alice", "bob", "carol", "dora"):
        rules(fw, user)


def rules(g, user, **kw):
    status, answer = g.api("PUT", f"/api/v1/users/{user}/forward", kw)
    assert status == 200, answer
    return answer


def test_always(fw, phones):
    a, b, c = three(fw, phones, side="A")
    rules(fw, "bob", always="sip:carol@sip.test")
    d = dial(a, "bob")
    a.expect(181)
    e, i = ringing(c)
    assert i["diversion"] == "<sip:bob@sip.test>;reason=unconditional"
    assert i["history-info"] == (
        "<sip:bob@sip.test?Reason=SIP%3Bcause%3D302>;index=1, "
        "<sip:carol@sip.test;cause=302>;index=1.1;mp=1")
    assert "alice" in i["from"] and i["to"].startswith("<sip:carol@")
    a.expect(180)
    b.silent(0.1)
    answered(d, e, i)
    fw.record(**{"to": "sip:carol@sip.test", "status": 200})


@pytest.mark.parametrize("status,rule", [(486, "busy"), (600, "busy"),
                                         (480, "no_answer")])
def test_refused(fw, phones, status, rule):
    a, b, c = three(fw, phones, side="A")
    rules(fw, "bob", **{rule: "sip:carol@sip.test"})
    d = dial(a, "bob")
    e, i = ringing(b, status)
    b.expect("ACK")
    a.expect(181)
    e, i = ringing(c)
    assert "bob" in i["diversion"]
    a.expect(180)
    answered(d, e, i)


def test_refused_otherwise(fw, phones):
    """Declining isn't being busy."""
    a, b = phones(fw, "alice"), phones(fw, "bob")
    rules(fw, "bob", busy="sip:carol@sip.test")
    d = dial(a, "bob")
    e, i = ringing(b, 603)
    b.expect("ACK")
    d.refused(603)


def test_no_answer(fw, phones):
    a, b, c = three(fw, phones, side="A")
    rules(fw, "bob", no_answer="voicemail", after=1)
    d = dial(a, "bob")
    e, i = ringing(b)
    a.expect(180)
    m = b.expect("CANCEL", 4)
    e.reply(m, 200)
    e.reply(i, 487)
    b.expect("ACK")
    a.expect(181)
    e, i = ringing(c)
    assert "no-answer" in i["diversion"]
    a.expect(180)
    answered(d, e, i)


def test_nobody_is_there(fw, phones):
    """Not registered is not answering."""
    a, c = phones(fw, "alice"), phones(fw, "carol")
    rules(fw, "bob", no_answer="sip:carol@sip.test")
    d = dial(a, "bob")
    a.expect(181)
    e, i = ringing(c)
    a.expect(180)
    answered(d, e, i)


def test_twice_and_in_a_circle(fw, phones):
    a, c = phones(fw, "alice"), phones(fw, "carol")
    rules(fw, "bob", always="sip:dora@sip.test")
    rules(fw, "dora", always="sip:carol@sip.test")
    d = dial(a, "bob")
    a.expect(181)
    e, i = ringing(c)
    assert [v.split(";")[0] for v in i.all("diversion")] == [
        "<sip:dora@sip.test>", "<sip:bob@sip.test>"]
    assert "index=1.1.1" in i["history-info"]
    a.expect(180)
    answered(d, e, i)
    rules(fw, "carol", always="sip:bob@sip.test")
    d = dial(a, "bob")
    a.expect(181)
    m = d.refused(482)
    assert "circle" in m["reason"]
    c.silent(0.1)


def test_came_from_afar_too_often(fw, phones):
    a, c = phones(fw, "alice"), phones(fw, "carol")
    rules(fw, "bob", always="sip:carol@sip.test")
    d = Dialog(a, "bob")
    d.call(A_SDP, lines=[f"Diversion: <sip:x{i}@far.test>" for i in range(10)])
    assert "too often" in d.refused(482)["reason"]
    c.silent(0.1)


def test_deflected_by_the_phone(fw, phones):
    a, b, c = three(fw, phones, side="A")
    d = dial(a, "bob")
    i = b.expect("INVITE")
    Dialog.of(b, i).reply(i, 302, lines=["Contact: <sip:carol@sip.test>"])
    b.expect("ACK")
    a.expect(181)
    e, i = ringing(c)
    assert i["diversion"].endswith("reason=deflection")
    a.expect(180)
    answered(d, e, i)


def test_to_a_number_without_a_right_to_dial(fw, phones):
    """Who forwards answers for it."""
    a, b = phones(fw, "alice"), phones(fw, "bob")
    rules(fw, "bob", always="+498912345")
    d = dial(a, "bob")
    a.expect(181)
    assert d.refused(403)["reason"]
    b.silent(0.1)


def test_rings_beside(fw, phones):
    """First come; the others are cancelled, and a number that can't be dialled
    is no harm."""
    a, b, c = three(fw, phones, side="A")
    rules(fw, "bob", also=["sip:carol@sip.test", "+498912345"])
    d = dial(a, "bob")
    e, i = ringing(b)
    f, k = ringing(c)
    assert not k["diversion"]
    for _ in range(2):
        a.expect(180)
    f.reply(k, 200, C_SDP)
    d.answered()
    c.expect("ACK")
    m = b.expect("CANCEL")
    e.reply(m, 200)
    e.reply(i, 487)
    b.expect("ACK")
    end(d, f)


def test_transferred_to_who_forwards(fw, phones):
    """A transfer's target has rules as any."""
    a, b, c = three(fw, phones, side="A")
    rules(fw, "dora", always="sip:carol@sip.test")
    d = dial(a, "bob")
    e, i = ringing(b, None)
    e.reply(i, 200, B_SDP)
    d.answered()
    b.expect("ACK")
    refer(e, "sip:dora@sip.test")
    told(e, 100)
    f, i = ringing(c, None)
    assert "dora" in i["diversion"]
    f.reply(i, 200, C_SDP)
    reinvited(d, A_SDP.replace("- 1 1", "- 1 2"))
    a.expect("ACK")
    c.expect("ACK")
    told(e, 200, final=True)
    e.reply(b.expect("BYE"), 200)
    end(d, f)


@pytest.mark.parametrize("body", [
    {"always": "not an address"}, {"busy": "sip:"}, {"after": 0},
    {"always": 5}, {"also": ["voicemail"]}, {"also": "sip:a@b"},
    {"also": ["1"] * 9}, {"who": "x"}, {"always": "sip:a@b>\r\nX: y"}])
def test_bad_rules(fw, body):
    status, answer = fw.api("PUT", "/api/v1/users/bob/forward", body)
    assert status == 400, answer
    status, answer = fw.api("GET", "/api/v1/users/bob/forward")
    assert answer == {"user": "bob", "after": 20, "also": []}


def test_rules_of_nobody(fw):
    assert fw.api("PUT", "/api/v1/users/nobody/forward", {})[0] == 404
    assert fw.api("GET", "/api/v1/users/nobody/forward")[0] == 404
