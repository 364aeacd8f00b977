#!/usr/bin/python3
"""docs/images/page-*.png: the page with invented data, in Debian's Chromium.  `make screenshots`

    screenshots.py [FOLDER]
"""
import os
import sys
import time

import page_demo
from browser import Browser

SHOTS = [  # name, width, height, dark
    ("page-light", 1280, 1010, False),
    ("page-dark", 1280, 1010, True),
    ("page-phone", 390, 1300, False),
]
folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(page_demo.TOP, "docs", "images")
os.makedirs(folder, exist_ok=True)
with page_demo.Server() as server:
    for name, width, height, dark in SHOTS:
        with Browser(width, height, dark) as b:
            b.get(server.url)
            b.until("return document.getElementById('t-lines').textContent !== '–' && document.getElementById('t-redis').textContent !== '–'")
            time.sleep(1)   # a second or two, so that the picture is of a page that moves
            b.driver.save_screenshot(os.path.join(folder, name + ".png"))
            assert b.problems() == []
