# SPDX-License-Identifier: Apache-2.0
"""Calls to and from the PSTN: a real phone, the real gateway, SIPp as the
carrier; judged by what each side heard. What SIP does with a trunk in every
case is tests/trunk's matter."""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from lab import audio, wire
from lab.process import Process, udp_socket, wait_until
from lab.topology import ROOT, Gateway

sys.path.insert(0, str(ROOT / "tests" / "sip"))
from pki import Authority  # noqa: E402

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


def sipp(gateway, scenario, *options, port=5070):
    s = gateway.sides["hq"]
    cwd = os.getcwd()
    os.chdir(gateway.folder)  # where SIPp looks for what it plays
    try:
        return Process("SIPp", [
            "sipp", f"{s.gateway}:5060", "-sf", SCENARIOS / scenario, "-i",
            s.host, "-p", port, "-m", 1, "-nostdin", "-timeout", 40, "-mp",
            2000 + port, "-timeout_error", *options], s.namespace,
            gateway.folder / f"sipp-{port}.log")
    finally:
        os.chdir(cwd)


def trunk(gateway, *settings, port=5070, name="carrier", priority=10):
    gateway.sallyctl("trunk", "add", name,
                     f"address={gateway.sides['hq'].host}:{port}",
                     "user=acme", *settings, input="pass\n")
    gateway.sallyctl("route", "add", "+", name, f"priority={priority}")


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


@pytest.mark.parametrize("says,next_one", [
    ("486 Busy Here", False), ("503 Service Unavailable", True), (None, True)],
    ids=["486", "503", "silence"])
def test_the_first_of_two_trunks(gateway, sounds, announcement, says, next_one):
    """What it refuses for good the caller hears; for what it can't do, and where
    it says nothing at all, there is the next one."""
    trunk(gateway, "keepalive=0", "timeout=1", port=5080, name="first",
          priority=1)
    trunk(gateway, "keepalive=0", priority=2)
    phone = alice(gateway, sounds)
    scenario = "silent.xml"
    if says:
        scenario = gateway.folder / "refuses.xml"
        scenario.write_text((SCENARIOS / "refuses.xml").read_text().replace(
            "STATUS", says))
    first = sipp(gateway, scenario, port=5080)
    second = sipp(gateway, "carrier.xml")
    if next_one:
        dial(gateway, phone)
        phone.wait_for("CALL_ESTABLISHED", seconds=20)
        wait_until("the second one to be heard", 10, lambda: audio.compare(
            announcement, phone.heard()).seconds > 2, 0.3)
        assert gateway.ctl_json("calls")[0]["trunk"] == "carrier"
        phone.hang_up()
        wait_until("SIPp to end", 5, lambda: not second.running())
        assert second.popen.returncode == 0, second.tail()
    else:
        assert says in phone.refused(f"sip:{NUMBER}@{gateway.domain}")
        assert second.running()  # it waits for an INVITE still
        second.stop()
    wait_until("the first one's SIPp to end", 10,
               lambda: not first.running())
    assert first.popen.returncode == 0, first.tail()
    record = gateway.last_record()
    assert record.get("trunk") == ("carrier" if next_one else None)
    assert record["status"] == (200 if next_one else int(says[:3]))
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


@pytest.fixture
def by_tls(gateway, tmp_path, sounds):
    """Make a trunk over TLS with SRTP, whose carrier (baresip) has a certificate
    for that name, of that authority."""
    ours, another = Authority(tmp_path, "ours"), Authority(tmp_path, "another")
    s = gateway.sides["hq"]
    gateway.control.stop()
    gateway.settings["control"]["sip"] = {
        "listen": [f"udp:{gateway.sides['branch'].gateway}:5060",
                   f"udp:{s.gateway}:5060", f"tls:{s.gateway}:5061"],
        "tls": {"ca": ours.cert}}
    gateway._write_config()
    gateway.start_control()

    def make(signed, name):
        who = ours if signed == "ours" else another
        carrier = gateway.phone(
            "+4930123456", "hq", sounds / "bob.wav", register=False,
            encryption="srtp-mand", index=1,
            certificate=who.make("carrier", f"DNS:{name}"))
        trunk(gateway, "transport=tls", "domain=carrier.test", "media=sdes",
              "keepalive=1", port=5061)
        return carrier

    return make


def state(gateway):
    return gateway.ctl_json("trunk", "show", "carrier")


def test_a_trunk_over_tls(gateway, sounds, by_tls):
    """Nothing of signalling or sound is to be read on the wire."""
    captured = gateway.capture("hq")
    carrier = by_tls("ours", "carrier.test")
    wait_until("the trunk to be up", 10,
               lambda: state(gateway)["state"] == "up")
    phone = alice(gateway, sounds)
    dial(gateway, phone)
    phone.wait_for("CALL_ESTABLISHED")

    def heard(speaker, listener):
        return audio.compare(speaker.played, listener.heard())

    wait_until("both to hear the other", 10,
               lambda: heard(phone, carrier).seconds > 2 and
               heard(carrier, phone).seconds > 2, 0.3)
    leg = gateway.ctl_json("calls")[0]["media"][0]["legs"][1]
    assert "plain" not in (leg["suite_rx"], leg["suite_tx"])
    phone.hang_up()
    carrier.wait_end()
    packets = wire.rtp_from(captured.stop(), gateway.sides["hq"].gateway)
    assert audio.entropy(wire.payload_octets(packets)) > 7.9
    assert b"SIP/2.0" not in captured.path.read_bytes()


@pytest.mark.parametrize("signed,name,reason", [
    ("another", "carrier.test", "unable to get local issuer certificate"),
    ("ours", "elsewhere.test", "hostname mismatch")])
def test_a_trunk_with_a_wrong_certificate(gateway, sounds, by_tls, signed, name,
                                          reason):
    """No call, no word of one to whom it doesn't trust; and everybody is told."""
    carrier = by_tls(signed, name)
    wait_until("the trunk to be down", 10,
               lambda: state(gateway)["state"] == "down")
    assert "certificate isn't accepted" in state(gateway)["why"]
    wait_until("the alarm", 10, lambda: any(
        a["name"] == "trunk-down" and "certificate isn't accepted"
        in a["message"] for a in gateway.ctl_json("alarms")))
    log = (gateway.folder / "control.log").read_text()
    assert "the certificate of carrier.test" in log and reason in log
    phone = alice(gateway, sounds)
    assert "503" in phone.refused(f"sip:{NUMBER}@{gateway.domain}")
    record = gateway.last_record()
    assert "certificate isn't accepted" in record["reason"]
    assert not carrier.events


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
