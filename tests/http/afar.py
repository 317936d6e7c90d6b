# SPDX-License-Identifier: Apache-2.0
"""The control API as it is from afar: TLS, sessions, tokens."""

import http.client
import json
import os
import ssl
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "sip"))
import api_schema  # noqa: E402
from gateway import BUILD, Gateway  # noqa: E402

HTTPS = 28443
PASSWORD = "correct horse battery"


class Afar(Gateway):
    """A gateway whose API also listens on TLS."""

    def __init__(self, folder, port=25160, more=""):
        super().__init__(folder, port)
        with open(self.config, "a") as f:
            f.write(f"  https:\n    listen: [\"{self.A}:{HTTPS}\"]\n{more}")

    @property
    def url(self):
        return f"https://{self.A}:{HTTPS}"

    @property
    def own_certificate(self):
        return os.path.join(self.folder, "https.crt")

    def ctl(self, *words, stdin="", env=None):
        return subprocess.run(
            [os.path.join(BUILD, "bin", "sallyctl"), *words], text=True,
            input=stdin, capture_output=True, timeout=30,
            env={**os.environ, "SALLYPORT_SOCKET": self.api_socket,
                 **(env or {})})

    def admin(self, name, role, password=PASSWORD):
        done = self.ctl("admins", "add", name, "--role", role, stdin=password)
        assert done.returncode == 0, done.stderr

    def token(self, name, role, *more):
        done = self.ctl("tokens", "add", name, "--role", role, *more)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


class Client:
    """One browser or program: its cookie, its second secret, its token."""

    def __init__(self, gw, token=None, source=None):
        self.gw, self.token, self.source = gw, token, source
        self.cookie = self.csrf = None
        self.tls = ssl.create_default_context(cafile=gw.own_certificate)

    def ask(self, method, path, body=None, headers=None, csrf=True):
        """@return: status, JSON or text, headers"""
        c = http.client.HTTPSConnection(
            self.gw.A, HTTPS, context=self.tls, timeout=10,
            source_address=(self.source, 0) if self.source else None)
        h = dict(headers or {})
        if self.token:
            h["Authorization"] = f"Bearer {self.token}"
        if self.cookie:
            h["Cookie"] = self.cookie
        if self.csrf and csrf:
            h["X-CSRF-Token"] = self.csrf
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        whole = path.startswith("/api") or path in ("/", "/metrics")
        c.request(method, path if whole else "/api/v1" + path, body, h)
        r = c.getresponse()
        data = r.read()
        c.close()
        if (r.getheader("Content-Type") or "").startswith("application/json"):
            data = json.loads(data)
            api_schema.check(method, path, r.status, data)
        return r.status, data, r.headers

    def login(self, password=PASSWORD, **who):
        status, j, headers = self.ask("POST", "/session",
                                      {**who, "password": password})
        if status == 200:
            self.cookie = headers["Set-Cookie"].split(";")[0]
            self.csrf = j["csrf"]
        return status, j, headers
