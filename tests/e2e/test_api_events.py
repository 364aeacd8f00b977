"""/api/v1/events and /api/v1/checks: datagrams in, JSON out."""
import concurrent.futures
import gzip
import json
import os
import re
import socket
import subprocess
import time
import urllib.parse

import pytest

from harness import TOP, Server

EVENTS, CHECKS = "/api/v1/events", "/api/v1/checks"
RFC3339_MS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
TEXTS = {"host", "aggregation_key", "source_type"}          # there only if they were sent


def answer(s, path, status=200, **kw):
    got, headers, body = s.get(path, **kw)
    assert got == status, (path, got, body[:300])
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    return json.loads(body)


def query(path, *pairs):
    return path + "?" + urllib.parse.urlencode(pairs)


def check_entry(e, always, sometimes):
    assert set(always) <= set(e) <= set(always) | sometimes, e
    assert isinstance(e["seq"], int) and e["seq"] > 0
    assert RFC3339_MS.fullmatch(e["received"])
    assert isinstance(e["tags"], list) and all(isinstance(t, str) and t for t in e["tags"])
    assert all(isinstance(e[k], str) for k in TEXTS & set(e))


def events(s, *pairs):
    j = answer(s, query(EVENTS, *pairs))
    assert set(j) in ({"events", "total"}, {"events", "total", "next"})
    for e in j["events"]:
        check_entry(e, ["seq", "received", "title", "text", "priority", "alert_type", "tags"], TEXTS | {"timestamp"})
        assert e["priority"] in ("normal", "low") and e["alert_type"] in ("error", "warning", "info", "success")
    assert [e["seq"] for e in j["events"]] == sorted((e["seq"] for e in j["events"]), reverse=True)
    return j


def checks(s, *pairs):
    j = answer(s, query(CHECKS, *pairs))
    assert set(j) in ({"checks", "total"}, {"checks", "total", "next"})
    for c in j["checks"]:
        check_entry(c, ["seq", "received", "check", "status", "status_text", "tags"], {"host", "timestamp", "message"})
        assert c["status_text"] == ["ok", "warning", "critical", "unknown"][c["status"]]
    return j


def titles(j):
    return [e["title"] for e in j["events"]]


def event(title, text, rest=""):
    title, text = title.encode(), text.encode()
    return b"_e{%d,%d}:%s|%s%s" % (len(title), len(text), title, text, rest.encode())


def test_an_event_has_what_was_sent(server):
    before = time.time()
    server.send(event("Deploy", "web\\nv2.3", "|d:1790000000|h:web-1|k:deploys|s:ci|p:low|t:success|#env:prod,canary|c:x"), "_e{1,0}:a|")
    second, first = events(server)["events"]
    for e in (first, second):
        received = time.mktime(time.strptime(e["received"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        assert before - 2 < received < time.time() + 2
        del e["received"]
    assert first == {"seq": 1, "timestamp": 1790000000, "title": "Deploy", "text": "web\nv2.3", "host": "web-1",
                     "aggregation_key": "deploys", "source_type": "ci", "priority": "low", "alert_type": "success",
                     "tags": ["env:prod", "canary"]}
    assert second == {"seq": 2, "title": "a", "text": "", "priority": "normal", "alert_type": "info", "tags": []}


def test_a_check_has_what_was_sent(server):
    server.send("_sc|db.up|2|d:1790000000|h:db-1|#env:prod|m:timed out\\nafter 5 s", "_sc|disk|0")
    j = checks(server)
    second, first = j["checks"]
    assert j["total"] == 2
    assert {k: v for k, v in first.items() if k != "received"} == {
        "seq": 1, "timestamp": 1790000000, "check": "db.up", "status": 2, "status_text": "critical",
        "message": "timed out\nafter 5 s", "host": "db-1", "tags": ["env:prod"]}
    assert {k: v for k, v in second.items() if k != "received"} == {
        "seq": 2, "check": "disk", "status": 0, "status_text": "ok", "tags": []}


@pytest.mark.parametrize("workers", [1, 3])
def test_an_answer_has_what_was_sent_before_it_was_asked_for(workers):
    with Server("server.workers=%d" % workers, interval="10s") as s:
        for i in range(50):
            s.send(event("e%d" % i, "x"), "_sc|c%d|1" % i)       # from another port each time
            assert titles(events(s, ("limit", 1))) == ["e%d" % i]
            assert checks(s, ("limit", 1))["checks"][0]["check"] == "c%d" % i


def test_events_of_streams_are_there_too():
    with Server("server.workers=2", sockets=["tcp://127.0.0.1:0"], interval="10s") as s:
        host, _, port = s.address("tcp").rpartition(":")
        for i in range(20):
            with socket.create_connection((host, int(port))) as c:
                c.sendall(event("e%d" % i, "x") + b"\n_sc|c%d|1\n" % i)
                assert titles(events(s, ("limit", 1))) == ["e%d" % i]
                assert checks(s, ("limit", 1))["checks"][0]["check"] == "c%d" % i


def test_arguments_pick_and_are_decoded(server):
    server.send(event("a", "", "|#env:prod,team:x y|t:error"), event("b", "", "|#env:dev,ümlaut:&=|p:low"), event("c", "", "|#env:prod"),
                "_sc|d|1|#env:prod", "_sc|e|3")
    for pairs, want in [
        ([], "cba"),
        ([("tag", "env:prod")], "ca"),
        ([("tag", "env:*")], "cba"),
        ([("tag", "env:prod"), ("tag", "team:x y")], "a"),
        ([("tag", "ümlaut:&=")], "b"),
        ([("tag", "env")], ""),
        ([("alert_type", "error")], "a"),
        ([("priority", "low")], "b"),
        ([("since", "-15m")], "cba"),
        ([("until", "-15m")], ""),
        ([("since", int(time.time()) - 60), ("until", int(time.time()) + 60)], "cba"),
        ([("since", "2026-01-01T00:00:00Z"), ("until", "2026-01-01T00:00:01+02:00")], ""),
        ([("before", 3), ("limit", 1)], "b"),
    ]:
        assert titles(events(server, *pairs)) == list(want), pairs
    assert titles(answer(server, EVENTS + "?until=2100-01-01T00:00:00+02:00")) == list("cba")       # "+" as it is
    for pairs, want in [([], "ed"), ([("name", "d")], "d"), ([("status", 3)], "e"), ([("status", "warning")], "d"),
                        ([("tag", "env:*")], "d")]:
        assert [c["check"] for c in checks(server, *pairs)["checks"]] == list(want), pairs


def test_what_strangers_send_is_valid_json(server):
    texts = ['"', "\\", '"}],"total":7', "</script><script>alert(1)</script>",
             "\u2028\u2029", "🎉 ümlaut", "{}[],:", "%s%n", "a\\tb", "\\u0000"]
    for t in texts:
        server.send(event(t, t, "|h:%s|k:%s|#%s" % ((t.replace("|", ""),) * 2 + (t.replace(",", ""),))))
    shown = events(server)["events"]
    assert [e["title"] for e in reversed(shown)] == texts
    assert [e["text"] for e in reversed(shown)] == texts
    assert [e["host"] for e in reversed(shown)] == texts
    assert [e["tags"] for e in reversed(shown)] == [[t.replace(",", "")] for t in texts]


def test_control_bytes_come_as_underscores_and_what_is_no_utf8_not_at_all(server):
    server.send(b"_e{3,3}:a\x01b|c\x7fd|h:e\x1bf", b"_sc|a\x07b|0|m:c\x01d", b"_e{3,1}:a\x00b|c",
                b"_e{1,1}:\xff|b", b"_sc|\xc3|0", b"_e{1,1}:a|b|#\xed\xa0\x80:x")
    e, = events(server)["events"]
    c, = checks(server)["checks"]
    assert (e["title"], e["text"], e["host"]) == ("a_b", "c_d", "e_f")
    assert (c["check"], c["message"]) == ("a_b", "c_d")


def test_long_texts_and_many_tags_are_whole():
    with Server("limits.max_line=65535") as s:
        text = "".join(chr(0x4e00 + i % 20000) for i in range(21700))
        tags = ["k%d:%s" % (i, "v" * 100) for i in range(128)]
        s.send(event("long", text), event("tags", "x", "|#" + ",".join(tags)), "_sc|tags|0|#%s|m:%s" % (",".join(tags), "m" * 40000))
        by_title = {e["title"]: e for e in events(s)["events"]}
        assert by_title["long"]["text"] == text
        assert by_title["tags"]["tags"] == tags
        c, = checks(s)["checks"]
        assert c["tags"] == tags and c["message"] == "m" * 40000


def paged(s, path, key, *pairs):
    """Every entry there is, page by page, and how many pages it took."""
    got, pages, before = [], 0, []
    while True:
        j = answer(s, query(path, *pairs, *before))
        got += j[key]
        pages += 1
        if "next" not in j:
            return got, pages
        assert j["next"] == j[key][-1]["seq"]
        before = [("before", j["next"])]


def test_the_last_thousand_are_kept_and_come_in_pages(server):
    for first in range(0, 1001, 20):
        server.send(b"\n".join(event("e%d" % i, "", "|#odd:%d" % (i % 2)) for i in range(first, min(first + 20, 1001))))
        server.scrape()          # so that the socket's buffer and the ring hold all
    j = events(server, ("limit", 1000))
    assert j["total"] == 1000 and "next" not in j
    assert titles(j) == ["e%d" % i for i in range(1000, 0, -1)]          # e0 has gone
    j = events(server)
    assert len(j["events"]) == 100 and j["next"] == j["events"][-1]["seq"]
    got, pages = paged(server, EVENTS, "events", ("limit", 300), ("tag", "odd:1"))
    assert ([e["title"] for e in got], pages) == (["e%d" % i for i in range(999, 0, -2)], 2)


def test_an_answer_that_would_be_too_long_goes_on_with_next():
    with Server("limits.max_line=65535") as s:
        for i in range(60):
            s.send(event("e%d" % i, "x" * 60000))
            s.scrape()
        assert len(s.get(EVENTS + "?limit=1000")[2]) <= 512 << 10
        got, pages = paged(s, EVENTS, "events", ("limit", 1000))
        assert [e["title"] for e in got] == ["e%d" % i for i in range(59, -1, -1)] and pages == 8
        assert all(e["text"] == "x" * 60000 for e in got)


@pytest.mark.parametrize("path, argument", [
    (EVENTS + "?limt=5", "limt"),
    (EVENTS + "?limit=0", "limit"),
    (EVENTS + "?limit=1001", "limit"),
    (EVENTS + "?limit=5&limit=6", "limit"),
    (EVENTS + "?limit", "limit"),
    (EVENTS + "?since=", "since"),
    (EVENTS + "?since=15m", "since"),
    (EVENTS + "?until=yesterday", "until"),
    (EVENTS + "?before=-1", "before"),
    (EVENTS + "?alert_type=%22%3C/script%3E", "alert_type"),
    (EVENTS + "?priority=high", "priority"),
    (EVENTS + "?status=1", "status"),
    (EVENTS + "?tag=", "tag"),
    (EVENTS + "?" + "&".join(["tag=a"] * 17), "tag"),
    (CHECKS + "?status=4", "status"),
    (CHECKS + "?name=", "name"),
    (CHECKS + "?priority=low", "priority"),
    (CHECKS + "?%00%ff=1", "\x00\ufffd"),
])
def test_a_bad_argument_is_400_and_named(server, path, argument):
    j = answer(server, path, 400)
    assert set(j) == {"error", "argument"} and j["argument"] == argument
    assert "wants" in j["error"] or "there are" in j["error"] or "give it once" in j["error"]


def test_head_other_methods_and_unknown_paths(server):
    server.send(event("a", "b"))
    status, headers, body = server.get(EVENTS, "HEAD")
    whole = server.get(EVENTS)[2]
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(whole)))
    assert server.get(EVENTS + "?limit=0", "HEAD")[0] == 400
    for method in ("POST", "PUT", "DELETE"):
        status, headers, _ = server.get(EVENTS, method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD"), method
    for path in ("/api/v1/", "/api/v1/event", "/api/v1/events/", "/api/v1//events", "/api/v1/../metrics"):
        assert EVENTS in answer(server, path, 404)["error"]
    page = server.scrape()
    assert page.value("statsd_api_requests_total", status="404") == 5
    assert page.value("statsd_api_requests_total", status="400") == 1


def test_long_answers_are_packed_for_who_accepts_gzip(server):
    server.send(*(event("e%d" % i, "some text " * 50) for i in range(20)))
    status, headers, body = server.get(EVENTS, headers={"Accept-Encoding": "gzip"})
    assert (status, headers["Content-Encoding"], headers["Vary"]) == (200, "gzip", "Accept-Encoding")
    plain = server.get(EVENTS)
    assert plain[1]["Content-Encoding"] is None
    assert json.loads(gzip.decompress(body)) == json.loads(plain[2]) and len(body) < len(plain[2]) / 5


def test_many_who_ask_at_once_get_the_answer_or_503():
    # Connections that a client has closed count until the server has seen that.
    with Server("http.max_per_ip=400", sockets=["udp://127.0.0.1:0"]) as server:
        server.send(*(event("e%d" % i, "x" * 500) for i in range(100)))
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            got = list(pool.map(lambda _: server.get(EVENTS), range(300)))
        assert {status for status, _, _ in got} <= {200, 503}
        assert all(len(json.loads(body)["events"]) == 100 for status, _, body in got if status == 200)
        assert events(server)["total"] == 100


def test_the_examples_of_the_documentation_are_what_is_answered(server):
    """docs/api.md, events and checks: each `$ command`, and behind it what it prints."""
    with open(os.path.join(TOP, "docs", "api.md"), encoding="utf-8") as f:
        section = f.read().split("\n## Events and checks\n")[1].split("\n## ")[0]
    examples = re.findall(r"^    \$ (.*)\n((?:    (?!\$).*\n)*)", section, flags=re.M)
    assert len(examples) == 7
    udp = "/dev/udp/%s/%d" % server.udp()
    for command, printed in examples:
        command = command.replace("/dev/udp/127.0.0.1/8125", udp).replace("127.0.0.1:9102", server.http_addr())
        got = subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, check=True).stdout.decode()
        want = "".join(line[4:] + "\n" for line in printed.splitlines())
        assert RFC3339_MS.sub("TIME", got) == RFC3339_MS.sub("TIME", want), command
