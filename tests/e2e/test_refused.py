"""Lines that are refused are told in the log: which, where they came in and who sent them, and how many more there were."""
import os
import signal
import socket

import pytest

from harness import PATIENCE, Server, metrics_balance, wait_for


def rejected(s, reason=None):
    return [l for l in s.logged("rejected") if reason in (None, l["reason"])]


def wait_rejected(s, reason, n=1):
    return wait_for(lambda: len(rejected(s, reason)) >= n and rejected(s, reason), "%d lines of %s in the log" % (n, reason))


def accounted(lines):
    return sum(("line" in l or "metric" in l) + int(l["not_shown"]) for l in lines)


@pytest.mark.parametrize("url", ["udp://127.0.0.1:0", "udp://[::1]:0", "udp://[::]:0"])
def test_a_refused_line_is_told_with_listener_and_sender(url):
    with Server(sockets=[url]) as s:
        host = "::1" if url == "udp://[::1]:0" else "127.0.0.1"
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as c:
            c.connect((host, s.udp()[1]))
            c.send(b"good:1|c\ncart.total:12,5|c\ngood:1|c")
            line, = wait_rejected(s, "bad_value")
            port = c.getsockname()[1]
        assert line["level"] == "warn"
        assert line["line"] == "cart.total:12,5|c"
        assert line["listener"] == "udp://" + s.address("udp")
        assert line["from"] == ("[::1]:%d" if ":" in host else "127.0.0.1:%d") % port
        assert line["not_shown"] == "0"
        assert s.scrape().value("good") == 2


def test_who_sent_on_a_unix_socket_is_told_by_pid(dir):
    with Server(sockets=["unixgram://%s/dsd.sock" % dir]) as s:
        s.send("x:1|zz", unix=True)
        line, = wait_rejected(s, "unknown_type")
        assert line["listener"] == "unixgram://%s/dsd.sock" % dir
        assert line["from"] == "pid:%d" % os.getpid()


def test_no_byte_of_a_line_reaches_the_log_raw_and_200_are_enough():
    long = b"a:\x1b[31m\r\t\"\\=\xff\x00\xe2\x80\xa8" + b"y" * 5000 + b"|c"
    for settings in ([], ["server.log_format=json"]):
        with Server(*settings) as s:
            s.send(long)
            wait_for(lambda: s.logged("rejected"), "the line")
            line, = s.logged("rejected")
            assert line["line"].startswith('a:\x1b[31m\r\t"\\=\ufffd\x00\u2028yyy') and line["line"].endswith("y...")
            assert len(line["line"].encode("utf-8", "replace")) <= 210
            assert all(0x20 <= ord(c) < 0x7f for raw in s.raw_log for c in raw)


def test_a_flood_makes_few_lines_and_each_refused_line_is_accounted_for(dir):
    with Server("server.workers=2", sockets=["udp://127.0.0.1:0", "unixgram://%s/dsd.sock" % dir]) as s:
        sent = 20000
        with s.sender(unix=True) as u:
            for i in range(sent // 40):
                u.send(b"\n".join([b"flood:1|q", b"good:1|c"] * 20))
                s.send(b"\n".join([b"flood:2|q", b"good:1|c"] * 20))
                if i % 100 == 0:
                    s.scrape()
        page = s.wait_self("statsd_samples_rejected_total", sent)
        assert page.value("good") == sent
        metrics_balance(page)
        wait_rejected(s, "unknown_type", 5)
    lines = rejected(s, "unknown_type")
    assert len([l for l in lines if "line" in l]) == 5
    assert len(lines) <= 6
    assert accounted(lines) == sent


def test_every_reason_that_a_datagram_can_have_is_told():
    bad = {"bad_utf8": b"a:\xff|c", "nul_byte": b"a\0b:1|c", "no_colon": b"a", "bad_name": b":1|c", "name_too_long": b"n" * 600 + b":1|c",
           "no_type": b"a:1", "unknown_type": b"a:1|m", "bad_value": b"a:1e999|c", "negative_timing": b"a:-1|ms", "bad_sample_rate": b"a:1|c|@2",
           "bad_timestamp": b"a:1|c|Tx", "too_many_tags": b"a:1|c|#" + b",".join(b"k%d:v" % i for i in range(200)),
           "tag_too_long": b"a:1|c|#k:" + b"v" * 2000, "mixed_tag_styles": b"a#x=y:1|c|#k:v", "mixed_multi_sample": b"a:1|c:2|c|#k:v",
           "line_too_long": b"a" * 9000, "bad_event": b"_e{9,9}:a|b", "bad_service_check": b"_sc|a|9"}
    with Server("protocol.name_tags=librato") as s:
        s.send(*bad.values())
        for reason, line in bad.items():
            told, = wait_rejected(s, reason)
            assert told["line"][:100] == line.decode("utf-8", "replace")[:100]
            assert told["from"].startswith("127.0.0.1:")


def test_lines_that_are_private_stay_out_of_the_log(tmp_path):
    config = tmp_path / "statsd.conf"
    config.write_text("[protocol]\nlog_rejected = off\n")
    with Server(config=config) as s:
        s.send("secret:x|c")
        s.wait_self("statsd_samples_rejected_total", 1)
        config.write_text("[protocol]\nlog_rejected = on\n")
        s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: s.logged("reloaded"), "the reload")
        assert s.logged("reloaded")[0]["options_for_next_start"] == "0"
        s.send("open:x|c")
        line, = wait_rejected(s, "bad_value")
        assert line["line"] == "open:x|c"
        config.write_text("[protocol]\nlog_rejected = off\n")
        s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(s.logged("reloaded")) == 2, "the reload")
        s.send("secret:y|c")
        s.wait_self("statsd_samples_rejected_total", 3)
    assert not any("secret" in raw for raw in s.raw_log)
    assert len(s.logged("rejected")) == 1


def test_names_beyond_the_series_limit_are_told():
    with Server("limits.max_series=3", "protocol.log_rejected=off") as s:
        s.send("a:1|c", "b:1|c", "c:1|c")
        s.wait_self("statsd_samples_aggregated_total", 3)
        for i in range(4):
            s.send("cart:1|c|#user:%d" % i, "checkout:1|c|#user:%d" % i)
        wait_for(lambda: len(s.logged("off_page")) >= 2, "both names")
    lines = [l for l in s.logged("off_page") if l["reason"] == "limit"]
    assert [l["metric"] for l in lines if "metric" in l] == ["cart", "checkout"]
    assert lines[0]["listener"].startswith("udp://") and lines[0]["from"].startswith("127.0.0.1:")
    assert accounted(lines) == 8


def test_descriptors_sent_along_do_not_stay_open(dir):
    with Server(sockets=["unixgram://%s/dsd.sock" % dir]) as s:
        before = s.scrape().value("process_open_fds")
        with s.sender(unix=True) as c:
            for _ in range(50):
                socket.send_fds(c, [b"x:1|c"], [0, 1, 2])
        wait_for(lambda: s.scrape().value("x") == 50, "all of them", PATIENCE)
        assert s.scrape().value("process_open_fds") == before
