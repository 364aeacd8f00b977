#!/usr/bin/python3
"""The page with invented data: a server that speaks what the page asks of /api/v1/, for the look of it and for screenshots.

    page_demo.py [--port N] [--no-redis] [--empty]      serves src/web/page/ as it is on disk: no build in between

Its names are as hostile as strangers' are.  The paths and headers are those of the real server.
"""
import argparse
import http.server
import json
import math
import os
import random
import threading
import time
import urllib.parse

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PAGE = os.path.join(TOP, "src", "web", "page")
DYGRAPHS = "/usr/share/javascript/dygraphs/dygraph.min.js"
CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
       "form-action 'none'; frame-ancestors 'none'")
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}
COLUMNS = ["at_s", "datagrams", "bytes", "lines", "aggregated", "events", "checks", "rejected", "refused", "dropped", "kernel_dropped", "series", "exposed",
           "redis_spool_batches", "redis_lag_s", "cpu_percent", "rss_bytes", "streams"]
HOSTILE = ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "مرحبا.طلبات", "\u202egnirts.desrever", "x" * 200]
NAMES = ["api.requests", "api.latency", "web.page_views", "db.query_time", "cache.hits", "cache.misses", "queue.depth", "worker.jobs", "auth.logins",
         "checkout.total", "search.latency", "kafka.lag"]
TYPE_OF = {"api.latency": "timer", "db.query_time": "distribution", "search.latency": "histogram", "queue.depth": "gauge", "kafka.lag": "gauge",
           "auth.logins": "set"}
STARTED = time.time() - 183_000


def wave(at, period, low, high):
    return low + (high - low) * (0.5 + 0.5 * math.sin(at * 2 * math.pi / period))


def second(at, redis):
    noise = random.Random(int(at))
    lines = wave(at, 400, 180_000, 310_000) * noise.uniform(0.96, 1.04)
    burst = 1 if int(at) % 300 < 20 else 0
    rejected = noise.randint(20, 90) + burst * noise.randint(1500, 2600)
    refused = noise.randint(0, 30)
    events, checks = noise.randint(0, 9), noise.randint(0, 3)
    dropped = noise.randint(400, 900) if int(at) % 450 < 8 else 0
    row = [at, lines / 16, lines * 31, lines, lines - rejected - refused - events - checks, events, checks, rejected, refused, 0, dropped, 48_211, 51_840]
    row += [noise.randint(0, 2) + burst * 6, noise.uniform(0.02, 0.2) + burst * 1.5] if redis else [0, 0]
    return [round(v, 3) for v in row + [lines / 4200, 212e6 + wave(at, 700, 0, 18e6), 2]]


class Demo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def answer(self, status, kind, body, gone=False):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def json(self, value, status=200):
        self.answer(status, "application/json", json.dumps(value).encode())

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        args = dict(urllib.parse.parse_qsl(url.query))
        name = url.path.removeprefix("/api/v1/")
        if url.path.startswith("/api/v1/") and hasattr(self, "api_" + name):
            return getattr(self, "api_" + name)(args)
        self.file("index.html" if url.path == "/" else os.path.basename(url.path))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        text = "%s\n%s^ unknown type letter: %s\n" % (body, " " * body.find("|"), "one of c g ms h d s") if "|z" in body else "%s\n  counter, value 1\n" % body
        self.json({"samples": [], "errors": 0, "text": text})

    def file(self, name):
        path = DYGRAPHS if name == "dygraph.js" else os.path.join(PAGE, "licenses.txt" if name == "licenses" else name)
        if not os.path.exists(path):
            return self.answer(404, "text/plain", b"not found\n")
        with open(path, "rb") as f:
            self.answer(200, TYPES[os.path.splitext(path)[1]] + "; charset=utf-8", f.read())

    # --- the paths

    def api_status(self, args):
        lines = 41_220_801_377
        redis = {"state": "connected", "applied_series": 9_120_334, "dropped_series": 0, "spool_bytes": 0, "spool_batches": 1, "lag_s": 0.08}
        self.json({"version": "0.1.0", "instance": "edge-7", "pid": 4711, "started_s": STARTED, "uptime_s": time.time() - STARTED, "state": "running",
                   "interval_s": 10, "config": {"file": "/etc/statsd/statsd.conf", "options": {
                       "server.interval": "10s", "listen.socket": "udp://0.0.0.0:8125", "limits.max_series": "1000000", "http.listen": "0.0.0.0:9102",
                       "redis.url": "redis://redis.internal:6379", "redis.password_file": "***", "prometheus.mapping": ""}},
                   "listeners": [{"url": "udp://0.0.0.0:8125", "proto": "udp", "addr": "0.0.0.0:8125", "datagrams": 2_576_300_086, "bytes": 1_277_844_842_687,
                                  "connections": 0, "kernel_dropped": 5120, "receive_buffer_bytes": 33554432},
                                 {"url": "unixgram:///run/statsd/dsd.sock", "proto": "unixgram", "addr": "/run/statsd/dsd.sock", "datagrams": 88_120_553,
                                  "bytes": 9_277_844_842, "connections": 0, "kernel_dropped": 0, "receive_buffer_bytes": 212992},
                                 {"url": "tcp://0.0.0.0:8125", "proto": "tcp", "addr": "0.0.0.0:8125", "datagrams": 40_512, "bytes": 18_311_002,
                                  "connections": 12, "kernel_dropped": 0, "receive_buffer_bytes": 131072}],
                   "workers": [{"worker": i, "datagrams": lines // 48, "lines": lines // 3 + i, "bytes": 10, "cpu_s": 41_000 + i * 300} for i in range(3)],
                   "series": 48_211, "exposed": 51_840, "limits": {"max_series": 1_000_000}, "redis": redis if self.server.redis else None,
                   "capture": None, "mirror": None, "streams": {"open": 2, "max": 64}})

    def api_conservation(self, args):
        self.json({"at_s": time.time(), "kernel_dropped": 5120, "datagrams": 2_664_461_151, "difference": 0,
                   "lines": {"received": 41_220_801_377, "aggregated": 41_219_866_224, "events": 512_031, "checks": 31_110, "rejected": 311_982,
                             "refused": 80_030, "dropped": 0},
                   "rejected": {"bad_value": 211_980, "no_type": 90_002, "bad_rate": 10_000}, "refused": {"series_limit": 80_030}})

    def api_timeline(self, args):
        now = time.time() // 10 * 10
        self.json({"flushes": [{"start_s": now - 10 * i, "series": 31_000 + i, "samples": 2_400_000, "closed_ms": 4.2} for i in range(9, -1, -1)],
                   "redis": [{"at_s": now - 312, "what": "lost", "text": "connection reset by peer"}, {"at_s": now - 310, "what": "connected", "text": ""}]
                   if self.server.redis else [],
                   "kernel_drops": [{"at_s": now - 120, "addr": "0.0.0.0:8125", "dropped": 5120}]})

    def api_top(self, args):
        by, names = args.get("by", "samples"), NAMES[:5] + HOSTILE[:3] + NAMES[5:7]
        rows = {"samples": [{"name": n, "samples_per_second": 61_000 / (i + 1) * random.uniform(.97, 1.03), "error": 0.02} for i, n in enumerate(names)],
                "series": [{"name": n, "series": 12_000 // (i + 1)} for i, n in enumerate(names)],
                "tags": [{"tag": t, "values": 9_000 // (i * i + 1), "name": (names[:4] + HOSTILE[4:])[i]} for i, t in enumerate(["user_id", "path", "pod", "host", "env"])],
                "sender": [{"sender": s, "samples_per_second": 80_000 / (i + 1), "datagrams_per_second": 5_000 / (i + 1), "error": 0.03}
                           for i, s in enumerate(["10.0.0.7", "container:3f9ac01", "10.0.4.19", "unix:pid 4242", "2001:db8::17"])]}
        self.json({"by": by, "share": 0.03125 if by in ("samples", "sender") else 1, "window_s": 60, "top": [] if self.server.empty else rows[by]})

    def api_series(self, args):
        if args.get("regex", "").count("(") != args.get("regex", "").count(")"):
            return self.json({"error": "missing closing parenthesis at offset %d" % len(args["regex"]), "argument": "regex"}, 400)
        pattern = (args.get("match") or args.get("regex") or "*").strip("*.").split("|")[0]
        names = [n for n in NAMES + HOSTILE if pattern in n and not self.server.empty]
        found = [self.one_series(n, i) for i, n in enumerate(names)]
        found = [s for s in found if args.get("type") in (None, s["type"])]
        self.json({"series": found, "matched": len(found) * 2817 if pattern == "" else len(found), "scanned": 48_211, "took_ms": 6.1,
                   **({"next": "c25"} if pattern == "" and "after" not in args else {})})

    def one_series(self, name, i):
        kind, now = TYPE_OF.get(name, "counter"), time.time()
        s = {"name": name, "tags": ["env:prod", "host:web-%d" % (i % 4)] + (["user:<b>bold</b>"] if name in HOSTILE else []), "type": kind,
             "value": round(now % 100_000 * (i + 3)) if kind == "counter" else round(wave(now + i * 9, 60, 10, 90), 2), "last_seen_s": now - i % 3,
             "samples_per_second": 4000 / (i + 1), "rule": "api.*" if name.startswith("api") else None, "exposed": [name.replace(".", "_")]}
        if kind in ("timer", "histogram", "distribution"):
            s.update(value=None, count=12_000, sum=99_000, p50=wave(now + i, 50, 8, 14), p99=wave(now, 40, 80, 120))
        if kind == "set":
            s.update(value=None, members=round(wave(now, 40, 400, 700)))
        return s

    def api_rejected(self, args):
        def one(reason, count, *lines):
            return {"reason": reason, "count": count, "per_second": count / 9000, "latest": [
                {"at_s": time.time() - 3 * i, "line": l, "at": at, "length": len(l.encode()), "listener": "udp://0.0.0.0:8125", "from": "10.0.0.7:40112"} for i, (l, at) in enumerate(lines)]}
        reasons = [one("bad_value", 211_980, ("api.latency:12,5|ms|#env:prod", 12), ("<script>alert(1)</script>:x|c", 26)),
                   one("no_type", 90_002, ("page.views:1", 12), ("الزيارات:1", 17)), one("bad_rate", 10_000, ("a" * 120 + ":1|c|@zero", 125))]
        self.json({"reasons": [] if self.server.empty else reasons, "shown": True})

    def events(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def send(self, event, value):
        self.wfile.write(("event: %s\nid: %d\ndata: %s\n\n" % (event, time.time(), json.dumps(value))).encode())
        self.wfile.flush()

    def api_stream(self, args):
        self.events()
        now = time.time() // 1
        with self.server.streams:
            try:
                n = 0 if self.server.empty else 900
                self.send("history", {"step_s": 1, "columns": COLUMNS, "rows": [second(now - i, self.server.redis) for i in range(n, -1, -1)]})
                while self.server.running:
                    time.sleep(1)
                    self.send("second", dict(zip(COLUMNS, second(time.time() // 1, self.server.redis))))
            except OSError:
                pass

    def api_tail(self, args):
        self.events()
        try:
            while self.server.running:
                for name in random.sample(NAMES, 3) + HOSTILE[:1]:
                    self.send("line", {"at_s": time.time(), "line": "%s:%d|c|#env:prod" % (name, random.randint(1, 99)), "from": "10.0.0.7", "listener": "udp", "share": 1})
                    time.sleep(0.1)
                self.send("skipped", {"lines": 1200})
        except OSError:
            pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 64

    def __init__(self, port=0, redis=True, empty=False):
        super().__init__(("127.0.0.1", port), Demo)
        self.redis, self.empty, self.running, self.streams = redis, empty, True, threading.Semaphore(64)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *why):
        self.running = False
        self.shutdown()
        self.server_close()

    @property
    def url(self):
        return "http://127.0.0.1:%d/" % self.server_address[1]


if __name__ == "__main__":
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("--port", type=int, default=9199)
    flags.add_argument("--no-redis", action="store_true")
    flags.add_argument("--empty", action="store_true")
    given = flags.parse_args()
    server = Server(given.port, not given.no_redis, given.empty)
    print(server.url, flush=True)
    server.serve_forever()
