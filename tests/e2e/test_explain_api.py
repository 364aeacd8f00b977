"""POST /api/v1/explain: the same as `statsd explain`, made beside all else, and bounded."""
import json
import os
import signal
import threading
import urllib.error
import urllib.request

import pytest

from harness import TOP, Server, run, wait_for

ANSWER = 512 << 10
REGEXES = "mappings:\n" + "".join(
    "- match: '^svc%d\\.([a-z]+)\\.Req$'\n  match_type: regex\n  name: 'svc%d_$1'\n" % (i, i) for i in range(100))


def post(server, body, framing="datagram"):
    """The answer's bytes, or None: another one is being made."""
    request = urllib.request.Request(server.url("/api/v1/explain?framing=" + framing), body, {}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as r:
            return r.read()
    except urllib.error.HTTPError as e:
        assert e.code == 503 and e.headers["Retry-After"] == "1"
        return None


@pytest.fixture(scope="module")
def mapping(tmp_path_factory):
    path = tmp_path_factory.mktemp("mapping") / "mapping.yml"
    path.write_text(REGEXES)
    return "prometheus.mapping=%s" % path


def corpus():
    with open(os.path.join(TOP, "tests", "conformance", "protocol.jsonl"), encoding="utf-8") as f:
        cases = [json.loads(line) for line in f if line.strip()]
    return [c["input"].encode() for c in cases if c.get("input") and not c.get("opts") and len(c["input"]) < 1000]


@pytest.mark.plain
@pytest.mark.parametrize("framing", ["datagram", "line", "dsd"])
def test_the_server_and_the_command_say_the_same(mapping, framing):
    lines = b"\n".join(corpus() + [b"svc7.get.req:1|c", b"svc7.get.Req:1|c"])[-16000:]
    if framing == "dsd":
        lines = b"".join(len(part).to_bytes(4, "little") + part for part in (lines[:5000], lines[5000:15000])) + b"\x01"
    told = run("explain", "--json", "--set", mapping, "--framing", framing, stdin=lines).stdout
    text = run("explain", "--set", mapping, "--framing", framing, stdin=lines).stdout
    with Server(mapping) as s:
        got = json.loads(post(s, lines, framing))
    assert got.pop("text") == text.decode()
    assert got == json.loads(told)
    assert len(got["samples"]) > 100 or framing == "dsd"


@pytest.mark.plain
def test_a_mapping_of_regexes_is_looked_at_once_for_each_name(mapping):
    with Server(mapping) as s:
        got = json.loads(post(s, b"svc7.get.req:1|c\n" * 300 + b"a:1|c"))
        assert [r["near_miss"]["line"] for r in got["rules"][:-1]] == [23] * 300
        assert "near_miss" not in got["rules"][-1] and "near_misses_left_out" not in got
        assert s.scrape().lines() == []   # nothing of it is counted


@pytest.mark.plain
@pytest.mark.parametrize("body, lacks", [
    (b"x\n" * 8192, "bytes_not_read"),
    (b"".join(b"x%d:1|ms|#a:b\n" % i for i in range(1000)), "exposition_cut"),
    (b"svc7.a.req:1|c\n" * 1092, "bytes_not_read"),
], ids=["errors", "timers", "rules"])
def test_an_answer_is_no_longer_than_it_may_be_and_says_what_it_lacks(mapping, body, lacks):
    with Server(mapping) as s:
        got = post(s, body[:16384])
    assert 200000 < len(got) <= ANSWER
    told = json.loads(got)
    assert told[lacks] and "the answer would be too long" in told["text"]


@pytest.mark.plain
@pytest.mark.parametrize("line, samples, errors", [
    (b"a:x|c" + b":x|c" * 2046, 0, 2047),
    (b"a:1|c" + b":|c" * 2727, 1, 2727),
    (b"n" * 500 + b":1|c" * 1900, 1900, 0),
], ids=["values", "empty", "samples"])
def test_one_line_brings_no_more_than_its_share(mapping, line, samples, errors):
    assert len(line) <= 8192
    with Server(mapping) as s:
        got = post(s, line)
        told = json.loads(got)
    shown = len(told["samples"]) + len(told["reasons"])
    assert len(got) <= ANSWER // 2 and 50 < shown < samples + errors
    assert told["errors"] == errors and told["found_left_out"] == samples + errors - shown
    left = (errors - len(told["reasons"])) or (samples - len(told["samples"]))
    assert "  and %d more %s: counted alone, or the answer would be too long\n" % (left, "errors" if errors else "samples") in told["text"]
    assert "\nsamples %d, events 0, service checks 0, errors %d\n" % (samples, errors) in told["text"]
    whole = json.loads(run("explain", "--json", "--set", mapping, stdin=line).stdout)
    assert len(whole["samples"]) == samples and len(whole["reasons"]) == errors and "found_left_out" not in whole
    assert whole["exposition"] == told["exposition"]


def test_reloads_and_scrapes_come_in_between(mapping):
    """Another mapping is put in force while datagrams are explained: each answer is of one of them, whole."""
    body = b"".join(b"svc%d.get.Req:1|c\n" % (i % 100) for i in range(800))
    answers, over = [], threading.Event()

    def ask(server):
        while not over.is_set():
            answers.append(post(server, body))

    with Server(mapping) as s:
        clients = [threading.Thread(target=ask, args=(s,)) for _ in range(2)]
        for c in clients:
            c.start()
        try:
            for n in range(10):
                s.process.send_signal(signal.SIGHUP)
                s.scrape()
                wait_for(lambda: len(s.logged("reloaded")) > n, "a reload")
        finally:
            over.set()
            for c in clients:
                c.join()
        whole = [json.loads(a) for a in answers if a is not None]
        assert whole and all(len(a["samples"]) == 800 and a["rules"][5]["action"] == "map" for a in whole)
        assert all(a["exposition"].startswith("svc0_get 8\n") for a in whole)
