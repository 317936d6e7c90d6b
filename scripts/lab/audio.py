# SPDX-License-Identifier: Apache-2.0
"""Sound to play, and the question whether what was heard is what was played.

Samples are numpy int16, mono, 8,000 a second throughout. G.711 as in ITU-T
G.711; nothing here knows of RTP, calls or namespaces."""

import os
import subprocess
import tempfile
import wave
from dataclasses import dataclass

import numpy as np

RATE = 8000  # samples a second
WINDOW = RATE // 2  # samples compared at a time
QUIET = 150.0  # RMS below which a window says nothing
ALIKE = 0.9  # correlation from which a window counts as the same sound


def read_wav(path):
    """The samples of a WAV file, also of one whose writer was killed before
    it could fill in the lengths of its header."""
    with open(path, "rb") as f:
        raw = f.read()
    at = raw.find(b"data")
    if at < 0:
        return np.zeros(0, np.int16)
    body = raw[at + 8:]
    return np.frombuffer(body[:len(body) & ~1], "<i2")


def load(path):
    """The samples of any sound file, resampled to RATE."""
    raw = subprocess.run(
        ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(path), "-ar",
         str(RATE), "-ac", "1", "-f", "s16le", "-"], capture_output=True).stdout
    return np.frombuffer(raw[:len(raw) & ~1], "<i2")


def write_wav(path, samples):
    with wave.open(str(path), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        w.writeframes(np.asarray(samples, "<i2").tobytes())


def speech(path, text, voice="en", words_a_minute=160):
    """Have espeak-ng say text, resampled to the telephone's rate."""
    # it opens PulseAudio's client first, which would leave a folder in /tmp
    with tempfile.TemporaryDirectory() as folder:
        said = subprocess.run(
            ["espeak-ng", "-v", voice, "-s", str(words_a_minute), "--stdout",
             text], check=True, capture_output=True,
            env={**os.environ, "PULSE_RUNTIME_PATH": folder}).stdout
    subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-y", "-f", "wav", "-i", "pipe:0",
         "-ar", str(RATE), "-ac", "1", "-c:a", "pcm_s16le", "-bitexact",
         str(path)], check=True, input=said)
    return read_wav(path)


def melody(path, seconds, seed):
    """Random glides, eight a second, never silent: each place in it sounds
    like no other, so lost audio shows as a jump."""
    rng = np.random.default_rng(seed)
    note = np.arange(RATE // 8) / RATE
    fade = np.minimum(1.0, np.minimum(note, note[::-1]) / 0.005)
    out = []
    for _ in range(int(seconds * 8)):
        start, end = rng.uniform(300, 3300, 2)
        cycles = start * note + (end - start) / 2 * 8 * note ** 2
        out.append(fade * np.sin(2 * np.pi * cycles))
    samples = (12000 * np.concatenate(out)).astype(np.int16)
    write_wav(path, samples)
    return samples


def melodies(folder, seconds=40):
    """One each for alice and bob: user.wav. @return where they lie"""
    for seed, user in enumerate(("alice", "bob")):
        melody(folder / f"{user}.wav", seconds, seed)
    return folder


def _ulaw_table():
    octet = ~np.arange(256) & 0xff
    magnitude = (((octet & 0x0f) << 3) + 0x84) << ((octet & 0x70) >> 4)
    return np.where(octet & 0x80, 0x84 - magnitude,
                    magnitude - 0x84).astype(np.int16)


def _alaw_table():
    octet = np.arange(256) ^ 0x55
    exponent = (octet & 0x70) >> 4
    magnitude = ((octet & 0x0f) << 4) + 8
    magnitude = np.where(exponent > 0, (magnitude + 0x100)
                         << np.maximum(exponent - 1, 0), magnitude)
    return np.where(octet & 0x80, magnitude, -magnitude).astype(np.int16)


G711 = {0: _ulaw_table(), 8: _alaw_table()}  # by RTP payload type


def decode_g711(payload, payload_type=0):
    """Samples of G.711 octets; payload type 0 is PCMU, 8 is PCMA."""
    return G711[payload_type][np.frombuffer(payload, np.uint8)]


def encode_ulaw(samples):
    """As G.711 mu-law octets: each sample's nearest value of the table."""
    table = _ulaw_table().astype(np.int32)
    order = np.argsort(table, kind="stable")
    edges = table[order]
    middles = (edges[1:] + edges[:-1]) // 2
    at = np.searchsorted(middles, np.asarray(samples, np.int32))
    return order[at].astype(np.uint8).tobytes()


def entropy(octets):
    """Bits an octet (Shannon); 8 would be perfectly even."""
    if not octets:
        return 0.0
    share = np.bincount(np.frombuffer(octets, np.uint8),
                        minlength=256) / len(octets)
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum())


@dataclass
class Match:
    """How heard compares with played, window by window."""
    score: np.ndarray  # correlation, 0..1, of each window that has sound
    at: np.ndarray  # where in `heard` each starts, samples
    lag: np.ndarray  # place in `played` minus place in `heard`, samples

    @property
    def similarity(self):
        """The mean over windows; 0 when there was no sound at all."""
        return float(self.score.mean()) if len(self.score) else 0.0

    @property
    def seconds(self):
        """How much of what was heard is what was played."""
        return float((self.score >= ALIKE).sum()) * WINDOW / 2 / RATE

    @property
    def missing(self):
        """Seconds of what was played that are missing between the first and
        the last of what was heard of it."""
        lag = self.lag[self.score >= ALIKE]
        return float(max(lag.max() - lag[0], 0)) / RATE if len(lag) else 0.0

    def within(self, first, last):
        """The part of the comparison that starts at first..last seconds of
        `heard`."""
        pick = (self.at >= first * RATE) & (self.at < last * RATE)
        return Match(self.score[pick], self.at[pick], self.lag[pick])


def compare(played, heard):
    """Look for each half second of `heard` (hop: a quarter) in all of
    `played`, by normalised cross-correlation."""
    played = np.asarray(played, np.float64)
    heard = np.asarray(heard, np.float64)
    if len(played) < WINDOW:
        return Match(*(np.zeros(0),) * 3)
    size = 1 << int(len(played) + WINDOW - 1).bit_length()
    spectrum = np.fft.rfft(played, size)
    power = np.concatenate([[0.0], np.cumsum(played ** 2)])
    energy = power[WINDOW:] - power[:-WINDOW]
    loud = energy > WINDOW * QUIET ** 2 / 4
    norm = np.sqrt(np.where(loud, energy, np.inf))
    score, at, lag = [], [], []
    for start in range(0, len(heard) - WINDOW + 1, WINDOW // 2):
        window = heard[start:start + WINDOW]
        length = np.sqrt((window ** 2).sum())
        if length < QUIET * np.sqrt(WINDOW):
            continue
        found = np.fft.irfft(
            spectrum * np.conj(np.fft.rfft(window, size)), size)
        found = found[:len(norm)] / norm / length
        best = int(found.argmax())
        score.append(min(max(float(found[best]), 0.0), 1.0))
        at.append(start)
        lag.append(best - start)
    return Match(np.array(score), np.array(at), np.array(lag))
