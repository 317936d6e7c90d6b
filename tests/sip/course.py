# SPDX-License-Identifier: Apache-2.0
"""What most calls of the tests have in common."""

from phone import Dialog, sdp

A_SDP = sdp("10.9.0.1", 40000)
B_SDP = sdp("10.9.0.2", 41000)
KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"


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
