"""Real clients by every transport that they have: what they were told is on /metrics and in Redis.  The rows of the table of docs/clients.md
are what is seen here; those of other languages than Debian's Python only with NIGHTLY=1."""
import functools
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

import client_install
from client_install import Missing
from client_rows import CLIENTS
from harness import SLOW, Server, clean_env, run, tot_key, wait_for
from recorder import Recorder, kinds, nameless

CANNOT = 77                     # status of a client that does not have the transport here, and says why on stderr
ROWS = [(client, way) for client in CLIENTS for way in client.ways if client.language == "Debian" or os.environ.get("NIGHTLY")]
REFUSED = ["statsd_samples_rejected_total", "statsd_samples_refused_total", "statsd_tag_errors_total", "statsd_unknown_fields_total"]
SOCKETS = {"udp": "udp://127.0.0.1:0", "tcp": "tcp://127.0.0.1:0", "unixgram": "unixgram://%s/dsd.sock", "unix": "unix://%s/dsd.sock"}


def results(client, way):
    folder = os.path.join(client_install.PLACE, "results")
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, "%s.%s.%s.json" % (client.name, client.language, way.transport))


def send(command, way, address):
    """One run of the client to its end; how many calls it says it dropped."""
    env = {k: v for k, v in clean_env().items() if not k.startswith("DD_")}
    got = subprocess.run([*command, way.transport, address], capture_output=True, text=True, timeout=60 * SLOW, env=env)
    print(got.stdout[-2000:] + got.stderr[-2000:])
    if got.returncode == CANNOT:
        raise Missing(got.stderr.strip())
    assert got.returncode == 0
    dropped = re.search(r"^dropped: (\d+)$", got.stdout, flags=re.M)
    return int(dropped.group(1)) if dropped else 0


def framing(way):
    return "dsd" if "framing=dsd" in way.socket else None


def adds_up(lines):
    """Did some of the thousand calls become one line?"""
    return any(re.match(r"shop\.burst:\d{2,}\|c", line) for line in lines)


def sent(command, client, way, dir):
    """The same once more to a socket that only records: what kinds of line came, one of them, and how they lay in datagrams."""
    with Recorder(way.transport, dir) as r:
        send(command, way, r.address)
    lines = r.lines(framing(way))
    first = client.calls[client.has[0]].name
    mine = [nameless(line) for line in lines if line.startswith(first)]
    many = r.of_datagrams() and any(d.count(b"\n") > 9 for d in r.datagrams)
    return dict(kinds=kinds(lines), line=mine[-1], many=many, adds_up=adds_up(lines))


# --- what is there

def in_redis(redis, call):
    """The value of the one series of that name, or None; of a stream the number of its entries."""
    client = redis.client
    if call.kind == "stream":
        return client.xlen(call.name)
    if call.kind == "s":
        keys = list(client.scan_iter("{sd:*}:s:*:%s*" % call.name))
        return client.pfcount(*keys) if keys else None
    found = [f.decode() for f in client.hkeys(tot_key(call.name))]
    found = [f for f in found if f == "%s|%s" % (call.kind, call.name) or f.startswith("%s|%s|#" % (call.kind, call.name))]
    if len(found) != 1:
        return found or None
    series = found[0][2:]
    return redis.timer(series)[1] if call.kind == "h" else redis.total(call.kind, series)


def on_page(page, call):
    if call.kind == "stream":
        return page.sum(call.page)
    found = page.all(call.page or call.name.replace(".", "_"))
    return list(found.values())[0] if len(found) == 1 else found or None


@functools.lru_cache
def fits(value, want):
    """Where nothing may be there (all of it was dropped), no series is as good."""
    return (value or 0) in want if isinstance(want, range) else value == want


def wanted(call, odd, dropped):
    """What has to be on the page.  Each call that was dropped is of a rate of 0.5 at least."""
    if not odd:
        return call.want
    if odd[0] is not None:
        return odd[0]
    return range(call.want.start - 2 * dropped, call.want.stop) if isinstance(call.want, range) else range(call.want - dropped, call.want + 1)


def wrong(client, way, redis, page, dropped):
    """Two lists: what /metrics, and what Redis has otherwise than it has to be by now."""
    on, in_ = [], []
    for name in client.has:
        call = client.calls[name]
        odd = way.odd.get(name)
        want = wanted(call, odd, dropped)
        value = on_page(page, call)
        if not fits(value, want):
            on.append("%s: %r" % (name, value))
        got = in_redis(redis, call)
        if not fits(got, want if call.redis is None else call.redis) or call.redis is None and got != value:
            in_.append("%s: %r" % (name, got))
    return on, in_


@pytest.mark.parametrize("client,way", ROWS, ids=lambda x: x.name if hasattr(x, "name") else x.transport)
def test_what_a_client_is_told_is_on_the_page_and_in_redis(client, way, dir, redis):
    seen = dict(client=client.name, transport=way.transport, version=client.version)
    try:
        seen["version"] = client_install.version(client)
        seen.update(observed(client_install.installed(client), client, way, dir, redis))
    except Missing as e:
        seen["skipped"] = str(e)
    with open(results(client, way), "w") as f:
        json.dump(seen, f, indent=1)
    if "skipped" in seen:
        pytest.skip("%s %s: %s" % (client.name, client.version, seen["skipped"]))
    assert (seen["page"], seen["redis"]) == ([], [])
    assert seen["refused"] == way.refused or way.refused is None and seen["refused"] <= seen["dropped"]


def observed(command, client, way, dir, redis):
    url = SOCKETS[way.transport]
    url = (url % dir if "%s" in url else url) + ("?" + way.socket if way.socket else "")
    with Server(redis.url, *([client.settings] if client.settings else []), sockets=[url]) as s:
        with ThreadPoolExecutor() as both:
            recorded = both.submit(sent, command, client, way, dir)
            dropped = send(command, way, s.address(way.transport))
            recorded = recorded.result()
        ways = [None]

        def all_there():
            ways[0] = wrong(client, way, redis, s.scrape(), dropped)
            return ways[0] == ([], [])
        try:
            wait_for(all_there, "what %s was told" % client.name, 5 * SLOW, every=0.05)
        except AssertionError:
            pass
        page = s.scrape()
        refused = sum(page.sum(n) for n in REFUSED)
        if client.tags and "counter" in client.has:
            labels = [dict(ls) for ls in page.all("shop_hits")]
            assert [ls.get("path") for ls in labels] == ["/a"], labels
    return dict(sent=recorded, page=ways[0][0], redis=ways[0][1], refused=refused, dropped=dropped,
                in_redis=list(client.has))
