# SPDX-License-Identifier: Apache-2.0
"""The API's description against the table of routes and against what is
answered. (Every other test that asks the API checks its answers too.)"""

import re
import sys
from pathlib import Path

import jsonschema
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from afar import ROOT, Afar, Client  # noqa: E402
import api_schema  # noqa: E402
from gateway import isolate  # noqa: E402

isolate()
DOC = api_schema.description()
ROUTES = {(m, p): (takes == "true", role.lower()) for m, p, takes, role in
          re.findall(r'\{"(\w+)",\s*"/api/v1([^"]+)",\s*\w+,\s*(true|false),'
                     r'\s*ROLE_(\w+)\}',
                     (ROOT / "control/http/routes.c").read_text())}


def operations():
    for path, methods in DOC["paths"].items():
        for method, op in methods.items():
            yield method.upper(), path, op


def test_every_route_is_described_and_nothing_else():
    assert len(ROUTES) > 40
    assert set(ROUTES) == {(m, p) for m, p, _ in operations()}


@pytest.mark.parametrize("method,path,op", operations())
def test_role_and_body_are_the_tables(method, path, op):
    takes, role = ROUTES[method, path]
    assert op["x-role"] == role
    assert ("requestBody" in op) == takes
    assert (op.get("security") == []) == (role == "nobody")
    names = {p["name"] for p in op.get("parameters", ()) if p["in"] == "path"}
    assert names == set(re.findall(r"\{(\w+)\}", path))


def test_every_schema_is_one_and_is_used():
    text = (ROOT / "control/http/openapi.json").read_text()
    for name, schema in DOC["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert f'"#/components/schemas/{name}"' in text, name


@pytest.fixture(scope="module")
def gw(tmp_path_factory):
    with Afar(tmp_path_factory.mktemp("openapi"), port=25170).up() as g:
        g.admin("ada", "administer")
        g.add_user("alice")
        g.ctl("group", "add", "board")
        g.ctl("group", "join", "board", "alice")
        g.ctl("policy", "new", "Open", "--calling", "DisabledUserOverride")
        g.ctl("policy", "grant", "Open", "--group", "board")
        yield g


FILL = {"name": "alice", "id": "1", "peer": "alice", "user": "alice",
        "source": "127.9.9.9", "number": "1", "prefix": "1"}


def test_what_is_answered_is_what_is_described(gw):
    """Each GET, and each change with an empty body: the check is Client.ask's,
    on success and on refusal."""
    c = Client(gw)
    assert c.login(name="ada")[0] == 200
    done = 0
    for method, path, op in operations():
        if path in ("/events", "/session"):
            continue
        at = re.sub(r"\{(\w+)\}", lambda m: FILL.get(m[1], "1"), path)
        status, _, _ = c.ask(method, at, {} if "requestBody" in op else None)
        assert status != 500, (method, path)
        done += status < 300
    assert done > 20


@pytest.mark.parametrize("body", [
    "", "{", "[]", "null", '"x"', '{"a":1,"a":2}', "{}" + " " * 70000,
    '{"name":null,"password":7,"role":[]}', '{"name":"' + "x" * 300 + '"}',
    '{"name":"\\u0000","password":"x"}', b'{"name":"\xff"}',
    "[" * 5000, '{"on":"yes","days":1e99,"rank":-1,"max":1.5}'])
def test_bad_bodies_are_refused_everywhere(gw, body):
    c = Client(gw, token=gw.token(f"t{abs(hash(body))}", "administer"))
    for method, path, op in operations():
        if "requestBody" not in op:
            continue
        at = re.sub(r"\{(\w+)\}", lambda m: FILL.get(m[1], "1"), path)
        status, j, _ = c.ask(method, at, body)
        assert 400 <= status < 500 or j.get("error") == "no-events" or \
            status in (501, 503), (method, path, status, j)
        assert set(j) == {"error", "message"}
