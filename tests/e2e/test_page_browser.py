"""The page in Debian's Chromium: with a real server behind it, and with invented data for what a server seldom is.  `make nightly`"""
import contextlib
import http.client
import os
import socket
import sys
import threading
import time

import pytest

from harness import TOP, Server

sys.path.insert(0, os.path.join(TOP, "tests", "support"))
browser = pytest.importorskip("browser", reason="no python3-selenium")
import page_demo  # noqa: E402

pytestmark = [pytest.mark.plain, pytest.mark.skipif(not os.environ.get("NIGHTLY"), reason="make nightly runs it"),
              pytest.mark.skipif(bool(browser.missing()), reason="no chromium and chromium-driver")]
SCRIPT = "<script>window.hit=1</script>"
LINES = ["page.views:1|c|#env:prod", "api.latency:320|ms", "queue.depth:7|g", SCRIPT + ":1|c|#user:<img src=x onerror=window.hit=2>", "page.views:1",
         "<b>bold</b>:x|c"]
LOADED = """return document.getElementById('link').dataset.state === 'live' && document.getElementById('t-lines').textContent !== '–'
    && document.getElementById('balance').textContent !== ''"""
PAGES = 50


@contextlib.contextmanager
def traffic(server):
    """Lines that go on arriving."""
    over = threading.Event()

    def run():
        while not over.wait(0.05):
            server.send("\n".join(LINES))
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture(scope="module")
def server():
    with Server("http.max_per_ip=300", "http.max_streams=64") as s:
        with traffic(s):
            yield s


@pytest.fixture(scope="module")
def demo():
    with page_demo.Server() as s:
        yield s


@pytest.fixture(scope="module")
def chromium():
    with browser.Browser() as b:
        yield b


@pytest.fixture
def page(server, chromium):
    """The page of a real server, open; nothing may be wrong with it in the end."""
    chromium.get(server.url("/"))
    chromium.until(LOADED)
    chromium.problems()
    yield chromium
    assert chromium.script("return window.hit === undefined") and chromium.problems() == []


def show(b, part):
    b.script("document.documentElement.style.scrollBehavior = 'auto'; document.getElementById(arguments[0]).scrollIntoView()", part)


def test_it_loads_and_its_figures_move(page):
    page.until("return parseFloat(document.getElementById('t-lines').textContent) > 0")
    assert "exactly one place" in page.text("balance")
    total = page.script("return document.querySelector('#flow-rows .full').textContent")
    page.until("return document.querySelector('#flow-rows .full').textContent !== arguments[0]", total)
    page.until("return document.querySelectorAll('#chart-grid canvas').length >= 6")


def test_the_table_of_listeners_is_whole_beside_that_of_workers(page):
    show(page, "server")
    page.until("return document.querySelectorAll('#listener-rows td').length > 1")
    assert page.script("const t = document.getElementById('listener-rows').closest('.scroll'); return t.scrollWidth <= t.clientWidth")


def test_what_was_dropped_is_what_the_server_says_and_no_rest_of_roundings(page):
    page.until("return document.querySelector('#flow-rows .now').textContent !== '–'")
    assert page.script("return [...document.querySelectorAll('#flow-rows .now')].map((c) => c.textContent)")[4] == "0/s"


def test_a_clock_that_is_set_back_does_not_stop_the_page(page):
    assert page.script('''return import('/web/live.js').then((m) => {
        const last = m.rows[m.rows.length - 1], again = m.keep({...last}), back = m.keep({...last, at_s: last.at_s - 3600});
        return [again, back, m.rows.length]; })''') == [False, True, 1]


def test_a_span_has_no_part_that_is_nought(page):
    assert page.script("return import('/web/format.js').then((m) => [60, 61, 3600, 7260, 86400, 90000].map(m.span))") == [
        "1 min", "1 min 1 s", "1 h", "2 h 1 min", "1 d", "1 d 1 h"]


def test_a_chart_says_what_it_shows_where_the_pointer_is(page):
    show(page, "charts")
    page.until("return document.querySelectorAll('#chart-grid canvas').length >= 6")
    page.until("return /\\d/.test(document.querySelector('#chart-grid .legend b').textContent)")


def test_a_search_finds_a_name_that_is_a_script_and_shows_it_as_text(page):
    show(page, "series")
    page.type("series-pattern", "<script>*")
    page.until("return document.getElementById('series-said').textContent.startsWith('1 series')")
    assert page.script("return document.querySelector('#series-rows .name').textContent") == SCRIPT
    page.type("series-pattern", "page.*")
    page.until("return document.querySelector('#series-rows .name')?.textContent === 'page.views'")
    page.until("return document.querySelector('#series-rows path').getAttribute('d') !== ''")


def test_a_pattern_that_is_wrong_is_answered_in_words(page):
    show(page, "series")
    page.script("document.getElementById('series-how').value = 'regex'")
    page.type("series-pattern", "a(")
    page.until("return document.getElementById('series-said').className.includes('bad-text')")
    page.script("document.getElementById('series-how').value = 'match'")
    page.type("series-pattern", "nothing.is.so.named")
    page.until("return document.getElementById('series-said').textContent === 'No series matches.'")
    page.driver.get_log("browser")   # the browser itself says that an answer was 400


def test_the_tables_say_what_sends_most(page):
    show(page, "top")
    page.until("return document.querySelectorAll('#top-grid .name').length > 4")
    assert "<script>" in page.script("return document.getElementById('top-grid').textContent")


def test_a_rejected_line_has_a_mark_under_its_fault(page):
    show(page, "rejected")
    page.until("return document.querySelectorAll('#rejected-list .caret').length > 0")
    marks = page.script("return [...document.querySelectorAll('#rejected-list pre')].map((p) => p.textContent.split('\\n'))")
    assert ["<b>bold</b>:x|c", " " * len("<b>bold</b>:") + "^"] in marks
    assert len(marks) == len({m[0] for m in marks})   # one that is wrong again and again is there once, and how often is beside it
    assert "alike" in page.text("rejected-list")


def test_lines_are_explained(page):
    show(page, "explain")
    page.type("explain-in", "page.views:1|z")
    page.click("explain-in")
    page.script("document.getElementById('explain-form').requestSubmit()")
    page.until("return document.getElementById('explain-out').textContent.includes('unknown_type')")


def test_lines_are_shown_as_they_arrive_until_one_has_enough(page):
    show(page, "tail")
    page.type("tail-pattern", "page.*")
    page.click("tail-go")
    page.until("return document.querySelectorAll('#tail-lines li:not(.skipped)').length > 3")
    assert page.text("tail-go") == "Stop"
    page.click("tail-go")
    assert page.text("tail-go") == "Start" and "Stopped after" in page.text("tail-said")
    lines = page.script("return [...document.querySelectorAll('#tail-lines li')].map((l) => l.textContent)")
    assert all("page.views" in l for l in lines if "more matched" not in l)


def test_the_server_s_own_figures_are_there(page):
    show(page, "server")
    page.until("return document.querySelectorAll('#listener-rows td').length > 1 && document.querySelectorAll('#worker-rows td').length > 1")
    page.script("document.querySelector('details').open = true")
    page.type("config-filter", "http.listen")
    page.until("return [...document.querySelectorAll('#config-rows th')].some((t) => t.textContent === 'http.listen')")


# --- for everybody

def test_all_of_it_is_reached_by_the_keyboard_and_seen_to_be(chromium, demo):
    from selenium.webdriver.common.keys import Keys
    chromium.get(demo.url)
    chromium.until(LOADED)
    wanted = set(chromium.script("""return [...document.querySelectorAll('input, select, textarea, button:not(:disabled), summary, nav a')]
        .filter((e) => e.checkVisibility()).map((e) => e.id || e.textContent)"""))
    reached, first = set(), None
    for _ in range(140):
        chromium.driver.switch_to.active_element.send_keys(Keys.TAB)
        name, outline = chromium.script("""const e = document.activeElement;
            return [e.id || e.textContent, e === document.body ? 'body' : getComputedStyle(e).outlineStyle]""")
        first = first or name
        if outline == "body":
            break
        assert outline != "none", name
        reached.add(name)
    assert first == "Skip to the content"
    assert wanted - reached == set()


def test_what_one_can_use_has_a_name_for_a_screen_reader(chromium, demo):
    chromium.get(demo.url)
    chromium.until(LOADED)
    show(chromium, "series")
    chromium.until("return document.querySelectorAll('#series-rows tr').length > 3")
    tree = chromium.devtools("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "link", "textbox", "searchbox", "combobox", "spinbutton", "table", "region", "navigation", "log"}
    nodes = [n for n in tree if not n.get("ignored") and n.get("role", {}).get("value") in roles]
    assert len(nodes) > 30
    assert [n["role"]["value"] for n in nodes if not n.get("name", {}).get("value")] == []
    headings = chromium.script("return [...document.querySelectorAll('h1, h2, h3')].map((h) => +h.tagName[1])")
    assert headings[0] == 1 and headings.count(1) == 1 and all(b - a <= 1 for a, b in zip(headings, headings[1:]))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_fits_a_phone(demo, dark):
    with browser.Browser(360, 740, dark) as b:
        b.get(demo.url)
        b.until(LOADED)
        for part in ("charts", "top", "series", "rejected", "server"):
            show(b, part)
            time.sleep(0.2)
            assert b.script("return document.documentElement.scrollWidth") <= 360, part
        assert b.problems() == []


def test_a_server_that_goes_is_said_to_be_lost_and_found_again(chromium):
    with page_demo.Server() as s:
        port = s.server_address[1]
        chromium.get(s.url)
        chromium.until(LOADED)
    chromium.until("return document.getElementById('link').dataset.state === 'lost'")
    assert chromium.text("link-text").startswith("lost at ")
    with page_demo.Server(port):
        chromium.until(LOADED, patience=30)
    chromium.driver.get_log("browser")   # that it could not connect


def test_a_server_without_redis_or_any_line_says_so(chromium):
    with page_demo.Server(redis=False, empty=True) as s:
        chromium.get(s.url)
        chromium.until("return document.getElementById('t-redis').textContent === 'none'")
        show(chromium, "charts")
        chromium.until("return document.getElementById('chart-grid').textContent.includes('writes to no Redis')")
        show(chromium, "series")
        chromium.until("return document.getElementById('series-said').textContent === 'No series matches.'")
        assert chromium.problems() == []


# --- many

def a_page(address, over, seconds):
    """What an open page costs a server: its files, a stream, and what it asks again and again."""
    host, port = address.rsplit(":", 1)
    asks = http.client.HTTPConnection(host, int(port), timeout=30)
    stream = socket.create_connection((host, int(port)), timeout=30)
    stream.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: %s\r\n\r\n" % address.encode())
    while not over.is_set():
        for path in ("/", "/web/dygraph.js", "/api/v1/status", "/api/v1/conservation", "/api/v1/top?by=samples", "/api/v1/series?match=*"):
            asks.request("GET", path, headers={"Accept-Encoding": "gzip"})
            asks.getresponse().read()
        data = stream.recv(65536)
        seconds.append(data.count(b"event: second"))
        over.wait(2)
    stream.close()
    asks.close()


def usage(pid):
    with open("/proc/%d/stat" % pid) as f:
        words = f.read().rsplit(")", 1)[1].split()
    with open("/proc/%d/statm" % pid) as f:
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK"), int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_fifty_pages_at_once_cost_little(server):
    over, seconds = threading.Event(), []
    cpu, rss = usage(server.pid)
    began = time.monotonic()
    pages = [threading.Thread(target=a_page, args=(server.http_addr(), over, seconds), daemon=True) for _ in range(PAGES)]
    for p in pages:
        p.start()
    time.sleep(10)
    cpu_after, rss_after = usage(server.pid)
    took = time.monotonic() - began
    over.set()
    for p in pages:
        p.join()
    print("50 pages: %.1f %% of a core, %.1f MiB more" % ((cpu_after - cpu) / took * 100, (rss_after - rss) / 2**20))
    assert sum(seconds) > PAGES * 3
    assert (cpu_after - cpu) / took < 0.5
    assert rss_after - rss < 64 * 2**20
