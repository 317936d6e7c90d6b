# SPDX-License-Identifier: Apache-2.0
"""The mirror as collectors see it: by a HEP3 parser of its own, and by sngrep.
No key leaves in it."""

import json
import re
import socket
import struct
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in ("scripts", "tests/hep", "tests/sip"):
    sys.path.insert(0, str(ROOT / folder))
from collector import Sngrep, parse  # noqa: E402
from gateway import Gateway, isolate  # noqa: E402
from phone import Dialog, Phone, sdp  # noqa: E402

isolate()
COLLECTOR = ("127.0.0.60", 9060)
KEYS = ["A" * 10 + "keyOfAlice/+" + "B" * 18, "C" * 10 + "keyOfBob0/+0" + "D" * 18]


def crypto(ip, port, key):
    return sdp(ip, port).replace("RTP/AVP", "RTP/SAVP").rstrip() + (
        f"\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n")


@pytest.fixture(scope="module")
def gw(tmp_path_factory):
    with Gateway(tmp_path_factory.mktemp("hep"), 25270, options=(
        f"  hep:\n    collector: \"{COLLECTOR[0]}:{COLLECTOR[1]}\"\n"
        "    id: 2001\n    password: hunter2\n")).up() as g:
        for name in ("alice", "bob"):
            g.add_user(name, security=1)
        yield g


def collect(s, last=None):
    """What has come, until it is quiet; last: what comes in any case."""
    out = []
    s.settimeout(20 if last else 1)
    try:
        while True:
            out.append(s.recv(65536))
            if last and last in out[-1]:
                s.settimeout(1)
    except TimeoutError:
        return out


def a_call(gw, keys):
    a = Phone(gw.at, "alice", ip="127.0.0.11")
    b = Phone(gw.at, "bob", ip="127.0.0.12")
    for p in (a, b):
        assert p.register().status == 200
    d = Dialog(a, "bob")
    d.call(crypto("10.9.0.1", 40000, keys[0]))
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    e.reply(invite, 200, crypto("10.9.0.2", 41000, keys[1]))
    d.answered()
    b.expect("ACK")
    d.request("BYE")
    bye = b.expect("BYE")
    for p in (a, b):
        p.close()
    offered = re.findall(r"inline:([^|\s]+)", invite.text)
    assert offered, "the gateway's own key is one that must not leave, too"
    return offered, d.callid, invite, bye


def test_signalling_without_keys(gw):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(COLLECTOR)
        offered, callid, invite, _ = a_call(gw, KEYS)
        packets = collect(s, b"BYE sip:")
    seen = [c for c in map(parse, packets) if c[11] == b"\x01"]
    whole = b"".join(packets)
    for key in KEYS + offered:
        assert key.encode() not in whole, "a key has left"
    for c in seen:
        assert c[12] == struct.pack("!I", 2001)
        assert c[14] == b"hunter2" and c[1] == b"\x02" and c[2] == b"\x11"
        assert abs(struct.unpack("!I", c[9])[0] - time.time()) < 60
    texts = [c[15].decode() for c in seen]
    for start in ("REGISTER", "INVITE", "ACK", "BYE", "SIP/2.0 200",
                  "SIP/2.0 401"):
        assert any(t.startswith(start) for t in texts), start
    there = [(c, t) for c, t in zip(seen, texts)
             if t.startswith("INVITE") and callid in t and "crypto:1" in t]
    c, t = there[0]
    assert socket.inet_ntoa(c[3]) == "127.0.0.11"
    assert (socket.inet_ntoa(c[4]), struct.unpack("!H", c[8])[0]) == gw.at
    assert "AES_CM_128_HMAC_SHA1_80 inline:" + "x" * 40 in t
    # towards bob it is what bob got, but for what is masked
    out = next(t for c, t in zip(seen, texts) if t.startswith("INVITE") and
               socket.inet_ntoa(c[3]) == gw.at[0] and
               socket.inet_ntoa(c[4]) == "127.0.0.12")
    assert len(out) == len(invite.text)
    assert not re.search(r'response="(?!x+")', "".join(texts))


def test_a_collector_that_was_away(gw):
    """What was refused meanwhile costs nothing that is sent afterwards."""
    phone = Phone(gw.at, "alice", ip="127.0.0.11")
    assert phone.register().status == 200  # nobody is there, says ICMP
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(COLLECTOR)
        assert phone.register().status == 200
        first = parse(s.recv(65536))
    assert first[15].startswith(b"REGISTER")
    phone.close()


def test_the_last_reports(gw):
    """A call that ends before the first of them is due has one of each leg."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(COLLECTOR)
        _, callid, invite, _ = a_call(gw, KEYS)
        packets = collect(s, b"BYE sip:")
    reports = {c[17].decode(): json.loads(c[15])
               for c in map(parse, packets) if c[11] == b"\x05"}
    assert set(reports) == {callid, invite["call-id"]}
    for r in reports.values():
        assert r["sender_information"]["packets"] > 0


def test_the_handshake_does_not_leave(gw):
    """Whatever becomes of it: not one octet of its messages."""
    secret = "TWVzc2FnZTM" * 8
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        s.bind(COLLECTOR)
        phone.bind(("127.0.0.13", 0))
        phone.sendto((
            f"INFO sip:bob@{gw.DOMAIN} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.13:{phone.getsockname()[1]};"
            "branch=z9hG4bKinfo\r\nMax-Forwards: 70\r\n"
            "From: <sip:x@y>;tag=1\r\nTo: <sip:bob@y>;tag=2\r\n"
            "Call-ID: info\r\nCSeq: 1 INFO\r\n"
            "Content-Type: application/sallyport-e2ee\r\n"
            f"Content-Length: {len(secret)}\r\n\r\n{secret}").encode(), gw.at)
        packets = collect(s, b"INFO sip:bob")
    info = [p for p in packets if b"INFO sip:bob" in p]
    assert info and b"x" * len(secret) in info[0]
    assert not any(secret[:12].encode() in p for p in packets)


def test_sngrep_reads_it(gw, tmp_path):
    with Sngrep(COLLECTOR, tmp_path / "seen.pcap") as sngrep:
        _, callid, *_ = a_call(gw, KEYS)
        sngrep.wait(callid.encode(), b"BYE sip:")
    assert KEYS[0].encode() not in sngrep.seen()


def test_off_unless_configured(tmp_path):
    g = Gateway(tmp_path, 25290)
    g.start_dataplane()
    g.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(COLLECTOR)
        phone = Phone(g.at, "alice", ip="127.0.0.11")
        phone.register()
        phone.close()
        # (the other gateway of this file may still repeat something)
        ports = {c for p in collect(s) for c in (parse(p)[7], parse(p)[8])}
    assert struct.pack("!H", g.PORT) not in ports
    g.stop()
    g.close()
