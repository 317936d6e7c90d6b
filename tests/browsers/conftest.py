# SPDX-License-Identifier: Apache-2.0
"""One gateway for all, and two browsers that stay: starting them is what takes
long. Each test loads their pages anew. B names the build folder."""

import os
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
sys.path.insert(0, str(ROOT / "tests" / "browsers"))

import tune  # noqa: E402
from browser import Browser, certificate  # noqa: E402
from lab.process import wait_until  # noqa: E402
from lab.topology import Gateway  # noqa: E402

BUILD = os.environ.get("B", ROOT / "build")
# who may use which phone; browsers are told by how they register
USERS = {"ann": "auto", "ben": "auto",
         "pia": "plain", "sam": "sdes", "tom": "plain"}

# The runner ends a suite by SIGTERM; fixtures then have to be torn down.
signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended", 143))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.failed and report.when != "teardown":
        item.test_failed = item.session.any_failed = True


@pytest.fixture(scope="session")
def sounds(tmp_path_factory):
    """A tune for each user, and one for who is on hold."""
    folder = tmp_path_factory.mktemp("sounds")
    for seed, user in enumerate([*USERS, "music"]):
        tune.compose(folder / f"{user}.wav", 40, seed)
    return folder


@pytest.fixture(scope="session")
def spki(tmp_path_factory):
    path = tmp_path_factory.mktemp("door") / "door.pem"
    return path, certificate(path)


@pytest.fixture(scope="session")
def site(request, spki, sounds):
    listen = [f"{tp}:{network}.1:{port}" for network in ("10.1.0", "10.2.0")
              for tp, port in (("udp", 5060), ("tcp", 5060), ("wss", 8089))]
    settings = {"control": {
        "sip": {"listen": listen, "tls": {"certificate": str(spki[0])}},
        "calls": {"music": "music.wav"}, "media_timeout": 5},
        "media": {"music": str(sounds)}}
    with Gateway(BUILD, settings=settings, media=True) as g:
        for user, profile in USERS.items():
            g.add_user(user, profile)
        yield g
        g.keep_logs = getattr(request.session, "any_failed", False)


@pytest.fixture(scope="session")
def browsers(site, sounds, spki):
    """ann's at the branch, ben's at headquarters."""
    made = []
    try:
        for user, side in (("ann", "branch"), ("ben", "hq")):
            made.append(Browser(site, user, side, sounds / f"{user}.wav",
                                spki[1], BUILD))
        yield made
    finally:
        for browser in made:
            browser.stop()


@pytest.fixture
def gateway(site, browsers, request):
    """Nothing left of a call; what a test that failed left is ended."""
    yield site
    if getattr(request.node, "test_failed", False):
        for browser in browsers:
            browser.do("reload")
    wait_until("the calls to be over", 60,
               lambda: not site.ctl_json("calls") and not site.flows())


@pytest.fixture
def phones(site, sounds):
    """Phones of the test's own, that end with it."""
    made = []

    def make(user, side, **options):
        index = len(site.phones)
        phone = site.phone(user, side, sounds / f"{user}.wav", index=index,
                           sip_port=5060 + 10 * index, **options)
        made.append(phone)
        return phone
    yield make
    for phone in made:
        phone.hang_up()
        phone.stop()
