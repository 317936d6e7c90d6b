# SPDX-License-Identifier: Apache-2.0
"""The demo as its reader runs it: it tells the truth, leaves nothing behind,
also when interrupted, and keeps the gateway up only when asked to."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from acts import end_to_end
from acts.story import Story
from lab.process import run, wait_until
from lab.topology import PREFIX, ROOT

DEMO = ROOT / "scripts" / "demo"
BUILD = os.environ.get("B", ROOT / "build")


QUICK = "--seconds", "3", "--only", "first-light"


def start(*arguments):
    return subprocess.Popen([DEMO, "--build", BUILD, *arguments], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def namespaces(demo):
    """Those that a run of the demo made."""
    names = run("ip", "netns", "list").stdout.split()
    return [n for n in names if n.startswith(f"{PREFIX}{demo.pid}-")]


def test_tells_and_leaves_nothing():
    demo = start("--seconds", "5")
    told, _ = demo.communicate(timeout=240)
    assert demo.returncode == 0, told
    held, of = re.search(r"(\d+) of (\d+) statements hold\.$",
                         told.rstrip()).groups()
    assert held == of == str(told.count("✓")) and int(of) > 50
    assert "✗" not in told
    assert namespaces(demo) == []


@pytest.mark.parametrize("number,act,after", [
    (signal.SIGINT, "first-light", 3), (signal.SIGTERM, "first-light", 3),
    (signal.SIGINT, "end-to-end", 5)])
def test_interrupted(number, act, after):
    demo = start("--seconds", "3", "--only", act)
    wait_until("the call", 30, lambda: len(namespaces(demo)) == 3)
    time.sleep(after)
    demo.send_signal(number)
    told, _ = demo.communicate(timeout=30)
    assert demo.returncode == 128 + number
    assert "everything is taken down" in told
    assert namespaces(demo) == []
    assert not run("pgrep", "-s", str(demo.pid), check=False).stdout


def test_kept_and_taken_down():
    demo = start(*QUICK, "--keep")
    told, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, told
    assert len(namespaces(demo)) == 3
    folder = Path(re.search(r"scripts/demo --down (\S+)", told)[1])
    env = dict(os.environ, SALLYPORT_SOCKET=re.search(
        r"export SALLYPORT_SOCKET=(\S+)", told)[1])
    records = run(f"{BUILD}/bin/sallyctl", "records", env=env).stdout
    assert "sip:alice@" in records
    again = start(*QUICK)  # a second run beside it
    assert again.wait(120) == 0
    assert len(namespaces(demo)) == 3
    run(DEMO, "--down", folder)
    assert namespaces(demo) == []
    assert not folder.exists()


def test_says_no():
    """Where a leg is not protected, the demo says so and fails."""
    script = DEMO.read_text().replace(
        'gateway.add_user("bob", "sdes", suites=SUITE)',
        'gateway.add_user("bob", "plain")').replace(
        'encryption="srtp-mand"', "encryption=None")
    done = subprocess.run(
        ["/usr/bin/python3", "-", "--build", BUILD, *QUICK],
        input=script, text=True, capture_output=True, cwd=DEMO.parent,
        env=dict(os.environ, PYTHONPATH=str(DEMO.parent)))
    assert done.returncode == 1
    assert "✗ headquarters: bob's leg" in done.stdout
    assert "✗ nothing of alice's voice" in done.stdout


def test_says_no_of_an_ordinary_call(gateway):
    """What is told of the end-to-end encrypted call doesn't hold of another:
    not one of the statements."""
    end_to_end.make_sounds(gateway.folder)
    for user, profile in (("alice", "plain"), ("bob", "sdes")):
        gateway.add_user(user, profile)
    story, talk = Story(), end_to_end.Talk(*(
        end_to_end.endpoint(gateway, user) for user in ("alice", "bob")))
    end_to_end.start_captures(gateway, talk)
    talk.alice.call("bob")
    for one in (talk.alice, talk.bob):
        one.wait("shield", state="plain")
    time.sleep(3)
    talk.codes = "00000 00000 00000 00000", "00000 00000 00000 00001"
    end_to_end.tell_locks(story, talk)
    end_to_end.tell_mark(story, gateway)
    end_to_end.tell_refusals(story, gateway, talk)
    end_to_end.tell_goes_on(story, talk)
    end_to_end.hang_up(gateway, talk)
    end_to_end.tell_branch_wire(story, gateway, talk)
    end_to_end.tell_hq_wire(story, gateway, talk)
    assert story.wrong == story.told == 20
