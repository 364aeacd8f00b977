"""A Redis Cluster that moves slots, fails over and loses machines, and Sentinels: every sum is exact."""
import time

import pytest

from cluster import Cluster, Sentinels, slot_of, slots_in_use
from harness import SLOW, Server, exposition, short_dir, tot_key, wait_for
from test_redis import Load, unix_server


@pytest.fixture(scope="module")
def shared():
    """One cluster for tests that leave it whole: each starts it over with no keys."""
    with short_dir() as d, Cluster(d) as c:
        yield c


@pytest.fixture
def cluster(shared):
    wait_for(shared.whole, "the cluster to be whole", 20 * SLOW, every=0.05)
    for node in shared.live_masters():
        node.client.execute_command("FLUSHALL")
        node.client.execute_command("SCRIPT", "FLUSH")
    return shared


def wait_exact(store, load):
    wait_for(lambda: store.totals() == load.sent, "all that was sent to be in the totals", 20 * SLOW, every=0.1)


def expect_nothing_lost(server):
    page = server.wait_self("statsd_redis_up", 1)  # a node that has not heard of a change yet may say otherwise for a moment
    for name in ("dropped_series", "lost_series", "foreign_duplicates", "events_dropped"):
        assert page.sum("statsd_redis_%s_total" % name) == 0, name
    return page


def redirects(page, kind):
    return page.value("statsd_redis_redirects_total", kind=kind)


def test_every_shard_goes_to_the_master_of_its_slot(dir, cluster):
    with unix_server(dir, cluster.url) as s:
        with Load(s, series=200) as load:
            s.wait_self("statsd_redis_applied_intervals_total", 3)
            s.send("_e{1,1}:t|x\n_sc|up|0")
            s.wait_self("statsd_redis_events_appended_total", 2)
        wait_exact(cluster, load)
        page = expect_nothing_lost(s)
        assert page.sum("statsd_redis_nodes") == 3
        assert redirects(page, "moved") == 0 and redirects(page, "ask") == 0
        assert s.logged("redis cluster")[0]["masters"] == "3"
        for key in ("{sd:events}:log", "{sd:checks}:log"):
            assert cluster.of_key(key).client.xlen(key) == 1


def test_the_first_hosts_of_the_url_may_be_dead(dir, cluster):
    with unix_server(dir, "redis.url=redis://127.0.0.1:1,127.0.0.1:2," + cluster.nodes[4].addr) as s:
        with Load(s) as load:
            s.wait_self("statsd_redis_applied_intervals_total", 3)
        wait_exact(cluster, load)
        page = expect_nothing_lost(s)
        assert 2 <= page.sum("statsd_redis_connect_failures_total") < 1000


def test_slots_that_move_key_by_key_under_load(dir, cluster):
    with unix_server(dir, cluster.url) as s:
        with Load(s, series=200) as load:
            s.wait_self("statsd_redis_applied_intervals_total", 2)
            s.send("_e{1,1}:t|x")
            s.wait_self("statsd_redis_events_appended_total", 1)
            events = slot_of("{sd:events}:log")
            for slot in slots_in_use()[:16] + [events]:
                masters = cluster.live_masters()
                to = masters[(masters.index(cluster.owner(slot)) + 1) % 3]
                cluster.move_slot(slot, to, lambda: s.send("_e{1,1}:t|x") if slot == events else time.sleep(0.01))
            s.send("_e{1,1}:t|x")
            page = s.wait_self("statsd_redis_redirects_total", 1)
        wait_exact(cluster, load)
        page = expect_nothing_lost(s)
        assert redirects(page, "moved") > 0
        assert redirects(page, "ask") + redirects(page, "tryagain") > 0
        assert page.sum("statsd_redis_gaps_total") == 0 and page.sum("statsd_redis_errors_total") == 0
        wait_for(lambda: s.scrape().sum("statsd_redis_events_waiting") == 0, "no event to wait")
        n = s.scrape().sum("statsd_redis_events_appended_total")
        assert cluster.of_key("{sd:events}:log").client.xlen("{sd:events}:log") == n


def test_scripts_that_are_flushed_are_loaded_again_without_a_new_connection(dir, cluster):
    with unix_server(dir, cluster.url) as s:
        with Load(s) as load:
            s.wait_self("statsd_redis_applied_intervals_total", 2)
            for node in cluster.live_masters():
                node.client.execute_command("SCRIPT", "FLUSH")
            wait_for(lambda: redirects(s.scrape(), "noscript") > 0, "NOSCRIPT")
            before = s.scrape().sum("statsd_redis_applied_intervals_total")
            s.wait_self("statsd_redis_applied_intervals_total", before + 2)
        wait_exact(cluster, load)
        page = expect_nothing_lost(s)
        assert page.sum("statsd_redis_disconnects_total") == 0


def test_a_failover_in_agreement(dir, cluster):
    with unix_server(dir, cluster.url) as s:
        with Load(s, series=200) as load:
            s.wait_self("statsd_redis_applied_intervals_total", 2)
            for master in cluster.live_masters():
                cluster.fail_over(master)
                before = s.scrape().sum("statsd_redis_applied_intervals_total")
                s.wait_self("statsd_redis_applied_intervals_total", before + 2)
        wait_exact(cluster, load)
        page = expect_nothing_lost(s)
        assert redirects(page, "moved") > 0
        assert page.sum("statsd_redis_nodes") == 3


def test_a_frozen_master_holds_up_its_own_shards_only(dir, cluster):
    with unix_server(dir, cluster.url, "server.interval=200ms") as s:
        with Load(s, series=200) as load:
            s.wait_self("statsd_redis_applied_intervals_total", 2)
            frozen = cluster.owner(slot_of(tot_key("load.0")))
            others = next("load.%d" % i for i in range(200) if cluster.owner(slot_of(tot_key("load.%d" % i))) is not frozen)
            other = cluster.of_key(tot_key(others))
            frozen.pause()
            try:
                for _ in range(5):  # intervals of the others arrive as they come
                    before = float(other.client.hget(tot_key(others), "c|" + others).split()[0])
                    wait_for(lambda: float(other.client.hget(tot_key(others), "c|" + others).split()[0]) > before,
                             "the other nodes' shards to go on", SLOW)
                wait_for(lambda: cluster.owner(slot_of(tot_key("load.0"))) is not frozen or None, "a replica to take over", 20 * SLOW)
                wait_for(lambda: s.scrape().sum("statsd_redis_up") == 1, "the new master to be in use", 20 * SLOW)
            finally:
                frozen.go_on()
        wait_exact(cluster, load)
        expect_nothing_lost(s)


def test_a_master_that_is_killed(dir):
    with Cluster(dir, node_timeout_ms=1000) as cluster, unix_server(dir, cluster.url) as s:
        with Load(s, series=200) as load:
            s.wait_self("statsd_redis_applied_intervals_total", 2)
            dead = cluster.nodes[0]
            replica = cluster.replica_of(dead)
            dead.kill()
            wait_for(lambda: replica.role() == "master", "the replica to take over", 20 * SLOW)
            wait_for(lambda: s.scrape().sum("statsd_redis_up") == 1, "the new master to be in use", 20 * SLOW)
        wait_exact(cluster, load)
        expect_nothing_lost(s)


def test_a_master_that_is_lost_with_its_replica_costs_its_own_shards_and_says_so(dir):
    """Both come back empty: what was acknowledged long ago is gone, and told; the page is refused meanwhile, and never lower."""
    with Cluster(dir, node_timeout_ms=1000) as cluster, unix_server(dir, cluster.url) as s:
        with Load(s, series=200) as load:
            s.wait_self("statsd_redis_applied_intervals_total", 3)
            both = cluster.nodes[0], cluster.replica_of(cluster.nodes[0])
            of_it = {n for n in load.sent if cluster.owner(slot_of(tot_key(n))) is both[0]}
            shown = wait_for(lambda: cluster_page(s), "the page", every=0.1)
            for node in both:
                node.kill()
            wait_for(lambda: s.get("/cluster/metrics")[0] == 503 or None, "the page to be refused", 20 * SLOW, every=0.1)
            for node in both:
                node.start()
            wait_for(lambda: all(node.answers() for node in both) and cluster.whole(), "the cluster to be whole", 30 * SLOW, every=0.1)
            wait_for(lambda: s.scrape().sum("statsd_redis_up") == 1, "all nodes to be in use", 30 * SLOW)
            s.wait_self("statsd_redis_applied_intervals_total", s.scrape().sum("statsd_redis_applied_intervals_total") + 3)
        others = {n: v for n, v in load.sent.items() if n not in of_it}
        assert of_it and others

        def right():
            totals = cluster.totals()
            return {n: totals.get(n) for n in others} == others and all(totals.get(n, 0) > 0 for n in of_it)
        wait_for(right, "the other nodes' totals to be exact", 20 * SLOW, every=0.1)

        # The last interval of that node may come later than the others'.
        def lacks():
            totals = cluster.totals()
            assert all(totals[n] <= load.sent[n] for n in of_it)
            return any(totals[n] < load.sent[n] for n in of_it)

        def lost(page):
            return page.sum("statsd_redis_lost_series_total") + page.sum("statsd_redis_lost_producers_total")
        wait_for(lambda: not lacks() or lost(s.scrape()) > 0, "what is lacking to be told", 20 * SLOW, every=0.1)
        now = wait_for(lambda: cluster_page(s), "the page", 20 * SLOW, every=0.1)
        assert all(now.get(n, 0) >= v for n, v in shown.items())


def cluster_page(s):
    """{counter of Load: value} of /cluster/metrics; None: it is refused."""
    status, _, body = s.get("/cluster/metrics")
    assert status in (200, 503), (status, body[:300])
    return {n[0].replace("load_", "load."): v for n, v in exposition.parse(body).samples.items() if n[0].startswith("load_")} \
        if status == 200 else None


def test_a_slot_that_nobody_has_holds_up_its_own_shard_only(dir, cluster):
    with unix_server(dir, cluster.url) as s:
        with Load(s, series=200) as load:
            s.wait_self("statsd_redis_applied_intervals_total", 2)
            slot = slot_of(tot_key("load.0"))
            owner = cluster.owner(slot)
            for node in sorted(cluster.nodes, key=lambda n: n is not owner):    # who has it first, lest it tells the others again
                node.client.execute_command("CLUSTER", "DELSLOTS", slot)
            wait_for(lambda: s.logged("redis cluster has no node for a shard"), "that it is said")
            assert s.scrape().sum("statsd_redis_disconnects_total") == 0
            name = next("load.%d" % i for i in range(200) if slot_of(tot_key("load.%d" % i)) != slot
                        and cluster.owner(slot_of(tot_key("load.%d" % i))) is owner)
            before = cluster.total("c", name)
            wait_for(lambda: cluster.total("c", name) > before, "other shards of the node to go on", 2 * SLOW)
            owner.client.execute_command("CLUSTER", "ADDSLOTS", slot)
            for node in cluster.nodes:
                if node is not owner:
                    wait_for(lambda: cluster.owner(slot) is owner, "the slot to be back")
        wait_exact(cluster, load)
        expect_nothing_lost(s)


def test_sentinels_name_the_master_and_the_one_after_it(dir):
    with Sentinels(dir) as sentinels:
        url = "redis.url=redis+sentinel://127.0.0.1:1,%s/%s" % (sentinels.hosts, sentinels.name)
        with unix_server(dir, url) as s:
            with Load(s) as load:
                s.wait_self("statsd_redis_applied_intervals_total", 2)
                first = sentinels.master()
                first.kill()
                wait_for(lambda: sentinels.master() is not first, "a failover", 20 * SLOW, every=0.1)
                wait_for(lambda: s.scrape().sum("statsd_redis_up") == 1, "the new master to be in use", 20 * SLOW)
            wait_for(lambda: totals_of(sentinels.master()) == load.sent, "all that was sent to be there", 20 * SLOW, every=0.1)
            expect_nothing_lost(s)
            assert len(s.logged("redis master")) == 2


def test_a_name_that_no_sentinel_knows_is_said(dir):
    with Sentinels(dir) as sentinels:
        with Server("redis.url=redis+sentinel://%s/stray" % sentinels.hosts) as s:
            said = wait_for(lambda: s.logged("redis sentinel does not know the master"), "that it is said")
            assert said[0]["master"] == "stray" and "sentinel monitor" in said[0]["remedy"], said


def totals_of(node):
    out = {}
    for key in node.client.keys("{sd:*}:tot"):
        out.update({f[2:].decode(): float(v.split()[0]) for f, v in node.client.hgetall(key).items() if f.startswith(b"c|")})
    return out


def test_idle_totals_of_every_shard_are_removed_and_live_ones_exact(dir, cluster):
    names = ["idle.%d" % n for n in range(200)]
    with unix_server(dir, cluster.url, "redis.totals_ttl=2s") as s:
        s.send("\n".join(name + ":1|c" for name in names))
        with Load(s, series=20) as load:
            wait_for(lambda: not set(names) & set(cluster.totals()) and
                     s.scrape().sum("statsd_redis_pruned_series_total") >= len(names), "the idle ones to go", 30 * SLOW, every=0.2)
        wait_exact(cluster, load)
        expect_nothing_lost(s)
