# SPDX-License-Identifier: Apache-2.0
"""Loss, jitter, round trip and MOS of made-up streams: what the dataplane
counts, against the same from RFC 3550 and ITU-T G.107 in real numbers, by
somebody who knows what was lost."""

import os
import subprocess
from pathlib import Path

import numpy
import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / os.environ.get("B", "build") / "tests" / "stats-tool"
HZ = 2_100_000_000


def tool(lines, clock=8000):
    said = subprocess.run([TOOL, str(clock), str(HZ)], input="\n".join(lines),
                          capture_output=True, text=True, check=True).stdout
    return [int(word) for word in said.split()]


def ticks(seconds):
    return int(seconds * HZ)


class Stream:
    """Packets of one sender, and what RFC 3550 says about them."""

    def __init__(self, seed, clock=8000, frame=160, first=65000, ssrc=7):
        self.random = numpy.random.default_rng(seed)
        self.clock, self.frame, self.ssrc = clock, frame, ssrc
        self.first = first
        self.jitter = 0.0
        self.transit = self.stamp = None
        self.seen = []

    def packets(self, n, start, loss=0.0, spread=0.0, twice=0.0, run=1):
        """n packets with losses, delays and duplicates, in arrival order; run
        of them share a timestamp."""
        index = numpy.arange(n)
        sent = start + index // run * self.frame / self.clock
        arrival = sent + 0.05 + spread * self.random.random(n)
        kept = self.random.random(n) >= loss
        kept[0] = True
        again = index[kept & (self.random.random(n) < twice)]
        order = numpy.concatenate([index[kept], again])
        when = numpy.concatenate([arrival[kept], arrival[again] + 0.001])
        for at in numpy.argsort(when, kind="stable"):
            yield self.packet(int(order[at]), when[at], run)

    def packet(self, index, when, run):
        stamp = index // run * self.frame
        self.seen.append(index)
        if stamp != self.stamp:
            transit = when * self.clock - stamp
            if self.transit is not None:
                self.jitter += (abs(transit - self.transit) -
                                self.jitter) / 16
            self.transit, self.stamp = transit, stamp
        return (f"rtp {ticks(when)} {(self.first + index) & 0xffff} "
                f"{stamp & 0xffffffff} {self.ssrc}")

    def lost(self):
        """A.3: expected, less what came."""
        return max(0, max(self.seen) - self.seen[0] + 1 - len(self.seen))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("clock, frame, run", (
    (8000, 160, 1), (48000, 960, 1), (90000, 3000, 7)))
def test_loss_and_jitter(seed, clock, frame, run):
    s = Stream(seed, clock, frame, first=65000 + seed)
    # Some seeds lose much, some reorder, some have duplicates.
    lines = list(s.packets(2000, 1000.0, loss=0.02 * (seed % 4),
                           spread=0.012 * (seed % 3),
                           twice=0.01 * (seed % 2), run=run))
    received, lost, jitter, _, _ = tool(lines, clock)
    assert received == len(s.seen)
    assert lost == s.lost()
    assert lost > 0 or seed % 4 == 0
    # Whole units on the way, and the rounding of A.8's last formula.
    assert abs(jitter / 16 - s.jitter) <= 1.5
    assert s.jitter > 0 or seed % 3 == 0


def test_losses_of_senders_in_turn_add_up():
    senders = [Stream(seed, ssrc=100 + seed) for seed in range(5)]
    lines = []
    for i, s in enumerate(senders):
        lines += s.packets(500, 1000.0 + 60 * i, loss=0.1)
    received, lost, _, _, _ = tool(lines)
    assert received == sum(len(s.seen) for s in senders)
    assert lost == sum(s.lost() for s in senders)


@pytest.mark.parametrize("way, hold", ((0.0004, 0.1), (0.02, 2.5), (0.3, 4.9),
                                       (0.9, 0.0)))
def test_round_trip(way, hold):
    """A sender report goes by; its receiver holds it, then answers."""
    ntp, start = 0x12345678, 500.0
    dlsr = int(hold * 65536)
    lines = [f"sr {ticks(start)} {ntp}",
             f"rr {ticks(start + 2 * way + hold)} {ntp} {dlsr}"]
    rtt = tool(lines)[3] / 65536
    assert abs(rtt - 2 * way) <= 3 / 65536


def test_round_trip_needs_an_answer_to_the_report():
    lines = [f"sr {ticks(5.0)} 77", f"rr {ticks(5.5)} 78 0",
             f"rr {ticks(5.5)} 0 0", f"rr {ticks(5.5)} 77 65536"]
    assert tool(lines)[3] == 0


# R and MOS as people quote them from G.107 (annex B), one decimal place.
KNOWN = ((93.2, 4.41), (90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10),
         (50, 2.58))


@pytest.mark.parametrize("rating, mos", KNOWN)
def test_mos_by_loss(rating, mos):
    impaired = 93.2 - rating
    share = impaired * 25.1 / (95 - impaired) / 100
    n = 20000
    kept = numpy.ones(n, bool)
    kept[1:-1] = numpy.random.default_rng(1).random(n - 2) >= share
    lines = [f"rtp {ticks(9 + i * 0.02)} {i & 0xffff} {160 * i} 1"
             for i in numpy.flatnonzero(kept)]
    received, lost, _, _, got = tool(lines)
    assert received + lost == n
    assert abs(got / 100 - mos) < 0.05


@pytest.mark.parametrize("way, rating", ((0.1, 90.8), (0.15, 89.6),
                                         (0.25, 79.2), (0.4, 59.1)))
def test_mos_by_delay(way, rating):
    lines = [f"rtp {ticks(9 + i * 0.02)} {i} {160 * i} 1" for i in range(50)]
    lines += [f"sr {ticks(20)} 5", f"rr {ticks(20 + 2 * way)} 5 0"]
    got = tool(lines)[4] / 100
    know = numpy.interp(rating, *zip(*sorted(KNOWN)))
    assert abs(got - know) < 0.05


def test_no_mos_of_silence_and_the_least_of_ruins():
    assert tool([f"sr {ticks(20)} 5"])[4] == 0
    lines = [f"rtp {ticks(9 + i)} {i * 2900 & 0xffff} {160 * i} 1"
             for i in range(50)]
    assert tool(lines)[4] == 100
