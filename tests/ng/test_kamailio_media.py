# SPDX-License-Identifier: Apache-2.0
"""Through Kamailio, what needs sallyport-media: transcoding and recording, asked
for by flags and by commands of the ng protocol."""

import os
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in ("scripts", "tests/calls"):
    sys.path.insert(0, str(ROOT / folder))

from lab import audio  # noqa: E402
from lab.process import inside, wait_until  # noqa: E402
from lab.topology import Gateway  # noqa: E402
from kamailio import recording_key, settings  # noqa: E402
from ngclient import Client  # noqa: E402
from test_kamailio import Pair, SRTP  # noqa: E402
from test_transcoding import ALIKE, heard_each_other, sound  # noqa: E402

BUILD = Path(os.environ.get("B", ROOT / "build")).resolve()
OPUS = {"codecs": "opus/48000/2"}


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    """The key that gateways record to, and the file that opens it."""
    folder = tmp_path_factory.mktemp("key")
    return recording_key(BUILD, folder)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, secret):
    kept = tmp_path_factory.mktemp("recordings")
    music = tmp_path_factory.mktemp("music")
    audio.melody(music / "tune.wav", 20, 7)
    audio.melody(music / "short.wav", 1.5, 8)
    with Gateway(BUILD, media=True, settings={
            **settings(), "media": {"music": str(music), "recording": {
                "folder": str(kept), "keys": [secret[0]]}}}) as g:
        g.tune = audio.read_wav(music / "tune.wav")
        yield g


def ng(gateway):
    with inside(gateway.namespace):
        return Client(("127.0.0.1", 2223))


def the_call(gateway):
    call, = gateway.ctl_json("calls")
    return call


def talk(pair, seconds=2.5):
    """Until each has heard so much of the other; on a busy machine sound has
    gaps, and it takes longer."""
    def enough(speaker, listener):
        score = audio.compare(sound(speaker, "enc"), sound(listener)).score
        return sum(score > ALIKE) * audio.WINDOW / 2 / audio.RATE > seconds

    time.sleep(seconds)
    wait_until("sound", 30, lambda: enough(pair.alice, pair.bob) and
               enough(pair.bob, pair.alice), every=1)


@pytest.mark.parametrize("flags", [
    "RTP/SAVP",                                    # no codec in common
    "RTP/SAVP codec-mask=opus transcode=PCMU"])    # and none that B sees
def test_opus_to_g711(gateway, sounds, flags):
    with Pair(gateway, sounds, flags, "RTP/AVP", alice=OPUS, bob=SRTP) as pair:
        pair.alice.call(pair.bob)
        talk(pair)
        call = the_call(gateway)
        assert call["transcoded"]
        assert [leg["codec"] for leg in call["media"][0]["legs"]] == \
            ["opus/48000/2", "PCMU/8000"]
        pair.bob.hang_up()
        pair.alice.wait_end()
        heard_each_other(pair.alice, pair.bob, 2.5)
        assert pair.kamailio.said() == []
    assert gateway.flows() == []


def test_codecs_of_an_answer(gateway, sounds):
    """Both have Opus; alice isn't to hear of it."""
    both = {"codecs": "opus/48000/2,PCMU/8000/1"}
    with Pair(gateway, sounds, "RTP/SAVP", "RTP/AVP", alice=both,
              bob={**both, **SRTP}, answer="codec-strip-opus") as pair:
        pair.alice.call(pair.bob)
        talk(pair)
        call = the_call(gateway)
        assert call["transcoded"]
        assert [leg["codec"] for leg in call["media"][0]["legs"]] == \
            ["PCMU/8000", "opus/48000/2"]
        pair.bob.hang_up()
        pair.alice.wait_end()
        heard_each_other(pair.alice, pair.bob, 2.5)
        assert pair.kamailio.said() == []
    assert gateway.flows() == []


def recordings(gateway):
    shown = gateway.ctl_json("recordings", "list")
    return shown.get("recordings", shown) if isinstance(shown, dict) else shown


def test_recording(gateway, sounds, secret):
    """By the flag record-call; then stopped, started and paused by commands."""
    with Pair(gateway, sounds, "RTP/SAVP record-call", "RTP/AVP",
              bob=SRTP) as pair, ng(gateway) as client:
        pair.alice.call(pair.bob)
        call = the_call(gateway)["call_id"]
        assert the_call(gateway).get("recording")
        time.sleep(1)
        for command in ("pause recording", "start recording",
                        "start recording", "stop recording"):
            assert client.ask(command, call_id=call) == {"result": "ok"}
        assert not the_call(gateway).get("recording")
        reply = client.ask("pause recording", call_id=call)
        assert reply["result"] == "error"
        assert reply["error"] == "not-recorded" and reply["status"] == 409
        assert client.ask("start recording", call_id=call)["result"] == "ok"
        time.sleep(1)
        pair.alice.hang_up()
        pair.bob.wait_end()
        assert pair.kamailio.said() == []
    closed = wait_until("two recordings", 5, lambda: [
        r for r in recordings(gateway) if not r["open"]][1:] and
        recordings(gateway))
    assert len(closed) == 2
    for r in closed:
        assert r["size"] > 1000


def diverted(gateway):
    return sorted(s["divert"] for t in gateway.flows() for s in t["streams"])


def test_play_and_stop(gateway, sounds):
    """To one party, who hears it and not the other, who hears all along."""
    with Pair(gateway, sounds, "RTP/SAVP", "RTP/AVP", bob=SRTP) as pair, \
            ng(gateway) as client:
        pair.alice.call(pair.bob)
        shown = the_call(gateway)
        to_bob = {"call_id": shown["call_id"], "from_tag": shown["tags"][1]}
        # baresip's jitter buffer stumbles over another SSRC after one packet
        time.sleep(1)
        assert client.ask("play media", file="/srv/music/tune.wav",
                          **to_bob) == {"result": "ok"}
        assert diverted(gateway) == ["none", "take"]
        time.sleep(3.5)
        assert client.ask("stop media", **to_bob)["result"] == "ok"
        assert diverted(gateway) == ["none", "none"]
        reply = client.ask("play media", file="none.wav", **to_bob)
        assert reply["result"] == "error" and reply["status"] == 404
        assert diverted(gateway) == ["none", "none"]
        # one that ends by itself gives the other back
        assert client.ask("play media", file="short.wav",
                          **to_bob)["result"] == "ok"
        assert diverted(gateway) == ["none", "take"]
        wait_until("its end", 5,
                   lambda: diverted(gateway) == ["none", "none"])
        pair.alice.hang_up()
        pair.bob.wait_end()
        first = pair.bob.heard()[14000:34000]
        assert audio.compare(gateway.tune, first).similarity > 0.8
        assert audio.compare(pair.alice.played, first).similarity < 0.5
        assert audio.compare(pair.bob.played,
                             pair.alice.heard()).similarity > 0.9
        assert pair.kamailio.said() == []
    assert gateway.flows() == []


def test_silence(gateway, sounds):
    """Packets of it, to one party."""
    with Pair(gateway, sounds, "RTP/SAVP", "RTP/AVP", bob=SRTP) as pair, \
            ng(gateway) as client:
        pair.alice.call(pair.bob)
        shown = the_call(gateway)
        alice = {"call_id": shown["call_id"], "from_tag": shown["tags"][0]}
        time.sleep(1)
        assert client.ask("silence media", **alice)["result"] == "ok"
        assert diverted(gateway) == ["none", "take"]
        gateway.kill(gateway.control)  # one that comes back goes on with it
        gateway.start_control()
        time.sleep(3)
        assert diverted(gateway) == ["none", "take"]
        heard = pair.bob.heard()[16000:]
        assert len(heard) > 8000 and abs(heard).max() < 100
        assert client.ask("unsilence media", **alice)["result"] == "ok"
        assert diverted(gateway) == ["none", "none"]
        pair.alice.hang_up()
        pair.bob.wait_end()


def digits(phone):
    return [e.get("param") for e in phone.events
            if e["type"] == "CALL_DTMF_START"]


def test_digits(gateway, sounds):
    """Put in for one party, and those of the other kept from it."""
    with Pair(gateway, sounds, "RTP/SAVP", "RTP/AVP", bob=SRTP) as pair, \
            ng(gateway) as client:
        alice, bob = pair.alice, pair.bob
        alice.call(bob)
        shown = the_call(gateway)
        keys = {"call_id": shown["call_id"], "from_tag": shown["tags"][0]}
        time.sleep(0.5)
        assert client.ask("play DTMF", code="42", **keys)["result"] == "ok"
        wait_until("the digits", 5, lambda: bob.command("reginfo") and
                   digits(bob) == ["4", "2"])
        wait_until("the end of it", 5,
                   lambda: diverted(gateway) == ["none", "none"])
        assert client.ask("play DTMF", code="4x", **keys)["result"] == "error"
        assert client.ask("block DTMF", **keys)["result"] == "ok"
        assert diverted(gateway) == ["none", "take"]
        time.sleep(0.5)
        alice.command("sndcode", "7")
        time.sleep(1)
        assert client.ask("unblock DTMF", **keys)["result"] == "ok"
        alice.command("sndcode", "8")
        wait_until("the digit", 5, lambda: bob.command("reginfo") and
                   digits(bob)[2:])
        assert digits(bob) == ["4", "2", "8"]
        alice.hang_up()
        bob.wait_end()


def test_media_away(gateway, sounds):
    """Without sallyport-media calls go on, and the reply says what isn't."""
    gateway.kill(gateway.media)
    try:
        with ng(gateway) as client:
            from sdp import sdp
            keys = {"call_id": "away@test", "from_tag": "a"}
            assert client.ask("offer", sdp=sdp("10.1.0.10"), record_call="yes",
                              **keys)["result"] == "ok"
            reply = client.ask("answer", to_tag="b", sdp=sdp("10.2.0.10"),
                               **keys)
            assert reply["result"] == "ok" and "warning" in reply
            reply = client.ask("start recording", **keys)
            assert reply["result"] == "error" and reply["status"] == 503
            client.ask("delete", **keys)
    finally:
        gateway.start_media()
