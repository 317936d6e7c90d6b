# SPDX-License-Identifier: Apache-2.0
"""Two processes hold a call; a third program, which shares no line of code with
them, works out from the transcript and one side's secrets what everything must
be. Only hashlib, hmac and the `cryptography` package beneath it."""

import base64
import hashlib
import hmac
import json
import os
import re
import selectors
import socket
import struct
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey, X25519PublicKey)
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import (
    AESGCM, ChaCha20Poly1305)
from cryptography.hazmat.primitives.serialization import (
    Encoding, PublicFormat)

ROOT = Path(__file__).resolve().parents[2]
PEER = ROOT / os.environ.get("B", "build") / "tests" / "e2ee-peer"
ALICE, BOB = "sip:alice@branch.example", "sip:bob@hq.example"
L = b"sallyport-e2ee/1 "
PACKETS = 70


class Call:
    """Both sides, and us on the path between. tamper(i_to_r, channel, octets)
    returns what goes on, or None to lose it."""

    def __init__(self, lists=("5,5,5", "5,5,5"), aors=(ALICE, BOB, BOB, ALICE),
                 tamper=lambda to_r, channel, p: p):
        self.sdp, self.info, self.media = [], [], []
        sockets, children = [], []
        for side, own, peer, suites in (("I", aors[0], aors[1], lists[0]),
                                        ("R", aors[2], aors[3], lists[1])):
            ours, theirs = socket.socketpair()
            children.append(subprocess.Popen(
                [PEER, side, own, peer, suites], stdin=theirs, stdout=theirs,
                stderr=subprocess.PIPE))
            theirs.close()
            sockets.append(ours)
        try:
            self.relay(sockets, tamper)
            self.said = [json.loads(c.communicate(timeout=30)[1])
                         for c in children]
        finally:
            for child in children:
                if child.poll() is None:
                    child.kill()
                child.wait()
                child.stderr.close()
            for s in sockets:
                s.close()

    def relay(self, sockets, tamper):
        waiting = {s: b"" for s in sockets}
        open_ends = set(sockets)
        with selectors.DefaultSelector() as events:
            for s in sockets:
                events.register(s, selectors.EVENT_READ)
            while open_ends:
                ready = events.select(30)
                assert ready, "the peers fell silent"
                for key, _ in ready:
                    source = key.fileobj
                    to = sockets[1 - sockets.index(source)]
                    try:
                        got = source.recv(65536)
                    except ConnectionResetError:
                        got = b""
                    if not got:  # it is done: the other one hears so
                        events.unregister(source)
                        open_ends.discard(source)
                        self.shut(to)
                        continue
                    waiting[source] += got
                    waiting[source] = self.frames(
                        waiting[source], to, to is sockets[1], tamper)

    @staticmethod
    def shut(to):
        try:
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def frames(self, data, to, to_r, tamper):
        while len(data) >= 4:
            channel, kind, n = struct.unpack(">cBH", data[:4])
            if len(data) < 4 + n:
                break
            body, data = data[4:4 + n], data[4 + n:]
            {b"S": self.sdp, b"I": self.info}.get(
                channel, self.media).append(
                    (to_r, kind, body) if channel == b"M" else body)
            body = tamper(to_r, channel, body)
            if body is not None:
                try:
                    to.sendall(struct.pack(">cBH", channel, kind, len(body)) +
                               body)
                except OSError:
                    pass
        return data


def from_sdp(sdp):
    value = re.search(rb"^a=e2ee:(\S+)\r$", sdp, re.M).group(1)
    assert b"=" not in value
    return base64.urlsafe_b64decode(value + b"=" * (-len(value) % 4))


def lv(x):
    return struct.pack(">H", len(x)) + x


def extract(salt, ikm, digest):
    return hmac.new(salt or bytes(digest().digest_size), ikm, digest).digest()


def expand(prk, info, n, digest=hashlib.sha512):
    out, block, i = b"", b"", 1
    while len(out) < n:
        block = hmac.new(prk, block + info + bytes([i]), digest).digest()
        out, i = out + block, i + 1
    return out[:n]


def split_lv(data):
    n = struct.unpack(">H", data[:2])[0]
    assert len(data) >= 2 + n
    return data[2:2 + n], data[2 + n:]


def parse_idb(idb):
    own, rest = split_lv(idb[32:])
    peer, rest = split_lv(rest)
    media, rest = split_lv(rest)
    assert rest == b""
    lists = {media[i]: struct.unpack(">H", media[i + 1:i + 3])[0]
             for i in range(0, len(media), 4)}
    return idb[:32], own.decode(), peer.decode(), lists


class Work:
    """The specification once more, from I's X25519 secret."""

    def __init__(self, call):
        m1, m2 = (from_sdp(s) for s in call.sdp)
        m3, m4, m5 = call.info
        secrets = call.said[0]
        x_i, r_i = m3[1:33], m3[33:65]
        x_r, c_r = m2[5:37], m2[69:101]
        c_i = m1[39:71]
        secret = X25519PrivateKey.from_private_bytes(
            bytes.fromhex(secrets["x25519_secret"]))
        assert secret.public_key().public_bytes(
            Encoding.Raw, PublicFormat.Raw) == x_i
        assert r_i.hex() == secrets["r"]
        dh = secret.exchange(X25519PublicKey.from_public_bytes(x_r))
        th1 = self.hash(b"th1" + lv(m1) + lv(m2) + x_i + r_i)
        prk = extract(th1, bytes(32) + dh, hashlib.sha512)

        plain = self.aead(prk, b"k3", th1, m3[65:])
        idb_i, sig_i = split_lv(plain)
        th2 = self.hash(b"th2" + th1 + lv(idb_i))
        assert c_i == hashlib.sha256(
            L + b"commit I" + r_i + x_i + idb_i).digest()
        key_i, self.own_i, self.peer_i, self.list_i = parse_idb(idb_i)
        Ed25519PublicKey.from_public_bytes(key_i).verify(
            sig_i, L + b"sig I" + th2)

        plain = self.aead(prk, b"k4", th2, m4[1:])
        r_r = plain[:32]
        idb_r, sig_r = split_lv(plain[32:])
        th3 = self.hash(b"th3" + th2 + r_r + lv(idb_r))
        assert c_r == hashlib.sha256(
            L + b"commit R" + r_r + x_r + idb_r).digest()
        key_r, self.own_r, self.peer_r, self.list_r = parse_idb(idb_r)
        Ed25519PublicKey.from_public_bytes(key_r).verify(
            sig_r, L + b"sig R" + th3)
        assert self.aead(prk, b"k5", th3, m5[1:]) == b""

        self.ms = expand(prk, L + b"ms" + th3, 64)
        self.code = self.digits(prk, th3)

    @staticmethod
    def hash(data):
        return hashlib.sha512(L + data).digest()

    @staticmethod
    def aead(prk, label, aad, sealed):
        return ChaCha20Poly1305(expand(prk, L + label, 32)).decrypt(
            bytes(12), sealed, aad)

    @staticmethod
    def digits(prk, th3):
        groups, n = [], 0
        while len(groups) < 4:
            block = expand(prk, L + b"code" + bytes([n]) + th3, 64)
            n += 1
            groups += [f"{w % 100000:05d}"
                       for w in struct.unpack(">8Q", block)
                       if w < 18446744073709500000]
        return " ".join(groups[:4])

    def base_key(self, direction, kind):
        return expand(self.ms, L + b"sframe" + bytes([direction, kind]) +
                      bytes(4), 64)


SUITES = {  # digest, AES key, tag
    1: (hashlib.sha256, 16, 10),
    4: (hashlib.sha256, 16, 16),
    5: (hashlib.sha512, 32, 16),
}


def header(packet):
    """KID, CTR, octets: RFC 9605 section 4.3."""
    at = 1

    def field(bits):
        nonlocal at
        if bits < 8:
            return bits
        n = bits - 7
        at += n
        return int.from_bytes(packet[at - n:at], "big")

    kid = field(packet[0] >> 4)
    return kid, field(packet[0] & 15), at


def sframe_open(suite, base, kind, packet):
    digest, nk, nt = SUITES[suite]
    kid, ctr, n = header(packet)
    prk = extract(b"", base, digest)
    tail = struct.pack(">QH", kid, suite)
    size = nk + 32 if suite == 1 else nk
    key = expand(prk, b"SFrame 1.0 Secret key " + tail, size, digest)
    salt = expand(prk, b"SFrame 1.0 Secret salt " + tail, 12, digest)
    nonce = (int.from_bytes(salt, "big") ^ ctr).to_bytes(12, "big")
    aad, sealed = packet[:n] + bytes([kind]), packet[n:]
    if suite != 1:
        return kid, ctr, AESGCM(key).decrypt(nonce, sealed, aad)
    sealed, tag = sealed[:-nt], sealed[-nt:]
    mac = hmac.new(key[nk:], struct.pack(">QQQ", len(aad), len(sealed), nt) +
                   nonce + aad + sealed, digest).digest()
    assert mac[:nt] == tag
    aes = Cipher(algorithms.AES(key[:nk]), modes.CTR(nonce + bytes(4)))
    return kid, ctr, aes.decryptor().update(sealed)


def ratchet(suite, base):
    digest = SUITES[suite][0]
    return expand(extract(b"", base, digest), b"SFrame 1.0 Ratchet",
                  digest().digest_size, digest)


LISTS = [("5,5,5", "5,5,5"), ("4,0,0", "1,5,4"), ("1,4,5", "1,0,0")]


@pytest.mark.parametrize("lists", LISTS)
def test_two_processes_agree(lists):
    call = Call(lists)
    i, r = call.said
    assert i["locked"] and r["locked"], (i["reason"], r["reason"])
    assert i["code"] == r["code"] != ""
    assert (i["peer"], r["peer"]) == (BOB, ALICE)
    sent = [sum(s != "0" for s in x.split(",")) * PACKETS for x in lists]
    assert (r["opened"], i["opened"]) == tuple(sent)


@pytest.mark.parametrize("lists", LISTS)
def test_transcript(lists):
    """Messages, code and base keys are what another program makes of them."""
    call = Call(lists)
    work = Work(call)
    assert len(call.info) == 3
    for side in call.said:
        assert side["code"] == work.code
        for direction in (0, 1):
            for kind in (0, 1, 2):
                assert side[f"base_{direction}_{kind}"] == work.base_key(
                    direction, kind).hex()
    assert (work.own_i, work.peer_i) == (ALICE, BOB)
    assert (work.own_r, work.peer_r) == (BOB, ALICE)
    for own, text in ((work.list_i, lists[0]), (work.list_r, lists[1])):
        assert own == {k: int(s) for k, s in enumerate(text.split(","))
                       if s != "0"}


@pytest.mark.parametrize("lists", LISTS)
def test_packets(lists):
    """What goes over the wire is SFrame, step after step, beyond the wrap."""
    call = Call(lists)
    work = Work(call)
    assert call.media
    bases, steps = {}, {}
    for to_r, kind, packet in call.media:
        direction = 0 if to_r else 1
        suite = (work.list_i if to_r else work.list_r)[kind]
        stream = direction, kind
        step = steps.get(stream, 0)
        base = bases.get(stream) or work.base_key(direction, kind)
        kid, ctr, plain = sframe_open(suite, base, kind, packet)
        assert (kid, ctr) == ((step & 63) << 2 | kind, 0)
        first, timestamp = struct.unpack(">BI", plain[:5])
        assert first == (0x80 if step == 0 else 0) | 96
        assert timestamp == step * 960
        assert plain[5:] == f"packet {step}".encode()
        steps[stream], bases[stream] = step + 1, ratchet(suite, base)
    assert all(n == PACKETS for n in steps.values())


def test_codes_are_fresh():
    codes = {Call().said[0]["code"] for _ in range(5)}
    assert len(codes) == 5


@pytest.mark.parametrize("channel, number, reason", [
    (b"S", 0, "aead"), (b"S", 1, "aead"), (b"I", 0, "aead"),
    (b"I", 1, "aead"), (b"I", 2, "aead")])
def test_somebody_between_changes_a_message(channel, number, reason):
    seen = {b"S": 0, b"I": 0, b"M": 0}

    def tamper(_, where, body):
        seen[where] += 1
        if where != channel or seen[where] - 1 != number:
            return body
        if where == b"S":  # call_id, or n_R: nobody checks those by themselves
            message = bytearray(from_sdp(body))
            message[10 if number == 0 else 40] ^= 1
            return (b"v=0\r\na=e2ee:" + base64.urlsafe_b64encode(
                bytes(message)).rstrip(b"=") + b"\r\nm=audio\r\n")
        return body[:-1] + bytes([body[-1] ^ 1])

    i, r = Call(tamper=tamper).said
    assert not (i["locked"] and r["locked"])
    assert reason in (i["reason"], r["reason"])


def test_downgrade():
    """Somebody takes a=e2ee away: no lock, no media, no keys."""
    i, r = Call(tamper=lambda _, c, p: b"v=0\r\nm=audio\r\n" if c == b"S"
                else p).said
    assert not i["locked"] and not r["locked"]
    assert "base_0_0" not in i and "base_0_0" not in r


def test_called_somebody_else():
    """The call ends up with another than the one that was dialled."""
    carol = "sip:carol@hq.example"
    i, r = Call(aors=(ALICE, BOB, carol, ALICE)).said
    assert not i["locked"] and not r["locked"]
    assert r["reason"] == "peer-aor"
