"""A Redis Cluster and a Sentinel on loopback, as child processes, and what tests do to them.

The nodes begin with the table of the cluster in their nodes.conf, so nobody has to meet anybody first.  Every port is free and
taken from the kernel; every process is ended by its pid.
"""
import contextlib
import os
import signal
import socket
import subprocess

import redis

from harness import SHARDS, SLOW, crc16, stop, tot_key, wait_for

SLOTS = 16384
CONSTANT = ["--bind", "127.0.0.1", "--save", "", "--daemonize", "no", "--appendonly", "no", "--repl-diskless-sync-delay", "0",
            "--repl-ping-replica-period", "1"]


def free_ports(n):
    """n different ports that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(n)]
        for s in held:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in held]


def slot_of(key):
    """The slot of a key, which has a hash tag."""
    return crc16(key[key.index("{") + 1:key.index("}")].encode()) % SLOTS


def slots_in_use(prefix="sd"):
    return sorted({slot_of("{%s:%02d}" % (prefix, shard)) for shard in range(SHARDS)})


class Node:
    """One redis-server on a port of 127.0.0.1."""

    def __init__(self, dir, name, port, *settings):
        self.dir, self.name, self.port, self.settings = os.path.join(dir, name), name, port, settings
        os.makedirs(self.dir)
        self.addr = "127.0.0.1:%d" % port
        self.url = "redis.url=redis://" + self.addr
        self.client = redis.Redis("127.0.0.1", port, socket_timeout=10 * SLOW)
        self.process = None

    def start(self):
        self.process = subprocess.Popen(["redis-server", "--port", str(self.port), "--dir", self.dir, *CONSTANT, *self.settings],
                                        stdin=subprocess.DEVNULL, stdout=open(os.path.join(self.dir, "log"), "ab"),
                                        stderr=subprocess.STDOUT)

    def answers(self):
        assert self.process.poll() is None, open(os.path.join(self.dir, "log")).read()[-2000:]
        with contextlib.suppress(redis.exceptions.RedisError):
            return self.client.ping()
        return None

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def role(self):
        """master, slave, or None of one that does not answer."""
        with contextlib.suppress(redis.exceptions.RedisError):
            return self.client.role()[0].decode()
        return None

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """As a machine that loses its power."""
        stop(self.process, signal.SIGKILL)

    def release(self):
        self.client.close()
        if self.alive():
            self.kill()


class Cluster:
    """`with Cluster(dir) as c:` has all slots covered, and a replica in step behind each master.

    nodes[0 .. masters - 1] begin as masters, those after them as their replicas in turn.
    """

    def __init__(self, dir, masters=3, replicas=1, node_timeout_ms=2000, full_coverage=False):
        self.masters, self.n = masters, masters * (1 + replicas)
        self.ids = ["%040x" % (0xc0ffee00 + i) for i in range(self.n)]
        ports = free_ports(2 * self.n)
        self.nodes, self.bus = [], ports[self.n:]
        for i in range(self.n):
            self.nodes.append(Node(dir, "node%d" % i, ports[i], "--cluster-enabled", "yes", "--cluster-port", str(self.bus[i]),
                                   "--cluster-node-timeout", str(node_timeout_ms), "--cluster-config-file", "nodes.conf",
                                   "--cluster-require-full-coverage", "yes" if full_coverage else "no",
                                   "--cluster-replica-validity-factor", "0", "--cluster-announce-ip", "127.0.0.1",
                                   "--cluster-allow-replica-migration", "no"))
        self.url = "redis.url=redis://" + ",".join(node.addr for node in self.nodes[:masters])

    def _table(self, me):
        lines = []
        for i, node in enumerate(self.nodes):
            flags = ("myself," if i == me else "") + ("master" if i < self.masters else "slave")
            of = "-" if i < self.masters else self.ids[i % self.masters]
            at = i % self.masters
            slots = " %d-%d" % (SLOTS * at // self.masters, SLOTS * (at + 1) // self.masters - 1) if i < self.masters else ""
            lines.append("%s %s@%d %s %s 0 0 %d connected%s" % (self.ids[i], node.addr, self.bus[i], flags, of, at + 1, slots))
        return "\n".join(lines + ["vars currentEpoch %d lastVoteEpoch 0" % self.masters]) + "\n"

    def __enter__(self):
        try:
            for i, node in enumerate(self.nodes):
                with open(os.path.join(node.dir, "nodes.conf"), "w") as f:
                    f.write(self._table(i))
                node.start()
            wait_for(self.whole, "the cluster to be whole", 20 * SLOW, every=0.05)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.release()

    def whole(self):
        """Every node that lives sees all slots covered, and every replica that lives follows its master."""
        for node in self.nodes:
            if not node.alive():
                continue
            if not node.answers() or node.client.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
                return False
            role = node.client.role()
            if role[0] == b"slave" and role[3] != b"connected":
                return False
        return True

    # --- who has what

    def owner(self, slot):
        """The node that has a slot, as the nodes that live see it."""
        for node in self.nodes:
            with contextlib.suppress(redis.exceptions.RedisError):
                if not node.alive():
                    continue
                for first, last, master, *_ in node.client.execute_command("CLUSTER SLOTS", NEVER_DECODE=True):
                    if first <= slot <= last:
                        found = self.by_port(master[1])
                        if found.alive():
                            return found
        return None

    def of_key(self, key):
        return wait_for(lambda: self.owner(slot_of(key)), "a node that has %s" % key)

    def by_port(self, port):
        return next(node for node in self.nodes if node.port == port)

    def replica_of(self, master):
        """A replica that lives of a node that is a master now."""
        for node in self.nodes:
            if node.alive() and node.role() == "slave" and node.client.role()[2] == master.port:
                return node
        return None

    def live_masters(self):
        return [node for node in self.nodes if node.alive() and node.role() == "master"]

    # --- what happens to it

    def fail_over(self, master):
        """The replica takes over, in agreement.  Returns the new master, once it is one."""
        replica = wait_for(lambda: self.replica_of(master), "a replica of %s" % master.addr)
        replica.client.execute_command("CLUSTER FAILOVER")
        wait_for(lambda: replica.role() == "master", "the replica to take over")
        return replica

    def move_slot(self, slot, to, pause=lambda: None):
        """A slot goes to another master key by key, as redis-cli --cluster reshard does it; pause() after each step."""
        source = self.owner(slot)
        if source is to:
            return
        to.client.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", self.ids[self.nodes.index(source)])
        source.client.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", self.ids[self.nodes.index(to)])
        pause()
        while True:
            keys = source.client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 1)
            if not keys:
                break
            source.client.execute_command("MIGRATE", "127.0.0.1", to.port, keys[0], 0, 5000)
            pause()
        for node in [to, source] + [n for n in self.live_masters() if n not in (to, source)]:
            node.client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", self.ids[self.nodes.index(to)])

    # --- the ledger, as docs/redis.md tells

    def total(self, kind, series):
        got = self.of_key(tot_key(series)).client.hget(tot_key(series), "%s|%s" % (kind, series))
        return None if got is None else float(got.split()[0])

    def totals(self):
        """Every cumulative counter: {series: value}."""
        out = {}
        for shard in range(SHARDS):
            key = "{sd:%02d}:tot" % shard
            for field, value in self.of_key(key).client.hgetall(key).items():
                if field.startswith(b"c|"):
                    out[field[2:].decode()] = float(value.split()[0])
        return out


class Sentinels:
    """A master, a replica and three sentinels that watch them under a name."""

    def __init__(self, dir, name="stats", down_after_ms=500):
        self.name = name
        ports = free_ports(5)
        self.nodes = [Node(dir, "node0", ports[0]), Node(dir, "node1", ports[1], "--replicaof", "127.0.0.1 %d" % ports[0])]
        self.sentinels = [Node(dir, "sentinel%d" % i, ports[2 + i]) for i in range(3)]
        self.down_after_ms = down_after_ms
        self.hosts = ",".join(s.addr for s in self.sentinels)

    def __enter__(self):
        try:
            for node in self.nodes:
                node.start()
            wait_for(lambda: all(n.answers() for n in self.nodes), "the two servers", 20 * SLOW)
            wait_for(lambda: self.nodes[1].client.role()[3] == b"connected", "the replica to be in step", 20 * SLOW)
            for s in self.sentinels:
                self._start_sentinel(s)
            wait_for(self._agreed, "the sentinels to know each other and the replica", 20 * SLOW, every=0.1)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start_sentinel(self, s):
        path = os.path.join(s.dir, "sentinel.conf")
        with open(path, "w") as f:
            f.write("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %d 2\n"
                    "sentinel down-after-milliseconds %s %d\nsentinel failover-timeout %s 2000\n"
                    % (s.port, s.dir, self.name, self.nodes[0].port, self.name, self.down_after_ms, self.name))
        s.process = subprocess.Popen(["redis-server", path, "--sentinel"], stdin=subprocess.DEVNULL,
                                     stdout=open(os.path.join(s.dir, "log"), "ab"), stderr=subprocess.STDOUT)

    def _agreed(self):
        for s in self.sentinels:
            if not s.answers():
                return False
            m = s.client.sentinel_master(self.name)
            if m["num-other-sentinels"] != 2 or m["num-slaves"] != 1:
                return False
        return True

    def __exit__(self, *_):
        for node in self.sentinels + self.nodes:
            node.release()

    def master(self):
        """The node that the sentinels name now."""
        for s in self.sentinels:
            if s.alive():
                host, port = s.client.sentinel_get_master_addr_by_name(self.name)
                return next(n for n in self.nodes if n.port == port)
        return None
