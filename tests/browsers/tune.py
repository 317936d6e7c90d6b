# SPDX-License-Identifier: Apache-2.0
"""A tune to play, and how much of it was heard.

A browser plays out at its own pace: its jitter buffer stretches and shortens
what comes in, now and then, so that waveforms don't match as those of other
phones do. The order of notes does."""

import difflib
from itertools import groupby

import numpy as np

from lab import audio

NOTES = 400 * 1.2 ** np.arange(12)  # Hz; within what telephones let through
NOTE = 0.15  # seconds of each
FRAME, HOP = audio.RATE // 25, audio.RATE // 100  # 40 ms, each 10 ms
SHORTEST = 4  # frames that make a note
ENOUGH = 5  # notes in a row that aren't so by chance


def compose(path, seconds, seed):
    """Write a random tune in which no note comes twice in a row."""
    steps = np.random.default_rng(seed).integers(1, len(NOTES),
                                                 int(seconds / NOTE))
    notes = np.cumsum(steps) % len(NOTES)
    t = np.arange(int(NOTE * audio.RATE)) / audio.RATE
    fade = np.minimum(1.0, np.minimum(t, t[::-1]) / 0.005)
    audio.write_wav(path, np.concatenate(
        [10000 * fade * np.sin(2 * np.pi * NOTES[n] * t) for n in notes]))


def notes(samples):
    """The notes in it, one after the other, repeats as one."""
    if len(samples) < FRAME:
        return []
    frames = np.lib.stride_tricks.sliding_window_view(
        np.asarray(samples, np.float64), FRAME)[::HOP]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(FRAME), 1024)) ** 2
    peak = spectrum.argmax(axis=1) * audio.RATE / 1024
    note = np.rint(np.log(np.maximum(peak, 1) / NOTES[0]) / np.log(1.2))
    note[(frames ** 2).mean(axis=1) < audio.QUIET ** 2] = -1
    found = [(int(n), len(list(run))) for n, run in groupby(note)]
    kept = [n for n, length in found
            if length >= SHORTEST and 0 <= n < len(NOTES)]
    return [n for n, _ in groupby(kept)]


def heard(played, samples):
    """@return (seconds of samples that are of what was played, in its order;
    which share of the notes in it that is)"""
    have, want = notes(samples), notes(played)
    blocks = difflib.SequenceMatcher(
        None, want + want, have, autojunk=False).get_matching_blocks()
    same = sum(b.size for b in blocks if b.size >= ENOUGH)
    return same * NOTE, same / max(len(have), 1)
