# SPDX-License-Identifier: Apache-2.0
"""Calls of real browsers over secure WebSocket, to each other and to other
phones, judged by what each of them heard."""

import time

from browser import dial
from lab import audio

ALIKE = 0.6  # Opus makes sound that sounds the same, not the same samples


def assert_heard(speaker, listener, samples, seconds=1.5):
    heard = audio.compare(speaker.played, samples)
    same = int((heard.score > ALIKE).sum()) * audio.WINDOW / 2 / audio.RATE
    assert same >= seconds, \
        f"{listener.user} heard {same} s of {speaker.user}: {heard.score}"
    own = audio.compare(listener.played, samples)
    assert own.similarity < 0.5, f"{listener.user} heard itself"


def talk(one, other, seconds=3.5):
    """Both talk for a while; each heard the other."""
    one.heard(), other.heard()
    time.sleep(seconds)
    for speaker, listener in ((one, other), (other, one)):
        assert_heard(speaker, listener, listener.heard(), 0.5 * seconds)


def test_browser_to_browser(gateway, browsers):
    ann, ben = (b.start() for b in browsers)
    ann.call(ben)
    talk(ann, ben)
    ben.hang_up()
    ann.wait_end()
    for leg in gateway.last_record()["media"][0]["legs"]:
        assert leg["suite_rx"] != "plain" and leg["suite_tx"] != "plain"
