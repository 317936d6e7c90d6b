# SPDX-License-Identifier: Apache-2.0
"""Calls over every transport: TLS, WebSocket, and between them."""

import os
import socket
import ssl
import subprocess
import time

import pytest
import websocket
from course import end, set_up
from phone import Dialog, token
from pki import Authority

STREAMS = ["tcp", "tls", "ws", "wss"]


@pytest.mark.parametrize("tp", STREAMS)
def test_register_over(gw, phones, tp):
    a = phones(gw, "alice", tp=tp, register=False)
    m = a.register()
    assert m.status == 200 and a.contact in m["contact"]
    assert f"SIP/2.0/{tp.upper()} " in m["via"]


@pytest.mark.parametrize("ta,tb", [
    ("tls", "udp"), ("udp", "tls"), ("tls", "tls"), ("ws", "udp"),
    ("udp", "ws"), ("wss", "tls"), ("tcp", "wss"), ("wss", "wss")])
def test_call_over(gw, phones, ta, tb):
    """Vias, Contacts and the way of each request are that of its side."""
    a, b = phones(gw, "alice", tp=ta), phones(gw, "bob", tp=tb, side="B")
    d, e = set_up(a, b)
    for dialog, tp in ((d.ok, ta), (e.invite, tb)):
        want = {"udp": "", "tcp": ";transport=tcp", "tls": ";transport=tls",
                "ws": ";transport=ws", "wss": ";transport=ws"}[tp]
        assert dialog["contact"].endswith(want + ">"), dialog.text
    assert f"SIP/2.0/{tb.upper()} {gw.B}:" in e.invite["via"]
    e.request("BYE")
    m = a.expect("BYE")
    assert f"SIP/2.0/{ta.upper()} {gw.A}:" in m["via"]
    d.reply(m, 200)
    b.expect(200)


@pytest.mark.parametrize("tp", STREAMS)
def test_keep_alive(gw, phones, tp):
    """Two line ends are answered with one (RFC 5626 section 3.5.1)."""
    a = phones(gw, "alice", tp=tp)
    a.send("\r\n\r\n")
    if a.ws:
        while not (f := a.sock.whole()):
            a.sock.more()
        assert f == (websocket.TEXT, b"\r\n")
    else:
        assert a.sock.recv(100) == b"\r\n"
    assert a.register().status == 200


def test_ping(gw, phones):
    a = phones(gw, "alice", tp="ws")
    a.sock.send(b"are you there", websocket.PING)
    while not (f := a.sock.whole()):
        a.sock.more()
    assert f == (websocket.PONG, b"are you there")


def test_fragments(gw, phones):
    """One message in three frames, a ping between them."""
    a = phones(gw, "alice", tp="ws", register=False)
    raw, sent = a.sock, []
    a.send = sent.append
    a.register_once = type(a).register_once.__get__(a)
    a.recv = lambda *_, **__: None
    a.register_once()
    del a.recv
    data = sent[0].encode()
    raw.send(data[:50], websocket.TEXT, fin=False)
    raw.send(b"", websocket.PING)
    raw.send(data[50:90], 0, fin=False)
    raw.send(data[90:], 0)
    assert a.recv().status == 401


@pytest.mark.parametrize("data", [
    b"\x81\x05hello",		  # not masked
    b"\x83\x80\0\0\0\0",	  # unknown opcode
    b"\xc1\x80\0\0\0\0",	  # a reserved bit
    b"\x80\x80\0\0\0\0",	  # goes on with nothing
    b"\x89\xfe\x00\x80\0\0\0\0",  # a long ping
    b"\x82\xff" + b"\xff" * 8 + b"\0\0\0\0"])
def test_bad_frames_close(gw, data):
    with socket.create_connection(gw.door("ws"), timeout=5) as s:
        ws = websocket.WebSocket(s, gw.A)
        s.sendall(data)
        while ws.more():
            pass


@pytest.mark.parametrize("kw,status", [
    (dict(protocol=None), 400), (dict(protocol="mqtt"), 400)])
def test_websocket_refused(gw, kw, status):
    with socket.create_connection(gw.door("ws"), timeout=5) as s:
        with pytest.raises(websocket.Refused, match=f"HTTP/1.1 {status} "):
            websocket.WebSocket(s, gw.A, **kw)


@pytest.mark.parametrize("text,status", [
    ("POST / HTTP/1.1\r\n\r\n", 405), ("GET / HTTP/1.1\r\n\r\n", 426),
    ("REGISTER sip:x SIP/2.0\r\n\r\n", 405)])
def test_no_websocket(gw, text, status):
    with socket.create_connection(gw.door("ws"), timeout=5) as s:
        s.sendall(text.encode())
        assert s.recv(100).startswith(f"HTTP/1.1 {status} ".encode())
        assert s.recv(100) == b"" or s.recv(100) == b""


def test_websocket_gone(gw, phones):
    """Nobody can be called over a WebSocket that has been closed."""
    a, b = phones(gw, "alice"), phones(gw, "bob", tp="ws")
    b.sock.close()
    for _ in range(50):
        d = Dialog(a, "bob")
        d.call("", lines=())
        m = a.expect(480)
        d.ack_refusal(m)
        if "no phone of this user" in m["reason"]:
            break
        time.sleep(0.02)


def test_page_loaded_anew(gw, phones):
    """Each time with another Contact, as if it were another phone; what its
    closed connections left behind doesn't fill up the user's contacts."""
    for i in range(12):
        a = phones(gw, "alice", tp="wss", register=False)
        m = a.register()
        assert m.status == 200, i
        assert m.text.count("Contact:") <= 2 and a.contact in m.text
        a.sock.close()


def openssl(at, *args):
    p = subprocess.run(
        ["openssl", "s_client", "-connect", f"{at[0]}:{at[1]}", "-brief",
         *args], input=b"", capture_output=True, timeout=10)
    return p.returncode, p.stderr.decode()


@pytest.mark.parametrize("args,good", [
    (["-tls1_2"], True), (["-tls1_3"], True),
    (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], False),
    (["-tls1_2", "-cipher", "AES128-SHA"], False)])
def test_tls_versions(gw, args, good):
    code, said = openssl(gw.door("tls"), *args)
    assert (code == 0) == good, said


def test_own_certificate(gw):
    """Made at the first start; bears the domain and every address."""
    for name in (["-verify_hostname", gw.DOMAIN], ["-verify_ip", gw.A],
                 ["-verify_ip", gw.B]):
        code, said = openssl(gw.door("tls"), "-CAfile", gw.certificate,
                             "-verify_return_error", *name)
        assert code == 0 and "Verification: OK" in said, said
    code, said = openssl(gw.door("tls"), "-CAfile", gw.certificate,
                         "-verify_return_error", "-verify_ip", "127.0.0.99")
    assert code != 0
    key = os.path.join(gw.folder, "sip-key.pem")
    assert os.stat(key).st_mode & 0o777 == 0o600


# Certificates that somebody else has signed

@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def strict(tmp_path_factory, ca):
    """A gateway that asks for its clients' certificates, with one that the
    authority has signed."""
    from conftest import make
    cert = ca.make("gateway", "DNS:sip.test,IP:127.0.0.21")
    g = make(tmp_path_factory.mktemp("strict"), 25090, options=(
        f"    tls:\n      certificate: {cert}\n      ca: {ca.cert}\n"
        "      clients: required\n"))
    yield g
    assert g.stop() == 0
    g.close()


def test_client_certificates(strict, ca):
    def dial(cert):
        trust = ssl.create_default_context(cafile=ca.cert)
        if cert:
            trust.load_cert_chain(cert)
        s = trust.wrap_socket(
            socket.create_connection(strict.door("tls"), timeout=5),
            server_hostname=strict.A)
        s.sendall(b"\r\n\r\n")
        return s.recv(10)

    assert dial(ca.make("phone", "DNS:phone.test")) == b"\r\n"
    with pytest.raises(ssl.SSLError):
        dial(None)


@pytest.mark.parametrize("san,good", [("IP:127.0.0.11", True),
                                      ("IP:127.0.0.99", False),
                                      ("DNS:127.0.0.11", False)])
def test_gateway_connects(strict, ca, phones, san, good):
    """A phone whose connection has gone is connected to, if its certificate
    bears its address."""
    cert = ca.make("b" + token(), san)
    a = phones(strict, "alice")
    b = phones(strict, "bob", tp="tcp", register=False)
    b.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    b.server.load_cert_chain(cert)
    b.close()
    trust = ssl.create_default_context(cafile=ca.cert)
    trust.load_cert_chain(cert)
    b.tp, b.gateway = "tls", strict.door("tls")
    b.listener = socket.create_server((b.ip, 0))
    b.port = b.listener.getsockname()[1]
    b.sent_by = f"{b.ip}:{b.port}"
    b.contact = f"sip:bob@{b.sent_by};transport=tls"
    b.sock = trust.wrap_socket(
        socket.create_connection(b.gateway, source_address=(b.ip, 0)),
        server_hostname=strict.A)
    assert b.register().status == 200
    b.sock.shutdown(socket.SHUT_RDWR)
    if good:
        end(*set_up(a, b))
        return
    d = Dialog(a, "bob")
    d.call()
    try:
        b.accept()
    except ssl.SSLError:
        pass
    d.refused(480)
    strict.wait_log("can't be verified")
