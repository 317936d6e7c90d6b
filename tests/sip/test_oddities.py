# SPDX-License-Identifier: Apache-2.0
"""What phones do that no RFC asks for, or that RFCs allow and few expect, as
their makers' manuals and traces show it. Each is tolerated; its name says what
it is. Hold by c=0.0.0.0 is in tests/media/media_course_test.c."""

import re

import pytest
from course import A_SDP, B_SDP, end, set_up, sync
from phone import Dialog, token


def altered(phone, *changes):
    """From now on the phone's messages go out so changed."""
    send = phone.send

    def other(text):
        if isinstance(text, str):
            for change in changes:
                text = change(text)
        send(text)
    phone.send = other
    return phone


def headers_only(f):
    def change(text):
        head, sep, body = text.partition("\r\n\r\n")
        return f(head) + sep + body
    return change


COMPACT = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m",
           "Content-Length": "l", "Content-Type": "c", "Supported": "k",
           "Subject": "s"}


def compact(head):
    for name, letter in COMPACT.items():
        head = re.sub(f"(?m)^{name}:", f"{letter}:", head)
    return head


def lower(head):
    first, *rest = head.split("\r\n")
    return "\r\n".join([first] + [x.split(":", 1)[0].lower() + ":" +
                                  x.split(":", 1)[1] for x in rest])


MANNERS = {
    "compact header names": headers_only(compact),
    "header names in small letters": headers_only(lower),
    "header names in capitals, spaces before the colon": headers_only(
        lambda h: re.sub(r"(?m)^([A-Z][A-Za-z-]+):(?= )",
                         lambda m: m[1].upper() + " :", h)),
    "no space after the colon": headers_only(
        lambda h: re.sub(r"(?m)^([A-Z][A-Za-z-]+): ", r"\1:", h)),
    "folded lines": headers_only(
        lambda h: h.replace(";tag=", "\r\n ;tag=")),
    "no Max-Forwards": headers_only(
        lambda h: re.sub(r"Max-Forwards: \d+\r\n", "", h)),
    "two line ends in front": lambda t: "\r\n\r\n" + t,
    "an empty User-Agent": headers_only(lambda h: h + "\r\nUser-Agent:"),
    "headers that nobody knows": headers_only(
        lambda h: h + "\r\nX-Serialnumber: 805ec0\r\nP-Station-Name: a;b,c\r\n"
        "Allow-Events: talk,hold,conference,check-sync\r\nDate: yesterday"),
    "an empty Supported": headers_only(lambda h: h + "\r\nSupported:"),
    "Supported with all and sundry (Cisco)": headers_only(
        lambda h: h + "\r\nSupported: replaces,join,sdp-anat,norefersub,"
        "extended-refer,X-cisco-callinfo,X-cisco-serviceuri"),
    "rport with a value": headers_only(
        lambda h: h.replace(";rport", ";rport=4711") if "SIP/2.0 " not in
        h.split("\r\n")[0][:8] else h),
    "a Via that names another address": headers_only(
        lambda h: re.sub(r"(?m)^(Via: SIP/2.0/UDP )127.0.0.1[01]",
                         r"\g<1>192.168.99.99", h)
        if not h.startswith("SIP/2.0") else h),
}


@pytest.mark.parametrize("manner", MANNERS)
def test_manner(gw, phones, manner):
    """A whole call, with a phone on either side that writes so."""
    a = altered(phones(gw, "alice", register=False), MANNERS[manner])
    b = altered(phones(gw, "bob", register=False), MANNERS[manner])
    for p in (a, b):
        assert p.register().status == 200
    d, e = set_up(a, b)
    d.request("INFO", "Signal=5\r\nDuration=160\r\n",
              ctype="application/dtmf-relay")
    m = b.expect("INFO")
    e.reply(m, 200)
    a.expect(200)
    end(d, e)


def test_bare_line_feeds(gw, phones):
    """LF alone ends lines."""
    a = phones(gw, "alice", register=False)
    altered(a, lambda t: t.replace("\r\n", "\n"))
    assert a.register().status == 200


def test_no_content_length_over_udp(gw, phones):
    a, b = phones(gw, "alice", register=False), phones(gw, "bob")
    altered(a, lambda t: re.sub(r"Content-Length: \d+\r\n", "", t))
    assert a.register().status == 200
    end(*set_up(a, b))


def test_no_content_length_over_tcp(gw, phones):
    """Where there is no body."""
    a = phones(gw, "alice", tp="tcp", register=False)
    altered(a, lambda t: t.replace("Content-Length: 0\r\n", ""))
    assert a.register().status == 200


def test_no_rport(gw, phones):
    """Answers go to the port in the Via; so an old Cisco listens there."""
    a = altered(phones(gw, "alice", register=False),
                lambda t: t.replace(";rport", ""))
    assert a.register().status == 200


@pytest.mark.parametrize("contact", [
    '"Alice Smith" <{0}>', '"Smith, Alice" <{0}>;q=0.7', "Alice<{0}>",
    '<{0};line=a1b2c3>', "<{0};x-sipX-nonat>;expires=120",
    '<{0}>;+u.sip!devicename.ccm.cisco.com="SEP001122334455";'
    '+u.sip!model.ccm.cisco.com="30018"',
    '<{0}>;methods="INVITE, ACK, BYE, CANCEL, OPTIONS, INFO"',
    '"804 \\"front\\" desk" <{0}>'])
def test_contacts_as_phones_write_them(gw, phones, contact):
    """Quoted names with spaces and commas (Yealink), sip.model and device names
    (Cisco), methods (Poly)."""
    a, b = phones(gw, "alice"), phones(gw, "bob", register=False)
    assert b.register(contact=contact.format(b.contact)).status == 200
    end(*set_up(a, b))


@pytest.mark.parametrize("instance", [
    "<urn:uuid:00000000-0000-1000-8000-000413261234>",
    "urn:uuid:00000000-0000-1000-8000-000413261234",
    '"urn:uuid:00000000-0000-1000-8000-000413261234"'])
def test_instance_without_quotes_or_brackets(gw, phones, instance):
    b = phones(gw, "bob", register=False)
    m = b.register(contact=f"<{b.contact}>;+sip.instance={instance};reg-id=1",
                   lines=["Supported: outbound"])
    assert ('+sip.instance="<urn:uuid:00000000-0000-1000-8000-000413261234>"'
            in m["contact"])


@pytest.mark.parametrize("header,parameter,granted", [
    (600, None, 600), (None, 600, 600), (600, 120, 120), (None, None, 3600)])
def test_expires_here_or_there(gw, phones, header, parameter, granted):
    """Only in the header, only in the Contact, both: the Contact's counts."""
    b = phones(gw, "bob", register=False)
    contact = f"<{b.contact}>" + (f";expires={parameter}" if parameter else "")
    m = b.register(expires=header, contact=contact)
    assert f"expires={granted}" in m["contact"]


def test_several_authorizations(gw, phones):
    """Credentials for other realms, and of other kinds, beside ours."""
    a = phones(gw, "alice", register=False)
    m = a.register_once()
    auth = a.digest(m["www-authenticate"], "REGISTER", "sip:sip.test")
    other = auth.replace('realm="sip.test"', 'realm="elsewhere"')
    m = a.register_once(auth=other, lines=[
        "Authorization: Basic YWxpY2U6c2VjcmV0", f"Authorization: {auth}"])
    assert m.status == 200


def test_stale_credentials_sent_again(gw, phones):
    """A phone that always begins with what it had: asked again, not banned."""
    a = phones(gw, "alice", register=False)
    m = a.register_once()
    auth = a.digest(m["www-authenticate"], "REGISTER", "sip:sip.test")
    assert a.register_once(auth=auth).status == 200
    for _ in range(12):
        m = a.register_once(auth=auth)
        assert m.status == 401 and "stale=true" in m["www-authenticate"]
    assert a.register().status == 200


SDPS = {
    "direction at session level only": A_SDP.replace("a=sendrecv\r\n", "")
    .replace("t=0 0\r\n", "t=0 0\r\na=sendrecv\r\n"),
    "c= by m-line only": re.sub(r"(c=IN IP4 10.9.0.1\r\n)(.*?)(m=[^\r]*\r\n)",
                                r"\2\3\1", A_SDP, flags=re.S),
    "telephone-event without fmtp": A_SDP.replace(
        "AVP 0 8", "AVP 0 8 101") + "a=rtpmap:101 telephone-event/8000\r\n",
    "no rtpmap for static payload types": re.sub(
        r"a=rtpmap[^\r]*\r\n", "", A_SDP),
    "line feeds": A_SDP.replace("\r\n", "\n"),
    "no line end at the end": A_SDP.rstrip(),
    "b= and k= and t= with times": A_SDP.replace(
        "t=0 0\r\n", "b=AS:84\r\nt=3149328700 0\r\n"),
    "an o= with a name and a big number": A_SDP.replace(
        "o=- 1 1", "o=Cisco-SIPUA 18446744073709551615 0"),
    "spaces in s=": A_SDP.replace("s=-", "s=SIP Call of today"),
    "an empty s=": A_SDP.replace("s=-", "s= "),
    "ptime and maxptime and silenceSupp": A_SDP +
    "a=ptime:20\r\na=maxptime:60\r\na=silenceSupp:off - - - -\r\n",
}


@pytest.mark.parametrize("kind", SDPS)
def test_sdp(gw, phones, kind):
    """In offer and answer."""
    a, b = phones(gw, "alice"), phones(gw, "bob")
    body = SDPS[kind]
    d, e = set_up(a, b, body, body.replace("10.9.0.1", "10.9.0.2"))
    assert e.invite.media()[0] and d.ok.media()[0]
    end(d, e)


def test_blank_line_after_the_sdp(gw, phones):
    """More octets than lines."""
    a, b = phones(gw, "alice"), phones(gw, "bob")
    end(*set_up(a, b, A_SDP + "\r\n", B_SDP + "\r\n\r\n"))


@pytest.mark.parametrize("event", ["keep-alive", "check-sync",
                                   "message-summary", "as-feature-event"])
def test_notify_as_keep_alive(gw, phones, event):
    """Phones and sites that keep a way open by NOTIFY outside of any dialog
    look at nothing but that there is an answer."""
    a = phones(gw, "alice")
    a.send(a.format(f"NOTIFY sip:{a.domain} SIP/2.0", [
        a.via(), "Max-Forwards: 70", f"From: <sip:alice@{a.domain}>;tag=1",
        f"To: <sip:{a.domain}>", f"Call-ID: {token()}", "CSeq: 1 NOTIFY",
        f"Event: {event}", f"Contact: <{a.contact}>",
        "Subscription-State: active"]))
    assert a.recv().status == (200 if event == "keep-alive" else 489)


@pytest.mark.parametrize("event", ["message-summary", "dialog", "presence",
                                   "as-feature-event", "ua-profile"])
def test_subscribe(gw, phones, event):
    """489, after which phones leave it be."""
    a = phones(gw, "alice")
    a.send(a.format(f"SUBSCRIBE sip:alice@{a.domain} SIP/2.0", [
        a.via(), "Max-Forwards: 70", f"From: <sip:alice@{a.domain}>;tag=1",
        f"To: <sip:alice@{a.domain}>", f"Call-ID: {token()}",
        "CSeq: 1 SUBSCRIBE", f"Event: {event}", "Expires: 3600",
        f"Contact: <{a.contact}>", "Accept: application/simple-message-summary"
    ]))
    m = a.recv()
    assert m.status == 489 and m["allow-events"] is not None


def test_publish(gw, phones):
    """Of presence or call quality: 489 as well (RFC 3903 section 6)."""
    a = phones(gw, "alice")
    a.send(a.format(f"PUBLISH sip:alice@{a.domain} SIP/2.0", [
        a.via(), "Max-Forwards: 70", f"From: <sip:alice@{a.domain}>;tag=1",
        f"To: <sip:alice@{a.domain}>", f"Call-ID: {token()}",
        "CSeq: 1 PUBLISH", "Event: vq-rtcpxr", "Expires: 3600"],
        "VQSessionReport: x\r\n", "application/vq-rtcpxr"))
    assert a.recv().status == 489


def test_reinvite_that_changes_nothing(gw, phones):
    """Cisco's refresh: the same session description again."""
    a, b = phones(gw, "alice"), phones(gw, "bob")
    d, e = set_up(a, b)
    for _ in range(2):
        d.request("INVITE", A_SDP)
        m = b.expect("INVITE")
        assert m.body == e.invite.body
        e.reply(m, 200, B_SDP)
        assert d.answered().body == d.ok.body
        b.expect("ACK")
    sync(d)
    end(d, e)


def test_provisional_without_tag_or_contact(gw, phones):
    """180 as some gateways send it."""
    a, b = phones(gw, "alice"), phones(gw, "bob")
    d = Dialog(a, "bob")
    d.call(A_SDP)
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    h = [f"Via: {invite['via']}", f"From: {invite['from']}",
         f"To: {invite['to']}", f"Call-ID: {invite['call-id']}",
         f"CSeq: {invite['cseq']}"]
    b.send(b.format("SIP/2.0 180 Ringing", h))
    a.expect(180)
    e.reply(invite, 200, B_SDP)
    d.answered()
    b.expect("ACK")
    end(d, e)


def test_answer_without_contact(gw, phones):
    """A 2xx has to have one; where it hasn't, what was called serves."""
    a, b = phones(gw, "alice"), phones(gw, "bob")
    altered(b, lambda t: re.sub(r"Contact: [^\r]*\r\n", "", t)
            if t.startswith("SIP/2.0 200") else t)
    d, e = set_up(a, b)
    end(d, e)


def test_reason_phrase_missing(gw, phones):
    a, b = phones(gw, "alice"), phones(gw, "bob")
    altered(b, lambda t: t.replace("SIP/2.0 180 Whatever", "SIP/2.0 180 ")
            .replace("SIP/2.0 200 Whatever", "SIP/2.0 200 "))
    end(*set_up(a, b))
