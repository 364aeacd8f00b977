"""What happens to the cluster, the network and the servers: each function does one thing to a World and heals it again.

SCENARIOS: name -> (function, {parameter: what may be drawn}).  `make chaos` runs each once, with the first of each parameter.
A schedule draws them; those of BESIDE may happen beside another one.
"""
import contextlib
import random
import threading
import time

import fleet
import harness
import redis
from cluster import slot_of
from harness import SLOW, wait_for
from nodes import UNSURE, tot

AFTER_A_CRASH = "the last process did not stop by itself: counters and timers begin at 0"
LOAD_S = 1.0          # before and after
RIVAL = "another live server writes to redis under this instance name"
SERVERS = "c1", "c2", "c3"


class Skipped(Exception):
    pass


def nothing(world, seconds):
    time.sleep(seconds)


# --- the network, and connections

def clients_are_killed(world, seconds, every):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(every)
        world.nodes.every("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def answers_are_lost(world, seconds, share):
    """Requests arrive, and the connection ends in place of the answer."""
    with rules(world, SERVERS, range(6), loses=share):
        time.sleep(seconds)


def redis_is_slow(world, seconds, delay, servers, nodes):
    with rules(world, servers, nodes, delay=delay):
        time.sleep(seconds)


def network_is_cut(world, seconds, servers, nodes, way):
    """cut: connections are reset; held: nothing passes and nobody says so."""
    with rules(world, servers, nodes, **{way: True}):
        time.sleep(seconds)


@contextlib.contextmanager
def rules(world, servers, nodes, **rule):
    back = {what: type(value)() for what, value in rule.items()}
    pairs = [(who, node) for who in servers for node in nodes]
    for pair in pairs:
        world.nodes.proxy.set(*pair, **rule)
    try:
        yield
    finally:
        for pair in pairs:
            world.nodes.proxy.set(*pair, **back)


# --- the cluster

def slots_move(world, shards, each, seed):
    """Key by key, to another master, in so many seconds each."""
    r = random.Random(seed)
    for shard in r.sample(range(harness.SHARDS), shards):
        world.nodes.move_shard(shard, r.randrange(3), each)


def masters_fail_over(world, times, master):
    for n in range(times):
        was = world.nodes.master(master + n)
        for _ in range(4):          # refused while the replica is not in step, or the master is not there
            with contextlib.suppress(*UNSURE):
                world.nodes.fail_over(was)
                break
            time.sleep(0.5)
        else:
            raise AssertionError("no replica takes over from node %d" % world.nodes.nodes.index(was))
        world.nodes.wait_whole()


def master_dies(world, master, behind):
    """kill -9, its replica `behind` seconds behind: what was acknowledged meanwhile is lost."""
    nodes = world.nodes
    dead = nodes.master(master)
    replica, at = wait_for(lambda: nodes.replica_of(dead), "a replica"), nodes.nodes.index(dead)
    if behind:
        nodes.proxy.set("replica", at, held=True)
        time.sleep(behind)
        nodes.proxy.set("replica", at, cut=True)
    nodes.power_off(dead)
    wait_for(lambda: replica.role() == "master", "the replica to take over", 30 * SLOW)
    nodes.proxy.set("replica", at, held=False, cut=False)
    time.sleep(1)
    nodes.power_on(dead)
    nodes.wait_whole()


def master_freezes(world, master, seconds):
    """SIGSTOP; for longer than the cluster waits its replica takes over, and the thawed one still believes to be the master."""
    node = world.nodes.master(master)
    node.pause()
    try:
        time.sleep(seconds)
    finally:
        node.go_on()
    world.nodes.wait_whole()


def all_freeze(world, seconds):
    for node in world.nodes.nodes:
        node.pause()
    try:
        time.sleep(seconds)
    finally:
        for node in world.nodes.nodes:
            node.go_on()
    world.nodes.wait_whole()


def scripts_are_forgotten(world, times):
    for _ in range(times):
        world.nodes.every("SCRIPT", "FLUSH")
        time.sleep(0.7)


# --- Redis refuses

def redis_is_full(world, seconds, room):
    """room: bytes until it is full; 0: every write is refused at once."""
    for node in world.nodes.nodes:
        with contextlib.suppress(redis.exceptions.RedisError):
            node.client.config_set("maxmemory", node.client.info("memory")["used_memory"] + room if room else 1)
    try:
        time.sleep(seconds)
    finally:
        world.nodes.every("CONFIG", "SET", "maxmemory", "0")


def password_is_another(world, seconds):
    """Nobody is let in by the old one, which was none; who is in is put out."""
    nodes = world.nodes
    nodes.every("CONFIG", "SET", "masterauth", "another")
    nodes.every("CONFIG", "SET", "requirepass", "another")
    keys = [redis.Redis("127.0.0.1", node.port, password="another", socket_timeout=10 * SLOW) for node in nodes.nodes]
    try:
        for key in keys:
            key.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        time.sleep(seconds)
    finally:
        for key in keys:
            key.config_set("requirepass", "")
            key.close()
        nodes.every("CONFIG", "SET", "masterauth", "")
    nodes.wait_whole()


def key_is_of_the_wrong_type(world, shard, seconds):
    """The totals of a shard make place for a text.  Values that come meanwhile are dropped and counted, by design."""
    nodes, key = world.nodes, tot(shard)
    node, saved, since = nodes.of_key(key), key + ":saved", time.monotonic()
    before = world.fleet.counters()["dropped"]
    pipe = node.client.pipeline()
    pipe.rename(key, saved)
    pipe.set(key, "a text")
    pipe.execute()
    try:
        time.sleep(seconds)
        wait_for(lambda: world.fleet.counters()["dropped"] > before, "values to be dropped", 20 * SLOW)
    finally:
        node.client.rename(saved, key)
    # What was received in these intervals, of this shard alone, may be missing.
    time.sleep(2 * fleet.INTERVAL_S)
    for i in world.fleet:
        lack = i.sent.since(since - 2 * fleet.INTERVAL_S)
        world.judge.allow({k: v for k, v in lack.items() if slot_of(harness.tot_key(k[1])) == slot_of(key)})


# --- the servers

def server_is_killed(world, server):
    """kill -9 under load.  What docs/restart.md states may be missing of the totals."""
    i = world.fleet[server]
    since = i.kill()
    i.begin_at_zero()
    world.judge.allow(i.sent.since(since))
    i.start()
    assert i.server.logged(AFTER_A_CRASH), "the log does not say that something may be missing"
    i.go()


def server_restarts(world, server, away):
    """A clean restart with a state; away: Redis is not reached at its stop, nor for a while after its start."""
    i = world.fleet[server]
    with rules(world, [i.name], range(6), cut=away):
        time.sleep(2 * fleet.INTERVAL_S if away else 0)
        i.stop()
        i.start()
        i.go()
        time.sleep(1 if away else 0)


def clocks_are_apart(world, seconds, server, apart):
    """One server's clock is `apart` seconds off, then right again."""
    if not fleet.FAKETIME:
        raise Skipped("there is no libfaketime here (apt-get install faketime)")
    i = world.fleet[server]
    i.stop()
    i.start(clock_s=apart)
    assert abs(i.clock() - time.time() - apart) < 10 * SLOW, "the clock is not apart"
    i.go()
    time.sleep(seconds)
    i.stop()
    i.start()
    i.go()


def server_is_taken_over(world, server, times):
    """`statsd --takeover` under load: nothing is lost, nothing is twice."""
    for _ in range(times):
        world.fleet[server].take_over()
        time.sleep(fleet.INTERVAL_S)


def two_have_one_name(world, server, seconds):
    """By mistake one is started under a name that is in use: both are exact, and both say so."""
    i = world.fleet[server]
    i.hold()        # who draws lines draws them alone
    with i.twin() as twin:
        for _ in range(int(seconds / fleet.INTERVAL_S)):
            i.send_to_twin(twin)
            time.sleep(fleet.INTERVAL_S)
            i.go()
            time.sleep(fleet.INTERVAL_S)
            i.hold()
        for who in (i.server, twin):
            wait_for(lambda: who.logged(RIVAL) or None, "both to say that they have one name", 20 * SLOW)
    i.go()


def spool_overflows(world, seconds, server):
    """Redis is frozen for longer than intervals may wait: the oldest are dropped and counted, and their sums are carried.  Members of
    sets are not, by design."""
    i = world.fleet[server]
    i.stop()
    i.start(settings=("redis.spool_max_age=1s", "redis.spool_max_bytes=1MiB", "redis.spool_disk_max_bytes=0"))
    i.go()
    time.sleep(2 * fleet.INTERVAL_S)
    before = world.fleet.counters()
    world.judge.allow({})
    all_freeze(world, seconds)
    wait_for(lambda: world.fleet.counters()["carried"] > before["carried"], "sums to be carried", 20 * SLOW)
    i.stop()
    i.start()
    i.go()


def a_third_is_away(world, master, seconds):
    """A master and its replica are silent: nobody has their shards.  /cluster/metrics is refused, or as it was."""
    nodes = world.nodes
    dead = nodes.master(master)
    both = [dead, wait_for(lambda: nodes.replica_of(dead), "a replica")]
    for node in both:
        node.pause()
    try:
        time.sleep(seconds)
        wait_for(lambda: world.fleet[0].server.get("/cluster/metrics", timeout=30 * SLOW)[0] == 503 or None,
                 "/cluster/metrics to be refused", 20 * SLOW, every=0.1)
    finally:
        for node in both:
            node.go_on()
    nodes.wait_whole()


SCENARIOS = {
    "nothing": (nothing, {"seconds": (3,)}),
    "clients-killed": (clients_are_killed, {"seconds": (4, 2, 6), "every": (0.15, 0.05, 0.5)}),
    "answers-lost": (answers_are_lost, {"seconds": (4, 2, 6), "share": (0.1, 0.02, 0.3)}),
    "slots-move": (slots_move, {"shards": (12, 4, 20), "each": (0.5, 0.0, 0.2), "seed": range(1, 100)}),
    "failover": (masters_fail_over, {"times": (2, 1, 3), "master": (0, 1, 2)}),
    "master-killed": (master_dies, {"master": (0, 1, 2), "behind": (0,)}),
    "master-killed-replica-behind": (master_dies, {"master": (1, 0, 2), "behind": (0.6, 0.3, 1.2)}),
    "master-frozen": (master_freezes, {"master": (2, 0, 1), "seconds": (1.2, 0.6)}),
    "master-frozen-long": (master_freezes, {"master": (0, 1, 2), "seconds": (6, 5, 8)}),
    "all-frozen": (all_freeze, {"seconds": (4, 2, 6)}),
    "scripts-forgotten": (scripts_are_forgotten, {"times": (4, 2)}),
    "slow": (redis_is_slow, {"seconds": (5, 3), "delay": (0.15, 0.05, 0.4), "servers": (SERVERS, ("c1",), ("c2", "c3")),
                             "nodes": ((0, 3), (1, 4), range(6))}),
    "network-cut": (network_is_cut, {"seconds": (4, 2, 6), "servers": (("c1", "c2"), ("c3",), SERVERS), "nodes": ((0, 3), (1,), (2, 5, 1)),
                                     "way": ("cut", "held")}),
    "network-held": (network_is_cut, {"seconds": (5, 3, 7), "servers": (("c2",), ("c1", "c3")), "nodes": ((1, 4, 2), (0,)),
                                      "way": ("held",)}),
    "full": (redis_is_full, {"seconds": (3, 2, 4), "room": (20000, 100000)}),
    "out-of-memory": (redis_is_full, {"seconds": (3, 2, 4), "room": (0,)}),
    "wrong-password": (password_is_another, {"seconds": (3, 1, 5)}),
    "wrong-type": (key_is_of_the_wrong_type, {"shard": (7, 21, 42, 63), "seconds": (2, 1)}),
    "server-killed": (server_is_killed, {"server": (0, 1, 2)}),
    "server-restarted": (server_restarts, {"server": (1, 0, 2), "away": (False,)}),
    "server-restarted-redis-away": (server_restarts, {"server": (2, 0, 1), "away": (True,)}),
    "server-taken-over": (server_is_taken_over, {"server": (0, 1, 2), "times": (2, 1)}),
    "two-of-one-name": (two_have_one_name, {"server": (1, 0), "seconds": (3, 2)}),
    "spool-overflows": (spool_overflows, {"seconds": (5, 4), "server": (0, 2)}),
    "third-away": (a_third_is_away, {"master": (1, 0, 2), "seconds": (4, 6)}),
    "clocks-apart": (clocks_are_apart, {"seconds": (4, 2), "server": (1, 0, 2), "apart": (30, -30)}),
}
BESIDE = "clients-killed", "answers-lost", "slow", "network-cut", "network-held", "scripts-forgotten"
# What stands in each other's way: who moves slots or looks for masters needs nodes that are there and let it in.
ALONE = "wrong-type", "wrong-password", "server-killed", "two-of-one-name", "spool-overflows", "third-away"


def run(world, name, params, beside=None):
    """With load before and after it.  beside: (name, params) of another one at the same time."""
    time.sleep(LOAD_S * SLOW)
    problems = []

    def other():
        try:
            SCENARIOS[beside[0]][0](world, **beside[1])
        except Exception as e:      # noqa: BLE001: told below
            problems.append(e)
    thread = threading.Thread(target=other if beside else lambda: None)
    thread.start()
    try:
        SCENARIOS[name][0](world, **params)
    finally:
        thread.join()
    if problems:
        raise problems[0]
    time.sleep(LOAD_S * SLOW)


def first(name):
    """The parameters of a run of each scenario once."""
    return {k: v[0] for k, v in SCENARIOS[name][1].items()}


def draw(r, name):
    return {k: r.choice(v) for k, v in SCENARIOS[name][1].items()}


def schedule(seed):
    """[((name, params), (name, params) or None), ..] without end, the same for the same seed."""
    r = random.Random(seed)
    while True:
        name = r.choice([n for n in SCENARIOS if n != "nothing"])
        beside = r.choice([b for b in BESIDE if b != name]) if name not in ALONE and r.random() < 0.4 else None
        yield (name, draw(r, name)), (beside, draw(r, beside)) if beside else None
