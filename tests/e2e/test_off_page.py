"""What stays off the page is counted, and the log says which name and why, once."""
import pytest

from harness import Server, wait_for

pytestmark = pytest.mark.answers

OF_PROMETHEUS = ["up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
                 "scrape_series_added", "scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes", "ALERTS",
                 "ALERTS_FOR_STATE"]


def off_page(s, reason, n):
    """The log lines of that reason, once there are n."""
    def lines():
        return [l for l in s.logged("off_page") if l["reason"] == reason]
    wait_for(lambda: len(lines()) >= n, "%d lines of %s" % (n, reason))
    return lines()


def test_names_that_prometheus_makes_stay_off_the_page_and_are_told(server):
    server.send(*["%s:0|g" % name for name in OF_PROMETHEUS])
    server.send("scrape.duration:1|ms\nups:1|g")
    page = server.wait_self("statsd_reserved_names_total", len(OF_PROMETHEUS) + 1)
    assert page.lines() == ["ups 1"]
    assert page.sum("statsd_type_conflicts_total") == 0
    told = off_page(server, "reserved", 10)
    assert [l["metric"] for l in told] == OF_PROMETHEUS
    assert {l["type"] for l in told} == {"gauge"}


def test_more_names_than_a_minute_shows_are_counted_in_the_log():
    with Server() as s:
        s.send("\n".join("scrape_%d:1|c" % i for i in range(30)))
        s.wait_self("statsd_reserved_names_total", 30)
    told = off_page(s, "reserved", 11)
    assert [l.get("metric") for l in told] == ["scrape_%d" % i for i in range(10)] + [None]
    assert told[10]["not_shown"] == "20"


def test_an_idle_name_goes_to_the_type_that_is_sent_now():
    """A deploy makes a gauge of what was a counter."""
    with Server("prometheus.type_idle=1s", "server.interval=100ms") as s:
        s.send("jobs:1|c\njobs:7|g")
        s.wait_value("jobs", 1)

        def gauge():
            s.send("jobs:7|g")
            return s.scrape().value("jobs") == 7
        wait_for(gauge, "the gauge on the page")
        assert b"# TYPE jobs gauge\n" in s.page() and b"# TYPE jobs counter" not in s.page()
        s.send("jobs:8|g\njobs:1|c")
        s.wait_value("jobs", 8)
        told = [(l["metric"], l["type"], l["other_type"], l.get("taken_over")) for l in off_page(s, "conflict", 2)]
        assert told == [("jobs", "gauge", "counter", None), ("jobs", "counter", "gauge", "true")]


def test_a_conflict_is_logged_once_with_both_types(server):
    server.send("jobs:1|c\njobs:7|g", "jobs:7|g|#a:b", "api.lat:2|ms\napi.lat.count:1|c")
    server.wait_self("statsd_type_conflicts_total", 3)
    server.send("jobs:8|g\njobs:8|g|#a:b")
    server.wait_self("statsd_type_conflicts_total", 5)
    told = [(l["metric"], l["type"], l["sent"], l["other"], l["other_type"]) for l in off_page(server, "conflict", 2)]
    assert told == [("jobs", "gauge", "jobs", "jobs", "counter"),
                    ("api_lat_count", "counter", "api.lat.count", "api_lat", "summary")]
