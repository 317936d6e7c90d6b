# SPDX-License-Identifier: Apache-2.0
"""sallyport-endpoint as a process, spoken to in JSON lines (its --json)."""

import json
import queue
import subprocess
import threading
import time
from pathlib import Path

from .process import LabError, Process, wait_until

WAIT = 15  # seconds for an event, where nothing else is said


class Endpoint:
    """One user's endpoint. Events are kept in `seen`; `wait` takes those not
    yet taken. What it hears goes to `wav` (48,000 a second), the pictures as
    they arrived to `mkv` where `--video-out` is given as "mkv"."""

    def __init__(self, program, folder, user, address, outbound, *options,
                 domain="branch.example", port=5060, namespace=None,
                 proxy=False):
        self.user, self.address, self.folder = user, address, Path(folder)
        self.port, self.namespace = port, namespace
        self.aor = f"sip:{user}@{domain}"
        name = f"{user}-{address}" + (f"-{port}" if port != 5060 else "")
        self.wav = self.folder / f"{name}.wav"
        self.mkv = self.folder / f"{name}.mkv"
        options = list(map(str, options))
        for option, value in {
                "--aor": self.aor, "--listen": f"{address}:{port}",
                "--outbound": f"sip:{outbound}",
                "--identity": self.folder / f"{user}.identity",
                "--peers": self.folder / f"{user}.peers",
                "--rtp-ports": "20000-29999", "--audio-in": "tone:440",
                "--audio-out": f"wav:{self.wav}"}.items():
            if option not in options:
                options += [option, value]
        self.process = Process(
            f"{user}'s endpoint",
            [program, *(["proxy"] if proxy else []), "--json",
             *(f"mkv:{self.mkv}" if o == "mkv" else o for o in options)],
            namespace, self.folder / f"{name}.err", talk=True)
        self.seen, self.fresh = [], queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.wait("ready")

    def _read(self):
        for line in self.process.popen.stdout:
            event = json.loads(line)
            self.seen.append(event)
            self.fresh.put(event)
        self.fresh.put(None)

    def say(self, command, arg=""):
        line = json.dumps({"command": command, "arg": arg})
        self.process.popen.stdin.write(line + "\n")

    def wait(self, what, limit=WAIT, /, **members):
        """The next such event; those before it are passed over."""
        end = time.monotonic() + limit
        while True:
            try:
                event = self.fresh.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                event = None
            if not event:
                raise LabError(f"{self.process.name}: no {what} {members}; it "
                               f"said {self.seen or self.process.tail()}")
            if event["event"] == what and members.items() <= event.items():
                return event

    def told(self, what, /, **members):
        """The events of that kind so far, taken or not."""
        return [e for e in self.seen
                if e["event"] == what and members.items() <= e.items()]

    def never(self, what, /, **members):
        found = self.told(what, **members)
        assert not found, found

    def call(self, whom):
        self.say("call", whom)

    def locked(self, limit=WAIT):
        """Wait for the lock. @return the security code."""
        return self.wait("shield", limit, state="locked")["code"]

    def stats(self, kind="audio"):
        """As of now, whatever was asked and not taken before."""
        start = len(self.seen)
        self.say("stats")
        return wait_until(
            f"{self.process.name} to count", WAIT, lambda: next(
                (e for e in self.seen[start:]
                 if e["event"] == "stats" and e["kind"] == kind), None), 0.01)

    def stop(self):
        """Ask it to end, which unregisters it as well."""
        if self.process.running():
            try:
                self.say("quit")
                self.process.popen.wait(8)
            except (OSError, subprocess.TimeoutExpired):
                self.process.stop()

    def close(self):
        """Stop it. @return what it wrote besides events; it ended well."""
        self.stop()
        text = self.process.tail(1000)
        assert self.process.popen.returncode == 0, \
            (self.process.popen.returncode, text)
        return text
