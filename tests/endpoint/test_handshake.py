# SPDX-License-Identifier: Apache-2.0
"""Two endpoints that agree on keys through a relay (lab/relay.py) which may lose,
repeat and change what they say: whom they take each other for, and the course of a
handshake."""

import re
import time

import pytest

from lab.relay import Message
from talk import end, talk


# --- identities, and somebody in the middle ---

def test_verified_and_then_another_identity(lab):
    lab.relay()
    alice, bob = lab.pair()
    talk(alice, bob, 0.2)
    alice.say("codes", "match")
    alice.wait("verified")
    end(alice, bob)
    alice.call("bob")
    assert alice.wait("shield", state="locked")["verified"] is True
    end(alice, bob)
    bob.close()
    lab.things.remove(bob)
    (lab.folder / "bob.identity").unlink()
    bob = lab.endpoint("bob", 2, "--auto-answer", "yes")
    alice.call("bob")
    closed = alice.wait("closed")
    assert closed["reason"] == "identity-changed", closed
    assert "verified" in alice.wait("warning")["text"]
    bob.wait("closed")
    assert len([e for e in alice.seen if e["event"] == "shield"]) == 2
    bob.never("shield", state="locked")


def test_a_man_in_the_middle_changes_the_code(lab):
    """He answers as bob and calls bob as alice, with identities of his own;
    and once the users compared, he can't come in any more."""
    relay = lab.relay()
    alice, bob = lab.pair()
    talk(alice, bob, 0.2)
    for one in (alice, bob):
        one.say("codes", "match")
        one.wait("verified")
    end(alice, bob)
    carol = lab.endpoint("carol", 3)
    dave = lab.endpoint("dave", 4, "--auto-answer", "yes")
    relay.users.update(carol=(carol.address, 5060), dave=(dave.address, 5060))
    middle = lab.folder / "middle"
    middle.mkdir()
    own, lab.folder = lab.folder, middle
    as_dave = lab.endpoint("dave", 5, "--auto-answer", "yes")
    as_carol = lab.endpoint("carol", 6)
    as_bob = lab.endpoint("bob", 7, "--auto-answer", "yes")
    lab.folder = own
    relay.users["dave"] = (as_dave.address, 5060)
    carol.call("dave")
    first, his_first = carol.locked(), as_dave.locked()
    relay.users["dave"] = (dave.address, 5060)
    as_carol.call("dave")
    his_second, second = as_carol.locked(), dave.locked()
    assert first == his_first and second == his_second
    assert first != second, "carol and dave read different codes"
    relay.users["bob"] = (as_bob.address, 5060)
    alice.call("bob")
    assert alice.wait("closed")["reason"] == "identity-changed"
    carol.say("codes", "differ")
    carol.wait("closed")


def test_three_failures_block_a_peer(lab):
    relay = lab.relay()
    alice, bob = lab.pair()

    def break_m4(message, to):
        if message.request and message.method == "INFO" and \
                to == (alice.address, 5060):
            message.body = message.body[:-1] + bytes([message.body[-1] ^ 1])
        return [(message, to)]

    relay.on_sip = break_m4
    for _ in range(3):
        alice.call("bob")
        assert alice.wait("closed")["reason"] == "aead"
        bob.wait("closed")
    alice.wait("warning", name="blocked")
    relay.on_sip = lambda message, to: [(message, to)]
    alice.call("bob")
    alice.wait("error")
    alice.never("shield")


# --- the course of a handshake ---

def test_info_lost_and_repeated(lab):
    relay = lab.relay()
    alice, bob = lab.pair()
    lost, repeated = set(), 0

    def harass(message, to):
        nonlocal repeated
        if message.method != "INFO":
            return [(message, to)]
        if message.request and message.get("CSeq") not in lost:
            lost.add(message.get("CSeq"))  # the first of each is lost
            return []
        if message.request:
            # An identical copy, in a transaction of its own.
            repeated += 1
            again = message.copy()
            again.headers[0][1] += f"again{repeated}"
            return [(message, to), (again, to)]
        return [(message, to)]

    relay.on_sip = harass
    talk(alice, bob)
    assert len(lost) == 3 and repeated >= 3
    assert {m.status for m in relay.answers("INFO")} == {200}
    end(alice, bob)


def test_info_refused_ends_the_call(lab):
    relay = lab.relay()
    alice, bob = lab.pair()

    def refuse(message, to):
        if not message.request and message.method == "INFO":
            message.start = "SIP/2.0 500 No"
        return [(message, to)]

    relay.on_sip = refuse
    alice.call("bob")
    assert alice.wait("closed")["reason"] in ("info-refused", "bye")
    bob.wait("closed")
    alice.never("shield", state="locked")


def test_handshake_that_stalls_ends_after_ten_seconds(lab):
    relay = lab.relay()
    alice, bob = lab.pair()
    relay.on_sip = lambda m, to: [] if m.method == "INFO" else [(m, to)]
    alice.call("bob")
    alice.wait("established")
    start = time.monotonic()
    reasons = {one.wait("closed", 14)["reason"] for one in (alice, bob)}
    assert 8 < time.monotonic() - start < 13
    assert reasons & {"time-m3", "time-m4"}
    assert not relay.rtp, "no media before the lock"


def reinvite(relay, change):
    """Invent a re-INVITE to bob in alice's dialog. @return bob's answer."""
    first = relay.requests("INVITE")[0]
    answer = next(m for m in relay.answers("INVITE") if m.status == 200)
    ask = first.copy()
    bob = re.search(r"<(sip:[^>]+)>", answer.get("Contact")).group(1)
    ask.start = f"INVITE {bob} SIP/2.0"
    ask.set("To", answer.get("To"))
    ask.set("CSeq", "4000000 INVITE")
    while ask.pop("Via"):
        pass
    while ask.pop("Route"):
        pass
    ask.headers.insert(0, ["Via", f"SIP/2.0/UDP {relay.address}:5060"
                           ";branch=z9hG4bKinvented"])
    change(ask)
    host, port = re.search(r"@([\d.]+):(\d+)", bob).groups()
    relay.send(ask, (host, int(port)))
    said = answer_to(relay, "4000000 INVITE")
    ask.start = ask.start.replace("INVITE", "ACK", 1)
    ask.set("CSeq", "4000000 ACK")
    ask.body = b""
    relay.send(ask, (host, int(port)))
    return said


def answer_to(relay, cseq):
    for _ in range(100):
        for message in relay.answers(cseq.split()[1]):
            if message.get("CSeq") == cseq and message.status >= 200:
                return message
        time.sleep(0.05)
    raise AssertionError(f"no answer to {cseq}")


def other_m1(message):
    old = message.e2ee
    new = old[:40] + ("A" if old[40] != "A" else "B") + old[41:]
    message.body = message.body.replace(old.encode(), new.encode())


def no_m1(message):
    message.body = re.sub(rb"a=e2ee:\S+\r\n", b"", message.body)


def no_sdp(message):
    message.body = b""
    message.pop("Content-Type")


@pytest.mark.parametrize("change", [other_m1, no_m1, no_sdp])
def test_a_reinvite_cannot_change_the_handshake(lab, change):
    relay = lab.relay()
    alice, bob = lab.pair()
    talk(alice, bob, 0.3)
    assert reinvite(relay, change).status == 488
    before = bob.stats()["received"]
    time.sleep(0.5)
    assert bob.stats()["received"] > before + 15, "the call stays as it was"
    end(bob, alice)  # whose CSeq the invented request didn't spoil


@pytest.mark.parametrize("method", ["REFER", "INFO", "INVITE"])
def test_what_such_a_call_refuses(lab, method):
    """REFER, INFO with Record, and INVITE with Replaces."""
    relay = lab.relay()
    alice, bob = lab.pair()
    talk(alice, bob, 0.2)
    first = relay.requests("INVITE")[0]
    answer = next(m for m in relay.answers("INVITE") if m.status == 200)
    ask = Message(first.data())
    ask.start = f"{method} sip:bob@{bob.address}:5060 SIP/2.0"
    while ask.pop("Via"):
        pass
    ask.headers.insert(0, ["Via", f"SIP/2.0/UDP {relay.address}:5060;"
                           "branch=z9hG4bKrefused"])
    ask.set("CSeq", f"4000001 {method}")
    ask.body = b""
    if method == "INVITE":
        tags = [answer.get(n).partition("tag=")[2] for n in ("To", "From")]
        ask.set("Call-ID", "somebody-else")
        ask.set("Replaces", f"{first.get('Call-ID')};to-tag={tags[0]};"
                f"from-tag={tags[1]}")
    else:
        ask.set("To", answer.get("To"))
        ask.set("Refer-To", "sip:mallory@branch.example")
        ask.set("Record", "on")
    relay.send(ask, (bob.address, 5060))
    bob.wait("refused")
    said = answer_to(relay, f"4000001 {method}")
    assert said.status == 403 and said.get("Reason")
    end(bob, alice)


def test_forked_answers(lab):
    """Two devices answer: the first has the call, the other gets a BYE."""
    relay = lab.relay(users={"bob": [(lab.address(2), 5060),
                                     (lab.address(3), 5060)]})
    alice, bob = lab.pair()
    late = lab.endpoint("bob", 3, "--auto-answer", "yes")
    alice.call("bob")
    code = alice.locked()
    for _ in range(100):
        gone = [one for one in (bob, late)
                if any(e["event"] == "closed" for e in one.seen)]
        if gone:
            break
        time.sleep(0.05)
    assert len(gone) == 1, "one of them has the call"
    loser = gone[0]
    winner = late if loser is bob else bob
    assert winner.locked() == code
    loser.never("shield", state="locked")
    answers = {m.get("To").partition("tag=")[2]
               for m in relay.answers("INVITE") if m.status == 200}
    assert len(answers) == 2
    assert len(relay.requests("BYE")) == 1 and len(relay.requests("ACK")) >= 2
    end(alice, winner)


def test_redirected_to_the_aor_behind_an_alias(lab):
    relay = lab.relay()
    alice, bob = lab.pair()

    def alias(message, to):
        if message.request and "reception@" in message.start:
            if message.method == "INVITE":
                say = message.copy()
                say.start = "SIP/2.0 302 Moved Temporarily"
                say.pop("Via")
                say.body = b""
                say.set("Contact", f"<{bob.aor}>")
                say.set("To", say.get("To") + ";tag=alias")
                return [(say, (alice.address, 5060))]
            return []
        return [(message, to)]

    relay.users["reception"] = relay.users["bob"]
    relay.on_sip = alias
    alice.call("reception")
    assert alice.wait("redirected")["peer"] == bob.aor
    assert alice.locked() == bob.locked()
    end(alice, bob)
