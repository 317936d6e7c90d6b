# SPDX-License-Identifier: Apache-2.0
"""Session timers, RFC 4028: agreed on each leg by itself, refreshed, and what
comes of it when nobody refreshes."""

import pytest
from conftest import make
from course import A_SDP, B_SDP, end, sync
from phone import Dialog

KNOWS = "Supported: timer"
NO_UPDATE = "INVITE, ACK, BYE, CANCEL, OPTIONS"


@pytest.fixture(scope="module")
def brief(tmp_path_factory):
    g = make(tmp_path_factory.mktemp("brief"), 25110, options=(
        "    session_expires: 2\n    min_se: 1\n"))
    yield g
    assert g.stop() == 0
    g.close()


def call(a, b, ask=(), grant=(), allow_a=None, allow_b=None):
    """@return: both dialogs; what each side was told is in d.ok, e.invite."""
    d = Dialog(a, "bob")
    d.allow = allow_a or d.allow
    d.call(A_SDP, lines=ask)
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    e.allow = allow_b or e.allow
    e.reply(invite, 200, B_SDP, lines=grant)
    d.ok = d.answered()
    b.expect("ACK")
    sync(d)
    return d, e


def test_offered_and_granted(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob")
    d, e = call(a, b, [KNOWS])
    assert d.ok["session-expires"] == "1800;refresher=uas"
    assert e.invite["session-expires"] == "1800"
    assert "timer" in ", ".join(e.invite.all("supported"))
    end(d, e)
    d, e = call(a, b, [KNOWS, "Session-Expires: 600;refresher=uac"])
    assert d.ok["session-expires"] == "600;refresher=uac"
    assert d.ok["require"] == "timer"
    end(d, e)
    d, e = call(a, b, [KNOWS, "x: 120", "Min-SE: 300"])
    assert d.ok["session-expires"] == "300;refresher=uas"
    end(d, e)


def test_not_known(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob")
    d, e = call(a, b)
    assert d.ok["session-expires"] is None and d.ok["require"] is None
    d.request("UPDATE")
    assert a.expect(200)["session-expires"] is None
    end(d, e)


def test_too_short(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob")
    d = Dialog(a, "bob")
    d.request("INVITE", A_SDP, lines=[KNOWS, "Session-Expires: 30"])
    assert d.refused(422)["min-se"] == "90"
    d, e = call(a, b, [KNOWS])
    for method in ("INVITE", "UPDATE"):
        d.request(method, A_SDP, lines=["Session-Expires: 60"])
        m = a.expect(422)
        assert m["min-se"] == "90"
        if method == "INVITE":
            d.ack_refusal(m)
    b.silent()
    end(d, e)


def test_phone_wants_longer(gw, phones):
    """422 of a phone: the same offer again, with what it asks for."""
    a, b = phones(gw, "alice"), phones(gw, "bob")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    first = b.expect("INVITE")
    e = Dialog.of(b, first)
    e.reply(first, 422, lines=["Min-SE: 3000"])
    b.expect("ACK")
    again = b.expect("INVITE")
    assert again["session-expires"] == "3000" and again["min-se"] == "3000"
    assert again["call-id"] == first["call-id"]
    assert again.cseq == first.cseq + 1 and again.body == first.body
    Dialog.of(b, again)
    e.invite = again
    e.reply(again, 200, B_SDP, lines=["Session-Expires: 3000;refresher=uac"])
    d.answered()
    b.expect("ACK")
    end(d, e)


def test_refreshes_by_update(brief, phones):
    """Both legs, each on its own; a phone that answers keeps the call."""
    a, b = phones(brief, "alice"), phones(brief, "bob")
    d, e = call(a, b, [KNOWS], ["Session-Expires: 2;refresher=uac"])
    for _ in range(3):
        for phone, dialog in ((a, d), (b, e)):
            m = phone.expect("UPDATE")
            assert m["session-expires"] == "2;refresher=uac" and not m.body
            dialog.reply(m, 200, lines=["Session-Expires: 2;refresher=uac"])
    end(d, e)
    assert brief.record(status=200)


def test_refreshes_by_invite(brief, phones):
    """To the octet what the phone has, for one that has no UPDATE."""
    a, b = phones(brief, "alice"), phones(brief, "bob")
    d, e = call(a, b, [KNOWS], ["Session-Expires: 2;refresher=uac"],
                NO_UPDATE, NO_UPDATE)
    for _ in range(2):
        for phone, dialog, said, own in ((a, d, d.ok.body, A_SDP),
                                         (b, e, e.invite.body, B_SDP)):
            m = phone.expect("INVITE")
            assert m.body == said
            dialog.reply(m, 200, own,
                         lines=["Session-Expires: 2;refresher=uac"])
            phone.expect("ACK")
    end(d, e)


def test_phone_refreshes(brief, phones):
    """A phone that is to: its UPDATEs and re-INVITEs keep the call."""
    a, b = phones(brief, "alice"), phones(brief, "bob")
    d, e = call(a, b, [KNOWS, "Session-Expires: 2;refresher=uac"],
                ["Session-Expires: 2;refresher=uas"])
    for i in range(3):
        a.silent(0.6)
        lines = [KNOWS, "Session-Expires: 2;refresher=uac"]
        e.request("UPDATE", lines=lines)
        assert b.expect(200)["session-expires"] == "2;refresher=uac"
        d.request("UPDATE", lines=lines)
        assert a.expect(200)["session-expires"] == "2;refresher=uac"
    end(d, e)


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_nobody_refreshes(brief, phones, side):
    a, b = phones(brief, "alice"), phones(brief, "bob")
    ask, grant = [], []
    if side == "caller":
        ask = [KNOWS, "Session-Expires: 2;refresher=uac"]
    else:
        grant = ["Session-Expires: 2;refresher=uas"]
    d, e = call(a, b, ask, grant)
    for phone, dialog in ((a, d), (b, e)):
        m = phone.expect("BYE")
        assert "the session was not refreshed" in m["reason"]
        dialog.reply(m, 200)
    assert brief.record(status=408, reason="the session was not refreshed")


def test_refresh_finds_no_call(brief, phones):
    """The phone was restarted: 481, and the other one is told."""
    a, b = phones(brief, "alice"), phones(brief, "bob")
    d, e = call(a, b, (), ["Session-Expires: 2;refresher=uac"])
    m = b.expect("UPDATE")
    e.reply(m, 481)
    m = a.expect("BYE")
    assert "not refreshed" in m["reason"]
    d.reply(m, 200)
    e.reply(b.expect("BYE"), 481)


def test_update_not_taken_after_all(brief, phones):
    a, b = phones(brief, "alice"), phones(brief, "bob")
    d, e = call(a, b, (), ["Session-Expires: 2;refresher=uac"])
    e.reply(b.expect("UPDATE"), 500)
    m = b.expect("UPDATE")
    e.reply(m, 200, lines=["Session-Expires: 2;refresher=uac"])
    end(d, e)


def test_glare(brief, phones):
    """While we refresh by INVITE, offers of either side wait."""
    a, b = phones(brief, "alice"), phones(brief, "bob")
    d, e = call(a, b, (), ["Session-Expires: 2;refresher=uac"],
                None, NO_UPDATE)
    m = b.expect("INVITE")
    d.request("INVITE", A_SDP)
    d.ack_refusal(a.expect(491))
    e.reply(m, 200, B_SDP)
    b.expect("ACK")
    end(d, e)


def test_after_restart(brief, phones):
    """Timers go on."""
    a, b = phones(brief, "alice"), phones(brief, "bob")
    d, e = call(a, b, (), ["Session-Expires: 2;refresher=uac"])
    b.expect("UPDATE")
    brief.kill()
    brief.start()
    m = b.expect("UPDATE")
    e.reply(m, 200, lines=["Session-Expires: 2;refresher=uac"])
    end(d, e)
