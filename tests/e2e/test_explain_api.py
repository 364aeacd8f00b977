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
