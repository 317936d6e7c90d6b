# SPDX-License-Identifier: Apache-2.0
"""The System view of an appliance: board, slots, an update in all its steps, by
the real service behind a real control (tests/firmware)."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in ("tests/sip", "tests/http", "tests/firmware"):
    sys.path.insert(0, str(ROOT / folder))
sys.path.insert(0, str(HERE))
from afar import PASSWORD  # noqa: E402
from appliance import until  # noqa: E402
from box import RESET, boxed  # noqa: E402
from browser import CONSOLE, WIDE, Browser  # noqa: E402
from gateway import isolate  # noqa: E402
from looks import looked_at  # noqa: E402
from phone import Dialog, Phone, sdp  # noqa: E402

isolate()
HTTPS = f"    console: {CONSOLE}\n"
FIRMWARE = "//section[@aria-label='Firmware']"


@pytest.fixture(scope="module")
def whole():
    with boxed(25570, HTTPS) as g:
        g.admin("ada", "administer")
        g.admin("rita", "read")
        for name in ("alice", "bob"):
            g.add_user(name, security=0)
        yield g


@pytest.fixture
def gw(whole):
    whole.ready()
    yield whole
    whole.clear()


@pytest.fixture(scope="module")
def chromium(whole):
    b = Browser(whole.url)
    yield b
    b.close()


@pytest.fixture
def browser(gw, chromium):
    chromium.driver.delete_all_cookies()
    chromium.size(WIDE)
    chromium.open()
    chromium.driver.refresh()
    chromium.complaints()
    chromium.login("ada", PASSWORD)
    chromium.go("system", "System")
    chromium.see("starts next", "td")
    yield chromium
    assert chromium.complaints() == []


@pytest.fixture
def call(gw):
    """One in progress."""
    a = Phone(gw.at, "alice", ip="127.0.0.10")
    b = Phone(gw.at_b, "bob", ip="127.0.0.11")
    for p in (a, b):
        assert p.register().status == 200
    d = Dialog(a, "bob")
    d.call(sdp("10.9.0.1", 40000))
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    e.reply(invite, 200, sdp("10.9.0.9", 42000))
    d.answered()
    b.expect("ACK")
    yield d
    a.close()
    b.close()


def test_board_and_slots(browser):
    browser.see("QEMU q35 (qemu-q35), untested", "dd")
    browser.see("trunk0: nothing at 0000:00:05.0", "li")
    cells = [[c.text for c in row.find_elements("css selector", "th, td")]
             for row in browser.all("[aria-label=Slots] tbody tr")]
    assert [c[:4] for c in cells] == [["A", "2.0", "good", "0 of 3"],
                                      ["B", "1.0", "good", "0 of 3"]]
    assert cells[0][5] == "runs, and starts next" and "2026" in cells[1][4]
    looked_at(browser, "firmware")


def test_who_only_reads(gw, browser):
    browser.click("Log out")
    browser.login("rita", PASSWORD)
    browser.go("system", "System")
    browser.see("runs, and starts next", "td")
    assert not browser.driver.find_elements("xpath", FIRMWARE + "//button")


def test_an_update(gw, browser, call):
    gw.go.unlink()
    browser.click("Install an update", FIRMWARE)
    browser.click("Install", "//dialog")
    browser.see("Choose a file", "dialog [role=alert]")
    looked_at(browser, "firmware-install")
    browser.field("File").send_keys(str(gw.bundle))
    browser.click("Install", "//dialog")
    browser.no_dialog()
    browser.see("It is written to the other slot", "[role=status]")
    assert browser.all("progress")
    looked_at(browser, "firmware-writing")
    gw.go.touch()
    browser.see("started again when all calls have ended", "[role=status]")
    browser.see("administrator ada", "dd")
    looked_at(browser, "firmware-drain")
    browser.click("Cancel the restart", FIRMWARE)
    browser.told("There is no restart")
    browser.see("Install an update", "section button")
    assert gw.status()["stage"] == "idle"
    assert not gw.appliance.restarted.exists()
    # it is installed, and the next start's
    assert {s["slot"] for s in gw.status()["slots"] if s["next"]} == {"B"}
    browser.click("Start again", FIRMWARE)
    browser.fill(Calls_may_go_on_for="0")
    browser.click("Start again", "//dialog")
    call.phone.expect("BYE", timeout=20)
    until(gw.appliance.restarted.exists, "the restart")


def test_a_bad_one(gw, browser):
    browser.click("Install an update", FIRMWARE)
    stranger = gw.appliance.bundle("stranger-web", key="stranger")
    browser.field("File").send_keys(str(stranger))
    browser.click("Install", "//dialog")
    browser.no_dialog()
    browser.see("The last installation came to nothing: Its signature isn't",
                ".banner")
    looked_at(browser, "firmware-refused")
    browser.click("Install an update", FIRMWARE)
    browser.fill(or_URL="http://updates.test/u.raucb")
    browser.click("Install", "//dialog")
    browser.see("a URL with https", "dialog [role=alert]")
    browser.click("Cancel", "//dialog")


def test_back(gw, browser):
    browser.click("Go back", FIRMWARE)
    browser.fill(Start_again_with_it=False)
    browser.click("Go back", "//dialog")
    browser.no_dialog()
    until(lambda: gw.appliance.grub_now()["ORDER"].startswith("B"), "slot B")
    browser.wait(lambda: [r.text for r in browser.all(
        "[aria-label=Slots] tbody tr")][1].endswith("starts next"),
        "starts next")


def test_nothing_to_go_back_to(gw, browser):
    """The button says why, also to who has no mouse."""
    gw.appliance.grub(B_OK=0)
    # the service looks again when it has done something
    assert gw.ctl("firmware", "rollback").returncode == 1
    browser.see("The last way back came to nothing", ".banner")
    back = browser.wait(lambda: (b := browser.button("Go back", FIRMWARE))
                        .get_attribute("aria-disabled") and b, "disabled")
    assert "nothing to go back to" in back.get_attribute("title")
    back.click()
    assert not browser.all("dialog")


def test_reset(gw, browser):
    browser.click("Factory reset", FIRMWARE)
    browser.fill(**{'Type_"everything"': "all"})
    browser.click("Erase", "//dialog")
    browser.see("has to be", "dialog [role=alert]")
    looked_at(browser, "firmware-reset")
    assert gw.status()["stage"] == "idle"
    browser.click("Cancel", "//dialog")
    assert not (gw.appliance.folder / "efivars" / RESET).exists()
