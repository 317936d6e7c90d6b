# SPDX-License-Identifier: Apache-2.0
"""What goes wrong while sallyport-media is at work: phones that don't send what
they said, a disk that fills up. The call goes on, another isn't disturbed, and
there is an event that says it."""

import json
import os
import random
import struct
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from lab import audio
from lab.process import run, udp_socket, wait_until
from lab.topology import ROOT, Gateway
from sip_client import SipClient, sdp

BUILD = Path(os.environ.get("B", ROOT / "build"))


def events(gateway):
    """All that have been told, oldest first: (kind, data)."""
    done = run("curl", "-sN", "--max-time", "1", "--unix-socket", gateway.api,
               "-H", "Last-Event-ID: 0", "http://x/api/v1/events", check=False)
    return [(block.split("event: ")[1].split("\n")[0],
             json.loads(block.split("data: ")[1].split("\n")[0]))
            for block in done.stdout.split("\n\n") if "data: " in block]


def told(gateway, kind):
    return [e["data"] for k, e in events(gateway) if k == kind]


def alike(played, heard):
    score = audio.compare(played, heard).score
    return float(np.median(score)) if len(score) else 0.0


def said(phone):
    parts = [audio.load(p) for p in sorted(
        (phone.folder / "heard").glob("*-enc.wav"))]
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


class Liar(threading.Thread):
    """Sends 20 ms packets with whatever payload and type, from a media port."""

    def __init__(self, side, to, payload_type, payload, ticks=960, port=30000):
        super().__init__(daemon=True)
        self.socket = udp_socket(side.namespace, (side.host, port))
        self.to, self.make = to, payload
        self.payload_type, self.ticks = payload_type, ticks
        self.over = threading.Event()
        self.start()

    def run(self):
        n = 0
        while not self.over.wait(0.02):
            self.socket.sendto(struct.pack(
                ">BBHII", 0x80, self.payload_type, n & 0xffff,
                n * self.ticks & 0xffffffff, 4711) + self.make(n), self.to)
            n += 1

    def stop(self):
        self.over.set()
        self.join(5)
        self.socket.close()


@pytest.fixture
def gateway(request, sounds):
    """carol and dave talk with each other, and share no codec: through
    sallyport-media, as what is to go wrong."""
    with Gateway(BUILD, media=True) as g:
        for i, (user, side, codec) in enumerate((
                ("carol", "branch", "opus/48000/2"),
                ("dave", "hq", "PCMU/8000/1"))):
            g.add_user(user, "plain")
            wav = sounds / ("alice.wav", "bob.wav")[i]
            setattr(g, user, g.phone(user, side, wav, index=i + 1,
                                     sip_port=5080, codecs=codec))
        g.carol.call(g.dave)
        g.add_user("alice", "plain")
        g.add_user("bob", "plain")
        g.bob = g.phone("bob", "hq", sounds / "bob.wav", codecs="PCMA/8000/1",
                        index=3)
        yield g
        g.keep_logs = getattr(request.node, "test_failed", False)


# What alice says of herself, and what she sends: "a codec that lies".
LIES = {
    "octets that are no Opus": (
        "111", ["a=rtpmap:111 opus/48000/2", "a=fmtp:111 maxptime=0;"
                "maxaveragebitrate=4294967296;maxplaybackrate=-1"],
        111, lambda n: b"\xff" * (1 + n % 1200), "codec-error"),
    "G.722 that is next to nothing, or far too much": (
        "9", ["a=rtpmap:9 G722/8000", "a=ptime:20"],
        9, lambda n: random.Random(n).randbytes(n * 7 % 1400), None),
    "another payload type": (
        "111", ["a=rtpmap:111 opus/48000/2"],
        0, lambda n: b"\x55" * 160, "payload-type"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_phone_that_lies(gateway, lie):
    formats, attributes, number, payload, event = LIES[lie]
    side, media = gateway.sides["branch"], gateway.media.pid
    with SipClient(side.namespace, side.host, side.gateway, "alice",
                   gateway.domain, "alice-secret") as alice:
        answer = alice.request(
            "INVITE", gateway.bob.aor, extra=[],
            body=sdp(side.host, 30000, *attributes, formats=formats))
        assert answer.status == 200, answer.start
        port = int(answer.body.split("m=audio ")[1].split()[0])
        liar = Liar(side, (side.gateway, port), number, payload)
        if event:
            wait_until(f"the event {event}", 5, lambda: told(gateway, event))
        else:
            time.sleep(2.5)
        calls = gateway.ctl_json("calls")
        assert len(calls) == 2 and all(c["transcoded"] for c in calls)
        alice.bye(gateway.bob.aor, answer)
        liar.stop()
    gateway.bob.wait_end()
    assert gateway.media.running() and gateway.media.pid == media
    time.sleep(1)
    for speaker, listener in ((gateway.carol, gateway.dave),
                              (gateway.dave, gateway.carol)):
        heard = [audio.load(p) for p in sorted(
            (listener.folder / "heard").glob("*-dec.wav"))]
        assert alike(said(speaker), np.concatenate(heard)) > 0.6, \
            f"{listener.user} was disturbed"


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "recordings"
    folder.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", folder)
    yield folder
    run("umount", folder)


def test_a_full_disk(sounds, tmp_path, small_disk):
    """The recording ends, with its reason, and can be opened as far as it
    goes; both calls go on."""
    key = tmp_path / "recording.key"
    public = json.loads(run(BUILD / "bin/sallyctl", "recordings", "keygen",
                            key, "--json").stdout)["public"]
    settings = {"media": {"recording": {
        "folder": str(small_disk), "keys": [public], "codec": "flac"}}}
    with Gateway(BUILD, media=True, settings=settings) as g:
        for i, (user, side) in enumerate((("alice", "branch"),
                                          ("bob", "hq"))):
            g.add_user(user, "plain")
            setattr(g, user, g.phone(user, side, sounds / f"{user}.wav",
                                     index=i))
        g.alice.call(g.bob)
        call, = g.ctl_json("calls")
        g.sallyctl("calls", "record", str(call["id"]), "on")
        recording = g.ctl_json("calls")[0]["recording"]
        wait_until("the disk to be full", 25,
                   lambda: g.ctl_json("calls")[0]["recording"] is None, 0.5)
        failed, = told(g, "recording-failed")
        assert failed["reason"] == "disk-full"
        assert failed["recording"] == recording
        time.sleep(1)
        assert len(g.ctl_json("calls")) == 1
        g.alice.hang_up()
        g.bob.wait_end()
        assert audio.compare(g.alice.played, g.bob.heard()).similarity > 0.9
        out = tmp_path / "out.mka"
        run(BUILD / "bin/sallyctl", "recordings", "export",
            small_disk / f"{recording}.sealed", out, "--private", key,
            check=False)
        wav = tmp_path / "out.wav"
        run("ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-i", out, "-map",
            "0:a:0", "-ar", str(audio.RATE), "-ac", "1", wav)
        track = audio.read_wav(wav)
        assert len(track) > audio.RATE
        assert alike(g.alice.played, track) > 0.6
