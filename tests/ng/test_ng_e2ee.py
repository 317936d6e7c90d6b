# SPDX-License-Identifier: Apache-2.0
"""End-to-end encrypted calls through the ng door: not without a word on who the
parties are; and where they are, refused is what is refused through SIP, by the
same names."""

import base64
import json
import os
import subprocess
import time

import pytest

from conftest import PORT, make
from gateway import BUILD
from ngclient import Client
from sdp import Seen, sdp

WHO = "from:sip:alice@sip.test|to:sip:bob@sip.test"
AT = PORT + 20


def message(kind, flags=0, more=b"whatever"):
    body = {1: b"\1\1\0\2\0\1" + bytes([flags]), 2: b"\2\1\0\1"}[kind] + more
    return "a=e2ee:" + base64.urlsafe_b64encode(body).decode().rstrip("=")


def locked(body, line):
    return body.replace("t=0 0\r\n", f"t=0 0\r\n{line}\r\n")


M1, M2 = message(1), message(2)
A_SDP, B_SDP = sdp("192.0.2.10"), sdp("192.0.2.20")


@pytest.fixture(scope="module")
def gw(tmp_path_factory):
    g = make(tmp_path_factory.mktemp("gw"), "    end_to_end: true\n", port=AT)
    for name in ("alice", "bob"):
        g.add_user(name, security=0)
    ctl(g, "policy", "set", "Global", "--calling", "DisabledUserOverride")
    for name in ("alice", "bob"):
        ctl(g, "user", "e2ee", "on", name)
    yield g
    assert g.stop() == 0, "control must stop cleanly"
    g.close()


def ctl(g, *words):
    done = subprocess.run([os.path.join(BUILD, "bin", "sallyctl"), "--socket",
                           g.api_socket, *words], text=True,
                          capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr


def audited(g, event, **want):
    end = time.monotonic() + 3
    while True:
        with open(os.path.join(g.folder, "audit.log")) as f:
            records = [json.loads(line)["record"] for line in f]
        found = [r for r in records
                 if r["event"] == event and want.items() <= r.items()]
        if found:
            return found[-1]
        assert time.monotonic() < end, records
        time.sleep(0.02)


def set_up(ng, call, metadata=WHO, offered=None, answered=None):
    keys = {"metadata": metadata} if metadata else {}
    o = ng.ask("offer", call_id=call, from_tag="a",
               sdp=offered or locked(A_SDP, M1), **keys)
    if o["result"] != "ok":
        return o, None
    a = ng.ask("answer", call_id=call, from_tag="a", to_tag="b",
               sdp=answered or locked(B_SDP, M2))
    return o, a


def the_call(g):
    call, = g.api("GET", "/api/v1/calls")[1]
    return call


def marks(g):
    return [t["e2ee"] for t in g.api("GET", "/api/v1/flows")[1]]


def test_encrypted_and_refusing(gw, ng, call):
    o, a = set_up(ng, call)
    assert M1 in o["sdp"] and M2 in a["sdp"]
    shown = the_call(gw)
    assert shown["e2ee"] and shown["from"] == "sip:alice@sip.test"
    assert marks(gw) == [True, True]
    audited(gw, "call-started", call=shown["id"], protection="end-to-end")
    for command, feature in (("start recording", "recording"),
                             ("play media", "music"),
                             ("play DTMF", "music"),
                             ("start forwarding", "monitoring"),
                             ("subscribe request", "monitoring"),
                             ("block DTMF", "transcoding")):
        reply = ng.ask(command, call_id=call, from_tag="a")
        assert reply["result"] == "error"
        assert reply["feature"] == feature
        assert reply["error"] == f"e2ee-{feature}"
        assert reply["error-reason"].startswith(
            f"e2ee-{feature}: An end-to-end encrypted call")
        assert reply["status"] == (488 if feature == "transcoding" else 403)
        refused = audited(gw, "feature-refused", call=shown["id"],
                          how=command)
        assert refused["by"] == "ng 127.0.0.1"
    # no more is asked of the media than of an ordinary re-offer
    reply = ng.ask("offer", call_id=call, from_tag="a", to_tag="b",
                   sdp=locked(A_SDP, M1), codec={"transcode": ["opus"]})
    assert reply["error"] == "e2ee-transcoding" and reply["status"] == 488
    for body in (A_SDP, locked(A_SDP, message(1, more=b"another"))):
        reply = ng.ask("offer", call_id=call, from_tag="a", to_tag="b",
                       sdp=body)
        assert reply["status"] == 488
        assert "end-to-end encrypted" in reply["error-reason"]
    for command in ("silence media", "unsilence media", "block media"):
        assert ng.ask(command, call_id=call)["result"] == "ok"
    assert ng.ask("unblock media", call_id=call)["result"] == "ok"
    held = ng.ask("offer", call_id=call, from_tag="a", to_tag="b",
                  sdp=locked(A_SDP, M1) + "a=sendonly\r\n")
    assert M1 in held["sdp"]
    assert ng.ask("answer", call_id=call, from_tag="a", to_tag="b",
                  sdp=locked(B_SDP, M2))["result"] == "ok"
    assert marks(gw) == [True, True]
    ng.ask("delete", call_id=call, from_tag="a")


@pytest.mark.parametrize("metadata", [
    None, "from:sip:alice@sip.test", "from:sip:alice@sip.test|to:",
    "from:sip:alice@sip.test|to:sip:mallory@sip.test", "alice|bob"])
def test_nobody_vouched_for(gw, ng, call, metadata):
    """A tag that is a user's name is no user."""
    o, a = set_up(ng, call, metadata, answered=B_SDP)
    assert "a=e2ee" not in o["sdp"] and a["result"] == "ok"
    assert not the_call(gw)["e2ee"] and marks(gw) == [False, False]
    ng.ask("delete", call_id=call)
    reply, _ = set_up(ng, call + "-required", metadata,
                      offered=locked(A_SDP, message(1, flags=1)))
    assert reply["result"] == "error" and reply["status"] == 403
    tags = {"from_tag": "alice", "call_id": call + "-tags"}
    o = ng.ask("offer", sdp=locked(A_SDP, M1), **tags)
    assert "a=e2ee" not in o["sdp"]
    ng.ask("delete", **tags)


def test_without_m2_ordinary_for_good(gw, ng, call):
    o, a = set_up(ng, call, answered=B_SDP)
    assert M1 in o["sdp"]
    late = ng.ask("answer", call_id=call, from_tag="a", to_tag="b",
                  sdp=locked(B_SDP, M2))
    assert "a=e2ee" not in late.get("sdp", "")
    assert not the_call(gw)["e2ee"] and marks(gw) == [False, False]
    ng.ask("delete", call_id=call)


def test_another_phones_m2_is_refused(gw, ng, call):
    set_up(ng, call)
    other = ng.ask("answer", call_id=call, from_tag="a", to_tag="c",
                   sdp=locked(B_SDP, message(2, more=b"another")))
    assert other["result"] == "error"
    assert the_call(gw)["e2ee"]
    ng.ask("delete", call_id=call)


def test_off_unless_configured(tmp_path, call):
    """By default nothing of it passes, whatever the metadata say."""
    g = make(tmp_path, port=PORT + 30)
    try:
        with Client(g.ng) as ng:
            for name in ("alice", "bob"):
                g.add_user(name, security=0)
            ctl(g, "policy", "set", "Global", "--calling",
                "DisabledUserOverride")
            for name in ("alice", "bob"):
                ctl(g, "user", "e2ee", "on", name)
            o, a = set_up(ng, call, answered=B_SDP)
            assert "a=e2ee" not in o["sdp"]
            assert Seen(a["sdp"]).port
            assert marks(g) == [False, False]
            reply = ng.ask("start recording", call_id=call)
            assert reply["feature"] == "recording"
            assert not reply["error"].startswith("e2ee-")
    finally:
        g.close()


def test_saved_with_the_call(gw, ng, call):
    """A crash doesn't make it forget the mark."""
    set_up(ng, call)
    gw.settle(1)
    gw.kill()
    gw.start()
    gw.settle(1)
    assert the_call(gw)["e2ee"] and marks(gw) == [True, True]
    reply = ng.ask("start recording", call_id=call)
    assert reply["error"] == "e2ee-recording"
    ng.ask("delete", call_id=call)
