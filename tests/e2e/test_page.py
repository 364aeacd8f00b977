"""The page on `/`, without a browser: what is served, with which headers, how much, and what its files keep to."""
import gzip
import os
import re
import urllib.parse

import pytest

from harness import TOP, Server

pytestmark = pytest.mark.plain
FOLDER = os.path.join(TOP, "src", "web", "page")
FILES = sorted(os.listdir(FOLDER))
SCRIPTS = [f for f in FILES if f.endswith(".js")]
ROUTES = ["/", "/web/page.css", "/web/main.js", "/web/licenses", "/web/nothing"]
COMPRESSED = {"Accept-Encoding": "gzip"}


def read(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as f:
        return f.read()


def named_by(path, text):
    """The addresses below `/` that a page, or a script, asks for by itself."""
    links = re.findall(r'<(?:link|script|img)[^>]*?(?:href|src)="([^"]+)"', text) + re.findall(r'^import .*? from "([^"]+)"', text, flags=re.M)
    return {urllib.parse.urljoin(path, l) for l in links}


@pytest.fixture(scope="module")
def page():
    """Everything that a browser loads: address -> (headers, body as sent)."""
    with Server() as s:
        got, wanted = {}, {"/"}
        while wanted - set(got):
            path = sorted(wanted - set(got))[0]
            status, headers, body = s.get(path, headers=COMPRESSED)
            assert status == 200, path
            got[path] = headers, body
            wanted |= named_by(path, gzip.decompress(body).decode())
        s.loaded = got
        yield s


def test_every_file_is_part_of_the_page(page):
    assert set(page.loaded) == {"/", "/web/dygraph.js"} | {"/web/" + f for f in FILES if f not in ("index.html", "licenses.txt")}


def test_a_load_is_less_than_200_kb(page):
    assert 20_000 < sum(len(body) for _, body in page.loaded.values()) < 200_000


def test_a_file_is_what_is_in_the_source_with_gzip_and_without(page):
    for name in FILES:
        path = "/" if name == "index.html" else "/web/" + name.replace("licenses.txt", "licenses")
        _, headers, plain = page.get(path)
        assert headers["Content-Encoding"] is None and plain.decode() == read(name), name
        _, headers, packed = page.get(path, headers=COMPRESSED)
        assert headers["Content-Encoding"] == "gzip" and gzip.decompress(packed) == plain, name


@pytest.mark.parametrize("path", ROUTES)
def test_a_browser_is_held_to_what_the_page_is_made_of(page, path):
    headers = page.get(path)[1]
    policy = headers["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_what_a_browser_has_already_is_not_sent_again(page):
    for headers in ({}, COMPRESSED):
        tag = page.get("/web/main.js", headers=headers)[1]["ETag"]
        status, again, body = page.get("/web/main.js", headers={"If-None-Match": '"x", ' + tag, **headers})
        assert (status, body, again["ETag"], again["Cache-Control"]) == (304, b"", tag, "no-cache")
    assert page.get("/web/main.js", headers={"If-None-Match": 'W/"0000000000000000"'})[0] == 200


def test_head_has_the_headers_alone(page):
    status, headers, body = page.get("/", method="HEAD")
    assert (status, body) == (200, b"") and int(headers["Content-Length"]) == len(read("index.html").encode())


def test_what_is_not_there_is_not_found(page):
    for path in ("/web/", "/web/nothing", "/web/page.css/", "/web/../main.js", "/web/index.html"):
        assert page.get(path)[0] == 404, path


def test_a_policy_of_the_web_config_takes_the_place_of_ours(dir):
    config = os.path.join(dir, "web.yml")
    with open(config, "w") as f:
        f.write("http_server_config:\n  headers:\n    Content-Security-Policy: \"frame-ancestors 'self'\"\n")
    with Server("http.web_config=" + config) as s:
        headers = s.get("/")[1]
        assert headers.get_all("Content-Security-Policy") == ["frame-ancestors 'self'"]
        assert headers["Referrer-Policy"] == "no-referrer"


def test_the_licence_of_the_charts_is_shown(page):
    text = page.get("/web/licenses")[2].decode()
    assert "dygraphs" in text and "Permission is hereby granted" in text and 'THE SOFTWARE IS PROVIDED "AS IS"' in text
    assert 'href="web/licenses"' in read("index.html")


# --- what its files keep to

@pytest.mark.parametrize("name", FILES)
def test_no_file_names_another_host(name):
    found = [u for u in re.findall(r"\b(?:https?|wss?):?//[^\s\"'`)<]+", read(name)) if "www.w3.org" not in u]
    assert found == [] or name == "licenses.txt"


def test_every_id_that_a_script_asks_for_is_in_the_page():
    there = re.findall(r'\bid="([^"]+)"', read("index.html"))
    assert len(there) == len(set(there))
    asked = {i for s in SCRIPTS for i in re.findall(r'\$\("([^"]+)"\)', read(s))}
    asked |= set(re.findall(r'(?:href="#|for="|aria-labelledby=")([^"]+)"', read("index.html")))
    asked |= set(re.findall(r'rows\("([^"]+)"', read("server.js")))
    assert asked - set(there) == set()


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_makes_html_of_text(name):
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|createContextualFragment", read(name)) == []


def test_the_page_has_no_script_or_style_of_its_own():
    html = read("index.html")
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", html) == []
    assert re.findall(r"<script(?![^>]* src=)", html) == []


def test_one_file_alone_knows_the_library():
    assert [s for s in SCRIPTS if "Dygraph" in read(s)] == ["chart.js"]


def test_every_field_has_a_label():
    html = read("index.html")
    for field in re.findall(r"<(?:input|select|textarea)[^>]*>", html):
        id_ = re.search(r'id="([^"]+)"', field).group(1)
        assert re.search(r'<label[^>]*for="%s"|<label[^>]*>[^<]*<\w+ id="%s"' % (id_, id_), html), id_


def luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    return sum(w * (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4) for w, p in zip((0.2126, 0.7152, 0.0722), parts))


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_colours_are_told_apart_by_weak_eyes(theme):
    blocks = re.findall(r":root \{([^}]*)\}", read("page.css"))
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", blocks[theme]))
    for name in ("ink", "muted", "accent", "good", "warn", "refused", "bad", "other"):   # text: WCAG AA, 4.5 : 1
        for ground in ("bg", "card", "code"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
    assert contrast(colours["field"], colours["card"]) >= 3   # the edge of a field

