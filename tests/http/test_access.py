# SPDX-License-Identifier: Apache-2.0
"""Who may what over TLS: administrators by role, programs by token, users in
their own part; guesses, forged requests, certificates, events."""

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from afar import HTTPS, PASSWORD, Afar, Client  # noqa: E402
from gateway import isolate  # noqa: E402

isolate()


@pytest.fixture(scope="module")
def gw(tmp_path_factory):
    with Afar(tmp_path_factory.mktemp("afar")).up() as g:
        for name, role in (("rita", "read"), ("otto", "operate"),
                           ("ada", "administer")):
            g.admin(name, role)
        g.add_user("alice", password="phone password")
        yield g


@pytest.fixture
def client(gw):
    return Client(gw)


def as_admin(gw, name):
    c = Client(gw)
    assert c.login(name=name)[0] == 200
    return c


def test_nobody_is_told_to_log_in(client):
    status, j, headers = client.ask("GET", "/calls")
    assert (status, j["error"]) == (401, "login-needed")
    assert headers["WWW-Authenticate"] == "Bearer"


def test_every_answer_guards_the_browser(client):
    for path in ("/calls", "/nowhere", "/openapi.json"):
        headers = client.ask("GET", path)[2]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert "max-age" in headers["Strict-Transport-Security"]


def test_the_cookie_is_for_our_pages_only(client):
    cookie = client.login(name="rita")[2]["Set-Cookie"]
    for word in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"):
        assert word in cookie.split("; ")


MAY = [  # method, path, body, the least role
    ("GET", "/calls", None, "read"),
    ("GET", "/users", None, "read"),
    ("GET", "/audit", None, "read"),
    ("GET", "/certificate", None, "read"),
    ("DELETE", "/calls/1", None, "operate"),
    ("POST", "/calls/1/features/recording", None, "operate"),
    ("POST", "/users", {}, "administer"),
    ("DELETE", "/users/none", None, "administer"),
    ("POST", "/policies", {}, "administer"),
    ("PUT", "/certificate", {}, "administer"),
    ("GET", "/admins", None, "administer"),
    ("GET", "/tokens", None, "administer"),
    ("POST", "/tokens", {}, "administer"),
]
ROLES = ["read", "operate", "administer"]


@pytest.mark.parametrize("by", ["session", "token"])
@pytest.mark.parametrize("role,name", zip(ROLES, ("rita", "otto", "ada")))
def test_roles(gw, role, name, by):
    c = as_admin(gw, name) if by == "session" else Client(
        gw, token=gw.token(f"t-{role}", role))
    for method, path, body, least in MAY:
        status, j, _ = c.ask(method, path, body)
        if ROLES.index(role) < ROLES.index(least):
            assert (status, j["error"]) == (403, "role-needed"), path
        else:
            assert status not in (401, 403), (path, j)
    assert c.ask("GET", "/me")[0] == 403, "an administrator is no user"


def test_a_user_has_their_own_part_and_no_other(gw, client):
    status, j, _ = client.login(user="alice", password="phone password")
    assert (status, j["role"], j["name"]) == (200, "user", "alice")
    assert client.ask("GET", "/me")[1]["user"] == "alice"
    assert client.ask("GET", "/me/devices")[1] == []
    status, j, _ = client.ask("PUT", "/me/e2ee", {"on": True})
    assert (status, j["e2ee"]) == (200, True)
    record = gw_audit(gw)[0]
    assert record["event"] == "user-e2ee" and record["by"] == "user alice"
    for method, path, body, _ in MAY:
        status, j, _ = client.ask(method, path, body)
        assert (status, j["error"]) == (403, "role-needed"), path


def gw_audit(gw):
    return json.loads(gw.ctl("audit", "list", "--json").stdout)


def test_a_change_needs_the_sessions_second_secret(gw):
    c = as_admin(gw, "ada")
    body = {"name": "forged", "password": "x"}
    for headers in ({}, {"X-CSRF-Token": "x" * 43},
                    {"X-CSRF-Token": c.csrf[:-1]}):
        status, j, _ = c.ask("POST", "/users", body, headers, csrf=False)
        assert (status, j["error"]) == (403, "csrf")
    assert c.ask("POST", "/users", body)[0] == 201
    assert c.ask("DELETE", "/users/forged")[0] == 200


def test_a_session_ends(gw):
    c, d = as_admin(gw, "rita"), as_admin(gw, "rita")
    assert c.ask("DELETE", "/session")[0] == 200
    assert c.ask("GET", "/calls")[0] == 401
    assert d.ask("GET", "/calls")[0] == 200
    # a new password ends the others' sessions too
    assert gw.ctl("admins", "set", "rita", "--password-stdin",
                  stdin=PASSWORD).returncode == 0
    assert d.ask("GET", "/calls")[0] == 401


def test_own_password(gw):
    gw.admin("petra", "read")
    c, other = as_admin(gw, "petra"), as_admin(gw, "petra")
    new = "another long password"
    status, j, _ = c.ask("PUT", "/session/password",
                         {"old": "not it at all", "new": new})
    assert (status, j["error"]) == (403, "wrong-password")
    assert c.ask("PUT", "/session/password",
                 {"old": PASSWORD, "new": "short"})[0] == 400
    assert c.ask("PUT", "/session/password",
                 {"old": PASSWORD, "new": new})[0] == 200
    assert c.ask("GET", "/calls")[0] == 200
    assert other.ask("GET", "/calls")[0] == 401
    assert Client(gw).login(name="petra")[0] == 403
    assert Client(gw).login(name="petra", password=new)[0] == 200


def test_guesses_become_slow(gw):
    c = Client(gw, source="127.0.0.61")
    seen = [c.login(name="ada", password="wrong")[0] for _ in range(6)]
    assert seen == [403] * 5 + [429]
    status, j, headers = c.login(name="ada")
    assert (status, j["error"]) == (429, "too-many-guesses")
    assert 1 <= int(headers["Retry-After"]) <= 2
    # from elsewhere its owner gets in
    assert Client(gw, source="127.0.0.62").login(name="ada")[0] == 200
    # and nobody is told which names there are
    wrong = Client(gw, source="127.0.0.63")
    assert (wrong.login(name="ada", password="wrong")[1] ==
            wrong.login(name="nobody", password="wrong")[1] ==
            wrong.login(user="nobody", password="wrong")[1])


def test_tokens_are_secrets(gw):
    t = gw.token("short", "read", "--days", "1")
    assert Client(gw, token=t).ask("GET", "/calls")[0] == 200
    assert t not in gw.ctl("tokens").stdout
    with open(gw.db, "rb") as f:
        assert t[4:].encode() not in f.read()
    assert gw.ctl("tokens", "remove", "short").returncode == 0
    assert Client(gw, token=t).ask("GET", "/calls")[0] == 401
    for wrong in (t, t[:-1], "spt_", "", "x" * 5000):
        assert Client(gw, token=wrong).ask("GET", "/calls")[0] == 401


def test_the_last_administrator_stays(gw):
    c = as_admin(gw, "ada")
    for method, body in (("DELETE", None), ("PATCH", {"role": "read"})):
        status, j, _ = c.ask(method, "/admins/ada", body)
        assert (status, j["error"]) == (409, "last-administrator")


def test_passwords_are_hashed_and_never_logged(gw):
    row = gw_row(gw, "SELECT hash FROM admin WHERE name = 'ada'")
    assert row.startswith("$argon2id$")
    assert PASSWORD not in gw.log_text()


def gw_row(gw, sql):
    import sqlite3
    with sqlite3.connect(gw.db) as db:
        return db.execute(sql).fetchone()[0]


def test_sallyctl_from_afar(gw, tmp_path):
    token = tmp_path / "token"
    token.write_text(gw.token("ctl", "read") + "\n")
    afar = ("--url", gw.url, "--token-file", str(token))
    trust = ("--ca", gw.own_certificate)
    done = gw.ctl("users", *afar, *trust)
    assert done.returncode == 0 and "alice" in done.stdout
    done = gw.ctl("users", "remove", "alice", *afar, *trust)
    assert done.returncode == 1 and "administer" in done.stderr
    done = gw.ctl("users", *afar)
    assert done.returncode == 3 and "--ca" in done.stderr


def events_of(gw, c, n, since=None):
    """@return: the first n events of a stream"""
    tls = c.tls.wrap_socket(socket.create_connection((gw.A, HTTPS), 10),
                            server_hostname=gw.A)
    path = "/api/v1/events" + (f"?since={since}" if since is not None else "")
    tls.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {c.cookie}\r\n\r\n"
                .encode())
    text, found = "", []
    while len(found) < n:
        data = tls.recv(4096)
        assert data, text
        text += data.decode()
        found = [line[7:].strip() for line in text.splitlines()
                 if line.startswith("event: ")]
    tls.close()
    return found, text


def test_events_as_they_come(gw):
    c = as_admin(gw, "rita")
    got = []
    t = threading.Thread(target=lambda: got.append(events_of(gw, c, 2)))
    t.start()
    time.sleep(0.3)
    gw.ctl("group", "add", "news")
    gw.ctl("group", "remove", "news")
    t.join(10)
    assert got[0][0] == ["change", "change"]
    assert '"event":"group-added"' in got[0][1]
    # what was missed can be had again, by number
    assert events_of(gw, c, 2, since=0)[0][0] in ("dataplane-up", "change")


def test_many_listeners_and_slow_ones_hold_nobody_up(gw):
    c = as_admin(gw, "rita")
    idle = []
    for _ in range(10):
        s = c.tls.wrap_socket(socket.create_connection((gw.A, HTTPS), 10),
                              server_hostname=gw.A)
        s.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nCookie: " +
                  c.cookie.encode() + b"\r\n\r\n")
        idle.append(s)
    slow = socket.create_connection((gw.A, HTTPS), 10)  # never shakes hands
    for i in range(30):
        assert gw.ctl("group", "add", f"g{i}").returncode == 0
        assert gw.ctl("group", "remove", f"g{i}").returncode == 0
    assert c.ask("GET", "/calls")[0] == 200
    for s in idle + [slow]:
        s.close()


BAD = [
    (b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 70000 + b"\r\n\r\n", {b"431",
                                                                  b"400"}),
    (b"nonsense\r\n\r\n", {b"400"}),
    (b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{]",
     None),
    (b"GET /api/v1/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", {b"404"}),
    (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", {b"404"}),
]


@pytest.mark.parametrize("octets,statuses", BAD)
def test_bad_requests_are_refused_and_survived(gw, client, octets, statuses):
    s = client.tls.wrap_socket(socket.create_connection((gw.A, HTTPS), 5),
                               server_hostname=gw.A)
    s.sendall(octets)
    if statuses:
        try:
            answer = s.recv(4096)
        except (ConnectionError, ssl.SSLError):
            answer = b""
        assert not answer or answer.split()[1] in statuses, answer[:200]
    s.close()
    assert client.ask("GET", "/openapi.json")[0] == 200


def test_old_tls_is_refused(gw, client):
    old = ssl.create_default_context(cafile=gw.own_certificate)
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        old.wrap_socket(socket.create_connection((gw.A, HTTPS), 5),
                        server_hostname=gw.A)


def make_certificate(folder, name, ip, days="30"):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", days, "-subj",
         f"/CN={name}", "-addext", f"subjectAltName=IP:{ip}", "-keyout",
         str(folder / "key"), "-out", str(folder / "cert")], check=True,
        capture_output=True)
    return str(folder / "cert"), str(folder / "key")


def test_the_certificate_is_replaced_in_place(gw, tmp_path):
    c = as_admin(gw, "ada")
    assert c.ask("GET", "/certificate")[1]["self_signed"] is True
    cert, key = make_certificate(tmp_path, "gateway.example", gw.A)
    other = tmp_path / "other"
    other.mkdir()
    wrong = make_certificate(other, "x", gw.A)[1]
    done = gw.ctl("certificate", "install", cert, wrong)
    assert done.returncode == 1 and "key isn't the certificate's" in done.stderr
    # one that is in the middle of a request has its answer still
    begun = c.tls.wrap_socket(socket.create_connection((gw.A, HTTPS), 10),
                              server_hostname=gw.A)
    begun.sendall(b"GET /api/v1/openapi.json HTTP/1.1\r\n")
    # this one stays, as a browser does, for one more request
    stays = http.client.HTTPSConnection(gw.A, HTTPS, context=c.tls, timeout=20)
    stays.request("GET", "/api/v1/openapi.json")
    stays.getresponse().read()
    done = gw.ctl("certificate", "install", cert, key)
    assert done.returncode == 0 and "gateway.example" in done.stdout
    end = time.monotonic() + 5
    while True:
        try:
            pem = ssl.get_server_certificate((gw.A, HTTPS))
        except OSError:
            pem = ""
        if pem.strip() == Path(cert).read_text().strip():
            break
        assert time.monotonic() < end
        time.sleep(0.05)
    begun.sendall(b"Host: x\r\nConnection: close\r\n\r\n")
    assert begun.recv(64).startswith(b"HTTP/1.1 200 ")
    while begun.recv(65536):
        pass
    begun.close()
    # which tells it to come again: its events end at once
    stays.request("GET", "/api/v1/events", headers={"Cookie": c.cookie})
    r = stays.getresponse()
    assert (r.status, r.read(), r.getheader("Connection")) == (200, b"", "close")
    # sessions live on
    c.tls = ssl.create_default_context(cafile=cert)
    assert c.ask("GET", "/session")[1]["name"] == "ada"
    assert oct(Path(gw.folder, "https.key").stat().st_mode)[-3:] == "600"


def test_log_ins_side_by_side(gw):
    """More at once than hashes are queued: some hear 503, all hear something,
    and the loop goes on meanwhile."""
    seen = []

    def one():
        seen.append(Client(gw).login(name="ada")[0])

    threads = [threading.Thread(target=one) for _ in range(20)]
    for t in threads:
        t.start()
    begun = time.monotonic()
    assert gw.ctl("version").returncode == 0
    assert time.monotonic() - begun < 5
    for t in threads:
        t.join(20)
    assert set(seen) <= {200, 503} and seen.count(200) >= 10, seen


def pipe_read(path):
    """The other end of a pipe that somebody reads, once somebody does."""
    end = time.monotonic() + 10
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody does
            assert time.monotonic() < end
            time.sleep(0.02)


def test_a_long_verification_holds_nobody_up(gw):
    """The audit log's key is a pipe here, so its verification waits for us;
    meanwhile people log in, and search."""
    key = Path(gw.folder, "audit.log.pub")
    text = key.read_bytes()
    said = []
    c = as_admin(gw, "ada")
    key.unlink()
    os.mkfifo(key)
    t = threading.Thread(target=lambda: said.append(
        c.ask("GET", "/audit/verify")))
    t.start()
    fd = pipe_read(key)
    try:
        other = as_admin(gw, "rita")
        for path in ("/records", "/audit?text=administrator"):
            assert other.ask("GET", path)[0] == 200
        assert not said
    finally:
        os.write(fd, text)
        os.close(fd)
        t.join(10)
        key.unlink()
        key.write_bytes(text)
    assert said[0][0] == 200 and said[0][1]["whole"] is True
