# SPDX-License-Identifier: Apache-2.0
"""How a page looks and reads: light, dark and on a phone's width, held against
axe-core (vendored in axe/, as it is published)."""

import json
from pathlib import Path

from browser import PHONE, WIDE

AXE = (Path(__file__).resolve().parent / "axe" / "axe.min.js").read_text()


def accessible(browser, rules=None):
    """axe-core finds nothing. rules: these only, by name."""
    found = browser.driver.execute_async_script(
        "if (!window.axe) {" + AXE + """}
        const done = arguments[1];
        axe.run(document, arguments[0] ? {runOnly: arguments[0]} : {})
            .then(done, (e) => done({error: String(e)}));""", rules)
    assert "error" not in found, found
    bad = [(v["id"], v["help"], [n["html"][:200] for n in v["nodes"]][:4])
           for v in found["violations"]]
    assert bad == [], json.dumps(bad, indent=1)


def fits(browser):
    """Nothing makes the page wider than what shows it."""
    wide = browser.driver.execute_script(
        "return document.documentElement.scrollWidth")
    assert wide <= PHONE[0], wide


LOOKS = [("light", WIDE), ("dark", WIDE), ("light", PHONE)]


def looked_at(browser, name):
    """In each look: accessible, no wider than the window, and a picture."""
    for scheme, size in LOOKS:
        browser.scheme(scheme)
        browser.size(size)
        how = scheme if size == WIDE else "phone"
        browser.picture(f"{name}-{how}")
        # in dark, only the colours are others
        accessible(browser, ["color-contrast"] if scheme == "dark" else None)
        if size == PHONE:
            fits(browser)
    browser.scheme("light")
    browser.size(WIDE)
