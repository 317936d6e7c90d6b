# SPDX-License-Identifier: Apache-2.0
"""Gateways with trunks: the real control, carriers and phones that say exactly
what a test wants, a dataplane that only says yes."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from carrier import Branch, Carrier  # noqa: E402
from course import phone_maker  # noqa: E402
from gateway import isolate  # noqa: E402

isolate()


@pytest.fixture(scope="module")
def branch(tmp_path_factory):
    with Branch(tmp_path_factory.mktemp("branch"), 25310).up() as g:
        for name in ("alice", "bob", "carol"):
            g.add_user(name, security=0)
        yield g


@pytest.fixture
def gw(branch):
    """Without trunks, routes and numbers; nobody may dial."""
    branch.mark()
    yield branch
    branch.forget()
    branch.clean()


@pytest.fixture
def phones(gw):
    with phone_maker(gw, first=30) as phone:
        yield phone


@pytest.fixture
def carriers(gw):
    made = []

    def carrier(name="carrier", tp="udp"):
        c = Carrier(gw, name, f"127.0.0.{50 + len(made)}", tp)
        made.append(c)
        return c

    yield carrier
    for c in made:
        c.close()
