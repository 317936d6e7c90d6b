# SPDX-License-Identifier: Apache-2.0
"""Transfer, hold, park and conferences of real phones (baresip), through the
real dataplane and the real sallyport-media. Each phone plays a tone of its own
and the gateway's music is another: what each phone is sent, on the wire, says
whom it hears and whom it doesn't."""

import os
import re
import time
from pathlib import Path

import numpy as np
import pytest

from lab import audio, wire
from lab.process import wait_until
from lab.topology import Gateway
from sip_client import SipClient, sdp

ROOT = Path(__file__).resolve().parents[2]
TONES = {"alice": 400, "bob": 700, "carol": 1100, "dave": 1500}
MUSIC = 2100
USERS = list(TONES)


def tone(path, hertz, seconds=60):
    t = np.arange(seconds * audio.RATE) / audio.RATE
    audio.write_wav(path, (6000 * np.sin(2 * np.pi * hertz * t)).astype(
        np.int16))


@pytest.fixture
def gateway(request, tmp_path):
    music = tmp_path / "music"
    music.mkdir()
    tone(music / "hold.wav", MUSIC, 5)
    settings = {"media": {"music": str(music)},
                "control": {"calls": {
                    "orbits": "700-709", "conferences": "800-801",
                    "music": "hold.wav", "park_timeout": 60}}}
    with Gateway(os.environ.get("B", ROOT / "build"), media=True,
                 settings=settings) as g:
        g.captured = {side: g.capture(side) for side in g.sides}
        yield g
        g.keep_logs = getattr(request.node, "test_failed", False)


def phones(gateway, *users, codecs="PCMU"):
    """alice and carol at the branch, bob and dave at headquarters."""
    made = []
    for user in users:
        i = USERS.index(user)
        wav = gateway.folder / f"{user}.wav"
        tone(wav, TONES[user])
        gateway.add_user(user, "plain")
        phone = gateway.phone(user, ("branch", "hq")[i % 2], wav, index=i,
                              sip_port=5060 + i, codecs=codecs)
        phone.side, phone.ports = ("branch", "hq")[i % 2], (
            10000 + 2000 * i, 11999 + 2000 * i)
        made.append(phone)
    return made


def sent_to(gateway, phone, since, until):
    """The sound that left for a phone within that time of the captures."""
    side = gateway.sides[phone.side]
    payload = b""
    for d in wire.datagrams(gateway.captured[phone.side].path):
        if d.source[0] != side.gateway or not since <= d.time < until or \
                not phone.ports[0] <= d.destination[1] <= phone.ports[1]:
            continue
        p = wire.rtp_packet(d)
        if p and p.payload_type == 0:
            payload += p.payload
    return audio.decode_g711(payload).astype(float)


def heard(gateway, phone, since, until):
    """The names of the tones that it was sent."""
    sound = sent_to(gateway, phone, since, until)
    if len(sound) < audio.RATE // 2:
        return set()
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    at = np.fft.rfftfreq(len(sound), 1 / audio.RATE)
    found, total = set(), power.sum() or 1
    for name, hertz in {**TONES, "music": MUSIC}.items():
        if power[np.abs(at - hertz) < 15].sum() / total > 0.02:
            found.add(name)
    return found


def listen(gateway, expected, seconds=2.0):
    """For so long, each of the phones is sent the sound of those."""
    time.sleep(0.7)  # what was under way
    since = time.time()
    time.sleep(seconds)
    until = time.time()
    time.sleep(0.2)
    got = {phone.user: heard(gateway, phone, since, until)
           for phone in expected}
    assert got == {p.user: set(names.split())
                   for p, names in expected.items()}


def calls(gateway, n):
    wait_until(f"{n} calls", 8,
               lambda: len(gateway.ctl_json("calls")) == n)
    return gateway.ctl_json("calls")


def parties(gateway):
    return sorted((c["from"].split("@")[0][4:], c["to"].split("@")[0][4:])
                  for c in gateway.ctl_json("calls"))


def test_blind_transfer(gateway):
    alice, bob, carol = phones(gateway, "alice", "bob", "carol")
    alice.call(bob)
    listen(gateway, {alice: "bob", bob: "alice", carol: ""}, 1)
    bob.command("transfer", carol.aor)
    bob.wait_end()
    wait_until("the new call", 5,
               lambda: parties(gateway) == [("alice", "carol")])
    listen(gateway, {alice: "carol", carol: "alice", bob: ""})
    carol.hang_up()
    alice.wait_end()
    assert gateway.flows() == []


def test_transfer_that_fails(gateway):
    """By the API, since baresip hangs up by itself where it fails: the call is
    as it was."""
    alice, bob = phones(gateway, "alice", "bob")
    alice.call(bob)
    ident = str(calls(gateway, 1)[0]["id"])
    gateway.sallyctl("calls", "transfer", ident, f"sip:nobody@{gateway.domain}")
    wait_until("its end", 5, lambda: gateway.last_record()["status"] == 404)
    listen(gateway, {alice: "bob", bob: "alice"})
    alice.hang_up()
    bob.wait_end()
    assert gateway.flows() == []


def refer(client, response, uri, to):
    """REFER in a call of the client's. @return the final response."""
    to_tag = re.search(r";tag=[^;>\s]+", response.header("to"))[0]
    target = re.search(r"<([^>]+)>", response.header("contact"))[1]
    client.cseq += 1
    text = client._message("REFER", target, "", response.call,
                           [f"Refer-To: <{to}>"], to_tag)
    return client._transact(re.sub(r"^To: <[^>]*>", f"To: <{uri}>", text,
                                   flags=re.M), 5)


def test_consultative_transfer(gateway):
    """A switchboard calls both and puts them through: REFER with Replaces, which
    no command of this baresip sends."""
    alice, carol = phones(gateway, "alice", "carol")
    gateway.add_user("dave", "plain")
    hq = gateway.sides["hq"]
    with SipClient(hq.namespace, hq.host, hq.gateway, "dave", gateway.domain,
                   "dave-secret") as dave:
        first, second = (dave.request(
            "INVITE", p.aor, sdp(hq.host, 30000 + 2 * i), call=f"call{i}")
            for i, p in enumerate((alice, carol)))
        assert (first.status, second.status) == (200, 200)
        calls(gateway, 2)
        tag = re.search(r";tag=([^;>\s]+)", second.header("to"))[1]
        answer = refer(dave, first, alice.aor,
                       f"{carol.aor}?Replaces=call1%40{hq.host}%3Bto-tag%3D"
                       f"{tag}%3Bfrom-tag%3Dcall1")
        assert answer.status == 202
        wait_until("the new call", 8, lambda: dave.receive(0.2) and False or
                   parties(gateway) == [("alice", "carol")])
        wait_until("both to be hung up", 5, lambda: dave.receive(0.2) and
                   False or len([h for h in dave.heard
                                 if h.startswith("BYE")]) >= 2)
        fragments = [h.split("\r\n\r\n")[1].split("\r\n")[0]
                     for h in dave.heard if h.startswith("NOTIFY")]
        assert fragments[0] == "SIP/2.0 100 Trying"
        assert fragments[-1] == "SIP/2.0 200 OK"
    listen(gateway, {alice: "carol", carol: "alice"})
    carol.hang_up()
    alice.wait_end()
    assert gateway.flows() == []


def test_hold_with_music(gateway):
    """Also to a side with other codecs than the holder's."""
    alice, bob = phones(gateway, "alice", "bob")
    alice.call(bob)
    listen(gateway, {alice: "bob", bob: "alice"}, 1)
    bob.command("hold")
    wait_until("the hold", 3, lambda: "take" in [
        s["divert"] for f in gateway.flows() for s in f["streams"]])
    listen(gateway, {alice: "music", bob: ""})
    gateway.kill(gateway.control)  # one that comes back goes on with it
    gateway.start_control()
    listen(gateway, {alice: "music", bob: ""})
    bob.command("resume")
    wait_until("the end of it", 3, lambda: "take" not in [
        s["divert"] for f in gateway.flows() for s in f["streams"]])
    listen(gateway, {alice: "bob", bob: "alice"}, 1)
    alice.hang_up()
    bob.wait_end()
    assert gateway.flows() == []


def test_park_and_retrieve(gateway):
    alice, bob, carol = phones(gateway, "alice", "bob", "carol")
    alice.call(bob)
    bob.command("transfer", f"sip:705@{gateway.domain}")
    bob.wait_end()
    assert calls(gateway, 1)[0]["to"] == f"sip:705@{gateway.domain}"
    listen(gateway, {alice: "music", bob: "", carol: ""})
    # control may go and come meanwhile, and sallyport-media
    gateway.kill(gateway.control)
    gateway.kill(gateway.media)
    gateway.media_socket.unlink(missing_ok=True)
    gateway.start_media()
    gateway.start_control()
    listen(gateway, {alice: "music"}, 1)
    carol.dial(f"sip:705@{gateway.domain}")
    carol.wait_for("CALL_ESTABLISHED")
    listen(gateway, {alice: "carol", carol: "alice", bob: ""})
    alice.hang_up()
    carol.wait_end()
    assert gateway.flows() == []


def test_conference_by_number(gateway):
    """Who is alone hears music; three hear each the two others and not
    themselves; who leaves is heard no more."""
    alice, bob, carol = phones(gateway, "alice", "bob", "carol")
    number = f"sip:800@{gateway.domain}"
    alice.dial(number)
    alice.wait_for("CALL_ESTABLISHED")
    listen(gateway, {alice: "music"}, 1)
    for phone in (bob, carol):
        phone.dial(number)
        phone.wait_for("CALL_ESTABLISHED")
    listen(gateway, {alice: "bob carol", bob: "alice carol",
                     carol: "alice bob"})
    conference, = gateway.ctl_json("conferences")
    assert sorted(p["aor"] for p in conference["parties"]) == [
        alice.aor, bob.aor, carol.aor]
    bob.hang_up()
    calls(gateway, 2)
    listen(gateway, {alice: "carol", carol: "alice", bob: ""}, 1)
    carol.hang_up()
    alice.hang_up()
    calls(gateway, 0)
    assert gateway.flows() == [] and gateway.ctl_json("conferences") == []


def test_merge_and_add(gateway):
    """Two calls of alice's become one conference, and a fourth is rung."""
    alice, bob, carol, dave = phones(gateway, "alice", "bob", "carol", "dave")
    alice.call(bob)
    alice.command("hold")
    alice.call(carol)
    first, second = sorted(calls(gateway, 2), key=lambda c: c["id"])
    gateway.sallyctl("calls", "merge", str(first["id"]), str(second["id"]))
    wait_until("the conference", 8, lambda: [
        len(c["parties"]) for c in gateway.ctl_json("conferences")] == [3])
    alice.command("resume")
    listen(gateway, {alice: "bob carol", bob: "alice carol",
                     carol: "alice bob", dave: ""})
    ident = gateway.ctl_json("calls")[0]["id"]
    gateway.sallyctl("calls", "add", str(ident), dave.aor)
    dave.wait_for("CALL_ESTABLISHED")
    listen(gateway, {alice: "bob carol dave", bob: "alice carol dave",
                     carol: "alice bob dave", dave: "alice bob carol"})
    for phone in (dave, carol, bob):
        phone.hang_up()
    alice.wait_end()  # nobody is left to speak with
    calls(gateway, 0)
    assert gateway.flows() == []


def test_join(gateway):
    """INVITE with Join (RFC 3911) of a call of two: a conference of three, and
    the focus says that it is one (RFC 4579)."""
    alice, bob = phones(gateway, "alice", "bob")
    gateway.add_user("dave", "plain")
    alice.call(bob)
    calls(gateway, 1)
    time.sleep(0.3)
    answer = next(wire.Sip(d) for d in
                  wire.datagrams(gateway.captured["hq"].path)
                  if d.payload.startswith(b"SIP/2.0 200") and
                  b" INVITE\r\n" in d.payload)
    tags = {who: re.search(r";tag=([^;>\s]+)", answer.headers[who][0])[1]
            for who in ("from", "to")}
    hq = gateway.sides["hq"]
    with SipClient(hq.namespace, hq.host, hq.gateway, "dave", gateway.domain,
                   "dave-secret") as dave:
        answer = dave.request(
            "INVITE", bob.aor, sdp(hq.host, 30000),
            extra=[f"Join: {answer.headers['call-id'][0]}"
                   f";to-tag={tags['from']};from-tag={tags['to']}"])
        assert answer.status == 200
        assert answer.header("contact").endswith(";isfocus")
        wait_until("the conference", 8, lambda: dave.receive(0.2) and False or
                   [len(c["parties"]) for c in
                    gateway.ctl_json("conferences")] == [3])
        listen(gateway, {alice: "bob", bob: "alice"})
        dave.bye(bob.aor, answer)
    listen(gateway, {alice: "bob", bob: "alice"}, 1)
    alice.hang_up()
    bob.wait_end()
    assert gateway.flows() == []
