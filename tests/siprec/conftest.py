# SPDX-License-Identifier: Apache-2.0
"""B names the build folder; the lab is that of the whole-call tests."""

import os
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
sys.path.insert(0, str(ROOT / "tests" / "siprec"))

from lab import audio  # noqa: E402
from lab.topology import Gateway  # noqa: E402
from recorder import Recorder  # noqa: E402

# The runner ends a suite by SIGTERM; fixtures then have to be torn down.
signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended", 143))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.failed and report.when != "teardown":
        item.test_failed = True


@pytest.fixture(scope="session")
def sounds(tmp_path_factory):
    """Two sounds that are never silent, and where they lie: by user."""
    return audio.melodies(tmp_path_factory.mktemp("sounds"))


@pytest.fixture
def office(request, sounds):
    """A gateway that forks, alice in its branch, bob outside. A parameter has
    settings of siprec, and "codecs" of alice and bob."""
    wants = dict(getattr(request, "param", {}))
    codecs = wants.pop("codecs", ("PCMU", "PCMU"))
    settings = {"control": {"siprec": {
        "server": "sip:recorder@10.2.0.10:5090", "keepalive": 1, **wants}}}
    with Gateway(os.environ.get("B", ROOT / "build"), media=True,
                 settings=settings) as g:
        for i, (user, side) in enumerate((("alice", "branch"),
                                          ("bob", "hq"))):
            g.add_user(user, "plain")
            setattr(g, user, g.phone(user, side, sounds / f"{user}.wav",
                                     index=i, codecs=codecs[i]))
        yield g
        g.keep_logs = getattr(request.node, "test_failed", False)


@pytest.fixture
def recorder(office):
    with Recorder(office.sides["hq"]) as r:
        yield r
