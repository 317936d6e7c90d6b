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
from lab.process import inside, run, wait_until  # noqa: E402
from lab.topology import Gateway  # noqa: E402
from kamailio import recording_key, settings  # noqa: E402
from ngclient import Client  # noqa: E402
from test_kamailio import Pair, SRTP  # noqa: E402
from test_transcoding import heard_each_other  # noqa: E402

BUILD = Path(os.environ.get("B", ROOT / "build")).resolve()
OPUS = {"codecs": "opus/48000/2"}


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    for seed, user in enumerate(("alice", "bob")):
        audio.melody(folder / f"{user}.wav", 40, seed)
    return folder


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    """The key that gateways record to, and the file that opens it."""
    folder = tmp_path_factory.mktemp("key")
    return recording_key(BUILD, folder)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, secret):
    kept = tmp_path_factory.mktemp("recordings")
    with Gateway(BUILD, media=True, settings={
            **settings(), "media": {"recording": {
                "folder": str(kept), "keys": [secret[0]]}}}) as g:
        yield g


def ng(gateway):
    with inside(gateway.namespace):
        return Client(("127.0.0.1", 2223))


def the_call(gateway):
    call, = gateway.ctl_json("calls")
    return call


@pytest.mark.parametrize("flags", [
    "RTP/SAVP",                                    # no codec in common
    "RTP/SAVP codec-mask=opus transcode=PCMU"])    # and none that B sees
def test_opus_to_g711(gateway, sounds, flags):
    with Pair(gateway, sounds, flags, "RTP/AVP", alice=OPUS, bob=SRTP) as pair:
        pair.alice.call(pair.bob)
        time.sleep(4)
        call = the_call(gateway)
        assert call["transcoded"]
        assert [leg["codec"] for leg in call["media"][0]["legs"]] == \
            ["opus/48000/2", "PCMU/8000"]
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
