# SPDX-License-Identifier: Apache-2.0
"""A real sallyport-control with the ng door open, over the dataplane that only
says yes."""

import itertools
import os
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
for folder in ("scripts", os.path.join("tests", "sip")):
    sys.path.insert(0, os.path.join(ROOT, folder))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gateway import Gateway, isolate  # noqa: E402
from lab import audio  # noqa: E402
from ngclient import Client  # noqa: E402

isolate()
PORT = 22230
OPTIONS = """\
  ng:
    listen: ["udp:127.0.0.1:{port}", "tcp:127.0.0.1:{port}",
             "http:127.0.0.1:{http}", "udp:[::1]:{port}", "tcp:[::1]:{port}"]
    interfaces: ["internal/127.0.0.21", "external/127.0.0.22"]
{more}"""


def make(folder, more="", port=PORT, **kw):
    """Several may be up at once: each has ports of its own."""
    gateway = Gateway(folder, port + 2, options=OPTIONS.format(
        port=port, http=port + 1, more=more), **kw)
    gateway.ng = ("127.0.0.1", port)
    gateway.start_dataplane()
    try:
        gateway.start()
    except BaseException:
        gateway.close()
        raise
    return gateway


@pytest.fixture(scope="session")
def sounds(tmp_path_factory):
    """Of the real phones, by user."""
    return audio.melodies(tmp_path_factory.mktemp("sounds"), 60)


@pytest.fixture(scope="module")
def gw(tmp_path_factory):
    g = make(tmp_path_factory.mktemp("gw"))
    yield g
    assert g.stop() == 0, "control must stop cleanly"
    g.close()


@pytest.fixture
def own(request, tmp_path):
    """One for a test alone; the marker `ng` adds to its configuration."""
    marker = request.node.get_closest_marker("ng")
    args = marker.args if marker else ("",)
    g = make(tmp_path, *args, port=PORT + 10,
             **(marker.kwargs if marker else {}))
    yield g
    g.close()


@pytest.fixture
def ng(request):
    """A client of the gateway that the test has."""
    name = "own" if "own" in request.fixturenames else "gw"
    with Client(request.getfixturevalue(name).ng) as client:
        yield client


@pytest.fixture(autouse=True)
def tidy(request):
    """What a test that failed has left would fail all after it."""
    yield
    if "gw" not in request.fixturenames:
        return
    with Client(request.getfixturevalue("gw").ng) as client:
        for call_id in client.ask("list", limit=1000)["calls"]:
            client.ask("delete", call_id=call_id)
    request.getfixturevalue("gw").clean()


_calls = itertools.count(1)


@pytest.fixture
def call():
    """A call-id of the test's own."""
    return f"call-{os.getpid()}-{next(_calls)}@test"


def pytest_configure(config):
    config.addinivalue_line("markers", "ng(text, ...): more of the ng section,"
                            " and of the gateway's arguments")
