# SPDX-License-Identifier: Apache-2.0
"""Calls whose audio goes to a recorder, through the real programs: what it hears
on each label, what the metadata say, and that nothing it does is felt."""

import re
import time

import numpy as np
import pytest

from lab import audio
from lab.process import wait_until

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


def each_label_has_its_speaker(office, recorder, limit=0.9):
    for label, speaker, other in (("1", office.alice, office.bob),
                                  ("2", office.bob, office.alice)):
        heard = recorder.sound(label)[-4 * audio.RATE:]
        assert alike(said(speaker), heard) > limit, label
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
    each_label_has_its_speaker(office, recorder, 0.6)
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
