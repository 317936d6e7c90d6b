# SPDX-License-Identifier: Apache-2.0
"""Export of everything from one appliance, and import into another."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from afar import HTTPS, Afar, Client  # noqa: E402
from gateway import isolate  # noqa: E402

isolate()

TOLD = [
    "users profile alice --security dtls --ice on --codecs PCMA",
    "user e2ee on alice", "user compliance on bob",
    "user dial national alice",
    "group add board", "group add staff", "group join board alice",
    "group join staff bob", "group join staff alice",
    "policy new Open --calling DisabledUserOverride --description may",
    "policy new Shut", "policy set Global --description everybody",
    "policy grant Open --user alice", "policy grant Shut --group staff",
    "policy grant Open --group board --rank 1",
    "trunk add carrier address=192.0.2.10:5060 user=acme calls=30 "
    "register=no --password tr-secret",
    "route add + carrier", "number add +493012345 user=alice",
    "number add +493012346 group=board",
]


def start(folder, port, https=HTTPS):
    g = Afar(folder, port=port)
    config = Path(g.config)
    config.write_text(config.read_text().replace(f":{HTTPS}", f":{https}"))
    g.start_dataplane()
    g.start()
    return g


def stop(g):
    assert g.stop() == 0
    g.close()


def ctl(g, *words, status=0, stdin=""):
    done = g.ctl(*words, stdin=stdin)
    assert done.returncode == status, (words, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """An appliance that was told much; its export with and without secrets."""
    g = start(tmp_path_factory.mktemp("one"), 25210)
    for name in ("alice", "bob"):
        ctl(g, "users", "add", name, "--display", name.title(),
            stdin=f"{name} secret\n")
    for words in TOLD:
        ctl(g, *words.split())
    texts = ctl(g, "export"), ctl(g, "export", "--secrets")
    yield g, *texts
    stop(g)


@pytest.fixture
def two(tmp_path, one):
    """A fresh one, under another file name, so that the configuration differs
    in nothing but what is the test's own."""
    g = start(tmp_path, 25230, HTTPS + 1)
    g.files = Path(tmp_path)
    yield g
    stop(g)


def moved(g, text):
    """The file with the configuration of the other place."""
    j = json.loads(text)
    j["config"] = Path(g.config).read_text()
    path = g.files / "all.json"
    path.write_text(json.dumps(j))
    return str(path), j


def still(text):
    j = json.loads(text)
    for key in ("exported", "config"):
        del j[key]
    return j


def test_no_secret_leaves_unasked(one):
    g, plain, secret = one
    for text in (plain, secret):
        assert "tr-secret" not in text and "alice secret" not in text
    assert "ha1" not in plain
    assert all(len(u["ha1"]) == 32 for u in json.loads(secret)["users"])
    events = json.loads(ctl(g, "audit", "list", "--json"))
    assert sum(e["event"] == "user-secret-read" for e in events) == 2


def test_ha1_is_for_root_at_the_socket(one):
    g = one[0]
    c = Client(g, token=g.token("t", "administer"))
    status, j, _ = c.ask("GET", "/users/alice/ha1")
    assert (status, j["error"]) == (403, "root-needed")


def test_an_import_makes_it_the_same(one, two):
    _, plain, secret = one
    path, _ = moved(two, secret)
    before = ctl(two, "export")
    would = ctl(two, "import", path, "--dry-run")
    assert still(ctl(two, "export")) == still(before), "a dry run changes"
    assert ctl(two, "import", path) == would
    for line in ("add user alice", "turn e2ee of user alice on",
                 "put user bob into group staff", "change policy Global",
                 "grant policy Open to group board", "add trunk carrier",
                 "add route + to carrier", "give number +493012346 to board"):
        assert line in would.splitlines(), line
    assert "trunk carrier has no password" in would
    assert still(ctl(two, "export")) == still(plain)
    ha1 = {u["name"]: u["ha1"] for u in json.loads(secret)["users"]}
    again = json.loads(ctl(two, "export", "--secrets"))
    assert {u["name"]: u["ha1"] for u in again["users"]} == ha1
    assert ctl(two, "import", path).splitlines() == [
        "All of it is there already."]


def test_without_secrets_users_need_a_password(one, two):
    path, _ = moved(two, one[1])
    said = ctl(two, "import", path)
    assert 'before "sallyctl users password alice"' in said
    ctl(two, "users", "password", "alice", stdin="alice secret\n")
    ha1 = {u["name"]: u["ha1"] for u in
           json.loads(ctl(two, "export", "--secrets"))["users"]}
    same = {u["name"]: u["ha1"] for u in json.loads(one[2])["users"]}
    assert ha1["alice"] == same["alice"] and ha1["bob"] != same["bob"]


def test_the_configuration_goes_along(one, two):
    path, j = moved(two, one[1])
    j["config"] = j["config"].replace("log: debug", "log: info")
    Path(path).write_text(json.dumps(j))
    said = ctl(two, "import", path).splitlines()
    assert said.index("apply the configuration") > said.index(
        "give number +493012345 to alice")
    assert "log: info" in Path(two.config).read_text()


def test_a_refusal_says_how_far_it_came(one, two):
    path, j = moved(two, one[1])
    j["users"][1]["name"] = "not a name"
    Path(path).write_text(json.dumps(j))
    done = two.ctl("import", path)
    assert done.returncode == 1
    assert "that was: add user not a name" in done.stderr


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sallyport": 2}'])
def test_what_is_no_export(two, text):
    (two.files / "x").write_text(text)
    assert two.ctl("import", str(two.files / "x")).returncode == 2
