"""Each metric type as the page shows it, to the letter."""
import time

import pytest

from harness import SLOW, Server, metrics_balance

pytestmark = pytest.mark.answers

CASES = {
    "a counter adds up": (
        "hits:1|c\nhits:2.5|c\nhits:3|c|@0.1",
        ["hits 33.5"]),
    "a counter that only went down makes no line and takes no name": (
        "jobs:-1|c\njobs:5|g\nopen:-2|c",
        ["jobs 5"]),
    "a counter ignores what takes it down": (
        "open:-1|c\nopen:2|c\nopen:-1|c",
        ["open 2"]),
    "an increment of zero is a line": (
        "idle:0|c",
        ["idle 0"]),
    "a gauge holds its last value": (
        "level:7|g\nlevel:3.25|g",
        ["level 3.25"]),
    "a gauge goes up and down": (
        "level:250|g\nlevel:-20|g\nlevel:+7|g",
        ["level 237"]),
    "the etsy way to a negative gauge": (
        "cold:0|g\ncold:-12|g",
        ["cold -12"]),
    "each value of a packed gauge has its own sign": (
        "level:4:+3:-2|g",
        ["level 5"]),
    "a timing is a summary in seconds": (
        "lat:500|ms\nlat:500|ms",
        ['lat_count 2', 'lat_sum 1', 'lat{quantile="0.5"} 0.5', 'lat{quantile="0.9"} 0.5', 'lat{quantile="0.99"} 0.5']),
    "a histogram is a summary without a unit": (
        "size:512|h",
        ['size_count 1', 'size_sum 512', 'size{quantile="0.5"} 512', 'size{quantile="0.9"} 512', 'size{quantile="0.99"} 512']),
    "a distribution is the same": (
        "size:512|d",
        ['size_count 1', 'size_sum 512', 'size{quantile="0.5"} 512', 'size{quantile="0.9"} 512', 'size{quantile="0.99"} 512']),
    "a sampled timing weighs one over its rate": (
        "lat:2000|ms|@0.25",
        ['lat_count 4', 'lat_sum 8', 'lat{quantile="0.5"} 2', 'lat{quantile="0.9"} 2', 'lat{quantile="0.99"} 2']),
    "packed values share rate and tags": (
        "hits:1:2:3|c|@0.5|#a:b",
        ['hits{a="b"} 12']),
    "tags are labels, sorted, and a bare tag is true": (
        "hits:1|c|#z:1,canary,a:x",
        ['hits{a="x",canary="true",z="1"} 1']),
    "the order of tags does not matter": (
        "hits:1|c|#a:x,b:y\nhits:2|c|#b:y,a:x",
        ['hits{a="x",b="y"} 3']),
    "names that collide after escaping add up": (
        "a.b:1|c\na-b:2|c",
        ["a_b 3"]),
    "fields of new clients change nothing": (
        "hits:1|c|#a:b|c:ci-abc|e:it-false|card:low|T1700000000|zz9",
        ['hits{a="b"} 1']),
}


@pytest.mark.parametrize("case", CASES)
def test_type(server, case):
    sent, want = CASES[case]
    server.send(sent)
    assert server.scrape().lines() == sorted(want)


def test_a_set_shows_its_members_at_once_and_for_its_window():
    with Server("aggregate.set_window=2s", interval="200ms") as s:
        sent = time.monotonic()
        s.send("users:alice|s\nusers:bob|s\nusers:alice|s\nusers:a:b:c|s")
        assert s.scrape().value("users") == 3
        time.sleep(1)
        s.send("users:carol|s")
        page = s.scrape()
        if time.monotonic() - sent < 2:
            assert page.value("users") == 4
        s.wait_value("users", 1)
        assert time.monotonic() - sent >= 1.8
        s.wait_value("users", 0)


@pytest.mark.alone
def test_a_window_of_many_intervals_moves_in_twelve_steps():
    with Server("aggregate.set_window=3s", interval="100ms") as s:     # 30 intervals: ten steps of three
        sent = time.monotonic()
        s.send("users:alice|s")
        while s.scrape().value("users") == 1:
            time.sleep(0.02)
        assert s.scrape().value("users") == 0
        assert 2.7 <= time.monotonic() - sent < 3.4 + 2 * SLOW


def test_a_set_without_a_window_shows_the_last_closed_interval():
    with Server("aggregate.set_window=0", interval="1s") as s:
        s.send("users:alice|s\nusers:bob|s")
        s.wait_value("users", 2)
        s.wait_value("users", 0)


def test_every_member_of_a_large_set_is_estimated_within_two_percent():
    with Server(interval="2s") as s:
        for i in range(0, 20000, 50):
            s.send("\n".join("users:%d|s" % j for j in range(i, i + 50)))
        page = s.wait_self("statsd_samples_aggregated_total", 20000)
        assert abs(page.value("users") / 20000 - 1) <= 0.02


def test_timers_can_be_histograms():
    with Server("prometheus.observer_type=histogram", "prometheus.buckets=0.1,1") as s:
        s.send("lat:50|ms\nlat:100|ms\nlat:500|ms|@0.5\nlat:5000|ms")
        assert s.scrape().lines() == sorted([
            'lat_bucket{le="0.1"} 2', 'lat_bucket{le="1"} 4', 'lat_bucket{le="+Inf"} 5', "lat_sum 6.15", "lat_count 5"])


def test_suffixes_tell_types_and_units():
    with Server("prometheus.suffixes=on") as s:
        s.send("hits:1|c\nlat:500|ms\nsize:3|h\nlevel:2|g")
        names = s.scrape().names()
        assert {"hits_total", "lat_seconds_sum", "size_sum", "level"} <= names


@pytest.mark.parametrize("sent, want, values, bad, refused", [
    (["c:1e308:1e308|c"], ["c 1e+308"], 1, 1, 0),
    (["c:1e308|c\nc:1e308|c\nd:1|c"], ["c 1e+308", "d 1"], 2, 1, 0),
    (["c:1|c|@1e-308\nc:1|c|@1e-308"], ["c 1e+308"], 1, 1, 0),
    (["c:1e308|c", "c:1e308|c", "c:1|c"], ["c 1e+308"], 3, 0, 1),
    (["c:1e308|c|#a:1,b:2\nc:1e308|c|#b:2,a:1"], ['c{a="1",b="2"} 1e+308'], 2, 0, 1),
    (["a.b:1e308|c\na-b:1e308|c"], ["a_b 1e+308"], 2, 0, 1),
    (["c:-1e308|c\nc:-1e308|c\nc:5|c"], ["c 5"], 2, 1, 0),
    (["g:1e308|g\ng:+1e308|g", "g:+1e308|g"], ["g 1e+308"], 2, 1, 1),
])
def test_no_value_makes_an_infinity(sent, want, values, bad, refused):
    with Server() as s:
        for datagram in sent:
            s.send(datagram)
            page = s.scrape()    # ends a page of the worker
        assert page.lines() == sorted(want)
        assert page.sum("statsd_values_aggregated_total") == values
        assert page.value("statsd_samples_rejected_total", reason="bad_value") == bad
        assert page.value("statsd_sums_refused_total") == refused
        assert metrics_balance(page) == page.sum("statsd_samples_read_total")


def test_quantiles_are_within_the_stated_error():
    """1.083 % with schema 5, over three decades."""
    with Server("aggregate.quantiles=0.01,0.25,0.5,0.75,0.9,0.99,0.999") as s:
        values = [1.003 ** i for i in range(2000)]
        for i in range(0, 2000, 50):
            s.send("\n".join("lat:%r|h" % v for v in values[i:i + 50]))
        page = s.wait_self("statsd_samples_aggregated_total", 2000)
        for q in (0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999):
            got = page.value("lat", quantile="%g" % q)
            true = values[int(q * 1999)]
            assert abs(got / true - 1) < 0.01083 + 0.006, (q, got, true)     # 0.3 % lies between two values


@pytest.mark.parametrize("mode, plus, minus", [("delta", 15, 6), ("absolute", 5, -4), ("auto", 15, 6)])
def test_each_listener_has_its_gauge_sign(mode, plus, minus):
    with Server(sockets=["udp://127.0.0.1:0?gauge_sign=absolute", "udp://localhost:0?gauge_sign=" + mode]) as s:
        s.send("rises:10|g\nrises:+5|g\nfalls:10|g\nfalls:-4|g", nth=1)
        page = s.scrape()
        assert (page.value("rises"), page.value("falls")) == (plus, minus)


def test_a_datadog_gauge_below_zero_is_absolute_by_itself(server):
    server.send("t:10|g|c:ci-abc\nt:-4|g|c:ci-abc")
    assert server.scrape().value("t") == -4


def test_names_of_every_length_come_out_whole(server):
    """Each name is a little longer than all before it, so every buffer on the way has to grow at some point."""
    names = ["timer." + "n" * i for i in range(1, 500)]
    for i in range(0, len(names), 5):
        server.send("\n".join("%s:1|ms" % n for n in names[i:i + 5]))
    page = server.wait_self("statsd_samples_aggregated_total", len(names))
    assert {n for n in page.families if n.startswith("timer")} == {n.replace(".", "_") for n in names}
