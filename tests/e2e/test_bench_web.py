"""statsd-bench --web and its workers: steered by HTTP, with a real server under the load."""
import contextlib
import csv
import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess

import pytest

from harness import BENCH, SLOW, Server, wait_for

pytestmark = [pytest.mark.plain, pytest.mark.skipif(not os.path.exists(BENCH), reason="statsd-bench is not built (make bench-build)")]


class Page:
    """A statsd-bench --web."""

    def __init__(self, server, *options):
        self.words = [BENCH, "--web", "127.0.0.1:0", "--to", "udp://" + server.address("udp"), "--metrics", f"http://{server.http_addr()}/metrics",
                      "--scrape-interval", "100ms", "--series", "200", "--rate", "2000", "--quiet", *options]
        self.lines = []

    def __enter__(self):
        self.process = subprocess.Popen(self.words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        first = self.process.stderr.readline()
        found = re.search(r"http://([0-9.:]+)/", first)
        assert found, first + self.process.stderr.read()
        self.address = found[1]
        return self

    def __exit__(self, *why):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def ask(self, path, method="GET", body=None, headers=None):
        """returns  (status, the body as text)"""
        with contextlib.closing(http.client.HTTPConnection(self.address, timeout=10 * SLOW)) as c:
            c.request(method, path, body if body is None or isinstance(body, str) else json.dumps(body), headers or {})
            r = c.getresponse()
            return r.status, r.read().decode()

    def post(self, path, body=None, **words):
        status, text = self.ask("/api/" + path, "POST", body, **words)
        return status, json.loads(text)

    def state(self):
        return json.loads(self.ask("/api/state")[1])

    def until(self, what, condition):
        wait_for(lambda: condition(self.state()), what)
        return self.state()


@pytest.fixture(scope="module")
def server():
    with Server() as s:
        yield s


@pytest.fixture(scope="module")
def page(server):
    with Page(server, "--workers", "2", "--duration", "1m") as p:
        yield p


@pytest.fixture(scope="module")
def run(page):
    """A load that was started, made faster, and stopped.  returns  the states of each of these"""
    assert page.post("start", {"rate": "2k"})[0] == 202
    slow = page.until("the first second", lambda s: s["state"] == "running" and len(s["rows"]) >= 1)
    status, changed = page.post("change", {"rate": "20k", "series": 300})
    assert status == 200 and changed["settings"]["rate"] == "20000"
    # The row in which it was changed is of both.
    fast = page.until("the new rate", lambda s: s["rows"][-1][1] > 19.5e3 and s["rows"][-1][2] > 15e3)
    assert page.post("start")[0] == 409 and page.post("reset")[0] == 409
    assert page.post("stop")[0] == 202
    over = page.until("the end", lambda s: s["state"] == "ready")
    return slow, fast, over


def test_a_load_is_started_changed_and_stopped(run):
    slow, fast, over = run
    assert slow["rows"][0][2] == pytest.approx(2000, rel=0.5)
    assert fast["rows"][-1][1] == pytest.approx(20e3, rel=0.05)
    assert over["sums"]["loss"] == 0 and over["sums"]["aggregated"] == over["sums"]["lines"]


def test_the_sums_are_those_of_the_workers_and_of_the_server(page, run):
    report = json.loads(page.ask("/api/report.json")[1])
    assert [w["name"] for w in report["workers"]] == ["local 1", "local 2"]
    assert all(w["lines"] > 0 and not w["lost"] and w["error"] is None for w in report["workers"])
    assert sum(w["lines"] for w in report["workers"]) == report["sent"]["lines"] == report["server"]["samples_aggregated"]
    assert sum(w["datagrams"] for w in report["workers"]) == report["sent"]["datagrams"] == report["server"]["received_datagrams"]


def test_the_reports_agree(page, run):
    report = json.loads(page.ask("/api/report.json")[1])
    status, table = page.ask("/api/report.csv")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert status == 200 and len(rows) == len(report["rows"]) and int(rows[-1]["sent_lines"]) == report["sent"]["lines"]
    status, html = page.ask("/api/report.html")
    assert status == 200 and "<svg" in html and "http-equiv" not in html and f"{report['sent']['lines']:,} lines" in html
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", html)


def test_a_report_says_what_was_asked_for_in_its_run(page, run):
    before = json.loads(page.ask("/api/report.json")[1])
    for rate in ("1k", "777"):
        assert page.post("change", {"rate": rate})[1]["settings"]["rate"] == {"1k": "1000"}.get(rate, rate)
    assert json.loads(page.ask("/api/report.json")[1]) == before


BAD = {  # what is asked for: what the answer has to say
    '{"rate": "fast"}': "--rate: 'fast' is not a rate like",
    '{"rate": -1}': "--rate",
    '{"shape": "/etc/passwd"}': "neither constant, ramp, steps, spike nor sine",
    '{"shape": "ramp"}': "needs --rate-to",
    '{"to": "udp://192.0.2.1:8125"}': "to is not a setting",
    '{"json": "/tmp/x"}': "json is not a setting",
    '{"series": 90000000}': "--series: at most",
    '{"series": 500000, "types": "ms", "packed": 1000, "tags": 32, "payload": 65507}': "all lines together are more than 1024 MiB",
    '{"rate": [1]}': "rate: a number or a short text",
    "[1]": "no JSON object",
    "{": "no JSON object",
}


@pytest.mark.parametrize("body", BAD)
def test_what_cannot_be_is_refused_with_its_reason(page, body):
    for path in ("start", "change"):
        status, answer = page.post(path, body)
        assert status == 400 and BAD[body] in answer["error"], answer


def test_other_sites_cannot_steer(page):
    assert page.post("stop", headers={"Origin": "http://evil.example"})[0] == 403
    assert page.post("stop", headers={"Host": "evil.example"})[0] == 421
    assert page.ask("/api/stop")[0] == 405 and page.ask("/api/nothing")[0] == 404
    assert page.ask("/api/state?since=x")[0] == 400


def test_the_page_is_there_with_a_strict_policy(page):
    with contextlib.closing(http.client.HTTPConnection(page.address, timeout=10)) as c:
        for path in ("/", "/web/bench.js", "/web/chart.js", "/web/dygraph.js", "/web/page.css"):
            c.request("GET", path)
            r = c.getresponse()
            text = r.read()
            assert r.status == 200 and "default-src 'none'" in r.getheader("Content-Security-Policy")
            assert path == "/web/dygraph.js" or b"http" not in text.replace(b"http://www.w3.org/2000/svg", b"")


def test_a_worker_that_is_killed_is_told_and_the_other_sends_its_share(server):
    with Page(server, "--workers", "2", "--duration", "1m", "--rate", "10k") as p:
        p.post("start")
        p.until("the first second", lambda s: len(s["rows"]) >= 1)
        children = subprocess.run(["pgrep", "-P", str(p.process.pid)], capture_output=True, text=True).stdout.split()
        assert len(children) == 2
        os.kill(int(children[0]), signal.SIGKILL)
        lost = p.until("the loss of one", lambda s: any(w["state"] == "lost" for w in s["workers"]))
        assert [w["why"] for w in lost["workers"] if w["state"] == "lost"] == ["its process has ended"]
        after = len(lost["rows"])
        p.until("the whole rate by the other", lambda s: len(s["rows"]) > after + 1 and s["rows"][-1][2] > 8500)
        p.post("stop")
        p.until("the end", lambda s: s["state"] == "ready")
        report = json.loads(p.ask("/api/report.json")[1])
        assert sorted(w["lost"] for w in report["workers"]) == [False, True]


def test_a_load_that_is_only_being_begun_is_not_changed(server):
    """Its workers prepare, one of them stuck: a change would have them send before the clock runs."""
    with Page(server, "--workers", "2", "--duration", "1m") as p:
        stuck = int(subprocess.run(["pgrep", "-P", str(p.process.pid)], capture_output=True, text=True).stdout.split()[0])
        os.kill(stuck, signal.SIGSTOP)
        try:
            p.post("start")
            p.until("its beginning", lambda s: s["state"] == "running")
            status, answer = p.post("change", {"rate": "3k"})
            assert status == 409 and "begun or ended" in answer["error"], answer
            assert p.state()["rows"] == []
        finally:
            os.kill(stuck, signal.SIGCONT)
        p.until("the first second", lambda s: len(s["rows"]) >= 1)
        assert p.post("change", {"rate": "3k"})[0] == 200
        # Shorter than it has lasted: it ends, rather than beginning again.
        before = p.state()["sums"]["lines"]
        assert p.post("change", {"rate": "100k", "duration": "200ms"})[0] == 200
        over = p.until("the end", lambda s: s["state"] == "ready")
        assert before <= over["sums"]["lines"] < before + 10000 and over["error"] is None


def test_a_load_that_starts_by_itself_ends_with_the_report(server):
    with Page(server, "--autostart", "--duration", "500ms") as p:
        text, error = p.process.communicate(timeout=30 * SLOW)
        assert p.process.returncode == 0, error
        assert "samples add up" in text and "worker        local 1: " in text


def bench(*words):
    return subprocess.run([BENCH, "--quiet", *words], capture_output=True, text=True, timeout=60 * SLOW)


def test_workers_without_a_page_report_in_the_terminal(server):
    done = bench("--workers", "2", "--to", "udp://" + server.address("udp"), "--metrics", f"http://{server.http_addr()}/metrics", "--duration", "500ms")
    assert done.returncode == 0, done.stderr
    assert "datagrams add up, samples add up" in done.stdout and "local 2: " in done.stdout


def test_workers_come_in_over_tcp_with_the_token(server, dir):
    token, other = os.path.join(dir, "token"), os.path.join(dir, "other")
    for path, text in ((token, "0123456789abcdef\n"), (other, "fedcba9876543210\n")):
        with open(path, "w") as f:
            f.write(text)
    report = os.path.join(dir, "report.json")
    port = free_port()
    words = ["--listen-workers", f"127.0.0.1:{port}", "--token-file", token, "--expect-workers", "2", "--to", "udp://" + server.address("udp"),
             "--metrics", f"http://{server.http_addr()}/metrics", "--duration", "500ms", "--json", report]
    with subprocess.Popen([BENCH, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as master:
        assert "waiting for 2 workers" in master.stderr.readline()
        wrong = bench("--worker", "--master", f"127.0.0.1:{port}", "--token-file", other)
        assert wrong.returncode == 1 and "its token is not ours" in wrong.stderr
        none = bench("--worker", "--master", f"127.0.0.1:{port}")
        assert none.returncode == 1 and "its token is not ours" in none.stderr
        workers = [subprocess.Popen([BENCH, "--quiet", "--worker", "--master", f"127.0.0.1:{port}", "--token-file", token]) for _ in range(2)]
        text, error = master.communicate(timeout=60 * SLOW)
        assert master.returncode == 0, error
        assert [w.wait(timeout=30 * SLOW) for w in workers] == [0, 0]
    with open(report) as f:
        got = json.load(f)
    assert len(got["workers"]) == 2 and sum(w["lines"] for w in got["workers"]) == got["sent"]["lines"] == got["server"]["samples_aggregated"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


REFUSED = {
    "a token is needed beyond this machine": (["--listen-workers", "0.0.0.0:0"], "a --token-file is needed"),
    "and by its workers": (["--worker", "--master", "192.0.2.1:8088"], "a --token-file is needed"),
    "no master": (["--worker", "--master", "127.0.0.1:1"], "Is it running, with --listen-workers?"),
    "a search": (["--find-max", "--web"], "--find-max goes with none of"),
    "two roles": (["--worker", "--workers", "2"], "are its --master's"),
    "no page to start": (["--autostart"], "--autostart goes with --web only"),
    "no such token": (["--workers", "1", "--token-file", "/nowhere"], "--token-file /nowhere: No such file"),
    "an address that is none": (["--web", "nowhere"], "--web nowhere"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_options_that_cannot_be_are_refused(name):
    words, why = REFUSED[name]
    done = bench(*words)
    assert done.returncode != 0 and why in done.stderr, done.stderr
