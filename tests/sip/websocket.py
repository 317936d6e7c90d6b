# SPDX-License-Identifier: Apache-2.0
"""The client's side of a WebSocket that carries SIP: RFC 6455, RFC 7118."""

import base64
import hashlib
import os
import struct

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Refused(Exception):
    pass


class WebSocket:
    """Looks like a socket to select; recv gives (opcode, payload)."""

    def __init__(self, sock, host, protocol="sip", origin=None):
        self.sock, self.buffer = sock, b""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET / HTTP/1.1", f"Host: {host}", "Upgrade: websocket",
                 "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13",
                 f"Sec-WebSocket-Key: {key}"]
        if protocol:
            lines.append(f"Sec-WebSocket-Protocol: {protocol}")
        if origin:
            lines.append(f"Origin: {origin}")
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.buffer:
            data = sock.recv(4096)
            if not data:
                raise Refused(self.buffer.decode())
            self.buffer += data
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        head = head.decode()
        if not head.startswith("HTTP/1.1 101 "):
            raise Refused(head)
        want = base64.b64encode(
            hashlib.sha1((key + GUID).encode()).digest()).decode()
        assert f"Sec-WebSocket-Accept: {want}" in head, head
        assert "Sec-WebSocket-Protocol: sip" in head, head

    def fileno(self):
        return self.sock.fileno()

    def close(self):
        self.sock.close()

    def frame(self, payload, opcode=TEXT, fin=True, mask=True):
        head = bytes([(0x80 if fin else 0) | opcode])
        bit = 0x80 if mask else 0
        if len(payload) < 126:
            head += bytes([bit | len(payload)])
        else:
            head += struct.pack("!BH", bit | 126, len(payload))
        if not mask:
            return head + payload
        m = os.urandom(4)
        return head + m + bytes(b ^ m[i % 4] for i, b in enumerate(payload))

    def send(self, payload, opcode=TEXT, **kw):
        self.sock.sendall(self.frame(payload, opcode, **kw))

    def whole(self):
        """A frame out of the buffer, or None."""
        b = self.buffer
        if len(b) < 2:
            return None
        assert b[0] & 0x80 and not b[1] & 0x80, "a server doesn't mask"
        n, at = b[1] & 0x7f, 2
        if n == 126:
            if len(b) < 4:
                return None
            n, at = struct.unpack("!H", b[2:4])[0], 4
        if len(b) < at + n:
            return None
        self.buffer = b[at + n:]
        return b[0] & 0x0f, b[at:at + n]

    def more(self):
        """Reads what there is. @return: False at the end of it."""
        data = self.sock.recv(65536)
        self.buffer += data
        return bool(data)
