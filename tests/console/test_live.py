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
def chromium(gateway):
    with network(gateway.namespace):
        b = Browser(f"https://{AT}")
        yield b
        b.close()


@pytest.fixture
def browser(chromium):
    """Nobody logged in."""
    chromium.open()
    chromium.driver.delete_all_cookies()
    chromium.driver.refresh()
    chromium.complaints()
    yield chromium


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


DRAWN = """
const figure = [...document.querySelectorAll("figure.plot")].find((f) =>
    f.querySelector(".name").textContent === arguments[0]);
const drawn = figure.querySelector("canvas");
const copy = document.createElement("canvas");
[copy.width, copy.height] = [drawn.width, drawn.height];
const c = copy.getContext("2d", {willReadFrequently: true});
c.fillStyle = getComputedStyle(document.documentElement)
    .getPropertyValue("--curve-1").trim();
c.fillRect(0, 0, 1, 1);
const [r, g, b] = c.getImageData(0, 0, 1, 1).data;
c.clearRect(0, 0, 1, 1);
c.drawImage(drawn, 0, 0);
const d = c.getImageData(0, 0, copy.width, copy.height).data;
let n = 0;
for (let i = 0; i < d.length; i += 4)
    n += Math.abs(d[i] - r) + Math.abs(d[i + 1] - g) +
        Math.abs(d[i + 2] - b) < 60 && d[i + 3] > 100;
return n;
"""


def grows(browser, title):
    """The curve of that plot gets longer: so many of its pixels, and more."""
    first = browser.wait(lambda: browser.driver.execute_script(DRAWN, title),
                         f"a curve of {title}")
    browser.wait(lambda: browser.driver.execute_script(DRAWN, title) > first,
                 f"more of the curve of {title}")


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
    assert number(browser, ".plots.three figure:nth-child(2) b") < 1000
    grows(browser, "Jitter")
    grows(browser, "MOS")
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


def test_what_an_encrypted_call_refuses(gateway, browser):
    """Shown with its reason, and not done by pressing it all the same."""
    gateway.sallyctl("policy", "set", "Global", "--calling",
                     "DisabledUserOverride")
    for user in ("alice", "bob"):
        gateway.sallyctl("user", "e2ee", "on", user)
    alice, bob = talk(gateway)
    assert alice.locked() == bob.locked()
    browser.login("ada", PASSWORD)
    browser.go("calls", "Calls")
    browser.see("End-to-end encrypted", "td")
    browser.click(browser.see("alice@", "main a").text)
    browser.see("→ bob@", "h1")
    row = browser.see("can't be recorded", ".actions li")
    button = row.find_element("tag name", "button")
    assert button.text == "Record"
    assert button.get_attribute("aria-disabled") == "true"
    why = browser.driver.find_element(
        "id", button.get_attribute("aria-describedby"))
    assert why.text == "An end-to-end encrypted call can't be recorded"
    button.click()
    # the gateway still knows what it sounds like on the way
    assert 1 <= number(browser, ".mos") <= 5
    looked_at(browser, "live-call-encrypted")
    (call,) = gateway.ctl_json("calls")
    assert call["e2ee"] and not call["recording"] and not call["recordings"]
    browser.click("Hang up")
    browser.click("Hang up", "//dialog")
    browser.see("The call has ended", "[role=status]")
    for endpoint in (alice, bob):
        endpoint.wait("closed")
        endpoint.stop()
    assert browser.complaints() == []
