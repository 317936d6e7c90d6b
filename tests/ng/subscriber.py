# SPDX-License-Identifier: Apache-2.0
"""Somebody beside the parties of a call who gets a copy of what they say: plain
sockets, and SRTP that shares no code with the gateway's."""

import base64
import os
import re
import select
import threading

from lab import audio, wire
from lab.process import udp_socket
from lab.srtp import SUITE, Srtp


class Subscriber(threading.Thread):
    """In the network of one side. Answers any offer of the gateway's with one
    codec, by its payload type."""

    def __init__(self, side, payload_type=0, port=43000, sockets=2,
                 address=None):
        super().__init__(daemon=True)
        self.side, self.payload_type = side, payload_type
        self.address = address or side.host
        self.port = port
        self.media = [udp_socket(side.namespace, (self.address, port + 2 * i))
                      for i in range(sockets)]
        self.packets = [[] for _ in self.media]
        self.keys = [None] * sockets
        self._over = threading.Event()

    def answer(self, offer):
        """@return the SDP."""
        self.offer = offer
        self.lines = offer.split("m=")[1:]
        self.labels = [re.search(r"a=label:(\S+)", x)[1] for x in self.lines]
        family = "IP6" if ":" in self.address else "IP4"
        out = ["v=0", f"o=- 1 1 IN {family} {self.address}", "s=-",
               f"c=IN {family} {self.address}", "t=0 0"]
        for i, x in enumerate(self.lines):
            _, _, proto, *formats = x.split("\r\n")[0].split()
            assert str(self.payload_type) in formats and "a=sendonly" in x
            out += [f"m=audio {self.port + 2 * i} {proto} "
                    f"{self.payload_type}", "a=recvonly",
                    f"a=label:{self.labels[i]}"]
            crypto = re.search(rf"a=crypto:(\d+) {SUITE} inline:(\S+)", x)
            if crypto:
                self.keys[i] = wire.Crypto(crypto[1], SUITE, crypto[2])
                out.append(f"a=crypto:{crypto[1]} {SUITE} inline:"
                           + base64.b64encode(os.urandom(30)).decode())
        return "\r\n".join([*out, ""])

    def sound(self, label):
        """What arrived on the m-line of that label."""
        i = self.labels.index(label)
        rtp = [wire.rtp_packet(wire.Datagram(0, None, None, p))
               for p in list(self.packets[i])]
        rtp = [p for p in rtp if p and p.payload_type == self.payload_type]
        if self.keys[i]:
            opened = Srtp(self.keys[i])
            octets = b"".join(opened.open(p) or b"" for p in rtp)
        else:
            octets = wire.payload_octets(rtp)
        return audio.decode_g711(octets, self.payload_type)

    def seconds(self, label):
        return len(self.sound(label)) / audio.RATE

    def run(self):
        while not self._over.is_set():
            for s in select.select(self.media, [], [], 0.1)[0]:
                self.packets[self.media.index(s)].append(s.recv(65536))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join(5)
        for s in self.media:
            s.close()
