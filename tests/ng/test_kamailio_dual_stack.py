# SPDX-License-Identifier: Apache-2.0
"""IPv4 at the branch, IPv6 at headquarters: two real phones of which each has
one of them only, a real Kamailio between, and the gateway between their media,
told by address-family which is which. Judged by what each of them heard."""

import os
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from lab.process import run, wait_until  # noqa: E402
from lab.topology import EXAMPLE, Gateway  # noqa: E402
from kamailio import settings  # noqa: E402
from test_kamailio import DTLS, Pair, SRTP, blocked, talk  # noqa: E402

# headquarters, and the gateway there
HOST, DOOR = "2001:db8:2::10", "2001:db8:2::1"
# `external` has an address of each
OUT, BACK = "address-family=IP6", "address-family=IP4"


@pytest.fixture(scope="module")
def gateway():
    with open(EXAMPLE) as f:
        ports = yaml.safe_load(f)["dataplane"]["ports"]
    ports[1]["addresses"].append(DOOR + "/64")
    config = settings(interfaces=["internal/10.1.0.1", "external/10.2.0.1",
                                  f"external/{DOOR}"])
    config["dataplane"] = {"ports": ports}
    with Gateway(os.environ.get("B", ROOT / "build"), settings=config) as g:
        hq = g.sides["hq"]
        run("ip", "-n", hq.namespace, "addr", "add", HOST + "/64", "dev",
            hq.interface, "nodad")
        yield g


def pair(gateway, sounds, out="", back="", alice=None, bob=None):
    return Pair(gateway, sounds, f"{OUT} {out}", f"{BACK} {back}", alice,
                {"at": (HOST, DOOR), **(bob or {})}, more=[DOOR])


# who calls, flags towards headquarters, towards the branch, phones' options
CALLS = {
    "RTP from IPv4": ("alice", "RTP/AVP", "RTP/AVP", {}, {}),
    "RTP from IPv6": ("bob", "RTP/AVP", "RTP/AVP", {}, {}),
    "SDES from IPv6": ("bob", "RTP/SAVP", "RTP/AVP", {}, SRTP),
    "SDES on both": ("alice", "RTP/SAVP", "RTP/SAVP", SRTP, SRTP),
    "DTLS from IPv4": ("alice", "RTP/SAVP", "UDP/TLS/RTP/SAVP", DTLS, SRTP),
    "DTLS to IPv6": ("alice", "UDP/TLS/RTP/SAVPF ICE=remove rtcp-mux-offer",
                     "RTP/AVP", {}, DTLS),
}


@pytest.mark.parametrize("name", CALLS)
def test_call(gateway, sounds, name):
    caller, out, back, alice, bob = CALLS[name]
    with pair(gateway, sounds, out, back, alice, bob) as p:
        shown, = talk(p, *((p.alice, p.bob) if caller == "alice" else
                           (p.bob, p.alice)))
    legs = shown["media"][0]["legs"]
    ours, theirs = legs if caller == "alice" else legs[::-1]
    assert ours["local"].startswith("10.1.0.1:")
    assert ours["peer"].startswith("10.1.0.10:")
    assert theirs["local"].startswith(f"[{DOOR}]:")
    assert theirs["peer"].startswith(f"[{HOST}]:")
    for stream in gateway.last_record()["media"][0]["streams"]:
        assert stream["packets_in"] > 100 and stream["lost"] == 0


def test_hold(gateway, sounds):
    """Re-offers from either side, each in its own family."""
    with pair(gateway, sounds) as p:
        p.alice.call(p.bob)
        for one in (p.alice, p.bob):
            one.command("hold")
            wait_until("the hold", 10,
                       lambda: blocked(gateway) == [False, True])
            one.command("resume")
            wait_until("its end", 10,
                       lambda: blocked(gateway) == [False, False])
        p.bob.hang_up()
        p.alice.wait_end()
        assert p.kamailio.said() == []
    assert gateway.flows() == []
