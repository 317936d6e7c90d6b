# SPDX-License-Identifier: Apache-2.0
"""What most calls of the tests have in common."""

import contextlib

from phone import Dialog, Phone, sdp

A_SDP = sdp("10.9.0.1", 40000)
B_SDP = sdp("10.9.0.2", 41000)
C_SDP = sdp("10.9.0.3", 42000)
KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"


@contextlib.contextmanager
def phone_maker(gw, first=10):
    """Makes phones of a test that register at once, each from an address of its
    own (127.0.0.first and on). In the end they go, and their bindings."""
    made = []

    def phone(user, side="A"):
        p = Phone(gw.at if side == "A" else gw.at_b, user,
                  ip=f"127.0.0.{first + len(made)}")
        made.append(p)
        assert p.register().status == 200
        return p

    yield phone
    for p in made:
        while p.recv(0):  # what a test hasn't looked at
            pass
        with contextlib.suppress(AssertionError, AttributeError, OSError):
            p.register(contact="*", expires=0)
        p.close()


def three(gw, phones, side="B"):
    """alice, bob on that side of the gateway, carol."""
    return (phones(gw, "alice"), phones(gw, "bob", side=side),
            phones(gw, "carol"))


def dial(phone, user, body=A_SDP):
    d = Dialog(phone, user)
    d.call(body)
    return d


def ringing(phone, status=180):
    i = phone.expect("INVITE", 5)
    d = Dialog.of(phone, i)
    if status:
        d.reply(i, status)
    return d, i


def answered(d, e, i, body=C_SDP):
    """And hung up again."""
    e.reply(i, 200, body)
    d.answered()
    e.phone.expect("ACK")
    end(d, e)


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


def call_up(gw):
    """A call from alice to bob, who register first. @return: both phones, and
    alice's dialog."""
    a, b = (Phone(gw.at, "alice", ip="127.0.0.11"),
            Phone(gw.at, "bob", ip="127.0.0.12"))
    for p in (a, b):
        assert p.register().status == 200
    return a, b, set_up(a, b)[0]


def sync(d):
    """What d sent before has arrived when this has been answered."""
    d.request("OPTIONS")
    d.phone.expect(200, method="OPTIONS")


def end(d, e):
    d.bye()
    m = e.phone.expect("BYE")
    e.reply(m, 200)
    return m


def refer(d, to, lines=(), status=202):
    """@return: the answer to the REFER."""
    d.request("REFER", lines=[f"Refer-To: <{to}>", *lines])
    return d.phone.expect(status, method="REFER")


def told(d, status, final=False):
    """The next NOTIFY is about this status."""
    m = d.phone.expect("NOTIFY")
    assert m.body.startswith(f"SIP/2.0 {status} "), m.text
    assert m["event"].startswith("refer")
    assert m["content-type"].startswith("message/sipfrag")
    state = m["subscription-state"]
    assert state.startswith("terminated" if final else "active"), m.text
    d.reply(m, 200)
    return m


def reinvited(d, body, want_offer=True):
    """The phone gets a re-INVITE and answers it. @return: it."""
    i = d.phone.expect("INVITE")
    assert i.tag("to") == d.local_tag and i["call-id"] == d.callid
    assert bool(i.body) == want_offer
    d.reply(i, 200, body)
    return i
