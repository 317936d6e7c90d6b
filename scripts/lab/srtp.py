# SPDX-License-Identifier: Apache-2.0
"""SRTP opened with a key from a capture, or sealed with one: RFC 3711, AES_CM_128_HMAC_SHA1_80,
in a page of Python. It shares no code with the gateway, the endpoints, or
FFmpeg, and gives what FFmpeg keeps to itself: each packet's payload."""

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SUITE = "AES_CM_128_HMAC_SHA1_80"
TAG = 10  # octets


def _keystream(key, counter, size):
    cipher = Cipher(algorithms.AES(key), modes.CTR(counter.to_bytes(16, "big")))
    return cipher.encryptor().update(bytes(size))


class Srtp:
    """One direction of a leg. crypto: wire.Crypto, as the SDP had it."""

    def __init__(self, crypto):
        if crypto.suite != SUITE:
            raise ValueError(f"{crypto.suite} isn't known here")
        text = crypto.inline.partition("|")[0]
        raw = base64.b64decode(text + "=" * (-len(text) % 4))
        master, salt = raw[:16], int.from_bytes(raw[16:30], "big")
        # Section 4.3.1; labels 0, 1, 2: encryption, authentication, salt.
        self.key, self.auth, session = (
            _keystream(master, (salt ^ label << 48) << 16, size)
            for label, size in ((0, 16), (1, 20), (2, 14)))
        self.salt = int.from_bytes(session, "big")
        self.rollover = {}  # of each SSRC: ROC and last sequence number

    def open(self, packet):
        """@return the payload in the clear; None when the tag is wrong.
        packet: wire.Rtp, in the order of the wire and without big gaps."""
        roc, last = self.rollover.get(packet.ssrc, (0, packet.sequence))
        if packet.sequence - last < -32768:
            roc += 1
        elif packet.sequence - last > 32768:
            roc -= 1
        body, tag = packet.raw[:-TAG], packet.raw[-TAG:]
        good = hmac.new(self.auth, body + roc.to_bytes(4, "big"),
                        hashlib.sha1).digest()[:TAG]
        if roc < 0 or not hmac.compare_digest(good, tag):
            return None
        self.rollover[packet.ssrc] = roc, packet.sequence
        return self._crypt(packet.payload[:-TAG], packet.ssrc, roc,
                           packet.sequence)

    def seal(self, header, payload):
        """@return the packet. header: 12 octets; the sequence numbers of an
        SSRC go up and don't wrap."""
        sequence = int.from_bytes(header[2:4], "big")
        ssrc = int.from_bytes(header[8:12], "big")
        body = header + self._crypt(payload, ssrc, 0, sequence)
        return body + hmac.new(self.auth, body + bytes(4),
                               hashlib.sha1).digest()[:TAG]

    def _crypt(self, octets, ssrc, roc, sequence):
        counter = self.salt << 16 ^ ssrc << 64 ^ (roc << 16 | sequence) << 16
        stream = _keystream(self.key, counter, len(octets))
        return bytes(a ^ b for a, b in zip(octets, stream))
