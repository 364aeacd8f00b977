"""Reload: another mapping and other options in the running server, and not a sample lost."""
import signal
import threading

import pytest

from harness import LONG, SLOW, Paced, Server, metrics_balance, vm_rss, wait_for


class Reloading:
    """A server with a mapping file and a config file that can be written again."""

    def __init__(self, dir, mapping, *settings, **more):
        self.path, self.config = dir + "/mapping.yml", dir + "/statsd.conf"
        self.write(mapping)
        self.options()
        self.server = Server("prometheus.mapping=" + self.path, "http.lifecycle=on", *settings, config=self.config, **more)

    def write(self, mapping):
        with open(self.path, "w", encoding="utf-8") as f:
            f.write("mappings:\n" + mapping if mapping else "")

    def options(self, text=""):
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text)

    def __enter__(self):
        return self.server.__enter__(), self

    def __exit__(self, *why):
        return self.server.__exit__(*why)

    def reload(self, mapping=None, post=False):
        """Until it is in force."""
        if mapping is not None:
            self.write(mapping)
        n = len(self.server.logged("reloaded"))
        if post:
            assert self.server.get("/-/reload", "POST")[0] == 200
        else:
            self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(self.server.logged("reloaded")) > n, "the reload")
        return self.server.logged("reloaded")[n]

    def refused(self):
        n = self.server.scrape().sum("statsd_reloads_failed_total")
        self.server.process.send_signal(signal.SIGHUP)
        page = self.server.wait_self("statsd_reloads_failed_total", n + 1)
        assert page.value("statsd_last_reload_successful") == 0
        return [l["error"] for l in self.server.logged("reload refused")]


def rule(match, name, **more):
    return "- match: \"%s\"\n  name: \"%s\"\n%s" % (match, name, "".join("  %s: %s\n" % kv for kv in more.items()))


@pytest.mark.parametrize("post", [False, True], ids=["HUP", "POST"])
def test_known_series_move_and_what_is_unchanged_keeps_its_value(dir, post):
    with Reloading(dir, rule("a.*", "old_${1}", help="before")) as (s, r):
        s.send("a.n:5|c\na.g:7|g\nk:3|c\na.d:1|c")
        assert s.scrape().value("old_n") == 5
        said = r.reload(rule("a.d", "x", action="drop") + rule("a.*", "new_${1}", help="after", labels="{ by: rule }"), post)
        assert (said["mapping_rules"], said["series_moved"], said["series_dropped"]) == ("2", "2", "1")
        page = s.scrape()
        assert page.value("new_g", by="rule") == 7 and page.value("new_n", by="rule") == 0 and page.value("k") == 3
        assert b"old_" not in s.page() and b"# HELP new_g after\n" in s.page()
        s.send("a.n:2|c\na.g:+1|g\nk:1|c\na.d:1|c")
        page = s.scrape()
        assert (page.value("new_n", by="rule"), page.value("new_g", by="rule"), page.value("k")) == (2, 8, 4)
        assert page.sum("statsd_samples_dropped_total") == 1
        assert page.value("statsd_last_reload_successful") == 1 and page.sum("statsd_reloads_total") == 1
        metrics_balance(page)


def test_options_of_the_config_change_what_is_shown(dir):
    with Reloading(dir, "") as (s, r):
        s.send("t:5|h\nk:3|c")
        assert s.scrape().value("t", quantile="0.99") == 5
        r.options("[prometheus]\nobserver_type = histogram\nbuckets = 1,10\n[aggregate]\nttl = 1h\n")
        assert r.reload()["options_for_next_start"] == "0"
        s.send("t:5|h")
        page = s.scrape()
        assert page.value("t_bucket", le="1") == 0 and page.value("t_bucket", le="10") == 1 and page.value("k") == 3
        r.options("[aggregate]\nquantiles = 0.25\n[limits]\nmax_tags = 7\n")
        assert r.reload()["options_for_next_start"] == "1"
        assert [l["key"] for l in s.logged("option changes at the next start")] == ["max_tags"]
        s.send("t:5|h")
        page = s.scrape()
        assert page.value("t", quantile="0.25") == 5 and page.value("t_count") == 1


def test_a_bad_mapping_leaves_the_old_one_in_force_and_every_mistake_is_told(dir):
    with Reloading(dir, rule("a", "x")) as (s, r):
        s.send("a:1|c")
        r.write(rule("b*c", "x") + rule("fine", "y") + rule("c", "bad-name"))
        told = "\n".join(r.refused())
        assert "mapping.yml:2" in told and "mapping.yml:7" in told, told
        r.write("  nothing: [of, this")
        r.refused()
        s.send("a:1|c")
        page = s.scrape()
        assert page.value("x") == 2 and page.sum("statsd_reloads_total") == 0
        assert page.value("statsd_mapping_rules") == 1
        r.reload(rule("a", "y"))
        s.send("a:1|c")
        page = s.scrape()
        assert page.value("y") == 1 and page.value("statsd_last_reload_successful") == 1


def test_a_hail_of_signals_ends_with_the_last_mapping(dir):
    with Reloading(dir, rule("a", "x0")) as (s, r):
        s.send("a:4|g")
        for i in range(1, 40):
            r.write(rule("a", "x%d" % i))
            s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: s.scrape().value("x39") == 4, "the last mapping")


def mapping(i):
    """Every one moves something, now and then to where it was two before."""
    bounds = [1 + i % 3, 10, 100 + i % 2]
    text = rule("load.c", "c%d" % (i % 4), labels="{ step: \"%d\" }" % (i % 3))
    text += rule("load.g", "g%d" % (i % 2))
    text += rule("load.t", "t%d" % (i % 2), observer_type=["histogram", "summary"][i % 5 == 0],
                 **({} if i % 5 == 0 else {"histogram_options": "{ buckets: %s }" % bounds}))
    text += rule("load.d", "d", **({"action": "drop"} if i % 2 else {}))
    return text + "".join(rule("other.%d.*" % n, "o_${1}") for n in range(i % 7 * 50))


def test_a_hundred_reloads_under_load_lose_no_sample(dir, redis):
    reloads, sent, over = (400 if LONG else 100), [0], threading.Event()
    line = b"load.c:3|c\nload.g:%d|g\nload.t:7:9|ms\nload.d:1|c\nkept:2|c\nload.s:m|s"
    memory = []
    with Reloading(dir, mapping(0), redis.url, "server.workers=2") as (s, r):
        def load():
            paced = Paced(s, 100)
            while not over.is_set():
                paced.send(line % paced.sent)
                sent[0] = paced.sent
            paced.settle()
        sender = threading.Thread(target=load)
        sender.start()
        try:
            for i in range(1, reloads + 1):
                r.reload(mapping(i), post=i % 3 == 0)
                if i in (reloads // 4, reloads):
                    memory.append(vm_rss(s.process.pid))
        finally:
            over.set()
            sender.join()
        page = s.scrape()
        n = sent[0]
        assert n > reloads
        assert page.sum("statsd_reloads_total") == reloads
        assert page.sum("statsd_datagrams_received_total") == n and page.sum("statsd_udp_kernel_drops_total") == 0
        assert metrics_balance(page) == 6 * n
        assert page.sum("statsd_samples_rejected_total") == page.sum("statsd_samples_refused_total") == 0
        assert page.value("kept") == 2 * n          # no rule: its line never moved
        assert page.value("g%d" % (reloads % 2)) == n - 1
        dropped = page.sum("statsd_samples_dropped_total")
        assert 0 < dropped < n
        assert memory[1] - memory[0] < 4 << 20 or SLOW > 1, memory   # a sanitizer keeps what was freed
    totals = redis.totals()
    assert (totals["load.c"], totals["kept"], totals["load.d"]) == (3 * n, 2 * n, n - dropped)
    assert redis.timer("load.t")[:2] == [2 * n, 16 * n]
