# SPDX-License-Identifier: Apache-2.0
"""Calls between phones without a codec in common, through the real dataplane and
the real sallyport-media, judged by what each of them heard."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from lab import audio
from lab.process import wait_until
from lab.topology import Gateway

ROOT = Path(__file__).resolve().parents[2]
SHA1_80 = "AES_CM_128_HMAC_SHA1_80"

# as baresip names them, and as SDP does
CODECS = {"opus": ("opus/48000/2", "opus/48000/2"),
          "G722": ("G722/16000/1", "G722/8000"),
          "PCMU": ("PCMU/8000/1", "PCMU/8000"),
          "PCMA": ("PCMA/8000/1", "PCMA/8000")}


@pytest.fixture
def gateway(request):
    with Gateway(os.environ.get("B", ROOT / "build"), media=True,
                 settings=getattr(request, "param", None)) as g:
        yield g
        g.keep_logs = getattr(request.node, "test_failed", False)


def phones(gateway, sounds, alice, bob, suite=SHA1_80):
    """alice at the branch, plain; bob at headquarters, with the suite."""
    made = []
    for user, side, codec in (("alice", "branch", alice), ("bob", "hq", bob)):
        secure = suite and user == "bob"
        gateway.add_user(user, "sdes" if secure else "plain",
                         suites=suite if secure else None)
        made.append(gateway.phone(
            user, side, sounds / f"{user}.wav", index=len(made),
            codecs=",".join(CODECS[c][0] for c in codec.split()),
            encryption="srtp-mand" if secure else None))
    return made


def sound(phone, which="dec"):
    """What it heard, or ("enc") said, as it wrote both down at its codec's
    rate: the way up to that from the file that it plays isn't the gateway's."""
    parts = [audio.load(p) for p in sorted(
        (phone.folder / "heard").glob(f"*-{which}.wav"))]
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


ALIKE = 0.6  # Opus makes sound that sounds the same, not the same samples


def alike(played, heard):
    """Of most windows: where a jitter buffer moves, one is a bit of two."""
    return float(np.median(audio.compare(played, heard).score))


def heard_each_other(a, b, seconds):
    for speaker, listener in ((a, b), (b, a)):
        heard = audio.compare(sound(speaker, "enc"), sound(listener))
        assert alike(sound(speaker, "enc"), sound(listener)) > ALIKE, \
            f"{listener.user} did not hear what {speaker.user} played"
        assert sum(heard.score > ALIKE) * audio.WINDOW / 2 / audio.RATE > \
            seconds
        assert alike(sound(listener, "enc"), sound(listener)) < 0.4, \
            f"{listener.user} heard itself"


def the_call(gateway):
    call, = gateway.ctl_json("calls")
    return call


def diverted(gateway):
    return sorted(s["divert"] for f in gateway.flows() for s in f["streams"])


# each two of them, heard both ways
PAIRS = [("opus", "PCMU"), ("PCMU", "opus"), ("PCMA", "opus"),
         ("opus", "G722"), ("G722", "PCMA"), ("PCMU", "G722"),
         ("PCMA", "PCMU")]


@pytest.mark.parametrize("caller,callee", PAIRS)
def test_no_codec_in_common(gateway, sounds, caller, callee):
    alice, bob = phones(gateway, sounds, caller, callee)
    alice.call(bob)
    time.sleep(4)
    call = the_call(gateway)
    assert call["transcoded"] and call["media"][0]["transcoded"]
    assert [leg["codec"] for leg in call["media"][0]["legs"]] == [
        CODECS[caller][1], CODECS[callee][1]]
    assert diverted(gateway) == ["take", "take"]
    alice.hang_up()
    bob.wait_end()
    heard_each_other(alice, bob, 1.5)
    assert gateway.last_record()["transcoded"]
    assert gateway.flows() == []


def test_one_in_common_is_relayed(gateway, sounds):
    """Whatever else could be made of it."""
    alice, bob = phones(gateway, sounds, "opus PCMU", "PCMU")
    alice.call(bob)
    time.sleep(3)
    call = the_call(gateway)
    assert not call["transcoded"]
    assert diverted(gateway) == ["none", "none"]
    bob.hang_up()
    alice.wait_end()
    heard_each_other(alice, bob, 2)


def test_forced(gateway, sounds):
    """The profile of bob's devices wants one that alice hasn't, though they
    would have another in common."""
    alice, bob = phones(gateway, sounds, "opus PCMU", "PCMU PCMA")
    gateway.sallyctl("users", "profile", "bob", "--codecs", "PCMA")
    alice.call(bob)
    time.sleep(3)
    call = the_call(gateway)
    assert call["transcoded"]
    assert [leg["codec"] for leg in call["media"][0]["legs"]] == [
        "opus/48000/2", "PCMA/8000"]
    bob.hang_up()
    alice.wait_end()
    heard_each_other(alice, bob, 1.5)


def test_hold(gateway, sounds):
    alice, bob = phones(gateway, sounds, "opus", "PCMA")
    alice.call(bob)
    time.sleep(2)
    alice.command("hold")
    wait_until("the hold", 3, lambda: sorted(
        s["blocked"] for f in gateway.flows() for s in f["streams"]) == [
            False, True])
    alice.command("resume")
    wait_until("the end of it", 3, lambda: not any(
        s["blocked"] for f in gateway.flows() for s in f["streams"]))
    assert the_call(gateway)["transcoded"]
    time.sleep(2)
    alice.hang_up()
    bob.wait_end()
    assert gateway.flows() == []


@pytest.mark.parametrize("what", ["media", "control", "dataplane"])
def test_a_crash(gateway, sounds, what):
    """Of sallyport-media: silence until it is back. Of control: nothing. Of the
    dataplane: the plain call's flows are made again."""
    alice, bob = phones(gateway, sounds, "opus", "PCMU", suite=None)
    alice.call(bob)
    time.sleep(2)
    gateway.kill(getattr(gateway, what))
    time.sleep(0.5)
    getattr(gateway, f"start_{what}")()
    wait_until("the call's streams", 5, lambda: gateway.sallyctl(
        "flows", "--json", check=False).stdout.count('"take"') >= 2)
    time.sleep(4)
    assert the_call(gateway)["transcoded"]
    alice.hang_up()
    bob.wait_end()
    for speaker, listener in ((alice, bob), (bob, alice)):
        late = sound(listener)[-int(2.5 * audio.RATE):]
        assert alike(sound(speaker, "enc"), late) > ALIKE, \
            f"{listener.user} hears nothing any more"
    assert gateway.flows() == []


@pytest.mark.parametrize("gateway", [
    {"control": {"media": {"socket": "/nonexistent/media.sock"}}}],
    indirect=True)
def test_without_it(gateway, sounds):
    """Nothing is offered that couldn't be had."""
    alice, bob = phones(gateway, sounds, "opus", "PCMU", suite=None)
    assert "488" in alice.refused(bob.aor)


def test_digits(gateway, sounds):
    """Keys pressed on one side arrive on the other, both ways. (With Opus there
    are none: baresip's digits have another clock than its Opus.)"""
    alice, bob = phones(gateway, sounds, "G722", "PCMU")
    alice.call(bob)
    time.sleep(1)
    for sender, receiver, key in ((alice, bob, "4"), (bob, alice, "7"),
                                  (alice, bob, "#")):
        seen = len(receiver.events)
        sender.command("sndcode", key)
        event = receiver.wait_for("CALL_DTMF_START", since=seen)
        assert event["param"] == key
        receiver.wait_for("CALL_DTMF_END", since=seen)
    assert the_call(gateway)["transcoded"]
    alice.hang_up()
    bob.wait_end()
