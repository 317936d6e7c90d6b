# SPDX-License-Identifier: Apache-2.0
"""The console beside real media: the real dataplane and sallyport-media, two
endpoints that talk, a browser on the gateway's own network."""

import contextlib
import ctypes
import json
import os
import re
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
sys.path.insert(0, str(HERE))
from browser import CONSOLE, Browser  # noqa: E402
from lab.process import run  # noqa: E402
from lab.topology import Gateway  # noqa: E402
from looks import looked_at  # noqa: E402

BUILD = Path(os.environ.get("B", ROOT / "build")).absolute()
PASSWORD = "correct horse battery"
AT = "127.0.0.1:8443"


@contextlib.contextmanager
def network(namespace):
    """This process, and what it starts, in another network for a while."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(f):
        if libc.setns(f.fileno(), 0):
            raise OSError(ctypes.get_errno(), f.name)

    with open("/proc/self/ns/net") as own, \
            open(f"/run/netns/{namespace}") as other:
        enter(other)
        try:
            yield
        finally:
            enter(own)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    public = json.loads(run(BUILD / "bin/sallyctl", "recordings", "keygen",
                            folder / "key", "--json").stdout)["public"]
    (folder / "recordings").mkdir()
    settings = {
        "control": {"https": {"listen": [AT], "console": str(CONSOLE)}},
        "media": {"recording": {"folder": str(folder / "recordings"),
                                "keys": [public]}}}
    with Gateway(BUILD, media=True, settings=settings) as g:
        for user in ("alice", "bob"):
            g.add_user(user, "sdes")
        g.sallyctl("admins", "add", "ada", "--role", "administer",
                   input=PASSWORD)
        yield g


@pytest.fixture(scope="module")
def browser(gateway):
    with network(gateway.namespace):
        b = Browser(f"https://{AT}")
        yield b
        b.close()


def talk(gateway):
    """alice calls bob."""
    alice, bob = (gateway.endpoint(
        user, side, "--srtp", "yes", "--auto-answer", "yes", "--audio-in",
        f"tone:{tone}") for user, side, tone in (("alice", "branch", 440),
                                                 ("bob", "hq", 1000)))
    alice.call("bob")
    bob.wait("established")
    return alice, bob


def number(browser, css):
    """The number in it, once there is one above 0."""
    def find():
        found = [re.search(r"[0-9.]+", e.text) for e in browser.all(css)]
        return next((n for n in (float(m[0]) for m in found if m) if n > 0), 0)
    return browser.wait(find, css)


def test_a_call_as_it_goes(gateway, browser):
    alice, bob = talk(gateway)
    browser.login("ada", PASSWORD)
    browser.see("Packets", "figcaption")
    # 50 packets a second each way, whatever the machine is busy with
    assert 10 < number(browser, ".port:first-child .curve-1 b") < 1000
    browser.see("Core", ".meters li")
    looked_at(browser, "live-overview")

    browser.go("calls", "Calls")
    browser.see("Encrypted hop by hop", "td")
    browser.click(browser.see("alice@", "main a").text)
    browser.see("→ bob@", "h1")
    assert 1 <= number(browser, ".mos") <= 5
    browser.click("Record")
    browser.see("recorded", "dd .tag")
    (call,) = gateway.ctl_json("calls")
    assert call["recording"]
    looked_at(browser, "live-call")
    browser.click("Stop recording")
    browser.see("Recording has ended")
    browser.click("Hang up")
    browser.click("Hang up", "//dialog")
    browser.see("The call has ended", "[role=status]")
    alice.wait("closed")
    bob.wait("closed")
    for endpoint in (alice, bob):
        endpoint.stop()

    browser.go("recordings", "Recordings")
    browser.see(call["recording"], "th")
    looked_at(browser, "live-recordings")
    browser.click("Download")
    file = browser.downloaded(f"{call['recording']}.sealed")
    assert file.stat().st_size > 1000
    browser.click("Delete")
    browser.click("Delete", "//dialog")
    browser.see("There is no recording")
    assert browser.complaints() == []
