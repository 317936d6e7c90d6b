# SPDX-License-Identifier: Apache-2.0
"""Call records: all that are kept can be searched, page by page, and taken along
as CSV."""

import copy
import csv
import http.client
import io
import json
import socket
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from afar import Afar, Client  # noqa: E402
from gateway import isolate  # noqa: E402
from course import call_up  # noqa: E402

isolate()
MANY = 2500
FIRST = 1_700_000_040  # when the oldest began, a whole minute; one in each


def a_call(gw):
    """A real one; its record."""
    a, b, d = call_up(gw)
    d.bye()
    b.expect("BYE")
    for p in (a, b):
        p.close()
    return gw.record(to="sip:bob@sip.test")


def older(real, n):
    """The same, of another time and of others."""
    r = copy.deepcopy(real)
    r.update(id=10000 + n, started=FIRST + 60 * n, ended=FIRST + 60 * n + 30,
             answered=FIRST + 60 * n + 5 if n % 2 else 0)
    r["from"], r["to"] = f"sip:u{n}@sip.test", "sip:bob@sip.test"
    return r


@pytest.fixture(scope="module")
def gw(tmp_path_factory):
    with Afar(tmp_path_factory.mktemp("records"), 25850).up() as g:
        g.admin("rita", "read")
        for name in ("alice", "bob"):
            g.add_user(name, security=0)
        real = a_call(g)
        odd = older(real, 1)
        odd.update({"from": 'sip:"a,b"@sip.test', "e2ee": True,
                    "reason": "=cmd|' /C calc'!A0", "trunk": "Carrier",
                    "recordings": 1})
        odd["media"][0]["legs"][0]["codec"] = 'x",y'
        rows = [odd if n == 1 else older(real, n) for n in range(MANY)]
        with sqlite3.connect(Path(g.folder, "control.db"), timeout=10) as db:
            db.execute("DELETE FROM cdr")
            db.executemany(
                "INSERT INTO cdr (id, start, json) VALUES (?, ?, ?)",
                [(r["id"], r["started"],
                  json.dumps(r, separators=(",", ":"))) for r in rows])
        yield g


@pytest.fixture(scope="module")
def client(gw):
    c = Client(gw)
    assert c.login(name="rita")[0] == 200
    return c


def find(client, **query):
    words = "&".join(f"{k}={v}" for k, v in query.items())
    status, j, _ = client.ask("GET", f"/records?{words}")
    assert status == 200, j
    return j


def test_page_by_page(client):
    seen, query = [], {"max": 700}
    while page := find(client, **query):
        seen += [r["id"] for r in page]
        query["before"] = page[-1]["seq"]
    assert seen == [10000 + n for n in reversed(range(MANY))]


@pytest.mark.parametrize("query,ids", [
    ({"text": "u0@"}, [10000]),
    ({"text": "U7@SIP.test"}, [10007]),
    ({"text": "10011"}, [10011]),
    ({"text": "carrier"}, [10001]),
    ({"text": "nobody"}, []),
    ({"kind": "e2ee"}, [10001]),
    ({"kind": "recorded"}, [10001]),
    ({"from": FIRST + 60, "until": FIRST + 180}, [10002, 10001]),
    ({"from": FIRST + 60, "until": FIRST + 180, "kind": "answered"}, [10001]),
    ({"from": FIRST + 60, "until": FIRST + 180, "kind": "unanswered"},
     [10002]),
])
def test_what_fits(client, query, ids):
    assert [r["id"] for r in find(client, **query)] == ids
    words = "&".join(f"{k}={v}" for k, v in query.items())
    assert client.ask("GET", f"/records/count?{words}")[1] == {
        "found": len(ids), "kept": MANY}


@pytest.mark.parametrize("query", [
    "from=yesterday", "until=-1", "before=", "kind=some", "max=0",
    "max=10001", "text=" + "x" * 200, "from=99999999999999999999"])
def test_what_no_query_is(client, query):
    for path in ("/records", "/records/count", "/records.csv"):
        status, j, _ = client.ask("GET", f"{path}?{query}")
        assert (status, j["error"]) == (400, "bad-query")


def table(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_as_csv(client):
    status, text, headers = client.ask("GET", "/records.csv")
    assert status == 200
    assert headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = table(text.decode())
    assert [r["id"] for r in rows] == [
        str(10000 + n) for n in reversed(range(MANY))]
    odd, plain = rows[-2], rows[-1]
    assert odd["from"] == 'sip:"a,b"@sip.test'
    # no formula, wherever it is opened
    assert odd["reason"] == "'=cmd|' /C calc'!A0"
    assert odd["caller_codecs"] == 'x",y'
    assert odd["protection"] == "End-to-end encrypted"
    assert odd["trunk"] == "Carrier"
    assert plain["protection"] == "Not encrypted"
    assert plain["caller_suites"] == "plain" == plain["callee_suites"]
    assert plain["callee_codecs"] == "PCMU/8000"
    assert plain["answered"] == ""
    assert plain["started"] == time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                             time.gmtime(FIRST))
    text = client.ask("GET", "/records.csv?text=u7@")[1].decode()
    assert [r["id"] for r in table(text)] == ["10007"]
    for n in (1, 499, 500, 501, 1000):  # around the ends of pieces
        text = client.ask("GET", f"/records.csv?max={n}")[1].decode()
        assert len(table(text)) == n
    text = client.ask("GET", "/records.csv?text=nobody")[1].decode()
    assert table(text) == [] and text.startswith("id,from,to,")


def csv_begun(gw):
    """@return a client that has asked for the CSV, and the answer."""
    c = http.client.HTTPConnection("localhost")
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.settimeout(10)
    c.sock.connect(gw.api_socket)
    c.request("GET", "/api/v1/records.csv")
    r = c.getresponse()
    assert r.status == 200 and r.getheader("Transfer-Encoding") == "chunked"
    return c, r


@pytest.fixture
def slow(gw):
    """One that reads no further."""
    c, r = csv_begun(gw)
    yield r, r.read(1000)
    c.close()


def change(gw, *sql):
    """In one transaction, beside the gateway: it has to hold none."""
    with sqlite3.connect(Path(gw.folder, "control.db"), timeout=2) as db:
        for line in sql:
            db.execute(line)
        if sql[-1].startswith("PRAGMA"):
            return db.execute(sql[-1]).fetchone()
    return None


def test_csv_is_made_as_it_is_read(gw, client, slow):
    """What is deleted meanwhile is missing in the end: it wasn't in memory, nor
    in a transaction that lasts."""
    r, begun = slow
    oldest = f"id < {10000 + 200}"
    change(gw, f"CREATE TABLE aside AS SELECT * FROM cdr WHERE {oldest}",
           f"DELETE FROM cdr WHERE {oldest}")
    try:
        assert change(gw, "PRAGMA wal_checkpoint(TRUNCATE)") == (0, 0, 0)
        assert find(client, max=1)[0]["id"] == 10000 + MANY - 1
        rows = table((begun + r.read()).decode())
        assert [r["id"] for r in rows] == [
            str(10000 + n) for n in reversed(range(200, MANY))]
    finally:
        change(gw, "INSERT INTO cdr SELECT * FROM aside", "DROP TABLE aside")
    assert len(find(client, max=10000)) == MANY


def test_csv_that_ends_too_early_is_seen_to(gw, slow):
    r, _ = slow
    change(gw, "ALTER TABLE cdr RENAME TO away")
    try:
        with pytest.raises(http.client.IncompleteRead):
            r.read()
    finally:
        change(gw, "ALTER TABLE away RENAME TO cdr")


def test_many_that_read_csv_leave_room_for_others(gw, client):
    """What waits for its next piece is no request that waits."""
    begun = [csv_begun(gw) for _ in range(40)]
    with ThreadPoolExecutor(len(begun)) as readers:
        rows = [readers.submit(lambda r=r: table(r.read().decode()))
                for _, r in begun]
        while not all(r.done() for r in rows):
            assert client.ask("GET", "/records/count")[0] == 200
    assert {len(r.result()) for r in rows} == {MANY}
    for c, _ in begun:
        c.close()


def test_a_gateway_stops_with_csv_under_way(gw, slow):
    r, _ = slow
    assert gw.stop() == 0
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        r.read()
    gw.start()


def test_sallyctl_searches_too(gw):
    """Times as this machine's clock shows them."""
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(FIRST + 3600))
    done = gw.ctl("records", "--from", began, "--max", "10000", "--json")
    assert done.returncode == 0, done.stderr
    assert [r["id"] for r in json.loads(done.stdout)] == [
        10000 + n for n in reversed(range(60, MANY))]
    done = gw.ctl("records", "--until", began, "--kind", "answered", "--csv")
    assert [r["id"] for r in table(done.stdout)] == [
        str(10000 + n) for n in reversed(range(1, 60, 2))]
    assert "u7@sip.test" in gw.ctl("records", "--search", "u7@").stdout
    assert "No call record fits." in gw.ctl("records", "--search", "q").stdout
    done = gw.ctl("records", "--from", "yesterday")
    assert done.returncode == 2 and "2026-07-31" in done.stderr
    done = gw.ctl("records", "--kind", "odd", "--csv")
    assert done.returncode == 1 and "kind is any" in done.stderr
