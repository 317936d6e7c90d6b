# SPDX-License-Identifier: Apache-2.0
"""Starts sallyport-control and what it needs on loopback addresses."""

import contextlib
import ctypes
import hashlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import time

import api_schema

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("B", os.path.join(ROOT, "build"))
if not os.path.isabs(BUILD):
    BUILD = os.path.join(ROOT, BUILD)


def isolate():
    """A network of our own, gone with this process: ports are free, and
    nothing gets out. Where that isn't allowed, loopback serves as it is."""
    if ctypes.CDLL(None).unshare(0x40000000) == 0:  # CLONE_NEWNET
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Gateway:
    A, B = "127.0.0.21", "127.0.0.22"  # its addresses
    DOMAIN = "sip.test"
    OFFSET = {"udp": 0, "tcp": 0, "tls": 1, "ws": 2, "wss": 3}  # of ports

    def __init__(self, folder, port, options="", media_timeout=60):
        self.folder, self.PORT = str(folder), port
        self.db = os.path.join(self.folder, "control.db")
        self.api_socket = os.path.join(self.folder, "control.sock")
        self.dp_socket = os.path.join(self.folder, "dataplane.sock")
        self.config = os.path.join(self.folder, "sallyport.yaml")
        self.log = open(os.path.join(self.folder, "control.log"), "ab")
        self.control = self.dataplane = None
        self.floor = 0
        listen = ", ".join(f'"{tp}:{ip}:{self.PORT + self.OFFSET[tp]}"'
                           for ip in (self.A, self.B) for tp in self.OFFSET)
        with open(self.config, "w") as f:
            f.write(f"control:\n  dataplane: {self.dp_socket}\n"
                    f"  api: {self.api_socket}\n  database: {self.db}\n"
                    f"  domain: {self.DOMAIN}\n  log: debug\n"
                    f"  media_timeout: {media_timeout}\n"
                    f"  sip:\n    listen: [{listen}]\n{options}")

    @property
    def at(self):
        return (self.A, self.PORT)

    @property
    def at_b(self):
        return (self.B, self.PORT)

    def door(self, tp, ip=A):
        """Where that transport listens."""
        return (ip, self.PORT + self.OFFSET[tp])

    @property
    def certificate(self):
        """The one that it has made itself."""
        return os.path.join(self.folder, "sip-cert.pem")

    def start_dataplane(self):
        self.dataplane = subprocess.Popen(
            [os.path.join(BUILD, "tests", "fake-dataplane"), self.dp_socket,
             self.A, self.B + ",trunk"], stdout=subprocess.PIPE, text=True)

    def start(self):
        """Waits until it says that it is ready."""
        ready = os.path.join(self.folder, "notify")
        if os.path.exists(ready):
            os.unlink(ready)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(ready)
            s.settimeout(10)
            self.control = subprocess.Popen(
                [os.path.join(BUILD, "bin", "sallyport-control"), "-c",
                 self.config], stderr=self.log,
                env={**os.environ, "NOTIFY_SOCKET": ready})
            try:
                assert s.recv(100) == b"READY=1"
            except TimeoutError:
                self.close()
                raise AssertionError("didn't start:\n" + self.log_text())
        self.wait_log("dataplane: connected")

    def log_text(self):
        with open(self.log.name, errors="replace") as f:
            return f.read()

    def wait_log(self, text, timeout=5):
        """Until text has been logged since the latest start."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if text in self.log_text().rpartition(" is ready")[2]:
                return
            time.sleep(0.02)
        raise AssertionError(f"never logged: {text}\n{self.log_text()[-3000:]}")

    @contextlib.contextmanager
    def up(self):
        """With its dataplane, for all tests of a file."""
        self.start_dataplane()
        try:
            self.start()
            yield self
            assert self.stop() == 0, "control must stop cleanly"
        finally:
            self.close()

    def kill(self):
        self.control.send_signal(signal.SIGKILL)
        self.control.wait()

    def stop(self):
        """@return: exit status"""
        self.control.send_signal(signal.SIGTERM)
        return self.control.wait(10)

    def close(self):
        for p in (self.control, self.dataplane):
            if p and p.poll() is None:
                p.terminate()
                p.wait(10)
            if p and p.stdout:
                p.stdout.close()
        self.log.close()

    def clean(self):
        """What a test that failed has left would fail all after it."""
        end = time.monotonic() + 1
        while self.control.poll() is None and time.monotonic() < end:
            if not self.saved_calls():
                return
            time.sleep(0.02)
        self.control.kill()
        self.control.wait()
        with sqlite3.connect(self.db, timeout=5) as db:
            db.execute("DELETE FROM call")
            db.execute("DELETE FROM binding")
        db.close()
        self.start()

    def flows(self):
        """@return: how many transports, how many streams the dataplane has."""
        self.dataplane.send_signal(signal.SIGUSR2)
        words = self.dataplane.stdout.readline().split()
        return int(words[1]), int(words[3])

    def settle(self, calls, timeout=3):
        """Until there are flows for so many calls, and as many are saved."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            have = (self.flows(), self.saved_calls())
            if have == ((2 * calls, 2 * calls), calls):
                return
            time.sleep(0.02)
        raise AssertionError(f"not the flows of {calls} calls: {have}")

    def silence(self):
        self.dataplane.send_signal(signal.SIGUSR1)

    def add_user(self, name, password="secret", security=2, display=""):
        """As the control API would, past it: these are tests of SIP."""
        ha1 = hashlib.md5(
            f"{name}:{self.DOMAIN}:{password}".encode()).hexdigest()
        with sqlite3.connect(self.db, timeout=5) as db:
            db.execute("INSERT OR REPLACE INTO user"
                       " (name, ha1, display, security, suites)"
                       " VALUES (?,?,?,?,?)",
                       (name, ha1, display, security,
                        "AES_CM_128_HMAC_SHA1_80"))
        db.close()

    def records(self):
        """Call detail records, newest first."""
        with sqlite3.connect(self.db, timeout=5) as db:
            rows = db.execute("SELECT json FROM cdr WHERE seq > ? ORDER BY "
                              "seq DESC", (self.floor,))
            found = [json.loads(r[0]) for r in rows]
        db.close()
        return found

    def mark(self):
        """records() are those from now on."""
        with sqlite3.connect(self.db, timeout=5) as db:
            self.floor = db.execute(
                "SELECT coalesce(max(seq), 0) FROM cdr").fetchone()[0]
        db.close()

    def record(self, timeout=3, **want):
        """The record with these values, once it has been written."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            for r in self.records():
                if all(r.get(k) == v for k, v in want.items()):
                    return r
            time.sleep(0.02)
        raise AssertionError(f"no record {want} among {self.records()[:3]}")

    def saved_calls(self):
        with sqlite3.connect(self.db, timeout=5) as db:
            n = db.execute("SELECT count(*) FROM call").fetchone()[0]
        db.close()
        return n

    def api(self, method, path, body=None):
        c = UnixConnection(self.api_socket)
        try:
            c.request(method, path,
                      None if body is None else json.dumps(body))
            r = c.getresponse()
            body = r.read()
            found = json.loads(body) if body else None
            api_schema.check(method, path, r.status, found)
            return r.status, found
        finally:
            c.close()
