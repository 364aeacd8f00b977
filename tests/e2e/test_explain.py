"""`statsd explain` over the corpora that say what each line means."""
import base64
import json
import os
import re
from random import Random

import pytest

from harness import TOP, Server, run

pytestmark = pytest.mark.command


def cases(file):
    with open(os.path.join(TOP, "tests", "conformance", file), encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def datagram_of(case):
    return base64.b64decode(case["input_b64"]) if "input_b64" in case else case["input"].encode()


def words_of(opts):
    words = []
    for key in ("gauge_sign", "name_tags", "origin_tags", "keep_internal_tags"):
        if key in opts:
            v = opts[key]
            v = ",".join(v) if isinstance(v, list) else ("on" if v else "off") if isinstance(v, bool) else v
            words += ["--set", "protocol.%s=%s" % (key, v)]
    if opts.get("truncated"):
        words.append("--truncated")
    framing = {"stream": "line", "dsd-stream": "dsd"}.get(opts.get("transport"))
    return words + (["--framing", framing] if framing else [])


def explain(data, *words):
    got = run("explain", "--json", *words, stdin=data)
    assert got.stderr == b""
    told = json.loads(got.stdout)
    assert got.returncode == (1 if told["errors"] else 0)
    return told


@pytest.mark.parametrize("case", cases("protocol.jsonl"), ids=lambda c: c["id"])
def test_a_datagram_means_what_the_protocol_says(case):
    data = datagram_of(case)
    got = explain(data, *words_of(case.get("opts", {})))
    assert got["expect"] == case["expect"]
    assert got["samples"] == case["samples"]
    assert got["errors"] == case.get("errors", 0) == len(got["reasons"])
    assert got["events"] == ([case["event"]] if "event" in case else [])
    assert got["checks"] == ([case["check"]] if "check" in case else [])


UNMAPPED = [c for c in cases("mapping.jsonl") if c["mapping_yaml"] == ""]


def test_there_are_cases_without_mapping_rules():
    assert len(UNMAPPED) >= 10


@pytest.mark.parametrize("case", UNMAPPED, ids=lambda c: c["id"])
def test_the_page_would_show_what_statsd_exporter_shows(case):
    got = explain(case["line"].encode())["exposition"].split("\n")
    for line in case["expect_series"].split("\n"):
        assert line in got
    for line in case.get("absent", []):
        assert line not in got
    assert got == sorted(got)


def test_explain_shows_people_where_a_line_is_wrong():
    got = run("explain", "orders:1|c|@nine|#a:b")
    out = got.stdout.decode()
    assert got.returncode == 1
    assert "bad_sample_rate" in out
    lines = out.split("\n")
    caret = next(i for i, l in enumerate(lines) if "^" in l)
    assert any("orders:1|c|@nine" in l for l in lines[:caret])


def test_explain_shows_people_what_the_page_will_say():
    out = run("explain", "hits:2|c|@0.5|#env:prod").stdout.decode()
    assert 'hits{env="prod"} 4' in out


def test_explain_agrees_with_the_server(server):
    """The same lines, explained and sent, give the same lines on the page."""
    text = "hits:3|c|@0.1|#b:2,a:1\nlat:12|ms\nlevel:+4|g\nlevel:-1.5|g\nodd na/me:1|c|#k y:v\nsize:1:2:3|h"
    server.send(text)
    assert server.scrape().lines() == sorted(explain(text.encode())["exposition"].split("\n"))


@pytest.mark.parametrize("lines", ["up:0|g", "jobs:1|c\njobs:7|g", "x:-1|c", "t:1|ms\nt.count:1|c"])
def test_explain_names_what_the_server_leaves_out(server, lines):
    """What explain says is missing is missing from the page of a server that got the same."""
    told = run("explain", stdin=lines.encode()).stdout.decode()
    missing = re.findall(r"^  ([\w]+)(?: as a \w+)?: ", told.split("\nnot on /metrics:\n")[1], re.M)
    assert missing
    server.send(lines)
    assert server.scrape().lines() == sorted(filter(None, explain(lines.encode())["exposition"].split("\n")))


def test_explain_says_that_a_mark_of_a_mirror_is_one(server):
    line = "statsd.mirror.mark.0123456789abcdef.1:1|c"
    assert "1 sample: mark of a server that mirrors" in run("explain", line).stdout.decode()
    told = explain(line.encode())
    assert told["marks"] == 1 and told["exposition"] == ""
    server.send(line)
    assert server.scrape().lines() == []


# --- the server says the same

def corpus_lines(most=60000):
    """The lines of the corpus, without the very long ones: all of them fit one datagram."""
    lines = []
    for case in cases("protocol.jsonl"):
        data = datagram_of(case)
        if not case.get("opts"):
            lines += [line for line in data.split(b"\n") if len(line) < 1000]
    assert 300 < len(lines) and sum(map(len, lines)) < most
    return lines


def as_number(line):
    series, value = line.rsplit(" ", 1)
    return series, float(value)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("settings", [
    (),
    ("prometheus.observer_type=histogram", "server.workers=1"),
    ("protocol.name_tags=librato,influx,signalfx,graphite", "protocol.origin_tags=on"),
    ("limits.max_series=40", "limits.max_tags=2", "protocol.gauge_sign=delta"),
], ids=lambda s: ",".join(s) or "defaults")
def test_the_server_shows_what_explain_says(settings, seed):
    random = Random(seed)
    lines = corpus_lines()
    random.shuffle(lines)
    with Server(*settings, interval="10s") as s:
        with s.sender() as sender:
            at = 0
            while at < len(lines):   # any cut
                n = random.randint(1, 9)
                sender.send(b"\n".join(lines[at:at + n]))
                at += n
        shown = s.scrape().lines()
    words = [w for setting in settings for w in ("--set", setting)]
    told = json.loads(run("explain", "--json", *words, stdin=b"\n".join(lines)).stdout)
    assert sorted(map(as_number, told["exposition"].split("\n"))) == sorted(map(as_number, shown))


@pytest.mark.parametrize("sign, want", [("delta", 5), ("absolute", -5), ("auto", 5)])
def test_explain_reads_a_gauges_sign_as_the_first_socket_does(sign, want):
    url = "udp://127.0.0.1:0?gauge_sign=" + sign
    data = b"g:10|g\ng:-5|g"
    with Server(sockets=[url]) as s:
        s.send(data)
        assert s.scrape().value("g") == want
    told = json.loads(run("explain", "--json", "--set", "listen.socket=" + url, stdin=data).stdout)
    assert told["exposition"] == "g %d" % want
