# SPDX-License-Identifier: Apache-2.0
"""The console as administrators and users see it: the real control, phones that
call each other, a browser that does nothing but look, click and type."""

import csv
import json
import re
import sqlite3
import sys
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in ("tests/sip", "tests/http", "tests/e2gw"):
    sys.path.insert(0, str(ROOT / folder))
sys.path.insert(0, str(HERE))
from afar import PASSWORD, Afar  # noqa: E402
from browser import CONSOLE, WIDE, Browser  # noqa: E402
from course import phone_maker  # noqa: E402
from e2ee_sip import A_SDP, B_SDP, M1, M2, e2ee  # noqa: E402
from gateway import isolate  # noqa: E402
from looks import looked_at  # noqa: E402
from phone import Dialog  # noqa: E402

isolate()


@pytest.fixture(scope="module")
def gw(tmp_path_factory):
    g = Afar(tmp_path_factory.mktemp("console"), 25460,
             f"    console: {CONSOLE}\n")
    g.start_dataplane()
    g.start()
    for name, role in (("rita", "read"), ("otto", "operate"),
                       ("ada", "administer")):
        g.admin(name, role)
    for name in ("alice", "bob", "carol", "dave"):
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
    with phone_maker(gw) as phone:
        yield phone
        for call in gw.api("GET", "/api/v1/calls")[1]:
            gw.api("DELETE", f"/api/v1/calls/{call['id']}")


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


VIEWS = [
    ("overview", "Overview"),
    ("calls", "Calls"),
    ("policies", "Encryption policies"),
    ("users", "Users"),
    ("trunks", "Trunks and routes"),
    ("recordings", "Recordings"),
    ("records", "Call records"),
    ("audit", "Audit"),
    ("system", "System"),
    ("config", "Configuration"),
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


def fill_the_lists(gw):
    """Something of everything, so that no view is empty."""
    for path, body in (
            ("/groups", {"name": "desk"}),
            ("/trunks", {"name": "carrier", "address": "127.0.0.30:5060",
                         "local": f"{gw.A}:{gw.PORT}",
                         "keepalive": 0}),
            ("/routes", {"prefix": "+49", "trunk": "carrier"}),
            ("/numbers", {"number": "+493012345", "user": "carol"}),
            ("/tokens", {"name": "scraper", "role": "read"}),
            ("/bans", {"source": "192.0.2.99", "seconds": 3600})):
        assert gw.api("POST", "/api/v1" + path, body)[0] == 201, path


def test_every_view(gw, browser, phones):
    fill_the_lists(gw)
    d, e, _ = set_up(phones("alice"), phones("bob", side="B"))
    set_up(phones("carol"), phones("dave", side="B"))
    d.bye()
    e.phone.expect("BYE")
    browser.login("ada", PASSWORD)
    assert [a.text for a in browser.all("nav a")] == [t for _, t in VIEWS]
    for view, title in VIEWS + [("user/alice", "alice")]:
        browser.go(view, title)
        browser.wait(lambda: browser.all("main table") or
                     view in ("overview", "recordings", "config"),
                     f"{view}'s list")
        looked_at(browser, view.replace("/", "-"))
        wrong = [x.text for x in browser.all(".banner.wrong, .note.wrong")]
        # this gateway is without sallyport-media, and says so
        assert bool(wrong) == (view == "recordings"), wrong
        assert browser.complaints() == []


def test_what_a_dialog_looks_like(browser):
    browser.login("ada", PASSWORD)
    browser.go("trunks", "Trunks and routes")
    browser.click("New trunk")
    browser.click("More")
    looked_at(browser, "dialog")
    # what the API refuses is said in it, and it stays
    browser.fill(Name="another", Address="nonsense")
    browser.click("Add")
    browser.see("address: address and port", "dialog [role=alert]")
    browser.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    browser.no_dialog()
    # the focus is where it was
    assert browser.driver.switch_to.active_element.text == "New trunk"


def test_what_would_become_of_a_number(gw, browser):
    browser.login("rita", PASSWORD)
    browser.go("trunks", "Trunks and routes")
    browser.fill(Dialled="+49301234567", By_the_user="alice")
    browser.click("Try it")
    browser.see("It goes to carrier", ".verdict")
    browser.see("may not dial", ".verdict .tag")
    browser.see("INVITE sip:+49301234567@", "pre")
    browser.fill(Dialled="+493012345")
    browser.click("Try it")
    browser.see("It rings carol", ".verdict")
    browser.fill(By_the_user="nobody")
    browser.click("Try it")
    browser.see("There is no user nobody", ".banner")


def test_a_policy_changes_what_calls_become(gw, browser, phones):
    """Made, granted and switched on here; then two phones call each other."""
    a, b = phones("alice"), phones("bob", side="B")
    d, e, offer = set_up(a, b, e2ee(A_SDP, M1))
    assert "a=e2ee" not in offer
    d.bye()
    e.phone.expect("BYE")

    browser.login("ada", PASSWORD)
    browser.go("policies", "Encryption policies")
    browser.click("New policy")
    browser.fill(Identity="Confidential", Description="The board's")
    browser.choose("End-to-end encryption",
                   "DisabledUserOverride: where users turn it on")
    browser.click("Make")
    browser.no_dialog()
    browser.click("New group")
    browser.fill(Name="board")
    browser.click("Make")
    browser.no_dialog()
    browser.click("Members", browser.row("board"))
    browser.fill(alice=True, bob=True)
    browser.click("Save")
    browser.no_dialog()
    browser.see("alice, bob", "td")
    browser.click("Grant to a group", browser.row("Confidential"))
    browser.fill(Group="board", Rank="1")
    browser.click("Grant")
    browser.no_dialog()

    # why not yet
    browser.choose("User", "alice")
    browser.choose("Calling", "bob")
    browser.see("The caller hasn't turned end-to-end encryption on", ".verdict")
    browser.see("The policy Confidential (of the group board, at rank 1) lets",
                ".conditions")
    for user in ("alice", "bob"):
        browser.go(f"user/{user}", user)
        browser.switch("End-to-end encryption")
        browser.see("may encrypt calls end to end", ".verdict")
    browser.go("policies", "Encryption policies")
    browser.choose("User", "alice")
    browser.choose("Calling", "bob")
    browser.see("alice and bob may encrypt a call end to end", ".verdict")
    looked_at(browser, "policies-granted")

    d, e, offer = set_up(a, b, e2ee(A_SDP, M1), e2ee(B_SDP, M2))
    assert f"a=e2ee:{M1}" in offer
    browser.go("calls", "Calls")
    browser.see("End-to-end encrypted", "td")
    d.bye()
    e.phone.expect("BYE")
    browser.see("No call is in progress")

    # all of it is on record, by name
    browser.go("audit", "Audit")
    browser.fill(Search="policy-granted")
    browser.see("administrator ada", "td")
    browser.click("Verify the chain")
    browser.see("The log is whole", ".banner")
    looked_at(browser, "audit-verified")


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


CHANGES = re.compile(r"(New |Remove|Delete|Edit|Grant|Revoke|Reset|Replace|"
                     r"Members|Ban|Lift|Change what|Change the media)")


def test_who_only_reads_has_nothing_to_change(gw, browser, phones):
    set_up(phones("alice"), phones("bob", side="B"))
    browser.login("rita", PASSWORD)
    (call,) = gw.api("GET", "/api/v1/calls")[1]
    read = [v for v in VIEWS if v[0] != "config"]
    assert [a.text for a in browser.all("nav a")] == [t for _, t in read]
    for view, title in read + [("user/alice", "alice")]:
        browser.go(view, title)
        browser.wait(lambda: browser.all("main table, main .empty, .banner"),
                     view)
        active = [b.text for b in browser.all("main button")
                  if CHANGES.match(b.text)]
        assert active == [], view
    browser.go("user/alice", "alice")
    switches = browser.wait(lambda: browser.all("[role=switch]"), "switches")
    assert {s.get_attribute("aria-disabled") for s in switches} == {"true"}
    browser.go(f"call/{call['id']}", "alice@sip.test → bob@sip.test")
    buttons = browser.wait(lambda: browser.all(".actions button"), "actions")
    assert {b.get_attribute("aria-disabled") for b in buttons} == {"true"}
    assert buttons[0].text == "Hang up"
    buttons[0].click()
    assert not browser.all("dialog")
    browser.see("This takes the role operate", ".actions")
    looked_at(browser, "call-read-only")
    assert len(gw.api("GET", "/api/v1/calls")[1]) == 1


def test_a_users_own_part(gw, browser, phones):
    a = phones("carol")
    browser.login("carol", "secret", kind="User")
    browser.see("carol", "h1")
    assert [x.text for x in browser.all("nav a")] == ["My calls"]
    browser.see(a.contact, "main th")
    assert gw.api("GET", "/api/v1/users/carol/policy")[1]["e2ee"] is False
    browser.switch("End-to-end encrypt my calls")
    browser.told("It is on")
    assert gw.api("GET", "/api/v1/users/carol/policy")[1]["e2ee"] is True
    browser.click("Change the forwards")
    browser.fill(Always_to="nobody at all")
    browser.click("Save")
    browser.see("always is an address", "dialog [role=alert]")
    browser.fill(Always_to="sip:dave@sip.test")
    browser.click("Save")
    browser.no_dialog()
    browser.see("sip:dave@sip.test", "dd")
    looked_at(browser, "me")
    browser.click("Change the forwards")
    browser.fill(Always_to="")
    browser.click("Save")
    browser.no_dialog()
    browser.see("the own devices, and nothing else")
    browser.switch("End-to-end encrypt my calls")
    browser.told("It is off")
    # there is no other view
    browser.go("system")
    browser.see("carol", "h1")


def test_the_configuration(gw, browser):
    """What is wrong in it is found by line; what is right is applied, and
    confirmed."""
    before = Path(gw.config).read_text()
    browser.login("ada", PASSWORD)
    browser.go("config", "Configuration")
    area = browser.field("The file")
    browser.wait(lambda: area.get_attribute("value") == before, "the file")
    area.send_keys(Keys.CONTROL, Keys.END)
    area.send_keys("  nonsense: 1")
    browser.click("Check")
    browser.see("nonsense", ".alarms li")
    looked_at(browser, "config-wrong")
    area.clear()
    area.send_keys(before.replace("log: debug", "log: info"))
    browser.click("Check")
    browser.see("control.log", "th")
    assert Path(gw.config).read_text() == before
    browser.click("Apply")
    browser.click("Apply", "//dialog")
    browser.see("unless it is confirmed", ".banner")
    assert "log: info" in Path(gw.config).read_text()
    browser.click("Take it back")
    browser.see("All is as it was")
    assert Path(gw.config).read_text() == before


def test_calls_come_and_go_by_themselves(gw, browser, phones):
    a, b = phones("alice"), phones("bob", side="B")
    browser.login("otto", PASSWORD)
    browser.go("calls", "Calls")
    browser.see("No call is in progress")
    d, e, _ = set_up(a, b)
    browser.see("alice@sip.test → bob@sip.test", "main a")
    browser.see("Not encrypted", "td")
    d.bye()
    e.phone.expect("BYE")
    browser.see("No call is in progress")


def test_records_are_searched_and_exported(gw, browser, phones):
    """All that are kept, not only those that are shown."""
    d, e, _ = set_up(phones("alice"), phones("bob", side="B"))
    d.bye()
    e.phone.expect("BYE")
    real = gw.record(to="sip:bob@sip.test")
    with sqlite3.connect(gw.db, timeout=10) as db:
        for n in range(2300):
            one = {**real, "from": f"sip:u{n}@sip.test"}
            db.execute("INSERT INTO cdr (id, start, json) VALUES (?, ?, ?)",
                       (50000 + n, one["started"], json.dumps(one)))
    browser.login("rita", PASSWORD)
    browser.go("records", "Call records")
    browser.see("the latest 200 are shown", "[role=status]")
    browser.see("u2299@sip.test", "td")
    assert len(browser.all("main tbody tr")) == 200
    browser.click("Show older ones")
    browser.see("the latest 400 are shown", "[role=status]")
    assert len(browser.all("main tbody tr")) == 400
    browser.fill(Search="nobody-is-called-that")
    browser.see("No record fits")
    browser.fill(Search="u1@")
    browser.see("1 of", "[role=status]")
    browser.see("u1@sip.test", "td")
    browser.fill(Search="SIP:u")
    browser.click("Export as CSV")
    with open(browser.downloaded("call-records.csv"), newline="") as f:
        rows = list(csv.DictReader(f))
    assert [r["from"] for r in rows] == [f"sip:u{n}@sip.test" for n in
                                         reversed(range(2300))]
    assert rows[0]["protection"] == "Not encrypted"


def test_the_whole_audit_log_is_searched(gw, browser):
    for n in range(110):
        assert gw.api("POST", "/api/v1/groups", {"name": f"g{n}"})[0] == 201
        assert gw.api("DELETE", f"/api/v1/groups/g{n}")[0] == 200
    browser.login("rita", PASSWORD)
    browser.go("audit", "Audit")
    browser.see("The latest 200 records", "[role=status]")
    browser.click("Show older ones")
    browser.wait(lambda: len(browser.all("main tbody tr")) > 200, "older ones")
    browser.driver.refresh()
    browser.see("The latest 200 records", "[role=status]")
    browser.fill(Search="LOG-opened")
    browser.see("1 record", "[role=status]")
    browser.see("log-opened", "td")
    browser.fill(Search="nothing like it")
    browser.see("No record fits")


def test_by_keyboard_alone(gw, browser):
    """From log-in to a group that is made, without a mouse."""
    def press(*keys):
        for k in keys:
            browser.driver.switch_to.active_element.send_keys(k)

    def tab_to(text):
        for _ in range(60):
            press(Keys.TAB)
            if browser.driver.switch_to.active_element.text == text:
                return
        raise AssertionError(f"{text} can't be reached by keyboard")

    browser.see("Log in", "main button")
    press("ada", Keys.TAB, PASSWORD, Keys.ENTER)
    browser.see("Overview", "h1")
    tab_to("Encryption policies")
    press(Keys.ENTER)
    browser.see("Encryption policies", "h1")
    browser.wait(lambda: browser.driver.switch_to.active_element.text ==
                 "Encryption policies", "the focus on the heading")
    tab_to("New group")
    press(Keys.ENTER)
    browser.see("New group", "dialog h2")
    press("typed", Keys.ENTER)
    browser.no_dialog()
    browser.see("typed", "th")
    assert gw.ctl("group", "remove", "typed").returncode == 0


def test_the_dataplane_goes_away(gw, browser):
    """It is said on the page, in the API's words, and is over by itself."""
    browser.login("rita", PASSWORD)
    browser.see("Calls now", "dt")
    gw.dataplane.terminate()
    gw.dataplane.wait()
    gw.dataplane.stdout.close()
    browser.see("The dataplane isn't connected", ".banner.wrong")
    browser.see("Wrong", ".alarms .tag")
    looked_at(browser, "dataplane-away")
    gw.start_dataplane()
    browser.gone("The dataplane is", ".alarms")
    browser.gone("The dataplane isn't connected", ".banners")
    browser.see("Calls now", "dt")


def test_the_session_ends_elsewhere(gw, browser):
    gw.admin("petra", "read")
    browser.login("petra", PASSWORD)
    assert gw.ctl("admins", "remove", "petra").returncode == 0
    browser.see("Log in", "main button")
    browser.see("The session has ended")
