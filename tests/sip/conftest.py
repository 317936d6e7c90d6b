# SPDX-License-Identifier: Apache-2.0
"""Gateways and phones for the SIP door's tests: real sallyport-control, phones
on loopback, and a dataplane that only says yes (packets are other tests'
matter)."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gateway import Gateway, isolate  # noqa: E402
from phone import Phone  # noqa: E402

isolate()
SHORT = ("    ring_timeout: 1\n    nonce_lifetime: 1\n"
         "    min_expires: 30\n    default_expires: 40\n"
         "    max_expires: 50\n")


def make(tmp, port, **kw):
    g = Gateway(tmp, port, **kw)
    g.start_dataplane()
    try:
        g.start()
    except BaseException:
        g.close()
        raise
    for name in ("alice", "bob", "carol"):
        g.add_user(name, security=0)
    g.add_user("dora", security=1, display='Dora "D" Due')
    return g


@pytest.fixture(scope="module")
def gw(tmp_path_factory):
    g = make(tmp_path_factory.mktemp("gw"), 25060)
    yield g
    assert g.stop() == 0, "control must stop cleanly"
    g.close()


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """One whose timers are short."""
    g = make(tmp_path_factory.mktemp("short"), 25070, options=SHORT,
             media_timeout=1)
    yield g
    g.close()


@pytest.fixture
def own(tmp_path):
    """One for a test alone."""
    g = make(tmp_path, 25080)
    yield g
    g.close()


@pytest.fixture(autouse=True)
def one_by_one(request):
    """A test sees its own records, and leaves no call to the next."""
    used = [request.getfixturevalue(name) for name in ("gw", "short")
            if name in request.fixturenames]
    for g in used:
        g.mark()
    yield
    for g in used:
        g.clean()


@pytest.fixture
def phones():
    made = []

    def phone(g, user, tp="udp", register=True, side="A", **kw):
        kw.setdefault("tls", g.certificate)
        kw.setdefault("ip", f"127.0.0.{10 + len(made)}")
        p = Phone(g.door(tp, g.A if side == "A" else g.B), user, tp=tp, **kw)
        made.append(p)
        if register:
            assert p.register().status == 200
        return p

    yield phone
    for p in made:
        try:
            p.register(contact="*", expires=0)
        except (AssertionError, AttributeError, OSError):
            pass  # it never could, or its gateway has gone
        p.close()
