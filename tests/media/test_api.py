# SPDX-License-Identifier: Apache-2.0
"""The control API and sallyctl against the real sallyport-control, with a
dataplane of the tests' own behind it."""

import hashlib
import http.client
import json
import os
import re
import socket
import sqlite3
import stat
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("B", ROOT / "build")).absolute()
PASSWORD = "correct horse battery"
ABI = int(re.search(r"SP_ABI_VERSION (\d+)",
                    (ROOT / "dataplane/abi/abi.h").read_text()).group(1))


class Unix(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Rig:
    def __init__(self, folder):
        self.folder = folder
        self.api = folder / "control.sock"
        self.database = folder / "sallyport.db"
        self.dataplane = subprocess.Popen(
            [BUILD / "tests" / "abi-server"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.dataplane_socket = self.dataplane.stdout.readline().strip()
        config = folder / "sallyport.yaml"
        config.write_text(f"""
control:
  dataplane: {self.dataplane_socket}
  api: {self.api}
  database: {self.database}
  domain: sallyport.example
  sip:
    listen: ["udp:127.0.0.1:{free_port()}"]
  media_timeout: 60
""")
        self.log = open(folder / "control.log", "w")
        self.control = None
        self.start()

    def start(self):
        self.control = subprocess.Popen(
            [BUILD / "bin" / "sallyport-control", "-c",
             self.folder / "sallyport.yaml"],
            stdout=self.log, stderr=subprocess.STDOUT)
        self.wait(lambda: self.get("/version")[1]["dataplane_connected"])

    def wait(self, holds):
        deadline = time.monotonic() + 10
        while True:
            assert self.control.poll() is None, \
                (self.folder / "control.log").read_text()
            try:
                if holds():
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline, "waited too long"
            time.sleep(0.05)

    def tell_dataplane(self, line):
        self.dataplane.stdin.write(line + "\n")
        self.dataplane.stdin.flush()
        assert self.dataplane.stdout.readline() == "done\n"

    def request(self, method, path, body=None, headers=None, base="/api/v1"):
        connection = Unix(self.api)
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        connection.request(method, base + path, body, headers or {})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        assert answer.headers["Content-Type"] == "application/json"
        return answer.status, json.loads(content), answer.headers

    def get(self, path):
        return self.request("GET", path)

    def ctl(self, *words, **options):
        return subprocess.run(
            [BUILD / "bin" / "sallyctl", "--socket", self.api, *words],
            text=True, capture_output=True, timeout=60, **options)

    def close(self):
        self.control.terminate()
        assert self.control.wait(20) == 0
        self.dataplane.stdin.close()
        self.dataplane.wait(10)
        self.log.close()


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    r = Rig(tmp_path_factory.mktemp("api"))
    yield r
    r.close()


def test_version(rig):
    status, body, _ = rig.get("/version")
    assert status == 200
    assert body["api"] == "v1" and body["abi"] == ABI
    assert body["dataplane_connected"] is True
    out = rig.ctl("version")
    assert out.returncode == 0
    assert "dataplane  connected, started " in out.stdout


def test_socket_is_not_for_everybody(rig):
    assert stat.S_IMODE(rig.api.stat().st_mode) == 0o660


@pytest.mark.parametrize("path", ["/calls", "/records", "/flows",
                                  "/registrations"])
def test_nothing_yet(rig, path):
    assert rig.get(path)[:2] == (200, [])


def test_ports_and_stats(rig):
    (port,) = rig.get("/ports")[1]
    assert port["name"] == "access0" and port["rx_packets"] == 12
    assert port["link_up"] is True
    stats = rig.get("/stats")[1]
    assert stats["calls"] == 0 and stats["workers"] == 2
    assert stats["ports"]["rx_packets"] == 12
    assert stats["verdicts"] == [
        {"name": "bad-tag", "count": 3, "unit": "packets",
         "severity": "wrong", "meaning": "the tag didn't verify"}]
    out = rig.ctl("stats").stdout
    assert "wrong" in out and "the tag didn't verify" in out


@pytest.mark.parametrize("method,path,status,error", [
    ("GET", "/nothing", 404, "no-such-path"),
    ("GET", "/calls/1/2", 404, "no-such-path"),
    ("GET", "/users/", 404, "no-such-path"),
    ("GET", "/callsign", 404, "no-such-path"),
    ("GET", "/calls/17", 404, "no-such-call"),
    ("GET", "/calls/abc", 404, "no-such-call"),
    ("GET", "/calls/-1", 404, "no-such-call"),
    ("DELETE", "/calls/17", 404, "no-such-call"),
    ("DELETE", "/users/nobody", 404, "no-such-user"),
    ("PUT", "/calls", 405, "wrong-method"),
    ("DELETE", "/version", 405, "wrong-method"),
    ("GET", "/users/alice", 405, "wrong-method"),
    ("GET", "/records?max=0", 400, "bad-query"),
    ("GET", "/records?max=-3", 400, "bad-query"),
    ("GET", "/records?max=99999999999999999999", 400, "bad-query"),
    ("GET", "/records?max=1x", 400, "bad-query"),
])
def test_errors(rig, method, path, status, error):
    got, body, headers = rig.request(method, path)
    assert (got, body["error"]) == (status, error)
    assert len(body["message"]) > 10
    if status == 405:
        assert headers["Allow"]


def test_what_there_is_instead(rig):
    assert rig.request("PATCH", "/users")[2]["Allow"] == "GET, POST"
    status, body, _ = rig.request("GET", "/", base="")
    assert (status, body["error"]) == (404, "no-such-path")


ALICE = {"name": "alice", "password": PASSWORD}


@pytest.mark.parametrize("body,error", [
    ("", "bad-json"),
    ("{", "bad-json"),
    ("[]", "bad-json"),
    ("\"x\"", "bad-json"),
    ("{\"name\": \"a\", \"name\": \"b\"}", "bad-json"),
    (b"{\"name\": \"\xff\"}", "bad-json"),
    ({}, "bad-name"),
    ({"name": "Alice", "password": "x"}, "bad-name"),
    ({"name": "", "password": "x"}, "bad-name"),
    ({"name": "a" * 65, "password": "x"}, "bad-name"),
    ({"name": "a:b", "password": "x"}, "bad-name"),
    ({"name": 7, "password": "x"}, "bad-name"),
    ({"name": "alice"}, "bad-password"),
    ({"name": "alice", "password": ""}, "bad-password"),
    ({"name": "alice", "password": ["x"]}, "bad-password"),
    ({"name": "alice", "password": "x" * 257}, "bad-password"),
    ({**ALICE, "display": "x" * 128}, "bad-display"),
    ({**ALICE, "display": 1}, "bad-display"),
    ({**ALICE, "media": "open"}, "bad-media"),
    ({**ALICE, "media": None}, "bad-media"),
    ({**ALICE, "suites": []}, "bad-suites"),
    ({**ALICE, "suites": "AEAD_AES_128_GCM"}, "bad-suites"),
    ({**ALICE, "suites": ["NULL_HMAC_SHA1_80"]}, "bad-suites"),
    ({**ALICE, "suites": [1]}, "bad-suites"),
    ({**ALICE, "suites": ["AEAD_AES_128_GCM"] * 2}, "bad-suites"),
    ({**ALICE, "profile": "plain"}, "unknown-member"),
])
def test_users_that_are_refused(rig, body, error):
    status, answer, _ = rig.request("POST", "/users", body)
    assert (status, answer["error"]) == (400, error)
    assert PASSWORD not in answer["message"]
    assert rig.get("/users")[1] == []


AUTO = {"security": "auto", "ice": "auto", "avpf": "auto", "mux": "auto",
        "bundle": "auto", "setup": "auto", "codecs": []}


def test_a_profile_is_changed_by_its_members(rig):
    path = "/users/dora/profile"
    rig.request("POST", "/users", {**ALICE, "name": "dora"})
    try:
        before = rig.get(path)[1]
        assert before == {**AUTO, "suites": before["suites"]}
        for change in ({"security": "dtls", "ice": "on"},
                       {"setup": "passive", "codecs": ["PCMA", "opus"]},
                       {"suites": ["AEAD_AES_256_GCM"], "bundle": "off"},
                       {"mux": "on", "avpf": "off", "codecs": []}):
            status, after, _ = rig.request("PUT", path, change)
            assert status == 200
            assert after == {**before, **change}
            assert rig.get(path)[1] == after
            before = after
        for wrong, error in (({"ice": "maybe"}, "bad-profile"),
                             ({"setup": 1}, "bad-profile"),
                             ({"codecs": ["PC MA"]}, "bad-codecs"),
                             ({"codecs": "PCMA"}, "bad-codecs"),
                             ({"codecs": ["x" * 32] * 5}, "bad-codecs"),
                             ({"suites": []}, "bad-suites"),
                             ({"colour": "red"}, "unknown-member")):
            status, body, _ = rig.request("PUT", path, wrong)
            assert (status, body["error"]) == (400, error)
        assert rig.get(path)[1] == before
        assert rig.get("/users/nobody/profile")[0] == 404
        assert rig.request("PUT", "/users/nobody/profile", {})[0] == 404
        shown = rig.ctl("users", "profile", "dora", "--security", "auto",
                        "--ice", "off", "--codecs", "G722,PCMU")
        assert shown.returncode == 0 and "G722, PCMU" in shown.stdout
        now = rig.get(path)[1]
        assert now == {**before, "security": "auto", "ice": "off",
                       "codecs": ["G722", "PCMU"]}
    finally:
        rig.request("DELETE", "/users/dora")


def test_a_user_comes_and_goes(rig):
    status, made, _ = rig.request("POST", "/users", {
        **ALICE, "display": "Alice Ünal", "media": "sdes",
        "suites": ["AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80"]})
    assert status == 201
    suites = ["AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80"]
    assert made == {"name": "alice", "display": "Alice Ünal", "media": "sdes",
                    "suites": suites,
                    "profile": {**AUTO, "security": "sdes", "suites": suites}}
    assert rig.get("/users")[1] == [made]
    status, again, _ = rig.request("POST", "/users", ALICE)
    assert (status, again["error"]) == (409, "user-exists")

    # the password is nowhere; what digest needs of it is
    with sqlite3.connect(f"file:{rig.database}?mode=ro", uri=True) as db:
        dump = "\n".join(db.iterdump())
    want = hashlib.md5(f"alice:sallyport.example:{PASSWORD}".encode())
    assert want.hexdigest() in dump
    for file in rig.folder.glob("sallyport.db*"):
        assert PASSWORD.encode() not in file.read_bytes()
    assert PASSWORD not in (rig.folder / "control.log").read_text()

    status, gone, _ = rig.request("DELETE", "/users/alice")
    assert (status, gone) == (200, {"removed": "alice"})
    assert rig.get("/users")[1] == []


def test_body_where_none_belongs(rig):
    status, body, _ = rig.request("DELETE", "/users/alice", "{}")
    assert (status, body["error"]) == (400, "no-body-here")


def test_oversized_bodies(rig):
    big = json.dumps({**ALICE, "display": "x" * 70000})
    status, body, _ = rig.request("POST", "/users", big)
    assert (status, body["error"]) == (413, "too-large")
    # in pieces, with a length that isn't said
    status, body, _ = rig.request(
        "POST", "/users", iter([b"x" * 1000] * 200))
    assert (status, body["error"]) == (413, "too-large")
    # and one that never ends is cut off
    with pytest.raises((ConnectionError, http.client.BadStatusLine)):
        rig.request("POST", "/users", iter(lambda: b"x" * 1000, b""))


def test_many_and_slow_clients(rig):
    slow = []
    for _ in range(20):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(rig.api))
        s.sendall(b"POST /api/v1/users HTTP/1.1\r\nHost: x\r\nContent-Le")
        slow.append(s)
    for _ in range(50):
        assert rig.get("/calls")[0] == 200
    for s in slow:
        s.sendall(b"ngth: 2\r\n\r\n{}")
    for s in slow:
        assert b"bad-name" in s.recv(4096)
        s.close()


def test_rubbish_on_the_socket(rig):
    for rubbish in (b"\0" * 100, b"GET\r\n\r\n", b"\xff\xfe", b"x" * 100000):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(rig.api))
            try:
                s.sendall(rubbish)
            except BrokenPipeError:
                pass
    assert rig.get("/version")[0] == 200


def test_dataplane_away(rig):
    rig.tell_dataplane("away")
    try:
        rig.wait(lambda: not rig.get("/version")[1]["dataplane_connected"])
        for path in ("/flows", "/ports", "/stats"):
            status, body, _ = rig.get(path)
            assert (status, body["error"]) == (503, "dataplane-away")
        out = rig.ctl("ports")
        assert out.returncode == 1
        assert out.stdout == ""
        assert out.stderr == ("sallyctl: The dataplane isn't connected; is "
                              "sallyport-dataplane running?.\n"
                              ).replace("?.", "?")
        assert rig.get("/calls")[0] == 200
    finally:
        rig.tell_dataplane("back")
    rig.wait(lambda: rig.get("/version")[1]["dataplane_connected"])


# --- sallyctl ---

def test_ctl_users(rig):
    out = rig.ctl("users", "add", "bob", "--media", "sdes", "--suites",
                  "AEAD_AES_128_GCM,AES_CM_128_HMAC_SHA1_80",
                  "--password-stdin", input=PASSWORD + "\n")
    assert (out.returncode, out.stderr) == (0, "")
    assert out.stdout == "User bob is there (media: sdes).\n"
    out = rig.ctl("users", "add", "bob", "--password", "x")
    assert out.returncode == 1
    assert out.stderr == "sallyctl: There is a user bob already.\n"
    out = rig.ctl("users", "add", "carol", "--profile", "plain", "--password",
                  "x", "--display", "Carol \x1b[31m")
    assert out.returncode == 0
    users = json.loads(rig.ctl("users", "list", "--json").stdout)
    assert [u["name"] for u in users] == ["bob", "carol"]
    out = rig.ctl("users")
    lines = out.stdout.splitlines()
    assert lines[0].split() == ["NAME", "MEDIA", "DISPLAY", "SUITES"]
    # columns stand under each other, and no escape reaches the terminal
    assert all(line[lines[0].index("MEDIA") - 1] == " " for line in lines)
    assert "\x1b" not in out.stdout and "?[31m" in out.stdout
    for name in ("bob", "carol"):
        out = rig.ctl("users", "remove", name)
        assert out.stdout == f"User {name} is gone.\n"
    out = rig.ctl("users", "remove", "bob")
    assert (out.returncode, out.stderr) == \
        (1, "sallyctl: There is no user bob.\n")


@pytest.mark.parametrize("words,sentence", [
    (["calls"], "No call is in progress."),
    (["calls", "list"], "No call is in progress."),
    (["records"], "There are no call records yet."),
    (["flows"], "The dataplane has no flows."),
    (["registrations"], "No device is registered."),
])
def test_ctl_nothing_yet(rig, words, sentence):
    out = rig.ctl(*words)
    assert (out.returncode, out.stdout) == (0, sentence + "\n")
    assert json.loads(rig.ctl(*words, "--json").stdout) == []


def test_ctl_hangup(rig):
    out = rig.ctl("calls", "hangup", "4711")
    assert (out.returncode, out.stderr) == \
        (1, "sallyctl: No call has the id 4711.\n")
    out = rig.ctl("calls", "hangup", "../users")
    assert out.returncode == 1


@pytest.mark.parametrize("words", [
    [], ["fly"], ["calls", "away"], ["calls", "hangup"], ["--bogus"],
    ["users", "add"], ["users", "add", ""], ["calls", "--media", "plain"],
    ["ports", "--json=1"], ["version", "--socket"],
    ["calls", "hangup", "1", "2"],
])
def test_ctl_usage(rig, words):
    out = subprocess.run([BUILD / "bin" / "sallyctl", *words], text=True,
                         capture_output=True, timeout=60,
                         stdin=subprocess.DEVNULL)
    assert out.returncode == 2
    assert out.stdout == ""
    assert out.stderr


def test_ctl_help(rig):
    out = rig.ctl("--help")
    assert out.returncode == 0
    for word in ("calls hangup ID", "users add NAME", "registrations"):
        assert word in out.stdout
        assert rig.ctl(*word.split()[:2], "--help").returncode == 0
    out = rig.ctl("users", "add", "--help")
    assert "AES_CM_128_HMAC_SHA1_80" in out.stdout


def test_ctl_without_control(rig, tmp_path):
    out = subprocess.run(
        [BUILD / "bin" / "sallyctl", "--socket", tmp_path / "none", "calls"],
        text=True, capture_output=True, timeout=60)
    assert out.returncode == 3
    assert "Is sallyport-control running" in out.stderr
    out = subprocess.run([BUILD / "bin" / "sallyctl", "calls"], text=True,
                         capture_output=True, timeout=60,
                         env={"SALLYPORT_SOCKET": str(rig.api)})
    assert out.returncode == 0


# --- flows for a packet generator ---

def test_bench_flows(rig):
    status, made, _ = rig.request("POST", "/bench/flows", {"flows": 3})
    assert status == 200
    assert made == {"flows": 3, "first_port": 20000, "last_port": 20004,
                    "access": {"gateway": "10.1.0.1", "peer": "10.1.0.100"},
                    "trunk": {"gateway": "10.2.0.1", "peer": "10.2.0.100"}}
    flows = rig.get("/flows")[1]
    assert sorted((f["local"], f["peer"], f["suite_tx"]) for f in flows) == [
        (f"10.{side}.0.1:{port}", f"10.{side}.0.100:{port}", suite)
        for side, suite in ((1, "plain"), (2, "AES_CM_128_HMAC_SHA1_80"))
        for port in (20000, 20002, 20004)]
    # Asked for again, those before are gone.
    out = rig.ctl("bench", "flows", "1", "--suite", "AEAD_AES_256_GCM",
                  "--trunk", "10.2.0.7")
    assert out.returncode == 0
    assert "10.2.0.7" in out.stdout
    assert {f["suite_rx"] for f in rig.get("/flows")[1]} == {
        "plain", "AEAD_AES_256_GCM"}
    assert rig.request("DELETE", "/bench/flows")[1] == {"removed": 1}
    assert rig.get("/flows")[1] == []
    assert rig.ctl("bench", "clear").stdout == "0 flows are gone.\n"


@pytest.mark.parametrize("body", (
    {}, {"flows": 0}, {"flows": 5001}, {"flows": 600}, {"flows": "3"},
    {"flows": 1, "suite": "NULL"}, {"flows": 1, "suite": 7},
    {"flows": 1, "access": "somewhere"}, {"flows": 1, "trunk": "fd00::1"},
))
def test_bench_flows_refused(rig, body):
    status, answer, _ = rig.request("POST", "/bench/flows", body)
    assert (status, answer["error"]) == (400, "bad-bench")
    assert rig.get("/flows")[1] == []


# --- last: these stop and start control ---

def test_second_control_is_refused(rig):
    out = subprocess.run(
        [BUILD / "bin" / "sallyport-control", "-c",
         rig.folder / "sallyport.yaml"],
        text=True, capture_output=True, timeout=20)
    assert out.returncode != 0
    assert rig.get("/version")[0] == 200


def test_stale_socket(rig):
    rig.request("POST", "/users", ALICE)
    rig.control.kill()
    rig.control.wait()
    assert rig.api.exists()
    rig.start()
    assert [u["name"] for u in rig.get("/users")[1]] == ["alice"]
    rig.request("DELETE", "/users/alice")
