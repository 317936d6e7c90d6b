# SPDX-License-Identifier: Apache-2.0
"""Topology hiding: whatever one side says of itself, in any header and any line
of its SDP, the other side's wire bears none of it."""

import pytest
from course import sync
from phone import Dialog


def chatty_sdp(n):
    """Every line in which a phone tells of itself."""
    return (f"v=0\r\no=secret{n}-user{n} 31337{n} 4242{n} IN IP4 10.66.6.{n}\r\n"
            f"s=secret{n}-session\r\ni=secret{n}-info\r\nu=http://10.66.6.{n}/\r\n"
            f"e=secret{n}-mail@10.66.6.{n}\r\np=+1 secret{n}-phone\r\n"
            f"c=IN IP4 10.66.6.{n}\r\nt=0 0\r\na=tool:secret{n}-tool 1.0\r\n"
            f"a=X-secret{n}-line:10.66.6.{n}\r\n"
            f"m=audio 4{n}000 RTP/AVP 0 8\r\ni=secret{n}-title\r\n"
            "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
            f"a=rtcp:4{n}001 IN IP4 10.66.6.{n}\r\n"
            f"a=candidate:1 1 UDP 1 10.66.6.{n} 4{n}000 typ host\r\n"
            "a=X-other:passes\r\na=sendrecv\r\n")


def chatty(n):
    """Headers that mustn't pass, and some that would, if their values didn't
    say where the sender is."""
    return [f"User-Agent: secret{n}-agent/1.0 10.66.6.{n}",
            f"Server: secret{n}-server 10.66.6.{n}",
            f'Warning: 399 10.66.6.{n} "secret{n}-warning"',
            f"Organization: secret{n}-org", f"X-Secret: secret{n}-x",
            f"P-Asserted-Identity: <sip:secret{n}-pai@10.66.6.{n}>",
            f"P-Preferred-Identity: <sip:secret{n}-ppi@10.66.6.{n}>",
            f"Remote-Party-ID: <sip:secret{n}-rpid@10.66.6.{n}>",
            f"Diversion: <sip:secret{n}-div@10.66.6.{n}>",
            f"History-Info: <sip:secret{n}-hi@10.66.6.{n}>;index=1",
            f"Call-Info: <http://10.66.6.{n}/secret{n}-icon.png>",
            f"Error-Info: <http://10.66.6.{n}/secret{n}-error>",
            f"Record-Route: <sip:10.66.6.{n};lr>",
            f"In-Reply-To: secret{n}-reply@10.66.6.{n}",
            f"Reply-To: <sip:secret{n}-replyto@example.org>",
            f"Geolocation: <http://10.66.6.{n}/secret{n}-geo>",
            f"User-to-User: secret{n}-uui"]


class Wire:
    """All that a phone has received."""

    def __init__(self, phone):
        self.text, read = [], phone.read

        def tapped(timeout):
            m = read(timeout)
            if m:
                self.text.append(m.text)
            return m
        phone.read = tapped

    def clean(self, of, *more):
        """Nothing of what side `of` said."""
        everything = "\n".join(self.text)
        assert len(self.text) > 4
        for secret in (f"10.66.6.{of}", f"secret{of}-", *more):
            at = everything.lower().find(secret.lower())
            assert at < 0, f"{secret!r} has passed:\n" \
                f"{everything[max(at - 300, 0):at + 200]}"


@pytest.mark.parametrize("ta,tb", [("udp", "udp"), ("tls", "wss")])
def test_nothing_passes(gw, phones, ta, tb):
    a = phones(gw, "alice", tp=ta)
    b = phones(gw, "bob", tp=tb, side="B")
    at_a, at_b = Wire(a), Wire(b)
    d = Dialog(a, "bob")
    d.callid = f"secret1-callid@{a.ip}"
    d.local_tag = "secret1-tag"
    d.call(chatty_sdp(1), lines=[
        *chatty(1), f"Alert-Info: <http://{a.ip}/ring.wav>",
        f"Subject: from {a.ip}", "Priority: urgent"])
    invite = b.expect("INVITE")
    assert invite["priority"] == "urgent"
    assert invite["subject"] is None and invite["alert-info"] is None
    e = Dialog.of(b, invite)
    e.local_tag = "secret2-totag"
    back = chatty(2)
    e.reply(invite, 183, chatty_sdp(2), "secret2-phrase", lines=back)
    a.expect(183)
    e.reply(invite, 200, chatty_sdp(2), "secret2-phrase", lines=back)
    d.answered()
    b.expect("ACK")
    sync(d)
    d.request("INFO", "signal=1", ctype="application/dtmf-relay",
              lines=[x for x in chatty(1) if "Record" not in x])
    m = b.expect("INFO")
    e.reply(m, 200, phrase="secret2-phrase", lines=back)
    a.expect(200)
    e.request("INVITE", chatty_sdp(2), lines=chatty(2))
    m = a.expect("INVITE")
    d.reply(m, 200, chatty_sdp(1), "secret1-phrase", lines=chatty(1))
    m = b.expect(200)
    e.request("ACK", seq=m.cseq)
    a.expect("ACK")
    d.request("BYE", lines=[*chatty(1), f'Reason: SIP;cause=200;text="{a.ip}"'])
    m = b.expect("BYE")
    e.reply(m, 200, phrase="secret2-phrase", lines=back)
    a.expect(200)
    at_b.clean(1, a.ip, a.sent_by)
    at_a.clean(2, b.ip, b.sent_by, e.callid)


@pytest.mark.parametrize("status", [486, 404, 302, 603])
def test_refusals(gw, phones, status):
    a, b = phones(gw, "alice"), phones(gw, "bob", side="B")
    at_a = Wire(a)
    d = Dialog(a, "bob")
    d.call(chatty_sdp(1))
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    e.local_tag = "secret2-totag"
    lines = ["Contact: <sip:secret2-else@10.66.6.9>"] if status == 302 else []
    e.reply(invite, status, phrase="secret2-phrase",
            lines=[*chatty(2), *lines, "Reason: Q.850;cause=17"])
    m = d.refused(480 if status == 302 else status)
    assert m["reason"] == "Q.850;cause=17"
    b.expect("ACK")
    at_a.text *= 5
    at_a.clean(2, b.ip, e.callid)
