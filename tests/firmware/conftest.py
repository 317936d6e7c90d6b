# SPDX-License-Identifier: Apache-2.0
"""Each file has one appliance, `whole`; a test finds it as before any."""

import pytest


@pytest.fixture
def gw(whole):
    whole.ready()
    yield whole
    whole.clear()
