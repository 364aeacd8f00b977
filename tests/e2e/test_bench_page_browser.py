"""The load generator's page in Debian's Chromium.  `make nightly`; with IMAGES=FOLDER its picture is written there."""
import os
import sys

import pytest

from harness import BENCH, TOP, Server
from test_bench_web import Page

sys.path.insert(0, os.path.join(TOP, "tests", "support"))
browser = pytest.importorskip("browser", reason="no python3-selenium")

pytestmark = [pytest.mark.plain, pytest.mark.skipif(not os.environ.get("NIGHTLY"), reason="make nightly runs it"),
              pytest.mark.skipif(not os.path.exists(BENCH), reason="statsd-bench is not built (make bench-build)"),
              pytest.mark.skipif(bool(browser.missing()), reason="no chromium and chromium-driver")]
SENT = "return parseFloat(document.getElementById('t-sent').textContent.replace(/,/g, ''))"


def test_a_load_is_started_changed_and_stopped_on_the_page():
    with Server() as server, Page(server, "--workers", "2", "--duration", "5m", "--rate", "2k") as page, browser.Browser(height=1250) as b:
        b.get(f"http://{page.address}/")
        b.until("return document.getElementById('state').textContent === 'ready'")
        assert b.script("return document.getElementById('s-rate').value") == "2000"
        b.type("s-rate", "fast")
        b.click("start")
        b.until("return document.getElementById('said').textContent.includes(\"'fast' is not a rate\")")
        b.problems()        # the console has the 400
        b.type("s-rate", "3k")
        b.click("start")
        b.until(SENT + " > 2000")
        b.type("s-rate", "6k")
        b.click("change")
        b.until(SENT + " > 5000")
        b.until("return document.querySelectorAll('#chart-grid canvas').length >= 8 && document.querySelectorAll('#worker-rows tr').length === 2")
        b.until("return parseInt(document.getElementById('t-time').textContent) >= arguments[0]", 14 if os.environ.get("IMAGES") else 3)
        if os.environ.get("IMAGES"):
            b.driver.save_screenshot(os.path.join(os.environ["IMAGES"], "bench-web.png"))
        b.click("stop")
        b.until("return document.getElementById('state').textContent === 'ready'")
        assert b.text("t-loss") == "0 %" and b.text("t-got-sub").split()[0] == b.text("t-sent-sub").split()[0]
        b.click("reset")
        b.until("return document.getElementById('downloads').hidden")
        assert b.problems() == []
