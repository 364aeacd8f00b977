"""Events and service checks: counted by kind, the statuses on /metrics, and what a flood of them does."""
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from harness import Server, wait_for
from test_openmetrics import OPENMETRICS

pytestmark = pytest.mark.answers

STATUS = "statsd_service_check_status"


def by_label(page, name, label):
    return {dict(labels)[label]: v for labels, v in page.all(name).items()}


def statuses(page):
    return {(dict(labels)["check"], dict(labels).get("host", "")): v for labels, v in page.all(STATUS).items()}


def test_events_are_counted_by_alert_type_and_checks_by_status():
    with Server() as s:
        s.send("_e{1,1}:a|b", "_e{1,1}:a|b|t:error\n_e{1,1}:a|b|t:error|t:nonsense", "_e{1,1}:a|b|t:warning", "_e{1,1}:a|b|t:success",
               "_e{1,1}:a|b|t:ERROR", "_sc|x|0\n_sc|x|0", "_sc|x|1", "_sc|x|2", "_sc|x|3", "_sc|x|4", "_e{9,9}:a|b")
        page = s.wait_self("statsd_lines_received_total", 13)
    assert by_label(page, "statsd_events_total", "alert_type") == {"error": 2, "warning": 1, "info": 2, "success": 1}
    assert by_label(page, "statsd_service_checks_total", "status") == {"ok": 2, "warning": 1, "critical": 1, "unknown": 1}
    assert by_label(page, "statsd_events_dropped_total", "reason") == {"ring_full": 0}
    assert by_label(page, "statsd_service_checks_dropped_total", "reason") == {"ring_full": 0}
    assert statuses(page) == {}        # prometheus.service_checks is off


@pytest.mark.parametrize("workers", [1, 3])
def test_the_page_has_the_status_that_was_sent_before_the_request(workers):
    with Server("prometheus.service_checks=on", "server.workers=%d" % workers) as s, s.sender() as c:
        for i in range(40):
            c.send(b"_sc|db.up|%d|h:web-1" % (i % 4))
            assert statuses(s.scrape()) == {("db.up", "web-1"): i % 4}


def test_of_several_senders_the_last_status_counts_whichever_worker_read_it():
    with Server("prometheus.service_checks=on", "server.workers=3") as s:
        senders = [s.sender() for _ in range(8)]
        try:
            for i in range(200):
                senders[i % 8].send(b"_sc|db.up|%d|h:web-1" % (i % 3))
                if i % 10 == 9:
                    s.wait_self("statsd_service_checks_total", i + 1)
                    assert statuses(s.scrape())["db.up", "web-1"] == i % 3
        finally:
            for c in senders:
                c.close()


def test_the_host_is_the_field_or_else_the_tag_or_else_empty():
    with Server("prometheus.service_checks=on") as s:
        s.send("_sc|a|1|h:field|#host:tag,x:y", "_sc|b|2|#x:y,host:tag", "_sc|c|3|#host:,hosts:no|m:h:message", "_sc|d|0")
        page = s.wait_self("statsd_service_checks_total", 4)
    assert statuses(page) == {("a", "field"): 1, ("b", "tag"): 2, ("c", ""): 3, ("d", ""): 0}


def test_every_format_shows_names_and_hosts_as_they_were_sent():
    names = ['quote"d', "back\\slash", "c:\\new", "curly{}", "ümlaut", "a=b,c", "tab\there", "http.can_connect"]
    with Server("prometheus.service_checks=on") as s:
        for i, name in enumerate(names):
            s.send("_sc|%s|%d|h:%s" % (name, i % 4, name[::-1]))
        text = s.wait_self("statsd_service_checks_total", len(names))
        want = {(n.replace("\t", "_"), n[::-1].replace("\t", "_")): i % 4 for i, n in enumerate(names)}
        assert statuses(text) == want
        body = s.get("/metrics", headers={"Accept": OPENMETRICS})[2].decode()
        family, = (f for f in text_string_to_metric_families(body) if f.name == STATUS)
        assert family.type == "gauge"
        assert {(x.labels["check"], x.labels["host"]): x.value for x in family.samples} == want
        protobuf = s.get("/metrics", headers={"Accept": "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                                                        "encoding=delimited"})[2]
        for check, host in want:
            for text in (check, host):
                assert b"\x12" + bytes([len(text.encode())]) + text.encode() in protobuf


def test_at_most_a_thousand_statuses_are_shown_and_the_rest_is_counted():
    with Server("prometheus.service_checks=on") as s:
        for at in range(0, 1010, 10):
            s.send("\n".join("_sc|check.%d|1|h:h" % i for i in range(at, at + 10)))
            s.wait_self("statsd_service_checks_total", at + 10)
        s.send("_sc|check.0|2|h:h", "_sc|%s|0" % ("x" * 600))
        page = s.wait_self("statsd_service_checks_total", 1012)
    got = statuses(page)
    assert len(got) == 1000 and got["check.0", "h"] == 2 and got["check.999", "h"] == 1
    assert by_label(page, STATUS + "_refused_total", "reason") == {"limit": 10, "too_long": 1}


def test_a_status_that_was_not_sent_for_the_ttl_goes():
    with Server("prometheus.service_checks=on", "aggregate.ttl=1s") as s:
        s.send("_sc|db.up|1|h:web-1")
        s.wait_self("statsd_service_checks_total", 1)
        wait_for(lambda: statuses(s.scrape()) == {}, "the status is gone")
        s.send("_sc|db.up|2|h:web-1")
        wait_for(lambda: statuses(s.scrape()) == {("db.up", "web-1"): 2}, "the status is back")


def test_a_metric_of_a_client_cannot_take_the_name():
    with Server() as s:
        s.send(STATUS + ":7|g|#check:forged,host:h")
        page = s.wait_self("statsd_reserved_names_total", 1)
    assert statuses(page) == {}


def test_more_events_than_a_worker_can_hold_are_dropped_and_counted(dir):
    """A turn reads all that the kernel holds before the control thread takes an event."""
    with Server(sockets=["unixgram://%s/dsd.sock" % dir]) as s, s.sender(unix=True) as c:
        event = "_e{1,8000}:t|" + "x" * 8000
        sent = 0
        while s.scrape().sum("statsd_events_dropped_total") == 0:
            for _ in range(100):
                c.send(event.encode())
                c.send(b"_sc|db|0\n_sc|db|0")
                sent += 1
            assert sent < 100000
        page = s.wait_self("statsd_service_checks_total", 2 * sent)
        assert page.sum("statsd_events_total") == sent
        assert page.sum("statsd_events_dropped_total") < sent
