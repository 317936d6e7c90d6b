# SPDX-License-Identifier: Apache-2.0
"""Ordinary phones, each behind `sallyport-endpoint proxy` on its own machine,
and the real gateway between the two proxies. The proxy's own cases, with a
relay in the gateway's place, are in tests/endpoint/test_proxy.py."""

import time

from lab import audio, sframe, wire
from lab.phone import Phone

LOOPBACK = "127.0.0.1"  # of each namespace its own
PROXY, PHONE = f"{LOOPBACK}:5070", 5080


def behind_proxy(gateway, sounds, user, side, *options, register):
    """A phone that knows of nothing but the proxy on its loopback, and that
    proxy, registered with the gateway. @return both."""
    gateway.add_user(user, "sdes" if "--srtp" in options else "plain")
    gateway.sallyctl("user", "e2ee", "on", user)
    proxy = gateway.endpoint(
        user, side, "--phone-listen", PROXY, "--phone",
        f"sip:{user}@{LOOPBACK}:{PHONE}", *options, proxy=True)
    phone = Phone(user, gateway.sides[side].namespace, LOOPBACK,
                  gateway.folder, sounds / f"{user}.wav", domain=LOOPBACK,
                  proxy=f"sip:{PROXY}", register=register, sip_port=PHONE)
    gateway.phones.append(phone)
    return phone.start(), proxy


def talk(gateway, caller, called, seconds):
    """One phone dials the other's user; then it hangs up. Each of the two is a
    phone and its proxy. @return the security code."""
    ends = (caller, called)
    starts = [len(phone.events) for phone, _ in ends]
    shields = [len(proxy.told("shield")) for _, proxy in ends]
    caller[0].dial(called[1].aor)
    code = caller[1].locked()
    assert called[1].locked() == code and len(code.replace(" ", "")) == 20
    for (phone, _), start in zip(ends, starts):
        phone.wait_for("CALL_ESTABLISHED", since=start)
    time.sleep(seconds)

    flows = gateway.flows()
    assert len(flows) == 2 and all(f["e2ee"] for f in flows), flows
    assert gateway.ctl_json("calls")[0]["e2ee"]
    for (_, proxy), before in zip(ends, shields):
        seen = proxy.stats()
        assert seen["received"] > 40 * seconds and seen["refused"] == 0, seen
        states = [e["state"] for e in proxy.told("shield")[before:]]
        assert states == ["locked"]

    caller[0].hang_up()
    for (phone, proxy), start in zip(ends, starts):
        proxy.wait("closed")
        phone.wait_for("CALL_CLOSED", since=start)
    assert gateway.last_record()["e2ee"] and gateway.flows() == []
    return code


def test_two_phones_behind_proxies(gateway, sounds):
    """Plain RTP on alice's hop to the gateway, SRTP on bob's; his phone
    registers with its proxy, hers just sends there. Each calls once, in G.711,
    which nobody on the way encodes anew."""
    gateway.sallyctl("policy", "set", "Global", "--calling",
                     "DisabledUserOverride")
    alice = behind_proxy(gateway, sounds, "alice", "branch", register=False)
    bob = behind_proxy(gateway, sounds, "bob", "hq", "--srtp", "yes",
                       register=True)
    capture = gateway.capture("branch")
    codes = talk(gateway, alice, bob, 3), talk(gateway, bob, alice, 2)
    assert codes[0] != codes[1], "each call has keys of its own"
    captured = capture.stop()
    for phone, proxy in (alice, bob):
        phone.stop()
        proxy.close()
    for (speaker, _), (listener, _) in ((alice, bob), (bob, alice)):
        heard = listener.heard()
        same = audio.compare(speaker.played, heard)
        # Where the two calls' recordings meet, two windows have of both.
        assert same.seconds > 3 and (same.score < 0.98).sum() <= 2, same
        assert audio.compare(listener.played, heard).similarity < 0.5
    side = gateway.sides["branch"]
    for host in (side.host, side.gateway):
        calls = wire.rtp_streams(captured, host)
        assert len(calls) == 2, "sound alone"
        assert all(sframe.read(c).is_sframe(sframe.AUDIO) for c in calls)
