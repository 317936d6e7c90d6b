# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the whole-call tests. B names the build folder."""

import os
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
sys.path.insert(0, str(ROOT / "tests" / "calls"))

from lab import audio  # noqa: E402
from lab.topology import Gateway  # noqa: E402

# The runner ends a suite by SIGTERM; fixtures then have to be torn down.
signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended", 143))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.failed and report.when != "teardown":
        item.test_failed = True


@pytest.fixture
def gateway(request):
    """A gateway of the test's own; its logs stay when the test fails."""
    with Gateway(os.environ.get("B", ROOT / "build")) as g:
        yield g
        g.keep_logs = getattr(request.node, "test_failed", False)


@pytest.fixture(scope="session")
def sounds(tmp_path_factory):
    """Two sounds that are never silent, and where they lie: by user."""
    return audio.melodies(tmp_path_factory.mktemp("sounds"))
