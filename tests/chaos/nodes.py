"""The Redis Cluster of the chaos: that of the end-to-end tests, with a proxy in front of each node, and what one does to it."""
import contextlib
import os
import time

import harness
import redis
from cluster import Cluster, free_ports, slot_of
from harness import SLOW, wait_for
from proxy import Proxy

TIMERS = """local out = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 'h|' then
    local t = cmsgpack.unpack(all[i + 1])
    out[#out + 1] = all[i] out[#out + 1] = string.format('%.17g', t[1]) out[#out + 1] = string.format('%.17g', t[2])
  end
end
return out"""
WHOLE_S = 60
UNSURE = (redis.exceptions.RedisError, AssertionError, StopIteration)


def tot(shard):
    return "{sd:%02d}:tot" % shard


class Nodes(Cluster):
    """Servers and replicas are told the ports of the proxy; the tests themselves ask the nodes directly."""

    def __init__(self, folder, seed):
        super().__init__(folder, node_timeout_ms=int(2000 * SLOW))
        self.told = free_ports(self.n)
        self.proxy = Proxy(self.told, [node.port for node in self.nodes], seed)
        for i, node in enumerate(self.nodes):
            node.addr = "127.0.0.1:%d" % self.told[i]
            node.settings += ("--cluster-announce-port", str(self.told[i]), "--cluster-announce-bus-port", str(self.bus[i]),
                              "--maxmemory-policy", "noeviction")
        self.url = "redis.url=redis://" + ",".join(node.addr for node in self.nodes)

    def __enter__(self):
        self.proxy.__enter__()
        return super().__enter__()

    def __exit__(self, *problem):
        try:
            super().__exit__(*problem)
        finally:
            self.proxy.__exit__()

    def by_port(self, port):
        return self.nodes[self.told.index(port)]

    def replica_of(self, master):
        for node in self.nodes:
            if node.alive() and node.role() == "slave" and node.client.role()[2] == self.told[self.nodes.index(master)]:
                return node
        return None

    def master(self, nth):
        """One of those that are masters now."""
        masters = wait_for(self.live_masters, "a master")
        return masters[nth % len(masters)]

    def wait_whole(self):
        def settled():
            with contextlib.suppress(*UNSURE):
                return all(node.alive() for node in self.nodes) and self.whole() and len(self.live_masters()) == self.masters and \
                    len({self.owners()[s].port for s in range(harness.SHARDS)}) <= self.masters
            return False
        wait_for(settled, "the cluster to be whole", WHOLE_S * SLOW, every=0.1)

    # --- what happens to it

    def power_off(self, node):
        """kill -9 of a node; nobody answers at its port, and what was on its way is gone."""
        at = self.nodes.index(node)
        self.proxy.close(at)
        node.kill()
        self.proxy.reset(at)

    def power_on(self, node):
        """It finds its table, and follows whoever has its slots now."""
        node.start()
        wait_for(lambda: node.process.poll() is None and self._answers(node), "the node to answer", 20 * SLOW)
        self.proxy.open(self.nodes.index(node))

    @staticmethod
    def _answers(node):
        with contextlib.suppress(redis.exceptions.RedisError):
            return node.client.ping()
        return None

    def every(self, *command):
        for node in self.nodes:
            with contextlib.suppress(redis.exceptions.RedisError):
                node.client.execute_command(*command)

    def move_shard(self, shard, nth, takes_s):
        """Key by key, to another master.  A node that refuses or dies in the midst leaves it to the next attempt."""
        slot = slot_of(tot(shard))
        for _ in range(20):
            with contextlib.suppress(*UNSURE):
                to, source = self.master(nth), self.owner(slot)
                pause_s = takes_s / (1 + source.client.execute_command("CLUSTER", "COUNTKEYSINSLOT", slot))
                self.move_slot(slot, self.master(nth + 1) if to is source else to, lambda: time.sleep(pause_s))
                return
            time.sleep(0.2)
            self.every("CLUSTER", "SETSLOT", slot, "STABLE")
        raise AssertionError("shard %d cannot be moved" % shard)

    # --- the ledger, as docs/redis.md tells

    def owners(self):
        """{shard: node}, as a node that lives sees it."""
        node = next(n for n in self.nodes if n.alive() and n.role() == "master")
        ranges = node.client.execute_command("CLUSTER SLOTS", NEVER_DECODE=True)
        found = {}
        for shard in range(harness.SHARDS):
            slot = slot_of(tot(shard))
            found[shard] = next(self.by_port(r[2][1]) for r in ranges if r[0] <= slot <= r[1])
        return found

    def read(self):
        """{field of the totals: text}, timers as (n, sum); raises one of UNSURE while the cluster is not in order."""
        out, owners = {}, self.owners()
        for node in set(owners.values()):
            pipe = node.client.pipeline(transaction=False)
            for shard in (s for s in owners if owners[s] is node):
                pipe.hgetall(tot(shard))
                pipe.eval(TIMERS, 1, tot(shard))
            replies = pipe.execute()
            for fields in replies[0::2]:
                out.update((k.decode(), v.split()[0].decode()) for k, v in fields.items() if k[:2] in (b"c|", b"g|"))
            for timers in replies[1::2]:
                out.update((timers[i].decode(), (float(timers[i + 1]), float(timers[i + 2]))) for i in range(0, len(timers), 3))
        return out

    def members(self, series):
        """How many different members a set had, in all intervals that are kept."""
        key = harness.tot_key(series)[:-len("tot")] + "s:*:" + series
        node = self.of_key(key)
        keys = list(node.client.scan_iter(match=key.replace("[", "\\["), count=10000))
        return node.client.pfcount(*keys) if keys else 0

    def logs(self, folder):
        os.makedirs(folder, exist_ok=True)
        for node in self.nodes:
            with contextlib.suppress(OSError), open(os.path.join(node.dir, "log"), "rb") as f, \
                    open(os.path.join(folder, os.path.basename(node.dir) + ".log"), "wb") as to:
                to.write(f.read()[-200000:])
