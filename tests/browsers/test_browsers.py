# SPDX-License-Identifier: Apache-2.0
"""Calls of real browsers over secure WebSocket, to each other and to other
phones, judged by what each of them heard."""

import base64

import numpy as np
import pytest
import stun
import tune
from browser import dial
from lab import audio, wire
from lab.process import udp_socket, wait_until


LATEST = 4 * audio.RATE  # samples that are looked at, of what a browser hears
PATIENCE = 40  # seconds, for what takes one on a machine that has nothing to do


def is_heard(played, samples, seconds):
    same, share = tune.heard(played, samples)
    return same >= seconds and share > 0.4


def assert_heard(speaker, listener, samples, seconds=1.5):
    same, share = tune.heard(speaker.played, samples)
    assert is_heard(speaker.played, samples, seconds), \
        f"{listener.user} heard {same:.1f} s of {speaker.user}, {share:.0%}"
    assert tune.heard(listener.played, samples)[1] < 0.3, \
        f"{listener.user} heard itself"


def sound(phone):
    """What another phone than a browser wrote down of its last call, at its
    codec's rate."""
    return audio.load(max((phone.folder / "heard").glob("*-dec.wav"),
                          key=lambda p: p.stat().st_mtime))


def until(browser, what, question):
    """Waits until the latest that the browser heard is as asked; @return it."""
    browser.heard()
    latest = np.zeros(0, np.int16)

    def asked():
        nonlocal latest
        latest = np.concatenate([latest, browser.heard()])[-LATEST:]
        return question(latest)
    wait_until(f"{browser.user} to hear {what}", PATIENCE, asked, every=0.3)
    return latest


def hears(speaker, browser, seconds=1.5):
    """Now, as well as can be, and not itself. A machine that is busy lets
    pieces of sound go missing: what counts is that they stop doing so."""
    latest = until(browser, speaker.user,
                   lambda x: is_heard(speaker.played, x, seconds))
    assert_heard(speaker, browser, latest, seconds)


def hears_nothing_of(speaker, browser):
    """From some time on, when all that was under way has come."""
    until(browser, f"no more of {speaker.user}",
          lambda x: len(x) >= 2 * audio.RATE and
          tune.heard(speaker.played, x[-2 * audio.RATE:])[0] == 0)


def talk(one, other, seconds=1.5):
    """Each hears the other."""
    hears(one, other, seconds)
    hears(other, one, seconds)


def test_browser_to_browser(gateway, browsers):
    ann, ben = (b.start() for b in browsers)
    ann.call(ben)
    talk(ann, ben)
    ben.hang_up()
    ann.wait_end(PATIENCE)
    for leg in gateway.last_record()["media"][0]["legs"]:
        assert leg["suite_rx"] != "plain" and leg["suite_tx"] != "plain"


# user, and options of the phone
OTHERS = {
    "plain": ("pia", {"codecs": "opus/48000/2,PCMU"}),
    "sdes": ("sam", {"codecs": "opus/48000/2,PCMU",
                     "encryption": "srtp-mand"}),
    "G.711": ("tom", {"codecs": "PCMU"}),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("way", ["calls", "is called by"])
def test_browser_and_phone(gateway, browsers, phones, way, kind):
    user, options = OTHERS[kind]
    ann = browsers[0].start()
    phone = phones(user, "hq", **options)
    dial(*(ann, phone) if way == "calls" else (phone, ann))
    hears(phone, ann)
    call, = gateway.ctl_json("calls")
    assert not call["transcoded"]
    (phone if way == "calls" else ann).hang_up()
    (ann if way == "calls" else phone).wait_end(PATIENCE)
    assert_heard(ann, phone, sound(phone))


@pytest.fixture
def opus_only(gateway):
    gateway.sallyctl("users", "profile", "ann", "--codecs", "opus")
    yield
    gateway.sallyctl("users", "profile", "ann", "--codecs", "")


@pytest.mark.parametrize("way", ["calls", "is called by"])
def test_transcoded(gateway, browsers, phones, opus_only, way):
    """The browser has Opus and nothing else, the phone G.711."""
    ann = browsers[0].start()
    tom = phones("tom", "hq", codecs="PCMU")
    dial(*(ann, tom) if way == "calls" else (tom, ann))
    hears(tom, ann)
    call, = gateway.ctl_json("calls")
    assert call["transcoded"]
    assert {leg["codec"] for leg in call["media"][0]["legs"]} == {
        "opus/48000/2", "PCMU/8000"}
    ann.hang_up()
    tom.wait_end(PATIENCE)
    assert_heard(ann, tom, sound(tom))


class Music:
    """What the gateway plays to who is on hold."""

    user = "the music"

    def __init__(self, sounds):
        self.played = audio.read_wav(sounds / "music.wav")


@pytest.mark.parametrize("way", ["calls", "is called by"])
def test_music_on_hold(gateway, browsers, phones, sounds, way):
    """It is the gateway's, not of the stream that the phone announced; and
    then the phone is heard again."""
    music = Music(sounds)
    ann = browsers[0].start()
    tom = phones("tom", "hq", codecs="opus/48000/2,PCMU")
    dial(*(ann, tom) if way == "calls" else (tom, ann))
    for _ in range(2):
        hears(tom, ann)
        hears_nothing_of(music, ann)
        tom.command("hold")
        ann.wait_for("hold", originator="remote")
        hears(music, ann)
        hears_nothing_of(tom, ann)
        seen = len(ann.events)
        tom.command("resume")
        ann.wait_for("unhold", originator="remote", since=seen)
        ann.events.clear()
    hears(tom, ann)
    ann.hang_up()
    tom.wait_end(PATIENCE)


def assert_pictures(*browsers):
    """They arrive, and go on arriving."""
    for one in browsers:
        before = one.do("frames").get("framesDecoded", 0)
        wait_until(f"{one.user} to see pictures", PATIENCE, lambda: one.do(
            "frames").get("framesDecoded", 0) > before + 20)


def test_pictures(gateway, browsers):
    ann, ben = (b.start(video=True) for b in browsers)
    ann.call(ben)
    talk(ann, ben)
    assert_pictures(ann, ben)
    ben.hang_up()
    ann.wait_end(PATIENCE)


KEYS = [base64.b64encode(bytes([n]) * 16).decode() for n in range(2)]


def fingerprints(browser, side):
    return {line for line in browser.do("description", side).splitlines()
            if line.startswith("a=fingerprint:")}


def counts(browser):
    """What the encoded transform's worker has counted, of now."""
    browser.do("frames")
    return browser.wait_for("frames", since=len(browser.events))


def test_frames_encrypted(gateway, browsers):
    """End to end, frame by frame, sound and pictures; the DTLS-SRTP of each
    hop ends at the gateway, which has none of the browsers' fingerprints pass
    and relays what it can't read."""
    ann, ben = (b.start(video=True, frameKey=KEYS[0]) for b in browsers)
    ann.call(ben)
    talk(ann, ben)
    assert_pictures(ann, ben)
    for one in (ann, ben):
        wait_until("frames", PATIENCE, lambda one=one: min(
            counts(one)[n] for n in ("sealed", "opened")) > 100, every=0.3)
        assert counts(one)["refused"] == 0
        assert one.do("transport")["srtpCipher"]
    ours, = fingerprints(ann, "remote") | fingerprints(ben, "remote")
    assert ours not in fingerprints(ann, "local") | fingerprints(ben, "local")
    call, = gateway.ctl_json("calls")
    for line in call["media"]:
        assert all(leg["suite_rx"] != "plain" for leg in line["legs"])
    assert not call["transcoded"]
    ann.hang_up()
    ben.wait_end(PATIENCE)


def test_wrong_frame_key(gateway, browsers):
    """What arrives is of no use to who hasn't the key: so it was encrypted on
    all of the way, at the gateway too."""
    ann, ben = (b.start(frameKey=key) for b, key in zip(browsers, KEYS))
    ann.call(ben)
    for one, other in ((ann, ben), (ben, ann)):
        wait_until("frames", PATIENCE, lambda one=one: counts(one)[
            "refused"] > 100, every=0.3)
        assert counts(one)["opened"] == 0
        assert one.do("received")["packetsReceived"] > 50
        assert tune.heard(other.played, one.heard())[0] == 0
    ann.hang_up()
    ben.wait_end(PATIENCE)


@pytest.mark.parametrize("who", [0, 1])
def test_hold(gateway, browsers, sounds, who):
    """By the caller, by the callee: neither is heard until it is resumed, and
    who is on hold hears music."""
    ann, ben = (b.start() for b in browsers)
    ann.call(ben)
    talk(ann, ben)
    one, other = (ann, ben) if who == 0 else (ben, ann)
    one.do("hold")
    other.wait_for("hold", originator="remote")
    for listener, speaker in ((ann, ben), (ben, ann)):
        hears_nothing_of(speaker, listener)
    hears(Music(sounds), other)
    one.do("resume")
    other.wait_for("unhold", originator="remote")
    talk(ann, ben)
    ann.hang_up()
    ben.wait_end(PATIENCE)


@pytest.mark.parametrize("who", [0, 1])
def test_ice_restart(gateway, browsers, who):
    """By the caller, by the callee: other credentials, the same call, sound
    and pictures in one bundle still."""
    ann, ben = (b.start(video=True) for b in browsers)
    ann.call(ben)
    talk(ann, ben)
    one = (ann, ben)[who]
    before = one.do("transport")["iceLocalUsernameFragment"]
    theirs = one.do("description", "remote")
    one.do("restartIce")
    wait_until("the new credentials", PATIENCE, lambda: one.do("transport")[
        "iceLocalUsernameFragment"] != before)
    ufrag = [line for line in theirs.splitlines()
             if line.startswith("a=ice-ufrag:")]
    assert ufrag[0] not in one.do("description", "remote")
    talk(ann, ben)
    assert_pictures(ann, ben)
    for each in (ann, ben):
        assert "a=group:BUNDLE 0 1" in each.do("description", "remote")
    ann.hang_up()
    ben.wait_end(PATIENCE)


@pytest.mark.parametrize("how", ["INFO", "RFC2833"])
def test_digits(gateway, browsers, phones, how):
    """In SIP, and as telephone events of the media stream: to a phone that has
    them at the rate of the codec in use, or a browser won't send them."""
    ann = browsers[0].start()
    pia = phones("pia", "hq", codecs="PCMU")
    dial(ann, pia)
    ann.wait_for("connection", state="connected")
    ann.do("dtmf", "15#", how)

    def pressed():
        pia.command("reginfo")
        return [e["param"] for e in pia.events
                if e["type"] == "CALL_DTMF_START"] == ["1", "5", "#"]
    wait_until("the digits", PATIENCE, pressed)
    ann.hang_up()
    pia.wait_end(PATIENCE)


def test_reload(gateway, browsers):
    """The page is gone without a word, and so are its WebSocket and its media:
    for the other the call ends. What it left behind doesn't ring."""
    ann, ben = (b.start() for b in browsers)
    ann.call(ben)
    talk(ann, ben)
    ann.start()
    ben.wait_end(PATIENCE)
    assert "is gone" in gateway.last_record()["reason"]
    ben.call(ann)
    talk(ann, ben)
    ann.hang_up()
    ben.wait_end(PATIENCE)


def test_dataplane_anew(gateway, browsers):
    """It begins with other SSRCs than those that it had."""
    ann, ben = (b.start(video=True) for b in browsers)
    ann.call(ben)
    talk(ann, ben)
    assert_pictures(ann, ben)
    gateway.kill(gateway.dataplane)
    gateway.start_dataplane()
    talk(ann, ben)
    ann.hang_up()
    ben.wait_end(PATIENCE)


@pytest.mark.parametrize("whose", ["local", "remote"])
@pytest.mark.parametrize("way", ["calls", "is called by"])
def test_wrong_fingerprint(gateway, browsers, way, whose):
    """A certificate that the SDP doesn't name, the browser's or the gateway's:
    no keys, so nothing is heard either way, and the call ends."""
    ann, ben = browsers[0].start(wrongFingerprint=whose), browsers[1].start()
    dial(*(ann, ben) if way == "calls" else (ben, ann))
    if (way, whose) != ("is called by", "local"):
        ann.wait_for("connection", state="failed")
    # else her handshake may be over before her answer is with the gateway
    ben.wait_for("connection", state="connected")
    for one in (ann, ben):
        one.wait_end(PATIENCE)
    for one, other in ((ann, ben), (ben, ann)):
        assert tune.heard(other.played, one.heard())[0] == 0
        assert not one.do("received").get("packetsReceived")
    record = gateway.last_record()
    assert "DTLS" in record["reason"] or "certificate" in record["reason"]
    for stream in record["media"][0]["streams"]:
        assert stream["packets_out"] == 0, record


def path(gateway, browser):
    """Where the gateway sends the browser's media to."""
    leg, = [f for f in gateway.flows()
            if f["local"].startswith(browser.side.gateway + ":")]
    return leg["local"], leg["peer"]


def value(browser, side, name):
    """Of the first such attribute of a description."""
    return next(line.split(":", 1)[1]
                for line in browser.do("description", side).splitlines()
                if line.startswith(f"a={name}:"))


def answers(forger, to, datagram):
    """What comes back is a success, or nothing does."""
    forger.sendto(datagram, to)
    try:
        while True:
            if stun.kind(forger.recv(2048)) == stun.SUCCESS:
                return True
    except TimeoutError:
        return False


def test_forged_checks(gateway, browsers):
    """By checks from elsewhere media doesn't move: with a wrong password, for
    another user, or one of the browser's own, sent once more."""
    ann, ben = (b.start() for b in browsers)
    captured = gateway.capture("branch")
    ann.call(ben)
    talk(ann, ben)
    captured.stop()
    local, peer = path(gateway, ann)
    host, port = local.rsplit(":", 1)
    to = host, int(port)
    theirs, ours = (value(ann, side, "ice-ufrag") for side in (
        "remote", "local"))
    password = value(ann, "remote", "ice-pwd")
    recorded = [d.payload for d in wire.datagrams(captured.path)
                if d.destination == to and stun.nominates(d.payload)]
    assert recorded, "the browser has chosen a path"
    with udp_socket(ann.side.namespace, (ann.side.host, 0)) as forger:
        forger.settimeout(1)
        # that it would be answered, were it right
        assert answers(forger, to, stun.check(
            f"{theirs}:{ours}", password, False))
        for forged in (
                stun.check(f"{theirs}:{ours}", password[::-1], True),
                stun.check(f"{theirs}:{ours}", value(ann, "local", "ice-pwd"),
                           True),
                stun.check(f"{ours}:{theirs}", password, True),
                *recorded):
            answers(forger, to, forged)
            assert path(gateway, ann) == (local, peer)
    talk(ann, ben)
    ann.hang_up()
    ben.wait_end(PATIENCE)
