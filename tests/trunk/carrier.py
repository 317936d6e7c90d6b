# SPDX-License-Identifier: Apache-2.0
"""A carrier for tests: says exactly what a test wants. And the gateway whose
trunk it is."""

import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "sip"))
from gateway import BUILD, Gateway  # noqa: E402
from phone import Dialog, Phone, sdp, token  # noqa: E402

PLAN = "  pstn:\n    country: \"49\"\n    area: \"30\"\n    " \
       "internal_digits: 3\n    location: https://lis.example/branch-7\n"
HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class Branch(Gateway):
    """A gateway in Berlin."""

    def __init__(self, folder, port, options="", media_timeout=60):
        super().__init__(folder, port, options + PLAN, media_timeout)

    def ctl(self, *words, stdin="", ok=True):
        done = subprocess.run(
            [os.path.join(BUILD, "bin", "sallyctl"), "--socket",
             self.api_socket, *words], text=True, capture_output=True,
            timeout=30, input=stdin)
        assert (done.returncode == 0) == ok, done.stderr or done.stdout
        return done.stdout if ok else done.stderr

    def ctl_json(self, *words):
        return json.loads(self.ctl(*words, "--json"))

    def trunk(self, carrier, *settings, name=None, route="+", priority=10,
              keepalive=0):
        """Make a carrier one of ours, and lead a prefix there."""
        name = name or carrier.user
        words = [f"address={carrier.ip}:{carrier.port}",
                 f"local={self.B}:{self.PORT}", f"transport={carrier.tp}",
                 f"keepalive={keepalive}", *settings]
        self.ctl("trunk", "add", name, *words, stdin="pass\n")
        if route:
            self.ctl("route", "add", route, name, f"priority={priority}")

    def forget(self):
        """What a test has made."""
        def names(path, key):
            return [quote(x[key], safe="")
                    for x in self.api("GET", f"/api/v1/{path}")[1]]

        for path, key in (("routes", "prefix"), ("trunks", "name"),
                          ("numbers", "number"), ("groups", "name")):
            for name in dict.fromkeys(names(path, key)):
                assert self.api("DELETE", f"/api/v1/{path}/{name}")[0] == 200
        for name in ("alice", "bob", "carol"):
            self.ctl("user", "dial", "internal", name)

    def clean(self):
        """No call and no phone is left."""
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            if not self.saved_calls() and \
                    not self.api("GET", "/api/v1/registrations")[1]:
                return
            time.sleep(0.02)
        super().kill()
        with sqlite3.connect(self.db, timeout=5) as db:
            db.execute("DELETE FROM call")
            db.execute("DELETE FROM binding")
        db.close()
        self.start()

    def state(self, name):
        return self.ctl_json("trunk", "show", name)

    def wait_state(self, name, state, timeout=8, **more):
        end = time.monotonic() + timeout
        while True:
            got = self.state(name)
            if got["state"] == state and more.items() <= got.items():
                return got
            assert time.monotonic() < end, got
            time.sleep(0.05)

    def audit(self, event, timeout=3):
        end = time.monotonic() + timeout
        while True:
            with open(os.path.join(self.folder, "audit.log")) as f:
                found = [json.loads(line)["record"] for line in f]
            found = [r for r in found if r["event"] == event]
            if found or time.monotonic() > end:
                return found
            time.sleep(0.02)


class Carrier(Phone):
    def __init__(self, g, name, ip, tp="udp"):
        super().__init__(g.at_b, name, ip=ip, tp=tp, domain="carrier.test")

    def reply(self, m, status, lines=(), phrase="Whatever", body="", tag=None):
        """An answer to any request."""
        to = m["to"]
        if not m.tag("to") and status > 100:
            to += f";tag={tag or 'carrier'}"
        h = [f"Via: {v}" for v in m.all("via")]
        h += [f"From: {m['from']}", f"To: {to}", f"Call-ID: {m['call-id']}",
              f"CSeq: {m['cseq']}", *lines]
        self.send(self.format(f"SIP/2.0 {status} {phrase}", h, body,
                              "application/sdp"))

    def challenge(self, m, status=407, nonce="n1", algorithm="MD5", more=""):
        name = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}[status]
        self.reply(m, status, [
            f'{name}: Digest realm="carrier.test", nonce="{nonce}", '
            f'algorithm={algorithm}, qop="auth"{more}'])
        if m.method == "INVITE":
            assert self.expect("ACK").cseq == m.cseq

    def credentials(self, m, status=407):
        """What m has, as a dict."""
        text = m[{401: "authorization", 407: "proxy-authorization"}[status]]
        assert text, m.text
        found = re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', text)
        return {k: a or b for k, a, b in found}

    def right(self, m, user="acme", password="pass", status=407):
        """Are the credentials right? By hashlib."""
        c = self.credentials(m, status)

        def h(*parts):
            return HASHES[c["algorithm"]](":".join(parts).encode()).hexdigest()

        assert c["username"] == user and c["uri"] == m.uri, c
        return c["response"] == h(
            h(user, c["realm"], password), c["nonce"], c["nc"], c["cnonce"],
            c["qop"], h(m.method, c["uri"]))


__all__ = ["Branch", "Carrier", "Dialog", "Phone", "sdp", "token"]
