# SPDX-License-Identifier: Apache-2.0
"""SDP for the tests, made and looked at."""

import base64
import os

KEYS = {"AES_CM_128_HMAC_SHA1_80": 30, "AES_CM_128_HMAC_SHA1_32": 30,
        "AEAD_AES_128_GCM": 28, "AEAD_AES_256_GCM": 44}
NAMES = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000", 96: "opus/48000/2",
         101: "telephone-event/8000"}


def sdp(address="192.0.2.10", port=4000, formats=(0, 8), proto="RTP/AVP",
        crypto=None, extra=(), kind="audio", direction=None):
    """crypto: list of suites, tags from 1."""
    family = "IP6" if ":" in address else "IP4"
    lines = ["v=0", f"o=- 1 1 IN {family} {address}", "s=-",
             f"c=IN {family} {address}", "t=0 0",
             f"m={kind} {port} {proto} {' '.join(map(str, formats))}"]
    lines += [f"a=rtpmap:{f} {NAMES[f]}" for f in formats]
    for tag, suite in enumerate(crypto or (), 1):
        key = base64.b64encode(os.urandom(KEYS[suite])).decode()
        lines.append(f"a=crypto:{tag} {suite} inline:{key}")
    if direction:
        lines.append(f"a={direction}")
    return "\r\n".join([*lines, *extra]) + "\r\n"


class Seen:
    """What an SDP says."""

    def __init__(self, text):
        self.lines = text.split("\r\n")
        self.address = self.one("c=").split()[2]
        kind, port, self.proto, *formats = self.one("m=").split()
        self.port, self.formats = int(port), [int(f) for f in formats]
        self.crypto = {}  # tag: suite
        for line in self.all("a=crypto:"):
            tag, suite = line.split()[:2]
            self.crypto[int(tag)] = suite

    def all(self, start):
        return [x[len(start):] for x in self.lines if x.startswith(start)]

    def one(self, start):
        found = self.all(start)
        assert found, f"no {start} in {self.lines}"
        return found[0]

    def attributes(self):
        return [x.partition(":")[0] for x in self.all("a=")]
