# SPDX-License-Identifier: Apache-2.0
"""sallyctl's own help, and its looks at the machine and the gateway."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from afar import BUILD, Afar  # noqa: E402
from gateway import isolate  # noqa: E402
from phone import Dialog, Phone, sdp  # noqa: E402

isolate()
CTL = os.path.join(BUILD, "bin", "sallyctl")


def ctl(*words):
    return subprocess.run([CTL, *words], text=True, capture_output=True,
                          timeout=30)


def commands():
    """Those of the help, in order."""
    text = ctl("--help").stdout.split("\n\n")[2]
    return [re.match(r"  ([a-z0-9-]+(?: [a-z0-9-]+)*)", line)[1]
            for line in text.splitlines()]


def test_every_command_explains_itself():
    for words in commands():
        done = ctl(*words.split(), "--help")
        assert done.returncode == 0 and "Options:" in done.stdout, words
        assert len(done.stdout.splitlines()) > 5, words


def test_help_by_its_name():
    done = ctl("help")
    assert done.returncode == 0 and done.stdout == ctl("--help").stdout
    assert ctl("help", "nobody").returncode == 2


def test_the_manual_page_is_one():
    page = ctl("help", "man").stdout
    for words in commands():
        assert f".SS {words}".replace("-", "\\-") in page, words
    assert shutil.which("groff"), "groff-base is needed"
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-z"], input=page,
                          text=True, capture_output=True)
    assert done.returncode == 0 and not done.stderr, done.stderr


@pytest.mark.parametrize("words,cur,wanted", [
    ((), "pol", {"policy"}),
    (("policy",), "gr", {"grant", "grants"}),
    (("policy",), "", {"new", "set", "get", "grant", "revoke", "grants",
                       "remove", "effective"}),
    (("users", "add", "x"), "--disp", {"--display"}),
])
def test_completion(words, cur, wanted):
    script = ctl("help", "completion").stdout + (
        'COMP_WORDS=(sallyctl "$@"); COMP_CWORD=$#; _sallyctl; '
        'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", *words, cur],
                          text=True, capture_output=True, check=True)
    assert set(done.stdout.split()) == wanted


@pytest.fixture(scope="module")
def gw(tmp_path_factory):
    with Afar(tmp_path_factory.mktemp("ctl"), port=25190).up() as g:
        yield g


def test_top_of_one_look(gw):
    done = gw.ctl("top", "--once")
    assert done.returncode == 0, done.stderr
    for word in ("calls 0", "discarded now:", "No call is in progress."):
        assert word in done.stdout, word


class Terminal:
    """sallyctl on a terminal of 100 columns and 24 rows."""

    def __init__(self, *words, socket_path):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, 100, 0, 0))
        self.before = termios.tcgetattr(theirs)
        self.process = subprocess.Popen(
            [CTL, "--socket", socket_path, *words], stdin=theirs,
            stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.theirs, self.seen = theirs, b""

    def wait(self, what, since=0):
        """Until that has been written, behind the octet since."""
        end = time.monotonic() + 20
        while what not in self.seen[since:]:
            assert time.monotonic() < end, self.seen
            if select.select([self.ours], [], [], 0.2)[0]:
                self.seen += os.read(self.ours, 65536)
        return self.seen.index(what, since)

    def type(self, keys):
        os.write(self.ours, keys)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


CLEAR, OTHER_SCREEN, BACK = b"\033[H\033[J", b"\033[?1049h", b"\033[?1049l"


@pytest.mark.parametrize("key", [b"q", b"\x03"], ids=["q", "ctrl-c"])
def test_top_as_calls_come_and_go(gw, key):
    """Redrawn by itself; the terminal is as it was in the end."""
    phones = [Phone(gw.at, name, ip=f"127.0.0.{11 + i}")
              for i, name in enumerate(("alice", "bob"))]
    for p in phones:
        if gw.ctl("users", "profile", p.user).returncode:
            gw.add_user(p.user, security=0)
        assert p.register().status == 200
    t = Terminal("top", socket_path=gw.api_socket)
    try:
        t.wait(OTHER_SCREEN)
        t.wait(b"No call is in progress.")
        d = Dialog(phones[0], "bob")
        d.call(sdp("10.9.0.1", 40000))
        invite = phones[1].expect("INVITE")
        Dialog.of(phones[1], invite).reply(invite, 200,
                                           sdp("10.9.0.2", 41000))
        d.answered()
        phones[1].expect("ACK")
        at = t.wait(b"alice@sip.test")
        frame = t.seen[t.seen.rindex(CLEAR, 0, at):]
        assert b"calls 1" in frame
        d.bye()
        phones[1].expect("BYE")
        t.wait(b"No call is in progress.", since=at)
        for frame in t.seen.split(CLEAR)[1:-1]:
            lines = frame.decode().splitlines()
            assert len(lines) <= 24 and max(map(len, lines)) <= 100, lines
        assert not termios.tcgetattr(t.theirs)[3] & termios.ECHO
        t.type(key)
        t.wait(BACK)
        assert t.process.wait(10) == 0
        assert termios.tcgetattr(t.theirs) == t.before
    finally:
        t.close()
        for p in phones:
            p.close()


def machine(root, flags="fpu aes pclmulqdq sse4_2 avx2 vaes", huge=512,
            isolated="1-3", driver="vfio-pci"):
    files = {
        "proc/cpuinfo": f"processor\t: 0\nflags\t\t: {flags}\n",
        "proc/meminfo": f"MemTotal: 1 kB\nHugePages_Total:    {huge}\n"
                        "Hugepagesize:       2048 kB\n",
        "sys/devices/system/cpu/isolated": isolated + "\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor":
            "performance\n",
        "sys/bus/pci/devices/0000:03:00.0/class": "0x020000\n",
        "var/lib/sallyport/x": "",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    nic = root / "sys/bus/pci/devices/0000:03:00.0"
    (nic / "driver").symlink_to(f"../../../bus/pci/drivers/{driver}")
    (nic / "iommu_group").symlink_to("../../../kernel/iommu_groups/7")


def look(gw, root):
    done = gw.ctl("doctor", "--json", "--root", str(root))
    return done.returncode, {c["check"]: c for c in json.loads(done.stdout)}


def test_a_healthy_machine(gw, tmp_path):
    machine(tmp_path)
    status, checks = look(gw, tmp_path)
    assert status == 0, checks
    for name in ("CPU", "hugepages", "isolation", "governor", "NICs", "disk",
                 "programs", "packets", "certificate"):
        assert checks[name]["health"] == "ok", checks[name]
    assert "vaes" in checks["CPU"]["found"]
    assert checks["hugepages"]["found"] == "512, 1024 MiB"


@pytest.mark.parametrize("what,name,health,word", [
    ({"flags": "fpu sse4_2 xaes"}, "CPU", "wrong", "aes pclmulqdq"),
    ({"flags": "aes pclmulqdq sse4_2"}, "CPU", "notice", "nothing wider"),
    ({"huge": 0}, "hugepages", "notice", "none"),
    ({"isolated": ""}, "isolation", "notice", "no CPU"),
    ({"driver": "igb"}, "NICs", "notice", "none bound"),
])
def test_what_ails_it_and_what_to_do(gw, tmp_path, what, name, health, word):
    machine(tmp_path, **what)
    status, checks = look(gw, tmp_path)
    assert (checks[name]["health"], status) == (health, health == "wrong")
    assert word in checks[name]["found"] and checks[name]["todo"]


def test_a_table_without_titles_has_no_empty_line_above(gw):
    assert gw.ctl("certificate").stdout.startswith("subject ")


def test_a_gateway_that_is_down(tmp_path):
    machine(tmp_path)
    done = ctl("doctor", "--root", str(tmp_path), "--socket",
               str(tmp_path / "none"))
    assert done.returncode == 1 and not done.stderr
    assert "sallyport-control doesn't answer" in done.stdout
