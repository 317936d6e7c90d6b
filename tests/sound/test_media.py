# SPDX-License-Identifier: Apache-2.0
"""sallyport-media as a process: real rings, real socket, real files, and
sallyctl where the private key is."""

import json
import os
import random
import struct
import subprocess
import time

import numpy as np
import pytest

from conftest import BUILD
from feeder import RTCP, RTP, Control

PCMU = {"pt": 0, "codec": "PCMU", "clock": 8000}
PCMA = {"pt": 8, "codec": "PCMA", "clock": 8000}
EVENT = {"pt": 101, "codec": "telephone-event", "clock": 8000}


def ulaw(samples):
    """G.711, by its definition."""
    x = np.clip(np.asarray(samples, int), -32635, 32635)
    sign = np.where(x < 0, 0x80, 0)
    m = np.abs(x) + 0x84
    e = np.floor(np.log2(m)).astype(int) - 7
    return (~(sign | e << 4 | (m >> (e + 3)) & 15) & 0xff).astype(np.uint8)


def alaw_decode(octets):
    b = np.frombuffer(octets, np.uint8).astype(int) ^ 0x55
    e, m = (b >> 4) & 7, b & 15
    v = np.where(e == 0, (m << 4) + 8, ((m << 4) + 0x108) << np.maximum(e - 1, 0))
    return np.where(b & 0x80, v, -v)


def share(samples, hz, rate=8000):
    """Of the power, what lies at hz."""
    x = np.asarray(samples, float) * np.hanning(len(samples))
    power = np.abs(np.fft.rfft(x)) ** 2
    at = round(hz * len(x) / rate)
    return power[at - 3:at + 4].sum() / power[1:].sum()


class Phone:
    """Says a tone, 20 ms at a time."""

    def __init__(self, media, stream, hz):
        self.media, self.stream, self.hz = media, stream, hz
        self.seq = self.ts = 0

    def packet(self, pt=0, payload=None):
        t = (np.arange(160) + self.ts) / 8000
        if payload is None:
            payload = ulaw(8000 * np.sin(2 * np.pi * self.hz * t)).tobytes()
        head = struct.pack("!BBHII", 0x80, pt, self.seq & 0xffff,
                           self.ts & 0xffffffff, 7000 + self.stream % 1000)
        self.seq += 1
        self.ts += 160
        return head + payload

    def say(self, **fields):
        self.media.dataplane.put(self.stream, 1, self.packet(**fields))


def talk(media, phones, seconds):
    """All of them, in real time; what came back, by stream and kind."""
    back = {}
    start = time.monotonic()
    for i in range(int(seconds * 50)):
        for p in phones:
            p.say()
        time.sleep(max(0, start + (i + 1) * 0.02 - time.monotonic()))
        for stream, generation, kind, packet in media.dataplane.get():
            assert generation == 1
            back.setdefault((stream, kind), []).append(packet)
    return back


def port(media, stream, **fields):
    media.control.do("port.set", port=str(stream), generation=1,
                     **{"in": [PCMU, EVENT], **fields})


def heard(packets):
    return alaw_decode(b"".join(p[12:] for p in packets if p[1] & 0x7f == 8))


def loop(media, stream, source):
    port(media, stream, out={**PCMA, "telephone_event": 101}, source=source)


def test_transcodes_over_the_rings(media):
    media.start()
    for s in (1 << 40, 2):
        loop(media, s, {"port": str(s)})
    a, b = Phone(media, 1 << 40, 437.5), Phone(media, 2, 1000)
    back = talk(media, [a, b], 2)
    for p in (a, b):
        packets = back[p.stream, RTP]
        # In order, each once, one SSRC.
        numbers = [struct.unpack("!H", x[2:4])[0] for x in packets]
        assert all((y - x) & 0xffff == 1 for x, y in zip(numbers, numbers[1:]))
        assert len({x[8:12] for x in packets}) == 1
        assert share(heard(packets)[4000:12000], p.hz) > 0.98
    stats = media.control.do("list", what="ports")["items"]
    assert [i["port"] for i in stats] == ["2", str(1 << 40)]
    assert all(i["stats"]["received"] == 100 for i in stats)
    # BYE is the last that is heard of a port.
    media.control.do("port.remove", port="2")
    last = media.dataplane.get()[-1]
    assert last[0] == 2 and last[2] == RTCP and last[3][-8 + 1] == 203


def test_a_conference_of_three(media):
    media.start()
    media.control.do("room.set", room="meeting")
    phones = [Phone(media, s, hz) for s, hz in ((1, 400), (2, 700), (3, 1100))]
    for p in phones:
        loop(media, p.stream, {"room": "meeting"})
    back = talk(media, phones, 2)
    for p in phones:
        sound = heard(back[p.stream, RTP])[4000:12000]
        others = [q.hz for q in phones if q is not p]
        assert share(sound, p.hz) < 0.01
        assert all(0.4 < share(sound, hz) < 0.6 for hz in others)
    rooms = media.control.do("list", what="rooms")["items"]
    assert rooms == [{"room": "meeting", "rate": 16000,
                      "ports": rooms[0]["ports"]}]
    assert sorted(rooms[0]["ports"]) == ["1", "2", "3"]
    assert media.control.ask("room.remove", room="meeting")["error"] == "busy"


def test_music_from_a_file(media):
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                    "sine=frequency=500:duration=1", "-c:a", "libopus",
                    media.music / "hold.opus"], check=True)
    (media.music / "broken.wav").write_bytes(b"RIFF" + bytes(400))
    media.start()
    loop(media, 1, {"file": "hold.opus", "loop": False})
    phone = Phone(media, 1, 1000)
    back = talk(media, [phone], 1.6)
    sound = heard(back[1, RTP])
    assert share(sound[1600:7200], 500) > 0.95
    assert media.control.event("file-ended")["file"] == "hold.opus"
    r = media.control.ask("port.set", port="1", generation=1, **{
        "in": [PCMU], "out": PCMA, "source": {"file": "broken.wav"}})
    assert (r["error"], r["field"]) == ("file", "file")


def test_digits_pass_and_are_told(media):
    media.start()
    loop(media, 1, {"port": "1"})
    phone = Phone(media, 1, 600)
    talk(media, [phone], 0.4)
    start = phone.ts
    for i in range(1, 9):
        end = i >= 6
        head = struct.pack("!BBHII", 0x80, 101, phone.seq, start, 7001)
        media.dataplane.put(1, 1, head + struct.pack(
            "!BBH", 5, 0x80 * end, 160 * min(i, 6)))
        phone.seq += 1
        time.sleep(0.02)
    assert media.control.event("digit")["digit"] == "5"
    time.sleep(0.2)
    events = [p for s, g, k, p in media.dataplane.get() if p[1] & 0x7f == 101]
    assert len({p[4:8] for p in events}) == 1  # one timestamp: one digit
    ends = [struct.unpack("!BBH", p[12:]) for p in events if p[13] & 0x80]
    assert len(ends) == 3 and all(e[0] == 5 and e[2] == 960 for e in ends)
    media.control.do("port.digits", port="1", digits="0#", duration=60)
    time.sleep(0.6)
    codes = [p[12] for s, g, k, p in media.dataplane.get()
             if p[1] & 0x7f == 101 and p[13] & 0x80]
    assert codes == [0] * 3 + [11] * 3


def test_hostile_packets(media):
    """Garbage, other payload types, wrong generations, lies: counted, told,
    and the tone of another port goes on."""
    media.start()
    opus = {"pt": 96, "codec": "opus", "clock": 48000, "channels": 2}
    loop(media, 1, {"port": "1"})
    media.control.do("port.set", port="2", generation=1, **{
        "in": [opus, PCMU], "out": PCMA, "source": {"port": "2"}})
    chance = random.Random(1)
    good, bad = Phone(media, 1, 800), Phone(media, 2, 0)
    packets = []
    for i in range(100):
        good.say()
        media.dataplane.put(2, 1, bad.packet(pt=77))
        media.dataplane.put(2, 1, bad.packet(pt=96, payload=bytes(
            chance.randrange(256) for _ in range(chance.randrange(1, 300)))))
        media.dataplane.put(2, 1, bytes(chance.randrange(256) for _ in range(
            chance.randrange(0, 60))))
        media.dataplane.put(2, 9, bad.packet())
        media.dataplane.put(3, 1, bad.packet())
        media.dataplane.put(2, 1, bytes([0x80, 200, 255, 255]) + bytes(30),
                            RTCP)
        time.sleep(0.02)
        packets += [p for s, g, k, p in media.dataplane.get()
                    if s == 1 and k == RTP]
    assert share(heard(packets)[4000:12000], 800) > 0.95
    assert media.control.event("payload-type")["pt"] == 77
    assert media.control.event("codec-error")["codec"] == "opus"
    counters = media.control.do("status")["counters"]
    for name in ("unknown_port", "stale", "unexpected", "errors", "malformed"):
        assert counters[name] >= 25, (name, counters)


BAD_MESSAGES = [
    (b"", "bad-message"), (b"{", "bad-message"), (b"[]", "bad-message"),
    (b"\xff\xfe", "bad-message"), (b"x" * 65537, "bad-message"),
    (b'{"seq": 1}', "bad-message"), (b'{"seq": -1, "do": "status"}',
                                     "bad-message"),
    (b'{"seq": 1, "do": "status", "more": 1}', "bad-message"),
    (b'{"seq": 1, "do": "nothing"}', "bad-message"),
    (b'{"seq": 1, "seq": 2, "do": "status"}', "bad-message"),
]


def test_messages_of_a_stranger(media):
    media.start()
    other = Control(media.socket)  # the newer one is heard
    assert other.ask("status")["error"] == "hello-first"
    assert other.ask("hello", version=9)["error"] == "version"
    media.connect()
    for text, error in BAD_MESSAGES[1:]:
        assert media.control.raw(text)["error"] == error, text
    ports = [
        ({"port": 1}, "port"), ({"port": "-1"}, "port"),
        ({"port": "18446744073709551616"}, "port"), ({"in": []}, "in"),
        ({"in": [PCMU] * 33}, "in"), ({"in": [{**PCMU, "pt": 128}]}, "pt"),
        ({"in": [{**PCMU, "codec": "GSM"}]}, "codec"),
        ({"in": [{**PCMU, "clock": 7999}]}, "clock"),
        ({"out": {**PCMU, "ptime": 30}}, "ptime"), ({"out": EVENT}, "codec"),
        ({"source": {"port": "1"}}, "source"),
        ({"out": PCMA, "source": {}}, "source"),
        ({"out": PCMA, "source": {"room": "none"}}, "source"),
        ({"out": PCMA, "source": {"file": "../etc/passwd"}}, "file"),
        ({"out": PCMA, "source": {"tone": [5000]}}, "tone"),
        ({"generation": 1 << 32}, "generation"), ({"worker": 64}, "worker"),
    ]
    for fields, field in ports:
        r = media.control.ask("port.set", **{
            "port": "1", "generation": 1, "in": [PCMU], **fields})
        assert not r["ok"] and r["field"] == field, (fields, r)
    assert media.control.do("status")["ports"] == 0
    for i in range(4):
        loop(media, i, {"port": "0"})
    r = media.control.ask("port.set", port="9", generation=1, **{
        "in": [PCMU], "out": PCMA, "source": {"port": "9"}})
    assert r["error"] == "limit"
    assert media.control.event("limit")["max"] == 4


def test_neighbours_come_and_go(media):
    """A new dataplane, a new control: what there was is still there."""
    media.start()
    loop(media, 1, {"port": "1"})
    phone = Phone(media, 1, 500)
    first = talk(media, [phone], 0.5)[1, RTP]
    media.dataplane.leave()
    assert media.control.event("dataplane")["up"] is False
    media.dataplane.accept()
    assert media.control.event("dataplane")["up"] is True
    media.control.close()
    media.connect()
    assert [p["port"] for p in media.control.do(
        "list", what="ports")["items"]] == ["1"]
    second = talk(media, [phone], 0.5)[1, RTP]
    assert first[-1][8:12] == second[0][8:12]
    assert struct.unpack("!H", first[-1][2:4]) < struct.unpack(
        "!H", second[0][2:4])


# --- recordings ---


def sallyctl(*command, said=None, status=0):
    done = subprocess.run([BUILD / "bin/sallyctl", *map(str, command)],
                          input=said, text=True, capture_output=True)
    assert done.returncode == status, done
    return done.stdout


@pytest.fixture
def recorder(media):
    media.key = media.folder / "admin.key"
    public = json.loads(sallyctl("recordings", "keygen", media.key, "--json"))
    media.write(f"""\
  recording:
    folder: {media.recordings}
    keys: ["{public["public"]}"]
    sync: 1
""")
    media.start()
    assert media.hello["recording"]["ready"]
    for s in (1, 2):
        port(media, s, out=None)
    return media


def record(media, name, seconds=2.5):
    media.control.do("record.start", recording=name, call="7",
                     tracks=[{"port": "1", "name": "alice"},
                             {"port": "2", "name": "bob"}],
                     meta={"marker": "PLAIN-MARKER"})
    phones = [Phone(media, 1, 440), Phone(media, 2, 1000)]
    talk(media, phones, seconds)


def tones(path, expected):
    probe = json.loads(subprocess.run(
        ["ffprobe", "-v", "error", "-show_streams", "-of", "json", path],
        check=True, capture_output=True).stdout)["streams"]
    assert [s["codec_name"] for s in probe] == ["opus"] * len(expected)
    assert [s["tags"]["title"] for s in probe] == ["alice", "bob"]
    for track, hz in enumerate(expected):
        raw = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", path, "-map", f"0:{track}", "-ar",
             "8000", "-f", "s16le", "-"], check=True,
            capture_output=True).stdout
        sound = np.frombuffer(raw, "<i2")
        assert share(sound[4000:12000], hz) > 0.97
    return len(sound) / 8000


def test_a_recording_from_keygen_to_export(recorder):
    record(recorder, "call-7.1")
    recorder.control.do("record.stop", recording="call-7.1")
    closed = recorder.control.event("recording-closed")
    sealed = recorder.recordings / "call-7.1.sealed"
    assert closed["octets"] == sealed.stat().st_size
    assert sealed.stat().st_mode & 0o777 == 0o600
    out = recorder.folder / "call.mka"
    sallyctl("recordings", "export", sealed, out, "--private", recorder.key)
    assert 2 < tones(out, [440, 1000]) < 3.2
    verified = json.loads(sallyctl("recordings", "verify", sealed, "--json",
                                   "--private", recorder.key))
    assert verified["state"] == "whole"
    assert verified["recording"]["meta"]["marker"] == "PLAIN-MARKER"

    # The same, through the descriptor that control gets.
    listed = recorder.control.do("store.list")
    assert [r["recording"] for r in listed["recordings"]] == ["call-7.1"]
    recorder.control.do("store.fetch", recording="call-7.1")
    with open(recorder.control.fds.pop(), "rb") as f:
        assert f.read() == sealed.read_bytes()
        with pytest.raises(OSError):
            os.write(f.fileno(), b"x")

    recorder.control.do("store.delete", recording="call-7.1")
    assert recorder.control.ask("store.fetch", recording="call-7.1")[
        "error"] == "not-found"
    deadline = time.monotonic() + 10
    while sealed.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_nothing_plain_in_any_file(recorder):
    """Of the whole folder, and of whatever file the process has open."""
    signs = (b"PLAIN-MARKER", b"\x1a\x45\xdf\xa3", b"OpusHead", b"matroska",
             b"alice")
    record(recorder, "r", 2.5)
    pid = recorder.process.pid
    files = {f"/proc/{pid}/fd/{n}" for n in os.listdir(f"/proc/{pid}/fd")}
    files = {f for f in files if os.path.isfile(f)}
    assert {os.path.realpath(f) for f in files} >= {
        str(recorder.recordings / "r.sealed")}
    files |= {str(f) for f in recorder.folder.rglob("*") if f.is_file()}
    searched = 0
    for name in files:
        if "memfd" in os.path.realpath(name) or name.endswith("admin.key"):
            continue  # rings are memory
        data = open(os.path.realpath(name), "rb").read()
        searched += len(data)
        assert not [s for s in signs if s in data], name
    assert searched > 5000


def test_a_crash_loses_the_last_piece_at_most(recorder):
    record(recorder, "r", 3.3)
    recorder.kill()
    sealed = recorder.recordings / "r.sealed"
    said = sallyctl("recordings", "verify", sealed, "--private", recorder.key,
                    status=1)
    assert "Cut off" in said
    out = recorder.folder / "call.mka"
    sallyctl("recordings", "export", sealed, out, "--private", recorder.key)
    assert tones(out, [440, 1000]) >= 1.9
    recorder.control.close()
    recorder.control = None
    recorder.start()
    listed = recorder.control.do("store.list")["recordings"]
    assert [(r["recording"], r["open"]) for r in listed] == [("r", False)]
    port(recorder, 1, out=None)
    assert recorder.control.ask(
        "record.start", recording="r", call="7",
        tracks=[{"port": "1"}])["error"] == "exists"


def test_the_key_and_what_it_opens(recorder):
    record(recorder, "r", 1.5)
    recorder.control.do("record.stop", recording="r")
    recorder.control.event("recording-closed")
    sealed = recorder.recordings / "r.sealed"
    locked = recorder.folder / "locked.key"
    sallyctl("recordings", "keygen", locked, "--passphrase",
             said="open sesame\n")
    assert b"private" not in locked.read_bytes()
    sallyctl("recordings", "keygen", locked, status=1)  # never overwritten
    sallyctl("recordings", "verify", sealed, "--private", locked,
             said="wrong\n", status=1)
    assert "another key" in sallyctl(
        "recordings", "verify", sealed, "--private", locked,
        said="open sesame\n", status=1)
    data = bytearray(sealed.read_bytes())
    data[len(data) // 2] ^= 1
    bad = recorder.folder / "bad.sealed"
    bad.write_bytes(data)
    assert "Changed" in sallyctl("recordings", "verify", bad, "--private",
                                 recorder.key, status=1)
    sallyctl("recordings", "export", bad, recorder.folder / "bad.mka",
             "--private", recorder.key, status=1)
