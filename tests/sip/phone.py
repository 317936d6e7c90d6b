# SPDX-License-Identifier: Apache-2.0
"""A SIP phone for tests: says exactly what a test wants, and nothing by itself
but the digest. UDP, TCP, TLS or WebSocket, one call at a time in a Dialog."""

import hashlib
import random
import re
import select
import socket
import ssl
import time

import websocket

COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact",
           "l": "content-length", "c": "content-type", "k": "supported"}


def token(n=8):
    return "".join(random.choice("0123456789abcdef") for _ in range(n))


def sdp(ip, port=40000, direction="sendrecv", codecs="0 8", version=1,
        profile="RTP/AVP", crypto=None):
    names = {"0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000"}
    lines = ["v=0", f"o=- 1 {version} IN IP4 {ip}", "s=-", f"c=IN IP4 {ip}",
             "t=0 0", f"m=audio {port} {profile} {codecs}"]
    lines += [f"a=rtpmap:{c} {names[c]}" for c in codecs.split()]
    if crypto:
        lines.append("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + crypto)
    lines.append(f"a={direction}")
    return "\r\n".join(lines) + "\r\n"


class Message:
    def __init__(self, text, source=None):
        head, _, self.body = text.partition("\r\n\r\n")
        lines = head.split("\r\n")
        self.text, self.start, self.source = text, lines[0], source
        self.headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            self.headers.append((COMPACT.get(name, name), value.strip()))
        first = self.start.split(" ", 2)
        self.status = int(first[1]) if first[0] == "SIP/2.0" else None
        self.method = self["cseq"].split()[1] if self.status else first[0]
        self.uri = None if self.status else first[1]

    def __getitem__(self, name):
        return next((v for n, v in self.headers if n == name.lower()), None)

    def all(self, name):
        return [v for n, v in self.headers if n == name.lower()]

    def tag(self, name):
        m = re.search(r";tag=([^;\s]+)", self[name] or "")
        return m and m.group(1)

    @property
    def cseq(self):
        return int(self["cseq"].split()[0])

    @property
    def target(self):
        return re.search(r"<?(sip:[^>\s]+)", self["contact"]).group(1)

    def media(self):
        """(port, connection address) of the first m-line."""
        port = int(re.search(r"^m=\w+ (\d+)", self.body, re.M).group(1))
        return port, re.search(r"^c=IN IP[46] (\S+)", self.body, re.M).group(1)


class Phone:
    def __init__(self, gateway, user=None, password="secret", ip="127.0.0.10",
                 tp="udp", domain="sip.test", tls=None):
        self.gateway, self.user, self.password = gateway, user, password
        self.domain, self.tp, self.ip = domain, tp, ip
        self.seen, self.buffer, self.listener = set(), "", None
        self.callid, self.seq = token(16), 0
        self.host = f"[{ip}]" if ":" in ip else ip
        self.ws, self.tls = tp in ("ws", "wss"), tls
        self.sent_by = None
        if tp == "udp":
            family = socket.AF_INET6 if ":" in ip else socket.AF_INET
            self.sock = socket.socket(family, socket.SOCK_DGRAM)
            self.sock.bind((ip, 0))
            self.port = self.sock.getsockname()[1]
        elif self.ws:  # can't be connected to, and says so (RFC 7118)
            self.sock = self.dial()
            self.sent_by = token() + ".invalid"
        else:  # a phone also listens where its Contact says
            self.listener = socket.create_server(
                (ip, 0), family=socket.AF_INET6 if ":" in ip
                else socket.AF_INET)
            self.port = self.listener.getsockname()[1]
            self.sock = self.dial()
        if not self.sent_by:
            self.sent_by = f"{self.host}:{self.port}"
        self.contact = f"sip:{user}@{self.sent_by}" + {
            "udp": "", "wss": ";transport=ws"}.get(tp, f";transport={tp}")

    def dial(self):
        sock = socket.create_connection(self.gateway, timeout=5,
                                        source_address=(self.ip, 0))
        if self.tp in ("tls", "wss"):
            trust = ssl.create_default_context(cafile=self.tls)
            sock = trust.wrap_socket(sock, server_hostname=self.gateway[0])
        if self.ws:
            sock = websocket.WebSocket(sock, self.gateway[0])
        return sock

    def accept(self):
        """The gateway connects to the phone."""
        self.sock.close()
        self.sock, _ = self.listener.accept()
        if self.tp == "tls":
            self.sock = self.server.wrap_socket(self.sock, server_side=True)

    def close(self):
        self.sock.close()
        if self.listener:
            self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Octets

    def send(self, text):
        data = text.encode() if isinstance(text, str) else text
        if self.tp == "udp":
            self.sock.sendto(data, self.gateway)
        elif self.ws:
            self.sock.send(data)
        else:
            self.sock.sendall(data)

    def whole(self):
        """A whole message out of the TCP buffer."""
        head, sep, rest = self.buffer.partition("\r\n\r\n")
        if not sep:
            return None
        size = int(re.search(r"content-length: *(\d+)", head, re.I).group(1))
        if len(rest) < size:
            return None
        self.buffer = rest[size:]
        return head + sep + rest[:size]

    def frame(self):
        """A message out of the WebSocket's frames; answers pings."""
        while True:
            f = self.sock.whole()
            if not f:
                return None
            if f[0] == websocket.PING:
                self.sock.send(f[1], websocket.PONG)
            elif f[0] in (websocket.TEXT, websocket.BINARY):
                return f[1].decode()

    def readable(self, timeout):
        """What there is to be read from, perhaps nothing."""
        tls = self.sock.sock if self.ws else self.sock
        if isinstance(tls, ssl.SSLSocket) and tls.pending():
            return [self.sock]
        socks = [self.sock] + ([self.listener] if self.listener else [])
        return select.select(socks, [], [], max(timeout, 0))[0]

    def read(self, timeout):
        end = time.monotonic() + timeout
        while True:
            if self.tp != "udp":
                text = self.frame() if self.ws else self.whole()
                if text:
                    return Message(text)
            left = end - time.monotonic()
            ready = self.readable(left)
            if not ready:
                return None
            if self.listener in ready:  # the gateway connects anew
                self.accept()
            elif self.tp == "udp":
                data, source = self.sock.recvfrom(65535)
                return Message(data.decode(), source)
            elif self.ws:
                if not self.sock.more():
                    return None
            else:
                data = self.sock.recv(65535)
                if not data:  # closed; perhaps the gateway connects anew
                    if not self.listener or not select.select(
                            [self.listener], [], [], max(left, 0))[0]:
                        return None
                    self.accept()
                    continue
                self.buffer += data.decode()

    def recv(self, timeout=4, repeats=False):
        """The next message that isn't a repeat of one already seen."""
        end = time.monotonic() + timeout
        while True:
            m = self.read(end - time.monotonic())
            if m is None:
                return None
            key = (m.start, m["via"], m["cseq"], m["rseq"], m.tag("to"))
            if repeats or key not in self.seen:
                self.seen.add(key)
                return m

    def expect(self, what, timeout=4, method=None):
        """The next message must be this: a method, or a status (100 is passed
        over)."""
        while True:
            m = self.recv(timeout)
            assert m, f"{self.user}: waited for {what}, nothing came"
            if m.status == 100 and what != 100:
                continue
            got = m.status or m.method
            assert got == what, f"{self.user}: waited for {what}, got\n{m.text}"
            assert not method or m.method == method, m.text
            return m

    def silent(self, seconds=0.3):
        m = self.recv(seconds)
        assert m is None, f"{self.user}: nothing was to come, got\n{m.text}"

    # Requests

    def via(self, branch=None):
        return (f"Via: SIP/2.0/{self.tp.upper()} {self.sent_by}"
                f";branch={branch or 'z9hG4bK' + token()};rport")

    def format(self, start, headers, body="", ctype="application/sdp"):
        lines = [start] + headers
        if body:
            lines.append(f"Content-Type: {ctype}")
        lines.append(f"Content-Length: {len(body.encode())}")
        return "\r\n".join(lines) + "\r\n\r\n" + body

    def digest(self, challenge, method, uri, nc=1, user=None, password=None):
        p = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        user, password = user or self.user, password or self.password

        def md5(s):
            return hashlib.md5(s.encode()).hexdigest()

        cnonce, count = token(), f"{nc:08x}"
        a1 = md5(f"{user}:{p['realm']}:{password}")
        a2 = md5(f"{method}:{uri}")
        r = md5(f"{a1}:{p['nonce']}:{count}:{cnonce}:auth:{a2}")
        return (f'Digest username="{user}", realm="{p["realm"]}", '
                f'nonce="{p["nonce"]}", uri="{uri}", response="{r}", '
                f'algorithm=MD5, cnonce="{cnonce}", qop=auth, nc={count}')

    def register_once(self, expires=3600, contact=None, auth=None, to=None,
                      seq=None, callid=None, lines=()):
        self.seq = seq or self.seq + 1
        uri = f"sip:{self.domain}"
        aor = f"<sip:{to or self.user}@{self.domain}>"
        h = [self.via(), "Max-Forwards: 70", f"From: {aor};tag={token()}",
             f"To: {aor}", f"Call-ID: {callid or self.callid}",
             f"CSeq: {self.seq} REGISTER"]
        if contact != "":
            h.append(f"Contact: {contact or '<' + self.contact + '>'}")
        if expires is not None:
            h.append(f"Expires: {expires}")
        if auth:
            h.append(f"Authorization: {auth}")
        self.send(self.format(f"REGISTER {uri} SIP/2.0", h + list(lines)))
        return self.recv()

    def register(self, expires=3600, contact=None, **kw):
        m = self.register_once(expires, contact, **kw)
        assert m.status == 401, m.text
        auth = self.digest(m["www-authenticate"], "REGISTER",
                           f"sip:{self.domain}")
        return self.register_once(expires, contact, auth=auth, **kw)


class Dialog:
    """One call of a phone. Either side."""

    allow = "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO"

    def __init__(self, phone, to=None):
        self.phone, self.callid = phone, token(16)
        self.local_tag, self.remote_tag = token(), None
        self.me = f"<sip:{phone.user}@{phone.domain}>"
        self.other = f"<sip:{to}@{phone.domain}>"
        self.target = f"sip:{to}@{phone.domain}"
        self.seq, self.invite, self.auth = 0, None, None
        self.branch = None

    @classmethod
    def of(cls, phone, invite):
        """From an INVITE that has come."""
        d = cls(phone)
        d.callid, d.invite = invite["call-id"], invite
        d.remote_tag = invite.tag("from")
        d.other = re.sub(r";tag=.*", "", invite["from"])
        d.me = re.sub(r";tag=.*", "", invite["to"])
        d.target = invite.target
        return d

    def headers(self, method, seq, branch=None):
        to = self.other + (f";tag={self.remote_tag}" if self.remote_tag else "")
        h = [self.phone.via(branch), "Max-Forwards: 70",
             f"From: {self.me};tag={self.local_tag}", f"To: {to}",
             f"Call-ID: {self.callid}", f"CSeq: {seq} {method}"]
        if method in ("INVITE", "UPDATE"):
            h.append(f"Contact: <{self.phone.contact}>")
            h.append(f"Allow: {self.allow}")
        return h

    def request(self, method, body="", ctype="application/sdp", lines=(),
                seq=None, branch=None):
        if seq is None:
            self.seq += 1
            seq = self.seq
        self.branch = branch or "z9hG4bK" + token()
        text = self.phone.format(
            f"{method} {self.target} SIP/2.0",
            self.headers(method, seq, self.branch) + list(lines), body, ctype)
        self.phone.send(text)
        self.sent = text
        return text

    def call(self, body="", lines=(), password=None, user=None):
        """INVITE, challenge, INVITE with credentials."""
        uri = self.target
        self.request("INVITE", body, lines=lines)
        m = self.phone.expect(407)
        self.ack_refusal(m)
        auth = self.phone.digest(m["proxy-authenticate"], "INVITE", uri,
                                 password=password, user=user)
        self.request("INVITE", body, lines=[f"Proxy-Authorization: {auth}",
                                            *lines])
        self.invite_branch = self.branch

    def ack_refusal(self, m):
        self.phone.send(self.phone.format(
            f"ACK {self.target} SIP/2.0",
            [f"Via: {m['via'].split(';received')[0]}", "Max-Forwards: 70",
             f"From: {m['from']}", f"To: {m['to']}",
             f"Call-ID: {self.callid}", f"CSeq: {m.cseq} ACK"]))

    def refused(self, status, timeout=4):
        m = self.phone.expect(status, timeout)
        self.ack_refusal(m)
        return m

    def learn(self, m):
        self.remote_tag = m.tag("to")
        if m["contact"]:
            self.target = m.target
        return m

    def answered(self, timeout=4, body=""):
        """Wait for the 2xx to our INVITE, and acknowledge it."""
        m = self.learn(self.phone.expect(200, timeout, "INVITE"))
        self.request("ACK", body, seq=m.cseq)
        return m

    def cancel(self):
        self.phone.send(self.phone.format(
            f"CANCEL {self.target} SIP/2.0",
            [self.phone.via(self.invite_branch), "Max-Forwards: 70",
             f"From: {self.me};tag={self.local_tag}", f"To: {self.other}",
             f"Call-ID: {self.callid}", f"CSeq: {self.seq} CANCEL"]))

    def reply(self, m, status, body="", phrase="Whatever", lines=(),
              ctype="application/sdp"):
        to = m["to"]
        if not m.tag("to") and status > 100:
            to += f";tag={self.local_tag}"
        h = [f"Via: {v}" for v in m.all("via")]
        h += [f"From: {m['from']}", f"To: {to}", f"Call-ID: {m['call-id']}",
              f"CSeq: {m['cseq']}"]
        if m.method in ("INVITE", "UPDATE") and 100 < status < 300:
            h.append(f"Contact: <{self.phone.contact}>")
            h.append(f"Allow: {self.allow}")
        text = self.phone.format(f"SIP/2.0 {status} {phrase}",
                                 h + list(lines), body, ctype)
        self.phone.send(text)
        return text

    def bye(self):
        self.request("BYE")
        return self.phone.expect(200, method="BYE")
