# SPDX-License-Identifier: Apache-2.0
"""End-to-end encrypted calls as they are: two sallyport-endpoints, the real
control and the real dataplane, in namespaces of their own."""

import json
import os
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from lab.topology import Gateway  # noqa: E402

B = Path(os.environ.get("B", ROOT / "build")).absolute()
TONES = {"alice": 440, "bob": 1000}
EMARKED = 7  # enum sp_status


@pytest.fixture(scope="module")
def running():
    """A gateway whose users may encrypt, once they turn it on."""
    with Gateway(B) as gateway:
        for user in TONES:
            gateway.add_user(user, "sdes")
        gateway.sallyctl("policy", "new", "May", "--calling",
                         "DisabledUserOverride")
        gateway.sallyctl("policy", "grant", "May", "--global")
        yield gateway
        log = gateway.folder / "audit.log"
        gateway.sallyctl("audit", "verify", log)


@pytest.fixture
def gateway(running):
    for user in TONES:
        running.sallyctl("user", "e2ee", "off", user)
        running.sallyctl("user", "compliance", "off", user)
    running.since = running.ctl_json("audit", "list", "--max", "1")[0]["seq"]
    made = len(running.phones)
    yield running
    for endpoint in running.phones[made:]:
        endpoint.stop()
        endpoint.wav.unlink(missing_ok=True)
    del running.phones[made:]


def records(gateway, event):
    return [r for r in gateway.ctl_json("audit", "list")
            if r["seq"] > gateway.since and r["event"] == event]


def switch_on(gateway, *users):
    for user in users:
        gateway.sallyctl("user", "e2ee", "on", user)


def pair(gateway, **options):
    return [gateway.endpoint(
        user, side, "--srtp", "yes", "--audio-in", f"tone:{TONES[user]}",
        "--auto-answer", "yes", *options.get(user, ()))
        for user, side in (("alice", "branch"), ("bob", "hq"))]


def hears(endpoint, hertz):
    """The middle of what it heard is that tone, and little else."""
    with wave.open(str(endpoint.wav)) as w:
        data = numpy.frombuffer(w.readframes(w.getnframes()), numpy.int16)
    middle = data[len(data) // 3:2 * len(data) // 3].astype(float)
    assert len(middle) > 16000, len(data)
    power = numpy.abs(numpy.fft.rfft(middle * numpy.hanning(len(middle)))) ** 2
    top = int(numpy.argmax(power))
    assert abs(top * 48000 / len(middle) - hertz) < 5
    assert power[max(0, top - 4):top + 5].sum() > 0.8 * power.sum()


def end(alice, bob):
    alice.say("hangup")
    alice.wait("closed")
    bob.wait("closed")
    for endpoint in (alice, bob):
        endpoint.stop()
    hears(alice, TONES["bob"])
    hears(bob, TONES["alice"])


def test_both_on(gateway):
    """Locked on both sides, the same code, heard, marked, on record."""
    switch_on(gateway, "alice", "bob")
    alice, bob = pair(gateway)
    alice.call("bob")
    assert alice.locked() == bob.locked()
    time.sleep(2)
    flows = gateway.flows()
    assert len(flows) == 2 and all(t["e2ee"] for t in flows)
    assert all(s["packets_in"] > 50 and s["dropped"] == 0
               for t in flows for s in t["streams"])
    (call,) = gateway.ctl_json("calls")
    assert call["e2ee"] is True
    assert {leg["suite_rx"] for leg in call["media"][0]["legs"]} != {"plain"}
    end(alice, bob)
    (started,) = records(gateway, "call-started")
    assert started["call"] == call["id"] and started["to"]["policy"] == "Global"
    (ended,) = records(gateway, "call-ended")
    assert ended["call"] == call["id"] and ended["refused"] == 0


@pytest.mark.parametrize("users", [(), ("alice",), ("bob",)])
def test_not_both_on(gateway, users):
    """Plain shield, and the call is a good ordinary one."""
    switch_on(gateway, *users)
    alice, bob = pair(gateway)
    alice.call("bob")
    for endpoint in (alice, bob):
        endpoint.wait("shield", state="plain")
    time.sleep(2)
    assert not any(t["e2ee"] for t in gateway.flows())
    assert gateway.ctl_json("calls")[0]["e2ee"] is False
    end(alice, bob)
    assert not records(gateway, "call-started")


def test_compliance_recording(gateway):
    switch_on(gateway, "alice", "bob")
    gateway.sallyctl("user", "compliance", "on", "bob")
    alice, bob = pair(gateway)
    alice.call("bob")
    alice.wait("shield", state="plain")
    time.sleep(2)
    end(alice, bob)


def test_required_and_not_allowed(gateway):
    """403 before anything rings."""
    switch_on(gateway, "alice")
    alice, bob = pair(gateway, alice=("--e2ee", "required"))
    alice.call("bob")
    alice.wait("closed")
    bob.never("incoming")
    record = gateway.last_record()
    assert record["status"] == 403
    assert "called user hasn't turned" in record["reason"]


def test_an_alias(gateway):
    """Dialled by the gateway's address: told the AOR, and locked with that."""
    switch_on(gateway, "alice", "bob")
    alice, bob = pair(gateway)
    alice.call("sip:bob@10.1.0.1")
    assert alice.wait("redirected")["peer"] == bob.aor
    assert alice.locked() == bob.locked()
    time.sleep(2)
    end(alice, bob)


def test_hold_and_the_gate(gateway):
    """Hold works; what the gate refuses leaves the call as it was."""
    switch_on(gateway, "alice", "bob")
    alice, bob = pair(gateway)
    alice.call("bob")
    assert alice.locked() == bob.locked()
    ident = str(gateway.ctl_json("calls")[0]["id"])
    for name in ("recording", "live-captions", "pstn", "park", "merge"):
        done = gateway.sallyctl("calls", "feature", ident, name, check=False)
        assert done.returncode == 1
        assert "An end-to-end encrypted call can't" in done.stderr
    time.sleep(1)
    alice.say("hold")
    time.sleep(0.5)
    alice.say("resume")
    time.sleep(2)
    assert all(t["e2ee"] for t in gateway.flows())
    before = bob.stats()["received"]
    time.sleep(0.5)
    assert bob.stats()["received"] > before
    for endpoint in (alice, bob):
        endpoint.never("closed")
    assert {r["feature"] for r in records(gateway, "feature-refused")} == {
        "recording", "live-captions", "pstn", "park", "merge"}


def test_the_dataplane_refuses_too(gateway):
    """Asked directly over its socket, past control: the mark stays, and no
    stream leads out of the call or into it."""
    switch_on(gateway, "alice", "bob")
    alice, bob = pair(gateway)
    alice.call("bob")
    assert alice.locked() == bob.locked()
    time.sleep(1)
    done = subprocess.run([B / "tests" / "abi-ask", gateway.socket], text=True,
                          capture_output=True, timeout=20)
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    tried = {}
    for s in said[:-2]:
        tried.setdefault(s["tried"], []).append(s)
    assert len(tried.pop("take the mark off")) == 2
    for harmless in ("an unmarked transport beside", "remove it again"):
        assert tried.pop(harmless)[0]["status"] == 0
    for what, answers in tried.items():
        assert len(answers) == 2
        assert [a["status"] for a in answers] == [EMARKED] * 2, (what, answers)
    assert len(tried) == 5
    assert [s["status"] for s in said
            if s.get("tried") == "take the mark off"] == [EMARKED] * 2
    assert said[-2]["unknown_types"] > 100 and not said[-2]["answered_ok"]
    assert said[-1] == {"transports": 2, "marked": 2, "streams": 2}
    # control comes back, and the call was none the worse
    time.sleep(1.5)
    assert all(t["e2ee"] for t in gateway.flows())
    before = bob.stats()["received"]
    time.sleep(0.5)
    assert bob.stats()["received"] > before
    end(alice, bob)


def test_control_restarts_in_the_call(gateway):
    """Killed and started again: marked, locked and heard throughout."""
    switch_on(gateway, "alice", "bob")
    alice, bob = pair(gateway)
    alice.call("bob")
    assert alice.locked() == bob.locked()
    time.sleep(1)
    gateway.kill(gateway.control)
    gateway.start_control()
    assert all(t["e2ee"] for t in gateway.flows())
    assert gateway.ctl_json("calls")[0]["e2ee"] is True
    time.sleep(1)
    end(alice, bob)
    assert len(records(gateway, "call-started")) == 1
    assert len(records(gateway, "call-ended")) == 1
