"""Tags that are cut out of lines, and the exemplars that one of them becomes: as a strict parser, protoc and a real Prometheus read them."""
import json
import time
import urllib.parse
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from harness import Redis, Server, wait_for
from test_native import NATIVE, messages, protobuf, protoc
from test_openmetrics import openmetrics
from test_prometheus import Prometheus

pytestmark = pytest.mark.answers

SETTINGS = ("prometheus.exemplar_tag=trace_id", "prometheus.observer_type=histogram", "prometheus.buckets=0.1,1", "prometheus.suffixes=on")


def exemplars(body):
    """{(name, le): (labels, value, seconds)} as a strict parser reads them."""
    found = {}
    for f in text_string_to_metric_families(body.decode()):
        for s in f.samples:
            if s.exemplar is not None:
                found[s.name, s.labels.get("le")] = (s.exemplar.labels, s.exemplar.value, float(s.exemplar.timestamp))
    return found


def send_four(s, last='d"4'):
    """One after the other, for of a series and an interval the latest counts."""
    for n, line in enumerate(("req:50|ms|#trace_id:a1,path:/x", "req:300|ms|#path:/x,trace_id:b2", "req:7000|ms|#trace_id:c3,path:/x",
                              "hits:3|c|#trace_id:%s,path:/x" % last)):
        s.send(line)
        s.wait_self("statsd_samples_aggregated_total", n + 1)   # a scrape turns the page


def test_a_strict_parser_reads_the_exemplars():
    with Server(*SETTINGS) as s:
        began = time.time()
        send_four(s)
        got = exemplars(openmetrics(s))
        page = s.page()
        assert s.scrape().value("statsd_series", kind="timer") == 1
    assert {k: v[:2] for k, v in got.items()} == {("req_seconds_bucket", "0.1"): ({"trace_id": "a1"}, 0.05),
                                                  ("req_seconds_bucket", "1.0"): ({"trace_id": "b2"}, 0.3),
                                                  ("req_seconds_bucket", "+Inf"): ({"trace_id": "c3"}, 7),
                                                  ("hits_total", None): ({"trace_id": 'd"4'}, 3)}
    for _, _, at in got.values():
        assert began - 1 <= at <= time.time() + 1
    assert b" # {" not in page and b"trace_id=" not in page


def test_values_that_are_no_exemplar_are_counted_and_their_samples_stay():
    with Server(*SETTINGS) as s:
        s.send("a:1|ms|#trace_id:", "a:1|ms|#trace_id:" + "x" * 121, "a:1|ms|#trace_id:x\x01", "a:1|ms|#trace_id:x\u0085", "g:1|g|#trace_id:x")
        s.wait_self("statsd_samples_aggregated_total", 5)
        assert exemplars(openmetrics(s)) == {}
        page = s.scrape()
        assert page.value("statsd_exemplars_refused_total") == 4
        assert page.value("a_seconds_count") == 4


def test_protoc_decodes_the_exemplars_and_inf_has_a_bucket_for_its_own():
    with Server(*SETTINGS) as s:
        send_four(s)
        texts = [protoc(m) for m in messages(protobuf(s))]
    histogram = next(t for t in texts if t.startswith('name: "req_seconds"'))
    assert histogram.count("exemplar {") == 3 and histogram.count("upper_bound: inf") == 1
    for value in ('value: "a1"', 'value: "b2"', 'value: "c3"', "value: 0.05", "value: 0.3"):
        assert value in histogram
    counter = next(t for t in texts if t.startswith('name: "hits_total"'))
    assert counter.count("exemplar {") == 1 and 'value: "d\\"4"' in counter


def test_dropped_and_global_tags_are_those_of_every_sink(dir):
    with Redis(dir) as r, Server("aggregate.drop_tags=pod,request_*", "aggregate.global_tags=env:prod", r.url) as s:
        s.send("a:1|c|#pod:1,k:v\na:2|c|#k:v,request_id:9,pod:2", "a:4|c|#k:v,env:test")
        s.wait_value("a", 3, k="v", env="prod")
        s.wait_value("a", 4, k="v", env="test")
        wait_for(lambda: r.total("c", "a|#env:prod,k:v") == 3 and r.total("c", "a|#env:test,k:v") == 4, "the sums in Redis")


def stored(p, query):
    url = "http://%s/api/v1/query_exemplars?%s" % (p.address, urllib.parse.urlencode(
        {"query": query, "start": time.time() - 600, "end": time.time() + 600}))
    with urllib.request.urlopen(url, timeout=10) as r:
        data = json.load(r)
    assert data["status"] == "success", data
    return {(d["seriesLabels"]["__name__"], d["seriesLabels"].get("le"), e["labels"]["trace_id"], float(e["value"]))
            for d in data["data"] for e in d["exemplars"]}


@pytest.mark.prometheus
@pytest.mark.parametrize("flags", [(), (NATIVE,)], ids=["openmetrics", "protobuf"])
def test_a_real_prometheus_stores_the_exemplars(flags, dir):
    with Server(*SETTINGS) as s, Prometheus(dir, [s.http_addr()], "--enable-feature=exemplar-storage", *flags) as p:
        send_four(s, last="d4")   # Prometheus 2 leaves the backslash of an escape in exemplars of OpenMetrics
        one = "1" if flags else "1.0"   # how each format's parser spells a whole bound in Prometheus 2
        want = {("req_seconds_bucket", "0.1", "a1", 0.05), ("req_seconds_bucket", one, "b2", 0.3), ("req_seconds_bucket", "+Inf", "c3", 7.0),
                ("hits_total", None, "d4", 3.0)}
        wait_for(lambda: {e[:1] + e[2:] for e in stored(p, '{path="/x"}')} == {e[:1] + e[2:] for e in want}, "the exemplars in Prometheus", every=0.2)
        got = stored(p, '{path="/x"}')
        assert {(n, float(le) if le else None, t, v) for n, le, t, v in got} == {(n, float(le) if le else None, t, v) for n, le, t, v in want}
        assert p.one("min_over_time(up[3s])") == 1
