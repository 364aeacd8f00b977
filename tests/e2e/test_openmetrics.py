"""OpenMetrics: who gets it, what a strict parser says of it, and that it shows what the text format shows."""
import ctypes
import gzip
import http.client
import json
import random
import time
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import test_hostile
from harness import Paced, Server, exposition, wait_for
from test_prometheus import EVERYTHING, Prometheus

pytestmark = pytest.mark.answers

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
# As Prometheus 2.42 sends it, and 3.
PROMETHEUS_2 = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
PROMETHEUS_3 = ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
                "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2")


def openmetrics(server):
    status, headers, body = server.get("/metrics", headers={"Accept": OPENMETRICS})
    assert (status, headers["Content-Type"]) == (200, OPENMETRICS)
    return body


def strict(body):
    """{(name, labels): value} and {family: type}, as a strict parser reads them; bounds and quantiles are numbers."""
    text = body.decode("utf-8")
    assert text.endswith("# EOF\n") and "\n\n" not in text
    samples, types = {}, {}
    for f in text_string_to_metric_families(text):
        types[f.name] = f.type
        for s in f.samples:
            key = key_of(s.name, s.labels.items())
            assert key not in samples, key
            samples[key] = s.value
    return samples, types


def key_of(name, labels):
    return name, tuple(sorted((k, float(v) if k in ("le", "quantile") and is_number(v) else v) for k, v in labels))


def is_number(v):
    try:
        return str(float(v)) != ""
    except ValueError:
        return False


def assert_shows_the_same(text, body):
    """text: of exposition.parse.  What the server counts of itself goes on between two scrapes."""
    def mine(name):
        return name.startswith(("statsd_", "process_"))
    ours = {k: v for k, v in strict(body)[0].items() if not mine(k[0])}
    theirs = {key_of(name, labels): v for (name, labels), v in text.samples.items() if not mine(name)}
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        whole = key[0].endswith(("_count", "_bucket"))   # there are no fractions of an observation
        assert ours[key] == value or (value != value and ours[key] != ours[key]) or (whole and abs(ours[key] - value) <= 0.5), (key, value, ours[key])


@pytest.mark.parametrize("suffixes", ["off", "on"])
@pytest.mark.parametrize("observer", ["summary", "histogram"])
def test_a_strict_parser_reads_what_the_text_shows(observer, suffixes):
    with Server("prometheus.observer_type=" + observer, "prometheus.suffixes=" + suffixes) as s:
        s.send(EVERYTHING, *test_hostile.KILLERS)
        s.send("rare:3|ms|@0.3\nrare:1|c|@0.3\ncold:-5|h\ncold:3|h|#k:v\ncr:1|c|#k:a\rb\nnul:1|c|#k:a\0b", "users:1|ms\nusers.created:1|c")
        s.wait_value("users_created" + ("_total" if suffixes == "on" else ""), 1)
        body = openmetrics(s)
        assert_shows_the_same(s.scrape(), body)
        _, types = strict(body)
        assert types["hits"] == ("counter" if suffixes == "on" else "unknown")
        assert types["statsd_samples_read"] == "counter"
        assert types["cold_bucket" if observer == "histogram" else "cold"] == "unknown"
        assert types["lat_seconds" if suffixes == "on" else "lat"] == observer


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_sent_a_strict_parser_reads_it(seed):
    """Names out of an alphabet where nearly everything collides."""
    rng = random.Random(seed)
    words = ["a", "a.b", "a-b", "a_total", "a_created", "a_sum", "a_count", "a_bucket", "a_info", "a_total_total", "a_created_total", "a_sum_total",
             "a_count_total", "a_created_created", "a_created_sum", "_total", "_created", "a_seconds", "a_seconds_created", "a_gcount", "le", "quantile",
             "__x", "9", "é", "q\"q", "s\\s", "b", "b_total", "b_created", "statsd_samples_read", "statsd_samples_read_created", "statsd_uptime"]
    types = ["1|c", "-1|c", "2.5|g", "-2|g", "3|ms", "4|h", "-4|h", "0|d", "6|s", "1|c|@0.3", "7|h|@0.3", "1e300|h", "1e-300|ms", "-1e9|ms"]
    settings = ["prometheus.suffixes=" + rng.choice(["on", "off"]), "prometheus.observer_type=" + ["summary", "histogram"][seed % 2],
                "prometheus.buckets=" + rng.choice(["0.1,5", "-1,0,1000000", "1"]), "aggregate.quantiles=" + rng.choice(["0.5", "0,0.5,1", "0.9,0.99"]),
                "prometheus.type_idle=0s", "prometheus.created=" + rng.choice(["on", "off"])]
    with Server(*settings) as s:
        paced = Paced(s)
        for _ in range(12):
            for _ in range(50):
                lines = []
                for _ in range(8):
                    tags = ",".join("%s:%s" % (rng.choice(words), rng.choice(words)) for _ in range(rng.choice([0, 0, 1, 2])))
                    lines.append("%s:%s%s" % (rng.choice(words), rng.choice(types), "|#" + tags if tags else ""))
                paced.send("\n".join(lines).encode())
            paced.settle()
            strict(openmetrics(s))
        if settings[-1] == "prometheus.created=off":
            assert_shows_the_same(s.scrape(), openmetrics(s))


def test_created_is_when_a_sample_came_first():
    with Server("prometheus.created=on", "prometheus.suffixes=on") as s:
        before = time.time()
        s.send("c:1|c\nt:1|h\ng:1|g")
        s.wait_value("c_total", 1)
        after = time.time()
        first, _ = strict(openmetrics(s))
        assert before - 0.1 <= first["c_created", ()] <= after + 0.1
        assert before - 0.1 <= first["t_created", ()] <= after + 0.1
        assert ("g_created", ()) not in first
        assert b"_created" not in b"".join(l for l in s.page().split(b"\n") if b"statsd_" not in l)
        s.send("c:1|c\nt:1|h\ng:1|g")
        s.wait_value("c_total", 2)
        then, _ = strict(openmetrics(s))
        assert (then["c_created", ()], then["t_created", ()]) == (first["c_created", ()], first["t_created", ()])


@pytest.mark.parametrize("accept, want", [(PROMETHEUS_2, OPENMETRICS), (PROMETHEUS_3, OPENMETRICS), (None, TEXT), ("*/*", TEXT), ("image/png", TEXT),
                                          ("application/openmetrics-text;version=1.0.0;q=0,*/*", TEXT)])
def test_accept_picks_the_format_of_a_get_and_of_a_head(server, accept, want):
    for method in ("GET", "HEAD"):
        status, headers, _ = server.get("/metrics", method, headers={"Accept": accept} if accept else {})
        assert status == 200
        assert headers["Content-Type"] == want
        assert headers["Vary"] == "Accept, Accept-Encoding"


def test_several_headers_of_a_name_are_one_list(server):
    c = http.client.HTTPConnection(server.http_addr())
    c.putrequest("GET", "/metrics", skip_accept_encoding=True)
    for name, value in (("Accept", "text/plain;q=0.5"), ("accept", "application/openmetrics-text"), ("Accept-Encoding", "br"), ("Accept-Encoding", "gzip")):
        c.putheader(name, value)
    c.endheaders()
    r = c.getresponse()
    assert (r.headers["Content-Type"], r.headers["Content-Encoding"]) == (OPENMETRICS, "gzip")
    strict(gzip.decompress(r.read()))


class ZstdBuffer(ctypes.Structure):
    _fields_ = [("ptr", ctypes.c_void_p), ("size", ctypes.c_size_t), ("pos", ctypes.c_size_t)]


def unzstd(body):
    """One whole frame, by the library itself: Python has no module for it."""
    z = ctypes.CDLL("libzstd.so.1")
    z.ZSTD_createDStream.restype, z.ZSTD_decompressStream.restype = ctypes.c_void_p, ctypes.c_size_t
    stream, room = ctypes.c_void_p(z.ZSTD_createDStream()), ctypes.create_string_buffer(1 << 16)
    given, got, left = ZstdBuffer(ctypes.cast(body, ctypes.c_void_p), len(body), 0), b"", 1
    while left:
        to = ZstdBuffer(ctypes.addressof(room), len(room), 0)
        left = z.ZSTD_decompressStream(stream, ctypes.byref(to), ctypes.byref(given))
        assert not z.ZSTD_isError(ctypes.c_size_t(left)) and (to.pos or given.pos < given.size or not left)
        got += room.raw[:to.pos]
    assert given.pos == given.size
    z.ZSTD_freeDStream(stream)
    return got


@pytest.mark.parametrize("series", [10, 40000])
def test_zstd_for_those_who_name_it(series):
    with Server() as s:
        paced = Paced(s)
        for first in range(0, series, 100):
            paced.send("\n".join("orders:1|c|#n:%d" % i for i in range(first, min(first + 100, series))).encode())
        paced.settle()
        for accept, want in (("zstd, gzip", "zstd"), ("gzip, zstd;q=0.9", "gzip"), ("*", "gzip"), ("br", None)):
            _, headers, body = s.get("/metrics", headers={"Accept-Encoding": accept})
            assert headers["Content-Encoding"] == want
            if series < 100:
                assert int(headers["Content-Length"]) == len(body)
            body = unzstd(body) if want == "zstd" else gzip.decompress(body) if want else body
            assert exposition.parse(body).sum("orders") == series


def metadata(p):
    """{metric: type} of what Prometheus has read."""
    with urllib.request.urlopen("http://%s/api/v1/targets/metadata" % p.address, timeout=10) as r:
        return {m["metric"]: m["type"] for m in json.load(r)["data"]}


@pytest.mark.prometheus
def test_a_real_prometheus_asks_for_openmetrics_and_reads_it(dir):
    with Server("prometheus.observer_type=histogram", "prometheus.buckets=0.1,5") as s, Prometheus(dir, [s.http_addr()]) as p:
        s.send(EVERYTHING, *test_hostile.KILLERS)
        s.send("cr:1|c|#k:a\rb\nnul:1|c|#k:a\0b\ncold:-5|h\nusers:1|ms\nusers.created:1|c\nrequests_total:7|c\nrequests:1|g")
        wait_for(lambda: p.one("users_created") == 1, "the page in Prometheus", every=0.2)
        types = metadata(p)
        assert types["hits"] == "unknown"   # what the text format calls a counter
        assert types["statsd_samples_read"] == "counter"
        assert p.one('lat_bucket{le="5.0",path="/a"}') == 1
        assert p.one("cold_sum") == -5
        assert p.one("requests_total") == 7
        assert p.one("requests") == 1
        assert p.one("min_over_time(up[3s])") == 1
