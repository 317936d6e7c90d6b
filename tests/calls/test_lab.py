# SPDX-License-Identifier: Apache-2.0
"""The measuring instruments themselves: what the call tests and the demo
conclude from them holds only if they can also say no."""

import base64
import os
import signal
import struct
import subprocess

import numpy as np
import pytest

from lab import audio, wire
from lab.process import LabError, run, udp_socket, wait_until
from lab.topology import PREFIX

KEY = base64.b64encode(bytes(range(30))).decode()
OTHER_KEY = base64.b64encode(bytes(range(1, 31))).decode()
SUITE = "AES_CM_128_HMAC_SHA1_80"


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return audio.melody(tmp_path_factory.mktemp("s") / "a.wav", 20, 1)


@pytest.fixture
def namespace():
    name = f"{PREFIX}{os.getpid()}-9-lab"
    run("ip", "netns", "add", name)
    run("ip", "-n", name, "link", "set", "lo", "up")
    yield name
    run("ip", "netns", "delete", name)


def g711(samples, codec):
    return subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-f", "s16le", "-ar", "8000", "-i",
         "-", "-f", codec, "-"], input=samples.tobytes(), check=True,
        capture_output=True).stdout


@pytest.mark.parametrize("payload_type,codec", [(0, "mulaw"), (8, "alaw")])
def test_g711_is_ffmpegs(payload_type, codec):
    every = bytes(range(256))
    theirs = subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-f", codec, "-ar", "8000", "-i", "-",
         "-f", "s16le", "-"], input=every, check=True, capture_output=True)
    assert (audio.decode_g711(every, payload_type)
            == np.frombuffer(theirs.stdout, "<i2")).all()


def test_same_sound(sound):
    heard = audio.decode_g711(g711(sound[8000:80000], "mulaw"))
    match = audio.compare(sound, heard)
    assert match.similarity > 0.99
    assert match.missing == 0
    assert (match.lag == 8000).all()


@pytest.mark.parametrize("heard", ["melody", "noise", "silence", "nothing",
                                   "backwards"])
def test_other_sound(sound, heard, tmp_path):
    other = {
        "melody": lambda: audio.melody(tmp_path / "b.wav", 10, 2),
        "noise": lambda: audio.decode_g711(os.urandom(80000)),
        "silence": lambda: np.zeros(80000, np.int16),
        "nothing": lambda: np.zeros(0, np.int16),
        "backwards": lambda: audio.decode_g711(
            g711(sound[:80000], "mulaw")[::-1]),
    }[heard]()
    assert audio.compare(sound, other).similarity < 0.5
    assert audio.compare(sound, other).seconds == 0


def test_lost_sound(sound):
    """One second missing in the middle is measured as one second."""
    heard = np.concatenate([sound[:32000], sound[40000:80000]])
    match = audio.compare(sound, heard)
    assert match.missing == pytest.approx(1.0, abs=0.01)
    assert match.within(5, 9).missing == 0


def test_speech_leaves_nothing_behind(tmp_path, monkeypatch):
    """Not even the link to its folder in /tmp that PulseAudio's client keeps."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.delenv("PULSE_RUNTIME_PATH", raising=False)
    assert len(audio.speech(tmp_path / "a.wav", "nothing")) > audio.RATE // 10
    assert not list(home.rglob("*"))


def test_entropy():
    assert audio.entropy(b"") == 0
    assert audio.entropy(b"a" * 100) == 0
    assert audio.entropy(bytes(range(256))) == 8
    assert audio.entropy(os.urandom(64000)) > 7.99


def frame(payload, source, destination, fragment=0):
    udp = struct.pack(">HHHH", source[1], destination[1], 8 + len(payload), 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, fragment,
                     64, 17, 0, bytes(map(int, source[0].split("."))),
                     bytes(map(int, destination[0].split("."))))
    return b"\2" * 12 + b"\x08\x00" + ip + udp + payload


def write_pcap(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for n, data in enumerate(frames):
            f.write(struct.pack("<IIII", n, 500000, len(data), len(data)))
            f.write(data)


def test_captures(tmp_path):
    a, b = ("10.0.0.1", 4000), ("10.0.0.2", 4002)
    rtp = struct.pack(">BBHII", 0x90, 0x80, 7, 160, 99) + struct.pack(
        ">HHI", 0xbede, 1, 0) + b"sound"
    rtcp = struct.pack(">BBHI", 0x80, 201, 1, 99)
    write_pcap(tmp_path / "c.pcap", [
        frame(rtp, a, b), frame(rtcp, a, b), frame(b"\0\1", a, b),
        frame(rtp, b, a), frame(rtp, a, b, fragment=0x2000),
        b"\2" * 12 + b"\x08\x06" + b"\0" * 28])
    captured = wire.datagrams(tmp_path / "c.pcap")
    assert [(d.time, d.source, d.destination) for d in captured] == [
        (0.5, a, b), (1.5, a, b), (2.5, a, b), (3.5, b, a)]
    packet, = wire.rtp_from(captured, "10.0.0.1")
    assert (packet.sequence, packet.timestamp, packet.ssrc, packet.payload_type,
            packet.payload) == (7, 160, 99, 0, b"sound")


def capture_held_up(namespace, path, packets):
    """What a capture has of them that was stopped while they went by."""
    capture = wire.Capture(namespace, "lo", path)
    capture.process.send(signal.SIGSTOP)
    with udp_socket(namespace) as s:
        for n in range(packets):
            s.sendto(struct.pack(">I", n) + bytes(168), ("127.0.0.1", 9))
    capture.process.send(signal.SIGCONT)
    # the buffer is read in one go: what is there of a packet, all is there
    wait_until("packets in the capture", 10, lambda: path.stat().st_size > 24)
    return [d for d in capture.stop() if d.destination[1] == 9]


def test_capture_that_is_held_up(namespace, tmp_path):
    """It has each packet, or says that it hasn't."""
    found = capture_held_up(namespace, tmp_path / "a.pcap", 1000)
    assert [d.payload[:4] for d in found] == [
        struct.pack(">I", n) for n in range(1000)]
    with pytest.raises(LabError, match="lost [0-9]+ packets"):
        capture_held_up(namespace, tmp_path / "b.pcap", 50000)


def test_ffmpeg_opens_only_with_the_key(namespace, sound, tmp_path):
    """Sealed by FFmpeg, opened by FFmpeg; not with another key, and not when
    an octet of each packet was changed."""
    port = 46000
    receiver = udp_socket(namespace, ("127.0.0.1", port))
    receiver.settimeout(2)
    audio.write_wav(tmp_path / "s.wav", sound[:40000])
    run("ip", "netns", "exec", namespace, "ffmpeg", "-loglevel", "error", "-re",
        "-i", tmp_path / "s.wav", "-c:a", "pcm_mulaw", "-f", "rtp",
        "-srtp_out_suite", SUITE, "-srtp_out_params", KEY,
        f"srtp://127.0.0.1:{port}?localport=46010&pkt_size=200")
    packets = []
    receiver.setblocking(False)
    try:
        while True:
            data = receiver.recv(2048)
            packets.append(wire.rtp_packet(wire.Datagram(0, "", "", data)))
    except BlockingIOError:
        pass
    receiver.close()
    packets = [p for p in packets if p]
    assert len(packets) > 100

    def opened(some, key, to):
        samples = wire.decrypt_with_ffmpeg(
            some, wire.Crypto("1", SUITE, key), namespace, tmp_path, to)
        return audio.compare(sound, samples)

    right = opened(packets, KEY, 47000)
    assert right.similarity > 0.99 and right.seconds > 4
    assert opened(packets, OTHER_KEY, 47010).seconds == 0
    changed = [p._replace(raw=p.raw[:20] + bytes([p.raw[20] ^ 1]) + p.raw[21:])
               for p in packets]
    assert opened(changed, KEY, 47020).seconds == 0
