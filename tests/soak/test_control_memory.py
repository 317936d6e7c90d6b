# SPDX-License-Identifier: Apache-2.0
"""Registrations, calls, the API and its listeners at a high rate: control's
memory is the same before and after, once it has warmed up. In `make check` for
some seconds; SOAK_SECONDS for longer."""

import json
import os
import re
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sip"))
from gateway import Gateway, UnixConnection, isolate  # noqa: E402
from phone import Dialog, Phone, sdp  # noqa: E402

isolate()
SECONDS = int(os.environ.get("SOAK_SECONDS", "20"))
# Every cache is full after so many rounds. Over TCP: transactions over UDP live
# for 32 s (RFC 3261, timers H, I, J), so memory would grow as long.
WARM_UP = 100
# The kept events (1,024) and the database's cache (2 MB) go on filling up for some
# 1,500 rounds, by 4,300 KiB in all; a run in check makes 100 to 300 of them, by
# 10 KiB each at first. What is caught is a leak of some 20 KiB a round in check,
# and of tens of octets in a long run.
GROWTH_KIB = 4500 if SECONDS > 60 else 2560
GETS = ("calls", "users", "registrations", "records?max=20", "stats",
        "audit?max=20", "alarms", "metrics", "bans", "config", "policies",
        "openapi.json")


@pytest.fixture(scope="module")
def gw(tmp_path_factory):
    g = Gateway(tmp_path_factory.mktemp("soak"), 25310)
    Path(g.config).write_text(Path(g.config).read_text().replace(
        "log: debug", "log: warn").replace(
        "  sip:\n", "  sip:\n    guard: {allow: [\"127.0.0.0/8\"]}\n"))
    g.wait_log = lambda text, timeout=5: None  # it says less
    g.start_dataplane()
    g.start()
    for name in ("alice", "bob"):
        g.add_user(name, security=0)
    yield g
    assert g.stop() == 0
    g.close()


def rss_kib(gw):
    text = Path(f"/proc/{gw.control.pid}/smaps_rollup").read_text()
    return int(re.search(r"^Rss:\s+(\d+)", text, re.M)[1])


def call(a, b):
    d = Dialog(a, "bob")
    d.call(sdp("10.9.0.1", 40000))
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    e.reply(invite, 200, sdp("10.9.0.2", 41000))
    d.answered()
    b.expect("ACK")
    d.request("BYE")
    e.reply(b.expect("BYE"), 200)
    a.expect(200, method="BYE")


def ask(gw, n):
    c = UnixConnection(gw.api_socket)
    for i in range(3):
        c.request("GET", "/api/v1/" + GETS[(n * 3 + i) % len(GETS)])
        r = c.getresponse()
        r.read()
        assert r.status == 200
    name = f"user{n % 7}"
    c.request("POST", "/api/v1/users",
              json.dumps({"name": name, "password": "x"}))
    c.getresponse().read()
    c.request("DELETE", f"/api/v1/users/{name}")
    c.getresponse().read()
    c.close()


def listen(gw, stop, seen):
    """Who listens to events comes and goes."""
    while not stop.is_set():
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(0.5)
            s.connect(gw.api_socket)
            s.sendall(b"GET /api/v1/events?since=0 HTTP/1.1\r\n"
                      b"Host: x\r\n\r\n")
            try:
                for _ in range(20):
                    seen.append(len(s.recv(65536)))
            except TimeoutError:
                pass


def test_memory_does_not_grow(gw):
    a = Phone(gw.at, "alice", ip="127.0.0.11", tp="tcp")
    b = Phone(gw.at, "bob", ip="127.0.0.12", tp="tcp")
    for p in (a, b):
        assert p.register().status == 200
    stop, seen = threading.Event(), []
    listener = threading.Thread(target=listen, args=(gw, stop, seen))
    listener.start()
    n, end, before = 0, time.monotonic() + SECONDS, None
    try:
        while time.monotonic() < end or before is None:
            call(a, b)
            ask(gw, n)
            if n % 5 == 0:
                assert a.register().status == 200
            n += 1
            if n == WARM_UP:
                before = rss_kib(gw)
                end = max(end, time.monotonic() + SECONDS / 4)
    finally:
        stop.set()
        listener.join()
    after = rss_kib(gw)
    print(f"{n} rounds, {before} KiB after {WARM_UP}, {after} KiB at the end")
    assert seen and n > WARM_UP + 5
    assert after - before < GROWTH_KIB
    for p in (a, b):
        p.close()
