# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the dataplane's tests."""

import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from rig import Rig  # noqa: E402

# The runner ends a suite by SIGTERM; fixtures then have to be torn down.
signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended", 143))


@pytest.fixture
def rig(tmp_path):
    r = Rig(tmp_path)
    yield r
    r.close()
