# SPDX-License-Identifier: Apache-2.0
"""Phones behind proxies that say by Path how they are reached (RFC 3327). The
test is the proxy next to the gateway, and all that is behind it."""

import pytest
from course import A_SDP, B_SDP, end, sync
from phone import Dialog

# Topmost the proxy that is nearest to the gateway.
PATH = ["<sip:core.example;lr;id=ab>", "<sip:edge@192.0.2.20:5070;lr>"]
BEHIND = "<sip:bob@192.0.2.7:5062>"
AUTO = 4  # MEDIA_AUTO: what a device is offered depends on what it is
UUID = "urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF"


def lines(path=PATH, supported="path", vias=1):
    return [*(f"Via: SIP/2.0/UDP 192.0.2.{20 + i};branch=z9hG4bK{i}"
              for i in range(vias)),
            *(f"Path: {p}" for p in path), f"Supported: {supported}"]


def registered(gw, user="bob"):
    return [r for r in gw.api("GET", "/api/v1/registrations")[1]
            if r["user"] == user]


def rung(a, b):
    """An INVITE at the proxy. @return both dialogs, and it."""
    d = Dialog(a, b.user)
    d.call(A_SDP)
    invite = b.expect("INVITE")
    return d, Dialog.of(b, invite), invite


@pytest.mark.parametrize("tp", ["udp", "tcp", "tls"])
@pytest.mark.parametrize("joined", [False, True])
def test_path_is_the_route(gw, phones, tp, joined):
    """Of the INVITE, of a CANCEL, of the ACK for a refusal."""
    a, b = phones(gw, "alice"), phones(gw, "bob", tp=tp, register=False)
    said = [", ".join(PATH)] if joined else PATH
    m = b.register(contact=BEHIND, lines=lines(said))
    assert m.status == 200
    assert ", ".join(m.all("path")) == ", ".join(PATH)
    assert "path" in m["supported"]
    d, e, invite = rung(a, b)
    assert invite.uri == BEHIND[1:-1]
    assert invite.all("route") == PATH
    e.reply(invite, 180)
    a.expect(180)
    d.cancel()
    a.expect(200)
    d.refused(487)
    cancel = b.expect("CANCEL")
    assert cancel.uri == invite.uri and cancel.all("route") == PATH
    e.reply(cancel, 200)
    e.reply(invite, 487)
    ack = b.expect("ACK")
    assert ack.uri == invite.uri and ack.all("route") == PATH


COMMAS = ["<sip:a,b@core.example;lr>", '"Edge, \\"the\\" first" <sip:e@192.0.2.20;lr>',
          "<sip:c@192.0.2.21;lr;x=1>;y=\"1,2\""]


@pytest.mark.parametrize("joined", [False, True])
def test_commas_that_separate_nothing(gw, phones, joined):
    """In a URI's user (RFC 3261 section 25.1), a name, a parameter: in Path, the
    Contact, and the routes that are recorded."""
    a, b = phones(gw, "alice"), phones(gw, "bob", register=False)
    said = [", ".join(COMMAS)] if joined else COMMAS
    contact = "<sip:bob,1@192.0.2.7:5062>"
    m = b.register(contact=contact, lines=lines(said))
    assert m.status == 200 and m.all("path") == COMMAS
    assert m["contact"].startswith(contact)
    d, e, invite = rung(a, b)
    assert invite.uri == contact[1:-1] and invite.all("route") == COMMAS
    e.reply(invite, 200, B_SDP, lines=[f"Record-Route: {r}" for r in said])
    d.answered()
    assert b.expect("ACK").all("route") == COMMAS[::-1]
    sync(d)
    assert end(d, e).all("route") == COMMAS[::-1]


def test_recorded_commas_come_back(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob")
    d = Dialog(a, "bob")
    d.call(A_SDP, lines=[f"Record-Route: {', '.join(COMMAS)}"])
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    e.reply(invite, 200, B_SDP)
    assert d.answered().all("record-route") == COMMAS
    b.expect("ACK")
    sync(d)
    assert end(e, d).all("route") == COMMAS


def test_as_many_as_a_route_has(gw, phones):
    b = phones(gw, "bob", register=False)
    path = [f"<sip:10.0.0.{i};lr>" for i in range(17)]
    m = b.register(contact=BEHIND, lines=lines([", ".join(path)]))
    assert m.status == 400 and "more Paths" in m["reason"]
    assert not registered(gw)
    m = b.register(contact=BEHIND, lines=lines(path[:16]))
    assert m.status == 200
    _, e, invite = rung(phones(gw, "alice"), b)
    assert invite.all("route") == path[:16]
    e.reply(invite, 486)
    b.expect("ACK")


@pytest.mark.parametrize("recorded", [
    ["<sip:edge@192.0.2.20:5070;lr>", "<sip:core.example;lr>"], []])
def test_dialog_has_its_own_route(gw, phones, recorded):
    """What the proxies have recorded, be that nothing: not Path."""
    a, b = phones(gw, "alice"), phones(gw, "bob", register=False)
    assert b.register(contact=BEHIND, lines=lines()).status == 200
    d, e, invite = rung(a, b)
    e.reply(invite, 200, B_SDP, lines=[f"Record-Route: {r}" for r in recorded])
    d.answered()
    assert b.expect("ACK").all("route") == recorded[::-1]
    sync(d)
    assert end(d, e).all("route") == recorded[::-1]


def test_two_users_behind_one_proxy(gw, phones):
    """Caller and called have its address, and aren't taken for one another."""
    proxy = phones(gw, "alice")
    proxy.user = "bob"
    assert proxy.register(contact=BEHIND, lines=lines()).status == 200
    proxy.user = "alice"
    d = Dialog(proxy, "bob")
    d.call(A_SDP)
    invite = proxy.expect("INVITE")
    assert invite.uri == BEHIND[1:-1] and invite.all("route") == PATH
    Dialog.of(proxy, invite).reply(invite, 486)
    proxy.expect("ACK")
    d.refused(486)


def test_two_phones_behind_one_proxy(gw, phones):
    """They have its address, and both ring."""
    a, b = phones(gw, "alice"), phones(gw, "bob", register=False)
    contacts = [BEHIND, "<sip:bob@192.0.2.8:5062>"]
    for i, contact in enumerate(contacts):
        m = b.register(contact=contact, callid=f"phone-{i}", lines=lines())
        assert m.status == 200
    assert len(m.all("contact")) == 2
    d = Dialog(a, "bob")
    d.call(A_SDP)
    invites = [b.expect("INVITE"), b.expect("INVITE")]
    assert sorted(f"<{i.uri}>" for i in invites) == contacts
    for invite in invites:
        Dialog.of(b, invite).reply(invite, 486)
        b.expect("ACK")
    d.refused(486)


@pytest.mark.parametrize("path", [
    "<tel:+4930123>", "<sip:x", "<sip:a\x7fb@192.0.2.1;lr>",
    f"<sip:{'x' * 600}@192.0.2.1;lr>"])
def test_bad_path(gw, phones, path):
    b = phones(gw, "bob", register=False)
    m = b.register(contact=BEHIND, lines=lines([path]))
    assert m.status == 400 and "Path" in m["reason"]
    assert not registered(gw)


def test_without_path(gw, phones):
    """A proxy may ask for it and say nothing; and what was said is over when
    the phone registers without."""
    b = phones(gw, "bob", register=False)
    assert b.register(contact=BEHIND, lines=lines()).status == 200
    m = b.register(contact=BEHIND, lines=["Require: path"])
    assert m.status == 200 and not m.all("path")
    assert [r["path"] for r in registered(gw)] == [""]


@pytest.mark.parametrize("edge,status", [
    ("<sip:edge@192.0.2.20;lr;ob>", 200), ("<sip:edge@192.0.2.20;lr>", 439)])
def test_edge_that_keeps_flows(gw, phones, edge, status):
    """RFC 5626 section 6: it says so in its own Path, the last."""
    b = phones(gw, "bob", register=False)
    contact = f'{BEHIND};reg-id=1;+sip.instance="<{UUID}>"'
    m = b.register(contact=contact, lines=lines(
        [PATH[0], edge], "path, outbound", vias=2))
    assert m.status == status
    assert (m["require"] == "outbound") == (status == 200)


def test_survives_restart(own, phones):
    a, b = phones(own, "alice"), phones(own, "bob", register=False)
    b.register(contact=BEHIND, lines=lines())
    assert own.stop() == 0
    own.start()
    assert registered(own)[0]["path"] == "\n".join(PATH)
    a.register()
    d, e, invite = rung(a, b)
    assert invite.all("route") == PATH
    e.reply(invite, 486)
    b.expect("ACK")
    d.refused(486)


@pytest.mark.parametrize("transport,profile", [
    ("ws", "UDP/TLS/RTP/SAVPF"), ("udp", "RTP/AVP")])
def test_browser_behind_a_proxy(gw, phones, transport, profile):
    """Its Contact says that it is one, so it is offered what browsers take."""
    gw.add_user("eve", security=AUTO)
    a, e = phones(gw, "alice"), phones(gw, "eve", register=False)
    e.register(contact=f"<sip:x@df7jal23ls0d.invalid;transport={transport}>",
               lines=lines())
    d, dialog, invite = rung(a, e)
    assert invite.all("route") == PATH
    assert f" {profile} " in invite.body
    dialog.reply(invite, 486)
    e.expect("ACK")
    d.refused(486)
