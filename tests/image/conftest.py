# SPDX-License-Identifier: Apache-2.0
"""One machine for all tests of the image, which go on from where the one before
has left it: after a failure there is nothing to go on from."""

import json
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import appliance as image  # noqa: E402
import releases  # noqa: E402
from lab import audio  # noqa: E402
from lab.process import run  # noqa: E402

# The runner ends a suite by SIGTERM; fixtures then have to be torn down.
signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended", 143))

failed = []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.failed and report.when != "teardown":
        failed.append(item.name)


@pytest.fixture(scope="session")
def sounds(tmp_path_factory):
    return audio.melodies(tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="session")
def stick(tmp_path_factory):
    return releases.make(tmp_path_factory.mktemp("releases"))


@pytest.fixture(scope="session")
def recording_key(tmp_path_factory):
    """@return: where the private one is, and the public one"""
    key = tmp_path_factory.mktemp("key") / "recording.key"
    return key, json.loads(run(image.BUILD / "bin/sallyctl", "recordings",
                               "keygen", key, "--json").stdout)["public"]


@pytest.fixture(scope="session")
def running(stick, recording_key):
    with image.Appliance(stick, recording_key[1]) as machine:
        yield machine
        machine.keep_logs = bool(failed)


@pytest.fixture
def machine(request, running):
    if failed:
        pytest.fail(f"the machine is where {failed[0]} left it")
    return running
