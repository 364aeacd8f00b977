"""Every path's real answers are what /api/v1/openapi.json says, and every path of the API is in it; and what guards them."""
import contextlib
import http.client
import json
import math
import socket
import urllib.error
import urllib.request

import pytest

from harness import Server, wait_for

PATHS = {   # those that answer JSON at once: arguments, body
    ("get", "/api/v1/capture"): ("", None), ("get", "/api/v1/checks"): ("?limit=3", None), ("get", "/api/v1/conservation"): ("", None),
    ("get", "/api/v1/events"): ("", None), ("post", "/api/v1/explain"): ("?framing=line", b"a.b:1|c|#k:v\nbad\n"),
    ("get", "/api/v1/openapi.json"): ("", None), ("get", "/api/v1/rejected"): ("", None), ("get", "/api/v1/senders"): ("?limit=3", None),
    ("get", "/api/v1/series"): ("?match=*", None), ("delete", "/api/v1/series"): ("?match=gone", None), ("get", "/api/v1/status"): ("", None),
    ("get", "/api/v1/timeline"): ("", None), ("get", "/api/v1/top"): ("?by=series", None),
}
EVENTS = {"/api/v1/stream": {"history": "History", "second": "Second"}, "/api/v1/tail?rate=1": {"line": "Line", "skipped": "Skipped"}}
OTHERS = {("post", "/api/v1/capture"), ("get", "/api/v1/stream"), ("get", "/api/v1/tail")}     # see the tests below
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}


def ask(server, method, path, body=None, headers=None):
    request = urllib.request.Request(server.url(path), body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as r:
            return r.status, r.headers, r.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


def faults(doc, schema, value, at="$"):
    """What of a value is not as the schema says; the part of JSON Schema that the document uses."""
    if "$ref" in schema:
        schema = doc["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if value is None and schema.get("nullable"):
        return []
    if not isinstance(value, TYPES[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean"):
        return ["%s: %r is no %s" % (at, value, schema["type"])]
    if "enum" in schema and value not in schema["enum"]:
        return ["%s: %r" % (at, value)]
    found = []
    if isinstance(value, float) and not math.isfinite(value):
        return ["%s: %r is no JSON" % (at, value)]
    if isinstance(value, list):
        for i, item in enumerate(value):
            found += faults(doc, schema["items"], item, "%s[%d]" % (at, i))
    if isinstance(value, dict):
        known = schema.get("properties")
        found += ["%s lacks %s" % (at, k) for k in schema.get("required", []) if k not in value]
        for k, v in value.items():
            if known and k in known:
                found += faults(doc, known[k], v, at + "." + k)
            elif "additionalProperties" in schema:
                found += faults(doc, schema["additionalProperties"], v, at + "." + k)
            elif known:
                found.append("%s has %s, which is not described" % (at, k))
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as staging:
        staging.bind(("127.0.0.1", 0))
        yield from served("capture.dir=%s" % tmp_path_factory.mktemp("captures"), "mirror.to=udp://127.0.0.1:%d" % staging.getsockname()[1],
                          "mirror.share=25%")


def served(*settings):
    with Server("http.lifecycle=on", "server.interval=200ms", "http.access_log=on", *settings) as s:
        send_one_of_each(s)
        yield s


def send_one_of_each(s):
    s.send("a.b:1|c|#k:v", "t:3|ms", "bad", "s:x|s", "_e{1,1}:a|b", "_sc|c|0")
    s.wait_self("statsd_lines_received_total", 6)


@pytest.fixture(scope="module")
def doc(server):
    return json.loads(server.get("/api/v1/openapi.json")[2])


def test_every_path_is_described_and_tested(server, doc):
    described = {(method, path) for path, methods in doc["paths"].items() for method in methods}
    assert described == set(PATHS) | OTHERS
    served = json.loads(server.get("/api/v1/")[2])["error"].split("there are ")[1].split(", ")
    assert set(served) <= set(doc["paths"])


@pytest.mark.parametrize("method, path", sorted(PATHS))
def test_an_answer_is_as_it_is_described(server, doc, method, path):
    query, body = PATHS[method, path]
    status, headers, text = ask(server, method.upper(), path + query, body)
    described = doc["paths"][path][method]["responses"]["200"]["content"]
    assert status == 200 and headers["Content-Type"] in described, text
    assert faults(doc, described[headers["Content-Type"]]["schema"], json.loads(text)) == []


def test_a_capture_is_as_it_is_described_and_in_the_status(server, doc):
    for state in ("on", "off"):
        status, _, text = ask(server, "POST", "/api/v1/capture?state=%s&max_bytes=1MiB" % state)
        assert status == 200 and faults(doc, {"$ref": "#/components/schemas/Capture"}, json.loads(text)) == []
        shown = json.loads(server.get("/api/v1/status")[2])["capture"]
        assert shown["state"] in (("on",) if state == "on" else ("stopping", "stopped", "off")) and shown["dir"] in text.decode()


def test_the_status_shows_the_mirror_or_that_there_is_none(server):
    mirror = wait_for(lambda: next((m for m in [json.loads(server.get("/api/v1/status")[2])["mirror"]] if m["sent_lines"]), None), "lines sent")
    assert (mirror["by"], mirror["share"], mirror["state"], mirror["dropped_datagrams"]) == ("series", 0.25, "on", 0)
    with Server() as s:
        assert json.loads(s.get("/api/v1/status")[2])["mirror"] is None


@pytest.mark.parametrize("path", sorted(EVENTS))
def test_events_of_a_stream_are_as_they_are_described(server, doc, path):
    wanted = dict(EVENTS[path])
    with contextlib.closing(http.client.HTTPConnection(server.http_addr(), timeout=20)) as c:
        c.request("GET", path)
        r = c.getresponse()
        assert r.status == 200 and r.headers["Content-Type"].split(";")[0] in doc["paths"][path.split("?")[0]]["get"]["responses"]["200"]["content"]
        server.send(*("web.hits:%d|c" % i for i in range(20)))
        while wanted:
            line = r.readline().rstrip(b"\n")
            assert line or not r.closed
            if line.startswith(b"event: "):
                name = line[7:].decode()
            elif line.startswith(b"data: "):
                assert faults(doc, {"$ref": "#/components/schemas/" + EVENTS[path][name]}, json.loads(line[6:])) == []
                wanted.pop(name, None)


@pytest.mark.parametrize("method, path", sorted(PATHS))
def test_a_wrong_argument_is_answered_as_it_is_described(server, doc, method, path):
    status, _, text = ask(server, method.upper(), path + "?no_such_argument=1", b"a:1|c")
    assert status == 400
    assert faults(doc, {"$ref": "#/components/schemas/Error"}, json.loads(text)) == []


def test_every_line_is_in_one_place():
    with Server() as s:
        send_one_of_each(s)
        j = json.loads(s.get("/api/v1/conservation")[2])
    assert j["difference"] == 0 and j["lines"]["received"] == 6
    assert j["lines"]["aggregated"] == 3 and j["lines"]["events"] == j["lines"]["checks"] == 1
    assert j["rejected"] == {"no_colon": 1}


def test_status_shows_the_configuration_without_its_secrets():
    with Server("redis.url=redis://u:hidden@127.0.0.1:1") as s:
        j = json.loads(s.get("/api/v1/status")[2])
        assert j["config"]["options"]["redis.url"] == "***" and j["redis"]["state"] == "connecting"
        assert j["state"] == "running" and j["listeners"][0]["proto"] == "udp"


def test_closed_intervals_are_on_the_timeline(server):
    wait_for(lambda: any(f["samples"] for f in json.loads(server.get("/api/v1/timeline")[2])["flushes"]), "a closed interval")


def test_explain_is_what_the_command_says(server):
    whole = json.loads(ask(server, "POST", "/api/v1/explain", b"a.b:1|c|#k:v\nfoo:1|zz")[2])
    assert whole["reasons"] == ["unknown_type"] and whole["exposition"] == 'a_b{k="v"} 1'
    assert "      ^\n" in whole["text"]
    assert ask(server, "POST", "/api/v1/explain", b"")[0] == 400
    assert ask(server, "POST", "/api/v1/explain", b"x" * 20000)[0] == 413
    assert ask(server, "POST", "/api/v1/explain", b"x" * 100000)[0] == 413


def test_what_changes_something_needs_lifecycle():
    with Server() as s:
        status, _, text = ask(s, "DELETE", "/api/v1/series?match=a")
        assert status == 403 and "http.lifecycle" in json.loads(text)["error"]


def test_no_path_is_there_for_other_sites(server, doc):
    for path in list(doc["paths"]) + ["/", "/web/", "/api/v1/none"]:
        for headers, want in (({"Host": "evil.example"}, 421), ({"Origin": "http://evil.example"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403)):
            method = "POST" if path == "/api/v1/explain" else "GET"
            assert ask(server, method, path, headers=headers)[0] == want, (path, headers)
    for path in ("/-/reload", "/-/quit"):
        assert ask(server, "POST", path, headers={"Origin": "http://evil.example"})[0] == 403
        assert ask(server, "POST", path, headers={"Host": "evil.example", "Origin": "http://evil.example"})[0] == 421
    assert ask(server, "POST", "/-/reload", headers={"Host": "service.name"})[0] == 200


@pytest.mark.plain
def test_metrics_are_there_for_any_name_unless_they_are_guarded():
    pages = ("/metrics", "/cluster/metrics")
    with Server() as s, Server("http.guard_metrics=on", "http.hosts=prometheus.example") as guarded:
        for path in pages:
            ours = ask(s, "GET", path)[0]                                   # 404 without Redis
            for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
                assert ask(s, "GET", path, headers=headers)[0] == ours
                assert ask(guarded, "GET", path, headers=headers)[0] == (421 if "Host" in headers else 403)
            assert ask(guarded, "GET", path)[0] == ask(guarded, "GET", path, headers={"Host": "prometheus.example:9102"})[0] == ours


def test_other_sites_are_kept_off_and_requests_are_logged(server):
    for path in ("/api/v1/status", "/api/v1/stream", "/api/v1/tail"):
        assert ask(server, "GET", path, headers={"Host": "evil.example"})[0] == 421, path
    assert ask(server, "GET", "/metrics", headers={"Host": "service.name"})[0] == 200
    assert ask(server, "GET", "/api/v1/status", headers={"Origin": "http://evil.example"})[0] == 403
    status, headers, _ = ask(server, "GET", "/api/v1/status", headers={"X-Request-ID": "my-7", "User-Agent": "a\tb"})
    assert (status, headers["X-Request-ID"]) == (200, "my-7")
    line = wait_for(lambda: next((x for x in server.logged("request") if x["request_id"] == "my-7"), None), "a line of the access log")
    assert (line["method"], line["path"], line["status"], line["user_agent"]) == ("GET", "/api/v1/status", "200", "a\tb")
