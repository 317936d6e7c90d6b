# SPDX-License-Identifier: Apache-2.0
"""Updates as operators ask for them: sallyctl and the API, the real control, the
real service behind it (box.py), phones with calls in progress."""

import contextlib
import os
import re
import subprocess
import sys

import pytest
from appliance import BUILT, ROOT, until

for folder in ("tests/sip", "tests/http", "tests/trunk"):
    sys.path.insert(0, str(ROOT / folder))
from afar import Client  # noqa: E402
from box import RESET, Box, answer, boxed, upload_begun  # noqa: E402
from carrier import Carrier  # noqa: E402
from course import phone_maker  # noqa: E402
from gateway import BUILD, UnixConnection, isolate  # noqa: E402
from phone import Dialog, sdp  # noqa: E402

isolate()
A_SDP, B_SDP = sdp("10.9.0.1", 40000), sdp("10.9.0.9", 42000)
WHY = "the gateway is about to be started again"


@pytest.fixture(scope="module")
def whole():
    with boxed(25560) as g:
        for name in ("alice", "bob", "carol"):
            g.add_user(name, security=0)
        yield g


@pytest.fixture
def phones(gw):
    with phone_maker(gw) as phone:
        yield phone


def set_up(a, b):
    d = Dialog(a, b.user)
    d.call(A_SDP)
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    e.reply(invite, 200, B_SDP)
    d.answered()
    b.expect("ACK")
    return d, e


def alarms(gw):
    return [a for a in gw.api("GET", "/api/v1/alarms")[1]
            if a["name"] == "firmware"]


def alarm(gw):
    return until(lambda: alarms(gw), "the alarm")[0]


def restarted(gw):
    return gw.appliance.restarted.exists()


# ----------------------------------------------------------- not an appliance

def test_a_machine_without_the_image(tmp_path):
    g = Box(tmp_path, 25540, image=False)
    done = g.ctl("firmware", "status")
    assert done.returncode == 0
    assert done.stdout.startswith("This machine doesn't run the appliance's "
                                  "image")
    s = g.status()
    assert s["image"] is False and s["slots"] == [] and s["stage"] == "idle"
    for words in (("install", "https://updates.test/u.raucb"), ("rollback",),
                  ("restart",), ("reset", "--yes")):
        done = g.ctl("firmware", *words)
        assert done.returncode == 1, words
        assert "doesn't run the appliance's image" in done.stderr
    bundle = tmp_path / "u.raucb"
    bundle.write_bytes(bytes(1 << 20))
    done = g.ctl("firmware", "install", str(bundle))
    assert done.returncode == 1
    assert "doesn't run the appliance's image" in done.stderr
    assert not g.upload.exists()
    system = g.api("GET", "/api/v1/system")[1]
    assert system["board"] is None and system["host"]
    g.done()


def test_the_service_comes_and_goes(tmp_path):
    g = Box(tmp_path, 25550)
    g.wait_stage("idle")
    until(lambda: g.status()["slots"], "slots")
    child = g.appliance.children.pop()
    child.kill()
    child.wait()
    until(lambda: g.status()["trouble"] ==
          "sallyport-firmware doesn't answer", "that it is away")
    assert g.status()["image"]
    assert g.ctl("firmware").stdout == "sallyport-firmware doesn't answer.\n"
    done = g.ctl("firmware", "rollback")
    assert done.returncode == 1 and "doesn't answer" in done.stderr
    (g.firmware / "firmware.sock").unlink()
    g.appliance.start()
    until(lambda: g.status()["slots"], "slots again")
    assert g.status()["trouble"] is None
    g.done()


# -------------------------------------------------------------------- is said

def test_status(gw):
    s = until(lambda: (s := gw.status())["slots"] and s, "slots")
    assert (s["version"], s["built"], s["image"]) == ("2.0", BUILT, True)
    done = gw.ctl("firmware")
    assert not done.returncode, done.stderr
    rows = [re.split(r"  +", line.strip())
            for line in done.stdout.splitlines()[1:4]]
    assert rows[0][:4] == ["SLOT", "VERSION", "STATE", "TRIES"]
    assert rows[1] == ["A", "2.0", "good", "0 of 3", "runs, and starts next"]
    assert rows[2] == ["B", "1.0", "good", "0 of 3", "-"]
    system = gw.api("GET", "/api/v1/system")[1]
    assert system["board"]["id"] == "qemu-q35"
    assert system["board"]["problems"] == ["trunk0: nothing at 0000:00:05.0"]


def test_who_may(gw):
    reads = Client(gw, gw.token("reads", "read"))
    operates = Client(gw, gw.token("operates", "operate"))
    assert reads.ask("GET", "/firmware")[0] == 200
    assert reads.ask("GET", "/system")[0] == 200
    for c in (reads, operates):
        for method, path, body in (
                ("POST", "/firmware/install", {"source": "upload"}),
                ("POST", "/firmware/rollback", {}),
                ("POST", "/firmware/restart", {}),
                ("DELETE", "/firmware/restart", None),
                ("POST", "/firmware/reset", {"erase": "everything"}),
                ("PUT", "/firmware/bundle", "x" * 70_000)):
            status, j, _ = c.ask(method, path, body)
            assert (status, j["error"]) == (403, "role-needed"), path
    assert Client(gw).ask("PUT", "/firmware/bundle", "x")[0] == 401
    assert gw.status()["stage"] == "idle" and not gw.upload.exists()


@pytest.mark.parametrize("path, body, error", [
    ("install", {}, "bad-firmware"),
    ("install", {"source": "http://x/u"}, "bad-source"),
    ("install", {"source": "https://"}, "bad-source"),
    ("install", {"source": "https://me:secret@x/u"}, "bad-source"),
    ("install", {"source": "https://x/\n"}, "bad-source"),
    ("install", {"source": "https://x/" + "y" * 2000}, "bad-source"),
    ("install", {"source": "/etc/passwd"}, "bad-source"),
    ("install", {"source": "upload"}, "nothing-uploaded"),
    ("install", {"source": "upload", "wait": -1}, "bad-wait"),
    ("rollback", {"wait": 86401}, "bad-wait"),
    ("rollback", {"to": "B"}, "bad-firmware"),
    ("restart", {"restart": False}, "bad-firmware"),
    ("reset", {}, "bad-firmware"),
    ("reset", {"erase": "all"}, "bad-firmware"),
])
def test_what_is_no_wish(gw, path, body, error):
    status, j = gw.api("POST", f"/api/v1/firmware/{path}", body)
    assert 400 <= status < 500 and j["error"] == error
    assert gw.status()["stage"] == "idle"


# ------------------------------------------------------------------ installed

@contextlib.contextmanager
def installing(gw):
    """sallyctl, for which a test that has failed doesn't wait."""
    with subprocess.Popen(
            [os.path.join(BUILD, "bin", "sallyctl"), "firmware", "install",
             gw.bundle], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env={**os.environ,
                            "SALLYPORT_SOCKET": gw.api_socket}) as ctl:
        try:
            yield ctl
        except BaseException:
            ctl.kill()
            raise


def heard(ctl, words):
    """What it says, until it says that."""
    said = ""
    while words not in said:
        line = ctl.stdout.readline()
        assert line, f"never said: {words}: {said}"
        said += line
    return said


def test_installed_and_calls_go_on(gw, phones):
    """What runs goes on while it is written; then nothing new, and the restart
    when the last call has ended."""
    a, b = phones("alice"), phones("bob", side="B")
    gw.go.unlink()
    with installing(gw) as ctl:
        said = heard(ctl, "writing it to the other slot")
        s = gw.status()
        assert s["job"]["version"] == "3.0" and s["unfinished"]
        d, e = set_up(a, b)  # meanwhile calls come about
        gw.go.touch()
        s = gw.wait_stage("drain")
        assert s["drain"]["calls"] == 1 and 500 < s["drain"]["left"] <= 600
        assert not s["unfinished"] and not restarted(gw)
        # nothing new: for phones, and for who asks whether we are well
        f = Dialog(a, "carol")
        f.call(A_SDP)
        m = f.refused(503)
        assert m["retry-after"] and f'text="{WHY}"' in m["reason"]
        Dialog(a, "x").request("OPTIONS")
        a.expect(503, method="OPTIONS")
        assert gw.status()["drain"]["calls"] == 1
        # what is there can be held and hung up
        d.request("INVITE", sdp("10.9.0.1", 40000, direction="sendonly",
                                version=2))
        again = b.expect("INVITE")
        e.reply(again, 200, B_SDP)
        d.answered()
        b.expect("ACK")
        said += heard(ctl, "waiting for the end of 1 call, ")
        d.request("BYE")
        e.reply(b.expect("BYE"), 200)
        said += heard(ctl, "The machine is being started again")
    assert ctl.returncode == 0, said
    until(lambda: restarted(gw), "the restart")
    assert not gw.upload.exists()
    assert gw.appliance.grub_now()["ORDER"].startswith("B")
    asked = gw.audit("firmware-install")[0]
    assert asked["source"] == "upload" and asked["by"] == "uid 0"
    assert gw.audit("firmware-installed")[0]["version"] == "3.0"
    assert gw.audit("firmware-restart")


def test_the_upload_is_another_meanwhile(gw, tmp_path):
    """Who is control could write another bundle, signed as well, into what has
    been checked, or lay it in its place; what is installed is what was checked."""
    good = gw.bundle.read_bytes()
    gw.go.unlink()
    c = UnixConnection(gw.api_socket)
    c.request("PUT", "/api/v1/firmware/bundle", good)
    assert answer(c) == (200, len(good))
    with open(gw.upload, "r+b") as held:
        assert gw.api("POST", "/api/v1/firmware/install",
                      {"source": "upload", "restart": False})[0] == 202
        until(lambda: gw.phase() == "write", "it is written")
        other = gw.appliance.bundle("other").read_bytes()
        held.write(other)
        held.flush()
        (tmp_path / "other").write_bytes(other)
        os.replace(tmp_path / "other", gw.upload)
        copy, = gw.copies
        assert copy.parent.stat().st_mode & 0o777 == 0o700
        gw.go.touch()
        until(lambda: gw.phase() == "done", "its end")
    assert gw.read.read_bytes() == good != other
    until(lambda: not gw.upload.exists(), "the upload gone")
    assert not gw.copies


def test_at_the_latest(gw, phones):
    """A call that doesn't end is hung up, on both sides, with the reason."""
    a, b = phones("alice"), phones("bob", side="B")
    set_up(a, b)
    status, j = gw.api("POST", "/api/v1/firmware/restart", {"wait": 1})
    assert status == 202 and j["stage"] == "drain"
    for p in (a, b):
        m = p.expect("BYE", timeout=20)
        assert "the gateway is started again" in m["reason"]
        p.send(p.format("SIP/2.0 200 OK", [
            *(f"Via: {v}" for v in m.all("via")), f"From: {m['from']}",
            f"To: {m['to']}", f"Call-ID: {m['call-id']}",
            f"CSeq: {m['cseq']}"]))
    until(lambda: restarted(gw), "the restart")
    assert gw.records()[0]["reason"] == "the gateway is started again"


def test_now(gw, phones):
    a, b = phones("alice"), phones("bob", side="B")
    set_up(a, b)
    done = gw.ctl("firmware", "restart", "--now")
    assert done.returncode == 0, done.stderr
    a.expect("BYE")
    b.expect("BYE")
    until(lambda: restarted(gw), "the restart")


def test_cancelled(gw, phones):
    a, b = phones("alice"), phones("bob", side="B")
    set_up(a, b)
    assert gw.api("POST", "/api/v1/firmware/restart", {})[0] == 202
    assert gw.api("POST", "/api/v1/firmware/rollback", {})[1]["error"] == "busy"
    assert "New calls are refused" in alarm(gw)["message"]
    done = gw.ctl("firmware", "cancel")
    assert "calls are taken again" in done.stdout
    assert gw.status()["stage"] == "idle"
    d, e = set_up(a, phones("carol", side="B"))
    d.bye()
    assert gw.ctl("firmware", "cancel").returncode == 1
    assert not restarted(gw) and gw.audit("firmware-cancelled")


def test_an_emergency_call_is_still_made(gw, phones):
    """While calls are drained; and it isn't hung up at the latest time."""
    a, b = phones("alice"), phones("bob", side="B")
    carrier = Carrier(gw, "carrier", "127.0.0.40")
    gw.ctl("trunk", "add", "carrier", f"address={carrier.ip}:{carrier.port}",
           "keepalive=0", f"local={gw.B}:{gw.PORT}")
    gw.ctl("route", "add", "112", "carrier", "kind=emergency")
    d, _ = set_up(a, b)
    assert gw.api("POST", "/api/v1/firmware/restart", {"wait": 2})[0] == 202
    f = Dialog(a, "112")
    f.call(A_SDP)
    e = Dialog.of(carrier, invite := carrier.expect("INVITE"))
    e.reply(invite, 200, B_SDP)
    f.answered()
    carrier.expect("ACK")
    d.bye()
    until(lambda: gw.status()["drain"]["left"] == 0, "the latest time")
    s = gw.status()
    assert s["stage"] == "drain" and s["drain"]["emergency"]
    assert not restarted(gw)
    f.bye()
    until(lambda: restarted(gw), "the restart")
    gw.ctl("route", "remove", "112")
    gw.ctl("trunk", "remove", "carrier")
    carrier.close()


def test_from_a_trunk_nothing_new(gw, phones):
    phones("bob")
    carrier = Carrier(gw, "carrier", "127.0.0.40")
    gw.ctl("trunk", "add", "carrier", f"address={carrier.ip}:{carrier.port}",
           "keepalive=0", f"local={gw.B}:{gw.PORT}")
    gw.ctl("number", "add", "+4930555200", "user=bob")
    a, b = phones("alice"), phones("carol", side="B")
    set_up(a, b)
    assert gw.api("POST", "/api/v1/firmware/restart", {})[0] == 202
    d = Dialog(carrier, "x")
    d.target = f"sip:+4930555200@{gw.B}:{gw.PORT}"
    d.request("INVITE", A_SDP)
    assert f'text="{WHY}"' in d.refused(503)["reason"]
    gw.ctl("number", "remove", "+4930555200")
    gw.ctl("trunk", "remove", "carrier")
    carrier.close()


# -------------------------------------------------------------------- refused

@pytest.mark.parametrize("what, words", [
    ("stranger", "a key that this appliance trusts"),
    ("cut", "It isn't a whole bundle"),
    ("flipped", "isn't what was signed"),
    ("board", "It is for sallyport-other"),
    ("older", "is older than"),
])
def test_refused(gw, what, words, tmp_path):
    made = {"stranger": {"key": "stranger"},
            "board": {"compatible": "sallyport-other"},
            "older": {"build": BUILT - 1}}
    if what in made:
        bundle = gw.appliance.bundle(f"api-{what}", **made[what])
    else:
        octets = bytearray(gw.bundle.read_bytes())
        if what == "cut":
            del octets[-5000:]
        else:
            octets[1000] ^= 1
        bundle = tmp_path / "u.raucb"
        bundle.write_bytes(octets)
    done = gw.ctl("firmware", "install", str(bundle))
    assert done.returncode == 1 and words in done.stderr
    assert "writing" not in done.stderr
    s = gw.status()
    assert s["stage"] == "idle" and s["job"]["phase"] == "failed"
    assert gw.audit("firmware-failed")[0]["error"] == s["job"]["error"]
    assert not gw.upload.exists() and not restarted(gw)
    assert gw.appliance.grub_now()["ORDER"] == "A B"


def test_a_broken_off_installation(gw):
    """The service dies in the middle of it."""
    gw.go.unlink()
    assert gw.ctl("firmware", "status").returncode == 0
    c = UnixConnection(gw.api_socket)
    c.request("PUT", "/api/v1/firmware/bundle", gw.bundle.read_bytes())
    assert c.getresponse().status == 200
    c.close()
    assert gw.api("POST", "/api/v1/firmware/install",
                  {"source": "upload"})[0] == 202
    until(lambda: gw.phase() == "write", "it is written")
    child = gw.appliance.children.pop()
    child.kill()
    child.wait()
    s = gw.wait_stage("idle")
    assert "went away before it was done" in s["trouble"]
    assert gw.copies  # as a power cut would leave it
    (gw.firmware / "firmware.sock").unlink()
    gw.go.touch()
    gw.appliance.start("--upload", str(gw.upload))
    until(lambda: gw.status()["slots"], "slots again")
    assert not gw.copies


def test_control_starts_anew_meanwhile(gw, phones):
    """The service goes on with what a former run asked for; nothing begins beside
    it, and no call is refused for a restart that can't come."""
    a, b = phones("alice"), phones("bob", side="B")
    gw.go.unlink()
    c = UnixConnection(gw.api_socket)
    c.request("PUT", "/api/v1/firmware/bundle", gw.bundle.read_bytes())
    assert answer(c)[0] == 200
    assert gw.api("POST", "/api/v1/firmware/install",
                  {"source": "upload"})[0] == 202
    until(lambda: gw.phase() == "write", "it is written")
    gw.stop()
    gw.start()
    until(lambda: gw.status()["slots"], "slots")
    assert gw.phase() == "write" and gw.status()["unfinished"]
    for path, body in (("restart", {}), ("rollback", {}),
                       ("reset", {"erase": "everything"}),
                       ("install", {"source": "https://127.0.0.1/u"})):
        status, j = gw.api("POST", f"/api/v1/firmware/{path}", body)
        assert (status, j["error"]) == (409, "busy"), path
        assert j["message"].endswith("asked for before: install"), path
        assert gw.status()["stage"] == "idle"
    assert answer(upload_begun(gw, 10, 10)) == (409, "busy")
    assert "Under way: install, write" in gw.ctl("firmware").stdout
    set_up(a, b)
    gw.go.touch()
    until(lambda: gw.phase() == "done", "its end")
    assert not gw.status()["unfinished"]
    assert gw.api("POST", "/api/v1/firmware/restart", {"wait": 0})[0] == 202
    until(lambda: restarted(gw), "the restart")


def test_somebody_else_asks_the_service(gw, phones):
    """While calls are drained: the restart doesn't come about, which is said, and
    calls are taken again."""
    a, b = phones("alice"), phones("bob", side="B")
    d, e = set_up(a, b)
    assert gw.api("POST", "/api/v1/firmware/restart", {})[0] == 202
    gw.go.unlink()
    gw.upload.write_bytes(gw.bundle.read_bytes())
    other = gw.appliance.client()
    other.send(id=1, do="install", source="upload")
    until(lambda: gw.phase() == "write", "it is written")
    d.request("BYE")
    e.reply(b.expect("BYE"), 200)
    s = gw.wait_stage("idle")
    assert s["trouble"] == "sallyport-firmware was busy"
    assert not restarted(gw)
    gw.go.touch()
    until(lambda: gw.phase() == "done", "its end")
    other.close()


# ------------------------------------------------------------- back, and reset

def test_rollback(gw):
    done = gw.ctl("firmware", "rollback", "--stay")
    assert done.returncode == 0
    assert done.stdout == "The next start is with version 1.0.\n"
    assert gw.appliance.grub_now()["ORDER"].startswith("B")
    rows = gw.ctl("firmware").stdout.splitlines()
    assert rows[2].endswith("runs") and rows[3].endswith("starts next")
    assert gw.audit("firmware-rolled-back")[0]["version"] == "1.0"
    assert not restarted(gw)
    assert "waits for a restart" in alarm(gw)["message"]
    assert gw.ctl("firmware", "rollback", "--stay").returncode == 0
    until(lambda: not alarms(gw), "no alarm")


def test_nothing_to_go_back_to(gw):
    gw.appliance.grub(B_OK=0)
    done = gw.ctl("firmware", "rollback")
    assert done.returncode == 1
    assert "nothing to go back to" in done.stderr
    assert not restarted(gw)
    assert "1.0 in slot B isn't good" in alarm(gw)["message"]


def test_reset(gw):
    done = gw.ctl("firmware", "reset")
    assert done.returncode == 2 and "nothing was erased" in done.stderr
    assert gw.status()["stage"] == "idle"
    done = gw.ctl("firmware", "reset", "--yes")
    assert done.returncode == 0, done.stderr
    until(lambda: restarted(gw), "the restart")
    assert (gw.appliance.folder / "efivars" / RESET).exists()
    assert gw.audit("firmware-reset")


def test_a_reset_that_is_cancelled(gw, phones):
    a, b = phones("alice"), phones("bob", side="B")
    set_up(a, b)
    assert gw.api("POST", "/api/v1/firmware/reset",
                  {"erase": "everything"})[0] == 202
    assert gw.status()["drain"]["reset"]
    assert gw.ctl("firmware", "cancel").returncode == 0
    assert not (gw.appliance.folder / "efivars" / RESET).exists()
    assert not restarted(gw)


