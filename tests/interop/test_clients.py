"""Client libraries as they come: what they send is what one reads."""
import asyncio
import os
import subprocess

import pytest

import client_install
from client_rows import CLIENTS
from harness import TOP, Server, wait_for


def test_python3_statsd(server):
    import statsd
    host, port = server.udp()
    c = statsd.StatsClient(host, port, prefix="py")
    c.incr("hits")
    c.incr("hits", 4)
    c.decr("stock", 2)
    c.gauge("level", 7.5)
    c.gauge("level", 2, delta=True)
    c.gauge("cold", -12)              # two lines in one datagram: 0, then -12
    c.timing("lat", 250)
    with c.timer("block"):
        pass
    c.set("users", "alice")
    c.set("users", "bob")
    with c.pipeline() as p:
        for _ in range(100):
            p.incr("piped")
    c.close()
    page = server.wait_self("statsd_samples_aggregated_total", 111)
    assert page.value("py_hits") == 5
    assert page.value("py_level") == 9.5
    assert page.value("py_cold") == -12
    assert (page.value("py_lat_count"), page.value("py_lat_sum")) == (1, 0.25)
    assert page.value("py_block_count") == 1
    assert page.value("py_piped") == 100
    assert page.sum("statsd_samples_rejected_total") == 0
    server.wait_value("py_users", 2)


def test_python3_statsd_sampling_weighs_right(server):
    import statsd
    c = statsd.StatsClient(*server.udp())
    sent = 0
    for _ in range(2000):
        c.incr("sampled", rate=0.5)
    page = server.scrape()
    sent = page.sum("statsd_samples_aggregated_total")
    assert 800 < sent < 1200
    assert page.value("sampled") == 2 * sent


def test_python3_aiodogstatsd(server):
    import aiodogstatsd
    host, port = server.udp()

    async def send():
        client = aiodogstatsd.Client(host=host, port=port, namespace="aio", constant_tags={"env": "prod"})
        await client.connect()
        client.increment("hits", tags={"path": "/a"})
        client.increment("hits", value=4, tags={"path": "/a"})
        client.decrement("stock", value=2)
        client.gauge("level", value=7)
        client.timing("lat", value=250)
        client.histogram("size", value=512)
        client.distribution("dist", value=3)
        with client.timeit("block"):
            await asyncio.sleep(0)
        await client.close()
    asyncio.run(send())
    page = server.wait_self("statsd_samples_aggregated_total", 8)
    assert page.value("aio_hits", env="prod", path="/a") == 5
    assert page.value("aio_level", env="prod") == 7
    assert page.value("aio_lat_sum", env="prod") == 0.25
    assert page.value("aio_size_sum", env="prod") == 512
    assert page.value("aio_dist_count", env="prod") == 1
    assert page.value("aio_block_count", env="prod") == 1
    assert page.sum("statsd_samples_rejected_total") == 0


HOT_SHOTS = """
const StatsD = require('hot-shots');
const [host, port, uds] = [process.argv[2], Number(process.argv[3]), process.argv[4]];
const fail = e => { console.error(e); process.exit(1); };
const c = new StatsD({ host, port, prefix: 'node.', globalTags: { env: 'prod' }, errorHandler: fail });
c.increment('hits', 1, { path: '/a' });
c.increment('hits', 4, ['path:/a']);
c.decrement('stock', 2);
c.gauge('level', 7.5);
c.timing('lat', 250);
c.histogram('size', 512);
c.distribution('dist', 3);
c.set('users', 'alice');
c.unique('users', 'bob');
c.event('deploy', 'version 2\\nis out', { alert_type: 'info' }, ['a:b']);
c.check('db.up', c.CHECKS.OK, { message: 'fine' });
c.close(() => {
  const b = new StatsD({ host, port, prefix: 'node.', maxBufferSize: 1432, bufferFlushInterval: 20, errorHandler: fail });
  for (let i = 0; i < 1000; i++) b.increment('buffered');
  b.close(() => {});
});
"""


@pytest.fixture(scope="module")
def hot_shots():
    """The folder with hot-shots; skipped where it cannot be had."""
    try:
        command = client_install.installed(next(c for c in CLIENTS if c.name == "hot-shots"))
    except client_install.Missing as e:
        pytest.skip("hot-shots: %s" % e)
    return os.path.dirname(command[-1])


def test_hot_shots(server, hot_shots):
    host, port = server.udp()
    script = os.path.join(hot_shots, "prefixed.js")
    with open(script, "w") as f:
        f.write(HOT_SHOTS)
    p = subprocess.run(["node", script, host, str(port)], cwd=hot_shots, capture_output=True, timeout=60)
    assert p.returncode == 0, p.stderr.decode()
    page = server.wait_self("statsd_samples_aggregated_total", 1009)
    tags = dict(env="prod")
    assert page.value("node_hits", path="/a", **tags) == 5
    assert page.value("node_level", **tags) == 7.5
    assert page.value("node_lat_sum", **tags) == 0.25
    assert page.value("node_size_sum", **tags) == 512
    assert page.value("node_dist_count", **tags) == 1
    assert page.value("node_buffered") == 1000
    assert page.sum("statsd_events_total") == 1
    assert page.sum("statsd_service_checks_total") == 1
    assert page.sum("statsd_samples_rejected_total") == 0
    server.wait_value("node_users", 2, **tags)
