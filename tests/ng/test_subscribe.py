# SPDX-License-Identifier: Apache-2.0
"""Copies of what the parties of a call through Kamailio say: to a subscriber, and
to the recorder of the configuration. Judged by what arrives there, and by what
the parties hear meanwhile."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in ("scripts", "tests/siprec"):
    sys.path.insert(0, str(ROOT / folder))

from lab import audio  # noqa: E402
from lab.process import inside, wait_until  # noqa: E402
from lab.topology import Gateway  # noqa: E402
from kamailio import settings  # noqa: E402
from ngclient import Client  # noqa: E402
from recorder import Recorder  # noqa: E402
from subscriber import Subscriber  # noqa: E402
from test_kamailio import Pair, SRTP  # noqa: E402

BUILD = Path(os.environ.get("B", ROOT / "build")).resolve()
ALIKE = 0.6  # median of windows: one where a jitter buffer moved is no fault


@pytest.fixture(scope="module")
def gateway():
    config = settings()
    config["control"]["siprec"] = {"server": "sip:recorder@10.2.0.10:5090"}
    with Gateway(BUILD, media=True, settings=config) as g:
        yield g


@pytest.fixture
def client(gateway):
    with inside(gateway.namespace):
        c = Client(("127.0.0.1", 2223))
    with c:
        yield c


def the_call(gateway):
    call, = gateway.ctl_json("calls")
    return call


def events(gateway, kind, call):
    return [e for e in gateway.ctl_json("audit", "list", "--max", "1000")
            if e["event"] == kind and e["call"] == call]


def diverted(gateway):
    return sorted(s["divert"] for t in gateway.flows() for s in t["streams"])


def alike(played, heard):
    score = audio.compare(played, heard).score
    return float(np.median(score)) if len(score) else 0.0


def hears(subscriber, label, speaker, other):
    """Two seconds of what comes from now on; on a busy machine they may take a
    while to be without gaps."""
    before = subscriber.seconds(label)

    def latest():
        return subscriber.sound(label)[-2 * audio.RATE:]

    wait_until("sound", 20, lambda:
               subscriber.seconds(label) > before + 2.5 and
               alike(speaker.played, latest()) > ALIKE, every=0.5)
    assert alike(other.played, latest()) < 0.4, label


def end(pair):
    pair.alice.hang_up()
    pair.bob.wait_end()
    assert pair.kamailio.said() == []


def undisturbed(pair, seconds=2):
    for speaker, listener in ((pair.alice, pair.bob), (pair.bob, pair.alice)):
        heard = audio.compare(speaker.played, listener.heard())
        assert heard.similarity > 0.9 and heard.seconds > seconds


def test_one_party(gateway, sounds, client):
    """alice's words, as she says them; bob's are nobody's business."""
    with Pair(gateway, sounds, "RTP/SAVP", "RTP/AVP", bob=SRTP) as pair, \
            Subscriber(gateway.sides["hq"]) as other:
        pair.alice.call(pair.bob)
        shown = the_call(gateway)
        call = {"call_id": shown["call_id"]}
        alice = shown["tags"][0]
        reply = client.ask("subscribe request", from_tag=alice,
                           interface="external", **call)
        assert reply["result"] == "ok", reply
        assert reply["from-tag"] == alice and reply["from-tags"] == [alice]
        tag = {"to_tag": reply["to-tag"], **call}
        # as she speaks: her codec comes first, and plain as hers
        first = reply["sdp"].split("m=")[1].split()
        assert first[2:4] == ["RTP/AVP", "0"]
        label = reply["tag-medias"][0]["medias"][0]
        assert label == {"index": 1, "type": "audio", "label": "1",
                         "mode": "sendrecv", "tag": alice}
        assert reply["media-labels"] == {"1": label}
        assert "c=IN IP4 10.2.0.1" in reply["sdp"]
        assert events(gateway, "subscription-started", shown["id"]) == []
        answered = client.ask("subscribe answer", sdp=other.answer(
            reply["sdp"]), **tag)
        assert answered == {"result": "ok"}, answered
        hears(other, "1", pair.alice, pair.bob)
        assert diverted(gateway) == ["copy", "copy", "take"]
        # seen by whoever looks, and on record
        subscribed, = the_call(gateway)["subscriptions"]
        assert subscribed == {
            "tag": reply["to-tag"], "hears": [shown["from"]],
            "address": "10.2.0.10:43000", "answered": True}
        started, = events(gateway, "subscription-started", shown["id"])
        assert started["by"] == "ng 127.0.0.1"
        assert started["hears"] == [shown["from"]]
        assert started["address"] == "10.2.0.10:43000"
        tags = client.ask("query", **call)["tags"]
        other_end = [{"tag": reply["to-tag"], "type": "pub/sub"}]
        assert tags[alice]["subscribers"] == other_end
        assert tags[reply["to-tag"]]["subscriptions"] == [
            {"tag": alice, "type": "pub/sub"}]
        # what it says itself goes nowhere
        assert client.ask("unsubscribe", **tag) == {"result": "ok"}
        assert client.ask("unsubscribe", **tag)["result"] == "error"
        assert diverted(gateway) == ["none", "none"]
        time.sleep(0.3)
        packets = len(other.packets[0])
        time.sleep(0.5)
        assert len(other.packets[0]) == packets, "it is over, and goes on"
        assert len(events(gateway, "subscription-stopped", shown["id"])) == 1
        end(pair)
        undisturbed(pair)
    assert gateway.flows() == []


def test_both_with_keys(gateway, sounds, client):
    """Each on an m-line of its own, by SRTP, over crashes and through a hold;
    and it ends with the call."""
    with Pair(gateway, sounds, "RTP/SAVP", "RTP/AVP", bob=SRTP) as pair, \
            Subscriber(gateway.sides["branch"], payload_type=8) as other:
        pair.alice.call(pair.bob)
        shown = the_call(gateway)
        a, b = shown["tags"]
        keys = {"call_id": shown["call_id"], "to_tag": "third"}
        reply = client.ask(
            "subscribe request", from_tags=[a, b], direction=["internal"],
            flags=["SIPREC", "SDES-only-AES_CM_128_HMAC_SHA1_80"],
            transport_protocol="RTP/SAVP",
            codec={"strip": ["all"], "offer": ["PCMA"]}, **keys)
        assert reply["result"] == "ok" and "from-tag" not in reply
        assert reply["from-tags"] == [a, b] and reply["to-tag"] == "third"
        assert [m["tag"] for m in reply["tag-medias"]] == [a, b]
        for line in reply["sdp"].split("m=")[1:]:
            assert line.split("\r\n")[0].split()[2:] == ["RTP/SAVP", "8"]
        assert client.ask("subscribe answer", sdp=other.answer(
            reply["sdp"]), **keys) == {"result": "ok"}
        hears(other, "1", pair.alice, pair.bob)
        hears(other, "2", pair.bob, pair.alice)
        sealed = b"".join(p[12:] for p in other.packets[0])
        assert audio.entropy(sealed) > 7.9
        for program in ("control", "media"):
            gateway.kill(getattr(gateway, program))
            getattr(gateway, f"start_{program}")()
            hears(other, "1", pair.alice, pair.bob)
            hears(other, "2", pair.bob, pair.alice)
        with inside(gateway.namespace):
            again = Client(("127.0.0.1", 2223))
        with again:
            # the same name again takes the place of what it had
            for _ in range(2):
                reply = again.ask("subscribe request", from_tag=b, **keys)
                assert reply["result"] == "ok", reply
            assert len(the_call(gateway)["subscriptions"]) == 1
            assert again.ask("subscribe answer", sdp=other.answer(
                reply["sdp"]), **keys) == {"result": "ok"}
        # bob's leg has SRTP: so has the copy, where nobody says otherwise
        assert reply["sdp"].count("RTP/SAVP ") == 1
        hears(other, "1", pair.bob, pair.alice)
        end(pair)
    assert gateway.flows() == []
    record = gateway.last_record()
    assert [s["tag"] for s in record["subscriptions"]] == ["third"]


def test_what_is_refused(gateway, sounds, client):
    with Pair(gateway, sounds) as pair:
        pair.alice.call(pair.bob)
        shown = the_call(gateway)
        call = {"call_id": shown["call_id"]}
        a, b = shown["tags"]
        for reason, command, more in (
                ("No from-tag", "subscribe request", {}),
                ("Unknown call-id", "subscribe request", {"from_tag": "x"}),
                ("no party", "subscribe request", {"from_tags": [a, "x"]}),
                ("is a party's", "subscribe request",
                 {"from_tag": a, "to_tag": b}),
                ("No SDP", "subscribe answer", {"to_tag": "x"}),
                ("Unknown to-tag", "subscribe answer",
                 {"to_tag": "x", "sdp": "v=0\r\n"}),
                ("No to-tag", "unsubscribe", {}),
                ("Unknown to-tag", "unsubscribe", {"to_tag": a})):
            reply = client.ask(command, **call, **more)
            assert reply["result"] == "error", (command, more)
            assert reason in reply["error-reason"], reply
        # answered with what wasn't offered: it stays, and may be answered
        reply = client.ask("subscribe request", from_tag=a, to_tag="t", **call)
        bad = client.ask("subscribe answer", to_tag="t", **call, sdp=(
            "v=0\r\no=- 1 1 IN IP4 10.2.0.10\r\ns=-\r\nc=IN IP4 10.2.0.10\r\n"
            "t=0 0\r\nm=audio 43000 RTP/AVP 18\r\na=recvonly\r\n"))
        assert bad["result"] == "error" and bad["status"] == 488
        for i in range(7):
            assert client.ask("subscribe request", from_tag=a, to_tag=f"t{i}",
                              **call)["result"] == "ok"
        reply = client.ask("subscribe request", from_tag=a, **call)
        assert reply["error"] == "subscriptions" and reply["status"] == 486
        assert diverted(gateway) == ["copy", "copy"]
        end(pair)
    assert gateway.flows() == []


def test_forwarding(gateway, sounds, client):
    """To the recorder: one party, then both, then the other only."""
    with Pair(gateway, sounds) as pair, Recorder(gateway.sides["hq"]) as rec:
        pair.alice.call(pair.bob)
        shown = the_call(gateway)
        call = {"call_id": shown["call_id"]}
        a, b = shown["tags"]

        def ask(command, **more):
            assert client.ask(command, **call, **more) == {"result": "ok"}

        def records(*speakers):
            """Whose words it has from now on, label by label."""
            wait_until("the recorder to have it", 8, lambda:
                       (the_call(gateway)["fork"] or {}).get("state") == "up"
                       and len(rec.labels) == len(speakers))
            for packets in rec.packets:
                packets.clear()
            for i, speaker in enumerate(speakers):
                label = rec.labels[i]
                wait_until("sound", 20, lambda: rec.seconds(label) > 2.5 and
                           alike(speaker.played, rec.sound(label)[
                               -2 * audio.RATE:]) > ALIKE, every=0.5)

        ask("start forwarding", from_tag=a)
        records(pair.alice)
        assert rec.latest.uses == ["forwarding"]
        ask("start forwarding", from_tag=a)
        assert len(rec.invites) == 1
        ask("start forwarding")
        records(pair.alice, pair.bob)
        ask("stop forwarding", from_tag=a)
        records(pair.bob)
        assert rec.ended == 2
        ask("stop forwarding", from_tag=b)
        ask("stop forwarding")
        wait_until("the BYE", 3, lambda: rec.ended == 3)
        assert the_call(gateway)["fork"] is None
        assert diverted(gateway) == ["none", "none"]
        started, = events(gateway, "fork-started", shown["id"])
        assert started["by"] == "ng 127.0.0.1"
        end(pair)
        undisturbed(pair)
    assert gateway.flows() == []


def test_parties_are_told(sounds):
    """Where the configuration wants it: once somebody hears them, not before
    (what they hear then is test_notice.py's)."""
    config = settings()
    config["control"]["calls"] = {"notice": "tone"}
    with Gateway(BUILD, media=True, settings=config) as g, \
            Pair(g, sounds) as pair, Subscriber(g.sides["hq"]) as other:
        pair.alice.call(pair.bob)
        shown = the_call(g)
        with inside(g.namespace):
            client = Client(("127.0.0.1", 2223))
        with client:
            keys = {"call_id": shown["call_id"], "to_tag": "t"}
            reply = client.ask("subscribe request",
                               from_tag=shown["tags"][0], **keys)
            time.sleep(2)  # a notice would come a second after the answer
            assert events(g, "notice-given", shown["id"]) == []
            assert client.ask("subscribe answer", sdp=other.answer(
                reply["sdp"]), **keys) == {"result": "ok"}
            wait_until("both to be told", 30, lambda: len(
                events(g, "notice-given", shown["id"])) == 2)
            hears(other, "1", pair.alice, pair.bob)
        end(pair)
