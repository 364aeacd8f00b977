"""gunicorn and uwsgi with the Flask app of contrib/examples, as a user would run them; the values are known."""
import contextlib
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

import harness
from harness import SLOW, TOP, Server, wait_for

APP = os.path.join(TOP, "contrib", "examples", "flask")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def request(port, path, method="GET"):
    try:
        with urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:%d%s" % (port, path), method=method), timeout=10) as r:
            return r.status
    except urllib.error.HTTPError as e:
        return e.code
    except OSError:
        return None


@contextlib.contextmanager
def running(words, port, dir, server):
    """An app server in front of the Flask app; every process of its group is gone at the end."""
    env = {**harness.clean_env(), "STATSD_ADDRESS": "%s:%d" % server.udp(), "PYTHONDONTWRITEBYTECODE": "1"}
    log = open(os.path.join(dir, "app.log"), "w+")
    p = subprocess.Popen(words, cwd=APP, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for(lambda: p.poll() is not None or request(port, "/healthz") == 404, "the app to answer", 20 * SLOW)
        assert p.poll() is None, open(log.name).read()[-3000:]
        yield p
    except BaseException:
        print(open(log.name).read()[-3000:])
        raise
    finally:
        harness.stop(p)
        log.close()


def traffic(port):
    """7 requests good and bad; what each means in series."""
    for i in range(3):
        assert request(port, "/orders/%d" % i) == 200
    assert request(port, "/orders", "POST") == 201
    assert request(port, "/slow") == 200
    assert request(port, "/broken") == 500
    assert request(port, "/nowhere") == 404


RED = [(dict(endpoint="order", method="GET", status="200"), 3), (dict(endpoint="order_new", method="POST", status="201"), 1),
       (dict(endpoint="slow", method="GET", status="200"), 1), (dict(endpoint="broken", method="GET", status="500"), 1)]


def check_red(page):
    for labels, n in RED:
        labels["service"] = "shop"
        assert page.value("http_requests", **labels) == n, labels
        assert page.value("http_request_duration_count", **labels) == n, labels
    slow = page.value("http_request_duration_sum", **RED[2][0])
    assert 0.05 <= slow < 5 * SLOW
    assert page.value("orders_created", service="shop") == 1
    assert page.sum("statsd_samples_rejected_total") == 0
    assert page.sum("statsd_tag_errors_total") == 0


def test_flask_under_gunicorn_is_on_the_page_and_in_redis(dir, redis):
    port = free_port()
    with Server(redis.url) as s:
        words = ["gunicorn", "--statsd-host", "%s:%d" % s.udp(), "--statsd-prefix", "shop", "--dogstatsd-tags", "service:shop,env:dev", "-w", "2",
                 "-b", "127.0.0.1:%d" % port, "app:app"]
        with running(words, port, dir, s):
            traffic(port)
            tags = dict(service="shop", env="dev")
            # gunicorn's own lines come after the response; 404s of the wait for the start are counted, too.
            wait_for(lambda: s.scrape().value("shop_gunicorn_request_status_500", **tags) == 1, "gunicorn's last line")
            page = s.scrape()
            check_red(page)
            assert page.value("shop_gunicorn_request_status_200", **tags) == 4
            assert page.value("shop_gunicorn_request_status_201", **tags) == 1
            total = page.value("shop_gunicorn_requests", **tags)
            assert total == page.value("shop_gunicorn_request_duration_count", **tags) == 6 + page.value("shop_gunicorn_request_status_404", **tags)
            # gunicorn's master tells this once a second, in its own time.
            wait_for(lambda: s.scrape().value("shop_gunicorn_workers", **tags) == 2, "gunicorn's count of workers", 20 * SLOW)
            key = "http.requests|#endpoint:order,method:GET,service:shop,status:200"
            wait_for(lambda: redis.total("c", key) == 3, "3 orders in Redis")
            timer = wait_for(lambda: redis.timer(key.replace("requests", "request.duration")), "their durations in Redis")
            assert timer[0] == 3 and 0 < timer[2] <= timer[3]
            wait_for(lambda: redis.total("c", "shop.gunicorn.requests|#env:dev,service:shop") == total, "gunicorn's count in Redis")
            wait_for(lambda: redis.total("g", "shop.gunicorn.workers|#env:dev,service:shop") == 2, "gunicorn's workers in Redis")


def uwsgi():
    # Debian's package of the core has the name of the core.
    return shutil.which("uwsgi-core") or shutil.which("uwsgi")


def test_flask_under_uwsgi_is_on_the_page_and_its_totals_are_not_added_up(dir):
    port = free_port()
    with Server() as s:
        words = [uwsgi(), "--plugins", "python3,stats_pusher_statsd", "--http-socket", "127.0.0.1:%d" % port, "--wsgi-file", "app.py", "--callable", "app",
                 "--master", "--die-on-term", "--enable-metrics", "--stats-push", "statsd:127.0.0.1:%d,shop" % s.udp()[1], "--stats-pushers-default-freq", "1",
                 "--metric", "name=requests,type=gauge,collector=sum,children=worker.0.requests"]
        with running(words, port, dir, s):
            before = wait_for(lambda: s.scrape().value("shop_requests"), "the first push", 20 * SLOW)
            before = s.scrape().value("http_requests", service="shop", endpoint="none", method="GET", status="404")
            traffic(port)
            check_red(s.scrape())
            wait_for(lambda: s.scrape().value("shop_requests") == before + 7, "uwsgi's total", 20 * SLOW)
            pushes = s.scrape().sum("statsd_datagrams_received_total")
            wait_for(lambda: s.scrape().sum("statsd_datagrams_received_total") > pushes + 80, "two more pushes", 20 * SLOW)
            page = s.scrape()
            assert page.value("shop_requests") == before + 7
            # The trap that docs/clients.md tells of: the total sent as a counter is added up again with every push.
            assert page.value("shop_worker_0_requests") > before + 7
            assert page.sum("statsd_samples_rejected_total") == 0


def test_prometheus_answers_rate_errors_and_duration_of_the_flask_app(dir):
    """The three questions of RED, asked of a real Prometheus about a real app."""
    import sys
    sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))
    from test_prometheus import Prometheus
    import threading
    import time
    port = free_port()
    with Server("prometheus.observer_type=histogram") as s, Prometheus(dir, [s.http_addr()]) as p:
        words = ["gunicorn", "--statsd-host", "%s:%d" % s.udp(), "-w", "2", "-b", "127.0.0.1:%d" % port, "app:app"]
        with running(words, port, dir, s):
            sent, end = [0], time.monotonic() + 8

            def ask():
                while time.monotonic() < end:
                    request(port, "/slow")
                    request(port, "/broken" if sent[0] % 4 == 3 else "/orders/7")
                    sent[0] += 1
            t = threading.Thread(target=ask)
            t.start()
            t.join()
            per_second = sent[0] / 8
            rate = p.one('sum(rate(http_requests{endpoint="slow"}[5s]))')
            assert abs(rate / per_second - 1) < 0.25, (rate, per_second)
            errors = p.one('sum(rate(http_requests{status=~"5.."}[5s])) / sum(rate(http_requests{endpoint!="none"}[5s]))')
            assert abs(errors - 1 / 8) < 0.05, errors
            p95 = p.one('histogram_quantile(0.95, sum by (le) (rate(http_request_duration_bucket{endpoint="slow"}[5s])))')
            assert 0.05 <= p95 <= 0.1 * SLOW, p95
