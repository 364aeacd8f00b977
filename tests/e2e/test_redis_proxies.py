"""What stands where Redis should and does not know a command, as proxies do: refused in one line with the command's name."""
import pytest

import harness
from cluster import Node, free_ports
from harness import Server, wait_for


def renamed(dir, *commands):
    """A single Redis that does not know these commands."""
    return Node(dir, "redis", free_ports(1)[0], *[w for c in commands for w in ("--rename-command", c, "")])


@pytest.mark.parametrize("command, named", [("SCRIPT", "SCRIPT LOAD: ERR unknown command"), ("EVALSHA", "'EVALSHA'")])
def test_a_command_that_is_not_known_is_named_and_nothing_is_lost(dir, command, named):
    node = renamed(dir, command)
    node.start()
    try:
        with Server(node.url) as s:
            wait_for(node.answers, "Redis to answer")
            s.send("kept:3|c")
            line = wait_for(lambda: s.logged("redis refused"), "that it is refused")[0]
            assert named in line["error"] and "proxy" in line["remedy"], line
            page = s.wait_self("statsd_redis_connect_failures_total" if command == "SCRIPT" else "statsd_redis_disconnects_total", 2)
            assert page.sum("statsd_redis_dropped_series_total") == 0
            assert len(s.logged("redis refused")) == 1
            node.kill()
            node.settings = ()
            node.start()
            wait_for(lambda: node.answers() and node.client.keys("{sd:*}:tot"), "that it goes on by itself", 20 * harness.SLOW)
    finally:
        node.release()


def test_a_redis_without_client_is_welcome(dir):
    node = renamed(dir, "CLIENT", "CLUSTER")
    node.start()
    try:
        with Server(node.url) as s:
            s.send("kept:3|c")
            wait_for(lambda: node.answers() and node.client.keys("{sd:*}:tot"), "it in Redis", 20 * harness.SLOW)
            assert not s.logged("redis refused")
    finally:
        node.release()


@pytest.mark.parametrize("commands", [(), ("CLUSTER",)])
def test_several_hosts_that_are_no_cluster_are_refused(dir, commands):
    node = renamed(dir, *commands)
    node.start()
    try:
        wait_for(node.answers, "Redis to answer")
        url = "redis.url=redis://127.0.0.1:%d,localhost:%d" % (node.port, node.port)
        with Server(url, "server.drain_timeout=100ms", clean_exit=False) as s:
            s.send("kept:3|c")
            line = wait_for(lambda: s.logged("redis refused"), "that it is refused")[0]
            assert line["error"].startswith("CLUSTER SLOTS: ERR") and "one host alone" in line["remedy"], line
            s.wait_self("statsd_redis_disconnects_total", 3)
            assert node.client.keys("*") == []
            assert s.scrape().sum("statsd_redis_connects_total") < 20
    finally:
        node.release()
