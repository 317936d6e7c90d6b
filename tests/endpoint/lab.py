# SPDX-License-Identifier: Apache-2.0
"""Endpoints as processes, spoken to in JSON lines, and what they recorded."""

import json
import os
import queue
import random
import subprocess
import threading
import time
import wave
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("B", ROOT / "build"))
PROGRAM = BUILD / "bin" / "sallyport-endpoint"
DOMAIN = "branch.example"
WAIT = 15


def network():
    """An address on loopback that nobody else is likely to use now."""
    return f"127.{random.randint(16, 250)}.{random.randint(1, 250)}"


class Endpoint:
    """One process. Events are kept; `wait` takes those not yet taken."""

    def __init__(self, folder, user, address, outbound, *options, proxy=False):
        self.user, self.address, self.folder = user, address, Path(folder)
        self.aor = f"sip:{user}@{DOMAIN}"
        self.wav = self.folder / f"{user}-{address}.wav"
        self.mkv = self.folder / f"{user}-{address}.mkv"
        options = list(options)
        for name, value in {
                "--aor": self.aor, "--listen": f"{address}:5060",
                "--outbound": f"sip:{outbound}",
                "--identity": str(self.folder / f"{user}.identity"),
                "--peers": str(self.folder / f"{user}.peers"),
                "--rtp-ports": "20000-29999", "--audio-in": "tone:440",
                "--audio-out": f"wav:{self.wav}"}.items():
            if name not in options:
                options += [name, value]
        command = [str(PROGRAM)] + (["proxy"] if proxy else []) + ["--json"]
        self.err = open(self.folder / f"{user}-{address}.err", "w+")
        self.child = subprocess.Popen(command + options, text=True, bufsize=1,
                                      stdin=subprocess.PIPE, stderr=self.err,
                                      stdout=subprocess.PIPE)
        self.seen, self.fresh = [], queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.wait("ready")

    def _read(self):
        for line in self.child.stdout:
            event = json.loads(line)
            self.seen.append(event)
            self.fresh.put(event)
        self.fresh.put(None)

    def say(self, command, arg=""):
        line = json.dumps({"command": command, "arg": arg})
        self.child.stdin.write(line + "\n")

    def wait(self, what, limit=WAIT, /, **members):
        """The next such event; those before it are passed over."""
        end = time.monotonic() + limit
        while True:
            try:
                event = self.fresh.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                event = None
            assert event, f"{self.user}: no {what} {members}: {self.seen}"
            if event["event"] == what and members.items() <= event.items():
                return event

    def never(self, what, /, **members):
        assert not [e for e in self.seen
                    if e["event"] == what and members.items() <= e.items()]

    def call(self, whom):
        self.say("call", whom)

    def locked(self, limit=WAIT):
        """@return the security code."""
        return self.wait("shield", limit, state="locked")["code"]

    def stats(self, kind="audio"):
        self.say("stats")
        return self.wait("stats", kind=kind)

    def close(self):
        if self.child.poll() is None:
            try:
                self.say("quit")
                self.child.wait(8)
            except (OSError, subprocess.TimeoutExpired):
                self.child.kill()
                self.child.wait()
        self.err.seek(0)
        text = self.err.read()
        self.err.close()
        assert self.child.returncode == 0, (self.child.returncode, text)
        return text


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
