# SPDX-License-Identifier: Apache-2.0
"""Floods, scanners and guessers of passwords."""

import json
import os
import socket
import subprocess
import time

import pytest
from conftest import make
from gateway import BUILD
from phone import Phone, token

ALLOWED = "127.0.0.77"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    g = make(tmp_path_factory.mktemp("guard"), 25100, options=(
        "    guard:\n      requests: 20\n      failures: 4\n"
        "      connections: 5\n      half_open: 3\n      ban: 2\n"
        f"      allow: [\"{ALLOWED}/32\", \"2001:db8::/32\"]\n"))
    yield g
    assert g.stop() == 0
    g.close()


@pytest.fixture
def source():
    """An address that nothing is known of yet."""
    source.n = getattr(source, "n", 99) + 1
    return f"127.0.0.{source.n}"


def options(p, *lines):
    p.send(p.format(f"OPTIONS sip:{p.domain} SIP/2.0", [
        p.via(), "Max-Forwards: 70", f"From: <sip:x@y>;tag={token()}",
        f"To: <sip:{p.domain}>", f"Call-ID: {token()}", "CSeq: 1 OPTIONS", *lines]))


def ctl(g, *args):
    p = subprocess.run([os.path.join(BUILD, "bin", "sallyctl"), *args,
                        "--socket", g.api_socket], capture_output=True,
                       text=True, timeout=10)
    return p.returncode, p.stdout + p.stderr


def guess(p, n):
    for _ in range(n):
        m = p.register_once()
        if m is None:
            return None
        auth = p.digest(m["www-authenticate"], "REGISTER", f"sip:{p.domain}",
                        password="wrong")
        m = p.register_once(auth=auth)
    return m


def banned(g):
    return {b["source"] for b in g.api("GET", "/api/v1/bans")[1]["bans"]}


def test_guesser_is_banned(guarded, source):
    with Phone(guarded.at, "alice", ip=source) as p:
        assert guess(p, 4).status == 403
        assert source in banned(guarded)
        options(p)
        p.silent()
        with pytest.raises(OSError):
            s = socket.create_connection(guarded.at, 2, (source, 0))
            s.sendall(b"\r\n\r\n")
            if not s.recv(10):
                raise ConnectionResetError
        code, said = ctl(guarded, "bans")
        assert code == 0 and source in said and "failures" in said
        end = time.monotonic() + 5  # the ban expires
        while source in banned(guarded) and time.monotonic() < end:
            time.sleep(0.1)
        assert p.register().status == 200
    guarded.wait_log(f"{source} is banned")
    records = guarded.api("GET", "/api/v1/audit")[1]
    assert {"source-banned", "source-unbanned"} <= {
        r["event"] for r in records if r.get("source") == source}


def test_allowed_is_not(guarded):
    with Phone(guarded.at, "alice", ip=ALLOWED) as p:
        assert guess(p, 12).status == 403
        assert ALLOWED not in banned(guarded)
        assert p.register().status == 200
    code, said = ctl(guarded, "bans", "add", ALLOWED)
    assert code == 1 and "never banned" in said


def test_forger_bans_nobody(guarded, source):
    """Who puts another's address on packets can't have heard its nonce."""
    with Phone(guarded.at, "alice", ip="127.0.0.98") as mine, \
            Phone(guarded.at, "alice", ip=source) as victim:
        for _ in range(8):
            chal = mine.register_once()["www-authenticate"]
            m = victim.register_once(auth=victim.digest(
                chal, "REGISTER", "sip:sip.test", password="wrong"))
            assert m and m.status == 403
        assert source not in banned(guarded)


def test_rate(guarded, source):
    """Beyond four seconds' worth at once, nothing is answered."""
    with Phone(guarded.at, ip=source) as p:
        for _ in range(400):
            options(p)
        n = 0
        while p.recv(0.3):
            n += 1
        assert 80 <= n < 200
        assert source not in banned(guarded)
    with Phone(guarded.at, ip=ALLOWED) as p:
        for _ in range(200):
            options(p)
            assert p.recv().status == 200


def dial(g, source, tp):
    s = socket.create_connection(g.door(tp), 2, (source, 0))
    s.settimeout(2)
    return s


def alive(s):
    """Not closed, as far as can be seen."""
    s.settimeout(0.2)
    try:
        return s.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


def test_half_open(guarded, source):
    """TLS that never begins, TCP that never speaks."""
    socks = [dial(guarded, source, "tls" if i % 2 else "tcp")
             for i in range(6)]
    assert sum(alive(s) for s in socks) == 3
    for s in socks:
        s.close()
    time.sleep(0.1)
    s = dial(guarded, source, "tcp")
    assert alive(s)
    s.close()


def test_connections(guarded, source):
    """Also those that speak."""
    made = []
    for _ in range(5):
        p = Phone(guarded.at, ip=source, tp="tcp")
        options(p)
        assert p.recv().status == 200
        made.append(p)
    s = dial(guarded, source, "tcp")
    assert not alive(s)
    s.close()
    with Phone(guarded.at, ip="127.0.0.97", tp="tcp") as p:
        options(p)
        assert p.recv().status == 200
    for p in made:
        p.close()


@pytest.mark.parametrize("agent", ["friendly-scanner", "SIPVicious 0.3",
                                   "sipcli/v1.8"])
def test_scanners_hear_nothing(guarded, source, agent):
    with Phone(guarded.at, ip=source) as p:
        options(p, f"User-Agent: {agent}")
        p.silent()
        options(p)
        assert p.recv().status == 200
    counters = guarded.api("GET", "/api/v1/bans")[1]["counters"]
    assert counters["scanners"] >= 1


def test_bans_by_hand(guarded, source):
    assert ctl(guarded, "bans", "add", source, "--seconds", "60",
               "--description", "noisy") == (0, f"{source} is banned.\n")
    ban = next(b for b in guarded.api("GET", "/api/v1/bans")[1]["bans"]
               if b["source"] == source)
    assert ban["reason"] == "noisy" and 50 < ban["seconds"] <= 60
    with Phone(guarded.at, ip=source) as p:
        options(p)
        p.silent()
        assert ctl(guarded, "bans", "remove", source)[0] == 0
        options(p)
        assert p.recv().status == 200
    assert ctl(guarded, "bans", "remove", source)[0] == 1
    assert ctl(guarded, "bans", "add", "2001:db8::1")[0] == 1
    assert ctl(guarded, "bans", "add", "2001:db9::1")[0] == 0
    assert "2001:db9::" in banned(guarded)
    assert ctl(guarded, "bans", "remove", "2001:db9::ffff")[0] == 0
    assert ctl(guarded, "bans", "add", "example.org")[0] == 1
    assert json.loads(ctl(guarded, "bans", "--json")[1])["counters"]
