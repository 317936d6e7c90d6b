# SPDX-License-Identifier: Apache-2.0
"""sallyport-firmware in front of a real RAUC: what it refuses, in which words,
and that nothing has been written then."""

import json
import os
import shutil
import socket
import stat
import subprocess
import tempfile
from contextlib import closing

import pytest
from appliance import BLOCK, BUILT, Appliance, Web, until


NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@pytest.fixture(scope="module")
def box():
    # not pytest's own folder: others than root are to be able to look in
    with tempfile.TemporaryDirectory(prefix="sallyport-firmware-") as folder:
        os.chmod(folder, 0o755)
        a = Appliance(folder)
        a.start()
        yield a
        a.close()


@pytest.fixture
def client(box):
    box.grub(ORDER="A B", A_OK=1, A_TRY=0, B_OK=1, B_TRY=0)
    c = box.client()
    yield c
    c.close()


@pytest.fixture
def web(box):
    w = Web(box.folder / "keys")
    yield w
    w.close()


@pytest.fixture(scope="module")
def good(box):
    return box.bundle("good").read_bytes()


def refused(box, client, octets, **message):
    """What an upload ends with; no slot has been touched."""
    if octets is not None:
        box.uploaded.write_bytes(octets)
    job, phases = client.ask(**(message or {"do": "install",
                                            "source": "upload"}))
    for slot in ("boot-a", "root-a", "boot-b", "root-b"):
        assert not any(box.slot(slot)), slot
    assert job["phase"] == "failed"
    return job, phases


def test_how_the_slots_are(client):
    s = client.status
    assert (s["version"], s["built"], s["compatible"]) == (
        "2.0", BUILT, "sallyport-test")
    assert s["job"] is None and s["trouble"] is None
    a, b = client.slots()["A"], client.slots()["B"]
    assert a["booted"] and a["next"] and a["state"] == "good"
    assert not b["booted"] and not b["next"] and b["state"] == "good"
    # of the one that runs the release says it, of the other what was written
    assert (a["version"], b["version"]) == ("2.0", "1.0")
    assert b["installed"] == "2026-11-22T01:03:54Z"


@pytest.mark.parametrize("grub, a, b", [
    ({"A_TRY": 1}, "trial", "good"),
    ({"B_TRY": 3}, "good", "bad"),
    ({"B_OK": 0}, "good", "bad"),
    ({"ORDER": "B A", "B_TRY": 1}, "good", "trial"),
])
def test_states_of_slots(box, client, grub, a, b):
    box.grub(**grub)
    again = box.client()
    states = {k: s["state"] for k, s in again.slots().items()}
    assert states == {"A": a, "B": b}
    again.close()


def test_a_stranger_signed_it(box, client):
    octets = box.bundle("stranger", key="stranger").read_bytes()
    job, phases = refused(box, client, octets)
    assert job["error"] == "bad-signature"
    assert "a key that this appliance trusts" in job["message"]
    assert "write" not in phases


@pytest.mark.parametrize("left", [0, 8, 4095, 100_000, -1, -9])
def test_cut_off(box, client, good, left):
    job, phases = refused(box, client, good[:left])
    assert job["error"] == "damaged"
    assert "write" not in phases


def test_one_bit_of_what_would_be_written(box, client, good):
    """RAUC's own check of the signature doesn't see it."""
    bad = bytearray(good)
    bad[len(bad) // 2] ^= 1
    box.uploaded.write_bytes(bad)
    conf = str(box.folder / "system.conf")
    assert box.rauc("-c", conf, "info", str(box.uploaded)).returncode == 0
    job, phases = refused(box, client, bytes(bad))
    assert job["error"] == "damaged"
    assert "isn't what was signed" in job["message"]
    assert "write" not in phases


@pytest.mark.parametrize("at", [-9, -200])
def test_one_bit_of_the_signature(box, client, good, at):
    bad = bytearray(good)
    bad[at] ^= 1
    job, phases = refused(box, client, bytes(bad))
    assert job["error"] in ("bad-signature", "damaged")
    assert "write" not in phases


def test_for_another_board(box, client):
    octets = box.bundle("board", compatible="sallyport-other").read_bytes()
    job, phases = refused(box, client, octets)
    assert job["error"] == "wrong-board"
    assert job["message"] == ("It is for sallyport-other, and this is "
                              "sallyport-test")
    assert "write" not in phases


def test_an_older_one(box, client):
    octets = box.bundle("older", version="1.9", build=BUILT - 1).read_bytes()
    job, phases = refused(box, client, octets)
    assert job["error"] == "older"
    assert "1.9 is older than 2.0" in job["message"]
    assert "write" not in phases


def test_nothing_uploaded(box, client):
    box.uploaded.unlink(missing_ok=True)
    job, _ = refused(box, client, None)
    assert job["error"] == "damaged"


def socket_at(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))


@pytest.mark.parametrize("make", [
    lambda path, bundle: path.symlink_to(bundle),
    lambda path, bundle: os.mkfifo(path),
    lambda path, bundle: os.mkdir(path),
    lambda path, bundle: socket_at(path),
    lambda path, bundle: os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5)),
], ids=["link", "fifo", "folder", "socket", "device"])
def test_what_is_no_file(box, client, good, make):
    """The folder is control's: it may lay anything there."""
    box.uploaded.unlink(missing_ok=True)
    make(box.uploaded, box.folder / "good.raucb")
    job, phases = refused(box, client, None)
    assert (job["error"], job["message"]) == ("damaged", "Nothing was uploaded")
    assert phases[-2:] == ["check", "failed"]
    if box.uploaded.is_dir():
        box.uploaded.rmdir()
    else:
        box.uploaded.unlink()


def test_larger_than_any(box, client):
    with open(box.uploaded, "wb") as f:
        f.truncate((1 << 30) + 1)
    job, _ = refused(box, client, None)
    assert job["error"] == "no-room"
    box.uploaded.unlink()


def test_room_for_the_copy(tmp_path, good):
    """It leaves 32 MiB free, or isn't made."""
    box = Appliance(tmp_path)
    folder = tmp_path / "downloads"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder],
                   check=True)
    try:
        box.start()
        client = box.client()
        box.uploaded.write_bytes(bytes(9 << 20))
        job, _ = client.ask(do="install", source="upload")
        assert job["error"] == "no-room"
        assert job["message"] == "It takes 9 MiB, and there is room for 8"
        assert list(folder.iterdir()) == []
        box.uploaded.write_bytes(good)
        job, _ = client.ask(do="install", source="upload")
        assert job["error"] == "bad-signature"  # another box's: it was copied
        assert list(folder.iterdir()) == []
        client.close()
    finally:
        box.close()
        subprocess.run(["umount", folder], check=True)


def test_its_folder_is_its_own(tmp_path):
    """What is left in it goes; where it is another's, the service doesn't start."""
    box = Appliance(tmp_path)
    folder = tmp_path / "downloads"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "bundle.raucb").write_bytes(b"x")
    box.start()
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o777 == 0o700
    child = box.children.pop()
    child.terminate()
    child.wait()
    (tmp_path / "firmware.sock").unlink()
    os.chown(folder, 65534, 65534)
    words = child.args
    done = subprocess.run(words, env=box.env, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1
    assert "isn't a folder of this service's own" in done.stderr
    box.close()


def test_a_good_one_gets_to_rauc(box, client, good):
    """As far as a machine without device mapper goes; its words come through."""
    job, phases = refused(box, client, good)
    assert phases == ["check", "write", "failed"]
    assert job["version"] == "3.0"
    assert job["error"] == "write-failed"
    assert "Failed mounting bundle" in job["message"]


def test_fetched(box, client, web, good):
    web.files["u.raucb"] = good
    job, phases = refused(box, client, None, do="install",
                          source=web.url("u.raucb"))
    assert phases[:3] == ["download", "check", "write"]
    assert job["version"] == "3.0"
    assert list((box.folder / "downloads").iterdir()) == []


@pytest.mark.parametrize("what", ["cut", "gone", "http", "nobody"])
def test_not_to_be_fetched(box, client, web, good, what):
    web.files["u.raucb"] = good
    url = web.url("u.raucb")
    if what == "cut":
        web.cut["u.raucb"] = 3 * BLOCK
    elif what == "gone":
        del web.files["u.raucb"]
    elif what == "http":
        web.redirect["u.raucb"] = "http://127.0.0.1:1/u.raucb"
    elif what == "nobody":
        web.close()
    job, phases = refused(box, client, None, do="install", source=url)
    assert job["error"] == "download"
    said = {"cut": "12288 of", "gone": "404", "http": "without https",
            "nobody": "can't be fetched"}[what]
    assert said in job["message"]
    assert "check" not in phases
    assert list((box.folder / "downloads").iterdir()) == []


def test_the_servers_certificate_is_checked(tmp_path, good):
    box = Appliance(tmp_path)
    box.start("--authorities", str(tmp_path / "none"))
    web = Web(tmp_path / "keys")
    web.files["u.raucb"] = good
    client = box.client()
    job, _ = client.ask(do="install", source=web.url("u.raucb"))
    assert job["error"] == "download"
    assert "CERTIFICATE_VERIFY_FAILED" in job["message"]
    client.close()
    web.close()
    box.close()


def test_back(box, client):
    job, _ = client.ask(do="rollback")
    assert job["phase"] == "done" and job["version"] == "1.0"
    assert client.slots()["B"]["next"]
    assert box.grub_now()["ORDER"].startswith("B")
    # once more: this one stays, as if nothing had been asked for
    job, _ = client.ask(do="rollback")
    assert job["phase"] == "done" and job["version"] == "2.0"
    assert client.slots()["A"]["next"]


@pytest.mark.parametrize("grub", [{"B_OK": 0}, {"B_TRY": 3}, {"B_TRY": 1}])
def test_nothing_to_go_back_to(box, client, grub):
    box.grub(**grub)
    job, _ = client.ask(do="rollback")
    assert job["error"] == "nothing-to-go-back-to"
    assert box.grub_now()["ORDER"] == "A B"


def test_restart_and_reset(box, client):
    variable = (box.folder / "efivars" /
                "FactoryReset-8cf2644b-4b0b-428f-9387-6d876050dc67")
    box.restarted.unlink(missing_ok=True)
    job, _ = client.ask(do="restart", reset=False)
    assert job["phase"] == "done"
    assert box.restarted.exists() and not variable.exists()
    box.restarted.unlink()
    job, _ = client.ask(do="restart", reset=True)
    assert job["phase"] == "done" and box.restarted.exists()
    # attributes, then systemd's boolean
    assert variable.read_bytes() == b"\x07\0\0\0y\0e\0s\0\0\0"


@pytest.mark.parametrize("line", [
    b'{"do": "install", "source": "/etc/shadow"}\n',
    b'{"do": "install", "source": "http://127.0.0.1/"}\n',
    b'{"do": "install"}\n', b'{"do": "anything"}\n', b"[1]\n", b"{\n",
    b"\xff\xfe\n", b"x" * 100_000 + b"\n",
])
def test_what_is_no_request(box, line):
    """Nothing comes of it, and the next one is heard."""
    odd = box.client()
    odd.socket.sendall(line)
    odd.socket.shutdown(socket.SHUT_WR)
    # it answers no such thing, and hangs up
    assert all(json.loads(x)["status"] for x in odd.lines)
    odd.close()
    again = box.client()
    assert again.ask(do="rollback")[0]["phase"] == "done"
    assert again.ask(do="rollback")[0]["phase"] == "done"
    again.close()


def test_others_are_not_listened_to(box):
    """The socket's rights keep them out, and if they didn't: who asks is looked
    at."""
    path = box.folder / "firmware.sock"
    path.chmod(0o666)
    done = subprocess.run(
        [*NOBODY, "/usr/bin/python3", "-c",
         "import socket, sys; s = socket.socket(socket.AF_UNIX); "
         "s.connect(sys.argv[1]); print(s.recv(1))", str(path)],
        capture_output=True, text=True, check=False)
    assert done.stdout == "b''\n", done.stderr


def test_nobody_else_speaks_to_rauc(box):
    """Debian's own policy lets anybody install and choose slots."""
    (box.folder / "bus").chmod(0o666)
    done = subprocess.run(
        [*NOBODY, "rauc", "status",
         "mark-active", "other"], env=box.env, capture_output=True, text=True,
        check=False)
    assert done.returncode and "Rejected send" in done.stderr, done.stderr
    assert box.grub_now()["ORDER"].startswith("A")


def test_rauc_goes_away(tmp_path):
    box = Appliance(tmp_path)
    box.start()
    rauc = box.children[1]
    rauc.terminate()
    rauc.wait()
    client = box.client()
    assert "RAUC doesn't say" in client.status["trouble"]
    client.close()
    until(lambda: "RAUC doesn't say" in
          (tmp_path / "firmware.log").read_text(), "its log")
    box.close()


def test_rauc_cant_be_run(tmp_path):
    """Neither now nor then does a job stay as it was, which would hold up all
    that comes after it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("rauc", "grub-editenv", "touch"):
        (programs / name).symlink_to(shutil.which(name))
    with closing(Appliance(tmp_path)) as box:
        box.env["PATH"] = str(programs)
        box.start()
        with closing(box.client()) as client:
            (programs / "rauc").unlink()
            job, _ = client.ask(do="restart", reset=False)
            assert job["phase"] == "done" and box.restarted.exists()
            assert "RAUC doesn't say" in client.status["trouble"]
