# SPDX-License-Identifier: Apache-2.0
"""The configuration file by the API: checked by every program, compared with
what runs, applied, confirmed or taken back."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from afar import BUILD, Afar, Client  # noqa: E402
from gateway import isolate  # noqa: E402

isolate()


@pytest.fixture
def gw(tmp_path):
    g = Afar(tmp_path, port=25200)
    g.start_dataplane()
    g.start()
    yield g
    if g.control.poll() is None:
        assert g.stop() == 0
    g.close()


def text(gw):
    return Path(gw.config).read_text()


def candidate(gw, *changes, more=""):
    new = text(gw)
    for before, after in changes:
        assert before in new
        new = new.replace(before, after, 1)
    path = Path(gw.folder) / "candidate.yaml"
    path.write_text(new + more)
    return str(path)


def config(gw, verb, *words, status=0):
    done = gw.ctl("config", verb, *words, "--json")
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


def test_what_is_there_is_shown_and_good(gw):
    assert gw.ctl("config", "show").stdout == text(gw)
    assert config(gw, "check")["errors"] == []
    assert config(gw, "diff")["changes"] == []


@pytest.mark.parametrize("more,program,line,word", [
    ("  media_timeout: soon\n", "control", 0, "media_timeout"),
    ("  nonsense: 1\n", "control", 0, "nonsense"),
    ("dataplane:\n  socket: 7\n", "dataplane", 1, "expected"),
    ("media:\n  socket: /run/m.sock\n  transcodings: many\n", "media", 2,
     "transcodings"),
    ("  x: [\n", "control", 1, "YAML"),
])
def test_errors_have_program_line_and_what_was_expected(gw, more, program,
                                                        line, word):
    lines = len(text(gw).splitlines())
    before = text(gw)
    path = candidate(gw, more=more)
    j = config(gw, "check", path, status=1)
    assert not j["good"]
    e = next(e for e in j["errors"] if e["program"] == "sallyport-" + program)
    assert word in e["message"] and "/proc/" not in e["message"], e
    assert lines <= e["line"] <= lines + line + 1, e
    done = gw.ctl("config", "apply", path)
    assert done.returncode == 1 and text(gw) == before
    if program == "control":
        assert word in done.stderr


def changes(j):
    return {c["option"]: (c["from"], c["to"], c["live"], c["program"])
            for c in j["changes"]}


def test_differences_say_what_they_take(gw):
    path = candidate(gw, ("log: debug", "log: info"), more=(
        "  ng:\n    listen: [\"udp:127.0.0.1:25299\"]\n"
        "dataplane:\n  ports:\n    - {name: a, mtu: 1500}\n"))
    j = config(gw, "diff", path, status=1)  # no such dataplane section
    assert changes(j) == {
        "control.log": ("debug", "info", True, "sallyport-control"),
        "control.ng.listen": (None, "udp:127.0.0.1:25299", False,
                              "sallyport-control"),
        "dataplane.ports[a].name": (None, "a", False, "sallyport-dataplane"),
        "dataplane.ports[a].mtu": (None, "1500", False,
                                   "sallyport-dataplane")}
    assert set(j["restart"]) == {"sallyport-control", "sallyport-dataplane"}


def test_applied_at_once_and_pending(gw):
    path = candidate(gw, ("log: debug", "log: error"), more=(
        "  ng:\n    listen: [\"udp:127.0.0.1:25299\"]\n"))
    j = config(gw, "apply", path)
    assert j["restart"] == ["sallyport-control"] and j["revert_in"] is None
    assert text(gw) == Path(path).read_text()
    assert not list(Path(gw.folder).glob("sallyport.yaml.*"))
    assert set(changes(config(gw, "diff"))) == {"control.ng.listen"}
    events = json.loads(gw.ctl("audit", "list", "--json").stdout)
    applied = next(e for e in events if e["event"] == "config-applied")
    assert applied["changes"][0]["option"] == "control.log"
    gw.stop()
    # at level error not even "stopping" was said
    assert "stopping" not in gw.log_text()
    Path(gw.config).write_text(text(gw).replace("log: error", "log: debug"))
    gw.start()
    assert config(gw, "diff")["changes"] == []


def over_rate(gw):
    """Of 50 requests at once, dropped ones."""
    before = json.loads(gw.ctl("bans", "--json").stdout)["counters"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.99", 0))
        s.settimeout(5)
        for i in range(50):
            s.sendto((f"OPTIONS sip:{gw.A} SIP/2.0\r\n"
                      f"Via: SIP/2.0/UDP 127.0.0.99:{s.getsockname()[1]};"
                      f"branch=z9hG4bK{i}{time.time()}\r\n"
                      "Max-Forwards: 70\r\nFrom: <sip:x@y>;tag=1\r\n"
                      f"To: <sip:{gw.A}>\r\nCall-ID: {i}\r\n"
                      "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
                      ).encode(), gw.at)
        s.recv(2000)
        end = time.monotonic() + 5
        while True:
            now = json.loads(gw.ctl("bans", "--json").stdout)["counters"]
            done = sum(now[k] - before[k] for k in ("passed", "over_rate"))
            if done >= 50 or time.monotonic() > end:
                return now["over_rate"] - before["over_rate"]


def test_guard_limits_at_once(gw):
    assert over_rate(gw) == 0
    sip = "  sip:\n"
    config(gw, "apply", candidate(
        gw, (sip, sip + "    guard: {requests: 1}\n")))
    assert over_rate(gw) >= 40
    assert config(gw, "diff")["changes"] == []


def test_listeners_of_tls_at_once(gw):
    new = gw.url.rpartition(":")[2]
    other = str(int(new) + 1)
    gw.admin("ada", "administer")
    config(gw, "apply", candidate(gw, (f":{new}", f":{other}")))
    import afar
    afar.HTTPS = int(other)
    try:
        end = time.monotonic() + 5
        while True:
            try:
                status = Client(gw).login(name="ada")[0]
                break
            except OSError:
                assert time.monotonic() < end, "nobody listens there"
                time.sleep(0.05)
        assert status == 200
    finally:
        afar.HTTPS = int(new)
    with pytest.raises(OSError):
        Client(gw).login(name="ada")


def test_confirmed_in_time(gw):
    before = text(gw)
    path = candidate(gw, ("log: debug", "log: info"))
    j = config(gw, "apply", path, "--confirm", "30")
    assert 25 < j["revert_in"] <= 30
    assert (Path(gw.folder) / "sallyport.yaml.before").read_text() == before
    assert gw.ctl("config", "confirm").returncode == 0
    assert not (Path(gw.folder) / "sallyport.yaml.before").exists()
    assert text(gw) != before
    assert gw.ctl("config", "confirm").returncode == 1


def test_taken_back(gw):
    before = text(gw)
    config(gw, "apply", candidate(gw, ("log: debug", "log: info")),
           "--confirm", "30")
    assert gw.ctl("config", "revert").returncode == 0
    assert text(gw) == before and config(gw, "diff")["changes"] == []


def test_nobody_confirms(gw):
    """The time runs on while control is restarted, and is over while it is
    down."""
    before = text(gw)
    config(gw, "apply", candidate(gw, ("media_timeout: 60",
                                       "media_timeout: 61")),
           "--confirm", "30")
    gw.kill()
    gw.start()
    j = json.loads(gw.ctl("config", "show", "--json").stdout)
    assert 0 < j["revert_in"] <= 30
    kept = Path(gw.folder) / "sallyport.yaml.before"
    gw.kill()
    os.utime(kept, (time.time() - 1,) * 2)
    gw.start()
    assert text(gw) == before and not kept.exists()


def test_the_timer(gw):
    before = text(gw)
    config(gw, "apply", candidate(gw, ("media_timeout: 60",
                                       "media_timeout: 61")),
           "--confirm", "30")
    gw.kill()
    os.utime(Path(gw.folder) / "sallyport.yaml.before",
             (time.time() + 2,) * 2)
    gw.start()
    gw.wait_log("nobody has confirmed")
    assert text(gw) == before and config(gw, "diff")["changes"] == []


def test_two_who_change_it_at_once(gw):
    token = gw.token("t", "administer")
    c = Client(gw, token=token)
    j = c.ask("GET", "/config")[1]
    new = j["text"].replace("log: debug", "log: info")
    assert c.ask("PUT", "/config", {"text": new, "hash": j["hash"]})[0] == 200
    status, e, _ = c.ask("PUT", "/config", {"text": new, "hash": j["hash"]})
    assert (status, e["error"]) == (409, "config-changed")


def test_only_administrators(gw):
    c = Client(gw, token=gw.token("t", "operate"))
    for method, path, body in (("GET", "/config", None),
                               ("PUT", "/config", {"text": "x"}),
                               ("POST", "/config/check", {"text": "x"})):
        assert c.ask(method, path, body)[0] == 403


def test_a_file_that_explodes(gw):
    bomb = "a: &a [x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)},*{chr(97 + i)}]\n"
        for i in range(24))
    path = Path(gw.folder) / "bomb.yaml"
    path.write_text(text(gw) + bomb)
    j = config(gw, "check", str(path), status=1)
    assert not j["good"] and "size" in j["errors"][0]["message"]


def test_the_programs_are_beside_this_one():
    """Else their sections would not be checked at all."""
    for program in ("sallyport-dataplane", "sallyport-media"):
        subprocess.run([os.path.join(BUILD, "bin", program), "--version"],
                       check=True, capture_output=True)
