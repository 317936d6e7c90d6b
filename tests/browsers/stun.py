# SPDX-License-Identifier: Apache-2.0
"""STUN Binding requests as a browser sends them to check a path (RFC 8489, RFC
8445), made by hand so that they may be wrong."""

import hashlib
import hmac
import os
import struct
import zlib

COOKIE = 0x2112a442
REQUEST, SUCCESS = 0x0001, 0x0101
USERNAME, INTEGRITY, PRIORITY, NOMINATE = 0x0006, 0x0008, 0x0024, 0x0025
FINGERPRINT, CONTROLLING = 0x8028, 0x802a


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + \
        bytes(-len(value) % 4)


def check(username, password, nominate):
    """A check of a path: signed by that password, right or wrong."""
    identity = os.urandom(12)
    body = attribute(USERNAME, username.encode()) + \
        attribute(PRIORITY, struct.pack("!I", 2130706431)) + \
        attribute(CONTROLLING, os.urandom(8))
    if nominate:
        body += attribute(NOMINATE, b"")

    def head(more):
        return struct.pack("!HHI", REQUEST, len(body) + more, COOKIE) + identity
    body += attribute(INTEGRITY, hmac.new(
        password.encode(), head(24) + body, hashlib.sha1).digest())
    body += attribute(FINGERPRINT, struct.pack(
        "!I", zlib.crc32(head(8) + body) ^ 0x5354554e))
    return head(0) + body


def kind(datagram):
    """The message type; None: no STUN."""
    if len(datagram) < 20 or \
            struct.unpack_from("!I", datagram, 4)[0] != COOKIE:
        return None
    return struct.unpack_from("!H", datagram)[0]


def nominates(datagram):
    """Is it a request that chooses this path?"""
    at = 20
    while kind(datagram) == REQUEST and at + 4 <= len(datagram):
        name, length = struct.unpack_from("!HH", datagram, at)
        if name == NOMINATE:
            return True
        at += 4 + (length + 3) // 4 * 4
    return False
