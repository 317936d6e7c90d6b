# SPDX-License-Identifier: Apache-2.0
"""`sallyport-endpoint proxy` on both ends, and baresip behind each: ordinary
phones on 127.x.y.z talk, and what passes between the proxies is SFrame."""

import time

import pytest

from judge import hears, payload
from lab.relay import Relay
from lab.sframe import evenness, header as sframe
from phone import Phone


def behind_proxies(lab, codecs, options=""):
    """Two phones, each with a proxy; alice's phone dials."""
    relay = lab.relay()
    phones, proxies = [], []
    for number, (user, tone) in enumerate((("alice", 500), ("bob", 900)), 1):
        inside = lab.address(100 + number)
        extra = f';outbound="sip:{inside}:5070"' if user == "alice" else \
            ";answermode=auto"
        phones.append(lab.keep(Phone(lab.folder, user, lab.address(
            50 + number), tone, codecs, options + extra)))
        proxies.append(lab.endpoint(
            user, number, "--phone-listen", f"{inside}:5070", "--phone",
            phones[-1].uri, proxy=True))
    return relay, phones, proxies


@pytest.mark.parametrize("codecs, rate, size", [
    ("opus/48000/2", 48000, 80), ("pcmu/8000/1", 8000, 160)])
def test_two_phones_talk_through_their_proxies(lab, codecs, rate, size):
    relay, phones, (one, two) = behind_proxies(lab, codecs)
    phones[0].say("dial", "sip:bob@branch.example")
    code = one.locked()
    assert two.locked() == code
    time.sleep(2.5)
    seen = two.stats()
    assert seen["received"] > 50 and seen["refused"] == 0, seen
    phones[0].say("hangup")
    for proxy in (one, two):
        proxy.wait("closed")
    for phone in phones:
        phone.close()
        lab.things.remove(phone)
    hears(phones[0].heard, 900, rate)
    hears(phones[1].heard, 500, rate)
    sealed = [sframe(payload(p)[0]) for _, p in relay.rtp]
    assert {kid for kid, _, _ in sealed} == {0, 1}, "they have cameras, too"
    assert {len(rest) for kid, _, rest in sealed if not kid} == \
        {5 + size + 16}
    assert evenness(b"".join(rest for _, _, rest in sealed)) < 1.5


def test_a_phone_whose_packets_tell_of_speech(lab):
    """Opus at a variable rate, with pauses: padded to one size, and silence
    filled in. A relay between phone and proxy makes any phone one of those."""
    relay = lab.relay()
    inside = lab.address(101)
    between = lab.keep(Relay(lab.address(60), {"bob": (inside, 5070)}))
    phone = lab.endpoint("phone", 51, "--e2ee", "off", "--codecs", "opus",
                         outbound=f"{lab.address(60)}:5060")
    proxy = lab.endpoint("alice", 1, "--phone-listen", f"{inside}:5070",
                         proxy=True)
    bob = lab.endpoint("bob", 2, "--auto-answer", "yes")
    count = 0

    def vary(to, packet):
        nonlocal count
        if to[0] != inside:
            return [packet]
        count += 1
        if 50 <= count < 100:
            return []
        return [packet[:12 + 80 - (count - 1) * 7 % 50]]

    between.on_rtp = vary
    phone.call("bob")
    assert proxy.locked() == bob.locked()
    time.sleep(3)
    before = bob.stats()["received"]
    phone.say("hangup")
    bob.wait("closed")
    assert count > 110 and before > count - 20, "pauses were filled"
    sealed = [sframe(payload(p)[0])[2] for to, p in relay.rtp
              if to[0] == bob.address]
    assert {len(rest) for rest in sealed} == {5 + 80 + 16}


def test_video_of_phones(lab):
    relay, phones, (one, two) = behind_proxies(
        lab, "pcmu/8000/1")
    phones[0].say("dial", "sip:bob@branch.example")
    assert one.locked() == two.locked()
    time.sleep(2.5)
    for proxy in (one, two):
        seen = proxy.stats("video")
        assert seen["received"] > 10 and seen["refused"] == 0, seen
    phones[1].say("hangup")
    one.wait("closed")
    kids = {sframe(payload(p)[0])[0] for _, p in relay.rtp}
    assert kids == {0, 1}


def test_a_phone_that_nobody_answers_for(lab):
    """The other side requires end-to-end encryption, and gets it; a caller who
    hangs up early leaves nothing behind."""
    _, phones, (one, two) = behind_proxies(lab, "pcmu/8000/1")
    phones[0].say("dial", "sip:nobody@branch.example")
    relay = next(t for t in lab.things if hasattr(t, "users"))
    relay.users["nobody"] = (lab.address(77), 5060)
    one.wait("calling")
    phones[0].say("hangup")
    one.wait("closed")
    two.never("incoming")
