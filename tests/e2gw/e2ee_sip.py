# SPDX-License-Identifier: Apache-2.0
"""End-to-end encrypted calls as SIP sees them: the real control, phones that say
exactly what a test wants, and a dataplane that only says yes. The messages of
the handshake are made up here, which shows that the gateway doesn't read
them."""

import base64
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "sip"))
from course import phone_maker  # noqa: E402
from gateway import BUILD, Gateway, isolate  # noqa: E402
from phone import Dialog, sdp  # noqa: E402

isolate()
M3, M4, M5 = (chr(n) + "x" * 60 for n in (3, 4, 5))
HANDSHAKE = "application/sallyport-e2ee"


def message(kind, flags=0, more=b"whatever"):
    body = {1: b"\1\1\0\2\0\1" + bytes([flags]), 2: b"\2\1\0\1"}[kind] + more
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


M1, M2 = message(1), message(2)


def e2ee(body, *values):
    """An SDP with a=e2ee lines in its session."""
    return body.replace("t=0 0\r\n", "t=0 0\r\n" + "".join(
        f"a=e2ee:{v}\r\n" for v in values))


A_SDP, B_SDP = sdp("10.9.0.1", 40000), sdp("10.9.0.2", 41000)


class Lab(Gateway):
    def ctl(self, *words):
        return subprocess.run(
            [os.path.join(BUILD, "bin", "sallyctl"), "--socket",
             self.api_socket, *words], text=True, capture_output=True,
            timeout=30)

    def allow(self, *users, on=True):
        for user in users:
            done = self.ctl("user", "e2ee", "on" if on else "off", user)
            assert done.returncode == 0, done.stderr

    @property
    def audit_log(self):
        return os.path.join(self.folder, "audit.log")

    def audit(self, event, timeout=3, **want):
        """The newest such record since mark()."""
        end = time.monotonic() + timeout
        while True:
            found = [r for r in self.audit_all()
                     if r["event"] == event and want.items() <= r.items()]
            if found:
                return found[-1]
            assert time.monotonic() < end, (event, want, self.audit_all())
            time.sleep(0.02)

    def audit_all(self):
        with open(self.audit_log) as f:
            records = [json.loads(line)["record"] for line in f]
        return [r for r in records if r["seq"] > self.seen]

    def mark(self):
        super().mark()
        self.seen = 0
        self.seen = max([r["seq"] for r in self.audit_all()], default=0)

    def the_call(self):
        (call,) = self.api("GET", "/api/v1/calls")[1]
        return call

    def marks(self):
        return [t["e2ee"] for t in self.api("GET", "/api/v1/flows")[1]]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    g = Lab(tmp_path_factory.mktemp("gw"), 25080)
    g.start_dataplane()
    g.start()
    for name in ("alice", "bob", "carol"):
        g.add_user(name, security=0)
    assert g.ctl("policy", "set", "Global", "--calling",
                 "DisabledUserOverride").returncode == 0
    yield g
    done = g.ctl("audit", "verify", g.audit_log)
    assert done.returncode == 0, done.stderr
    assert g.stop() == 0, "control must stop cleanly"
    done = g.ctl("audit", "verify", g.audit_log)
    assert done.returncode == 0, done.stderr
    g.close()


@pytest.fixture
def gw(running):
    running.allow("alice", "bob")
    for user in ("alice", "bob"):
        running.ctl("user", "compliance", "off", user)
    running.mark()
    yield running
    for call in running.api("GET", "/api/v1/calls")[1]:
        running.api("DELETE", f"/api/v1/calls/{call['id']}")


@pytest.fixture
def phones(gw):
    with phone_maker(gw) as phone:
        yield phone


def set_up(a, b, body=e2ee(A_SDP, M1), answer=e2ee(B_SDP, M2)):
    d = Dialog(a, b.user)
    d.call(body)
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    e.reply(invite, 180)
    a.expect(180)
    e.reply(invite, 200, answer)
    d.ok = d.answered()
    b.expect("ACK")
    acknowledged(d)
    return d, e


def acknowledged(d):
    """Answered after our ACK, so that one has arrived, too."""
    d.request("OPTIONS")
    d.phone.expect(200, method="OPTIONS")


@pytest.fixture
def call(gw, phones):
    """One between alice and bob, end-to-end encrypted."""
    d, e = set_up(phones("alice"), phones("bob", side="B"))
    assert gw.the_call()["e2ee"] and gw.marks() == [True, True]
    return d, e


def still_up(gw, d, e):
    """Both sides can still change the call, and it is what it was."""
    d.request("INVITE", e2ee(sdp("10.9.0.1", 40000, version=7), M1))
    invite = e.phone.expect("INVITE")
    assert f"a=e2ee:{M1}" in invite.body
    e.reply(invite, 200, e2ee(B_SDP, M2))
    d.answered()
    e.phone.expect("ACK")
    acknowledged(d)
    assert gw.the_call()["e2ee"] and gw.marks() == [True, True]


def reason(m, error=None):
    """The text of a refusal's Reason header, which names its status."""
    found = re.match(r'SIP;cause=(\d+);text="([^"]+)"(?:;error=(\S+))?',
                     m["reason"])
    assert found and int(found[1]) == m.status, m.text
    assert found[3] == error
    return found[2]
