"""What a Prometheus draws that scrapes nothing but /cluster/metrics of one server: the increase() of each counter, by its rules."""
import collections
import contextlib
import http.client
import threading

import exposition
from harness import SLOW

EVERY_S = 0.5
COUNTED = "chaos_c_", "chaos_t_"


class Drawn(threading.Thread):
    """increase: {(name, labels): what the counter grew by}; falls: how often one was lower than before, which Prometheus takes for a
    counter that began anew; refused: answers of another status than 200."""

    def __init__(self, instance):
        super().__init__(daemon=True, name="scraper of /cluster/metrics")
        self.instance, self.lock, self.over = instance, threading.Lock(), threading.Event()
        self.last, self.increase = {}, collections.Counter()
        self.answers = self.falls = self.refused = 0
        self.error = None

    def run(self):
        try:
            while not self.over.wait(EVERY_S * SLOW):
                self.scrape()
        except Exception as e:      # noqa: BLE001: told by whoever asks what was drawn
            self.error = e

    def scrape(self):
        """One scrape more.  A server that is down does not answer, and that is no answer."""
        with self.lock, contextlib.suppress(OSError, http.client.HTTPException):
            status, _, body = self.instance.server.get("/cluster/metrics", timeout=10 * SLOW)
            if status == 200:
                self.take(exposition.parse(body).samples)
            elif status != 404:
                self.refused += 1

    def take(self, samples):
        self.answers += 1
        for key, value in samples.items():
            name = key[0]
            if not name.startswith(COUNTED) or name.startswith(COUNTED[1]) and not name.endswith("_count"):
                continue
            before = self.last.get(key, 0)
            self.falls += value < before
            self.increase[key] += value - before if value >= before else value
            self.last[key] = value

    def unlike(self, wanted):
        """[(key, drawn, wanted)] of {key: increase}; after it each is taken to be as wanted."""
        with self.lock:
            out = [(key, self.increase[key], v) for key, v in wanted.items() if self.increase[key] != v]
            self.increase.update({key: v - self.increase[key] for key, v in wanted.items()})
            return out
