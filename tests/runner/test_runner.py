# SPDX-License-Identifier: Apache-2.0
"""tests/run adds up honestly: nothing that went wrong counts as passed."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parents[1] / "run"
PLAN = "echo 1..2; echo 'ok 1 - a'; "


@pytest.fixture
def program(tmp_path):
    def make(body, name="program"):
        path = tmp_path / name
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)
        return path
    return make


def run(*arguments):
    done = subprocess.run([RUN, *map(str, arguments)], capture_output=True,
                          text=True)
    return done.returncode, done.stdout.rstrip().split("\n")


# what a cmocka program does, the last line, what the report has to mention
TAP = {
    "passes": (PLAN + "echo 'ok 2 - b'", "2 passed, 0 failed", ""),
    "fails": (PLAN + "echo 'not ok 2 - b'; echo '# 1 != 2'; exit 1",
              "1 passed, 1 failed", "# 1 != 2"),
    "skips": (PLAN + "echo 'ok 2 # SKIP no device'",
              "1 passed, 0 failed, 1 skipped", ""),
    "says not ok, exits 0": (PLAN + "echo 'not ok 2 - b'",
                             "1 passed, 1 failed", ""),
    "two groups": (PLAN + "echo 'ok 2 - b'; echo 1..1; echo 'ok 1 - c'",
                   "3 passed, 0 failed", ""),
    "crashes": (PLAN + "kill -SEGV $$", "1 passed, 1 failed", "SIGSEGV"),
    "crashes after the last": (PLAN + "echo 'ok 2 - b'; kill -ABRT $$",
                               "2 passed, 1 failed", "SIGABRT"),
    "leaks: status only": (PLAN + "echo 'ok 2 - b'; echo leaked; exit 23",
                           "2 passed, 1 failed", "leaked"),
    "stops half way": (PLAN + "exit 0", "1 passed, 1 failed",
                       "announced 2 tests and ran 1"),
    "prints nothing": ("exit 0", "0 passed, 1 failed", "announced no tests"),
    "hangs": (PLAN + "sleep 60", "1 passed, 1 failed", "ran past 1 s"),
}


@pytest.mark.parametrize("case", TAP)
def test_tap(program, case):
    body, last, mention = TAP[case]
    status, lines = run("--limit", 1, f"tap={program(body)}")
    assert lines[-1] == last
    assert mention in "\n".join(lines)
    assert (status == 0) == (" 0 failed" in last)


def test_missing_program(tmp_path):
    status, lines = run(f"tap={tmp_path}/none")
    assert (status, lines[-1]) == (1, "0 passed, 1 failed")


def test_adds_up_suites(program):
    good = program(PLAN + "echo 'ok 2 - b'", "good")
    bad = program(PLAN + "echo 'not ok 2 - b'", "bad")
    status, lines = run(f"tap={good}", f"tap={bad}", f"tap={good}")
    assert (status, lines[-1]) == (1, "5 passed, 1 failed")


def test_only_skipped_is_not_success(program):
    skips = program("echo 1..1; echo 'ok 1 # SKIP'")
    status, lines = run(f"tap={skips}")
    assert (status, lines[-1]) == (1, "0 passed, 0 failed, 1 skipped")


PYTEST = {
    "passes": ("def test_a(): pass", "1 passed, 0 failed"),
    "fails": ("def test_a(): assert False\ndef test_b(): pass",
              "1 passed, 1 failed"),
    "skips": ("import pytest\ndef test_a(): pytest.skip('x')\n"
              "def test_b(): pass", "1 passed, 0 failed, 1 skipped"),
    "does not import": ("import nothing_of_this_name", "0 passed, 1 failed"),
    "holds no tests": ("x = 1", "0 passed, 1 failed"),
    "dies": ("import os\ndef test_a(): os._exit(0)", "0 passed, 1 failed"),
    "fixture fails after": (
        "import pytest\n@pytest.fixture\ndef f():\n    yield\n    assert 0\n"
        "def test_a(f): pass", "0 passed, 1 failed"),
}


@pytest.mark.parametrize("case", PYTEST)
def test_pytest(tmp_path, case):
    body, last = PYTEST[case]
    path = tmp_path / "test_it.py"
    path.write_text(body + "\n")
    status, lines = run(f"pytest={path}")
    assert lines[-1] == last, "\n".join(lines)
    assert (status == 0) == (" 0 failed" in last)


@pytest.mark.parametrize("body,last", [
    ("exit 0", "1 passed, 0 failed"),
    ("echo ==ERROR: AddressSanitizer; exit 77", "0 passed, 1 failed"),
])
def test_fuzz(program, body, last):
    status, lines = run("--fuzz-seconds", 1, f"fuzz={program(body)}")
    assert lines[-1] == last
    assert (status == 0) == (" 0 failed" in last)


def test_unknown_kind():
    assert run("tape=x")[0] == 2


def stamps(folder, name, seconds):
    """A suite that notes when it begins and ends."""
    return (f"date +%s.%N >{folder}/{name}.begin; sleep {seconds}; "
            f"date +%s.%N >{folder}/{name}.end; echo 1..1; echo ok 1 - a")


def overlap(folder, a, b):
    begin, end = ([float((folder / f"{name}.{what}").read_text())
                   for name in (a, b)] for what in ("begin", "end"))
    return max(begin) < min(end)


def test_two_at_a_time_unless_alone(program, tmp_path):
    suites = {name: program(stamps(tmp_path, name, 1), name) for name in "abcd"}
    status, lines = run(f"tap={suites['a']}", f"tap={suites['b']}",
                        f"tap+alone={suites['c']}", f"tap={suites['d']}")
    assert (status, lines[-1]) == (0, "4 passed, 0 failed")
    assert overlap(tmp_path, "a", "b")
    for other in "abd":
        assert not overlap(tmp_path, "c", other)


def test_quiet_ones_with_each_other_only(program, tmp_path):
    suites = {name: program(stamps(tmp_path, name, 1), name) for name in "abcd"}
    status, lines = run("--jobs", 1, f"tap={suites['a']}",
                        f"tap+quiet={suites['b']}", f"tap+quiet={suites['c']}",
                        f"tap={suites['d']}")
    assert (status, lines[-1]) == (0, "4 passed, 0 failed")
    assert overlap(tmp_path, "b", "c")
    for other in "ad":
        for quiet in "bc":
            assert not overlap(tmp_path, other, quiet)


def test_output_stays_together(program):
    """Two suites that fail at the same time, in turns."""
    body = ("echo 1..1; for i in 1 2 3 4 5; do echo $0; sleep 0.1; done; "
            "echo 'not ok 1 - a'")
    a, b = program(body, "first"), program(body, "second")
    text = "\n".join(run(f"tap={a}", f"tap={b}")[1])
    assert f"{a}\n" * 5 in text and f"{b}\n" * 5 in text


def test_limits_and_builds_of_their_own(program):
    slow = program("sleep 60", "slow")
    status, lines = run(f"tap:1={slow}")
    assert "ran past 1 s" in lines[0]
    tells = program("echo 1..1; echo \"not ok 1 - $B\"", "tells")
    assert "not ok 1 - /a/san" in run(f"tap@/a/san={tells}")[1]


def test_what_a_sanitizer_says_fails_the_suite(tmp_path):
    path = tmp_path / "test_it.py"
    path.write_text(
        "import os, re\ndef test_a():\n"
        "    log = re.findall('log_path=([^:]+)', os.environ['ASAN_OPTIONS'])[-1]"
        "\n    open(f'{log}.7', 'w').write('leaked 8 octets')\n")
    status, lines = run(f"pytest={path}")
    assert (status, lines[-1]) == (1, "1 passed, 1 failed")
    assert "leaked 8 octets" in lines


LEFT = {
    "nothing": ("true", ""),
    "a process": ("setsid sleep 300 >/dev/null 2>&1 &", "(sleep)"),
    "one of a nested run": (
        "echo '#!/bin/sh\nsetsid sleep 301 & echo 1..1; echo ok 1' >$0.in; "
        "chmod +x $0.in; {RUN} tap=$0.in >/dev/null", "(sleep)"),
    "a namespace": ("ip netns add left-$$", "network namespace left-"),
    "DPDK's folder": ("mkdir /run/dpdk/left", "DPDK folder left"),
    "a TAP device": ("ip tuntap add sprunner0 mode tap",
                     "TAP device sprunner0"),
}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("what", LEFT)
def test_tidiness(program, what):
    leave, mention = LEFT[what]
    leave = leave.replace("{RUN}", str(RUN))
    body = program(leave + "\necho 1..1; echo ok 1 - a")
    try:
        status, lines = run("--tidy", f"tap={body}")
    finally:
        subprocess.run(["ip", "link", "delete", "sprunner0"],
                       capture_output=True, check=False)
    assert lines[-1] == ("1 passed, 1 failed" if mention else
                         "2 passed, 0 failed"), "\n".join(lines)
    assert mention in "\n".join(lines)
    assert "sleep\x00300" not in "".join(
        p.read_text("utf-8", "replace")
        for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists())
    assert not list(Path("/run/netns").glob("left-*"))
    assert not Path("/run/dpdk/left").exists()


def test_interrupted_leaves_nothing(program, tmp_path):
    """SIGTERM to the runner ends the suite, which may clean up first."""
    mark, ready = tmp_path / "cleaned", tmp_path / "ready"
    body = (f"trap 'touch {mark}; exit 1' TERM\ntouch {ready}\n"
            "sleep 60 & wait $!")
    runner = subprocess.Popen([RUN, f"tap={program(body)}"],
                              stdout=subprocess.DEVNULL)
    end = time.monotonic() + 10
    while not ready.exists() and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(runner.pid, signal.SIGTERM)
    assert runner.wait(10) == 143
    assert mark.exists()
