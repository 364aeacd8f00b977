"""Debian's Chromium without a window, by selenium and Debian's chromedriver, ended with its `with`."""
import os
import shutil
import tempfile
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

# Where a page breaks the policy that it came with, it is told so; this listens before any script of the page runs.
LISTEN = """window.__violations = [];
document.addEventListener('securitypolicyviolation', (e) => window.__violations.push(e.violatedDirective + ' ' + e.blockedURI));"""
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run",
         "--disable-extensions", "--hide-scrollbars", "--lang=en-GB"]


def missing():
    """What is not here; empty: all is."""
    return [p for p in ("/usr/bin/chromium", "/usr/bin/chromedriver") if not os.path.exists(p)]


class Browser:
    def __init__(self, width=1280, height=900, dark=False):
        self.size, self.dark = (width, height), dark

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="chromium.")
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in FLAGS + ["--user-data-dir=" + self.profile, "--window-size=%d,%d" % self.size]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver", log_path=os.devnull), options=options)
        self.devtools("Page.addScriptToEvaluateOnNewDocument", source=LISTEN)
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if self.dark else "light"}])
        self.devtools("Emulation.setDeviceMetricsOverride", width=self.size[0], height=self.size[1], deviceScaleFactor=1, mobile=self.size[0] < 600)
        return self

    def __exit__(self, *why):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def devtools(self, command, **words):
        return self.driver.execute_cdp_cmd(command, words)

    def get(self, url):
        self.driver.get(url)

    def script(self, text, *words):
        return self.driver.execute_script(text, *words)

    def until(self, text, *words, patience=20):
        end = time.monotonic() + patience
        while True:
            got = self.script(text, *words)
            if got:
                return got
            assert time.monotonic() < end, "waited in vain for: %s\n%s" % (text, self.problems())
            time.sleep(0.05)

    def text(self, id):
        return self.script("return document.getElementById(arguments[0]).textContent", id)

    def type(self, id, text):
        field = self.driver.find_element("id", id)
        field.clear()
        field.send_keys(text)

    def click(self, id):
        self.driver.find_element("id", id).click()

    def problems(self):
        """What the console has, and what broke the policy."""
        said = [l["message"] for l in self.driver.get_log("browser") if l["level"] in ("SEVERE", "WARNING")]
        return said + ["policy: " + v for v in self.script("return window.__violations || []")]
