# SPDX-License-Identifier: Apache-2.0
"""The instruments for end-to-end encrypted calls can say no as well: SFrame,
SRTP by the page, pictures."""

import hashlib
import hmac
import os
import struct
import subprocess

import pytest

from lab import picture, sframe, wire
from lab.process import run, udp_socket
from lab.srtp import Srtp
from lab.topology import PREFIX
from lab.wire import Crypto, Rtp
from test_lab import KEY, OTHER_KEY, SUITE


def packets(payloads):
    return [Rtp(0, n, n, 96, 1, p, b"") for n, p in enumerate(payloads)]


def ciphertexts(count=200, kid=0, first=0, size=100):
    """As E2EE.md's endpoints make them, with noise for what is sealed."""
    for counter in range(first, first + count):
        if counter < 8:
            head = bytes([kid << 4 | counter])
        else:
            octets = counter.to_bytes((counter.bit_length() + 7) // 8, "big")
            head = bytes([kid << 4 | 8 | len(octets) - 1]) + octets
        yield head + os.urandom(size)


@pytest.mark.parametrize("payload,kid,counter,rest", [
    # RFC 9605 figures 3 to 6: short and long KID, short and long CTR
    ("12" "aa", 1, 2, "aa"),
    ("78" "09" "aa", 7, 9, "aa"),
    ("92" "0405" "aa", 0x0405, 2, "aa"),
    ("99" "0405" "0607" "aa", 0x0405, 0x0607, "aa"),
])
def test_header(payload, kid, counter, rest):
    assert sframe.header(bytes.fromhex(payload)) == (
        kid, counter, bytes.fromhex(rest))


@pytest.mark.parametrize("payload", ["", "98", "9804", "0f01"])
def test_cut_short(payload):
    assert sframe.header(bytes.fromhex(payload)) is None


def test_sframe():
    for kid in (0, 1):
        assert sframe.read(packets(ciphertexts(kid=kid))).is_sframe(kid)
        assert not sframe.read(packets(ciphertexts(kid=kid))).is_sframe(1 - kid)


def plain_one(sealed):
    """One packet in the clear among many."""
    return sealed[:50] + [b"\x78" + bytes(100)] + sealed[51:]


OTHERS = {
    "a gap": lambda s: s[:50] + s[51:],
    "a repetition": lambda s: s[:50] + s[49:],
    "one in the clear": plain_one,
    "one too short": lambda s: s[:50] + [s[50][:15]] + s[51:],
    "few": lambda s: s[:10],
    "headers before Opus": lambda s: [
        p[:3] + b"\x78" + p[4:] for p in s],
    "headers before G.711": lambda s: [
        p[:3] + bytes([0x7f, 0xff] * 49) for p in s],
    "another key": lambda s: s[:100] + list(ciphertexts(100, 2, 100)),
}


@pytest.mark.parametrize("change", OTHERS)
def test_not_sframe(change):
    changed = OTHERS[change](list(ciphertexts()))
    assert not sframe.read(packets(changed)).is_sframe(sframe.AUDIO)


@pytest.fixture(scope="module")
def sealed():
    """SRTP made by FFmpeg, from the key KEY."""
    namespace = f"{PREFIX}{os.getpid()}-8-lab"
    run("ip", "netns", "add", namespace)
    try:
        run("ip", "-n", namespace, "link", "set", "lo", "up")
        with udp_socket(namespace, ("127.0.0.1", 46100)) as receiver:
            run("ip", "netns", "exec", namespace, "ffmpeg", "-loglevel",
                "error", "-f", "lavfi", "-i", "sine=duration=3", "-ar", "8000",
                "-c:a", "pcm_mulaw", "-f", "rtp", "-srtp_out_suite", SUITE,
                "-srtp_out_params", KEY,
                "srtp://127.0.0.1:46100?localport=46110&pkt_size=200")
            receiver.setblocking(False)
            found = []
            try:
                while True:
                    found.append(wire.rtp_packet(wire.Datagram(
                        0, "", "", receiver.recv(2048))))
            except BlockingIOError:
                pass
    finally:
        run("ip", "netns", "delete", namespace)
    return [p for p in found if p]


def sine():
    return subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i",
         "sine=duration=3", "-ar", "8000", "-c:a", "pcm_mulaw", "-f", "mulaw",
         "-"], capture_output=True, check=True).stdout


@pytest.mark.parametrize("inline", [KEY, KEY + "|2^31"])
def test_srtp_by_the_page_opens_ffmpegs(sealed, inline):
    leg = Srtp(Crypto("1", SUITE, inline))
    opened = [leg.open(p) for p in sealed]
    assert len(opened) > 100
    assert sine().startswith(b"".join(opened))


def test_srtp_by_the_page_refuses(sealed):
    other = Srtp(Crypto("1", SUITE, OTHER_KEY))
    assert not any(other.open(p) for p in sealed)
    leg = Srtp(Crypto("1", SUITE, KEY))
    for p in sealed[:20]:
        for at in (12, len(p.raw) - 1):
            raw = p.raw[:at] + bytes([p.raw[at] ^ 1]) + p.raw[at + 1:]
            assert leg.open(p._replace(raw=raw, payload=raw[12:])) is None
        assert leg.open(p)
    with pytest.raises(ValueError):
        Srtp(Crypto("1", "AEAD_AES_128_GCM", KEY))


def test_srtp_by_the_page_rolls_over():
    """RFC 3711 section 3.3.1, with packets that it sealed itself: a stream
    cipher opens what it closed."""
    for roc, sequence in ((0, 65535), (1, 0), (1, 1)):
        header = struct.pack(">BBHII", 0x80, 0, sequence, 0, 7)
        leg = Srtp(Crypto("1", SUITE, KEY))
        leg.rollover[7] = (0, 65534)
        tag = hmac.new(leg.auth, header + b"x" + roc.to_bytes(4, "big"),
                       hashlib.sha1).digest()[:10]
        raw = header + b"x" + tag
        assert leg.open(Rtp(0, sequence, 0, 0, 7, raw[12:], raw)) is not None
        assert leg.rollover[7] == (roc, sequence)


def test_pictures():
    for user, other in (("alice", "bob"), ("bob", "alice")):
        shown = picture.load("-f", "lavfi", "-t", "1", "-i",
                             picture.graph(user))
        assert picture.compare(user, shown).likeness > 0.9
        assert picture.compare(other, shown).likeness < 0.5
        assert picture.compare(user, shown).pictures == picture.RATE
    grey = picture.thumbnails(bytes([128]) * picture.WIDTH * picture.HEIGHT * 5)
    noise = picture.thumbnails(os.urandom(picture.WIDTH * picture.HEIGHT * 5))
    for shown in (grey, noise, picture.load("-i", "/dev/null")):
        assert picture.compare("alice", shown).likeness < 0.3
