"""Events and service checks in Redis: each at least once, a repeat with the id of the first, beside a ledger that stays exact."""
import json
import os
import re
import signal
import threading
import time

import pytest

import harness
from harness import Redis, Server, run, wait_for
from test_redis import Load, unix_server

EVENTS, CHECKS = "{sd:events}:log", "{sd:checks}:log"


def entries(redis, stream):
    """Each entry as a dict of its fields, oldest first."""
    return [{k.decode(): v.decode() for k, v in fields.items()} for _, fields in redis.client.xrange(stream)]


def event(title, text="", more=""):
    title, text = title.replace("\n", "\\n"), text.replace("\n", "\\n")
    return "_e{%d,%d}:%s|%s%s" % (len(title.encode()), len(text.encode()), title, text, more)


class Events:
    """Sends numbered events and checks through a Unix socket until stopped; `sent` is how many of each."""

    def __init__(self, server):
        self.server, self.sent, self.stopped = server, 0, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self

    def _run(self):
        with self.server.sender(unix=True) as c:
            while not self.stopped.is_set():
                c.send(b"%s\n_sc|check.%d|1" % (event("event.%d" % self.sent).encode(), self.sent))
                self.sent += 1
                time.sleep(0.002)

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()


def expect_each(redis, load):
    """Everything that was sent is there; entries of one id are one event.  Returns the number of repeats."""
    repeats = 0
    of_id = {}
    for stream, field, prefix in ((EVENTS, "title", "event."), (CHECKS, "name", "check.")):
        there = entries(redis, stream)
        assert {e[field] for e in there} == {prefix + str(i) for i in range(load.sent)}
        for e in there:
            assert of_id.setdefault(e["id"], e) == e
        repeats += len(there) - load.sent
    assert len(of_id) == 2 * load.sent      # whatever is there twice has one id
    return repeats


def test_every_field_of_an_event_and_of_a_check_is_there(dir, redis):
    before = time.time() * 1000
    with unix_server(dir, redis.url, "server.instance=web-1") as s:
        s.send(event("deploy", "line 1\nline 2", "|d:1700000000|h:db-1|k:agg|p:low|s:jenkins|t:warning|#env:prod,urgent"))
        s.send("_sc|db.up|2|d:1700000001|h:db-2|#env:prod|m:no\\nanswer")
        s.send(event("bare"), "_sc|bare|0")
        wait_for(lambda: len(entries(redis, EVENTS)) == 2 and len(entries(redis, CHECKS)) == 2, "all of them")
        page = s.wait_self("statsd_redis_events_appended_total", 4)
        assert page.sum("statsd_redis_events_waiting") == 0
    got = entries(redis, EVENTS) + entries(redis, CHECKS)
    ids = [e.pop("id") for e in got]
    assert len(set(ids)) == 4 and len({i.split("-")[0] for i in ids}) == 1
    assert sorted(int(i.split("-")[1]) for i in ids) == [1, 2, 3, 4] and all(re.fullmatch(r"[0-9a-f]{32}-\d+", i) for i in ids)
    for e in got:
        assert before - 2000 < int(e.pop("received_ms")) < time.time() * 1000 + 2000
        assert e.pop("instance") == "web-1"
    assert got == [
        {"title": "deploy", "text": "line 1\nline 2", "priority": "low", "alert_type": "warning", "aggregation_key": "agg",
         "source_type": "jenkins", "timestamp": "1700000000", "host": "db-1", "tags": '["env:prod","urgent"]'},
        {"title": "bare", "text": "", "priority": "normal", "alert_type": "info", "tags": "[]"},
        {"name": "db.up", "status": "2", "message": "no\nanswer", "timestamp": "1700000001", "host": "db-2", "tags": '["env:prod"]'},
        {"name": "bare", "status": "0", "tags": "[]"}]


# On the wire, and what is in Redis: control characters are `_` by then, as in every line, and \\n is LF.
HOSTILE = {
    "resp": ("\r$3\\nDEL\r", "_$3\nDEL_"),
    "utf8": ("\u00e4\U0001f600\u2028", "\u00e4\U0001f600\u2028"),
    "json": ('"], "x\\', '"], "x\\'),
    "del": ("a\x01b\x7f\x1bc", "a_b__c"),
    "key": ("{sd:00}:tot", "{sd:00}:tot"),
    "shell": ("'\"`;--$(x)%s%n", "'\"`;--$(x)%s%n"),
    "braces": ("}:_e{1,1}:", "}:_e{1,1}:"),
    "blanks": ("  a  ", "  a  "),
    "long": ("a" * 2000, "a" * 2000),
}


@pytest.mark.parametrize("wire, want", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_in_redis_as_they_were_sent(dir, redis, wire, want):
    tag, want_tag = wire[:1000].replace("\\n", "n"), want[:1000].replace("\n", "n")
    with unix_server(dir, redis.url) as s:
        s.send("_e{%d,%d}:%s|%s|k:%s|#%s|h:x" % (2 * (len(wire.encode()),) + (wire, wire, tag, tag)), "_sc|%s|0|#%s|m:x" % (tag, tag), unix=True)
        wait_for(lambda: len(entries(redis, EVENTS)) == 1 and len(entries(redis, CHECKS)) == 1, "both")
        assert redis.client.dbsize() == 2
    (e,), (c,) = entries(redis, EVENTS), entries(redis, CHECKS)
    assert e["title"] == e["text"] == want
    assert e["aggregation_key"] == c["name"] == want_tag
    assert json.loads(e["tags"]) == json.loads(c["tags"]) == want_tag.split(",")


def test_a_stream_keeps_about_the_newest(dir, redis):
    with unix_server(dir, redis.url, "redis.events_max=200") as s:
        for i in range(1500):
            s.send(event("event.%d" % i), unix=True)
            if i % 100 == 99:
                s.wait_self("statsd_redis_events_appended_total", i + 1)
    titles = [e["title"] for e in entries(redis, EVENTS)]
    assert 200 <= len(titles) <= 300 and titles == ["event.%d" % i for i in range(1500 - len(titles), 1500)]


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_a_redis_that_was_restarted_has_every_event_and_exact_totals(dir, sig):
    with Redis(dir, appendonly=True) as redis:
        with unix_server(dir, redis.url, "redis.events_max=100000") as s:
            with Load(s) as load, Events(s) as events:
                for _ in range(3):
                    time.sleep(0.4)
                    s.wait_value("statsd_redis_up", 1)
                    harness.stop(redis.process, sig)
                    time.sleep(0.5)
                    redis.start()
                s.wait_value("statsd_redis_up", 1)
            page = s.wait_self("statsd_redis_events_appended_total", 2 * events.sent, patience=20 * harness.SLOW)
            assert page.sum("statsd_redis_events_appended_total") == 2 * events.sent
            assert page.sum("statsd_redis_events_dropped_total") == 0
            assert page.sum("statsd_redis_disconnects_total") >= 3
            assert expect_each(redis, events) <= page.sum("statsd_redis_events_resent_total")
        assert redis.totals() == load.sent


def test_a_redis_that_hangs_for_a_while_has_every_event_and_exact_totals(dir, redis):
    with unix_server(dir, redis.url, "redis.reply_timeout=300ms", "redis.events_max=100000") as s:
        with Load(s) as load, Events(s) as events:
            time.sleep(0.3)
            redis.pause()
            s.wait_self("statsd_redis_disconnects_total", 1)
            redis.go_on()
            s.wait_value("statsd_redis_up", 1)
        page = s.wait_self("statsd_redis_events_appended_total", 2 * events.sent, patience=20 * harness.SLOW)
        assert page.sum("statsd_redis_events_resent_total") > 0
    assert expect_each(redis, events) <= page.sum("statsd_redis_events_resent_total")
    assert redis.totals() == load.sent


def test_connections_cut_all_the_time_lose_no_event(dir, redis):
    with unix_server(dir, redis.url, "redis.events_max=100000", interval="100ms") as s:
        with Load(s) as load, Events(s) as events:
            end = time.monotonic() + 3
            while time.monotonic() < end:
                time.sleep(0.15)
                redis.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        page = s.wait_self("statsd_redis_events_appended_total", 2 * events.sent, patience=20 * harness.SLOW)
        assert page.sum("statsd_redis_disconnects_total") >= 5
    assert expect_each(redis, events) <= page.sum("statsd_redis_events_resent_total")
    assert redis.totals() == load.sent


def test_keys_that_may_not_be_written_hold_up_events_alone_and_it_is_said_once(dir, redis):
    admin = redis.client
    admin.execute_command("ACL", "SETUSER", "default", "resetkeys", "~{sd:[0-9]*")
    with unix_server(dir, redis.url, interval="100ms") as s:
        with Load(s) as load:
            s.send(event("first"))
            (said,) = wait_for(lambda: s.logged("redis refuses events: they wait"), "that it is said")
            assert said["level"] == "error" and said["key"] == EVENTS and said["error"].startswith("NOPERM") and "ACL SETUSER" in said["remedy"]
            s.send(event("second"))
            s.wait_self("statsd_redis_errors_total", 4)
            s.wait_self("statsd_redis_applied_intervals_total", 5)
        page = s.scrape()
        assert page.sum("statsd_redis_events_waiting") == 2 and page.sum("statsd_redis_disconnects_total") == 0
        assert len(s.logged("redis refuses events: they wait")) == 1
        admin.execute_command("ACL", "SETUSER", "default", "~*")
        s.wait_self("statsd_redis_events_appended_total", 2)
        wait_for(lambda: s.logged("redis takes events again"), "that it is said to be over")
    assert [e["title"] for e in entries(redis, EVENTS)] == ["first", "second"]
    assert redis.totals() == load.sent


def test_a_key_that_is_no_stream_costs_its_entries_and_no_others(dir, redis):
    redis.client.set(CHECKS, "spoiled")
    with unix_server(dir, redis.url) as s:
        s.send("_sc|x|0\n_sc|y|1\n" + event("fine") + "\nhits:5|c")
        page = s.wait_self("statsd_redis_events_refused_total", 2)
        s.wait_self("statsd_redis_events_appended_total", 1)
        wait_for(lambda: redis.total("c", "hits") == 5, "the counter")
        (said,) = s.logged("redis cannot take events: they are dropped")
        assert said["key"] == CHECKS and "WRONGTYPE" in said["error"] and "delete or rename" in said["remedy"]
        assert page.sum("statsd_redis_disconnects_total") == 0
    assert [e["title"] for e in entries(redis, EVENTS)] == ["fine"]


def test_events_max_0_sends_none(dir, redis):
    with unix_server(dir, redis.url, "redis.events_max=0") as s:
        s.send(event("x") + "\n_sc|x|0\nhits:5|c")
        wait_for(lambda: redis.total("c", "hits") == 5, "the counter")
        page = s.wait_self("statsd_events_total", 1)
        assert page.sum("statsd_redis_events_appended_total") + page.sum("statsd_redis_events_waiting") == 0
    assert redis.client.exists(EVENTS, CHECKS) == 0


def test_past_events_max_the_newest_wait_and_the_rest_is_counted(dir):
    with Redis(dir, start=False) as redis:
        with unix_server(dir, redis.url, "redis.events_max=50") as s:
            for i in range(120):
                s.send(event("event.%d" % i), unix=True)
            page = s.wait_self("statsd_redis_events_dropped_total", 70)
            assert page.sum("statsd_redis_events_waiting") == 50
            assert s.logged("too many events wait for redis: the oldest is dropped")[0]["key"] == EVENTS
            redis.start()
            s.wait_self("statsd_redis_events_appended_total", 50, patience=20 * harness.SLOW)
            assert [e["title"] for e in entries(redis, EVENTS)] == ["event.%d" % i for i in range(70, 120)]


def test_what_the_kernel_holds_at_sigterm_is_in_redis(dir, redis):
    with unix_server(dir, redis.url, "redis.retention=2h", interval="1h", clean_exit=False) as s, s.sender() as c:
        os.kill(s.pid, signal.SIGSTOP)
        try:
            for i in range(100):
                c.send(event("event.%d" % i).encode())
            os.kill(s.pid, signal.SIGTERM)
        finally:
            os.kill(s.pid, signal.SIGCONT)
        assert s.process.wait(30 * harness.SLOW) == 0
        s.reader.join(5)
        (stopped,) = s.logged("stopped")
        assert (int(stopped["redis_events"]), int(stopped["redis_dropped_events"])) == (100, 0)
    assert [e["title"] for e in entries(redis, EVENTS)] == ["event.%d" % i for i in range(100)]


def test_a_stop_without_redis_waits_tells_what_is_lost_and_has_status_1(dir):
    with Redis(dir, start=False) as redis:
        with unix_server(dir, redis.url, "server.drain_timeout=1s", clean_exit=False) as s:
            s.send(event("x") + "\n_sc|x|0\n_sc|y|0")
            s.wait_self("statsd_redis_events_waiting", 3)
            begun = time.monotonic()
            os.kill(s.pid, signal.SIGTERM)
            assert s.process.wait(30 * harness.SLOW) == 1
            assert time.monotonic() - begun >= 1
            s.reader.join(5)
            (waiting,) = s.logged("waiting for redis to take what is left")
            (lost,) = s.logged("stopped before redis had everything: lost")
            (stopped,) = s.logged("stopped")
            assert (int(waiting["events"]), int(waiting["series"])) == (3, 0)
            assert (int(lost["events"]), int(lost["series"])) == (3, 0)
            assert (int(stopped["redis_events"]), int(stopped["redis_dropped_events"])) == (0, 3)


def test_check_tells_what_waiting_events_may_take():
    what = b"events and service checks waiting"
    on = run("check", "--set", "redis.url=redis://localhost").stdout
    assert re.search(rb"16\.0 MiB  Redis: " + what, on)
    assert what not in run("check", "--set", "redis.url=redis://localhost", "--set", "redis.events_max=0").stdout
    assert what not in run("check").stdout
