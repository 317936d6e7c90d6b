# SPDX-License-Identifier: Apache-2.0
"""The log at a syslog server: RFC 5424 in a datagram each (RFC 5426), or with
octets counted over TCP (RFC 6587)."""

import re
import socket
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "sip"))
from gateway import Gateway, isolate  # noqa: E402
from course import call_up  # noqa: E402

isolate()
SERVER = ("127.0.0.62", 25514)
# RFC 5424 section 6, with every part that may be "-" so
MESSAGE = re.compile(
    r"<(?P<pri>\d{1,3})>1 (?P<at>\S+) (?P<host>[!-~]{1,255}) "
    r"(?P<app>[!-~]{1,48}) (?P<pid>[!-~]{1,128}) (?P<id>[!-~]{1,32}) "
    r"(?P<data>-) (?P<text>.*)", re.S)


class Udp:
    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(SERVER)

    def texts(self, seconds):
        """One of each datagram, until it is quiet for so long."""
        self.socket.settimeout(seconds)
        try:
            while True:
                yield self.socket.recv(65536).decode()
        except TimeoutError:
            pass

    def close(self):
        self.socket.close()


class Tcp(Udp):
    def __init__(self):
        self.listener = socket.create_server(SERVER)
        self.socket, self.data = None, b""

    def texts(self, seconds):
        if not self.socket:
            self.listener.settimeout(5)
            self.socket = self.listener.accept()[0]
        self.socket.settimeout(seconds)
        try:
            while data := self.socket.recv(65536):
                self.data += data
                while m := re.match(rb"([1-9]\d*) ", self.data):
                    end = m.end() + int(m[1])
                    if len(self.data) < end:
                        break
                    yield self.data[m.end():end].decode()
                    self.data = self.data[end:]
        except TimeoutError:
            assert not self.data, "a message that doesn't end"

    def close(self):
        self.listener.close()
        if self.socket:
            self.socket.close()


@pytest.mark.parametrize("kind", [Udp, Tcp])
def test_a_call_is_told(kind, tmp_path):
    server = kind()
    g = Gateway(tmp_path, 25880, options=(
        f"  syslog: \"{kind.__name__.lower()}:{SERVER[0]}:{SERVER[1]}\"\n"))
    try:
        g.start_dataplane()
        g.start()
        for name in ("alice", "bob"):
            g.add_user(name, security=0)
        a, b, d = call_up(g)
        d.bye()
        b.expect("BYE")
        call = g.record(to="sip:bob@sip.test")["id"]
        pid = g.control.pid
        # an alarm has a name by which it can be filtered
        g.dataplane.kill()
        g.dataplane.wait()
        g.wait_log("dataplane-away")
        for p in (a, b):
            p.close()
        seen = [MESSAGE.fullmatch(t) for t in server.texts(1)]
        log = g.log_text()
    finally:
        g.close()
        server.close()
    assert seen and all(seen)
    for m in seen:
        assert (m["app"], m["pid"]) == ("sallyport-control", str(pid))
        assert m["host"] == socket.gethostname()
        assert int(m["pri"]) >> 3 == 16  # local0
        assert m["at"].endswith("Z")
        at = datetime.fromisoformat(m["at"])
        assert abs((datetime.now(timezone.utc) - at).total_seconds()) < 120
        # it is all in the log as well, and nothing there is a key
        assert m["text"] in log
    assert [m for m in seen if m["text"].startswith(f"[call {call}] ")]
    assert {int(m["pri"]) & 7 for m in seen} <= {3, 4, 6, 7}
    away = [m for m in seen if m["id"] == "alarm-raised"]
    assert away and int(away[0]["pri"]) & 7 <= 4
