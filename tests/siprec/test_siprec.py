# SPDX-License-Identifier: Apache-2.0
"""Calls whose audio goes to a recorder, through the real programs: what it hears
on each label, what the metadata say, and that nothing it does is felt."""

import os
import re
import time
from pathlib import Path

import numpy as np
import pytest

from lab import audio, wire
from lab.process import Process, wait_until
from lab.topology import ROOT, Gateway
from recorder import Recorder

HERE = Path(__file__).resolve().parent
BUILD = os.environ.get("B", ROOT / "build")
# Where the jitter buffer moves, half a second is a bit of two.
ALIKE = 0.6
ALICE, BOB = "sip:alice@sallyport.example", "sip:bob@sallyport.example"


def the_call(office):
    call, = office.ctl_json("calls")
    return call


def transcribe(office, word="on", check=True):
    return office.sallyctl("calls", "transcribe", str(the_call(office)["id"]),
                           word, check=check)


def connected(office):
    wait_until("the recorder to have it", 8, lambda: (
        the_call(office)["fork"] or {}).get("state") == "up")


def events(office, kind):
    return [e for e in office.ctl_json("audit", "list", "--max", "1000")
            if e["event"] == kind]


def alike(played, heard):
    score = audio.compare(played, heard).score
    return float(np.median(score)) if len(score) else 0.0


def said(phone):
    """What it played, as it wrote that down itself."""
    parts = [audio.load(p) for p in sorted(
        (phone.folder / "heard").glob("*-enc.wav"))]
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def each_label_has_its_speaker(office, recorder):
    for label, speaker, other in (("1", office.alice, office.bob),
                                  ("2", office.bob, office.alice)):
        heard = recorder.sound(label)[-4 * audio.RATE:]
        assert alike(said(speaker), heard) > ALIKE, label
        assert alike(said(other), heard) < 0.4, label


def diverted(office):
    return sorted(s["divert"] for f in office.flows() for s in f["streams"])


def test_on_request(office, recorder):
    office.alice.call(office.bob)
    assert diverted(office) == ["none", "none"] and not recorder.heard
    transcribe(office)
    connected(office)
    wait_until("sound", 5, lambda: min(
        recorder.seconds(x) for x in "12") > 2.5)
    m = recorder.latest
    assert m.call == the_call(office)["id"] and m.uses == ["transcription"]
    assert set(m.parties.values()) == {ALICE, BOB}
    assert m.sends == {ALICE: ["1"], BOB: ["2"]}
    assert m.hears == {ALICE: ["2"], BOB: ["1"]}
    each_label_has_its_speaker(office, recorder)
    transcribe(office, "off")
    wait_until("the BYE", 3, lambda: recorder.ended == 1)
    assert the_call(office)["fork"] is None
    assert diverted(office) == ["none", "none"]
    time.sleep(0.3)
    packets = len(recorder.packets[0])
    time.sleep(0.5)
    assert len(recorder.packets[0]) == packets, "it is over, and goes on"
    office.alice.hang_up()
    office.bob.wait_end()
    # nobody was disturbed by it
    for speaker, listener in ((office.alice, office.bob),
                              (office.bob, office.alice)):
        assert alike(speaker.played, listener.heard()) > 0.9
    assert [len(events(office, f"fork-{w}")) for w in
            ("started", "connected", "stopped", "failed")] == [1, 1, 1, 0]


@pytest.mark.parametrize("office", [
    {"users": ["bob"], "codecs": ("opus/48000/2", "PCMA/8000/1")}],
    indirect=True)
def test_by_policy_a_transcoded_call_on_hold(office, recorder):
    """From the first moment on; what is on hold is heard by nobody."""
    office.alice.call(office.bob)
    connected(office)
    assert the_call(office)["transcoded"]
    wait_until("sound", 5, lambda: min(
        recorder.seconds(x) for x in "12") > 2.5)
    each_label_has_its_speaker(office, recorder)
    office.alice.command("hold")
    wait_until("metadata", 5, lambda: len(recorder.documents) > 1)
    first, held = recorder.documents[0], recorder.latest
    assert held.session == first.session and held.labels == first.labels
    assert held.sends[BOB] == [] and held.hears[ALICE] == []
    office.alice.command("resume")
    wait_until("metadata", 5, lambda: recorder.latest.sends == first.sends)
    assert recorder.latest.hears == first.hears
    office.alice.hang_up()
    office.bob.wait_end()
    wait_until("the BYE", 3, lambda: recorder.ended == 1)
    wait_until("no flows", 3, lambda: office.flows() == [])


@pytest.mark.parametrize("office", [{"media": "sdes"}], indirect=True)
def test_srtp_to_the_recorder(office, recorder):
    office.alice.call(office.bob)
    transcribe(office)
    connected(office)
    assert recorder.offer.count("RTP/SAVP ") == 2
    assert re.search(r"a=crypto:\d AEAD_AES_128_GCM", recorder.offer)
    wait_until("packets", 5, lambda: min(map(len, recorder.packets)) > 150)
    for packets in recorder.packets:
        octets = b"".join(p[12:] for p in packets if p[1] & 127 == 8)
        assert audio.entropy(octets) > 7.9
    assert {p["media"][0]["legs"][0]["suite_tx"]
            for p in [the_call(office)]} == {"plain"}


def test_a_recorder_that_refuses(office, recorder):
    """488 is for good; nothing of it is felt."""
    recorder.answer = 488
    office.alice.call(office.bob)
    transcribe(office)
    wait_until("the end of it", 5, lambda: the_call(office)["fork"] is None)
    assert "answers 488" in events(office, "fork-failed")[0]["reason"]
    assert diverted(office) == ["none", "none"]
    assert len(recorder.heard) == 2  # INVITE, ACK
    time.sleep(2)
    office.alice.hang_up()
    office.bob.wait_end()
    assert alike(office.alice.played, office.bob.heard()) > 0.9


def test_a_recorder_that_dies_and_comes_back(office, recorder):
    """Busy at first (503), then there, then silent, then there again."""
    recorder.answer = 503
    office.alice.call(office.bob)
    transcribe(office)
    wait_until("a refusal", 5, lambda: events(office, "fork-failed"))
    assert "answers 503" in events(office, "fork-failed")[0]["reason"]
    recorder.answer = 200
    connected(office)
    recorder.mute = True
    wait_until("it to be missed", 10, lambda: the_call(office)["fork"][
        "state"] == "connecting")
    assert any("doesn't answer any more" in e["reason"]
               for e in events(office, "fork-failed"))
    recorder.mute = False
    connected(office)
    assert len({m.get("call-id") for m in recorder.invites}) == 2
    office.alice.hang_up()
    office.bob.wait_end()
    assert alike(office.alice.played, office.bob.heard()) > 0.9


def test_what_the_recorder_asks(office, recorder):
    office.alice.call(office.bob)
    transcribe(office)
    connected(office)
    wait_until("the ACK", 3, lambda: recorder.heard[-1].method != "INVITE")
    recorder.ask("UPDATE", b"<x/>", "application/rs-metadata-request+xml")
    wait_until("metadata again", 5, lambda: len(recorder.documents) == 2)
    recorder.ask("NOTIFY")
    wait_until("a refusal", 3, lambda: any(
        m.start.startswith("SIP/2.0 405") for m in recorder.heard))
    # it has had enough
    recorder.ask("BYE")
    wait_until("the end of it", 3, lambda: the_call(office)["fork"] is None)
    assert "has ended" in events(office, "fork-failed")[0]["reason"]
    assert diverted(office) == ["none", "none"]


def test_control_starts_anew(office, recorder):
    """The old session ends, another begins; the call doesn't notice."""
    office.alice.call(office.bob)
    transcribe(office)
    connected(office)
    office.kill(office.control)
    office.start_control()
    connected(office)
    wait_until("the BYE of the old one", 5, lambda: recorder.ended == 1)
    assert len({m.get("call-id") for m in recorder.invites}) == 2
    before = len(recorder.packets[0])
    wait_until("sound", 5, lambda: len(recorder.packets[0]) > before + 100)
    office.alice.hang_up()
    office.bob.wait_end()
    wait_until("the BYE", 3, lambda: recorder.ended == 2)
    assert alike(office.alice.played, office.bob.heard()) > 0.9


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_sipp_as_the_recorder(sounds, transport):
    """Another implementation of SIP judges what it is sent; over TCP as well.
    The sound is that of the capture."""
    settings = {"control": {"siprec": {
        "server": f"sip:recorder@10.2.0.10:5090;transport={transport}",
        "users": ["*"]}}}
    with Gateway(BUILD, media=True, settings=settings) as g:
        side = g.sides["hq"]
        for i, (user, where) in enumerate((("alice", "branch"),
                                           ("bob", "hq"))):
            g.add_user(user, "plain")
            setattr(g, user, g.phone(user, where, sounds / f"{user}.wav",
                                     index=i))
        captured = g.capture("hq")
        sipp = Process("SIPp", [
            "sipp", "-sf", HERE / "sipp/srs.xml", "-i", side.host, "-p", 5090,
            "-t", "t1" if transport == "tcp" else "u1", "-m", 1, "-nostdin",
            "-timeout", 40, "-timeout_error"], side.namespace,
            g.folder / "sipp.log")
        g.alice.call(g.bob)
        connected(g)
        time.sleep(3)
        g.alice.command("hold")
        time.sleep(1)
        g.alice.hang_up()
        g.bob.wait_end()
        wait_until("SIPp to end", 5, lambda: not sipp.running())
        assert sipp.popen.returncode == 0, sipp.tail()
        packets = captured.stop()
    for port, speaker, other in ((42000, g.alice, g.bob),
                                 (42002, g.bob, g.alice)):
        rtp = [wire.rtp_packet(d) for d in packets
               if d.destination == (side.host, port)]
        heard = audio.decode_g711(wire.payload_octets(rtp), 8)[
            audio.RATE:3 * audio.RATE]
        assert alike(speaker.played, heard) > ALIKE
        assert alike(other.played, heard) < 0.4


def test_never_of_an_end_to_end_encrypted_call(sounds):
    """Whatever the configuration says, and whoever asks."""
    settings = {"control": {"siprec": {
        "server": "sip:recorder@10.2.0.10:5090", "users": ["*"]}}}
    with Gateway(BUILD, media=True, settings=settings) as g, \
            Recorder(g.sides["hq"]) as recorder:
        g.sallyctl("policy", "set", "Global", "--calling",
                   "DisabledUserOverride")
        for user in ("alice", "bob"):
            g.add_user(user, "sdes")
            g.sallyctl("user", "e2ee", "on", user)
        alice, bob = (g.endpoint(
            user, side, "--srtp", "yes", "--audio-in", "tone:440",
            "--auto-answer", "yes")
            for user, side in (("alice", "branch"), ("bob", "hq")))
        alice.call("bob")
        assert alice.locked() == bob.locked()
        call = the_call(g)
        assert call["e2ee"] and call["fork"] is None
        for word in ("transcribe", "captions"):
            done = g.sallyctl("calls", word, str(call["id"]), "on",
                              check=False)
            assert done.returncode == 1
            assert "An end-to-end encrypted call can't" in done.stderr
        time.sleep(0.5)
        assert diverted(g) == ["none", "none"] and not recorder.heard
        assert {e["feature"] for e in events(g, "feature-refused")} == {
            "transcription", "live-captions"}
        alice.say("hangup")
        alice.wait("closed")


@pytest.mark.parametrize("what", ["media", "dataplane"])
def test_the_fork_outlives_a_crash(office, recorder, what):
    """What was there is made again, and the recorder hears on."""
    office.alice.call(office.bob)
    transcribe(office)
    connected(office)
    office.kill(getattr(office, what))
    getattr(office, f"start_{what}")()
    time.sleep(1)
    before = [len(p) for p in recorder.packets]
    wait_until("both to be heard again", 8, lambda: all(
        len(p) > n + 150 for p, n in zip(recorder.packets, before)))
    each_label_has_its_speaker(office, recorder)
    assert the_call(office)["fork"]["state"] == "up"
    assert recorder.ended == 0
    office.alice.hang_up()
    office.bob.wait_end()
