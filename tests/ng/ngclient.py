# SPDX-License-Identifier: Apache-2.0
"""A client of the ng protocol, and bencode written down once more from BEP 3:
the independent word on what the gateway's own reads and writes."""

import http.client
import itertools
import json
import socket


def encode(value):
    if isinstance(value, bool):
        return encode(int(value))
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:" % len(value) + value
    if isinstance(value, (list, tuple)):
        return b"l" + b"".join(map(encode, value)) + b"e"
    items = sorted((k.encode() if isinstance(k, str) else k, v)
                   for k, v in value.items())
    return b"d" + b"".join(encode(k) + encode(v) for k, v in items) + b"e"


class Bad(ValueError):
    pass


def _number(data, at, stop):
    end = data.find(stop, at)
    digits = data[at:end]
    if end < 0 or not digits.isdigit() or not digits.isascii() or \
            (digits[:1] == b"0" and len(digits) > 1):
        raise Bad(f"number at {at}")
    return int(digits), end + 1


def _value(data, at, depth):
    if depth > 16:
        raise Bad("too deep")
    kind = data[at:at + 1]
    if kind == b"i":
        negative = data[at + 1:at + 2] == b"-"
        number, end = _number(data, at + 1 + negative, b"e")
        if number > 2 ** 63 - 1 or (negative and number == 0):
            raise Bad("no such integer")
        return -number if negative else number, end
    if kind == b"l":
        values, at = [], at + 1
        while data[at:at + 1] != b"e":
            value, at = _value(data, at, depth + 1)
            values.append(value)
        return values, at + 1
    if kind == b"d":
        values, at = {}, at + 1
        while data[at:at + 1] != b"e":
            key, at = _string(data, at)
            if len(key) > 255 or 0 in key:
                raise Bad("key")
            values[key], at = _value(data, at, depth + 1)
        return values, at + 1
    return _string(data, at)


def _string(data, at):
    length, at = _number(data, at, b":")
    if length > len(data) - at:
        raise Bad("cut short")
    return data[at:at + length], at + length


def decode(data):
    value, end = _value(data, 0, 1)
    if end != len(data):
        raise Bad("more follows")
    return value


def text(value):
    """Octets as text, all the way down."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [text(v) for v in value]
    if isinstance(value, dict):
        return {text(k): text(v) for k, v in value.items()}
    return value


class Client:
    """Over UDP, TCP or HTTP; each request has a cookie of its own."""
    _count = itertools.count(1)

    def __init__(self, address, transport="udp", form="bencode", local=None):
        self.address, self.transport, self.form = address, transport, form
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.sock = None
        if transport != "http":
            self.sock = socket.socket(
                family, socket.SOCK_DGRAM if transport == "udp"
                else socket.SOCK_STREAM)
            if local:
                self.sock.bind(local)
            self.sock.settimeout(5)
            self.sock.connect(address)

    def close(self):
        if self.sock:
            self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.sock.sendall(data)

    def receive(self):
        """One message, as it came."""
        if self.transport == "udp":
            return self.sock.recv(65536)
        data = b""
        while True:
            data += self.sock.recv(65536)
            if not data:
                raise ConnectionError("closed")
            cookie, _, rest = data.partition(b" ")
            try:
                if rest[:1] == b"{":
                    json.loads(rest)
                else:
                    decode(rest)
                return data
            except ValueError:
                continue

    def post(self, path, body):
        connection = http.client.HTTPConnection(*self.address, timeout=5)
        connection.request("POST", path, body)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, data

    def cookie(self):
        return b"%d_%d" % (id(self) % 100000, next(self._count))

    def pack(self, request, cookie):
        body = json.dumps(request).encode() if self.form == "json" \
            else encode(request)
        return cookie + b" " + body

    def unpack(self, data, cookie):
        got, _, body = data.partition(b" ")
        assert got == cookie, f"another cookie: {data!r}"
        return json.loads(body) if self.form == "json" else text(decode(body))

    def ask(self, command, cookie=None, **keys):
        """@return the reply; keys with _ for spaces and hyphens alike."""
        cookie = cookie or self.cookie()
        request = {"command": command}
        request.update({k.replace("_", "-"): v for k, v in keys.items()})
        packed = self.pack(request, cookie)
        if self.transport == "http":
            status, data = self.post("/ng", packed)
            assert status == 200, status
        else:
            self.send(packed)
            data = self.receive()
        return self.unpack(data, cookie)
