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
