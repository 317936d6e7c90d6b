# SPDX-License-Identifier: Apache-2.0
"""A small SIP proxy and RTP relay between phones, which its user can make
lose, repeat, change, fork, record and invent: the path, or somebody on it.

Stateless SIP over UDP (RFC 3261 section 16.11): pushes a Via and Record-Route,
and routes by the host of the Request-URI where that is an address, else by its
user. Media go through it: c= and m= are rewritten, a=e2ee passes untouched."""

import re
import select
import socket
import threading
import zlib

from .process import LabError, inside


class Message:
    """A SIP message: start line, header lines in order, body."""

    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.start = lines[0]
        self.headers = [list(map(str.strip, h.split(":", 1)))
                        for h in lines[1:] if ":" in h]

    def copy(self):
        return Message(self.data())

    def data(self):
        self.set("Content-Length", str(len(self.body)))
        lines = [self.start] + [f"{n}: {v}" for n, v in self.headers]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body

    def get(self, name):
        return next((v for n, v in self.headers
                     if n.lower() == name.lower()), None)

    def set(self, name, value):
        for header in self.headers:
            if header[0].lower() == name.lower():
                header[1] = value
                return
        self.headers.append([name, value])

    def pop(self, name):
        for i, (n, _) in enumerate(self.headers):
            if n.lower() == name.lower():
                return self.headers.pop(i)[1]
        return None

    @property
    def request(self):
        return not self.start.startswith("SIP/2.0")

    @property
    def method(self):
        return self.get("CSeq").split()[1]

    @property
    def status(self):
        return 0 if self.request else int(self.start.split()[1])

    @property
    def uri(self):
        return self.start.split()[1]

    @property
    def e2ee(self):
        found = re.search(rb"^a=e2ee:(\S+)", self.body, re.M)
        return found and found.group(1).decode()


class Stream:
    """A pair of relay ports for one side's m-line. What comes in here is for
    that side."""

    def __init__(self, address, owner, namespace):
        self.owner, self.other = owner, None
        while True:
            with inside(namespace):
                self.socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                              for _ in range(2)]
            self.socks[0].bind((address, 0))
            self.port = self.socks[0].getsockname()[1]
            try:
                self.socks[1].bind((address, self.port + 1))
                return
            except OSError:
                self.close()

    def close(self):
        for s in self.socks:
            s.close()


class Relay(threading.Thread):
    """users: user -> (address, port), or a list of them: forked.
    on_sip(message, to) -> list of (message, to), to change what goes on.
    on_rtp(to, packet) -> list of packets.
    log: (direction, message); rtp: (to, packet) with to an endpoint's port."""

    def __init__(self, address, users, media=True, namespace=None):
        super().__init__(daemon=True)
        self.address, self.users, self.media = address, users, media
        self.namespace = namespace
        with inside(namespace):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, 5060))
        self.streams = {}
        self.on_sip = lambda message, to: [(message, to)]
        self.on_rtp = lambda to, packet: [packet]
        self.log, self.rtp, self.rtcp = [], [], []
        self.error = None
        self.wake = socket.socketpair()
        self.start()

    def close(self):
        self.wake[0].send(b"x")
        self.join(5)
        self.sock.close()
        for pair in self.streams.values():
            for stream in pair:
                stream.close()
        for end in self.wake:
            end.close()
        if self.error:
            raise LabError(f"the relay at {self.address}: {self.error!r}")

    def run(self):
        try:
            while True:
                ports = {}
                for pair in list(self.streams.values()):
                    for stream in pair:
                        for i, sock in enumerate(stream.socks):
                            ports[sock] = (stream, i)
                ready, _, _ = select.select(
                    [self.sock, self.wake[1], *ports], [], [], 1)
                if self.wake[1] in ready:
                    return
                for sock in ready:
                    data, source = sock.recvfrom(65536)
                    if sock is self.sock:
                        if len(data) > 4:
                            self.sip(Message(data), source)
                    else:
                        self.packet(*ports[sock], data)
        except Exception as error:  # told by close()
            self.error = error
            raise

    # --- media ---

    def packet(self, stream, rtcp, data):
        if rtcp:
            self.rtcp.append((stream.owner, data))
            outs = [data]
        else:
            self.rtp.append((stream.owner, data))
            outs = self.on_rtp(stream.owner, data)
        for out in outs:
            to = (stream.owner[0], stream.owner[1] + rtcp)
            stream.other.socks[rtcp].sendto(out, to)

    def rewrite(self, message, source):
        if not self.media or b"\nm=" not in message.body:
            return
        caller = message.request
        host = re.search(rb"^c=IN IP4 (\S+)", message.body, re.M)
        if not host or host.group(1).decode() == self.address:
            return
        host, line = host.group(1).decode(), iter(range(16))

        def port(found):
            index = next(line)
            own = int(found.group(2))
            if not own:
                return found.group(0)
            key = (message.get("Call-ID"), index, source)
            pair = self.streams.get((key[0], index))
            if not pair:
                pair = tuple(Stream(self.address, None, self.namespace)
                             for _ in range(2))
                pair[0].other, pair[1].other = pair[1], pair[0]
                pair[0].caller_tag = message.get("From").partition(";tag=")[2]
                self.streams[(key[0], index)] = pair
            # The caller's side of the dialog, whoever asks now.
            tag = (message.get("From") if caller else
                   message.get("To")).partition(";tag=")[2]
            stream = pair[0] if tag == pair[0].caller_tag else pair[1]
            stream.owner = (host, own)
            return b"m=%s %d " % (found.group(1), stream.port)

        body = re.sub(rb"^m=(\S+) (\d+) ", port, message.body, flags=re.M)
        message.body = re.sub(rb"^c=IN IP4 \S+",
                              b"c=IN IP4 " + self.address.encode(), body,
                              flags=re.M)

    # --- SIP ---

    def send(self, message, to):
        self.sock.sendto(message.data(), to)

    def targets(self, message):
        found = re.match(r"sip:(?:([^@]+)@)?([^:;]+)(?::(\d+))?", message.uri)
        user, host, port = found.groups()
        if re.fullmatch(r"[\d.]+", host):
            return [(host, int(port or 5060))]
        to = self.users[user]
        return to if isinstance(to, list) else [to]

    def sip(self, message, source):
        self.log.append((source, message.copy()))
        if message.request:
            route = message.get("Route")
            if route and self.address in route:
                message.pop("Route")
            self.rewrite(message, source)
            top = message.get("Via")
            for n, to in enumerate(self.targets(message)):
                each = message.copy()
                branch = zlib.crc32(f"{top}{n}{message.method}".encode())
                each.headers.insert(0, ["Via", f"SIP/2.0/UDP {self.address}"
                                        f":5060;branch=z9hG4bK{branch:08x}"])
                if message.method == "INVITE":
                    each.headers.insert(1, ["Record-Route",
                                            f"<sip:{self.address}:5060;lr>"])
                for out, where in self.on_sip(each, to):
                    self.send(out, where)
        else:
            self.rewrite(message, source)
            if self.address not in message.get("Via"):
                return
            message.pop("Via")
            via = message.get("Via")
            if not via:  # an answer to a request of ours
                return
            host, _, port = via.split()[1].partition(";")[0].partition(":")
            for out, where in self.on_sip(message, (host, int(port or 5060))):
                self.send(out, where)

    def requests(self, method):
        return [m for _, m in self.log if m.request and m.method == method]

    def answers(self, method):
        return [m for _, m in self.log if not m.request and m.method == method]
