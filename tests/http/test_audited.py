# SPDX-License-Identifier: Apache-2.0
"""Every change that the API can make, made once: on record by the name of who
made it. And every route, asked for by those who have a role too little."""

import re
import socket
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from afar import HTTPS, PASSWORD, ROOT, Afar, Client  # noqa: E402
from gateway import isolate  # noqa: E402
from course import call_up  # noqa: E402

isolate()
ROUTES = re.findall(
    r'\{"(\w+)",\s*"/api/v1([^"]+)",\s*\w+,\s*(true|false),\s*ROLE_(\w+)\}',
    (ROOT / "control/http/routes.c").read_text())

# In this order each has what it needs. {call}: one that is up.
CHANGES = [
    ("POST", "/users", {"name": "eve", "password": "x"}),
    ("PUT", "/users/{name}/password", {"password": "y"}, "eve"),
    ("PUT", "/users/{name}/profile", {"security": "sdes"}, "eve"),
    ("PUT", "/users/{name}/e2ee", {"on": True}, "eve"),
    ("PUT", "/users/{name}/compliance", {"on": True}, "eve"),
    ("PUT", "/users/{name}/forward", {"always": "sip:bob@sip.test"}, "eve"),
    ("PUT", "/users/{name}/dial", {"dial": "national"}, "eve"),
    ("POST", "/policies", {"identity": "Open", "calling": "Disabled"}),
    ("PATCH", "/policies/{name}", {"description": "words"}, "Open"),
    ("POST", "/policies/{name}/grants", {"user": "eve"}, "Open"),
    ("DELETE", "/grants/users/{name}", None, "eve"),
    ("POST", "/groups", {"name": "desk"}),
    ("PUT", "/groups/{name}/members/{user}", None, "desk", "eve"),
    ("POST", "/policies/{name}/grants", {"group": "desk", "rank": 1}, "Open"),
    ("DELETE", "/grants/groups/{name}", None, "desk"),
    ("DELETE", "/groups/{name}/members/{user}", None, "desk", "eve"),
    ("DELETE", "/groups/{name}", None, "desk"),
    ("DELETE", "/policies/{name}", None, "Open"),
    ("POST", "/admins", {"name": "max", "role": "read",
                         "password": PASSWORD}),
    ("PATCH", "/admins/{name}", {"role": "operate"}, "max"),
    ("DELETE", "/admins/{name}", None, "max"),
    ("POST", "/tokens", {"name": "t", "role": "read"}),
    ("DELETE", "/tokens/{name}", None, "t"),
    ("POST", "/trunks", {"name": "carrier", "address": "127.0.0.30:5060",
                         "local": "{local}", "keepalive": 0}),
    ("PATCH", "/trunks/{name}", {"calls": 3}, "carrier"),
    ("POST", "/routes", {"prefix": "+49", "trunk": "carrier"}),
    ("DELETE", "/routes/{prefix}/{trunk}", None, "+49", "carrier"),
    ("POST", "/routes", {"prefix": "+48", "trunk": "carrier"}),
    ("DELETE", "/routes/{prefix}", None, "+48"),
    ("DELETE", "/trunks/{name}", None, "carrier"),
    ("POST", "/numbers", {"number": "+493012345", "user": "eve"}),
    ("DELETE", "/numbers/{number}", None, "+493012345"),
    ("DELETE", "/users/{name}", None, "eve"),
    ("POST", "/bans", {"source": "192.0.2.7", "seconds": 60}),
    ("DELETE", "/bans/{source}", None, "192.0.2.7"),
    ("PUT", "/config", {"text": "{other}", "hash": "{hash}", "confirm": 60}),
    ("POST", "/config/confirm", None),
    ("PUT", "/config", {"text": "{same}", "hash": "{hash}", "confirm": 60}),
    ("DELETE", "/config/confirm", None),
    ("POST", "/calls/{id}/transfer", {"who": "sip:alice@sip.test",
                                      "to": "sip:nobody@sip.test"}, "{call}"),
    ("DELETE", "/calls/{id}", None, "{call}"),
    ("PUT", "/certificate", {"certificate": "{certificate}", "key": "{key}"}),
    ("PUT", "/session/password", {"old": PASSWORD, "new": PASSWORD + "!"}),
]
OWN = [  # of a user
    ("PUT", "/me/e2ee", {"on": True}),
    ("PUT", "/me/forward", {"busy": "sip:bob@sip.test"}),
]
NO_CHANGE = {("POST", "/session"), ("DELETE", "/session"),
             ("POST", "/config/check")}
# What needs media, a packet generator or firmware: tests/calls, tests/siprec and
# tests/firmware do it.
ELSEWHERE = {(m, "/calls/{id}/" + what) for m in ("POST", "DELETE")
             for what in ("recording", "transcription", "captions")} | {
    ("POST", "/calls/{id}/" + what) for what in ("park", "merge", "add",
                                                 "features/{name}")} | {
    ("DELETE", "/recordings/{id}"), ("PUT", "/firmware/bundle"),
    *(("POST", f"/firmware/{what}") for what in ("install", "rollback",
                                                 "restart", "reset")),
    ("DELETE", "/firmware/restart"),
    ("POST", "/bench/flows"), ("DELETE", "/bench/flows")}


def test_the_list_is_whole():
    changes = {(m, p) for m, p, _, _ in ROUTES if m != "GET"}
    listed = {c[:2] for c in CHANGES + OWN}
    assert changes == listed | NO_CHANGE | ELSEWHERE
    assert not listed & (NO_CHANGE | ELSEWHERE)


@pytest.fixture(scope="module")
def gw(tmp_path_factory):
    with Afar(tmp_path_factory.mktemp("audited"), port=25310).up() as g:
        g.admin("ada", "administer")
        for name in ("alice", "bob"):
            g.add_user(name, security=0, password="secret")
        yield g


def a_call(gw):
    """One that is up. @return its id, and what ends it"""
    a, b, _ = call_up(gw)
    (call,) = gw.api("GET", "/api/v1/calls")[1]
    return call["id"], (a, b)


def filled(gw, client, values, body):
    """A body with its {words} as they are now."""
    out = {}
    for key, v in (body or {}).items():
        if v in ("{other}", "{same}"):
            v = Path(gw.config).read_text() + (
                "# a comment\n" if v == "{other}" else "")
        elif v == "{hash}":
            v = client.ask("GET", "/config")[1]["hash"]
        elif isinstance(v, str):
            v = values.get(v, v)
        out[key] = v
    return out if body is not None else None


def on_record(gw, since, by):
    """What has come to the log since, by whom."""
    return [r["event"] for r in gw.api("GET", "/api/v1/audit?max=50")[1]
            if r["seq"] > since and r.get("by") == by]


def made(gw, client, change, values, by):
    """It is done, and on record. @return its name there"""
    method, path, body, *args = change
    for a in args:
        a = str(values.get(a, a)).replace("+", "%2B")
        path = re.sub(r"\{\w+\}", a, path, count=1)
    since = gw.api("GET", "/api/v1/audit?max=1")[1][0]["seq"]
    status, j, _ = client.ask(method, path,
                              filled(gw, client, values, body))
    assert status < 300, (method, path, j)
    events = on_record(gw, since, by)
    assert events, f"{method} {path} isn't on record"
    return events[0]


def test_every_change_is_on_record(gw):
    client = Client(gw)
    assert client.login(name="ada")[0] == 200
    folder = Path(gw.folder)
    call, phones = a_call(gw)
    values = {"{call}": call, "{local}": "%s:%d" % gw.at,
              "{certificate}": (folder / "https.crt").read_text(),
              "{key}": (folder / "https.key").read_text()}
    seen = {}
    for change in CHANGES:
        seen.setdefault(change[:2], set()).add(
            made(gw, client, change, values, "administrator ada"))
    for p in phones:
        p.close()
    # what differs has another name, so that it can be searched for
    assert len({min(e) for e in seen.values()}) > 0.8 * len(seen), seen
    assert gw.api("GET", "/api/v1/audit/verify")[1]["whole"] is True


def test_so_is_a_users_own(gw):
    client = Client(gw)
    assert client.login(user="alice", password="secret")[0] == 200
    for change in OWN:
        made(gw, client, change, {}, "user alice")


def test_the_log_is_searched_page_by_page(gw):
    alice = Client(gw)
    assert alice.login(user="alice", password="secret")[0] == 200
    for on in (True, False) * 4:
        assert alice.ask("PUT", "/me/e2ee", {"on": on})[0] == 200
    c = Client(gw, token=gw.token("reader", "read"))
    every = c.ask("GET", "/audit?max=1000")[1]
    assert every[-1]["event"] == "log-opened"
    seen, at = [], ""
    while page := c.ask("GET", f"/audit?max=7{at}")[1]:
        seen += page
        at = f"&before={page[-1]['seq']}"
    assert seen == every
    found = c.ask("GET", "/audit?max=1000&text=USER%20alice")[1]
    assert found == [r for r in every if "user alice" in str(r.values())]
    assert len(found) >= 8
    done = gw.ctl("audit", "list", "--search", "log-opened", "--json")
    assert "log-opened" in done.stdout and done.stdout.count('"seq"') == 1
    for query in ("before=x", "text=" + "x" * 200):
        status, j, _ = c.ask("GET", f"/audit?{query}")
        assert (status, j["error"]) == (400, "bad-query")


RANKS = ["READ", "OPERATE", "ADMINISTER"]
FILL = {"name": "alice", "id": "1", "peer": "bob", "user": "alice",
        "source": "127.9.9.9", "number": "1", "prefix": "1", "trunk": "x"}


def test_each_route_asks_for_its_role(gw):
    """All routes, by nobody, by a user, and by administrators of each role below
    the one that it takes: refused before anything else is looked at."""
    user = Client(gw)
    assert user.login(user="bob", password="secret")[0] == 200
    tokens = {r: Client(gw, token=gw.token(f"r-{r.lower()}", r.lower()))
              for r in RANKS}
    since = gw.api("GET", "/api/v1/audit?max=1")[1][0]["seq"]
    for method, path, body, role in ROUTES:
        at = re.sub(r"\{(\w+)\}", lambda m: FILL[m[1]], path)
        body = {} if body == "true" else None
        if role in ("NOBODY", "ANY"):
            continue
        assert Client(gw).ask(method, at, body)[0] == 401, path
        lower = RANKS if role == "USER" else RANKS[:RANKS.index(role)]
        refused = [tokens[r] for r in lower]
        if role != "USER":
            refused.append(user)
        for c in refused:
            status, j, _ = c.ask(method, at, body)
            assert (status, j["error"]) == (403, "role-needed"), (method, path)
    assert gw.api("GET", "/api/v1/audit?max=1")[1][0]["seq"] == since


def test_slow_clients_hold_nobody_up(gw):
    """As many connections as one source may have, each with half a request, an
    octet now and then: others are served, and the slow are cut off."""
    slow = []
    while len(slow) < 24:
        s = socket.create_connection((gw.A, HTTPS), 5,
                                     source_address=("127.0.0.40", 0))
        s.sendall(b"\x16")  # TLS's first octet
        slow.append(s)
    extra = socket.create_connection((gw.A, HTTPS), 5,
                                     source_address=("127.0.0.40", 0))
    extra.settimeout(5)
    assert extra.recv(1) == b"", "one source has all it may have"
    token = gw.token("quick", "read")
    for _ in range(20):
        assert Client(gw, token=token, source="127.0.0.41").ask(
            "GET", "/calls")[0] == 200
    # each is given up after half a minute without a whole request
    for s in slow:
        s.settimeout(90)
        try:
            while s.recv(64):  # an alert of TLS
                pass
        except ConnectionError:
            pass
        s.close()
    extra.close()
    assert gw.control.poll() is None
