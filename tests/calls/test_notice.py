# SPDX-License-Identifier: Apache-2.0
"""Parties are told that their call is recorded, where the configuration says so:
real phones through the real programs, judged by what each phone heard. alice and
bob play a tone each, and the notice is another."""

import functools
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from lab import audio, wire
from lab.process import run, wait_until
from lab.topology import Gateway

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("B", ROOT / "build"))
SHA1_80 = "AES_CM_128_HMAC_SHA1_80"
TONES = {"alice": 500, "bob": 800}
NOTICE, SPOKEN = 1400, 2300  # Hz: the tone; what is in the file
STEP = audio.RATE // 20


def tone(path, hertz, seconds):
    t = np.arange(int(seconds * audio.RATE)) / audio.RATE
    audio.write_wav(path, (8000 * np.sin(2 * np.pi * hertz * t)).astype(
        np.int16))
    return path


class Office:
    """A gateway that records and tells, alice in its branch and bob outside."""

    def __init__(self, gateway, codecs="PCMU"):
        self.gateway = gateway
        for user, side, suite in (("alice", "branch", None),
                                  ("bob", "hq", SHA1_80)):
            wav = tone(gateway.folder / f"{user}.wav", TONES[user], 60)
            gateway.add_user(user, "sdes" if suite else "plain", suites=suite)
            setattr(self, user, gateway.phone(
                user, side, wav, index=side == "hq", codecs=codecs,
                encryption="srtp-mand" if suite else None))
        self.phones = (self.alice, self.bob)

    def ident(self):
        call, = self.gateway.ctl_json("calls")
        return str(call["id"])

    def record(self, on=True, check=True):
        return self.gateway.sallyctl("calls", "record", self.ident(),
                                     "on" if on else "off", check=check)

    def diverted(self):
        return sorted(s["divert"] for f in self.gateway.flows()
                      for s in f["streams"])

    def events(self, kind):
        return [e for e in self.gateway.ctl_json("audit", "list", "--max",
                                                 "1000") if e["event"] == kind]

    def end(self):
        self.alice.hang_up()
        self.bob.wait_end()


@pytest.fixture
def office(request, tmp_path):
    options = getattr(request, "param", {})
    codecs = options.pop("codecs", "PCMU")
    music = tmp_path / "music"
    music.mkdir()
    tone(music / "told.wav", SPOKEN, 1.5)
    public = json.loads(run(BUILD / "bin/sallyctl", "recordings", "keygen",
                            tmp_path / "key", "--json").stdout)["public"]
    settings = {"media": {"music": str(music), "recording": {
        "folder": str(tmp_path), "keys": [public]}},
        "control": {"calls": {"notice": "tone", **options}}}
    with Gateway(BUILD, media=True, settings=settings) as g:
        yield Office(g, codecs)
        g.keep_logs = getattr(request.node, "test_failed", False)


def heard(phone):
    """At the telephone's rate, whatever rate its codec has."""
    parts = []
    for path in sorted((phone.folder / "heard").glob("*-dec.wav")):
        head = path.read_bytes()[:44]
        channels = int.from_bytes(head[22:24], "little")
        step = int.from_bytes(head[24:28], "little") // audio.RATE
        sound = audio.read_wav(path)[::channels]
        sound = sound[:len(sound) // step * step].astype(float)
        parts.append(sound.reshape(-1, step).mean(axis=1))
    return np.concatenate(parts) if parts else np.zeros(0)


def shares(sound, hertz):
    """Of each 50 ms: how much of it is this tone."""
    n = len(sound) // STEP
    if not n:
        return np.zeros(0)
    parts = np.asarray(sound[:n * STEP], float).reshape(n, STEP)
    power = np.abs(np.fft.rfft(parts * np.hanning(STEP), axis=1)) ** 2
    at = np.fft.rfftfreq(STEP, 1 / audio.RATE)
    return power[:, np.abs(at - hertz) < 30].sum(axis=1) / (
        power.sum(axis=1) + 1e3)


def burst_count(sound, hertz=NOTICE):
    """How often a tone is in it, for at least a fifth of a second."""
    there = shares(sound, hertz) > 0.05
    edges = np.flatnonzero(np.diff(np.r_[0, there.astype(int), 0]))
    return int((edges[1::2] - edges[::2] >= 4).sum())


def bursts(phone, hertz):
    """How often it has been heard, and for how many seconds in all."""
    sound = heard(phone)
    return burst_count(sound, hertz), float(
        (shares(sound, hertz) > 0.05).sum()) / 20


def sent(captured, gateway):
    """The sound that has left for the branch."""
    packets = wire.rtp_from(wire.datagrams(captured.path),
                            gateway.sides["branch"].gateway)
    return audio.decode_g711(wire.payload_octets(packets)).astype(float)


def other(office, phone):
    return office.bob if phone is office.alice else office.alice


def goes_on(office, phone):
    """It hears the other once more, and nothing but the other."""
    before = len(heard(phone))
    wait_until("more to be heard", 10,
               lambda: len(heard(phone)) > before + 2 * audio.RATE)
    late = heard(phone)[-audio.RATE:]
    assert np.median(shares(late, TONES[other(office, phone).user])) > 0.9


def told(phone, hertz=NOTICE, times=1):
    wait_until(f"{phone.user} to be told", 8 + 3 * times,
               lambda: bursts(phone, hertz)[0] >= times, 0.3)


@pytest.mark.parametrize("office", [{}, {"codecs": "opus/48000/2"}],
                         indirect=True, ids=["PCMU", "opus"])
def test_a_tone_at_the_beginning(office):
    """On streams that are otherwise copied, and are again afterwards."""
    office.alice.call(office.bob)
    time.sleep(1)
    office.record()
    for phone in office.phones:
        told(phone)
    wait_until("copies again", 5,
               lambda: office.diverted() == ["copy", "copy"])
    # what a control that has crashed knows, too
    office.gateway.kill(office.gateway.control)
    office.gateway.start_control()
    for phone in office.phones:
        goes_on(office, phone)
        count, seconds = bursts(phone, NOTICE)
        assert count == 1 and 0.3 < seconds < 0.8
    assert sorted(p.split("@")[0] for e in office.events("notice-given")
                  for p in e["parties"]) == ["sip:alice", "sip:bob"]
    office.end()
    assert not office.events("notice-failed")


@pytest.mark.parametrize("office", [{"notice_every": 1}], indirect=True)
def test_again_and_again(office):
    """Also when sallyport-media has crashed; and no more once nothing is
    recorded."""
    office.alice.call(office.bob)
    office.record()
    for phone in office.phones:
        told(phone, times=5)
    office.gateway.kill(office.gateway.media)
    office.gateway.start_media()
    counts = [bursts(p, NOTICE)[0] for p in office.phones]
    for phone, count in zip(office.phones, counts):
        told(phone, times=count + 2)
    office.record(False)
    wait_until("nothing to be diverted", 5,
               lambda: office.diverted() == ["none", "none"])
    for phone in office.phones:
        goes_on(office, phone)
    office.end()
    assert len(office.events("notice-given")) == 2  # the first of each


@pytest.mark.parametrize("office", [{"notice": "told.wav"}], indirect=True)
def test_words(office):
    """A file in the place of what the other says."""
    office.gateway.sallyctl("user", "compliance", "on", "alice")
    office.alice.call(office.bob)
    for phone in office.phones:
        told(phone, SPOKEN)
    wait_until("copies again", 8,
               lambda: office.diverted() == ["copy", "copy"])
    for phone in office.phones:
        goes_on(office, phone)
        count, seconds = bursts(phone, SPOKEN)
        assert count == 1 and 1.2 < seconds < 1.7
    office.end()


def test_who_is_on_hold_is_told_afterwards(office):
    """Nobody hears anything meanwhile. Judged by what was sent to alice: her phone
    writes down nothing more after a hold."""
    captured = office.gateway.capture("branch")
    office.alice.call(office.bob)
    office.alice.command("hold")
    wait_until("the hold", 5, lambda: any(
        s["blocked"] for f in office.gateway.flows() for s in f["streams"]))
    office.record()
    time.sleep(2)
    to_alice = functools.partial(sent, captured, office.gateway)
    assert burst_count(to_alice()) == 0
    office.alice.command("resume")
    wait_until("alice to be told", 15, lambda: burst_count(to_alice()), 0.5)
    wait_until("copies again", 5,
               lambda: office.diverted() == ["copy", "copy"])
    wait_until("both to have been told", 5,
               lambda: len(office.events("notice-given")) == 2)
    time.sleep(2)
    assert burst_count(to_alice()) == 1
    assert np.median(shares(to_alice()[-audio.RATE:], TONES["bob"])) > 0.9
    office.end()


@pytest.mark.parametrize("office", [{"notice": "missing.wav"}], indirect=True)
def test_nobody_can_be_told(office):
    """Then nothing is recorded on request; for compliance it is, and the failure
    is on record."""
    office.alice.call(office.bob)
    refused = office.record(check=False)
    assert refused.returncode == 1 and "can't be told" in refused.stderr
    assert office.diverted() == ["none", "none"]
    assert not office.events("recording-started")
    office.end()
    office.gateway.sallyctl("user", "compliance", "on", "bob")
    office.alice.call(office.bob)
    wait_until("the recording", 5,
               lambda: office.diverted() == ["copy", "copy"])
    wait_until("the failure to be on record", 5,
               lambda: office.events("notice-failed"))
    failed, = office.events("notice-failed")
    assert len(failed["parties"]) == 2
    for phone in office.phones:
        goes_on(office, phone)
    office.end()
