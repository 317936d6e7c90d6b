# SPDX-License-Identifier: Apache-2.0
"""Recording of real calls through the real programs: who may ask for it, what
goes on meanwhile, and what the exported file holds."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from lab import audio
from lab.process import run, wait_until
from lab.topology import Gateway
from sip_client import SipClient, sdp

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("B", ROOT / "build"))
SHA1_80 = "AES_CM_128_HMAC_SHA1_80"


class Office:
    """A gateway that can record, alice in its branch and bob outside."""

    def __init__(self, gateway, key, folder, sounds):
        self.gateway, self.key, self.folder = gateway, key, folder
        for user, side, suite in (("alice", "branch", None),
                                  ("bob", "hq", SHA1_80)):
            gateway.add_user(user, "sdes" if suite else "plain", suites=suite)
            setattr(self, user, gateway.phone(
                user, side, sounds / f"{user}.wav", index=side == "hq",
                encryption="srtp-mand" if suite else None))

    def the_call(self):
        call, = self.gateway.ctl_json("calls")
        return call

    def diverted(self):
        return sorted(s["divert"] for f in self.gateway.flows()
                      for s in f["streams"])

    def end(self):
        self.alice.hang_up()
        self.bob.wait_end()

    def export(self, recording):
        """Its tracks, as samples."""
        sealed = self.folder / f"{recording}.sealed"
        wait_until("the recording's file", 5, sealed.exists)
        wait_until("its end", 5, lambda: run(
            BUILD / "bin/sallyctl", "recordings", "verify", sealed,
            "--private", self.key, check=False).returncode == 0)
        out = self.folder / f"{recording}.mka"
        run(BUILD / "bin/sallyctl", "recordings", "export", sealed, out,
            "--private", self.key)
        tracks = []
        for i in range(2):
            wav = self.folder / f"{recording}-{i}.wav"
            run("ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-i", out,
                "-map", f"0:a:{i}", "-ar", str(audio.RATE), "-ac", "1", wav)
            tracks.append(audio.read_wav(wav))
        return tracks

    def events(self, kind):
        return [e for e in self.gateway.ctl_json("audit", "list", "--max", "1000")
                if e["event"] == kind]


@pytest.fixture
def office(request, sounds, tmp_path):
    key = tmp_path / "recording.key"
    folder = tmp_path / "recordings"
    folder.mkdir()
    public = json.loads(run(BUILD / "bin/sallyctl", "recordings", "keygen",
                            key, "--json").stdout)["public"]
    settings = {"media": {"recording": {"folder": str(folder),
                                        "keys": [public]}}}
    with Gateway(BUILD, media=True, settings=settings) as g:
        yield Office(g, key, folder, sounds)
        g.keep_logs = getattr(request.node, "test_failed", False)


def alike(played, heard):
    return float(np.median(audio.compare(played, heard).score))


def holds_both(office, tracks):
    for user, track in zip(("alice", "bob"), tracks):
        phone = getattr(office, user)
        assert alike(phone.played, track) > 0.6, f"{user} isn't in it"


def test_on_and_off(office):
    office.alice.call(office.bob)
    assert office.diverted() == ["none", "none"]
    ident = str(office.the_call()["id"])
    office.gateway.sallyctl("calls", "record", ident, "on")
    recording = office.the_call()["recording"]
    assert recording and office.diverted() == ["copy", "copy"]
    time.sleep(3)
    office.gateway.sallyctl("calls", "record", ident, "off")
    assert office.the_call()["recording"] is None
    assert office.diverted() == ["none", "none"]
    time.sleep(1)
    office.end()
    # nobody was disturbed by it
    assert alike(office.alice.played, office.bob.heard()) > 0.9
    tracks = office.export(recording)
    holds_both(office, tracks)
    assert 2 < len(tracks[0]) / audio.RATE < 4
    assert [len(office.events(f"recording-{w}")) for w in
            ("started", "stopped", "failed")] == [1, 1, 0]


def test_a_phone_asks(office):
    """By INFO with Record: on, and off, as some phones' keys do."""
    g, hq = office.gateway, office.gateway.sides["hq"]
    g.add_user("dave", "plain")
    with SipClient(hq.namespace, hq.host, hq.gateway, "dave", g.domain,
                   "dave-secret") as dave:
        assert dave.register().status == 200
        ok = dave.request("INVITE", office.alice.aor, sdp(hq.host, 30000))
        assert ok.status == 200
        for word, way in (("on", "copy"), ("off", "none")):
            assert dave.within("INFO", office.alice.aor, ok,
                               [f"Record: {word}"]).status == 200
            assert office.diverted() == [way, way]
            if word == "on":
                name = office.the_call()["recording"]
                time.sleep(3)
        assert office.the_call()["recording"] is None
        dave.bye(office.alice.aor, ok)
    office.alice.wait_end()
    # dave, who called, is the first, and said nothing at all
    assert alike(office.alice.played, office.export(name)[1]) > 0.6
    started, = office.events("recording-started")
    assert "dave" in started["by"] and "INFO" in started["how"]


def test_what_is_stored_by_the_api(office):
    """Listed, fetched as sealed as it lies there, opened, deleted; on record."""
    office.alice.call(office.bob)
    office.gateway.sallyctl("calls", "record", str(office.the_call()["id"]),
                            "on")
    name = office.the_call()["recording"]
    time.sleep(2)
    busy = office.gateway.sallyctl("recordings", "delete", name, check=False)
    assert busy.returncode == 1 and "written" in busy.stderr
    office.end()
    tracks = office.export(name)
    holds_both(office, tracks)
    def listed():
        return office.gateway.ctl_json("recordings", "list")["recordings"]
    wait_until("its end to be known", 5, lambda: not listed()[0]["open"])
    entry, = listed()
    sealed = office.folder / f"{name}.sealed"
    assert entry["recording"] == name
    assert entry["size"] == sealed.stat().st_size
    assert name in office.gateway.sallyctl("recordings", "show", name).stdout
    out = office.folder / "by-api.mka"
    office.gateway.sallyctl("recordings", "export", name, out, "--private",
                            office.key)
    assert out.read_bytes() == (office.folder / f"{name}.mka").read_bytes()
    office.gateway.sallyctl("recordings", "delete", name)
    wait_until("the file to be gone", 5, lambda: not sealed.exists())
    gone = office.gateway.sallyctl("recordings", "export", name,
                                   office.folder / "no.mka", "--private",
                                   office.key, check=False)
    assert gone.returncode == 1 and not (office.folder / "no.mka").exists()
    for event in ("recording-fetched", "recording-deleted"):
        assert len(office.events(event)) == 1


def test_compliance(office):
    """From the first moment on, and not to be switched off."""
    office.gateway.sallyctl("user", "compliance", "on", "bob")
    office.alice.call(office.bob)
    wait_until("the recording", 2, lambda: office.the_call()["recording"])
    call = office.the_call()
    refused = office.gateway.sallyctl("calls", "record", str(call["id"]), "off",
                                      check=False)
    assert refused.returncode == 1 and "compliance" in refused.stderr
    time.sleep(2)
    office.end()
    holds_both(office, office.export(call["recording"]))


def test_it_goes_on_in_another_file(office):
    """After a crash of sallyport-media; one of control isn't noticed."""
    office.alice.call(office.bob)
    office.gateway.sallyctl("calls", "record", str(office.the_call()["id"]),
                            "on")
    first = office.the_call()["recording"]
    time.sleep(2)
    office.gateway.kill(office.gateway.control)
    office.gateway.start_control()
    assert office.the_call()["recording"] == first
    time.sleep(2)
    office.gateway.kill(office.gateway.media)
    office.gateway.start_media()
    wait_until("another recording", 5,
               lambda: office.the_call()["recording"] not in (first, None))
    second = office.the_call()["recording"]
    time.sleep(3)
    office.end()
    holds_both(office, office.export(second))
    assert office.events("recording-failed")[0]["recording"] == first


def test_the_dataplane_dies(office):
    """The same file goes on once there are copies again."""
    office.alice.call(office.bob)
    office.gateway.sallyctl("calls", "record", str(office.the_call()["id"]),
                            "on")
    name = office.the_call()["recording"]
    time.sleep(2)
    office.gateway.kill(office.gateway.dataplane)
    time.sleep(0.5)
    office.gateway.start_dataplane()
    wait_until("copies again", 10, lambda: office.gateway.sallyctl(
        "flows", "--json", check=False).stdout.count('"copy"') >= 2)
    time.sleep(4)
    assert office.the_call()["recording"] == name
    office.end()
    tracks = office.export(name)
    holds_both(office, [t[-int(2.5 * audio.RATE):] for t in tracks])
    assert not office.events("recording-failed")


def test_it_hangs(office):
    """sallyport-media stands still: the call goes on, people are told, and once
    it is back so is the recording."""
    office.alice.call(office.bob)
    office.gateway.sallyctl("calls", "record", str(office.the_call()["id"]),
                            "on")
    time.sleep(1)
    office.gateway.media.send(signal.SIGSTOP)
    try:
        wait_until("the alarm", 30, lambda: any(
            a["name"] == "media-away"
            for a in office.gateway.ctl_json("alarms")))
        before = len(office.bob.heard())
        wait_until("bob to hear on", 10, lambda: len(
            office.bob.heard()) > before + 2 * audio.RATE)
        assert alike(office.alice.played,
                     office.bob.heard()[before:]) > 0.9
    finally:
        office.gateway.media.send(signal.SIGCONT)
    wait_until("it to be there again", 15, lambda: not any(
        a["name"] == "media-away" for a in office.gateway.ctl_json("alarms")))
    name = office.the_call()["recording"]
    time.sleep(3)
    office.end()
    tracks = office.export(name)
    holds_both(office, [t[-2 * audio.RATE:] for t in tracks])
