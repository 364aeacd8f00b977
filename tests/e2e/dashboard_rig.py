"""Servers, Redis and a Prometheus for the dashboards and rules of contrib/: every metric that these ask for has a value."""
import contextlib
import json
import os
import random
import socket
import threading

from certificates import Certs
from harness import SLOW, TOP, Redis, Server, wait_for
from test_prometheus import Prometheus

RULES = [os.path.join(TOP, "contrib", "prometheus", name) for name in ("recording.yml", "alerts.yml")]
# endpoint, method, status, share, milliseconds: what contrib/examples/flask/app.py sends of them
REQUESTS = [("index", "GET", 200, 40, 2), ("order", "GET", 200, 30, 8), ("order_new", "POST", 201, 10, 20), ("slow", "GET", 200, 8, 55),
            ("broken", "GET", 500, 2, 3), ("none", "GET", 404, 5, 1)]
GUNICORN = "|#service:shop,env:dev"
# What goes wrong now and then: reasons, limits, names of two types.
ODD = ["jobs:1|q", "queue:x|g", "level:1|c", "level:1|g", "statsd_mine:1|c", "tagged:1|c|#:x"]


def gunicorn_request(status, ms, prefix="shop"):
    return ["%s.gunicorn.requests:1|c|@1.0%s" % (prefix, GUNICORN), "%s.gunicorn.request.status.%d:1|c|@1.0%s" % (prefix, status, GUNICORN),
            "%s.gunicorn.request.duration:%.3f|ms%s" % (prefix, ms, GUNICORN), "%s.gunicorn.workers:2|g%s" % (prefix, GUNICORN)]


def flask_request(dice, service="shop"):
    """The lines of one request, of the app and of gunicorn."""
    endpoint, method, status, _, ms = dice.choices(REQUESTS, [r[3] for r in REQUESTS])[0]
    took = ms * dice.lognormvariate(0, 0.35)
    tags = "service:%s,endpoint:%s,method:%s,status:%d" % (service, endpoint, method, status)
    lines = ["http.requests:1|c|#" + tags, "http.request.duration:%.3f|ms|#%s" % (took, tags)]
    if endpoint == "order_new":
        lines.append("orders.created:1|c|#service:" + service)
    return lines + gunicorn_request(status, took + 0.4)


class Load:
    """Requests to servers in turn, as long as its `with` lasts."""

    def __init__(self, servers, per_second=100):
        self.servers, self.pause, self.over = servers, 1 / per_second, threading.Event()

    def run(self):
        dice, i = random.Random(1), 0
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(s.sender()) for s in self.servers]
            stream = stack.enter_context(socket.create_connection(self.servers[0].address("tcp").rsplit(":", 1)))
            while not self.over.wait(self.pause):
                i += 1
                to = sockets[i % len(sockets)]
                to.send("\n".join(flask_request(dice)).encode())
                if i % 50 == 0:
                    to.send("\n".join(ODD).encode())
                    to.send(b"_e{6,4}:Deploy|v2.3|t:success\n_sc|db.up|0|h:db-1")
                if i % 25 == 0:
                    # An id as a tag, which limits.max_series_per_name ends.
                    to.send(b"carts:1|c|#cart:%d" % i)
                if i % 5 == 0:
                    # Another application with the same tags: only its name tells it apart.
                    to.send("\n".join(gunicorn_request(200, 30, "warehouse")).encode())
                if i % 10 == 0:
                    stream.sendall(b"batch.rows:%d|c\n" % (i % 90))

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


class Jobs(Prometheus):
    """A Prometheus with several jobs, {name: (path, targets)}, itself as one more that is no statsd, and with the rules of contrib/."""

    def __init__(self, dir, jobs):
        super().__init__(dir, [])
        self.jobs = {**jobs, "prometheus": ("/metrics", [self.address])}
        self.targets = [t for _, targets in self.jobs.values() for t in targets]
        with open(self.config, "w") as f:
            json.dump({"global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}, "rule_files": RULES,
                       "scrape_configs": [{"job_name": name, "metrics_path": path, "static_configs": [{"targets": targets}]}
                                          for name, (path, targets) in self.jobs.items()]}, f)


@contextlib.contextmanager
def rig(dir):
    """The Prometheus: two servers of one fleet (statsd), what they are together (statsd-cluster), and one that makes histograms and has
    suffixes in its names (statsd-histogram), to which the first mirrors."""
    with contextlib.ExitStack() as stack:
        certs = Certs(dir)
        certs.signed("server")
        os.mkdir(os.path.join(dir, "redis"))
        redis = stack.enter_context(Redis(os.path.join(dir, "redis")))
        third = stack.enter_context(Server("prometheus.observer_type=histogram", "prometheus.suffixes=on", interval="1s"))
        first = stack.enter_context(Server(
            redis.url, "server.instance=web-1", "mirror.to=udp://%s:%d" % third.udp(), "capture.dir=" + dir, "capture.start=on",
            "limits.max_series_per_name=30", interval="1s", sockets=["udp://127.0.0.1:0", "tcp://127.0.0.1:0", certs.url()]))
        second = stack.enter_context(Server(redis.url, "server.instance=web-2", interval="1s"))
        stack.enter_context(Load([first, second]))
        jobs = {"statsd": ("/metrics", [first.http_addr(), second.http_addr()]), "statsd-histogram": ("/metrics", [third.http_addr()]),
                "statsd-cluster": ("/cluster/metrics", [first.http_addr()])}
        # The fleet's page is there when Redis has something.
        wait_for(lambda: first.get("/cluster/metrics")[0] == 200, "the fleet's page", 20 * SLOW, every=0.1)
        prometheus = stack.enter_context(Jobs(dir, jobs))
        # What a picture calls the ports that the kernel chose.
        prometheus.sockets = {"%s:%d" % s.udp(): "*:8125" for s in (first, second)}
        prometheus.first = first
        prometheus.sockets.update({first.address("tcp", i): "*:%d" % (8125 + i) for i in range(2)})
        yield prometheus
