# SPDX-License-Identifier: Apache-2.0
"""Calls to and from the PSTN: a real phone, the real gateway, SIPp as the
carrier; judged by what each side heard. What SIP does with a trunk in every
case is tests/trunk's matter."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from lab import audio, wire
from lab.process import Process, udp_socket, wait_until
from lab.topology import ROOT, Gateway

SCENARIOS = Path(__file__).resolve().parent / "sipp"
NUMBER = "030123456"


@pytest.fixture
def gateway(request):
    settings = {"control": {"media_timeout": 3, "pstn": {
        "country": "49", "area": "30", "internal_digits": 3}}}
    with Gateway(os.environ.get("B", ROOT / "build"), settings=settings,
                 media=getattr(request, "param", False)) as g:
        yield g
        g.keep_logs = getattr(request.node, "test_failed", False)


@pytest.fixture
def announcement(gateway, tmp_path):
    """What the carrier plays; and as the octets that SIPp sends."""
    path = tmp_path / "announcement.wav"
    audio.melody(path, 20, 7)
    pcmu = gateway.folder / "announcement.pcmu"
    pcmu.write_bytes(audio.encode_ulaw(audio.read_wav(path)))
    return audio.read_wav(path)


def sipp(gateway, scenario, *options):
    s = gateway.sides["hq"]
    cwd = os.getcwd()
    os.chdir(gateway.folder)  # where SIPp looks for what it plays
    try:
        return Process("SIPp", [
            "sipp", f"{s.gateway}:5060", "-sf", SCENARIOS / scenario, "-i",
            s.host, "-p", 5070, "-m", 1, "-nostdin", "-timeout", 40, "-mp",
            7000, "-timeout_error", *options], s.namespace,
            gateway.folder / "sipp.log")
    finally:
        os.chdir(cwd)


def trunk(gateway, *settings, port=5070):
    gateway.sallyctl("trunk", "add", "carrier",
                     f"address={gateway.sides['hq'].host}:{port}",
                     "user=acme", *settings, input="pass\n")
    gateway.sallyctl("route", "add", "+", "carrier")


def trunk_that_answers_once(gateway, keepalive):
    """One OPTIONS is answered, SIPp takes over for the call."""
    sock = udp_socket(gateway.sides["hq"].namespace,
                      (gateway.sides["hq"].host, 5070))
    with sock:
        sock.settimeout(5)
        trunk(gateway, f"keepalive={keepalive}")
        data, source = sock.recvfrom(8192)
        head = data.decode().split("\r\n")
        assert head[0].startswith("OPTIONS ")
        lines = [x for x in head if x.startswith(
            ("Via:", "From:", "To:", "Call-ID:", "CSeq:"))]
        sock.sendto("\r\n".join(["SIP/2.0 200 OK", *lines,
                                 "Content-Length: 0", "", ""]).encode(),
                    source)
        wait_until("the trunk to be up", 3, lambda: gateway.ctl_json(
            "trunk", "show", "carrier")["state"] == "up")


def alice(gateway, sounds, **options):
    gateway.add_user("alice", "plain")
    gateway.sallyctl("user", "dial", "national", "alice")
    gateway.sallyctl("number", "add", "+4930555100", "user=alice")
    return gateway.phone("alice", "branch", sounds / "alice.wav", **options)


def dial(gateway, phone):
    phone.dial(f"sip:{NUMBER}@{gateway.domain}")


def test_early_media_then_a_call(gateway, sounds, announcement):
    captured = gateway.capture("hq")
    trunk(gateway, "keepalive=0")
    phone = alice(gateway, sounds)
    carrier = sipp(gateway, "carrier.xml")
    dial(gateway, phone)
    phone.wait_for("CALL_PROGRESS")

    def early():
        phone._pump(0.1)
        return audio.compare(announcement, phone.heard()).seconds > 1

    wait_until("early media to be heard", 5, early)
    assert not [e for e in phone.events if e["type"] == "CALL_ESTABLISHED"]
    phone.wait_for("CALL_ESTABLISHED")

    def heard():
        packets = wire.rtp_from(wire.datagrams(captured.path),
                                gateway.sides["hq"].gateway)
        octets = wire.payload_octets(packets)
        return audio.compare(phone.played, audio.decode_g711(octets)).seconds

    wait_until("the carrier to hear alice", 8, lambda: heard() > 2, 0.5)
    phone.hang_up()
    wait_until("SIPp to end", 5, lambda: not carrier.running())
    assert carrier.popen.returncode == 0, carrier.tail()
    match = audio.compare(announcement, phone.heard())
    assert match.similarity > 0.9
    record = gateway.last_record()
    assert record["status"] == 200 and record["trunk"] == "carrier"
    assert gateway.flows() == []


def test_a_call_comes_in(gateway, sounds, announcement):
    trunk(gateway, "keepalive=0")
    phone = alice(gateway, sounds)
    carrier = sipp(gateway, "calls_in.xml", "-s", "+4930555100")
    phone.wait_for("CALL_ESTABLISHED")
    wait_until("SIPp to end", 10, lambda: not carrier.running())
    assert carrier.popen.returncode == 0, carrier.tail()
    match = audio.compare(announcement, phone.heard())
    assert match.similarity > 0.9 and match.seconds > 2
    assert gateway.last_record()["from"] == f"sip:+4989777@{gateway.domain}"


def test_a_trunk_that_dies_in_the_call(gateway, sounds, announcement):
    """Its call ends with that reason; another call goes on."""
    phone = alice(gateway, sounds)
    for i, user in enumerate(("bob", "carol"), 1):
        gateway.add_user(user, "plain")
        audio.melody(gateway.folder / f"{user}.wav", 40, 20 + i)
        gateway.phone(user, "branch", gateway.folder / f"{user}.wav",
                      sip_port=5060 + 10 * i, index=i)
    bob, carol = gateway.phones[1:]
    bob.call(carol)
    trunk_that_answers_once(gateway, keepalive=6)
    carrier = sipp(gateway, "carrier.xml")
    dial(gateway, phone)
    phone.wait_for("CALL_ESTABLISHED")
    assert gateway.ctl_json("trunk", "show", "carrier")["calls_now"] == 1
    carrier.send(signal.SIGKILL)
    phone.wait_for("CALL_CLOSED", seconds=30)
    record = gateway.last_record()
    assert record["ended_by"] == "gateway"
    assert "trunk carrier is down: it doesn't answer OPTIONS" in \
        record["reason"]
    state = gateway.ctl_json("trunk", "show", "carrier")
    assert state["state"] == "down" and state["calls_now"] == 0
    assert [c["from"] for c in gateway.ctl_json("calls")] == [bob.aor]
    before = len(carol.heard())
    wait_until("carol to go on hearing bob", 5,
               lambda: len(carol.heard()) > before + audio.RATE)
    assert audio.compare(bob.played, carol.heard()).similarity > 0.9


@pytest.mark.parametrize("suite", ["AES_CM_128_HMAC_SHA1_80",
                                   "AEAD_AES_128_GCM"])
def test_a_trunk_with_srtp(gateway, sounds, suite):
    captured = gateway.capture("hq")
    trunk(gateway, "keepalive=0", "media=sdes", f"suites={suite}", port=5060)
    phone = alice(gateway, sounds)
    s = gateway.sides["hq"]
    # baresip, since SIPp's own SRTP speaks one suite only
    carrier = gateway.phone("+4930123456", "hq", sounds / "bob.wav",
                            register=False, encryption="srtp-mand", index=1)
    dial(gateway, phone)
    phone.wait_for("CALL_ESTABLISHED")

    def heard(speaker, listener):
        return audio.compare(speaker.played, listener.heard())

    wait_until("both to hear the other", 10,
               lambda: heard(phone, carrier).seconds > 2 and
               heard(carrier, phone).seconds > 2, 0.3)
    phone.hang_up()
    assert heard(phone, carrier).similarity > 0.9
    assert heard(carrier, phone).similarity > 0.9
    packets = wire.rtp_from(captured.stop(), s.gateway)
    octets = wire.payload_octets(packets)
    assert audio.entropy(octets) > 7.9


@pytest.mark.parametrize("gateway", [True], indirect=True)
def test_a_phone_that_shares_no_codec_with_the_carrier(gateway, sounds):
    trunk(gateway, "keepalive=0", port=5060)
    phone = alice(gateway, sounds, codecs="opus/48000/2")
    carrier = gateway.phone("+4930123456", "hq", sounds / "bob.wav",
                            register=False, codecs="PCMA/8000/1", index=1)
    dial(gateway, phone)
    phone.wait_for("CALL_ESTABLISHED")
    call, = gateway.ctl_json("calls")
    assert call["transcoded"] and call["trunk"] == "carrier"
    assert [leg["codec"] for leg in call["media"][0]["legs"]] == [
        "opus/48000/2", "PCMA/8000"]

    def sound(of, which):
        """What it said, or heard, as it wrote both down at its codec's
        rate."""
        parts = [audio.load(p) for p in sorted(
            (of.folder / "heard").glob(f"*-{which}.wav"))]
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    def hears(listener, speaker):
        """Opus makes what sounds the same, not the same samples."""
        score = audio.compare(sound(speaker, "enc"),
                              sound(listener, "dec")).score
        return len(score) > 8 and np.median(score) > 0.6

    wait_until("both to hear the other", 10, lambda: hears(
        phone, carrier) and hears(carrier, phone), 0.5)
    assert not hears(phone, phone)
    phone.hang_up()
    carrier.wait_end()
