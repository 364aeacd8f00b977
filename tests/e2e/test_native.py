"""The protobuf format and its native histograms: what protoc makes of the body, and what a real Prometheus makes of it."""
import math
import os
import random
import subprocess

import pytest

import harness
from harness import SLOW, TOP, Paced, Server, wait_for
from test_prometheus import EVERYTHING, Prometheus

pytestmark = pytest.mark.answers

# As Prometheus 2.42 asks, with native histograms on.
ACCEPT = ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
          "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
          "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
NATIVE = "--enable-feature=native-histograms"


def protobuf(server):
    status, headers, body = server.get("/metrics", headers={"Accept": ACCEPT})
    assert status == 200 and headers["Content-Type"].startswith("application/vnd.google.protobuf"), headers
    return body


def messages(body):
    """Each delimited message, without its length."""
    at = 0
    while at < len(body):
        size = shift = 0
        while True:
            byte = body[at]
            at += 1
            size |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                break
        assert 0 < size <= len(body) - at
        yield body[at:at + size]
        at += size


def protoc(message):
    got = subprocess.run(["protoc", "--decode=io.prometheus.client.MetricFamily", "-I", os.path.join(TOP, "src", "expose"), "metrics.proto"],
                         input=message, capture_output=True, timeout=60)
    assert got.returncode == 0, got.stderr
    return got.stdout.decode()


def test_protoc_decodes_every_message_and_knows_every_field():
    with Server("prometheus.observer_type=histogram", "prometheus.native_histogram_factor=1.1") as s:
        s.send(EVERYTHING, "neg:-4|h\nneg:0|h\nneg:100|h")
        s.wait_self("statsd_samples_aggregated_total", 13)
        texts = [protoc(m) for m in messages(protobuf(s))]
        page = s.scrape()
    names = [t.split('"')[1] for t in texts]
    # A number in front of a colon would be a field that the schema does not know.
    assert [l for t in texts for l in t.splitlines() if l.strip().split(":")[0].split(" ")[0].isdigit()] == []
    assert len(names) == len(set(names))
    # In this format a family without metrics is not told.
    assert set(names) == {n for n, f in page.families.items() if f.samples}
    by_name = dict(zip(names, texts))
    assert by_name["hits"].count("counter {") == 1 and r'value: "x\\y"' in by_name["hits"]
    for field in ("sample_count: 3", "sample_sum: 96", "schema: 3", "zero_threshold: 2.9387358770557188e-39", "zero_count: 1",
                  "negative_span {", "negative_delta: 1", "positive_span {", "positive_delta: 1", "cumulative_count: 2"):
        assert field in by_name["neg"], (field, by_name["neg"])


def test_without_both_parameters_the_body_is_text(server):
    for accept in ("application/vnd.google.protobuf", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
                   "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text"):
        _, headers, _ = server.get("/metrics", headers={"Accept": accept})
        assert headers["Content-Type"].startswith("text/plain"), accept


class Sent:
    """Values that were sent, and what is true of them."""

    def __init__(self):
        self.values = []

    def send(self, server, name, values, unit):
        paced, lines = Paced(server), []
        for v in values:
            lines.append("%s:%r|%s" % (name, v * 1000 if unit == "ms" else v, unit))
            if len(lines) == 20:
                paced.send("\n".join(lines).encode())
                lines = []
        if lines:
            paced.send("\n".join(lines).encode())
        paced.settle()
        self.values += values

    def quantile(self, q):
        return sorted(self.values)[math.ceil(q * len(self.values)) - 1]


def seen(p, query, want, what):
    return wait_for(lambda: p.one(query) == want, "%s = %r in Prometheus (last: %r)" % (what, want, p.one(query)), 20 * SLOW, every=0.2)


@pytest.mark.prometheus
@pytest.mark.parametrize("factor,growth", [("1.1", 2 ** 0.125), ("1.02", 2 ** (1 / 64)), ("2", 2)])
def test_histogram_quantile_over_native_histograms_agrees_with_the_values(factor, growth, dir):
    """A value is somewhere in its bucket, so a quantile is within the growth of a bucket."""
    rnd = random.Random(9)
    latency, size = Sent(), Sent()
    with Server("prometheus.observer_type=histogram", "prometheus.native_histogram_factor=" + factor,
                "prometheus.native_histogram_max_buckets=0") as a, \
            Server("prometheus.observer_type=histogram", "prometheus.native_histogram_factor=" + factor,
                   "prometheus.native_histogram_max_buckets=0") as b, \
            Prometheus(dir, [a.http_addr(), b.http_addr()], NATIVE) as p:
        for s in (a, b):
            latency.send(s, "latency", [rnd.lognormvariate(-3, 1) for _ in range(4000)], "ms")
        size.send(a, "size", [round(rnd.paretovariate(1.2) * 100) for _ in range(4000)] + [0] * 10, "h")
        seen(p, "histogram_count(sum(latency))", 8000, "the count of both servers")
        seen(p, "histogram_count(size)", 4010, "the count")
        for q in (0.5, 0.9, 0.99, 0.999):
            for name, sent in (("sum(latency)", latency), ("size", size)):
                got, want = p.one("histogram_quantile(%g, %s)" % (q, name)), sent.quantile(q)
                assert want / growth * 0.999 <= got <= want * growth * 1.001, (name, q, got, want)
        mean = p.one("histogram_sum(sum(latency)) / histogram_count(sum(latency))")
        assert math.isclose(mean, sum(latency.values) / 8000, rel_tol=1e-9)
        assert p.query("latency_bucket") == []           # 2.42 keeps the native form alone
        assert p.one("min_over_time(up[10s])") == 1


@pytest.mark.prometheus
def test_a_schema_that_goes_down_is_no_restart_to_prometheus(dir):
    sent = Sent()
    with Server("prometheus.observer_type=histogram", "prometheus.native_histogram_factor=1.1",
                "prometheus.native_histogram_max_buckets=12") as s, Prometheus(dir, [s.http_addr()], NATIVE) as p:
        def schema():
            return next(int(l.split(":")[1]) for m in messages(protobuf(s)) for l in protoc(m).splitlines() if "schema:" in l)
        sent.send(s, "latency", [0.1 + i % 100 / 1000 for i in range(2000)], "ms")
        seen(p, "histogram_count(latency)", 2000, "the first values")
        assert schema() == 3
        sent.send(s, "latency", [10.0 ** (i - 6) for i in range(9)], "ms")
        seen(p, "histogram_count(latency)", 2009, "values far apart")
        # A restart would count all 2009 again; what there is, is extrapolated to the whole of the 5 s.  Asked at once, before they are over.
        grown = wait_for(lambda: p.one("histogram_count(increase(latency[5s]))"), "an increase", every=0.2)
        assert 0 < grown < 100, grown
        assert schema() < 3


@pytest.mark.prometheus
def test_prometheus_reads_the_same_from_protobuf_as_from_text(dir):
    """Families of several messages, every type, fractions, labels of every kind."""
    rnd = random.Random(4)
    lines = ["many:%d|c|#n:%d,quo\"te:x\\y é" % (i, i) for i in range(4000)]
    lines += ["level:%r|g|#n:%d" % (rnd.uniform(-1e6, 1e6), i) for i in range(500)]
    lines += ["lat:%d|ms|#n:%d" % (rnd.randrange(1, 900), i % 100) for i in range(2000)]
    with Server("prometheus.observer_type=summary") as s, Prometheus(dir, [s.http_addr()], NATIVE) as p:
        paced = Paced(s)
        for at in range(0, len(lines), 20):
            paced.send("\n".join(lines[at:at + 20]).encode())
        paced.settle()
        page = s.scrape()
        many = [m for m in messages(protobuf(s)) if m[2:6] == b"many"]
        assert len(many) > 2                      # and Prometheus joins them
        seen(p, "count(many)", 4000, "all series")
        seen(p, "sum(lat_count)", 2000, "all timings")
        for name in ("many", "level", "lat", "lat_sum", "lat_count"):
            got = {tuple(sorted((k, v) for k, v in labels.items() if k not in ("__name__", "instance", "job"))): value
                   for labels, value in p.query(name)}
            assert got == page.all(name), name
        assert p.one("min_over_time(up[10s])") == 1


@pytest.mark.prometheus
def test_classic_histograms_come_in_protobuf_too(dir):
    with Server("prometheus.observer_type=histogram", "prometheus.buckets=0.25,1,5") as s, Prometheus(dir, [s.http_addr()], NATIVE) as p:
        s.send("size:0.25|h\nsize:0.5|h\nsize:3|h\nsize:9|h")
        seen(p, "size_count", 4, "the count")
        # Prometheus writes the bounds of protobuf as OpenMetrics does: 1.0, where the text format says 1.
        got = {labels["le"]: value for labels, value in p.query("size_bucket")}
        assert got == {"0.25": 1, "1.0": 2, "5.0": 3, "+Inf": 4}
        assert p.one("size_sum") == 12.75


@pytest.mark.prometheus
def test_prometheus_without_the_feature_gets_no_native_histogram(dir):
    with Server("prometheus.observer_type=histogram", "prometheus.native_histogram_factor=1.1") as s, Prometheus(dir, [s.http_addr()]) as p:
        s.send("latency:5|ms\nlatency:50|ms")
        seen(p, "latency_count", 2, "the count")
        assert p.one('latency_bucket{le="0.01"}') == 1


def test_hostile_values_never_cost_a_scrape(dir):
    import test_hostile
    with Server("prometheus.observer_type=histogram", "prometheus.native_histogram_factor=1.003", "prometheus.native_histogram_max_buckets=0") as s, \
            Prometheus(dir, [s.http_addr()], NATIVE) as p:
        s.send(*test_hostile.KILLERS)
        s.send("w:1|h|@1e-300\nw:-1|h|@1e-300\nw:0|h|@1e-300\nw:1e-300|h\nw:1e308|h\nw:-1e308|h|@0.3\nf:5|ms|@0.3\nf:5|ms|@0.7", EVERYTHING)
        seen(p, "hits", 3, "the page")
        for i in range(3):
            s.send("w:1|h|@1e-300\nw:1e3|h\nw:-1e-9|h|@1e-300\nbeat:1|c")
            seen(p, "beat", 1 + i, "the page")
        assert p.one("min_over_time(up[10s])") == 1
