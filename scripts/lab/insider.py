# SPDX-License-Identifier: Apache-2.0
"""Requests within a call in the name of one of its phones: from the phone's
own address and port, with the dialog's Call-ID and tags, as the capture of its
wire shows them. So a call can be asked for what its phone would never ask."""

import random
import re
import socket
import struct

from . import wire
from .process import inside, wait_until

PORT = 5060


class Insider:
    """In the name of the caller. The phone itself can't send a request in that
    dialog any more afterwards: its sequence numbers are used up."""

    def __init__(self, capture, host, gateway, namespace):
        self.capture, self.host, self.gateway = capture, host, gateway
        with inside(namespace):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW,
                                        socket.IPPROTO_UDP)
        said = self._messages()
        self.answer = next(m for m in reversed(said) if m.method == "INVITE"
                           and m.status and 200 <= m.status < 300)
        self.offer = next(m for m in said if m.method == "INVITE" and m.body
                          and not m.status and m.headers["call-id"]
                          == self.answer.headers["call-id"])
        self.cseq = max(int(m.headers["cseq"][0].split()[0]) for m in said
                        if not m.status and m.source[0] == host)

    def _messages(self):
        return wire.sip_messages(wire.datagrams(self.capture.path))

    def ask(self, method, *lines, body="", uri=None):
        """uri: instead of the other side's Contact.

        @return the final response, a wire.Sip."""
        self.cseq += 1
        contact = re.search(r"<([^>]+)>", self.answer.headers["contact"][0])[1]
        uri, a = uri or contact, self.answer.headers
        if body:
            lines += ("Content-Type: application/sdp",)
        self._send("\r\n".join((
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.host}:{PORT};rport;"
            f"branch=z9hG4bK{random.getrandbits(64):x}",
            "Max-Forwards: 70", f"From: {a['from'][0]}", f"To: {a['to'][0]}",
            f"Call-ID: {a['call-id'][0]}", f"CSeq: {self.cseq} {method}",
            f"Contact: {self.offer.headers['contact'][0]}", *lines,
            f"Content-Length: {len(body)}", "", body)))
        answer = wait_until(f"an answer to {method}", 5, self._answered)
        if method == "INVITE":
            self._ack(answer, uri)
        return answer

    def _answered(self):
        return next((m for m in self._messages()
                     if m.status and m.status >= 200 and m.headers["call-id"]
                     == self.answer.headers["call-id"] and int(
                         m.headers["cseq"][0].split()[0]) == self.cseq
                     and m.destination[0] == self.host), None)

    def _ack(self, answer, uri):
        h = answer.headers
        self._send("\r\n".join((
            f"ACK {uri} SIP/2.0", f"Via: {h['via'][0]}",
            "Max-Forwards: 70", f"From: {h['from'][0]}", f"To: {h['to'][0]}",
            f"Call-ID: {h['call-id'][0]}", f"CSeq: {self.cseq} ACK",
            "Content-Length: 0", "", "")))

    def _send(self, text):
        data = text.encode()
        udp = struct.pack(">HHHH", PORT, PORT, 8 + len(data), 0)
        self.socket.sendto(udp + data, (self.gateway, 0))

    def close(self):
        self.socket.close()
