# SPDX-License-Identifier: Apache-2.0
"""A SIP client that says exactly what a test wants, right or wrong: UDP, one
request at a time, digest authentication (RFC 3261, 2617)."""

import hashlib
import random
import re
import socket
import time

from lab.process import udp_socket


def _md5(*parts):
    return hashlib.md5(":".join(parts).encode()).hexdigest()


class Response:
    def __init__(self, text):
        head, _, self.body = text.partition("\r\n\r\n")
        self.start, *self.lines = head.split("\r\n")
        self.status = int(self.start.split()[1])
        self.reason = self.start.split(" ", 2)[2]

    def header(self, name):
        for line in self.lines:
            key, _, value = line.partition(":")
            if key.strip().lower() == name.lower():
                return value.strip()
        return ""


class SipClient:
    def __init__(self, namespace, address, server, user, domain, password=None,
                 port=5070):
        self.address, self.server, self.port = address, (server, 5060), port
        self.user, self.domain, self.password = user, domain, password
        self.aor = f"sip:{user}@{domain}"
        self.socket = udp_socket(namespace, (address, port))
        self.cseq = random.randrange(1, 1000)
        self.heard = []  # requests that came from the other side

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _message(self, method, uri, body, call, extra, to_tag=""):
        branch = f"z9hG4bK{random.getrandbits(64):x}"
        to = uri if method != "REGISTER" else self.aor
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.address}:{self.port};branch={branch};rport",
            "Max-Forwards: 70",
            f"From: <{self.aor}>;tag={call}",
            f"To: <{to}>{to_tag}",
            f"Call-ID: {call}@{self.address}",
            f"CSeq: {self.cseq} {method}",
            f"Contact: <sip:{self.user}@{self.address}:{self.port}>", *extra]
        if body:
            lines.append("Content-Type: application/sdp")
        lines += [f"Content-Length: {len(body)}", "", body]
        return "\r\n".join(lines)

    def _send(self, text):
        self.socket.sendto(text.encode(), self.server)

    def receive(self, seconds):
        """One datagram as text; "" where none came. Requests of the other
        side are answered with 200 and kept in `heard`."""
        self.socket.settimeout(seconds)
        try:
            text = self.socket.recv(65536).decode("utf-8", "replace")
        except socket.timeout:
            return ""
        if not text.startswith("SIP/2.0"):
            self.heard.append(text)
            keep = [line for line in text.split("\r\n") if re.match(
                r"(via|from|to|call-id|cseq):", line, re.I)]
            if not text.startswith("ACK"):
                self._send("\r\n".join(["SIP/2.0 200 OK", *keep,
                                        "Content-Length: 0", "", ""]))
        return text

    def _transact(self, text, seconds):
        """Send, again after half a second, and wait for a final response."""
        cseq = re.search(r"CSeq: (.*)", text)[1].strip()
        end = time.monotonic() + seconds
        again, wait, provisional = 0.0, 0.5, False
        while time.monotonic() < end:
            if time.monotonic() >= again and not provisional:
                self._send(text)
                again, wait = time.monotonic() + wait, wait * 2
            answer = self.receive(0.1)
            if not answer.startswith("SIP/2.0"):
                continue
            response = Response(answer)
            if response.header("cseq") != cseq:
                continue
            if response.status >= 200:
                return response
            provisional = True
        raise AssertionError(f"no final response to {text.split()[0]}")

    def _credentials(self, method, uri, response):
        field = "www-authenticate" if response.status == 401 else \
            "proxy-authenticate"
        asked = response.header(field)
        get = dict(re.findall(r'(\w+)="?([^",]+)"?', asked))
        ha1 = _md5(self.user, get["realm"], self.password)
        ha2 = _md5(method, uri)
        answer = f'username="{self.user}", realm="{get["realm"]}", ' \
                 f'nonce="{get["nonce"]}", uri="{uri}", algorithm=MD5'
        if "qop" in get:
            nc, cnonce = "00000001", f"{random.getrandbits(32):08x}"
            digest = _md5(ha1, get["nonce"], nc, cnonce, "auth", ha2)
            answer += f', qop=auth, nc={nc}, cnonce="{cnonce}"'
        else:
            digest = _md5(ha1, get["nonce"], ha2)
        name = "Authorization" if response.status == 401 else \
            "Proxy-Authorization"
        return f'{name}: Digest {answer}, response="{digest}"'

    def request(self, method, uri, body="", extra=(), seconds=10, call=None):
        """@return the final response, after answering a digest challenge."""
        call = call or f"{random.getrandbits(64):x}"
        extra = list(extra)
        for attempt in range(2):
            self.cseq += 1
            response = self._transact(
                self._message(method, uri, body, call, extra), seconds)
            if method == "INVITE":
                self._ack(uri, call, response)
            if response.status not in (401, 407) or not self.password or \
                    attempt:
                break
            extra.append(self._credentials(method, uri, response))
        response.call = call
        return response

    def _ack(self, uri, call, response):
        to_tag = re.search(r";tag=[^;>\s]+", response.header("to"))
        target = uri
        if response.status < 300:
            contact = re.search(r"<([^>]+)>", response.header("contact"))
            target = contact[1] if contact else uri
        text = self._message("ACK", target, "", call, [],
                             to_tag[0] if to_tag else "")
        # A dialog's To is the AOR that was called, whatever its target.
        text = re.sub(r"^To: <[^>]*>", f"To: <{uri}>", text, flags=re.M)
        if response.status >= 300:  # of the same transaction as the INVITE
            text = re.sub(r"^Via: .*?\r", f"Via: {response.header('via')}\r",
                          text, flags=re.M)
        self._send(text)

    def register(self, expires=60):
        return self.request("REGISTER", f"sip:{self.domain}",
                            extra=[f"Expires: {expires}"])

    def within(self, method, uri, response, extra=()):
        """A request of the dialog that this response to an INVITE has made."""
        to_tag = re.search(r";tag=[^;>\s]+", response.header("to"))[0]
        target = re.search(r"<([^>]+)>", response.header("contact"))[1]
        self.cseq += 1
        text = self._message(method, target, "", response.call, list(extra),
                             to_tag)
        text = re.sub(r"^To: <[^>]*>", f"To: <{uri}>", text, flags=re.M)
        return self._transact(text, 5)

    def bye(self, uri, response):
        return self.within("BYE", uri, response)


def sdp(address, port, *attributes, profile="RTP/AVP", formats="0"):
    return "".join(f"{line}\r\n" for line in (
        "v=0", f"o=- 1 1 IN IP4 {address}", "s=-", f"c=IN IP4 {address}",
        "t=0 0", f"m=audio {port} {profile} {formats}", *attributes))
