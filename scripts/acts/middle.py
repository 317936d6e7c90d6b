# SPDX-License-Identifier: Apache-2.0
"""A man in the middle: mallory has taken over headquarters' network, so that
all signalling between its phones and the gateway passes through her relay, and
all media through two endpoints of her own, which do what the protocol asks."""

import os
import re
import struct
import threading
import time

import numpy as np

from lab import audio
from lab.endpoint import Endpoint
from lab.process import run, wait_until
from lab.relay import Relay

from .end_to_end import OTHER, SAME, endpoint, played

HOST = "10.2.0.66"
PICTURE = """\
  alice, carol ── access0 [ gateway ] trunk0 ── mallory ── bob, dave
                                               relay, and an endpoint
                                               to either side"""
# Sun's format, since FFmpeg looks through megabytes of a WAV file for others.
RATE, FRAME, STOCK = 48000, 960, 36000  # samples: a second, 20 ms, 750 ms
AU = struct.pack(">4s5I", b".snd", 24, 0xffffffff, 3, RATE, 1)


class Ear(threading.Thread):
    """Sound on its way from one endpoint of mallory's, which plays it into a
    pipe, to her other one, which sends it on: silence until there is some. She
    keeps a copy."""

    def __init__(self, folder, name):
        super().__init__(daemon=True)
        self.heard, self.stopped = bytearray(), threading.Event()
        self.paths = [folder / f"{name}.{end}" for end in ("in", "out")]
        for path in self.paths:
            os.mkfifo(path)
        # Held open in both directions, so that neither side waits.
        self.ends = [os.open(path, os.O_RDWR | os.O_NONBLOCK)
                     for path in self.paths]
        os.write(self.ends[1], AU)
        self.start()

    def run(self):
        """WAV comes in, with its header; big-endian samples go out, a frame at
        a time. They begin when there are some in stock."""
        sent, started = 0, False
        while not self.stopped.wait(FRAME / RATE):
            self._take_in()
            stock = len(self.heard) // 2 - sent
            started = started or stock >= STOCK
            frame = np.zeros(FRAME, "<i2")
            if started and stock >= FRAME:
                frame = np.frombuffer(bytes(
                    self.heard[2 * sent:2 * (sent + FRAME)]), "<i2")
                sent += FRAME
            try:
                os.write(self.ends[1], frame.astype(">i2").tobytes())
            except BlockingIOError:
                pass  # nobody listens

    def _take_in(self):
        try:
            data = os.read(self.ends[0], 65536)
        except BlockingIOError:
            return
        if data.startswith(b"RIFF"):
            data = data[data.find(b"data") + 8:]
        self.heard += data

    def samples(self):
        """What passed, at audio.RATE."""
        fine = np.frombuffer(bytes(self.heard[:len(self.heard) & ~1]),
                             "<i2").astype(float)
        return fine[:len(fine) // 6 * 6].reshape(-1, 6).mean(1)

    def close(self):
        self.stopped.set()
        self.join(5)
        for end in self.ends:
            os.close(end)


class Mallory:
    """Her relay is the phones' way to the gateway. She answers as the called
    and calls as the caller, between two of them at a time."""

    def __init__(self, gateway):
        self.gateway, self.side = gateway, gateway.sides["hq"]
        run("ip", "-n", self.side.namespace, "addr", "add", f"{HOST}/24", "dev",
            self.side.interface)
        self.folder = gateway.folder / "mallory"
        self.folder.mkdir()
        self.endpoints, self.ears = [], {}
        self.relay = Relay(HOST, {None: (self.side.gateway, 5060)}, media=False,
                           namespace=self.side.namespace)
        self.relay.on_sip = self.divert

    def divert(self, message, to):
        """A registration passes with its digest, which doesn't cover the
        Contact: calls come to mallory's own endpoint now."""
        if message.request and message.method == "REGISTER":
            message.set("Contact", re.sub(r"@[\d.]+(:\d+)?", f"@{HOST}:5061",
                                          message.get("Contact")))
        return [(message, to)]

    def between(self, caller, called, phone):
        """One endpoint to either side; phone: the called's real one."""
        there, back = (Ear(self.folder, f"{caller}-{n}") for n in range(2))
        self.ears = {caller: there, called: back}
        self.as_called = self._endpoint(
            called, 5061, HOST, back, there, "--auto-answer", "yes")
        self.as_caller = self._endpoint(
            caller, 5062, f"{phone.address}:{phone.port}", there, back)

    def _endpoint(self, user, port, outbound, source, sink, *options):
        made = Endpoint(
            self.gateway.bin / "sallyport-endpoint", self.folder, user, HOST,
            outbound, "--srtp", "yes", "--audio-in", f"au:{source.paths[1]}",
            "--audio-out", f"wav:{sink.paths[0]}", *options,
            domain=self.gateway.domain, port=port,
            namespace=self.side.namespace)
        self.endpoints.append(made)
        return made

    def let_go(self):
        """The two calls that she was in are over."""
        for one in self.endpoints:
            one.stop()
        for ear in self.ears.values():
            ear.close()
        self.endpoints, self.ears = [], {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.let_go()
        self.relay.close()


def strangers(story, gateway, mallory, seconds):
    """Two who never compared codes."""
    story.tell("""carol and dave have never spoken before, so neither knows the
        other's identity key. carol calls dave; mallory answers as dave, calls
        dave as carol, and passes on what they say.""")
    story.say()
    for user, profile in (("carol", "plain"), ("dave", "sdes")):
        gateway.add_user(user, profile)
        story.operate(gateway, "user", "e2ee", "on", user, lines=0)
    sounds = {user: f"file:{gateway.folder}/{like}-e2ee.wav"
              for user, like in (("carol", "alice"), ("dave", "bob"))}
    carol = gateway.endpoint("carol", "branch", "--audio-in", sounds["carol"],
                             port=5070)
    dave = gateway.endpoint("dave", "hq", "--audio-in", sounds["dave"],
                            "--srtp", "yes", "--auto-answer", "yes", port=5070,
                            outbound=HOST)
    mallory.between("carol", "dave", dave)
    carol.call("dave")
    left = carol.locked(), mallory.as_called.locked()
    mallory.as_caller.call("dave")
    right = mallory.as_caller.locked(), dave.locked()
    time.sleep(seconds)
    calls = gateway.ctl_json("calls")
    story.say()
    story.check(len(calls) == 1 and calls[0]["e2ee"],
                "the gateway can't tell: for it this is an end-to-end "
                "encrypted call of carol's with dave")
    heard = audio.compare(played(gateway, "alice"),
                          mallory.ears["carol"].samples())
    story.check(heard.similarity > SAME,
                "mallory hears carol: similarity "
                f"{heard.similarity:.3f}; she opened what carol sealed for her")
    story.check(left[0] == left[1] and right[0] == right[1]
                and left[0] != right[1],
                f"but the codes differ: carol reads {left[0]}, dave "
                f"{right[1]}; she would have had to guess, once, one of 10^20")
    for one, peer in ((carol, dave), (dave, carol)):
        warned = one.told("warning", name="first")
        story.check(warned and warned[-1].get("call"),
                    f"{one.user} was told to compare: “"
                    + (warned[-1]["text"] if warned else "") + "”")
    for one in (carol, dave):
        one.say("codes", "differ")
        one.wait("closed")
    mallory.let_go()
    wait_until("the calls to end", 10,
               lambda: gateway.ctl_json("calls") == [])
    told = audio.compare(played(gateway, "alice"), audio.load(dave.wav))
    story.check(told.similarity > OTHER,
                "dave did hear carol through her, and nothing in the sound "
                f"gave her away (similarity {told.similarity:.3f}); they say that "
                "the codes differ, and both calls end")
    for one in (carol, dave):
        one.stop()


def acquainted(story, gateway, mallory, alice, bob):
    """Two who verified each other's identity in call 1."""
    story.say()
    story.tell("""alice and bob said in call 1 that their codes match. Now bob's
        phone is behind mallory too, and alice calls bob.""")
    story.say()
    bob.stop()
    bob = endpoint(gateway, "bob", outbound=HOST)
    mallory.between("alice", "bob", bob)
    shields = {one: len(one.told("shield", state="locked"))
               for one in (alice, bob)}
    alice.call("bob")
    closed = alice.wait("closed")
    mallory.as_caller.call("bob")
    refused = bob.wait("closed")
    for one, end in ((alice, closed), (bob, refused)):
        story.check(
            end["reason"] == "identity-changed"
            and len(one.told("shield", state="locked")) == shields[one],
            f"{one.user}'s endpoint ended the call by itself, before any lock "
            f"was shown: “{end['text']}”")
    sent = [e for one in (mallory.as_called, mallory.as_caller)
            for e in one.told("shield", state="locked")]
    heard = sum(len(ear.heard) for ear in mallory.ears.values())
    story.check(not sent and heard == 0,
                "mallory got no lock either, and heard nothing")
    mallory.let_go()
    return bob


def act(story, gateway, alice, bob, seconds):
    story.title("Call 3: a man in the middle")
    story.tell("""mallory has taken over headquarters' network. The phones there
        reach the gateway through her relay: she reads and changes all
        signalling, keys of the hop included, and has endpoints of her own that
        do all that the protocol asks.""")
    story.say(f"\n{PICTURE}\n")
    with Mallory(gateway) as mallory:
        strangers(story, gateway, mallory, seconds)
        bob = acquainted(story, gateway, mallory, alice, bob)
    return bob
