"""The HTTP server: status codes, heads and bodies."""
import gzip
import http.client
import socket

import pytest

from exposition import parse
from harness import Server, wait_for


def test_healthy_and_ready_say_so(server):
    for path in ("/-/healthy", "/-/ready"):
        status, _, body = server.get(path)
        assert (status, bool(body.strip())) == (200, True)


def test_the_page_says_that_it_is_text_0_0_4(server):
    status, headers, _ = server.get("/metrics")
    assert status == 200
    kind = headers["Content-Type"].replace(" ", "")
    assert kind.startswith("text/plain;version=0.0.4") and "charset=utf-8" in kind


def test_head_is_get_without_the_body(server):
    server.send("hello:1|c")
    status, headers, body = server.get("/metrics", "HEAD")
    assert (status, body) == (200, b"")
    assert headers["Content-Type"].startswith("text/plain")


def test_unknown_paths_are_404_and_other_methods_405(server):
    assert server.get("/nothing")[0] == 404
    status, headers, _ = server.get("/metrics", "DELETE")
    assert status == 405
    assert "GET" in headers["Allow"]
    page = server.scrape()
    assert page.sum("statsd_http_requests_rejected_total") == 2


def test_quit_and_reload_are_off_unless_asked_for(server):
    for path in ("/-/quit", "/-/reload"):
        assert server.get(path, "POST")[0] in (403, 404, 405)
    assert server.get("/-/healthy")[0] == 200


def test_gzip_for_those_who_take_it(server):
    server.send(*["name.%d:1|c" % i for i in range(200)])
    server.wait_self("statsd_datagrams_received_total", 200)
    _, headers, body = server.get("/metrics", headers={"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip"
    assert "accept-encoding" in headers["Vary"].lower()
    page = parse(gzip.decompress(body))
    assert page.value("name_7") == 1
    assert server.get("/metrics", headers={"Accept-Encoding": "gzip;q=0"})[1]["Content-Encoding"] is None


def test_one_connection_serves_many_scrapes(server):
    c = http.client.HTTPConnection(server.http_addr())
    for i in range(50):
        c.request("GET", "/metrics")
        r = c.getresponse()
        assert r.status == 200
        parse(r.read())
    c.close()


def test_many_scrapers_at_once_all_get_a_whole_page(server):
    server.send(*["name.%d:1|c" % i for i in range(500)])
    server.wait_self("statsd_datagrams_received_total", 500)
    connections = [http.client.HTTPConnection(server.http_addr(), timeout=30) for _ in range(25)]
    for c in connections:
        c.request("GET", "/metrics")
    for c in connections:
        page = parse(c.getresponse().read())
        assert page.value("name_499") == 1
        c.close()


def test_more_connections_than_allowed_end_none_of_the_server():
    with Server("http.max_connections=10", "http.max_per_ip=5", "http.timeout=1s") as s:
        crowd = []
        for _ in range(50):
            try:
                crowd.append(socket.create_connection(s.http_addr().rsplit(":", 1), timeout=5))
            except OSError:
                pass

        def served():
            try:
                return s.get("/-/healthy", timeout=2)[0] == 200
            except OSError:
                return False
        # Idle connections are closed after http.timeout, and then there is room again.
        wait_for(served, "room for a scrape", 20)
        for c in crowd:
            c.close()


def test_http_can_be_turned_off():
    with Server("http.listen=", wait=False) as s:
        wait_for(lambda: s.address("udp"), "listening on UDP")
        s.send("hello:1|c")
        assert not s.http_addr()


def test_the_server_says_who_it_is(server):
    page = server.scrape()
    (labels, value), = page.all("statsd_build_info").items()
    assert value == 1
    assert {"version", "commit"} <= set(dict(labels))
    assert page.value("process_resident_memory_bytes") > 1e6
    assert page.value("statsd_interval_seconds") == pytest.approx(0.2)
