# SPDX-License-Identifier: Apache-2.0
"""The console in headless Chromium (Debian's, by its own driver), as people use
it: by what is written on things."""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import (ElementClickInterceptedException,
                                        NoSuchElementException,
                                        StaleElementReferenceException)
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "sip"))
sys.path.insert(0, str(ROOT / "tests" / "http"))
from gateway import BUILD  # noqa: E402

CONSOLE = ROOT / "control" / "console"
PICTURES = Path(BUILD) / "console"
WIDE, PHONE = (1360, 900), (390, 844)
PATIENCE = 30  # seconds, on a busy machine; everything comes much sooner


# A note goes again after some seconds, or gives way to the next: what it said is
# kept.
NOTES = """
window.told = [];
document.addEventListener("DOMContentLoaded", () => new MutationObserver(
	all => all.forEach(m => m.addedNodes.forEach(
		n => window.told.push(n.textContent)))).observe(
	document.getElementById("told"), {childList: true}));
"""
TOLD = """
const at = window.told.findIndex(t => t.includes(arguments[0]));

window.told.splice(0, at + 1);
return at >= 0;
"""


def quoted(text):
    """As a string of XPath 1.0."""
    return f'"{text}"' if '"' not in text else f"'{text}'"


class Browser:
    def __init__(self, url):
        self.url = url
        self.folder = tempfile.mkdtemp(prefix="sallyport-console-")
        o = Options()
        o.binary_location = shutil.which("chromium")
        for word in ("headless=new", "no-sandbox", "disable-gpu",
                     "disable-dev-shm-usage", "no-first-run",
                     "disable-background-networking", "disable-sync",
                     "disable-component-update", "disable-extensions",
                     "hide-scrollbars", "lang=en",
                     f"user-data-dir={self.folder}/profile"):
            o.add_argument("--" + word)
        o.set_capability("acceptInsecureCerts", True)
        o.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        o.add_experimental_option("prefs", {
            "download.default_directory": f"{self.folder}/downloads"})
        # what it keeps anywhere, it keeps in its own folder
        was, os.environ["HOME"] = os.environ.get("HOME"), self.folder
        try:
            self.driver = webdriver.Chrome(
                service=Service(shutil.which("chromedriver")), options=o)
        finally:
            os.environ["HOME"] = was or "/"
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument",
                                    {"source": NOTES})
        self.size(WIDE)

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.folder, ignore_errors=True)

    # How it looks

    def size(self, size):
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": size[0], "height": size[1], "deviceScaleFactor": 1,
             "mobile": size == PHONE})

    def scheme(self, name):
        """light or dark"""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": name}]})

    def picture(self, name):
        """The whole page, as build/console/NAME.png"""
        import base64
        PICTURES.mkdir(parents=True, exist_ok=True)
        d = self.driver.execute_cdp_cmd("Page.captureScreenshot", {
            "captureBeyondViewport": True})
        (PICTURES / f"{name}.png").write_bytes(base64.b64decode(d["data"]))

    # What is there

    def wait(self, f, what):
        """Until f says something; its answer."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                found = f()
                if found:
                    return found
            except (NoSuchElementException, StaleElementReferenceException,
                    ElementClickInterceptedException):
                pass
            if time.monotonic() > end:
                self.picture("failed")
                raise AssertionError(f"never seen: {what}\n{self.text()}\n"
                                     f"{self.complaints()}")
            time.sleep(0.05)

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self):
        return self.driver.find_element(By.TAG_NAME, "body").text

    def see(self, text, css="body"):
        """An element with that text in it."""
        def find():
            return next((e for e in self.all(css) if text in e.text), None)
        return self.wait(find, text)

    def told(self, text):
        """By a note, behind the one that was asked for before."""
        self.wait(lambda: self.driver.execute_script(TOLD, text), text)

    def gone(self, text, css="body"):
        self.wait(lambda: not any(text in e.text for e in self.all(css)),
                  f"{text} gone")

    def complaints(self):
        """Errors of its own: of scripts, of the content security policy. What
        the API refuses the browser reports as well; that is said on the
        page."""
        return [m["message"] for m in self.driver.get_log("browser")
                if m["level"] in ("SEVERE", "WARNING") and
                not ("/api/v1/" in m["message"] and
                     "the server responded with a status" in m["message"])]

    # What is done

    def open(self, view=""):
        self.driver.get(f"{self.url}/#/{view}")

    def go(self, view, title=None):
        """Without loading anew, as the menu does."""
        self.driver.execute_script("location.hash = arguments[0]", f"#/{view}")
        if title:
            self.see(title, "h1")

    def button(self, label, within=""):
        """The topmost button, or link, with exactly that label."""
        path = f"{within}//*[self::button or self::a or self::summary]" \
               f"[normalize-space()={quoted(label)}]"

        def find():
            return next((e for e in
                         reversed(self.driver.find_elements(By.XPATH, path))
                         if e.is_displayed()), None)
        return self.wait(find, f"button {label}")

    def click(self, label, within=""):
        # a list may renew itself between finding and pressing
        self.wait(lambda: self.button(label, within).click() or True,
                  f"{label} pressed")

    def row(self, text):
        """XPath of the row of a table whose header is that."""
        return f"//tr[th[normalize-space()={quoted(text)}]]"

    def field(self, label):
        """The form field of that label, in a dialog if one is open."""
        path = f"//label[normalize-space()={quoted(label)}]"

        def find():
            labels = [e for e in self.driver.find_elements(By.XPATH, path)
                      if e.is_displayed()]
            return labels and self.driver.find_element(
                By.ID, labels[-1].get_attribute("for"))
        return self.wait(find, f"field {label}")

    def fill(self, **fields):
        """Labels with blanks as underscores; True and False are switches."""
        for label, value in fields.items():
            e = self.field(label.replace("_", " "))
            if e.tag_name == "select":
                Select(e).select_by_visible_text(value)
                continue
            if isinstance(value, bool):
                if e.is_selected() != value:
                    e.click()
            else:
                e.clear()
                e.send_keys(value)

    def choose(self, label, text):
        self.wait(lambda: Select(self.field(label))
                  .select_by_visible_text(text) or True, f"{text} chosen")

    def switch(self, label):
        """A switch that acts at once; until it has."""
        def find():
            return next((e for e in self.all("[role=switch]")
                         if label in e.text), None)
        was = self.wait(find, label).get_attribute("aria-checked")
        find().click()
        self.wait(lambda: find().get_attribute("aria-checked") != was,
                  f"{label} switched")

    def downloaded(self, name):
        path = Path(self.folder, "downloads", name)
        self.wait(path.exists, name)
        return path

    def no_dialog(self):
        self.wait(lambda: not self.all("dialog"), "the dialog closed")

    def login(self, name, password, kind="Administrator"):
        self.open()
        self.see("Log in", "main button")
        self.driver.find_element(By.XPATH, f"//label[contains(., "
                                 f"{quoted(kind)})]/input").click()
        self.fill(Name=name, Password=password)
        self.click("Log in")
        self.see("Log out", ".bar")
