# SPDX-License-Identifier: Apache-2.0
"""The console as administrators and users see it: the real control, phones that
call each other, a browser that does nothing but look, click and type."""

import json
import re
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in ("tests/sip", "tests/http", "tests/e2gw"):
    sys.path.insert(0, str(ROOT / folder))
sys.path.insert(0, str(HERE))
from afar import PASSWORD, Afar  # noqa: E402
from browser import CONSOLE, PHONE, WIDE, Browser  # noqa: E402
from e2ee_sip import A_SDP, B_SDP, M1, M2, e2ee  # noqa: E402
from gateway import isolate  # noqa: E402
from phone import Dialog, Phone  # noqa: E402

isolate()
AXE = (HERE / "axe" / "axe.min.js").read_text()


@pytest.fixture(scope="module")
def gw(tmp_path_factory):
    g = Afar(tmp_path_factory.mktemp("console"), 25460,
             f"    console: {CONSOLE}\n")
    g.start_dataplane()
    g.start()
    for name, role in (("rita", "read"), ("otto", "operate"),
                       ("ada", "administer")):
        g.admin(name, role)
    for name in ("alice", "bob", "carol"):
        g.add_user(name, security=0)
    yield g
    assert g.stop() == 0, "control must stop cleanly"
    g.close()


@pytest.fixture(scope="module")
def chromium(gw):
    b = Browser(gw.url)
    yield b
    b.close()


@pytest.fixture
def browser(chromium):
    """Nobody logged in; no error of its own in the end."""
    chromium.driver.delete_all_cookies()
    chromium.size(WIDE)
    chromium.scheme("light")
    chromium.open()
    chromium.driver.refresh()
    chromium.complaints()
    yield chromium
    assert chromium.complaints() == []


@pytest.fixture
def phones(gw):
    made = []

    def phone(user, side="A"):
        p = Phone(gw.at if side == "A" else gw.at_b, user,
                  ip=f"127.0.0.{10 + len(made)}")
        made.append(p)
        assert p.register().status == 200
        return p

    yield phone
    for call in gw.api("GET", "/api/v1/calls")[1]:
        gw.api("DELETE", f"/api/v1/calls/{call['id']}")
    for p in made:
        try:
            p.register(contact="*", expires=0)
        except (AssertionError, OSError):
            pass
        p.close()


def set_up(a, b, body=A_SDP, answer=B_SDP):
    """@return: both dialogs, and the offer as b's phone got it"""
    d = Dialog(a, b.user)
    d.call(body)
    invite = b.expect("INVITE")
    e = Dialog.of(b, invite)
    e.reply(invite, 180)
    a.expect(180)
    e.reply(invite, 200, answer)
    d.answered()
    b.expect("ACK")
    return d, e, invite.body


def accessible(browser):
    """axe-core finds nothing."""
    found = browser.driver.execute_async_script(AXE + """;
        axe.run(document).then(arguments[arguments.length - 1],
            (e) => arguments[arguments.length - 1]({error: String(e)}));""")
    assert "error" not in found, found
    bad = [(v["id"], v["help"], [n["html"][:200] for n in v["nodes"]][:4])
           for v in found["violations"]]
    assert bad == [], json.dumps(bad, indent=1)


def fits(browser):
    """Nothing makes the page wider than what shows it."""
    wide, shown = browser.driver.execute_script(
        "return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= shown, (wide, shown)


LOOKS = [("light", WIDE), ("dark", WIDE), ("light", PHONE)]


def looked_at(browser, name):
    """In each look: accessible, no wider than the window, and a picture."""
    for scheme, size in LOOKS:
        browser.scheme(scheme)
        browser.size(size)
        how = scheme if size == WIDE else "phone"
        browser.picture(f"{name}-{how}")
        accessible(browser)
        if size == PHONE:
            fits(browser)
    browser.scheme("light")
    browser.size(WIDE)


VIEWS = [
    ("overview", "Overview"),
    ("calls", "Calls"),
]


def test_log_in(gw, browser):
    browser.see("Log in", "main button")
    looked_at(browser, "login")
    browser.fill(Name="ada", Password="wrong")
    browser.click("Log in")
    browser.see("There is nobody of this name and password", "[role=alert]")
    browser.fill(Password=PASSWORD)
    browser.click("Log in")
    browser.see("Overview", "h1")
    browser.driver.refresh()
    browser.see("Overview", "h1")
    browser.click("Log out")
    browser.see("Log in", "main button")
    assert gw.api("GET", "/api/v1/calls")[0] == 200


def test_every_view(gw, browser, phones):
    set_up(phones("alice"), phones("bob", side="B"))
    browser.login("ada", PASSWORD)
    menu = [e.text for e in browser.all("nav a")]
    assert menu == [title for _, title in VIEWS]
    for view, title in VIEWS:
        browser.go(view, title)
        looked_at(browser, view)
        assert not browser.all(".banner.wrong, .note.wrong") or \
            view == "recordings"
        assert browser.complaints() == []


def test_a_refused_action_says_why(gw, browser, phones):
    """Of an end-to-end encrypted call."""
    for words in (("policy", "set", "Global", "--calling",
                   "DisabledUserOverride"),
                  ("user", "e2ee", "on", "alice"),
                  ("user", "e2ee", "on", "bob")):
        assert gw.ctl(*words).returncode == 0
    d, e, _ = set_up(phones("alice"), phones("bob", side="B"),
                     e2ee(A_SDP, M1), e2ee(B_SDP, M2))
    browser.login("otto", PASSWORD)
    browser.go("calls", "Calls")
    browser.see("End-to-end encrypted", "td")
    browser.click("alice@sip.test → bob@sip.test")
    browser.see("alice@sip.test → bob@sip.test", "h1")
    b = browser.button("Record")
    assert b.get_attribute("aria-disabled") == "true"
    why = browser.all("#" + b.get_attribute("aria-describedby"))[0]
    assert why.text == "An end-to-end encrypted call can't be recorded"
    b.click()
    looked_at(browser, "call")
    (call,) = gw.api("GET", "/api/v1/calls")[1]
    assert call["recording"] is None
    # what isn't refused is done
    browser.click("Hang up")
    browser.click("Hang up", "//dialog")
    browser.see("The call has ended", "[role=status]")
    d.phone.expect("BYE")
    e.phone.expect("BYE")
    assert gw.api("GET", "/api/v1/calls")[1] == []
    for words in (("policy", "remove", "Global"),
                  ("user", "e2ee", "off", "alice"),
                  ("user", "e2ee", "off", "bob")):
        assert gw.ctl(*words).returncode == 0
