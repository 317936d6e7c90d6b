# SPDX-License-Identifier: Apache-2.0
"""A call of two endpoints, from the lock to its end."""

import time


def talk(alice, bob, seconds=1.5):
    """A call that locks on both sides. @return its code."""
    alice.call("bob")
    code = alice.locked()
    assert bob.locked() == code
    time.sleep(seconds)
    return code


def end(one, other, reason="hangup"):
    one.say("hangup")
    one.wait("closed", reason=reason)
    other.wait("closed", reason="bye")
