# SPDX-License-Identifier: Apache-2.0
"""Browsers as phones: Debian's Chromium without a window, in one of the lab's
networks, with a page that speaks SIP by JsSIP (phone.js). driver.js, by
playwright-core, is between it and this."""

import base64
import fcntl
import json
import os
import queue
import shutil
import subprocess
import threading
import time
from pathlib import Path

import numpy as np

from lab import audio
from lab.process import LabError, Process, run

HERE = Path(__file__).resolve().parent


def prepare(build):
    """Install what package-lock.json names below the build folder, and bundle
    the page. @return (folder of modules, folder of pages)"""
    folder = Path(build).resolve() / "browsers"
    folder.mkdir(parents=True, exist_ok=True)
    modules, pages = folder / "node_modules", folder / "pages"
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = (HERE / "package-lock.json").read_text()
        done = folder / "installed"
        if not done.exists() or done.read_text() != wanted:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder)
            run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
                cwd=folder)
            done.write_text(wanted)
        pages.mkdir(exist_ok=True)
        for name in ("phone.html", "frames.js"):
            shutil.copy(HERE / name, pages)
        run(modules / "esbuild" / "bin" / "esbuild", HERE / "phone.js",
            "--bundle", f"--outfile={pages / 'phone.js'}",
            "--log-level=warning", env={**os.environ,
                                        "NODE_PATH": str(modules)})
    return modules, pages


def certificate(path):
    """A certificate for the door. @return what Chromium knows it by: the
    SHA-256 of its public key."""
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
        "/CN=sallyport.example", "-keyout", path, "-out", f"{path}.crt")
    with open(path, "a") as f:
        f.write(Path(f"{path}.crt").read_text())
    key = run("openssl", "x509", "-in", path, "-noout", "-pubkey").stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"],
                         input=key.encode(), capture_output=True,
                         check=True).stdout
    digest = subprocess.run(["openssl", "dgst", "-sha256", "-binary"],
                            input=der, capture_output=True, check=True).stdout
    return base64.b64encode(digest).decode()


class Browser:
    """One user's browser. Has what a lab.phone.Phone has, as far as it goes,
    so that either may be at either end of a call."""

    def __init__(self, gateway, user, side, play, spki, build):
        modules, pages = prepare(build)
        self.user, self.gateway = user, gateway
        self.side = gateway.sides[side]
        self.aor = f"sip:{user}@{gateway.domain}"
        self.played = audio.read_wav(play)
        self.events, self._replies = [], {}
        self._lines, self._count = queue.Queue(), 0
        self.folder = gateway.folder / f"browser-{user}"
        self.folder.mkdir()
        self.process = Process(
            f"chromium {user}",
            ["node", HERE / "driver.js", modules, pages, json.dumps({
                "capture": str(play), "spki": [spki],
                "hosts": [self.side.gateway]})],
            self.side.namespace, self.folder / "log", talk=True,
            env={**os.environ, "HOME": str(self.folder),
                 "TMPDIR": str(self.folder)})
        threading.Thread(target=self._read, daemon=True).start()
        self.version = self.wait_for("ready", seconds=120)["version"]

    def _read(self):
        for line in self.process.popen.stdout:
            self._lines.put(json.loads(line))
        self._lines.put(None)

    def _pump(self, seconds):
        try:
            message = self._lines.get(timeout=max(seconds, 0.001))
        except queue.Empty:
            return
        if message is None:
            raise LabError(f"{self.user}'s browser has gone:\n"
                           f"{self.process.tail()}")
        if "event" in message:
            self.events.append(message["event"])
        else:
            self._replies[message["id"]] = message

    def do(self, op, *args, seconds=60):
        """Call a function of the page; @return what it returns."""
        self._count += 1
        self.process.popen.stdin.write(
            json.dumps({"id": self._count, "op": op, "args": args}) + "\n")
        end = time.monotonic() + seconds
        while self._count not in self._replies:
            if time.monotonic() > end:
                raise LabError(f"{self.user}'s browser: no answer to {op}\n"
                               f"{self.process.tail()}")
            self._pump(0.1)
        reply = self._replies.pop(self._count)
        if "error" in reply:
            raise LabError(f"{self.user}'s browser: {op}: {reply['error']}\n"
                           f"{self.process.tail()}")
        return reply["value"]

    def wait_for(self, *types, seconds=40, since=0, **fields):
        """Wait for an event of one of the types, with these fields."""
        end = time.monotonic() + seconds
        while True:
            for event in self.events[since:]:
                if event["type"] in types and \
                        all(event.get(k) == v for k, v in fields.items()):
                    return event
            if time.monotonic() > end:
                raise LabError(
                    f"{self.user}'s browser: no {' or '.join(types)}; it "
                    f"said: {self.events[since:]}\n{self.process.tail()}")
            self._pump(0.1)

    def start(self, **options):
        """Load the page, and register."""
        self.do("reload")
        self.events.clear()
        self.do("start", {
            "server": f"wss://{self.side.gateway}:8089", "user": self.user,
            "domain": self.gateway.domain, "password": f"{self.user}-secret",
            **options})
        return self

    def call(self, other, seconds=40):
        mine, theirs = len(self.events), len(other.events)
        self.do("call", other.aor)
        answered(self, mine, seconds)
        answered(other, theirs, seconds)

    def hang_up(self):
        self.do("hangUp")

    def wait_end(self, seconds=40):
        return self.wait_for("ended", "failed", seconds=seconds)

    def heard(self):
        """Samples of what was heard since the call began or this was asked."""
        return np.frombuffer(base64.b64decode(self.do("heard")), "<i2")

    def stop(self):
        self.process.popen.stdin.close()
        try:
            self.process.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.process.stop()


def answered(phone, since, seconds=40):
    """A browser, or another phone, is in a call."""
    if isinstance(phone, Browser):
        event = phone.wait_for("confirmed", "failed", seconds=seconds,
                               since=since)
        if event["type"] == "failed":
            raise LabError(f"{phone.user}'s call failed: {event}")
    else:
        phone.wait_for("CALL_ESTABLISHED", seconds=seconds, since=since)


def dial(caller, called, seconds=40):
    """Either may be a browser, or another phone."""
    marks = [len(p.events) for p in (caller, called)]
    if isinstance(caller, Browser):
        caller.do("call", called.aor)
    else:
        caller.dial(called.aor)
    for phone, since in zip((caller, called), marks):
        answered(phone, since, seconds)
