# SPDX-License-Identifier: Apache-2.0
"""SFrame seen from outside (RFC 9605 section 4.3): is a stream of payloads
nothing but that? No keys, no code of the endpoints."""

from dataclasses import dataclass

import numpy as np

AUDIO, VIDEO, SCREEN = range(3)  # E2EE.md: KID = (step & 63) << 2 | kind
INNER = 1 + 4  # octets of the header inside: marker and codec, timestamp
TAG = 16


def header(payload):
    """@return KID, counter and what follows; None where it is cut short."""
    if not payload:
        return None
    kid, counter, at = payload[0] >> 4 & 7, payload[0] & 7, 1
    if payload[0] & 0x80:
        size, at = kid + 1, at + kid + 1
        kid = int.from_bytes(payload[1:1 + size], "big")
    if payload[0] & 0x08:
        size, at = counter + 1, at + counter + 1
        counter = int.from_bytes(payload[at - size:at], "big")
    return (kid, counter, payload[at:]) if len(payload) >= at else None


def evenness(octets):
    """Chi-squared of the octets against an even distribution, for each degree
    of freedom: about 1 for ciphertext, more for anything else."""
    counts = np.bincount(np.frombuffer(octets, np.uint8), minlength=256)
    expected = max(len(octets), 1) / 256
    return float(((counts - expected) ** 2 / expected).sum() / 255)


@dataclass
class Reading:
    """What a stream of payloads looks like when it is read as SFrame."""
    packets: int
    kids: set
    in_order: bool  # every header parses; counters go up one by one
    room: bool  # each has room for the inner header and the tag
    even: float  # evenness of all that follows the headers
    starts: float  # share of different octets among their first ones, of what
    #                noise would have: codecs start their payloads alike

    def is_sframe(self, kind):
        """Steps begin at 0, and a demo is too short for the next one."""
        return (self.packets > 20 and self.kids == {kind} and self.in_order
                and self.room and 0.6 < self.even < 1.5 and self.starts > 0.7)


def read(packets):
    """packets: wire.Rtp of one SSRC, in the order of the wire."""
    parsed = [header(p.payload) for p in packets]
    found = [h for h in parsed if h]
    rest = [h[2] for h in found]
    firsts = {r[0] for r in rest if r}
    noise = 256 * (1 - np.exp(-len(rest) / 256)) if rest else 1
    return Reading(
        len(packets), {h[0] for h in found},
        len(found) == len(packets) and all(
            b[1] - a[1] == 1 for a, b in zip(found, found[1:])),
        all(len(r) > INNER + TAG for r in rest), evenness(b"".join(rest)),
        len(firsts) / noise)
