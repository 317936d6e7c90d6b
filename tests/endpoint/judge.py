# SPDX-License-Identifier: Apache-2.0
"""What endpoints sent and recorded, judged: packets, tones and pictures."""

import os
import random
import subprocess
import wave
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("B", ROOT / "build"))
PROGRAM = BUILD / "bin" / "sallyport-endpoint"


def network():
    """An address on loopback that nobody else is likely to use now."""
    return f"127.{random.randint(16, 250)}.{random.randint(1, 250)}"


def payload(packet):
    """RTP's payload, and its payload type."""
    assert packet[0] == 0x80, "no CSRCs, no extension, no padding"
    return packet[12:], packet[1] & 0x7f


def samples(path, rate=48000):
    with wave.open(str(path)) as w:
        assert w.getframerate() == rate
        data = numpy.frombuffer(w.readframes(w.getnframes()), numpy.int16)
        data = data[::w.getnchannels()]
    return data.astype(float) / 32768


def level(data):
    return float(numpy.sqrt(numpy.mean(data ** 2))) if len(data) else 0.0


def tone(data, rate=48000):
    """The strongest frequency in Hz, and its share of the power."""
    power = numpy.abs(numpy.fft.rfft(data * numpy.hanning(len(data)))) ** 2
    top = int(numpy.argmax(power))
    share = power[max(0, top - 4):top + 5].sum() / power.sum()
    return top * rate / len(data), float(share)


def hears(path, hertz, rate=48000):
    """Whether the middle of a recording is that tone, and clean."""
    data = samples(path, rate)
    assert len(data) > rate, f"{path}: {len(data)} samples"
    heard, share = tone(data[len(data) // 3:2 * len(data) // 3], rate)
    assert abs(heard - hertz) < 5 and share > 0.8, (path, heard, share)


def frames(path):
    """Pictures that decode, and the decoder's complaints."""
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-show_entries",
         "stream=nb_read_frames,codec_name", "-of", "csv=p=0", str(path)],
        capture_output=True, text=True, timeout=30)
    codec, _, number = done.stdout.strip().partition(",")
    return codec, int(number or 0), done.stderr
