#!/usr/bin/python3
"""docs/images/page-*.png: the page with invented data, in Debian's Chromium.  `make screenshots`

    screenshots.py [FOLDER]
"""
import os
import sys
import time

import page_demo
from browser import Browser

SHOTS = [  # name, width, height, dark, what is scrolled to
    ("page-light", 1280, 1500, False, None),
    ("page-dark", 1280, 1500, True, None),
    ("page-phone", 390, 1400, False, None),
]
MORE = [
    ("more-series", 1280, 1500, False, "series"),
    ("more-explain", 1280, 1500, True, "explain"),
    ("more-phone-series", 390, 1400, True, "series"),
    ("more-phone-top", 360, 1400, False, "top"),
]

folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(page_demo.TOP, "docs", "images")
os.makedirs(folder, exist_ok=True)
with page_demo.Server() as server:
    for name, width, height, dark, part in SHOTS + (MORE if len(sys.argv) > 1 else []):
        with Browser(width, height, dark) as b:
            b.get(server.url)
            b.until("return document.getElementById('t-lines').textContent !== '–' && document.getElementById('t-redis').textContent !== '–'")
            if part:
                b.script("document.documentElement.style.scrollBehavior='auto'; document.getElementById(arguments[0]).scrollIntoView()", part)
                b.until("return document.querySelectorAll('#series-rows tr').length > 3")
            if part == "explain":
                b.driver.find_element("id", "tail-go").click()
                b.script("document.getElementById('explain-in').value = 'page.views:1|z'; document.getElementById('explain-form').requestSubmit()")
                time.sleep(2)
            time.sleep(3 if part == "series" else 1)   # a few points of each line
            b.driver.save_screenshot(os.path.join(folder, name + ".png"))
            print(name, os.path.getsize(os.path.join(folder, name + ".png")), b.problems())
