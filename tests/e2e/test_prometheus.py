"""What others read from the page: promtool, the Python client's parser, and a real Prometheus."""
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

import harness
from harness import SLOW, Server, wait_for

pytestmark = pytest.mark.prometheus
EVERYTHING = ("hits:3|c|#a:b,quo\"te:x\\y\nlevel:-4.5|g\nlat:12|ms|#path:/a\nlat:120|ms|#path:/b\nsize:512|h\ndist:9|d\nusers:me|s\n"
              "odd na/me:1|c|#k:é ü\nx:1|c\nx:1|g\nbroken")


def promtool(page):
    """What promtool complains of."""
    p = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, timeout=60)
    assert p.returncode in (0, 3), p.stderr
    return [l for l in (p.stdout + p.stderr).decode().split("\n") if l.strip()]


@pytest.mark.parametrize("observer", ["summary", "histogram"])
def test_promtool_has_nothing_against_the_page_but_the_names_of_statsd_exporter(observer):
    with Server("prometheus.observer_type=" + observer) as s:
        s.send(EVERYTHING)
        page = s.page()
    # Names are those that statsd_exporter gives, so counters of applications lack _total; suffixes = on mends that.
    assert [l for l in promtool(page) if 'counter metrics should have "_total" suffix' not in l] == []


def test_promtool_has_nothing_against_the_page_with_suffixes():
    with Server("prometheus.suffixes=on") as s:
        s.send(EVERYTHING)
        page = s.page()
    assert promtool(page) == []


def test_the_parser_of_the_python_client_reads_the_same(server):
    server.send(EVERYTHING)
    data = server.page()
    ours = harness.exposition.parse(data)
    theirs = {(s.name, tuple(sorted(s.labels.items()))): s.value for f in text_string_to_metric_families(data.decode()) for s in f.samples}
    # That parser appends _total to the names of counters.
    for (name, labels), value in ours.samples.items():
        got = theirs.get((name, labels), theirs.get((name + "_total", labels)))
        assert got == value or (got != got and value != value), (name, labels, value, got)


class Prometheus:
    def __init__(self, dir, targets, *flags, interval="500ms", how={}):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % s.getsockname()[1]
        self.flags = flags
        self.dir, self.targets, self.config = dir, targets, os.path.join(dir, "prometheus.yml")
        with open(self.config, "w") as f:
            json.dump({"global": {"scrape_interval": interval, "scrape_timeout": interval},
                       "scrape_configs": [{"job_name": "statsd", "static_configs": [{"targets": targets}], **how}]}, f)

    def __enter__(self):
        self.log = open(os.path.join(self.dir, "prometheus.log"), "wb")
        self.process = subprocess.Popen(
            ["prometheus", "--config.file=" + self.config, "--storage.tsdb.path=" + os.path.join(self.dir, "data"),
             "--web.listen-address=" + self.address, "--log.level=warn", *self.flags], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        try:
            # It takes some seconds until the first scrape.
            wait_for(lambda: self.one("count(up == 1)") == len(self.targets), "Prometheus to scrape", 30 * SLOW, every=0.1)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _result(self, text):
        try:
            url = "http://%s/api/v1/query?%s" % (self.address, urllib.parse.urlencode({"query": text}))
            with urllib.request.urlopen(url, timeout=10) as r:
                data = json.load(r)
        except (OSError, urllib.error.URLError):
            return None
        assert data["status"] == "success", data
        return data["data"]["result"]

    def query(self, text):
        """[(labels, value)], or None when it does not answer."""
        got = self._result(text)
        return got and [(m["metric"], float(m["value"][1])) for m in got]

    def samples(self, text):
        """Of a range: [(labels, [(second, value)])]"""
        return [(m["metric"], [(t, float(v)) for t, v in m["values"]]) for m in self._result(text) or []]

    def one(self, text):
        got = self.query(text)
        return got[0][1] if got else None

    def __exit__(self, *_):
        harness.stop(self.process)
        self.log.close()


def test_a_real_prometheus_scrapes_and_answers_rates_and_quantiles(dir):
    """100 requests a second whose latencies are even between 1 and 200 ms."""
    with Server() as summary, Server("prometheus.observer_type=histogram", "prometheus.buckets=0.02,0.05,0.1,0.15,0.2") as histogram, \
            Prometheus(dir, [summary.http_addr(), histogram.http_addr()]) as p, summary.sender() as a, histogram.sender() as b:
        target = 'instance="%s"'
        began, i = time.monotonic(), 0
        while time.monotonic() - began < 8:
            while i < (time.monotonic() - began) * 100:
                line = b"requests:1|c|#endpoint:/api\nlatency:%d|ms|#endpoint:/api" % (1 + i * 37 % 200)
                a.send(line)
                b.send(line)
                i += 1
            time.sleep(0.01)
        on_a, on_b = target % summary.http_addr(), target % histogram.http_addr()
        assert p.one("up{%s}" % on_a) == p.one("up{%s}" % on_b) == 1
        rate = p.one('rate(requests{endpoint="/api",%s}[6s])' % on_a)
        assert 85 < rate < 115, rate
        p90 = p.one('latency{endpoint="/api",quantile="0.9",%s}' % on_a)
        assert abs(p90 / 0.180 - 1) < 0.03, p90
        q90 = p.one('histogram_quantile(0.9, sum by (le) (rate(latency_bucket{%s}[6s])))' % on_b)
        assert abs(q90 / 0.180 - 1) < 0.05, q90
        mean = p.one("rate(latency_sum{%s}[6s]) / rate(latency_count{%s}[6s])" % (on_a, on_a))
        assert abs(mean / 0.1005 - 1) < 0.1, mean
        wait_for(lambda: p.one("requests{%s}" % on_a) == i, "the last value in Prometheus", every=0.2)
        assert p.one('statsd_samples_aggregated_total{%s}' % on_a) == 2 * i


def test_a_real_prometheus_never_loses_a_scrape_to_hostile_lines(dir):
    import test_hostile
    with Server() as s, Prometheus(dir, [s.http_addr()]) as p:
        s.send(*test_hostile.KILLERS)
        s.send("x:1|c\nx:1|ms\nx_sum:1|c\nx_count:4|g", EVERYTHING)
        before = p.one("prometheus_target_scrapes_exceeded_sample_limit_total")
        wait_for(lambda: p.one("hits") == 3, "the page in Prometheus", every=0.2)
        time.sleep(1.5)
        assert p.one("min_over_time(up[3s])") == 1, before
