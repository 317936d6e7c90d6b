# SPDX-License-Identifier: Apache-2.0
"""The dataplane in namespaces (tests/port/rig.py), control's side of its socket
(tests/soak/abi.py), and both put together."""

import signal
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "port"), str(TESTS / "soak"),
                str(Path(__file__).resolve().parent)]

from gate import Gate  # noqa: E402

# The runner ends a suite by SIGTERM; fixtures then have to be torn down.
signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended", 143))


@pytest.fixture
def gate(tmp_path):
    g = Gate(tmp_path)
    yield g
    g.close()
