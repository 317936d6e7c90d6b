# SPDX-License-Identifier: Apache-2.0
"""No keystream twice: whatever happens to the dataplane during a call, no index
of a sealed leg is seen again under the same SSRC, and a dataplane that starts
again is given other SSRCs for the same keys."""

import time

import pytest

from lab import wire
from lab.process import wait_until
from test_first_light import GCM, PLAIN, SHA1_80, two_phones


@pytest.mark.parametrize("suite", (SHA1_80, GCM))
def test_across_restarts_of_the_dataplane(gateway, sounds, suite):
    side = gateway.sides["hq"]
    capture = gateway.capture("hq")
    alice, bob = two_phones(gateway, sounds, {"alice": PLAIN, "bob": suite})
    alice.call(bob)
    captured = []
    for start in range(3):
        # An interface goes with the dataplane, and the capture with that.
        if start:
            gateway.kill(gateway.dataplane)
            captured += capture.stop()
            gateway.start_dataplane()
            capture = gateway.capture("hq")
        wait_until("media to leave", 10, lambda c=capture: len(wire.rtp_from(
            wire.datagrams(c.path), side.gateway)) > 75, every=0.3)
    alice.hang_up()
    bob.wait_end()
    captured += capture.stop()

    invites = [m for m in wire.sip_messages(captured)
               if m.method == "INVITE" and m.status is None]
    assert len({m.body for m in invites}) == 1, "the keys never changed"
    sent = [(p.ssrc, p.sequence)
            for p in wire.rtp_from(captured, side.gateway)]
    assert len(sent) > 200
    assert len(set(sent)) == len(sent), "an index was used twice"
    ssrcs = list(dict.fromkeys(ssrc for ssrc, _ in sent))
    assert len(ssrcs) == 3, "each start of the dataplane has SSRCs of its own"
    time.sleep(0.2)
    assert gateway.flows() == []
